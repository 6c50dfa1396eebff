//! Machines that share the work: all shards together are the whole.

use std::fs;

use crate::support::sandbox::Sandbox;
use crate::tree::world::{changes, tree};

fn fleet() -> Sandbox {
    let project = Sandbox::new([("septum.yaml", "apps: ['apps/*']\n")]);
    (0..12).fold(project, |project, number| {
        let base = format!("data: {{ A: '{number}' }}\n");
        let app = format!("apps/app-{number}");
        project
            .file(&format!("{app}/base.yaml"), base)
            .file(&format!("{app}/dev.yaml"), "")
            .file(&format!("{app}/prod.yaml"), "data: { A: prod }\n")
    })
}

#[test]
fn the_union_of_all_shards_is_the_whole() {
    let whole = fleet();
    whole.run(&["render", "--all", "--out", "rendered", "-q"]).ok();
    let expected = whole.tree();
    for count in [1, 2, 3, 7] {
        let project = fleet();
        for index in 1..=count {
            let shard = format!("{index}/{count}");
            project.run(&["render", "--all", "--out", "rendered", "--shard", &shard, "-q"]).ok();
        }
        let found = project.tree();
        let outputs = |tree: &std::collections::BTreeMap<String, Vec<u8>>| -> Vec<_> {
            tree.iter()
                .filter(|(path, _)| !path.starts_with(".septum"))
                .map(|(path, bytes)| (path.clone(), bytes.clone()))
                .collect()
        };
        assert_eq!(outputs(&found), outputs(&expected), "{count} shards");
        // a whole run takes over what the shards did
        let run = project.run(&["render", "--all", "--out", "rendered"]);
        run.record();
        assert_eq!(project.tree(), expected, "the inventory is one file again");
    }
}

#[test]
fn shards_of_several_machines_are_put_together_by_copying() {
    let whole = fleet();
    whole.run(&["render", "--all", "--out", "rendered", "-q"]).ok();
    let together = fleet();
    for index in 1..=3 {
        let machine = fleet();
        machine.run(&["render", "--all", "--out", "rendered", "--shard", &format!("{index}/3"), "-q"]).ok();
        for (path, bytes) in machine.tree() {
            let to = together.rendered().join(&path);
            assert!(!to.exists(), "{path}: no two shards write the same file");
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::write(to, bytes).unwrap();
        }
    }
    assert_eq!(
        changes(&tree(&whole.rendered()), &together.tree()).iter().filter(|change| !change.contains(".septum")).count(),
        0
    );
    // what other machines did this one has not seen
    let run = together.run(&["render", "--all", "--out", "rendered"]);
    run.record();
    assert!(run.code == 0, "{}", run.stderr);
    assert_eq!(together.tree(), whole.tree(), "the inventory too");
}

#[test]
fn a_shard_removes_what_is_stale_of_its_own() {
    let project = fleet();
    project.run(&["render", "--all", "--out", "rendered", "-q"]).ok();
    fs::remove_dir_all(project.root().join("apps/app-3")).unwrap();
    for index in 1..=2 {
        project.run(&["render", "--all", "--out", "rendered", "--prune", "--shard", &format!("{index}/2"), "-q"]).ok();
    }
    assert!(project.tree().keys().all(|path| !path.contains("app-3/")));
}

#[test]
fn a_shard_counts_from_one() {
    for shard in ["0/2", "3/2", "1", "1/0", "a/b"] {
        let run = fleet().run(&["render", "--all", "--out", "rendered", "--shard", shard]);
        run.record();
        assert!(run.code == 2, "{shard}: {}", run.stderr);
    }
}
