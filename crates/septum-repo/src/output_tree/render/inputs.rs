//! Inputs of a target: queries to the disk, each with the digest of its answer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::files::{InputQuery, ProjectFiles};
use crate::glob::find_matching;
use crate::map::HashMap;
use crate::output_tree::cache::{FormerInputs, TreeCache};
use crate::sort::CollectSorted;

/// Answer for a file that does not exist, in place of a digest.
const ABSENT: &str = "absent";

/// Answer for a file outside of the project, in place of a digest: no inventory records it.
const REFUSED: &str = "refused";

/// Prefix of the name of a query for matching files.
const MATCHING: &str = "glob:";

/// Pattern of the layers of an app.
const LAYERS: &str = "*.yaml";

/// Query for the layers in the directory of an app.
pub(super) fn layers_in(directory: &Path) -> InputQuery {
    InputQuery::Matching(directory.to_path_buf(), LAYERS.to_owned())
}

/// The directory of an app, if a query of this name is about one.
pub(super) fn layer_directory(name: &str) -> Option<&str> {
    name.strip_prefix(MATCHING)?.strip_suffix(LAYERS)?.strip_suffix(':')
}

/// The answers of the disk, each computed once in a run.
pub(super) struct InputDigests<'a> {
    files: Arc<ProjectFiles>,
    cache: &'a TreeCache,
    /// Digests by the names of the queries.
    digests: Mutex<HashMap<String, String>>,
    /// Whether inputs that targets share are unchanged, by their numbers.
    shared: Mutex<HashMap<usize, bool>>,
}

impl<'a> InputDigests<'a> {
    pub(super) fn new(files: Arc<ProjectFiles>, cache: &'a TreeCache) -> Self {
        Self { files, cache, digests: Mutex::default(), shared: Mutex::default() }
    }

    /// Inputs as they are remembered.
    pub(super) fn input_digests(&self, probes: BTreeSet<InputQuery>) -> BTreeMap<String, String> {
        let answered = |probe: InputQuery| {
            let name = self.query_name(&probe);
            let answer = self.query_digest(&name, || probe);
            (name, answer)
        };
        probes.into_iter().map(answered).collect_map()
    }

    /// Whether the inputs of a target are unchanged.
    pub(super) fn are_unchanged(&self, inputs: &FormerInputs<'_>) -> bool {
        let known = self.lock_shared().get(&inputs.group).copied();
        let are_shared_unchanged = known.unwrap_or_else(|| {
            let found = self.hold(inputs.shared());
            self.lock_shared().insert(inputs.group, found);
            found
        });
        are_shared_unchanged && self.hold(inputs.own())
    }

    /// Whether inputs are unchanged.
    fn hold<'i>(&self, inputs: impl IntoIterator<Item = (&'i str, &'i str)>) -> bool {
        let holds = |(name, digest): (&str, &str)| {
            let known = self.lock_digests().get(name).map(|known| known == digest);
            digest != REFUSED && known.unwrap_or_else(|| self.query_digest(name, || self.parse_query(name)) == digest)
        };
        inputs.into_iter().all(holds)
    }

    /// The answer to the query of that name.
    fn query_digest(&self, name: &str, probe: impl FnOnce() -> InputQuery) -> String {
        if let Some(known) = self.lock_digests().get(name) {
            return known.clone();
        }
        let answer = match probe() {
            InputQuery::File(path) if !self.files.may_read(&path) => REFUSED.to_owned(),
            InputQuery::File(path) => {
                self.cache.digest_of(&path, || self.files.output_content(&path)).unwrap_or_else(|| ABSENT.to_owned())
            }
            InputQuery::Matching(directory, pattern) => {
                let found = find_matching(self.files.bounds(), &directory, &pattern).unwrap_or_default();
                let names: Vec<_> = found.iter().map(|path| self.files.name(path)).collect();
                self.cache.digest(names.join("\n").as_bytes())
            }
        };
        self.lock_digests().insert(name.to_owned(), answer.clone());
        answer
    }

    fn lock_digests(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.digests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_shared(&self) -> MutexGuard<'_, HashMap<usize, bool>> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Name of a query, the same on every machine.
    fn query_name(&self, probe: &InputQuery) -> String {
        match probe {
            InputQuery::File(path) => self.relative_path(path),
            InputQuery::Matching(directory, pattern) => {
                format!("{MATCHING}{}:{pattern}", self.relative_path(directory))
            }
        }
    }

    /// A path from the project's root; `.sops.yaml` may be above it.
    pub(super) fn relative_path(&self, path: &Path) -> String {
        let root = self.files.root();
        let (up, rest) = path.strip_prefix(root).map_or_else(
            |_| {
                let shared = root.ancestors().find(|directory| path.starts_with(directory)).unwrap_or(root);
                let up = root.components().count() - shared.components().count();
                (up, path.strip_prefix(shared).unwrap_or(path))
            },
            |rest| (0, rest),
        );
        let mut name = String::with_capacity(rest.as_os_str().len() + 3 * up);
        for part in
            std::iter::repeat_n("..".into(), up).chain(rest.components().map(|it| it.as_os_str().to_string_lossy()))
        {
            name.push_str(if name.is_empty() { "" } else { "/" });
            name.push_str(&part);
        }
        if name.is_empty() { ".".to_owned() } else { name }
    }

    fn parse_query(&self, name: &str) -> InputQuery {
        let matching = name.strip_prefix(MATCHING).and_then(|rest| rest.split_once(':'));
        match matching {
            Some((directory, pattern)) => InputQuery::Matching(self.absolute_path(directory), pattern.to_owned()),
            None => InputQuery::File(self.absolute_path(name)),
        }
    }

    fn absolute_path(&self, relative: &str) -> PathBuf {
        let mut path = self.files.root().to_path_buf();
        for part in relative.split('/') {
            match part {
                "." => {}
                ".." => drop(path.pop()),
                part => path.push(part),
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_question_is_known_by_its_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("repository/project");
        fs::create_dir_all(root.join("app/workloads")).expect("directories");
        fs::write(root.join("app/base.yaml"), "a").expect("a file");
        let files = Arc::new(ProjectFiles::new(&root).expect("a project"));
        let root = files.root().to_path_buf();
        let cache = TreeCache::none();
        let answers = InputDigests::new(files, &cache);
        for (probe, name) in [
            (InputQuery::File(root.join("app/base.yaml")), "app/base.yaml"),
            (InputQuery::File(root.parent().expect("a parent").join(".sops.yaml")), "../.sops.yaml"),
            (InputQuery::Matching(root.join("app"), "workloads/*.yaml".to_owned()), "glob:app:workloads/*.yaml"),
            (InputQuery::Matching(root.clone(), "*.yaml".to_owned()), "glob:.:*.yaml"),
        ] {
            assert_eq!(answers.query_name(&probe), name);
            assert_eq!(answers.parse_query(name), probe);
        }
    }

    #[test]
    fn inputs_hold_until_an_answer_is_another() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| crate::disk::canonical_path(directory.path()).expect("a path").join(name);
        fs::write(at("base.yaml"), "a").expect("a file");
        let cache = TreeCache::none();
        let answers = || InputDigests::new(Arc::new(ProjectFiles::new(directory.path()).expect("a project")), &cache);
        let probes = BTreeSet::from([
            InputQuery::File(at("base.yaml")),
            InputQuery::File(at("dev.secrets.yaml")),
            InputQuery::Matching(at(""), "*.conf".to_owned()),
        ]);
        let inputs = answers().input_digests(probes);
        let hold = || answers().hold(inputs.iter().map(|(name, digest)| (name.as_str(), digest.as_str())));
        assert!(hold());
        for (name, before) in [("base.yaml", Some("a")), ("dev.secrets.yaml", None), ("x.conf", None)] {
            fs::write(at(name), "b").expect("a file");
            assert!(!hold(), "{name}");
            match before {
                Some(text) => fs::write(at(name), text).expect("a file"),
                None => fs::remove_file(at(name)).expect("a file"),
            }
            assert!(hold(), "{name}");
        }
    }
}
