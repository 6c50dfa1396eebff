//! Functions that take any bytes, and hold what Septum promises of them.
//!
//! Each is a row of the table below. `cargo test` replays the inputs in `corpus/NAME/` and some changes of them,
//! `cargo run -p septum-fuzz --features driver --bin fuzz` goes on for a time, and `cargo fuzz run NAME` chooses inputs by
//! coverage. A target panics if something does not hold, and for no other reason.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a finding is a panic")]

pub mod campaign;
mod input;
mod mutation;
mod project;
mod targets;
mod words;

use septum::budget::reset_budgets;

pub use mutation::Mutator;

/// A target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which is that of its directory in `corpus/` too.
    pub name: &'static str,
    /// What holds for every input.
    pub holds: &'static str,
    /// The function.
    pub run: fn(&[u8]),
    /// Pieces of its inputs.
    pub words: &'static [&'static str],
}

macro_rules! targets {
    ($($name:ident: $check:path, $words:expr, $holds:literal;)*) => {
        $(
            #[doc = $holds]
            pub fn $name(data: &[u8]) {
                reset_budgets();
                $check(data);
            }
        )*

        /// All targets.
        pub const TARGETS: &[Target] =
            &[$(Target { name: stringify!($name), holds: $holds, run: $name, words: $words }),*];
    };
}

targets! {
    yaml: targets::yaml::check, words::YAML, "YAML is read or refused, and reads the same once it is written back";
    sops_yaml: targets::sops::check_yaml, words::SOPS_YAML, "a YAML file is encrypted, changed and read, and nothing else changes";
    sops_json: targets::sops::check_json, words::JSON, "a JSON file is encrypted, changed and read, and nothing else changes";
    sops_dotenv: targets::sops::check_dotenv, words::DOTENV, "a dotenv file is encrypted, changed and read, and nothing else changes";
    sops_ini: targets::sops::check_ini, words::INI, "an INI file is encrypted, changed and read, and nothing else changes";
    sops_binary: targets::sops::check_binary, words::NONE, "any bytes are encrypted and decrypted as they were";
    sops_encrypted: targets::sops::check_encrypted, words::SOPS_METADATA, "a damaged encrypted file is refused, or changed as a sound one";
    sops_config: targets::sops_config::check, words::SOPS_CONFIG, "rules of `.sops.yaml` are read or refused, and found";
    go_regex: targets::go_regex::check, words::REGEX, "an expression of Go is translated or refused, and quoted text matches itself";
    layers: targets::layers::check, words::NONE, "a stack of layers is what the model of docs/layers.md says";
    templates: targets::templates::check, words::TEMPLATE, "what differs with a secret is marked as sensitive";
    manifests: targets::manifests::check, words::MANIFEST, "layers and objects are rendered or refused, alike in YAML and JSON";
    patches: targets::patches::check, words::MANIFEST, "patches apply or are refused, each time alike";
    rules: targets::rules::check, words::RULES, "rules of gitleaks are read or refused, and find ranges of the text";
    certificates: targets::certificates::check, words::CERTIFICATE, "certificates and keys are read or refused";
    dotenv: targets::dotenv::check, words::DOTENV, "an import of a dotenv file renders the values that were read";
    leak_search: targets::leak_search::check, words::LEAK, "the search for secrets finds what a naive one finds";
    detect: targets::detect::check, words::DETECT, "a credential is a range of its text, and no reason shows it";
    krm: targets::krm::check, words::MANIFEST, "input of a KRM function passes as it came";
    lsp: targets::lsp::check, words::LSP, "the language server answers each request once, and never fails inside";
}
