//! Files of an environment's own layer.

use std::path::PathBuf;
use std::sync::Arc;

use super::draft::{EditFailure, PromotionDraft};
use super::item::{PromotedItem, find_item};
use super::sealed::{SealedBytes, SourceComments, StageFailure};
use super::tree_edit::{DraftStep, node_at};
use crate::atomic::Access;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::files::{FileKind, ProjectFiles};
use crate::name::EnvironmentName;
use crate::project::{App, files_of};
use crate::secret_files::{
    ContentBefore, EditableFile, FileContent, FileRewrite, RecipientOptions, SecretFile, StagedWrite, encrypt_content,
    plan_encryption,
};
use crate::sops::{self, Identities, SopsConfigCache, SopsFormat, SopsMetadata, Timestamp, WriteError};
use crate::span::{Location, Source};
use crate::yaml::node::{YamlKind, YamlNode};

/// One of the files of an environment's own layer.
pub(super) struct OwnFile {
    pub(super) path: PathBuf,
    pub(super) name: String,
    /// Its bytes; none if it does not exist.
    pub(super) bytes: Option<Arc<[u8]>>,
    source: Source,
    /// Its content as it is on disk: with ciphertext, if it is encrypted.
    structure: YamlNode,
    pub(super) protection: Protection,
    /// Its plaintext, once it is known.
    pub(super) draft: Option<PromotionDraft>,
}

/// Protection of the content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    /// It is in plaintext.
    Plain,
    /// It is encrypted, or will be once it exists.
    Encrypted,
    /// It should be encrypted and is not. Nothing is written to it.
    Exposed,
}

/// The files of an environment's own layer: the plain one, and that of its secrets.
pub(super) type OwnFiles = [OwnFile; 2];

impl OwnFile {
    /// Reads a file, which need not exist. Nothing is decrypted.
    pub(super) fn read(files: &ProjectFiles, path: PathBuf, is_secret: bool) -> Result<Self, Diagnostics> {
        let name = files.name(&path);
        if !files.bounds().has(&path) {
            let draft = PromotionDraft::read(&name, "").map_err(|failure| edit_failure(&name, failure))?;
            let (source, structure) = (Source::new(name.as_str(), ""), draft.root().clone());
            let draft = Some(draft);
            let protection = if is_secret { Protection::Encrypted } else { Protection::Plain };
            return Ok(Self { path, name, bytes: None, source, structure, protection, draft });
        }
        let bytes = files.read_bytes(FileKind::Layer, &path)?;
        let source = files.read_text(FileKind::Layer, &path)?;
        let structure = crate::yaml::read::read_document(&source)?;
        let protection = match (sops::is_encrypted(&structure), is_secret) {
            (true, _) => Protection::Encrypted,
            (false, true) => Protection::Exposed,
            (false, false) => Protection::Plain,
        };
        let draft = if protection == Protection::Encrypted {
            None
        } else {
            Some(PromotionDraft::read(&name, source.text()).map_err(|failure| edit_failure(&name, failure))?)
        };
        Ok(Self { path, name, bytes: Some(bytes), source, structure, protection, draft })
    }

    /// Decrypts the file, if it is not known yet.
    pub(super) fn open(&mut self, identities: &Identities) -> Result<(), Diagnostics> {
        if self.draft.is_none() {
            let (_, _, closed) = self.secret_file().into_encrypted()?;
            let open = closed.decrypt_file(identities);
            let open = open.map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
            let text = open.into_plaintext().map_err(write_diagnostics)?;
            let text = String::from_utf8_lossy(&text);
            let draft = PromotionDraft::read(&self.name, &text);
            self.draft = Some(draft.map_err(|failure| edit_failure(&self.name, failure))?);
        }
        Ok(())
    }

    fn secret_file(&self) -> SecretFile {
        SecretFile {
            path: self.path.clone(),
            name: self.name.clone(),
            format: SopsFormat::Yaml,
            bytes: self.bytes.as_deref().unwrap_or_default().to_vec(),
        }
    }

    /// Its content as it is on disk: keys are readable in an encrypted file too.
    pub(super) fn structure(&self) -> &YamlNode {
        &self.structure
    }

    /// Its content as far as it is known.
    pub(super) fn root(&self) -> &YamlNode {
        self.draft.as_ref().map_or(&self.structure, PromotionDraft::root)
    }

    /// An item in it.
    pub(super) fn item<'f>(&'f self, item: &PromotedItem, app: &str) -> Option<&'f YamlNode> {
        node_at(self.root(), &self.find(item, app)?)
    }

    /// Path of an item in it.
    pub(super) fn find(&self, item: &PromotedItem, app: &str) -> Option<Vec<DraftStep>> {
        find_item(self.root(), item, app)
    }

    /// Location of an item in the file on disk.
    pub(super) fn place(&self, item: &PromotedItem, app: &str) -> Option<Location> {
        let node = node_at(&self.structure, &find_item(&self.structure, item, app)?)?;
        Some(self.source.place(node.span))
    }

    /// Content as it is on disk of an item, for comparisons without a key.
    pub(super) fn closed_item<'f>(&'f self, item: &PromotedItem, app: &str) -> Option<&'f YamlNode> {
        node_at(&self.structure, &find_item(&self.structure, item, app)?)
    }

    /// Its metadata, if it is encrypted.
    pub(super) fn metadata(&self) -> Option<SopsMetadata> {
        sops::read_metadata(&self.structure, &self.source).ok()
    }

    /// Whether its content is secret.
    pub(super) fn is_secret(&self) -> bool {
        self.protection != Protection::Plain
    }

    /// The new bytes of the file, with another plaintext; none if nothing changes. All parts at `secret` paths must be
    /// encrypted in them.
    pub(super) fn stage(
        &self,
        files: &ProjectFiles,
        draft: &PromotionDraft,
        secret: &[Vec<DraftStep>],
        change: ChangeContext<'_>,
    ) -> Result<Option<StagedFile>, StageFailure> {
        if self.draft.as_ref().is_some_and(|known| known.text() == draft.text()) {
            return Ok(None);
        }
        let bytes = match self.protection {
            Protection::Plain => draft.to_bytes(),
            Protection::Encrypted | Protection::Exposed => match self.seal(draft, secret, change)? {
                Some(sealed) => sealed.into_bytes(),
                None => return Ok(None),
            },
        };
        self.staged_file(files, bytes, change).map(Some)
    }

    /// The file with a plaintext that is encrypted with a new data key, whatever it contains now: that needs no key.
    pub(super) fn stage_anew(
        &self,
        files: &ProjectFiles,
        draft: &PromotionDraft,
        secret: &[Vec<DraftStep>],
        change: ChangeContext<'_>,
    ) -> Result<StagedFile, StageFailure> {
        let sealed = SealedBytes::check(&self.name, self.encrypt_anew(draft, change)?, secret)?;
        self.staged_file(files, sealed.into_bytes(), change)
    }

    /// The encrypted file with another plaintext; none if nothing changes. A file that is not encrypted is refused.
    fn seal(
        &self,
        draft: &PromotionDraft,
        secret: &[Vec<DraftStep>],
        change: ChangeContext<'_>,
    ) -> Result<Option<SealedBytes>, Diagnostics> {
        if self.protection == Protection::Exposed && self.has_no_value() {
            let message = format!("`{}` is not encrypted", self.name);
            let error = Diagnostic::error(Rule::NotEncrypted, message);
            return Err(error.hint("it has no value, so remove it: a new one is encrypted when it is written").into());
        }
        let bytes = if self.bytes.is_none() {
            self.encrypt_anew(draft, change)?
        } else {
            let mut file = EditableFile::open(self.secret_file(), change.rules, change.identities)?;
            file.sealed.replace_plaintext(draft.text().as_bytes()).map_err(write_diagnostics)?;
            match file.stage_file(change.now)? {
                Some(staged) => staged.bytes,
                None => return Ok(None),
            }
        };
        Ok(Some(SealedBytes::check(&self.name, bytes, secret)?))
    }

    fn has_no_value(&self) -> bool {
        fn is_empty(node: &YamlNode) -> bool {
            match &node.kind {
                YamlKind::Scalar(scalar) => scalar.blank || scalar.is_null(),
                YamlKind::List(items) => items.iter().all(is_empty),
                YamlKind::Map(map) => map.values().all(is_empty),
            }
        }
        is_empty(&self.structure)
    }

    /// A plaintext, encrypted for the recipients of the file's rule.
    fn encrypt_anew(&self, draft: &PromotionDraft, change: ChangeContext<'_>) -> Result<Vec<u8>, Diagnostics> {
        let plan = plan_encryption(change.rules, &self.path, &self.name, &RecipientOptions::default())?;
        let text = draft.text().as_bytes().to_vec();
        Ok(encrypt_content(&self.name, text, SopsFormat::Yaml, &plan, change.now)?.0)
    }

    fn staged_file(
        &self,
        files: &ProjectFiles,
        bytes: Vec<u8>,
        change: ChangeContext<'_>,
    ) -> Result<StagedFile, StageFailure> {
        if change.comments.are_exposed(self.bytes.as_deref().unwrap_or_default(), &bytes) {
            return Err(StageFailure::Comments(self.name.clone()));
        }
        let path = files.writable_path(FileKind::Layer, &self.path)?;
        let before = match &self.bytes {
            Some(bytes) => ContentBefore::Content(FileContent::of(bytes)),
            None => ContentBefore::Missing,
        };
        let is_secret = self.is_secret();
        Ok(StagedFile { path, name: self.name.clone(), bytes, is_secret, before })
    }
}

/// Parts that a change of a file requires.
#[derive(Clone, Copy)]
pub(super) struct ChangeContext<'a> {
    pub(super) rules: &'a SopsConfigCache,
    pub(super) identities: &'a Identities,
    pub(super) now: Timestamp,
    /// Comments of the files that values are copied from.
    pub(super) comments: &'a SourceComments,
}

/// The comments of these files.
pub(super) fn source_comments<'f>(files: impl IntoIterator<Item = &'f OwnFile>) -> SourceComments {
    let mut comments = SourceComments::default();
    for file in files {
        let plaintext = file.draft.as_ref().map_or("", PromotionDraft::text);
        comments.add(file.bytes.as_deref().unwrap_or_default(), plaintext);
    }
    comments
}

/// The new bytes of the files of an environment's own layer. Those of secrets precede: if the writes are interrupted,
/// no value has left the plain file without being in the encrypted one.
pub(super) fn stage_own_files(
    files: &ProjectFiles,
    own: &OwnFiles,
    drafts: &[Option<PromotionDraft>; 2],
    secret: &[Vec<DraftStep>],
    change: ChangeContext<'_>,
) -> Result<Vec<StagedFile>, StageFailure> {
    let mut staged = Vec::new();
    for ((file, draft), secret) in own.iter().zip(drafts).zip([&[][..], secret]).rev() {
        if let Some(draft) = draft {
            staged.extend(file.stage(files, draft, secret, change)?);
        }
    }
    Ok(staged)
}

/// New bytes of a file.
pub struct StagedFile {
    /// Its path, without links.
    pub path: PathBuf,
    /// Its name in messages.
    pub name: String,
    /// Its new bytes.
    pub bytes: Vec<u8>,
    /// Whether its content is secret, so that it must be encrypted.
    pub(super) is_secret: bool,
    before: ContentBefore,
}

impl StagedFile {
    /// The write, which fails if another writer changes the file meanwhile.
    pub fn into_rewrite(self) -> FileRewrite<'static, ()> {
        let Self { path, name, bytes, before, is_secret: _ } = self;
        FileRewrite::unless_changed(before, StagedWrite { path, name, bytes, access: Access::Usual })
    }
}

/// Reads the files of an environment's own layer. Nothing is decrypted.
pub(super) fn read_own_files(
    files: &ProjectFiles,
    app: &App,
    environment: &EnvironmentName,
) -> Result<OwnFiles, Diagnostics> {
    let [plain, secret] = files_of(environment.as_str()).map(|file| app.directory.join(file));
    Ok([OwnFile::read(files, plain, false)?, OwnFile::read(files, secret, true)?])
}

/// Reads the file of values that wait to be merged into an environment's own layer.
pub(super) fn read_incoming(
    files: &ProjectFiles,
    app: &App,
    environment: &EnvironmentName,
) -> Result<OwnFile, Diagnostics> {
    OwnFile::read(files, app.incoming_file(environment), true)
}

/// Whether two states of an environment's own layer say the same of an item.
pub(super) fn is_same_item(one: &OwnFiles, other: &OwnFiles, item: &PromotedItem, app: &str) -> bool {
    one.iter().zip(other).all(|(one, other)| {
        let are_open = one.draft.is_some() && other.draft.is_some();
        let (one, other) = if are_open {
            (one.item(item, app), other.item(item, app))
        } else {
            (one.closed_item(item, app), other.closed_item(item, app))
        };
        match (one, other) {
            (Some(one), Some(other)) => super::excerpt::is_same_content(one, other),
            (None, None) => true,
            _ => false,
        }
    })
}

/// Error for a layer that cannot be edited.
pub(super) fn edit_failure(name: &str, failure: EditFailure) -> Diagnostic {
    Diagnostic::error(Rule::PromotionBlocked, format!("`{name}` cannot be changed: {failure}"))
        .hint("make this change in the file by hand")
}

fn write_diagnostics(error: WriteError) -> Diagnostics {
    error.into_diagnostics().into_iter().collect()
}
