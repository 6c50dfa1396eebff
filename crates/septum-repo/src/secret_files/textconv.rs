//! Text of an encrypted file for `git diff`.
//!
//! There are no errors here: a failing program makes Git abort the whole diff. Content that cannot be decrypted is
//! shown with its keys, and with placeholders that show which value changed.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::sops::{DecryptedFile, DecryptionError, Identities, RedactedFile, Selector, SopsFormat, SopsMetadata};

/// The plaintext of a file without its metadata, and a line for each recipient; of a file that is
/// not encrypted, its bytes.
pub fn textconv(path: &Path, bytes: Vec<u8>, identities: &Identities) -> Zeroizing<Vec<u8>> {
    let format = SopsFormat::guess(path, &bytes);
    // Git gives the two sides different names, and a name that is shown would be a difference
    let Some(RedactedFile { text, metadata }) = RedactedFile::read("", &bytes, format) else {
        return Zeroizing::new(bytes);
    };
    let mut out = match decrypt_text(bytes, format, identities) {
        Ok(plaintext) => plaintext,
        Err(reason) => Zeroizing::new(format!("# not decrypted: {reason}\n{text}").into_bytes()),
    };
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    if let Ok(metadata) = &metadata {
        out.extend(describe_metadata(metadata).bytes());
    }
    out
}

fn decrypt_text(bytes: Vec<u8>, format: SopsFormat, identities: &Identities) -> Result<Zeroizing<Vec<u8>>, String> {
    let sealed = DecryptedFile::decrypt_bytes("", bytes, format, identities).map_err(describe_error)?;
    let plaintext = sealed.plaintext().map_err(|error| error.to_string())?;
    if format == SopsFormat::Binary && std::str::from_utf8(&plaintext).is_err() {
        let mut line = format!("[{} bytes, SHA-256 ", plaintext.len());
        for byte in Sha256::digest(&*plaintext) {
            let _ = write!(line, "{byte:02x}");
        }
        return Ok(Zeroizing::new((line + "]\n").into_bytes()));
    }
    Ok(plaintext)
}

/// Describes why a file could not be decrypted, on one line, and the same for both sides of a diff.
fn describe_error(error: DecryptionError) -> String {
    if let DecryptionError::NoIdentity(_) = error {
        return "none of the available age identities can decrypt the file".to_owned();
    }
    let mut messages = error.into_diagnostics().into_iter().map(|diagnostic| diagnostic.message);
    messages.next().map(|message| message.replace('\n', " ")).unwrap_or_default()
}

/// Describes the recipients of the file, and its selector if that is not the usual rule.
fn describe_metadata(metadata: &SopsMetadata) -> String {
    let mut lines = String::new();
    let usual = Selector::default().to_string();
    if metadata.selector.to_string() != usual {
        let _ = writeln!(lines, "# {}", metadata.selector);
    }
    let several = metadata.groups.len() > 1;
    for (index, group) in metadata.groups.iter().enumerate() {
        let of_group = if several { format!(" of key group {}", index + 1) } else { String::new() };
        let age = group.age.iter().map(|entry| entry.recipient.clone());
        for recipient in age.chain(group.foreign.iter().map(|entry| entry.key.to_string())) {
            let _ = writeln!(lines, "# recipient{of_group}: {}", recipient.replace('\n', " "));
        }
    }
    if several {
        let _ = writeln!(lines, "# key groups required: {} of {}", metadata.needed_groups(), metadata.groups.len());
    }
    lines
}
