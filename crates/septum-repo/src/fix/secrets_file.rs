//! The encrypted file that belongs to a layer: `prod.secrets.yaml` of `prod.yaml`.

use std::path::PathBuf;

use super::FixContext;
use super::bounds::resolve_inside;
use super::entry_path::alternative_path;
use super::refusal::FixError;
use crate::atomic::Access;
use crate::check::EntryLocation;
use crate::map::IndexMap;
use crate::project::secrets_file_name;
use crate::secret_files::{
    ContentBefore, EditableFile, FileContent, FileRewrite, RecipientOptions, SecretFile, StagedWrite, encrypt_content,
    entry_value, plan_encryption, write_all,
};
use crate::sops::{DecryptedFile, EncryptionPlan, SopsFormat, SopsTree, ValueEdit, ValuePath, ValuePathStep};
use crate::span::Source;
use crate::yaml;

/// Fields that give an entry a value in another way.
const SOURCES: [&str; 4] = ["file", "template", "content", "ref"];

/// An encrypted file to which values are added.
pub(super) struct SecretsFileEdit {
    pub(super) name: String,
    path: PathBuf,
    state: SecretsFileState,
}

/// A value that is moved to the file.
pub(super) struct MovedValue<'a> {
    pub(super) path: &'a [String],
    pub(super) location: &'a EntryLocation,
    pub(super) value: SopsTree,
}

enum SecretsFileState {
    /// It exists; its bytes as they are on disk.
    OnDisk(Box<EditableFile>, Vec<u8>),
    /// It will be created.
    Planned(Box<EncryptionPlan>, Vec<(Vec<String>, SopsTree)>),
}

impl SecretsFileEdit {
    /// Opens the encrypted file of a layer, or creates one by its rule.
    pub(super) fn open(desk: FixContext<'_>, layer: &str) -> Result<Self, FixError> {
        let name = secrets_file_name(layer.strip_suffix(".yaml").unwrap_or(layer));
        let path = resolve_inside(desk.files, &name)?;
        if !desk.files.bounds().has(&path) {
            let plan = plan_encryption(desk.rules, &path, &name, &RecipientOptions::default())?;
            return Ok(Self { name, path, state: SecretsFileState::Planned(Box::new(plan), Vec::new()) });
        }
        let file = SecretFile::read_as(path.clone(), name.clone(), SopsFormat::Yaml)?;
        let bytes = file.bytes.clone();
        let file = EditableFile::open(file, desk.rules, desk.identities)?;
        Ok(Self { name, path, state: SecretsFileState::OnDisk(Box::new(file), bytes) })
    }

    /// Adds values, each unless there is another one.
    pub(super) fn put_all(&mut self, values: Vec<MovedValue<'_>>) -> Vec<Result<(), FixError>> {
        let file = match &mut self.state {
            SecretsFileState::Planned(_, planned) => {
                let count = values.len();
                planned.extend(values.into_iter().map(|moved| (moved.path.to_vec(), moved.value)));
                return vec![Ok(()); count];
            }
            SecretsFileState::OnDisk(file, _) => file,
        };
        let mut edits = Vec::new();
        let mut results: Vec<_> = Vec::with_capacity(values.len());
        for (index, MovedValue { path, location, value }) in values.into_iter().enumerate() {
            match place_in(&file.sealed, &self.name, path, location, &value) {
                Ok(Some(path)) => {
                    edits.push((index, ValueEdit { document: 0, path, value: Some(value) }));
                    results.push(Ok(()));
                }
                placed => results.push(placed.map(drop)),
            }
        }
        let (places, edits): (Vec<_>, Vec<_>) = edits.into_iter().unzip();
        for (index, made) in places.into_iter().zip(file.sealed.change_each(&edits)) {
            let made = made
                .map_err(|error| FixError::from(crate::diagnostic::Diagnostics::from_iter(error.into_diagnostics())));
            if let Some(result) = results.get_mut(index) {
                *result = made;
            }
        }
        results
    }

    /// Writes the file, if the values at these paths are encrypted in it.
    pub(super) fn write(self, desk: FixContext<'_>, paths: &[&[String]]) -> Result<(), FixError> {
        let Self { name, path, state } = self;
        let now = desk.now;
        let (bytes, before) = match state {
            SecretsFileState::OnDisk(file, before) => match file.stage_file(now)? {
                Some(staged) => (staged.bytes, Some(ContentBefore::Content(FileContent::of(&before)))),
                None => (before, None),
            },
            SecretsFileState::Planned(plan, values) => {
                let text = SopsFormat::Yaml.print_document(values_tree(&values), plan.layout);
                let mut text = text.map_err(|_| FixError::Diagnosed(format!("`{name}` cannot represent the value")))?;
                let (bytes, _) = encrypt_content(&name, std::mem::take(&mut *text), SopsFormat::Yaml, &plan, now)?;
                (bytes, Some(ContentBefore::Missing))
            }
        };
        if !are_encrypted(&name, &bytes, paths) {
            return Err(FixError::Exposed(name));
        }
        if let Some(before) = before {
            let staged = StagedWrite { path, name, bytes, access: Access::Usual };
            write_all(vec![FileRewrite::unless_changed(before, staged)], desk.waiting)?;
        }
        Ok(())
    }
}

/// Path at which a value is added to a file; none if the file has it already, because a run was stopped after half of
/// it.
fn place_in(
    file: &DecryptedFile,
    name: &str,
    path: &[String],
    spot: &EntryLocation,
    value: &SopsTree,
) -> Result<Option<ValuePath>, FixError> {
    let other = || FixError::OtherValue(name.to_owned());
    let other_path = alternative_path(path, spot).map(|path| key_path(&path));
    if other_path.is_some_and(|path| file.get(0, &path).is_some()) {
        return Err(other());
    }
    let path = key_path(path);
    if let Some(SopsTree::Map(fields)) = file.get(0, &path)
        && SOURCES.iter().any(|source| fields.get(source).is_some())
    {
        return Err(other());
    }
    let at = entry_value(file, &path);
    match (file.get(0, &at), value) {
        (Some(SopsTree::Leaf(there)), SopsTree::Leaf(new)) if there.value.bytes() == new.value.bytes() => Ok(None),
        (Some(_), _) => Err(other()),
        (None, _) => Ok(Some(at)),
    }
}

fn key_path(path: &[String]) -> ValuePath {
    path.iter().map(|key| ValuePathStep::Key(key.clone())).collect()
}

/// A value, and the keys that lead to it.
type PathValue<'a> = (&'a [String], &'a SopsTree);

/// Values by their paths as one map, in their order.
fn values_tree(values: &[(Vec<String>, SopsTree)]) -> SopsTree {
    let values: Vec<_> = values.iter().map(|(path, value)| (path.as_slice(), value)).collect();
    nested_tree(&values)
}

fn nested_tree(values: &[PathValue<'_>]) -> SopsTree {
    let mut below: IndexMap<&String, Vec<PathValue<'_>>> = IndexMap::default();
    for (path, value) in values {
        let Some((first, rest)) = path.split_first() else { return (*value).clone() };
        below.entry(first).or_default().push((rest, value));
    }
    SopsTree::from_pairs(below.into_iter().map(|(key, values)| (key.clone(), nested_tree(&values))).collect())
}

/// Whether the values at these paths are ciphertext, in the short form or the long one: a rule may leave some values in
/// plaintext.
fn are_encrypted(name: &str, bytes: &[u8], paths: &[&[String]]) -> bool {
    let source = Source::new(name, String::from_utf8_lossy(bytes));
    let Ok(root) = yaml::read::read_document(&source) else { return false };
    paths.iter().all(|path| {
        let entry = path.iter().try_fold(&root, |node, key| node.as_map()?.get(key.as_str()));
        let value = entry.and_then(|entry| entry.as_map().map_or(Some(entry), |fields| fields.get("value")));
        let text = value.and_then(|value| value.as_scalar());
        text.is_some_and(|scalar| scalar.text().starts_with("ENC[AES256_GCM,"))
    })
}
