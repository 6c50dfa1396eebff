//! `septum import sops`

use clap::Args;

use super::super::help::CommandHelp;
use super::super::output::{OutputStreams, invalid_usage};
use super::super::{GlobalArgs, user_identities};
use super::ImportOptions;
use super::inputs::{NamedInput, parse_inputs};
use septum::diagnostic::{Diagnostic, Diagnostics, shell_word};
use septum::import::{SopsInput, plan_sops};
use septum::name::is_dns_label;
use septum::secret_files::SecretFile;

/// Words in the names of encrypted files that name no environment.
const WORDS: [&str; 9] = ["secrets", "secret", "enc", "encrypted", "sops", "yaml", "yml", "json", "env"];

/// Convert files encrypted with sops
///
/// A file whose top level is `data`, `vars` or `bundles` keeps its bytes. Others are decrypted and encrypted again:
/// keys with values are below `data`, a deeper structure is below `vars`, and an encrypted Secret becomes a bundle. The
/// environment is that of ENV, or of the name: `prod.secrets.yaml`, `secrets.prod.yaml`, `prod/secrets.yaml`.
///
/// Requires a key for each file.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct SopsArgs {
    /// Encrypted files
    #[arg(value_name = "[ENV=]FILE", required = true)]
    inputs: Vec<String>,
    #[command(flatten)]
    options: ImportOptions,
}

/// Help of `septum import sops`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Convert the encrypted files of two environments", "septum import sops dev.secrets.yaml prod.secrets.yaml"),
        ("Name the environment", "septum import sops prod=deploy/secrets.enc.json"),
    ],
    exit_codes: super::HELP.exit_codes,
    topics: super::HELP.topics,
};

impl SopsArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let mut found = Vec::new();
        let mut problems = Diagnostics::new();
        for input in parse_inputs(global, &self.inputs)? {
            match read(global, &input) {
                Ok(input) => found.push(input),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let identities = user_identities();
        self.options.run(global, output, |app| plan_sops(app, &found, &identities))
    }
}

fn read(global: &GlobalArgs, input: &NamedInput) -> Result<SopsInput, Diagnostic> {
    let environment = match &input.environment {
        Some(name) => name.clone(),
        None => environment_of(input).ok_or_else(|| {
            invalid_usage(format!("the name of `{}` does not name an environment", input.shown))
                .hint(format!("name it: `prod={}`", shell_word(&input.shown)))
        })?,
    };
    let SecretFile { name, format, bytes, .. } = SecretFile::read(&global.directory, &input.path, None)?;
    let key = input.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(SopsInput { environment, name, key, format, bytes })
}

/// Environment of a file by its name, or by that of its directory.
fn environment_of(input: &NamedInput) -> Option<String> {
    let words = |text: &str| {
        let words = text.split('.').filter(|word| !WORDS.contains(word) && !word.is_empty());
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let parts = input.path.iter().rev().take(2).map(|part| part.to_string_lossy());
    parts.map(|part| words(&part)).find(|words| !words.is_empty()).and_then(|words| match words.as_slice() {
        [one] if is_dns_label(one) && one != septum::project::BASE => Some(one.clone()),
        _ => None,
    })
}
