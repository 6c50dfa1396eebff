//! Clones of which a sparse checkout leaves files out: they are not gone.

use crate::diff::{commit, git};
use crate::support::messages::{note_case, record};
use crate::support::sandbox::{Run, Sandbox, files};

/// Two apps with manifests, shared layers and a committed tree, of which a clone has what `patterns` say.
fn sparse_clone(patterns: &[&str]) -> Sandbox {
    let site = Sandbox::with_identities();
    site.write(".gitignore", "*.txt\n/clone\n");
    site.write("septum.yaml", "apps: [\"services/*\", \"teams/*\"]\nshared: shared\noutput: rendered\n");
    site.write("shared/base.yaml", "labels: { team: payments }\n");
    for (app, name) in [("services/a", "a"), ("services/b", "billing"), ("teams/c", "c")] {
        let text =
            format!("app: {name}\ndata: {{ LEVEL: info, motd: {{ file: files/motd }} }}\nmanifests: [\"m/*.yaml\"]\n");
        site.write(&format!("{app}/base.yaml"), text);
        site.write(&format!("{app}/files/motd"), "hello\n");
        site.write(&format!("{app}/prod.yaml"), "");
        for kind in ["one", "two"] {
            let object =
                format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}-{kind} }}\ndata: {{ A: b }}\n");
            site.write(&format!("{app}/m/{kind}.yaml"), object);
        }
    }
    site.run(&["render", "--all", "--out", "rendered"]).succeeds();
    git(&site, &["init", "-q", "-b", "main"]);
    commit(&site);
    git(&site, &["clone", "-q", "--sparse", ".", "clone"]);
    git(&site, &[&["-C", "clone", "sparse-checkout", "set"], patterns].concat());
    site
}

/// Records what a run prints: `check` prints its findings.
#[track_caller]
fn record_all(run: &Run) {
    run.record();
    if !run.stdout.is_empty() {
        record(&run.stdout);
    }
}

const CHECK: &[&str] = &["check", "--rendered", "rendered"];
const RENDER: &[&str] = &["render", "--all", "--out", "rendered"];
const VERIFY: &[&str] = &["render", "--all", "--out", "rendered", "--check"];
const PRUNE: &[&str] = &["render", "--all", "--out", "rendered", "--prune"];

#[test]
fn what_a_sparse_checkout_leaves_out_of_an_app_or_a_tree_is_reported() {
    for (patterns, commands) in [
        // the tree, or the files of an app in it
        (&["services", "teams", "shared"][..], &[CHECK, RENDER, VERIFY][..]),
        (&["services", "teams", "shared", "rendered/.septum", "rendered/prod/a"], &[CHECK, RENDER, VERIFY, PRUNE]),
        // shared layers, and all apps
        (&["services"], &[&["check"], RENDER]),
        (&["shared"], &[&["check"]]),
        // a manifest of a pattern, the directory of all, a file of an entry
        (&["--no-cone", "/*", "!/services/a/m/two.yaml"], &[&["check"], &["render", "prod", "--app", "a"]]),
        (&["--no-cone", "/*", "!/services/a/m"], &[&["check"]]),
        (&["--no-cone", "/*", "!/services/a/files"], &[&["check"]]),
    ] {
        let site = sparse_clone(patterns);
        let before = files(&site.path("clone"));
        for command in commands {
            note_case(&format!("{} with {}", command.join(" "), patterns.join(" ")));
            let run = site.run_in("clone", command);
            assert_ne!(run.code, 0, "{command:?} with {patterns:?}");
            run.record();
            record(&run.stdout);
        }
        assert_eq!(files(&site.path("clone")), before, "{patterns:?}");
    }
}

/// A directory of manifests as a whole is read as a pattern is.
#[test]
fn a_directory_of_manifests_that_is_left_out_in_part_is_reported() {
    let site = sparse_clone(&["--no-cone", "/*", "!/services/a/m/two.yaml"]);
    for directory in ["m", "m/"] {
        site.write("clone/services/a/base.yaml", format!("app: a\nmanifests: [{directory}]\n"));
        note_case(directory);
        let run = site.run_in("clone", &["check"]);
        assert_ne!(run.code, 0);
        record_all(&run);
    }
}

#[test]
fn files_of_apps_that_are_left_out_stay_in_the_tree() {
    let site = sparse_clone(&["services/a", "shared", "rendered"]);
    let before = files(&site.path("clone/rendered"));
    for command in [CHECK, VERIFY, RENDER, PRUNE] {
        let run = site.run_in("clone", command);
        assert_eq!(run.code, i32::from(command == CHECK), "{command:?}: {}", run.stderr);
        record_all(&run);
        assert_eq!(files(&site.path("clone/rendered")), before, "{command:?}");
    }
}

#[test]
fn an_app_is_rendered_beside_those_that_are_left_out_with_their_files() {
    let site = sparse_clone(&["services/a", "shared", "rendered/.septum", "rendered/prod/a"]);
    let inventory = site.read("clone/rendered/.septum/inventory.json");
    site.run_in("clone", VERIFY).succeeds();
    site.run_in("clone", CHECK).succeeds();
    site.write("clone/services/a/prod.yaml", "data: { LEVEL: debug }\n");
    site.run_in("clone", RENDER).succeeds();
    assert!(site.read("clone/rendered/prod/a/configmap-a.yaml").contains("LEVEL: debug"));
    let now = site.read("clone/rendered/.septum/inventory.json");
    for target in ["prod/a", "prod/billing", "prod/c"] {
        assert!(inventory.contains(target) && now.contains(target), "{target}: {now}");
    }
    assert!(!site.path("clone/rendered/prod/billing").exists());
}
