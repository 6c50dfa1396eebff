//! Probable meaning of a file whose name is not that of a layer.

use super::BASE;
use crate::diagnostic::nearest_name;
use crate::name::is_dns_label;
use crate::test_hook;

/// Words in the names of encrypted files.
const SECRET_WORDS: [&str; 5] = ["secret", "secrets", "sops", "enc", "encrypted"];

/// Words in the names of copies.
const COPY_WORDS: [&str; 5] = ["copy", "kopie", "bak", "orig", "backup"];

/// Extensions of configuration, of encrypted files and of copies: a file with one of them and the name of a layer was
/// meant as that layer. The empty one stands for no extension.
const ENDINGS: [&str; 31] = [
    "",
    "json",
    "jsonc",
    "json5",
    "toml",
    "env",
    "ini",
    "properties",
    "cfg",
    "hcl",
    "cue",
    "txt",
    "enc",
    "sops",
    "age",
    "gpg",
    "secret",
    "secrets",
    "bak",
    "backup",
    "orig",
    "old",
    "save",
    "tmp",
    "rej",
    "new",
    "copy",
    "disabled",
    "off",
    "dist",
    "example",
];

/// Files of JSON that other tools read.
const TOOLS: [&str; 9] =
    ["package", "package-lock", "tsconfig", "composer", "renovate", "deno", "biome", "turbo", "nx"];

/// Parts of the name of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileNameParts {
    /// Name of the layer: the rest of the file's name without its extension and the words below.
    stem: String,
    /// Whether a word marks it as encrypted.
    pub(super) is_secret: bool,
    /// Whether a word marks it as a copy.
    is_copy: bool,
    /// Whether its extension is that of YAML, or nearly.
    pub(super) is_yaml: bool,
    /// Extension, if it is not that of YAML.
    ending: String,
}

impl FileNameParts {
    /// Splits the name of a file into its parts.
    pub(super) fn of(file: &str) -> Self {
        test_hook::count_work(file.len());
        let lower = without_counter(&file.to_lowercase());
        let words: Vec<&str> =
            lower.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let yaml = words
            .iter()
            .position(|word| is_yaml_word(word))
            .filter(|at| *at > 0 || !lower.starts_with(char::is_alphanumeric));
        let has_ending = yaml.is_none() && lower.trim_start_matches('.').contains('.') && words.len() > 1;
        let ending = words.last().filter(|_| has_ending).map(|word| (*word).to_owned()).unwrap_or_default();
        let before = words.get(..yaml.unwrap_or(words.len())).unwrap_or_default();
        let is_copy = words.iter().any(|word| COPY_WORDS.contains(word));
        let is_secret = words.iter().any(|word| is_secret_word(word));
        let is_noise = |word: &&str| is_secret_word(word) || COPY_WORDS.contains(word) || (is_copy && *word == "of");
        let last = before.len() - usize::from(has_ending);
        let stem: Vec<&str> = before.iter().take(last).copied().filter(|word| !is_noise(word)).collect();
        Self { stem: stem.join("-"), is_secret, is_copy, is_yaml: yaml.is_some(), ending }
    }

    /// Whether it has exactly the name of a layer.
    pub(super) fn is_named(&self, layer: &str) -> bool {
        self.stem == layer
    }

    /// Known layer with the same or a similar name.
    pub(super) fn layer<'k>(&self, known: impl Iterator<Item = &'k str> + Clone) -> Option<&'k str> {
        known.clone().chain([BASE]).find(|name| *name == self.stem).or_else(|| {
            // `dev2` is one of a series, and not a typing error
            let without_digits = |name: &str| name.trim_end_matches(|char: char| char.is_ascii_digit()).to_owned();
            let is_slip = |name: &&str| without_digits(name) != without_digits(&self.stem);
            nearest_name(&self.stem, known.chain([BASE]).filter(is_slip))
        })
    }

    /// Layer and file name that it probably stands for.
    pub(super) fn meant_file<'k>(&self, known: impl Iterator<Item = &'k str> + Clone) -> Option<(String, String)> {
        let layer = self.layer(known).map(str::to_owned);
        let layer = layer.or_else(|| is_dns_label(&self.stem).then(|| self.stem.clone()))?;
        let file = if self.is_secret { super::secrets_file_name(&layer) } else { format!("{layer}.yaml") };
        Some((layer, file))
    }

    /// Whether a file without the extension of YAML may have been meant as a layer.
    pub(super) fn is_like_a_layer<'k>(&self, known: impl Iterator<Item = &'k str> + Clone) -> bool {
        let is_json = self.ending == "json" && !TOOLS.contains(&self.stem.as_str());
        is_json || (ENDINGS.contains(&self.ending.as_str()) && self.layer(known).is_some())
    }

    /// Whether a valid name of an environment is unlikely to be meant as one.
    pub(super) fn is_hardly_an_environment<'k>(&self, known: impl Iterator<Item = &'k str> + Clone) -> bool {
        self.is_secret || (self.is_copy && known.chain([BASE]).any(|name| name == self.stem))
    }
}

/// Tool that a file belongs to, by its name.
pub(super) fn tool_of(file: &str) -> Option<&'static str> {
    let lower = file.to_lowercase();
    let (stem, ending) = lower.split_once('.')?;
    let is_yaml = matches!(ending, "yaml" | "yml");
    match stem {
        _ if !is_yaml => None,
        "kustomization" => Some("kustomize"),
        "chart" | "values" => Some("Helm"),
        "helmfile" => Some("helmfile"),
        "skaffold" => Some("Skaffold"),
        "compose" | "docker-compose" => Some("Docker Compose"),
        _ if stem.starts_with("values-") || stem.ends_with("-values") => Some("Helm"),
        _ if stem.starts_with("docker-compose-") => Some("Docker Compose"),
        _ => None,
    }
}

/// Name without the suffix that file managers give copies: ` (1)`.
fn without_counter(name: &str) -> String {
    match name.split_once('(').and_then(|(before, rest)| Some((before, rest.split_once(')')?))) {
        Some((before, (counter, rest))) if counter.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{before}{rest}")
        }
        _ => name.to_owned(),
    }
}

fn is_yaml_word(word: &str) -> bool {
    word.starts_with('y') && matches!(nearest_name(word, ["yaml", "yml"]), Some("yaml" | "yml"))
}

fn is_secret_word(word: &str) -> bool {
    SECRET_WORDS.contains(&word)
        || (word.len() > 5 && word.starts_with('s') && nearest_name(word, ["secret", "secrets"]).is_some())
}

#[cfg(test)]
mod tests {
    use super::FileNameParts;

    #[test]
    fn the_layer_that_was_meant_is_seen_in_many_names() {
        let known = ["dev", "prod", "staging-eu"];
        for (file, expected) in [
            ("prod.yml", "prod.yaml"),
            ("PROD.yaml", "prod.yaml"),
            ("prod.YAML", "prod.yaml"),
            ("base.yml", "base.yaml"),
            ("prod.ymal", "prod.yaml"),
            ("prod.yam", "prod.yaml"),
            ("prod.secrets.yml", "prod.secrets.yaml"),
            ("base.secrets.yml", "base.secrets.yaml"),
            ("prod.secret.yaml", "prod.secrets.yaml"),
            ("prod.sercets.yaml", "prod.secrets.yaml"),
            ("prod-secrets.yaml", "prod.secrets.yaml"),
            ("prod_secrets.yaml", "prod.secrets.yaml"),
            ("secrets.prod.yaml", "prod.secrets.yaml"),
            ("prod.sops.yaml", "prod.secrets.yaml"),
            ("prod.enc.yaml", "prod.secrets.yaml"),
            ("prod.yaml.enc", "prod.secrets.yaml"),
            ("prdo.secrets.yaml", "prod.secrets.yaml"),
            ("prod copy.yaml", "prod.yaml"),
            ("Copy of prod.yaml", "prod.yaml"),
            ("prod (1).yaml", "prod.yaml"),
            ("prod.yaml.bak", "prod.yaml"),
            ("prod.yaml~", "prod.yaml"),
            ("#prod.yaml#", "prod.yaml"),
            ("prod.yaml.txt", "prod.yaml"),
            ("prod.json", "prod.yaml"),
            ("prod", "prod.yaml"),
            ("prod.toml", "prod.yaml"),
            ("prod.secrets", "prod.secrets.yaml"),
            ("staging_eu.yml", "staging-eu.yaml"),
            ("qa.yml", "qa.yaml"),
            ("dev2.yml", "dev2.yaml"),
            ("staging-eu1.yml", "staging-eu1.yaml"),
        ] {
            let meant = FileNameParts::of(file).meant_file(known.into_iter()).map(|(_, file)| file);
            assert_eq!(meant.as_deref(), Some(expected), "{file}");
        }
    }

    #[test]
    fn an_ending_alone_is_no_name() {
        for file in ["\u{fffd}.yaml", "-.yaml", ".yaml", "€.secrets.yaml"] {
            assert_eq!(FileNameParts::of(file).meant_file(["dev"].into_iter()), None, "{file}");
        }
    }

    #[test]
    fn what_is_named_like_no_layer_is_left_alone() {
        for file in ["README.md", "LICENSE", "Makefile", "ca.crt", "main.go", "notes.txt", "package.json", "prod.crt"] {
            let likeness = FileNameParts::of(file);
            assert!(!likeness.is_yaml && !likeness.is_like_a_layer(["dev", "prod"].into_iter()), "{file}");
        }
    }
}
