//! Projects that change, their rendered trees, and edits of users.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::{
    CacheOptions, OnLostEnvironment, Publication, PublishIntent, RenderRequest, Shard, plan_publication,
};
use crate::diagnostic::{Diagnostics, shown_path};
use crate::pipeline::Pipeline;
use crate::project::Project;
use crate::sops::{HostSystem, Identities, IdentitySources, Timestamp};

pub(super) const ENVIRONMENTS: [&str; 3] = ["dev", "prod", "stage"];
pub(super) const APPS: [&str; 3] = ["a", "b", "c"];
pub(super) const BUNDLES: [&str; 2] = ["x", "y"];

const ENCRYPTED: &str = include_str!("../../../../../environments/prod.secrets.yaml");
const RECIPIENT: &str = "age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms";

/// Files by their paths.
pub(super) type FileTexts = BTreeMap<String, String>;

/// Delivery form of the Secrets of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModelSecrets {
    None,
    Plaintext(usize),
    Encrypted,
}

/// An app as its layers define it.
#[derive(Debug, Clone)]
pub(super) struct ModelApp {
    pub(super) environments: BTreeSet<usize>,
    pub(super) value: usize,
    pub(super) secrets: ModelSecrets,
}

/// The sources of a project.
#[derive(Debug, Clone)]
pub(super) struct ModelSources {
    /// By their names; the first one always exists.
    pub(super) apps: BTreeMap<usize, ModelApp>,
    /// The app of each bundle.
    pub(super) bundles: [usize; 2],
}

/// A project with its tree, on a machine with a cache.
pub(super) struct PublishSite {
    directory: tempfile::TempDir,
}

/// Directory for files that are created and removed by the thousand: in memory, if the system has one there.
const IN_MEMORY: &str = "/dev/shm";

fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in(IN_MEMORY).or_else(|_| tempfile::tempdir()).unwrap()
}

impl PublishSite {
    pub(super) fn new() -> Self {
        let site = Self { directory: directory() };
        fs::create_dir(site.project()).unwrap();
        fs::write(site.project().join("septum.yaml"), "apps: ['apps/*']\n").unwrap();
        site
    }

    fn project(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    pub(super) fn tree(&self) -> PathBuf {
        self.project().join("rendered")
    }

    pub(super) fn inventories(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.tree().join(".septum")).into_iter().flatten().filter_map(Result::ok);
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "json")).collect()
    }

    pub(super) fn lose_cache(&self) {
        let _ = fs::remove_dir_all(self.directory.path().join("cache"));
    }

    pub(super) fn write(&self, sources: &ModelSources) {
        let apps = self.project().join("apps");
        let _ = fs::remove_dir_all(&apps);
        for (index, app) in &sources.apps {
            let directory = apps.join(APPS[*index]);
            fs::create_dir_all(&directory).unwrap();
            let put = |name: &str, text: &str| fs::write(directory.join(name), text).unwrap();
            put("base.yaml", &app.base(*index, sources));
            for environment in app.environments.iter().map(|index| ENVIRONMENTS[*index]) {
                let is_encrypted = app.secrets == ModelSecrets::Encrypted;
                match (is_encrypted, environment) {
                    (true, "prod") => put("prod.secrets.yaml", ENCRYPTED),
                    (true, _) => {
                        put(
                            &format!("{environment}.yaml"),
                            "data: { DATABASE_PASSWORD: null, STRIPE_WEBHOOK_SECRET: null }\n",
                        );
                        continue;
                    }
                    (false, _) => {}
                }
                put(&format!("{environment}.yaml"), "");
            }
        }
    }

    /// Plans a run over the tree, and calls `work` with it.
    pub(super) fn with<T>(
        &self,
        dir: &Path,
        shard: Option<Shard>,
        intent: PublishIntent,
        work: impl FnOnce(Publication) -> Result<T, Diagnostics>,
    ) -> Result<T, Diagnostics> {
        let project = Project::discover(&self.project())?;
        let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/demo-age-key.txt");
        let key = |name: &str| (name == "SOPS_AGE_KEY_FILE").then(|| key.clone().into_os_string());
        let pipeline = Pipeline::new(&project, Identities::new(IdentitySources::of(HostSystem::current(), key)));
        let apps: Vec<_> = project.apps.iter().collect();
        let environments: Vec<_> = project.environments().into_iter().cloned().collect();
        // an hour ahead, so that no file changed a moment ago
        let now = crate::test_hook::current_time() + Duration::from_secs(3600);
        let cache = CacheOptions { dir: self.directory.path().join("cache"), now };
        let wish = RenderRequest {
            dir,
            apps: &apps,
            all_apps: true,
            environments: &environments,
            all_environments: true,
            shard,
            lost: OnLostEnvironment::Prune,
            allow_plaintext: true,
            intent,
            cache: (dir == self.tree()).then_some(&cache),
            now: Timestamp::from_system_time(now),
        };
        work(plan_publication(&pipeline, &wish)?)
    }

    /// The tree as it is rendered into an empty directory.
    pub(super) fn model(&self) -> FileTexts {
        let dir = self.project().join("model");
        let done = self
            .with(&dir, None, PublishIntent::Apply, |publication| publication.apply(&crate::meter::Meter::default()));
        done.unwrap();
        let files = files(&dir);
        fs::remove_dir_all(dir).unwrap();
        files
    }

    /// The files of the tree except Septum's own.
    pub(super) fn files(&self) -> FileTexts {
        files(&self.tree())
    }

    pub(super) fn put(&self, path: &str, text: &str) {
        let path = self.tree().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn remove(&self, path: &str) {
        let _ = fs::remove_file(self.tree().join(path));
        // as Git does with empty directories
        for directory in Path::new(path).ancestors().skip(1).filter(|directory| !directory.as_os_str().is_empty()) {
            let _ = fs::remove_dir(self.tree().join(directory));
        }
    }
}

impl ModelApp {
    fn base(&self, index: usize, sources: &ModelSources) -> String {
        let mut text = format!("app: {}\nnamespace: shop\ndata:\n  A: 'v{}'\n", APPS[index], self.value);
        // writing to a String cannot fail
        let _ = match self.secrets {
            ModelSecrets::None => Ok(()),
            ModelSecrets::Plaintext(value) => writeln!(text, "  P: {{ value: hunter{value}hunter, sensitive: true }}"),
            ModelSecrets::Encrypted => writeln!(
                text,
                "  DATABASE_PASSWORD: {{ sensitive: true }}\n  STRIPE_WEBHOOK_SECRET: {{ sensitive: true }}\n\
                 delivery: {{ secrets: sops, recipients: [{RECIPIENT}] }}"
            ),
        };
        let own: Vec<_> = BUNDLES.iter().zip(sources.bundles).filter(|(_, owner)| *owner == index).collect();
        if !own.is_empty() {
            text.push_str("bundles:\n");
            for (bundle, _) in own {
                let _ = writeln!(text, "  {bundle}: {{ data: {{ K: same }} }}");
            }
        }
        text
    }
}

/// A text without the parts that are new each time: ciphertext, wrapped keys, and the time.
pub(super) fn without_ciphertext(text: &str) -> String {
    let mut is_armor = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let is_end = line.contains("-----END AGE");
        is_armor |= line.contains("-----BEGIN AGE");
        if !is_armor {
            let ends = ["ENC[", "lastmodified: "].iter().filter_map(|mark| line.find(mark));
            kept.push_str(&line[..ends.min().unwrap_or(line.len())]);
            kept.push('\n');
        }
        is_armor &= !is_end;
    }
    kept
}

fn files(dir: &Path) -> FileTexts {
    let mut found = FileTexts::new();
    let mut directories = vec![dir.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() && !path.ends_with(".septum") {
                directories.push(path);
            } else if path.is_file() {
                let name = shown_path(path.strip_prefix(dir).unwrap());
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}
