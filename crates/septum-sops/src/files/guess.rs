//! Guessing the format of a file whose name may not show it: Git passes temporary files to its programs.

use std::path::Path;

use crate::store::SopsFormat;
use septum_base::span::Source;

impl SopsFormat {
    /// The format of a file by its name, or, if the name does not show it, by its content. Only an encrypted file
    /// shows its format; all others are treated as binary.
    pub fn guess(path: &Path, bytes: &[u8]) -> Self {
        let by_name = Self::of_path(path);
        match std::str::from_utf8(bytes) {
            Ok(text) if by_name == Self::Binary => Self::of_content(text),
            _ => by_name,
        }
    }

    fn of_content(text: &str) -> Self {
        let line = |start: &str| text.lines().any(|line| line.starts_with(start));
        if text.trim_start().starts_with('{') {
            return of_json(text);
        }
        match () {
            () if line("sops_mac=ENC[") => Self::Dotenv,
            () if line("[sops]") => Self::Ini,
            () if line("sops:") => Self::Yaml,
            () => Self::Binary,
        }
    }
}

/// A binary file is JSON with one key, and no selector in its metadata.
fn of_json(text: &str) -> SopsFormat {
    let Ok(parsed) = SopsFormat::Json.parse(&Source::new("", text)) else { return SopsFormat::Binary };
    let one_key = parsed.document.branches.iter().all(|root| root.values().all(|(key, _)| key.text == "data"));
    let selected = parsed.blocks.iter().flatten().any(|block| {
        block.fields.values().any(|(key, _)| key.text.contains("encrypted_") && key.text != "mac_only_encrypted")
    });
    if one_key && !selected { SopsFormat::Binary } else { SopsFormat::Json }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_decides_and_content_where_it_says_nothing() {
        let json = "{\"a\": \"ENC[\", \"sops\": {\"mac\": \"ENC[\", \"unencrypted_suffix\": \"_x\"}}";
        for (name, text, expected) in [
            ("/tmp/git-blob-x1/prod.secrets.yaml", "{}", SopsFormat::Yaml),
            ("/tmp/x1_prod.secrets.json", "a: 1", SopsFormat::Json),
            ("/tmp/git-blob-x1/.env", "A=1", SopsFormat::Dotenv),
            (".merge_file_a1b2c3", "a: ENC[\nsops:\n  mac: ENC[\n", SopsFormat::Yaml),
            (".merge_file_a1b2c3", "A=ENC[\nsops_mac=ENC[\n", SopsFormat::Dotenv),
            (".merge_file_a1b2c3", "[a]\nb = ENC[\n[sops]\nmac = ENC[\n", SopsFormat::Ini),
            (".merge_file_a1b2c3", json, SopsFormat::Json),
            (".merge_file_a1b2c3", "{\"data\": \"ENC[\", \"sops\": {\"mac\": \"ENC[\"}}", SopsFormat::Binary),
            (".merge_file_a1b2c3", "{", SopsFormat::Binary),
            ("README", "", SopsFormat::Binary),
        ] {
            assert_eq!(SopsFormat::guess(Path::new(name), text.as_bytes()), expected, "{name} {text}");
        }
    }
}
