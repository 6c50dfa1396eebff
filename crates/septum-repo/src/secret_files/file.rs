//! A file during a command.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::atomic::{self, Access};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word, shown_path};
use crate::files::{FileKind, read_named};
use crate::sops::{EncryptedFile, SopsFormat, ciphertext_as_value, holds_ciphertext};
use crate::span::Source;
use crate::yaml::read::find_conflict;

/// A file that was read.
pub struct SecretFile {
    /// Path of the file.
    pub path: PathBuf,
    /// Name of the file in messages.
    pub name: String,
    /// Its format.
    pub format: SopsFormat,
    /// Contents of the file.
    pub bytes: Vec<u8>,
}

impl SecretFile {
    /// Reads a file. `directory` is the base of a relative path; the format is that of its name, unless another one
    /// is given.
    pub fn read(directory: &Path, path: &Path, format: Option<SopsFormat>) -> Result<Self, Diagnostic> {
        let format = format.unwrap_or_else(|| SopsFormat::of_path(path));
        Self::read_as(directory.join(path), shown_path(path), format)
    }

    /// Reads a file whose name in messages differs from its path.
    pub fn read_as(path: PathBuf, name: String, format: SopsFormat) -> Result<Self, Diagnostic> {
        let bytes = read_named(FileKind::SecretFile, &path, &name)?;
        Ok(Self { path, name, format, bytes })
    }

    /// The file as an encrypted one. An error with a hint to encrypt it if it is not.
    pub fn into_encrypted(self) -> Result<(PathBuf, String, EncryptedFile), Diagnostics> {
        // a binary file is JSON once it is encrypted, and any bytes before
        let is_plain = self.format == SopsFormat::Binary && !self.looks_encrypted();
        let Self { path, name, format, bytes } = self;
        let lost = holds_ciphertext(&bytes);
        if is_plain {
            return Err(conflict_in(&name, &bytes).unwrap_or_else(|| not_encrypted(&name, lost)).into());
        }
        let closed = EncryptedFile::read(&name, bytes, format)
            .map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        match closed {
            Some(closed) => Ok((path, name, closed)),
            None => Err(not_encrypted(&name, lost).into()),
        }
    }
}

/// The content of a file, by its length and hash: the bytes need not be kept to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileContent {
    length: u64,
    hash: [u8; 32],
}

impl FileContent {
    /// The content of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self { length: bytes.len() as u64, hash: Sha256::digest(bytes).into() }
    }

    /// Whether an open file, from which nothing was read yet, has this content.
    pub(super) fn is_of(&self, file: &File) -> io::Result<bool> {
        if file.metadata()?.len() != self.length {
            return Ok(false);
        }
        let mut hash = Sha256::new();
        let mut reader = BufReader::with_capacity(READ, file);
        loop {
            let part = reader.fill_buf()?;
            if part.is_empty() {
                return Ok(<[u8; 32]>::from(hash.finalize()) == self.hash);
            }
            hash.update(part);
            let length = part.len();
            reader.consume(length);
        }
    }
}

/// Number of bytes of a file read at a time.
const READ: usize = 64 << 10;

/// A conflict that Git left in an encrypted file.
pub fn conflict_in(name: &str, bytes: &[u8]) -> Option<Diagnostic> {
    if !holds_ciphertext(bytes) || memchr::memmem::find(bytes, b"<<<<<<<").is_none() {
        return None;
    }
    find_conflict(&Source::new(name, String::from_utf8_lossy(bytes)))
}

/// Diagnostic for a file that is not encrypted, or no longer: there is ciphertext, and no `sops` block.
fn not_encrypted(name: &str, lost: bool) -> Diagnostic {
    if lost {
        return ciphertext_as_value(&format!("`{name}` has no `sops` block, and"));
    }
    Diagnostic::error(Rule::NotEncrypted, format!("`{name}` is not encrypted"))
        .hint(format!("`septum encrypt {}` encrypts it by its rule in `.sops.yaml`", shell_word(name)))
}

/// The new bytes of a file, not yet written.
pub struct StagedWrite {
    /// Path that the contents are written to.
    pub path: PathBuf,
    /// Name of the file in messages.
    pub name: String,
    /// New contents of the file.
    pub bytes: Vec<u8>,
    /// Read access to the file.
    pub access: Access,
}

/// Refuses to replace a file that has other names: those would silently keep the old content.
pub(super) fn check_names(path: &Path, name: &str) -> Result<(), Diagnostic> {
    let count = atomic::count_names(path);
    if count < 2 {
        return Ok(());
    }
    let message = format!("`{name}` has {count} hard links, and only this one would be changed");
    Err(Diagnostic::error(Rule::HardLink, message)
        .note("files are replaced atomically, so the other hard links would keep the old content")
        .hint(format!(
            "first turn the hard link into a separate file: `cp -p {name} {name}.new && mv {name}.new {name}`"
        )))
}
