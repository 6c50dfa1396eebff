//! A file that is being edited: an encrypted one that is there, or a new one.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::at_rest::merge::{Versions, merge_meanwhile};
use crate::at_rest::rewrite::gone;
use crate::at_rest::{
    Before, ChangedLayer, Changing, FileContent, Made, Rewrite, SecretFile, Staged, Waiting, Wish, plan, write_all,
};
use crate::atomic::Access;
use crate::diagnostic::{Diagnostic, Diagnostics, Failure};
use crate::disk::{Disk, real_named};
use crate::files::resolve_writable;
use crate::sops::{
    Format, Identities, Plan, RuleBook, Sealed, Timestamp, WriteError, encrypt, policy, refuse_ciphertext,
};

/// A file that is being edited.
pub struct Draft<'a> {
    path: PathBuf,
    name: String,
    format: Format,
    identities: &'a Identities,
    from: From,
}

/// What a file was before.
enum From {
    /// Encrypted: its bytes, and what they hold until that is used up.
    Sealed { bytes: Vec<u8>, sealed: Option<Box<Sealed>> },
    /// Not there. It will be encrypted as a rule says.
    Nothing(Plan),
}

impl<'a> Draft<'a> {
    /// Decrypts a file, which must be as its rule says, or finds the rule for one that does not exist.
    /// `name` is what messages call it.
    pub fn open(path: &Path, name: &str, book: &RuleBook, identities: &'a Identities) -> Result<Self, Diagnostics> {
        let format = Format::of_path(path);
        let from = if Disk::default().has(path) {
            let file = SecretFile::read_as(path.to_owned(), name.to_owned(), format)?;
            let bytes = file.bytes.clone();
            let sealed = Some(Box::new(Changing::open(file, book, identities)?.sealed));
            From::Sealed { bytes, sealed }
        } else {
            resolve_writable(path, name)?;
            has_folder(path, name)?;
            let plan = plan(book, path, name, &Wish::default());
            let is_new = |found: Diagnostic| found.note("the file does not exist, and would be a new one");
            From::Nothing(plan.map_err(|found| found.into_iter().map(is_new).collect::<Diagnostics>())?)
        };
        Ok(Self { path: path.to_owned(), name: name.to_owned(), format, identities, from })
    }

    /// Warnings about fields of the metadata that nobody knows.
    pub fn unknown_fields(&self) -> Diagnostics {
        match &self.from {
            From::Sealed { sealed: Some(sealed), .. } => sealed.metadata().unknown_fields(),
            From::Sealed { sealed: None, .. } | From::Nothing(_) => Diagnostics::new(),
        }
    }

    /// What is in the file; an example for a new one.
    pub fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, Diagnostics> {
        match &self.from {
            From::Sealed { sealed: Some(sealed), .. } => sealed.plaintext().map_err(written),
            From::Sealed { bytes, sealed: None } => {
                open(&self.name, bytes, self.format, self.identities)?.plaintext().map_err(written)
            }
            From::Nothing(_) => Ok(Zeroizing::new(example(&self.path, self.format).as_bytes().to_vec())),
        }
    }

    /// Checks a text as a layer of a project, if the file is one, beside what the file holds: `plaintext`.
    pub fn check_layer(&self, plaintext: &[u8], typed: &[u8]) -> Result<Diagnostics, Diagnostics> {
        let (before, selector) = match &self.from {
            From::Sealed { sealed: Some(sealed), .. } => (plaintext, sealed.metadata().selector.clone()),
            From::Sealed { bytes, sealed: None } => {
                (plaintext, open(&self.name, bytes, self.format, self.identities)?.metadata().selector.clone())
            }
            // the example is nobody's
            From::Nothing(plan) => (&[][..], plan.selector.clone()),
        };
        let path = real_named(&self.path);
        ChangedLayer { path: &path, name: &self.name, selector: &selector, before, after: typed }.check()
    }

    /// Encrypts a plaintext and writes the file. If it fails, the file is as it was, and another
    /// plaintext can be tried. What somebody else changed meanwhile is kept.
    pub fn save(&mut self, plaintext: &[u8], now: Timestamp, waiting: Waiting<'_>) -> Result<Saved, Diagnostics> {
        refuse_ciphertext(&self.name, plaintext)?;
        let bytes = self.encrypted(plaintext, now)?;
        let (base, before) = match &self.from {
            From::Nothing(_) => (Vec::new(), Before::Missing),
            From::Sealed { bytes, .. } => (bytes.clone(), Before::Content(FileContent::of(bytes))),
        };
        let typed = bytes.clone();
        let again = |newer: Option<Vec<u8>>| {
            let newer = newer.ok_or_else(|| gone(&self.name))?;
            let file = SecretFile {
                path: self.path.clone(),
                name: self.name.clone(),
                format: self.format,
                bytes: newer.clone(),
            };
            Changing::open(file, &RuleBook::default(), self.identities)?;
            let versions = Versions { base: base.clone(), ours: newer, theirs: typed.clone() };
            let merged = merge_meanwhile(&self.name, versions, self.identities, now)?;
            Ok(Made { outcome: Saved::Merged, staged: Some(self.staged(merged)) })
        };
        let made = Made { outcome: Saved::AsTyped, staged: Some(self.staged(bytes)) };
        let saved = write_all(vec![Rewrite { before, made, again: Box::new(again) }], waiting)?;
        Ok(saved.into_iter().next().unwrap_or(Saved::AsTyped))
    }

    fn staged(&self, bytes: Vec<u8>) -> Staged {
        Staged { path: self.path.clone(), name: self.name.clone(), bytes, access: Access::Usual }
    }

    /// Encrypts a plaintext as the rules say now: whoever typed it may have taken long.
    fn encrypted(&mut self, plaintext: &[u8], now: Timestamp) -> Result<Vec<u8>, Diagnostics> {
        let book = RuleBook::default();
        match &mut self.from {
            From::Nothing(plan) => {
                *plan = super::super::plan(&book, &self.path, &self.name, &Wish::default())?;
                Ok(encrypt(&self.name, plaintext.to_vec(), self.format, plan, now).map_err(written)?.bytes)
            }
            From::Sealed { bytes, sealed } => {
                let mut open_one = match sealed.take() {
                    Some(sealed) => sealed,
                    None => Box::new(open(&self.name, bytes, self.format, self.identities)?),
                };
                let rule = book.rule(&self.path)?;
                policy::may_change(&self.name, rule.as_ref(), open_one.metadata(), self.format)?;
                if let Err(error) = open_one.replace(plaintext) {
                    *sealed = Some(open_one);
                    return Err(written(error));
                }
                open_one.write(now).map_err(written)
            }
        }
    }
}

/// Outcome of saving a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The file is what was typed.
    AsTyped,
    /// It holds what somebody else changed meanwhile too.
    Merged,
}

fn open(name: &str, bytes: &[u8], format: Format, identities: &Identities) -> Result<Sealed, Diagnostics> {
    let sealed = Sealed::open(name, bytes.to_vec(), format, identities);
    sealed.map_err(|error| error.into_diagnostics().into_iter().collect())
}

/// A new file needs a folder that is there.
fn has_folder(path: &Path, name: &str) -> Result<(), Diagnostic> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() {
        return Ok(());
    }
    let folder = folder.strip_prefix(".").unwrap_or(folder).display();
    let message = format!("`{name}` cannot be created: the folder `{folder}` does not exist");
    Err(Diagnostic::error("missing-file", message).failing(Failure::Io).hint("fix the path, or create the folder"))
}

/// What a new file begins with.
fn example(path: &Path, format: Format) -> &'static str {
    let is_layer = path.to_string_lossy().ends_with(".secrets.yaml");
    match format {
        Format::Yaml if is_layer => "data:\n  EXAMPLE_PASSWORD: write values here, they are encrypted when you save\n",
        Format::Yaml => "EXAMPLE_PASSWORD: write values here, they are encrypted when you save\n",
        Format::Json => "{\n\t\"EXAMPLE_PASSWORD\": \"write values here, they are encrypted when you save\"\n}\n",
        Format::Dotenv => "EXAMPLE_PASSWORD=write values here, they are encrypted when you save\n",
        Format::Ini => "[example]\npassword = write values here, they are encrypted when you save\n",
        Format::Binary => "write anything here, all of it is encrypted when you save\n",
    }
}

fn written(error: WriteError) -> Diagnostics {
    error.into_diagnostics().into_iter().collect()
}
