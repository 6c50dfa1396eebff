//! A file that is being edited: an existing encrypted one, or a new one.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::atomic::Access;
use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule};
use crate::disk::{Disk, real_named};
use crate::files::resolve_writable;
use crate::secret_files::merge::{MergeVersions, merge_meanwhile};
use crate::secret_files::redaction_mark::refuse_marked_text;
use crate::secret_files::rewrite::missing_file;
use crate::secret_files::{
    ChangedLayer, ContentBefore, EditableFile, FileContent, FileRewrite, RecipientOptions, RewriteOutcome, SecretFile,
    StagedWrite, WaitCallback, plan_encryption, write_all,
};
use crate::sops::{
    DecryptedFile, EncryptionPlan, Identities, SopsConfigCache, SopsFormat, Timestamp, WriteError, encrypt_file,
    policy, refuse_ciphertext,
};

/// A file that is being edited.
pub struct EditDraft<'a> {
    path: PathBuf,
    name: String,
    format: SopsFormat,
    identities: &'a Identities,
    from: DraftOrigin,
}

/// Previous state of a file.
enum DraftOrigin {
    /// Encrypted: its bytes, and the decrypted file until it is used.
    Sealed { bytes: Vec<u8>, sealed: Option<Box<DecryptedFile>> },
    /// It does not exist. It will be encrypted by its rule.
    Nothing(EncryptionPlan),
}

impl<'a> EditDraft<'a> {
    /// Decrypts a file, which must match its rule, or finds the rule for one that does not exist. `name` is its name
    /// in messages.
    pub fn open(
        path: &Path,
        name: &str,
        book: &SopsConfigCache,
        identities: &'a Identities,
    ) -> Result<Self, Diagnostics> {
        let format = SopsFormat::of_path(path);
        let from = if Disk::default().has(path) {
            let file = SecretFile::read_as(path.to_owned(), name.to_owned(), format)?;
            let bytes = file.bytes.clone();
            let sealed = Some(Box::new(EditableFile::open(file, book, identities)?.sealed));
            DraftOrigin::Sealed { bytes, sealed }
        } else {
            resolve_writable(path, name)?;
            check_directory(path, name)?;
            let plan = plan_encryption(book, path, name, &RecipientOptions::default());
            let is_new = |found: Diagnostic| found.note("the file does not exist and would be created");
            DraftOrigin::Nothing(plan.map_err(|found| found.into_iter().map(is_new).collect::<Diagnostics>())?)
        };
        Ok(Self { path: path.to_owned(), name: name.to_owned(), format, identities, from })
    }

    /// Warnings about unknown fields of the metadata.
    pub fn unknown_fields(&self) -> Diagnostics {
        match &self.from {
            DraftOrigin::Sealed { sealed: Some(sealed), .. } => sealed.metadata().unknown_fields(),
            DraftOrigin::Sealed { sealed: None, .. } | DraftOrigin::Nothing(_) => Diagnostics::new(),
        }
    }

    /// Contents of the file; an example for a new one.
    pub fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, Diagnostics> {
        match &self.from {
            DraftOrigin::Sealed { sealed: Some(sealed), .. } => sealed.plaintext().map_err(write_diagnostics),
            DraftOrigin::Sealed { bytes, sealed: None } => {
                decrypt_bytes(&self.name, bytes, self.format, self.identities)?.plaintext().map_err(write_diagnostics)
            }
            DraftOrigin::Nothing(_) => Ok(Zeroizing::new(example_text(&self.path, self.format).as_bytes().to_vec())),
        }
    }

    /// Checks a text as a layer of a project, if the file is one, with `plaintext` as the previous content. In any file,
    /// a new value must not be the mark of a hidden one.
    pub fn check_layer(&self, plaintext: &[u8], typed: &[u8]) -> Result<Diagnostics, Diagnostics> {
        refuse_marked_text(&self.name, typed, plaintext)?;
        let of_sealed =
            |sealed: &DecryptedFile| (plaintext, sealed.metadata().selector.clone(), sealed.warn_of_unselected(typed));
        let (before, selector, unselected) = match &self.from {
            DraftOrigin::Sealed { sealed: Some(sealed), .. } => of_sealed(sealed),
            DraftOrigin::Sealed { bytes, sealed: None } => {
                of_sealed(&decrypt_bytes(&self.name, bytes, self.format, self.identities)?)
            }
            // the example of a new file is not previous content
            DraftOrigin::Nothing(plan) => (&[][..], plan.selector.clone(), None),
        };
        let path = real_named(&self.path);
        let mut warnings =
            ChangedLayer { path: &path, name: &self.name, selector: &selector, before, after: typed }.check_layer()?;
        warnings.extend(unselected);
        Ok(warnings)
    }

    /// Encrypts a plaintext and writes the file. If it fails, the file is unchanged, and another plaintext can be
    /// tried. Changes that another writer made meanwhile are kept.
    pub fn save_text(
        &mut self,
        plaintext: &[u8],
        now: Timestamp,
        waiting: WaitCallback<'_>,
    ) -> Result<SaveOutcome, Diagnostics> {
        refuse_ciphertext(&self.name, plaintext)?;
        let bytes = self.encrypt_text(plaintext, now)?;
        let (base, before) = match &self.from {
            DraftOrigin::Nothing(_) => (Vec::new(), ContentBefore::Missing),
            DraftOrigin::Sealed { bytes, .. } => (bytes.clone(), ContentBefore::Content(FileContent::of(bytes))),
        };
        let typed = bytes.clone();
        let again = |newer: Option<Vec<u8>>| {
            let newer = newer.ok_or_else(|| missing_file(&self.name))?;
            let file = SecretFile {
                path: self.path.clone(),
                name: self.name.clone(),
                format: self.format,
                bytes: newer.clone(),
            };
            EditableFile::open(file, &SopsConfigCache::default(), self.identities)?;
            let versions = MergeVersions { base: base.clone(), ours: newer, theirs: typed.clone() };
            let merged = merge_meanwhile(&self.name, versions, self.identities, now)?;
            Ok(RewriteOutcome { outcome: SaveOutcome::Merged, staged: Some(self.stage_bytes(merged)) })
        };
        let made = RewriteOutcome { outcome: SaveOutcome::AsTyped, staged: Some(self.stage_bytes(bytes)) };
        let saved = write_all(vec![FileRewrite { before, made, again: Box::new(again) }], waiting)?;
        Ok(saved.into_iter().next().unwrap_or(SaveOutcome::AsTyped))
    }

    fn stage_bytes(&self, bytes: Vec<u8>) -> StagedWrite {
        StagedWrite { path: self.path.clone(), name: self.name.clone(), bytes, access: Access::Usual }
    }

    /// Encrypts a plaintext by the current rules: editing may have taken long.
    fn encrypt_text(&mut self, plaintext: &[u8], now: Timestamp) -> Result<Vec<u8>, Diagnostics> {
        let book = SopsConfigCache::default();
        match &mut self.from {
            DraftOrigin::Nothing(plan) => {
                *plan = plan_encryption(&book, &self.path, &self.name, &RecipientOptions::default())?;
                Ok(encrypt_file(&self.name, plaintext.to_vec(), self.format, plan, now)
                    .map_err(write_diagnostics)?
                    .bytes)
            }
            DraftOrigin::Sealed { bytes, sealed } => {
                let mut open_one = match sealed.take() {
                    Some(sealed) => sealed,
                    None => Box::new(decrypt_bytes(&self.name, bytes, self.format, self.identities)?),
                };
                let rule = book.find_rule(&self.path)?;
                policy::check_changeable(&self.name, rule.as_ref(), open_one.metadata(), self.format)?;
                if let Err(error) = open_one.replace_plaintext(plaintext) {
                    *sealed = Some(open_one);
                    return Err(write_diagnostics(error));
                }
                open_one.write_bytes(now).map_err(write_diagnostics)
            }
        }
    }
}

/// Outcome of saving a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveOutcome {
    /// The file contains the edited text.
    AsTyped,
    /// It contains changes that another writer made meanwhile too.
    Merged,
}

fn decrypt_bytes(
    name: &str,
    bytes: &[u8],
    format: SopsFormat,
    identities: &Identities,
) -> Result<DecryptedFile, Diagnostics> {
    let sealed = DecryptedFile::decrypt_bytes(name, bytes.to_vec(), format, identities);
    sealed.map_err(|error| error.into_diagnostics().into_iter().collect())
}

/// Checks that the directory of a new file exists.
fn check_directory(path: &Path, name: &str) -> Result<(), Diagnostic> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if directory.is_dir() {
        return Ok(());
    }
    let directory = directory.strip_prefix(".").unwrap_or(directory).display();
    let message = format!("`{name}` cannot be created: the directory `{directory}` does not exist");
    Err(Diagnostic::error(Rule::MissingFile, message)
        .with_failure(FailureKind::Io)
        .hint("fix the path, or create the directory"))
}

/// Initial text of a new file.
fn example_text(path: &Path, format: SopsFormat) -> &'static str {
    let is_layer = path.to_string_lossy().ends_with(".secrets.yaml");
    match format {
        SopsFormat::Yaml if is_layer => {
            "data:\n  EXAMPLE_PASSWORD: write values here, they are encrypted when you save\n"
        }
        SopsFormat::Yaml => "EXAMPLE_PASSWORD: write values here, they are encrypted when you save\n",
        SopsFormat::Json => "{\n\t\"EXAMPLE_PASSWORD\": \"write values here, they are encrypted when you save\"\n}\n",
        SopsFormat::Dotenv => "EXAMPLE_PASSWORD=write values here, they are encrypted when you save\n",
        SopsFormat::Ini => "[example]\npassword = write values here, they are encrypted when you save\n",
        SopsFormat::Binary => "write anything here, all of it is encrypted when you save\n",
    }
}

fn write_diagnostics(error: WriteError) -> Diagnostics {
    error.into_diagnostics().into_iter().collect()
}
