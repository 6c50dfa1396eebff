//! The encrypted file that belongs to a layer: `prod.secrets.yaml` of `prod.yaml`.

use std::path::PathBuf;

use super::Desk;
use super::bounds::inside;
use super::entry_path::alternative;
use super::refusal::Refusal;
use crate::at_rest::{
    Before, Changing, FileContent, Rewrite, SecretFile, Staged, Wish, encrypted, entry_value, plan, write_all,
};
use crate::atomic::Access;
use crate::check::Spot;
use crate::project::SECRETS;
use crate::sops::{Format, KeyPath, Plan, Step, Tree};
use crate::span::Source;
use crate::yaml;

/// Fields that give an entry a value in another way.
const SOURCES: [&str; 4] = ["file", "template", "content", "ref"];

/// An encrypted file that takes values.
pub(super) struct Companion {
    pub(super) name: String,
    path: PathBuf,
    state: State,
}

enum State {
    /// It is there; its bytes as they are on disk.
    There(Box<Changing>, Vec<u8>),
    /// It is made.
    New(Box<Plan>, Vec<(Vec<String>, Tree)>),
}

impl Companion {
    /// Opens the one of a layer, or makes one by its rule.
    pub(super) fn open(desk: Desk<'_>, layer: &str) -> Result<Self, Refusal> {
        let name = format!("{}{SECRETS}", layer.strip_suffix(".yaml").unwrap_or(layer));
        let path = inside(desk.files, &name)?;
        if !desk.files.bounds().has(&path) {
            let plan = plan(desk.rules, &path, &name, &Wish::default())?;
            return Ok(Self { name, path, state: State::New(Box::new(plan), Vec::new()) });
        }
        let file = SecretFile::read_as(path.clone(), name.clone(), Format::Yaml)?;
        let bytes = file.bytes.clone();
        let file = Changing::open(file, desk.rules, desk.identities)?;
        Ok(Self { name, path, state: State::There(Box::new(file), bytes) })
    }

    /// Puts a value there, unless there is another one.
    pub(super) fn put(&mut self, path: &[String], spot: &Spot, value: Tree) -> Result<(), Refusal> {
        let file = match &mut self.state {
            State::New(_, values) => {
                values.push((path.to_vec(), value));
                return Ok(());
            }
            State::There(file, _) => file,
        };
        let other = || Refusal::OtherValue(self.name.clone());
        let other_path = alternative(path, spot).map(|path| key_path(&path));
        if other_path.is_some_and(|path| file.sealed.get(0, &path).is_some()) {
            return Err(other());
        }
        let path = key_path(path);
        if let Some(Tree::Map(fields)) = file.sealed.get(0, &path)
            && SOURCES.iter().any(|source| fields.get(source).is_some())
        {
            return Err(other());
        }
        let at = entry_value(&file.sealed, &path);
        match (file.sealed.get(0, &at), &value) {
            // somebody was stopped after half of it
            (Some(Tree::Leaf(there)), Tree::Leaf(new)) if there.value.bytes() == new.value.bytes() => return Ok(()),
            (Some(_), _) => return Err(other()),
            (None, _) => {}
        }
        let set = file.sealed.set(0, &at, &value);
        set.map_err(|error| Refusal::from(crate::diagnostic::Diagnostics::from_iter(error.into_diagnostics())))
    }

    /// Writes the file, if the values at these paths are encrypted in it.
    pub(super) fn write(self, desk: Desk<'_>, paths: &[&[String]]) -> Result<(), Refusal> {
        let Self { name, path, state } = self;
        let now = desk.now;
        let (bytes, before) = match state {
            State::There(file, before) => match file.stage(now)? {
                Some(staged) => (staged.bytes, Some(Before::Content(FileContent::of(&before)))),
                None => (before, None),
            },
            State::New(plan, values) => {
                let text = Format::Yaml.document(tree(&values), plan.layout);
                let mut text = text.map_err(|_| Refusal::Said(format!("`{name}` cannot hold the value")))?;
                let (bytes, _) = encrypted(&name, std::mem::take(&mut *text), Format::Yaml, &plan, now)?;
                (bytes, Some(Before::Missing))
            }
        };
        if !paths.iter().all(|path| is_encrypted(&name, &bytes, path)) {
            return Err(Refusal::Exposed(name));
        }
        if let Some(before) = before {
            let staged = Staged { path, name, bytes, access: Access::Usual };
            write_all(vec![Rewrite::unless_changed(before, staged)], desk.waiting)?;
        }
        Ok(())
    }
}

fn key_path(path: &[String]) -> KeyPath {
    path.iter().map(|key| Step::Key(key.clone())).collect()
}

/// A value, and the keys that lead to it.
type Pathed<'a> = (&'a [String], &'a Tree);

/// Values by their paths as one map, in their order.
fn tree(values: &[(Vec<String>, Tree)]) -> Tree {
    let values: Vec<_> = values.iter().map(|(path, value)| (path.as_slice(), value)).collect();
    nested(&values)
}

fn nested(values: &[Pathed<'_>]) -> Tree {
    let mut below: Vec<(&String, Vec<Pathed<'_>>)> = Vec::new();
    for (path, value) in values {
        let Some((first, rest)) = path.split_first() else { return (*value).clone() };
        match below.iter_mut().find(|(key, _)| *key == first) {
            Some((_, values)) => values.push((rest, value)),
            None => below.push((first, vec![(rest, value)])),
        }
    }
    Tree::map(below.into_iter().map(|(key, values)| (key.clone(), nested(&values))).collect())
}

/// Whether ciphertext stands at a path, in the short form or the long one: a rule may leave some values as they
/// are.
fn is_encrypted(name: &str, bytes: &[u8], path: &[String]) -> bool {
    let source = Source::new(name, String::from_utf8_lossy(bytes));
    let Ok(root) = yaml::read::read(&source) else { return false };
    let entry = path.iter().try_fold(&root, |node, key| node.as_map()?.get(key.as_str()));
    let value = entry.and_then(|entry| entry.as_map().map_or(Some(entry), |fields| fields.get("value")));
    let text = value.and_then(|value| value.as_scalar());
    text.is_some_and(|scalar| scalar.text().starts_with("ENC[AES256_GCM,"))
}
