//! PEM as parsed by Go, and so by kubectl and most TLS servers in a cluster: text around blocks is skipped, lines may
//! have any length.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Content between `BEGIN` and `END`.
pub struct PemBlock {
    /// `CERTIFICATE`, `PRIVATE KEY` …
    pub label: String,
    /// Decoded bytes; `None` if they are damaged.
    pub bytes: Option<Zeroizing<Vec<u8>>>,
    /// Whether it needs a passphrase.
    pub is_encrypted: bool,
}

impl PemBlock {
    /// Whether it is a private key of any kind.
    pub fn is_private_key(&self) -> bool {
        self.label == "PRIVATE KEY" || self.label.ends_with(" PRIVATE KEY")
    }
}

/// Parses the blocks of a text in order. One without an end is damaged.
pub fn parse_blocks(text: &str) -> Vec<PemBlock> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim_end);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let mut packed = Zeroizing::new(String::new());
        let mut is_encrypted = label == "ENCRYPTED PRIVATE KEY";
        let mut ended = false;
        for line in lines.by_ref() {
            if line == end {
                ended = true;
                break;
            }
            // headers of the older form, `Proc-Type: 4,ENCRYPTED`
            if line.contains(':') {
                is_encrypted |= line.contains("ENCRYPTED");
            } else {
                packed.extend(line.split_whitespace());
            }
        }
        let bytes = STANDARD.decode(packed.as_bytes()).ok().filter(|bytes| ended && !bytes.is_empty());
        blocks.push(PemBlock { label: label.to_owned(), bytes: bytes.map(Zeroizing::new), is_encrypted });
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_among_other_text() {
        let text = "subject=x\n-----BEGIN A-----\r\naG\n k=\n-----END A-----\n-----BEGIN B PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n\
            aGk=\n-----END B PRIVATE KEY-----\n-----BEGIN C-----\n???\n-----END C-----\n-----BEGIN D-----\naGk=\n";
        let found: Vec<_> = parse_blocks(text)
            .into_iter()
            .map(|block| (block.label.clone(), block.bytes.is_some(), block.is_encrypted, block.is_private_key()))
            .collect();
        let expected = [
            ("A", true, false, false),
            ("B PRIVATE KEY", true, true, true),
            ("C", false, false, false),
            ("D", false, false, false),
        ];
        assert_eq!(found, expected.map(|(label, whole, encrypted, key)| (label.to_owned(), whole, encrypted, key)));
    }
}
