//! A tree that would lose a whole environment.

use std::fs;
use std::path::Path;

use super::rules;
use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

fn project() -> Sandbox {
    let project =
        Sandbox::new([("base.yaml", "app: shop\ndata:\n  LEVEL: info\n"), ("dev.yaml", ""), ("prod.yaml", "")]);
    project.run(&["render", "--all", "--out", "out", "-q"]).ok();
    project
}

#[test]
fn a_tree_loses_an_environment_with_prune_alone() {
    let project = project();
    let file = project.root().join("out/prod/shop/configmap-shop.yaml");
    fs::remove_file(project.root().join("prod.yaml")).unwrap();
    let message = project.run(&["render", "--all", "--out", "out"]).refused();
    assert!(message.contains("out/prod"), "{message}");
    assert!(message.contains("--prune"), "{message}");
    assert!(file.exists(), "the tree is as it was");
    for command in [&["render", "--all", "--out", "out", "--check"][..], &["check", "--rendered", "out"]] {
        let run = project.run(command);
        let all = run.stdout + &run.stderr;
        assert_eq!(run.code, 1, "{command:?}: {all}");
        record(&all);
    }
    assert!(
        rules(&project.run(&["check", "--rendered", "out", "--format", "json"]))
            .contains(&("error".to_owned(), "lost-environment".to_owned()))
    );
    project.run(&["render", "--all", "--out", "out", "--prune", "-q"]).ok();
    assert!(!file.exists());
    project.run(&["render", "--all", "--out", "out", "--check", "-q"]).ok();
}

fn two_apps() -> Sandbox {
    let project = Sandbox::new([
        ("septum.yaml", "apps: [\"*\"]\n"),
        ("a/base.yaml", "data:\n  LEVEL: info\nbundles:\n  more: { data: { A: x } }\n"),
        ("a/dev.yaml", ""),
        ("a/prod.yaml", ""),
        ("b/base.yaml", "data:\n  LEVEL: info\n"),
        ("b/dev.yaml", ""),
        ("b/prod.yaml", ""),
    ]);
    project.run(&["render", "--all", "--out", "out", "-q"]).ok();
    project
}

#[test]
fn an_object_that_goes_needs_nothing_said() {
    let project = two_apps();
    fs::write(project.root().join("a/base.yaml"), "data:\n  LEVEL: info\n").unwrap();
    assert!(project.root().join("out/prod/a/configmap-more.yaml").exists());
    project.run(&["render", "--all", "--out", "out", "-q"]).ok();
    assert!(!project.root().join("out/prod/a/configmap-more.yaml").exists());
}

#[test]
fn a_tree_loses_an_app_with_prune_alone() {
    for (name, lose) in [
        ("removed", (|root| fs::remove_dir_all(root.join("b")).unwrap()) as fn(&Path)),
        ("renamed", |root| fs::rename(root.join("b"), root.join("c")).unwrap()),
        ("named anew", |root| fs::write(root.join("b/base.yaml"), "app: c\ndata:\n  LEVEL: info\n").unwrap()),
        ("matched no more", |root| fs::write(root.join("septum.yaml"), "apps: [a]\n").unwrap()),
    ] {
        let project = two_apps();
        lose(&project.root());
        for command in [&["--all"][..], &["prod"], &["dev", "prod"]] {
            project.run(&[&["render"], command, &["--out", "out"]].concat()).refused();
        }
        assert!(project.root().join("out/prod/b").exists() && !project.root().join("out/prod/c").exists(), "{name}");
        assert!(
            rules(&project.run(&["check", "--rendered", "out", "--format", "json"]))
                .contains(&("error".to_owned(), "lost-app".to_owned())),
            "{name}"
        );
        project.run(&["render", "--all", "--out", "out", "--prune", "-q"]).ok();
        assert!(!project.root().join("out/prod/b").exists() && !project.root().join("out/dev/b").exists(), "{name}");
        project.run(&["render", "--all", "--out", "out", "--check", "-q"]).ok();
    }
}

#[test]
fn prune_without_all_is_refused_with_the_command_that_prunes() {
    let project = two_apps();
    fs::remove_file(project.root().join("b/prod.yaml")).unwrap();
    for command in [&["prod"][..], &["nowhere"], &["--all", "--app", "a"]] {
        project.run(&[&["render"], command, &["--out", "out", "--prune"]].concat()).refused();

        assert!(project.root().join("out/prod/b").exists(), "{command:?}");
    }
    project.run(&["render", "--all", "--out", "out", "--prune", "-q"]).ok();
    assert!(!project.root().join("out/prod/b").exists());
}

#[test]
fn an_app_that_stays_loses_an_environment_with_prune_alone() {
    let project = Sandbox::new([
        ("septum.yaml", "apps: [\"*\"]\n"),
        ("a/base.yaml", "data:\n  LEVEL: info\n"),
        ("a/prod.yaml", ""),
        ("b/base.yaml", "data:\n  LEVEL: info\n"),
        ("b/dev.yaml", ""),
        ("b/prod.yaml", ""),
    ]);
    project.run(&["render", "--all", "--out", "out", "-q"]).ok();
    fs::rename(project.root().join("b/prod.yaml"), project.root().join("b/prdo.yaml")).unwrap();
    let message = project.run(&["render", "--all", "--out", "out"]).refused();
    assert!(message.contains("out/prod/b"), "{message}");
    assert!(project.root().join("out/prod/b").exists() && !project.root().join("out/prdo").exists());
    project.run(&["render", "--all", "--out", "out", "--prune", "-q"]).ok();
    assert!(!project.root().join("out/prod/b").exists() && project.root().join("out/prod/a").exists());
}

#[test]
fn an_environment_that_is_renamed_by_mistake_keeps_its_tree() {
    let project = project();
    fs::rename(project.root().join("prod.yaml"), project.root().join("prdo.yaml")).unwrap();
    project.run(&["render", "--all", "--out", "out"]).refused();

    assert!(project.root().join("out/prod/shop").exists() && !project.root().join("out/prdo").exists());
}
