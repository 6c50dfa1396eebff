//! Runs that are stopped at each of their steps.

use std::sync::atomic::AtomicUsize;

use super::*;

const SHARD: Option<Shard> = Some(Shard { index: 1, count: 2 });

impl TreeSite {
    /// Renders all, and dies after a number of steps. Returns whether it finished.
    fn killed(&self, part: Option<Shard>, set: &TargetSet, steps: usize) -> bool {
        let mut tree = self.open(part).unwrap();
        tree.disk.steps_left = Some(AtomicUsize::new(steps));
        let plan = tree.plan(rendered(set), ALL).unwrap();
        match tree.apply(plan, &Meter::default()) {
            Ok(_) => true,
            Err(problems) => {
                let problem = problems.iter().next().unwrap();
                assert_eq!((problem.rule.id(), problem.failure), ("unwritable", crate::diagnostic::FailureKind::Io));
                false
            }
        }
    }

    fn run(&self, part: Option<Shard>, set: &TargetSet) {
        let tree = self.open(part).unwrap();
        let plan = tree.plan(rendered(set), ALL).unwrap();
        tree.apply(plan, &Meter::default()).unwrap();
    }
}

/// (case, initial tree, output of the killed run)
fn cases() -> Vec<(&'static str, TargetSet, TargetSet)> {
    vec![
        ("all new", set(""), set("prod/a: x.yaml=1 y.yaml=2; dev/b: secret-x.yaml=3")),
        ("all gone", set("prod/a: x.yaml=1 y.yaml=2; prod/b: x.yaml=4"), set("")),
        (
            "some of each",
            set("prod/a: x.yaml=1 y.yaml=2 z.yaml=3; prod/b: x.yaml=4; dev/a: secret-x.yaml=5"),
            set("prod/a: x.yaml=9 z.yaml=3 n.yaml=8; prod/c: x.yaml=4; dev/a: secret-x.yaml=6"),
        ),
        ("side by side", many(6, "x.yaml=1 y.yaml=1"), many(6, "x.yaml=2 y.yaml=2")),
    ]
}

/// A tree without empty inventories, which may exist or not.
fn substance(mut tree: BTreeMap<String, String>) -> BTreeMap<String, String> {
    tree.retain(|path, text| !path.ends_with('/') && !text.contains("\"targets\": {}"));
    tree
}

/// Each file as it was, or as it will be.
#[track_caller]
fn assert_old_or_new(site: &TreeSite, before: &BTreeMap<String, String>, after: &BTreeMap<String, String>, case: &str) {
    for (path, text) in site.everything() {
        let is_own = path.starts_with(OWN) || path.ends_with('/');
        let is_sound = is_own || [before, after].iter().any(|tree| tree.get(&path) == Some(&text));
        assert!(is_sound, "{case}: {path} is {text:?}");
    }
    let both = before.keys().filter(|path| after.contains_key(*path));
    for path in both {
        assert!(site.dir().join(path).exists(), "{case}: {path}");
    }
}

#[test]
fn the_next_run_completes_what_was_stopped_at_any_step() {
    for part in [None, SHARD] {
        for (case, first, second) in cases() {
            let third = set("prod/a: x.yaml=7 n.yaml=7; prod/d: x.yaml=7; dev/b: secret-x.yaml=7");
            let tree = |sets: &[&TargetSet]| {
                let site = TreeSite::new();
                for set in sets {
                    site.run(part, set);
                }
                site.everything()
            };
            let (before, after) = (tree(&[&first]), tree(&[&first, &second]));
            for next in [&second, &first, &third] {
                let expected = tree(&[&first, &second, next]);
                // many similar files, which need many steps
                for steps in (0..).step_by(if case == "side by side" { 9 } else { 1 }) {
                    let place = format!("{case}, {part:?}, {steps} steps");
                    let site = TreeSite::new();
                    site.run(part, &first);
                    let is_done = site.killed(part, &second, steps);
                    assert_old_or_new(&site, &before, &after, &place);
                    site.run(part, next);
                    assert_eq!(substance(site.everything()), substance(expected.clone()), "{place}");
                    assert!(!site.dir().join(".septum/tmp").exists(), "{place}");
                    if is_done {
                        break;
                    }
                    assert!(steps < 200, "{place}");
                }
            }
        }
    }
}

#[test]
fn two_stopped_runs_in_a_row_lose_no_file() {
    let (first, second, third) = (
        set("prod/a: x.yaml=1"),
        set("prod/a: x.yaml=2 n.yaml=2; prod/n: x.yaml=2"),
        set("prod/a: n.yaml=3; prod/n: x.yaml=3"),
    );
    for one in (0..40).step_by(2) {
        for two in 0.. {
            let site = TreeSite::new();
            site.run(None, &first);
            site.killed(None, &second, one);
            let is_done = site.killed(None, &third, two);
            site.run(None, &set("prod/b: x.yaml=4"));
            assert_eq!(site.files(), "prod/b/x.yaml=4", "{one} {two}");
            if is_done {
                break;
            }
        }
    }
}

#[test]
fn a_run_for_other_targets_remembers_what_a_stopped_one_said() {
    let (first, second) = (set("prod/a: x.yaml=1"), set("prod/a: x.yaml=2 n.yaml=2"));
    for part in [None, SHARD] {
        for steps in 0..40 {
            let site = TreeSite::new();
            site.run(part, &first);
            site.killed(part, &second, steps);
            site.try_some(part, &set("dev/a: x.yaml=3")).unwrap();
            site.try_some(None, &set("dev/b: x.yaml=3")).unwrap();
            // had it been forgotten, the file would be foreign
            site.run(None, &set("prod/a: n.yaml=9"));
            assert_eq!(site.files(), "prod/a/n.yaml=9", "{part:?} {steps}");
        }
    }
}

#[test]
fn shards_that_a_whole_run_was_replacing_are_not_forgotten() {
    let all = set("prod/a: x.yaml=1; prod/b: x.yaml=2");
    for steps in 0..40 {
        let site = TreeSite::new();
        site.try_some(SHARD, &set("prod/a: x.yaml=1")).unwrap();
        site.try_some(Some(Shard { index: 2, count: 2 }), &set("prod/b: x.yaml=2")).unwrap();
        site.killed(None, &set("prod/a: x.yaml=3"), steps);
        site.run(None, &all);
        assert_eq!(site.files(), "prod/a/x.yaml=1 prod/b/x.yaml=2", "{steps}");
        site.run(None, &set(""));
        assert_eq!(site.files(), "", "{steps}");
    }
}
