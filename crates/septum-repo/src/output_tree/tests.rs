//! The rules of the tree, on real directories.

mod diff;
mod killed;
mod model;
mod ownership;
mod shards;
mod world;

use crate::meter::Meter;
use crate::secret::Wiping;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::cache::TargetInputs;
use super::output::{OutputContent, OutputFile, RenderedFiles, TargetOutcome};
use super::root::OWN;
use super::*;
use crate::route::Sensitivity;

/// A project with an output directory `rendered`, on a machine with a cache or without.
struct TreeSite {
    root: tempfile::TempDir,
    remembers: bool,
}

/// All targets that are not rendered are gone.
const ALL: Coverage<'_> = Coverage { is_gone: &|_| true, is_beside: &|_| true };

/// All targets that are not rendered are outside the scope of the run.
const SOME: Coverage<'_> = Coverage { is_gone: &|_| false, is_beside: &|_| false };

/// Rendered targets, with their files and texts.
type TargetSet = BTreeMap<String, BTreeMap<String, String>>;

/// `prod/a: x.yaml=1 y.yaml=2; dev/a:`
fn set(text: &str) -> TargetSet {
    let target = |text: &str| {
        let (name, files) = text.split_once(':').unwrap();
        let files = files.split_whitespace().map(|file| file.split_once('=').unwrap());
        (name.trim().to_owned(), files.map(|(name, text)| (name.to_owned(), text.to_owned())).collect())
    };
    text.split(';').filter(|part| !part.trim().is_empty()).map(target).collect()
}

/// A number of targets, all with these files.
fn many(count: usize, files: &str) -> TargetSet {
    set(&(0..count).map(|index| format!("prod/app{index}: {files}")).collect::<Vec<_>>().join(";"))
}

fn target(name: &str) -> TargetName {
    TargetName::try_from(name.to_owned()).unwrap()
}

fn file(name: &str) -> FileName {
    FileName::of(name).unwrap()
}

/// A set as it comes from rendering. Files named `secret-…` hold secrets.
fn rendered(set: &TargetSet) -> Vec<RenderedTarget> {
    let output = |(name, text): (&String, &String)| OutputFile {
        name: file(name),
        content: OutputContent::Bytes(Wiping::new(text.clone().into_bytes())),
        sensitivity: if name.starts_with("secret-") { Sensitivity::Sensitive } else { Sensitivity::Plain },
        fingerprint: None,
    };
    let outcome = |files: &BTreeMap<String, String>| {
        TargetOutcome::Rendered(RenderedFiles {
            inputs: TargetInputs {
                own: BTreeMap::from([("base.yaml".to_owned(), digest_bytes(format!("{files:?}").as_bytes()))]),
                ..TargetInputs::default()
            },
            state: Some(String::new()),
            files: files.iter().map(output).collect(),
            sites: Vec::new(),
        })
    };
    set.iter().map(|(name, files)| RenderedTarget { name: target(name), outcome: outcome(files) }).collect()
}

impl TreeSite {
    fn new() -> Self {
        let site = Self { root: tempfile::tempdir().unwrap(), remembers: true };
        fs::create_dir(site.project()).unwrap();
        site
    }

    fn project(&self) -> PathBuf {
        self.root.path().join("project")
    }

    fn dir(&self) -> PathBuf {
        self.project().join("rendered")
    }

    /// Deletes the cache of the machine.
    fn forget(&self) {
        fs::remove_dir_all(self.root.path().join("cache")).unwrap();
    }

    fn open(&self, part: Option<Shard>) -> Result<OutputTree, Diagnostics> {
        // an hour ahead, so that no file changed a moment ago
        let now = crate::test_hook::current_time() + std::time::Duration::from_secs(3600);
        let cache = CacheOptions { dir: self.root.path().join("cache"), now };
        let sources = SourceDirectories { root: &self.project(), directories: &[] };
        let mut tree = OutputTree::open(&self.dir(), &sources, part, self.remembers.then_some(&cache))?;
        tree.root.shown = "rendered".to_owned();
        Ok(tree)
    }

    fn plan(&self, part: Option<Shard>, rendered_set: &TargetSet) -> Result<TreePlan, Diagnostics> {
        self.open(part)?.plan(rendered(rendered_set), SOME)
    }

    /// Renders targets and leaves all others.
    fn try_some(&self, part: Option<Shard>, set: &TargetSet) -> Result<ChangeSummary, Diagnostics> {
        let tree = self.open(part)?;
        let plan = tree.plan(rendered(set), SOME)?;
        tree.apply(plan, &Meter::default())
    }

    /// Renders everything.
    fn try_all(&self, set: &TargetSet) -> Result<ChangeSummary, Diagnostics> {
        let tree = self.open(None)?;
        let plan = tree.plan(rendered(set), ALL)?;
        tree.apply(plan, &Meter::default())
    }

    #[track_caller]
    fn all(&self, text: &str) -> ChangeSummary {
        self.try_all(&set(text)).unwrap()
    }

    /// The files of the tree except Septum's own and kustomizations: `prod/a/x.yaml=1 …`
    fn files(&self) -> String {
        let files = self.everything().into_iter();
        let shown = files
            .filter(|(path, _)| !path.contains(OWN) && !path.ends_with("kustomization.yaml") && !path.ends_with('/'));
        shown.map(|(path, text)| format!("{path}={text}")).collect::<Vec<_>>().join(" ")
    }

    fn everything(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        walk(&self.dir(), &self.dir(), &mut found);
        found
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// The files below a directory; an empty directory counts as one.
fn walk(root: &Path, directory: &Path, found: &mut BTreeMap<String, String>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut is_empty = true;
    for entry in entries {
        let path = entry.unwrap().path();
        is_empty = false;
        if path.is_dir() && !path.is_symlink() {
            walk(root, &path, found);
        } else {
            let name = shown_path(path.strip_prefix(root).unwrap());
            found.insert(name, fs::read_to_string(&path).unwrap_or_default());
        }
    }
    if is_empty && directory != root {
        found.insert(format!("{}/", shown_path(directory.strip_prefix(root).unwrap())), String::new());
    }
}

fn messages(problems: &Diagnostics) -> String {
    problems.iter().map(|problem| format!("{}: {}", problem.rule, problem.message)).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_tree_is_laid_out_for_kustomize_and_recorded() {
    let site = TreeSite::new();
    let summary = site.all("prod/a: b.yaml=1 a.yaml=2; dev/a: secret-a.yaml=hunter2; dev/none:");
    assert_eq!(summary, ChangeSummary { targets: 3, unchanged: 1, created: 5, ..ChangeSummary::default() });
    let tree = site.everything();
    assert_eq!(
        tree["prod/a/kustomization.yaml"],
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- a.yaml\n- b.yaml\n"
    );
    let paths: Vec<_> = tree.keys().map(String::as_str).collect();
    let expected = [
        ".septum/inventory.json",
        "dev/a/kustomization.yaml",
        "dev/a/secret-a.yaml",
        "prod/a/a.yaml",
        "prod/a/b.yaml",
        "prod/a/kustomization.yaml",
    ];
    assert_eq!(paths, expected);
    let inventory = &tree[".septum/inventory.json"];
    assert!(!inventory.contains("hunter2") && !inventory.contains(&digest_bytes(b"hunter2")), "{inventory}");
    let tree = site.open(None).unwrap();
    let intact = ["prod/a", "dev/a", "dev/none", "dev/unknown"].map(|name| tree.is_intact(&target(name)));
    assert_eq!(intact, [true, true, true, false]);
    assert_eq!(tree.committed_bytes(&target("prod/a"), &file("b.yaml")).unwrap().as_slice(), b"1");
    assert!(tree.committed_bytes(&target("prod/a"), &file("c.yaml")).is_none());
    site.write("prod/a/b.yaml", "other");
    let intact = || ["prod/a", "dev/a"].map(|name| site.open(None).unwrap().is_intact(&target(name)));
    assert_eq!(intact(), [false, true]);
    site.forget();
    assert_eq!(intact(), [false, false], "nothing in the tree says so");
}

#[cfg(unix)]
#[test]
fn what_is_equal_is_not_written_again() {
    use std::os::unix::fs::MetadataExt as _;
    let site = TreeSite::new();
    let mut all = many(20, "x.yaml=1 secret-x.yaml=2");
    site.try_all(&all).unwrap();
    let inodes =
        || site.everything().into_keys().map(|path| (fs::metadata(site.dir().join(&path)).unwrap().ino(), path));
    let before: Vec<_> = inodes().collect();
    assert!(site.plan(None, &all).unwrap().is_clean());
    let summary = site.try_all(&all).unwrap();
    assert_eq!(summary, ChangeSummary { targets: 20, unchanged: 20, ..ChangeSummary::default() });
    assert_eq!(inodes().collect::<Vec<_>>(), before);
    // one changes: it, and the inventory
    all.get_mut("prod/app7").unwrap().insert("x.yaml".to_owned(), "3".to_owned());
    assert_eq!(
        site.try_all(&all).unwrap(),
        ChangeSummary { targets: 20, unchanged: 19, changed: 1, ..ChangeSummary::default() }
    );
    let changed: Vec<_> = inodes().filter(|file| !before.contains(file)).map(|(_, path)| path).collect();
    assert_eq!(changed, [".septum/inventory.json", "prod/app7/x.yaml"]);
}

#[cfg(unix)]
#[test]
fn permissions_stay_and_a_new_secret_is_its_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = TreeSite::new();
    let mode = |path: &str| fs::metadata(site.dir().join(path)).unwrap().permissions().mode() & 0o777;
    site.all("prod/a: x.yaml=1 secret-x.yaml=1");
    assert_eq!(mode("prod/a/secret-x.yaml"), 0o600);
    fs::set_permissions(site.dir().join("prod/a/x.yaml"), fs::Permissions::from_mode(0o604)).unwrap();
    site.all("prod/a: x.yaml=2 secret-x.yaml=2");
    assert_eq!((mode("prod/a/x.yaml"), mode("prod/a/secret-x.yaml")), (0o604, 0o600));
}

#[test]
fn nothing_rendered_leaves_nothing() {
    let site = TreeSite::new();
    assert_eq!(site.all(""), ChangeSummary::default());
    assert!(!site.dir().exists());
}

#[test]
fn another_run_is_told_apart_and_kept_out() {
    let site = TreeSite::new();
    let (a, b) = (set("prod/a: x.yaml=1"), set("prod/b: x.yaml=1"));
    let (early, late) = (site.open(None).unwrap(), site.open(None).unwrap());
    let plan = early.plan(rendered(&a), ALL).unwrap();
    site.try_all(&b).unwrap();
    let error = early.apply(plan, &Meter::default()).unwrap_err();
    assert_eq!(messages(&error), "output-busy: another run has written to `rendered`");
    assert_eq!(site.files(), "prod/b/x.yaml=1");
    // its files are in the way, and no strangers
    let plan = late.plan(rendered(&set("prod/b: x.yaml=2")), ALL).unwrap();
    let error = late.apply(plan, &Meter::default()).unwrap_err();
    assert_eq!(messages(&error), "output-busy: another run has written to `rendered`");
    if cfg!(unix) {
        let held = lock::alone(&site.dir().join(OWN)).unwrap().unwrap();
        let error = site.try_all(&a).unwrap_err();
        assert_eq!(messages(&error), "output-busy: another run is writing to `rendered`");
        let shard = Some(Shard { index: 1, count: 2 });
        assert!(site.try_some(shard, &a).is_err(), "a shard waits for a whole run");
        drop(held);
        let held = lock::beside(&site.dir().join(OWN), &site.dir().join(".septum/tmp/1-of-2"), || {
            fs::create_dir_all(site.dir().join(".septum/tmp/1-of-2"))
        });
        let held = held.unwrap().unwrap();
        assert!(site.try_some(shard, &a).is_err(), "the same shard");
        assert!(site.try_all(&a).is_err(), "the whole");
        assert!(site.try_some(Some(Shard { index: 2, count: 2 }), &a).is_ok(), "another shard");
        drop(held);
        assert!(site.try_some(shard, &a).is_ok());
    }
    site.try_all(&a).unwrap();
    assert!(!site.dir().join(".septum/tmp").exists());
}
