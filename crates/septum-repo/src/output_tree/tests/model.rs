//! Random histories of a tree against the model "delete all that is ours and render anew": sources that change, apps
//! and environments that are added and removed, bundles that move, files that users edit, add and remove, inventories
//! with wrong records, caches that are lost, shards, runs that are stopped. A file that is not Septum's, or was
//! edited and is no longer generated, stays and is reported; `--check` reports a tree as current if and only if it
//! equals the model.

use std::collections::BTreeSet;
use std::fs;

use super::super::digest::digest_bytes;
use super::super::{PublishIntent, Shard};
use super::world::{
    APPS, ENVIRONMENTS, FileTexts, ModelApp, ModelSecrets, ModelSources, PublishSite, without_ciphertext,
};
use crate::meter::Meter;

/// Number of projects that are tried: 2,000 in CI (`SEPTUM_TREE_CASES`).
fn cases() -> u64 {
    std::env::var("SEPTUM_TREE_CASES").ok().and_then(|number| number.parse().ok()).unwrap_or(12)
}

/// Numbers that look random, the same in each run (Knuth's constants).
struct PseudoRandom(u64);

impl PseudoRandom {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn of<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        if all.is_empty() { None } else { all.get(self.below(all.len())) }
    }
}

/// A tree and its history.
struct TreeHistory {
    site: PublishSite,
    random: PseudoRandom,
    sources: ModelSources,
    model: FileTexts,
    /// Files that users wrote.
    by_hand: FileTexts,
    /// Files that an inventory, or the machine, may have no record of any more.
    orphans: BTreeSet<String>,
    /// Files that users wrote, and that an inventory records with their very bytes.
    claimed: BTreeSet<String>,
    /// Log of the steps, for messages.
    log: Vec<String>,
}

impl TreeHistory {
    fn new(seed: u64) -> Self {
        let mut random = PseudoRandom(seed);
        random.below(1);
        let app = |random: &mut PseudoRandom| ModelApp {
            environments: (0..ENVIRONMENTS.len()).filter(|index| *index == 0 || random.below(2) == 0).collect(),
            value: 0,
            secrets: [ModelSecrets::None, ModelSecrets::Plaintext(0), ModelSecrets::Encrypted][random.below(3)],
        };
        let apps = (0..2).map(|index| (index, app(&mut random))).collect();
        let sources = ModelSources { apps, bundles: [0, random.below(2)] };
        let (site, none) = (PublishSite::new(), BTreeSet::new());
        site.write(&sources);
        let (orphans, claimed, log) = (none.clone(), none, vec![format!("{sources:?}")]);
        let model = site.model();
        Self { site, random, sources, model, by_hand: FileTexts::new(), orphans, claimed, log }
    }

    fn change_sources(&mut self) {
        let Self { random, sources, .. } = self;
        let existing: Vec<_> = sources.apps.keys().copied().collect();
        let index = *random.of(&existing).unwrap();
        match random.below(6) {
            // an app is added or removed
            0 if index != 0 => drop(sources.apps.remove(&index)),
            0 | 1 => {
                let index = random.below(APPS.len());
                let app = ModelApp { environments: [0, 1].into(), value: 0, secrets: ModelSecrets::Plaintext(0) };
                sources.apps.entry(index).or_insert(app);
            }
            2 => {
                let bundle = random.below(2);
                sources.bundles[bundle] = index;
            }
            kind => {
                let app = sources.apps.get_mut(&index).unwrap();
                match kind {
                    3 => app.value += 1,
                    4 => {
                        let environment = 1 + random.below(2);
                        if !app.environments.remove(&environment) {
                            app.environments.insert(environment);
                        }
                    }
                    _ => {
                        let number = random.below(3);
                        app.secrets = [ModelSecrets::None, ModelSecrets::Plaintext(number), ModelSecrets::Encrypted]
                            [random.below(3)];
                    }
                }
            }
        }
        self.log.push(format!("sources {:?}", self.sources));
        self.site.write(&self.sources);
        self.model = self.site.model();
    }

    /// A user edits, adds or removes a file.
    fn change_tree(&mut self) {
        let paths: Vec<_> = self.site.files().into_keys().collect();
        let number = self.log.len();
        match (self.random.below(4), self.random.of(&paths).cloned()) {
            (0, Some(path)) => {
                self.site.remove(&path);
                self.by_hand.remove(&path);
                self.log.push(format!("remove {path}"));
            }
            (1, Some(path)) => self.put(path, format!("edited: {number}\n")),
            (2, Some(path)) => {
                // a text that was current once
                let text = self.model.get(&path).cloned().unwrap_or_else(|| format!("edited: {number}\n"));
                self.put(path, text + "# edited\n");
            }
            _ => {
                let directories = ["dev/a", "prod/a", "dev/b", "prod/new", "new/a", "dev", ""];
                let directory = *self.random.of(&directories).unwrap();
                let name = ["configmap-x.yaml", "evil.yaml", "secret-a.yaml", "evil.json"][self.random.below(4)];
                let path = format!("{directory}/{name}").trim_start_matches('/').to_owned();
                if !paths.contains(&path) {
                    self.put(path, format!("added: {number}\n"));
                }
            }
        }
    }

    fn put(&mut self, path: String, text: String) {
        self.site.put(&path, &text);
        self.log.push(format!("put {path}"));
        self.claimed.remove(&path);
        self.by_hand.insert(path, text);
    }

    /// Puts wrong records into an inventory, as anyone with write access could.
    fn lie(&mut self) {
        let Some(inventory) = self.random.of(&self.site.inventories()).cloned() else { return };
        let Ok(text) = fs::read_to_string(&inventory) else { return };
        let Ok(mut json) = serde_json::from_str::<serde_json::Value>(&text) else { return };
        let files = self.site.files();
        let paths: Vec<_> = files.keys().filter(|path| path.matches('/').count() == 2).cloned().collect();
        let Some(path) = self.random.of(&paths).cloned() else { return };
        let (target, name) = path.rsplit_once('/').unwrap();
        let kind = self.random.below(5);
        self.log.push(format!("lie {kind} {path}"));
        match kind {
            // these very bytes are Septum's
            0 => {
                json["targets"][target][name] = serde_json::json!({ "sha256": digest_bytes(files[&path].as_bytes()) });
                self.claimed.insert(path.clone());
            }
            1 => {
                json["pending"][target][name] = serde_json::json!([digest_bytes(files[&path].as_bytes())]);
                self.claimed.insert(path.clone());
            }
            2 => {
                json["targets"][target][name] = serde_json::json!({ "sha256": "00" });
                self.orphans.insert(path.clone());
            }
            3 => {
                json["targets"].as_object_mut().unwrap().shift_remove(target);
                self.orphans.extend(paths.iter().filter(|path| path.starts_with(target)).cloned());
            }
            _ => {
                fs::remove_file(&inventory).unwrap();
                self.orphans.extend(paths);
                return;
            }
        }
        fs::write(inventory, json.to_string()).unwrap();
    }

    fn lose_cache(&mut self) {
        self.log.push("lose the cache".to_owned());
        self.site.lose_cache();
        let secrets = self.site.files().into_keys().filter(|path| path.contains("/secret-"));
        self.orphans.extend(secrets);
    }

    /// A run that is stopped at some step.
    fn stop(&mut self) {
        let shard = self.shards().first().copied().flatten();
        let steps = self.random.below(60);
        self.log.push(format!("stopped after {steps} {shard:?}"));
        let before = self.site.files();
        let done = self.site.with(&self.site.tree(), shard, PublishIntent::Apply, |mut publication| {
            publication.tree.stop_after(steps);
            publication.apply(&Meter::default())
        });
        if let Err(problems) = done {
            let is_known = |rule| ["unwritable", "foreign-file"].contains(&rule);
            assert!(
                problems.iter().all(|it| !it.is_error() || is_known(it.rule.id())),
                "{problems:?}\n{}",
                self.show()
            );
        }
        for (path, text) in self.site.files() {
            let is_new = self.model.get(&path).is_some_and(|new| is_alike(new, &text));
            assert!(is_new || before.get(&path) == Some(&text), "{path} is neither old nor new\n{}", self.show());
        }
        self.settle_by_hand();
    }

    fn shards(&mut self) -> Vec<Option<Shard>> {
        match self.random.below(4) {
            0 => (1..=2).map(|index| Some(Shard { index, count: 2 })).collect(),
            1 => (1..=3).rev().map(|index| Some(Shard { index, count: 3 })).collect(),
            _ => vec![None],
        }
    }

    /// Files that users wrote are theirs until they are generated.
    fn settle_by_hand(&mut self) {
        let files = self.site.files();
        self.by_hand.retain(|path, text| files.get(path) == Some(text));
    }

    /// Renders all, and compares the result with the model.
    fn render(&mut self) {
        let shards = self.shards();
        self.log.push(format!("render {shards:?}"));
        for shard in &shards {
            let before = self.site.files();
            if let Err(rules) = self.run(*shard) {
                assert_eq!(rules, ["foreign-file"], "{}", self.show());
                assert_eq!(self.site.files(), before, "nothing was written\n{}", self.show());
                // only a file that is not known to be Septum's may be in the way
                let is_unknown = |path: &str| self.by_hand.contains_key(path) || self.orphans.contains(path);
                let differs = |path: &String| before.get(path).is_some_and(|text| !is_alike(text, &self.model[path]));
                let in_the_way: Vec<_> =
                    self.model.keys().filter(|path| differs(path) && is_unknown(path)).cloned().collect();
                assert!(!in_the_way.is_empty(), "{}", self.show());
                for path in in_the_way {
                    self.site.remove(&path);
                    self.by_hand.remove(&path);
                }
                assert_eq!(self.run(*shard), Ok(()), "{}", self.show());
            }
        }
        let files = self.site.files();
        for (path, text) in &self.model {
            let is_there = files.get(path).is_some_and(|found| is_alike(found, text));
            assert!(is_there, "{path} is not the model's\n{}", self.show());
        }
        for path in files.keys().filter(|path| !self.model.contains_key(*path)) {
            let is_theirs = self.by_hand.get(path) == files.get(path);
            assert!(is_theirs || self.orphans.contains(path), "{path} is too many\n{}", self.show());
        }
        for (path, text) in &self.by_hand {
            let is_kept = files.get(path) == Some(text) || self.model.contains_key(path) || self.claimed.contains(path);
            assert!(is_kept, "{path} was somebody's\n{}", self.show());
        }
        self.settle_by_hand();
        self.claimed.clear();
        self.orphans.retain(|path| files.contains_key(path) && !self.model.contains_key(path));
        self.check();
    }

    fn run(&self, shard: Option<Shard>) -> Result<(), Vec<&'static str>> {
        let done = self.site.with(&self.site.tree(), shard, PublishIntent::Apply, |it| it.apply(&Meter::default()));
        let rules =
            |it: crate::diagnostic::Diagnostics| it.iter().filter(|it| it.is_error()).map(|it| it.rule.id()).collect();
        done.map(drop).map_err(rules)
    }

    /// Checks that `--check` reports the tree as current exactly when it equals the model.
    fn check(&self) {
        let files = self.site.files();
        let is_same = |path: &String, text: &String| self.model.get(path).is_some_and(|model| is_alike(model, text));
        let is_model = files.len() == self.model.len() && files.iter().all(|(path, text)| is_same(path, text));
        // drafts of a run that was stopped may be there
        let is_left = self.site.tree().join(".septum/tmp").exists();
        let says = self.site.with(&self.site.tree(), None, PublishIntent::Check, |publication| {
            assert!(publication.unverified.is_empty(), "{:?}\n{}", publication.unverified, self.show());
            Ok((publication.plan.is_current(), publication.plan.changes()))
        });
        let (is_current, changes) = says.unwrap_or_else(|problems| panic!("{problems:?}\n{}", self.show()));
        assert_eq!(is_current, is_model && !is_left, "{changes:?}\n{}", self.show());
    }

    fn show(&self) -> String {
        self.log.join("\n")
    }
}

/// Whether two files are equal except for ciphertext that is new each time.
fn is_alike(one: &str, other: &str) -> bool {
    one == other || (one.contains("ENC[") && without_ciphertext(one) == without_ciphertext(other))
}

#[test]
fn a_tree_is_what_it_would_be_made_anew_and_a_check_says_so() {
    let day = |case| {
        let mut day = TreeHistory::new(case);
        for _ in 0..6 {
            match day.random.below(9) {
                0..=2 => day.change_sources(),
                3 | 4 => day.change_tree(),
                5 => day.lie(),
                6 => day.stop(),
                7 if day.random.below(3) == 0 => day.lose_cache(),
                _ => day.render(),
            }
            if day.random.below(3) == 0 {
                day.check();
            }
        }
        day.render();
        // without changes nothing is written
        let before = day.site.files();
        day.render();
        assert_eq!(day.site.files(), before, "{}", day.show());
    };
    crate::parallel::par_map((0..cases()).collect(), 0, day);
}
