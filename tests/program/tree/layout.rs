//! What is written where, and whose it is.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::messages::record;
use crate::support::objects::Objects;
use crate::support::peers::peer;
use crate::support::sandbox::Sandbox;
use crate::tree::world::{changes, shop};

#[test]
fn each_object_is_a_file_beside_a_kustomization() {
    let project = shop();
    let told = project.render();
    record(&told);
    let paths: Vec<_> = project.tree().into_keys().collect();
    let of = |environment: &str| {
        let names = ["configmap-files", "configmap-shop", "deployment-web", "kustomization", "secret-shop"];
        // `dev` has no secrets
        let names = names.into_iter().filter(|name| environment != "dev" || *name != "secret-shop");
        names.map(|name| format!("{environment}/shop/{name}.yaml")).collect::<Vec<_>>()
    };
    let expected = [vec![".septum/inventory.json".to_owned()], of("dev"), of("prod"), of("staging")].concat();
    assert_eq!(paths, expected);
}

#[test]
fn kustomize_builds_every_directory_to_the_objects_that_are_rendered() {
    let Some(kustomize) = peer("kustomize") else { return };
    let project =
        shop().file("base.yaml", crate::tree::world::BASE.replace("delivery: {", "names: hashed\ndelivery: {"));
    project.render();
    for environment in ["dev", "prod", "staging"] {
        let directory = project.rendered().join(environment).join("shop");
        let output = Command::new(&kustomize).arg("build").arg(&directory).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut built = Objects::read(&String::from_utf8(output.stdout).unwrap()).0;
        let files = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| !path.ends_with("kustomization.yaml"));
        let mut written: Vec<_> = files.flat_map(|path| Objects::read(&fs::read_to_string(path).unwrap()).0).collect();
        let key = |object: &serde_json::Value| object["kind"].to_string() + &object["metadata"]["name"].to_string();
        built.sort_by_key(key);
        written.sort_by_key(key);
        assert_eq!(built, written, "{environment}");
    }
}

#[test]
fn a_file_keeps_its_name_when_that_of_the_object_changes() {
    let project =
        shop().file("base.yaml", crate::tree::world::BASE.replace("delivery: {", "names: hashed\ndelivery: {"));
    project.render();
    let before = project.tree();
    project.edit("base.yaml", "GREETING: hello", "GREETING: hi");
    project.render();
    let after = project.tree();
    let changed = changes(&before, &after);
    let in_prod: Vec<_> = changed.iter().filter(|change| change.contains("prod/")).collect();
    assert_eq!(
        in_prod,
        ["~ prod/shop/configmap-files.yaml", "~ prod/shop/configmap-shop.yaml", "~ prod/shop/deployment-web.yaml"]
    );
}

#[test]
fn only_what_changed_is_written() {
    let project = shop();
    project.render();
    let before = project.tree();
    let file = project.rendered().join("prod/shop/configmap-files.yaml");
    let written = fs::metadata(&file).unwrap().modified().unwrap();
    let told = project.render();
    record(&told);
    assert_eq!(project.tree(), before, "the inventory too");
    project.edit("prod.yaml", "warn", "error");
    let told = project.render();
    record(&told);
    assert_eq!(changes(&before, &project.tree()), ["~ prod/shop/configmap-shop.yaml"]);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), written);
}

#[test]
fn every_kind_of_input_is_noticed() {
    let project = shop();
    project.render();
    let files: &[(&str, &str)] = &[
        ("files/app.conf.j2", "greeting: {{ bundles.shop.GREETING }}\n"),
        ("prod.secrets.yaml", crate::support::samples::ENCRYPTED_VARS),
        ("workloads/second.yaml", "apiVersion: v1\nkind: Service\nmetadata: { name: web }\n"),
        ("base.secrets.yaml", "data: { GREETING: by-secrets }\n"),
        ("dev.secrets.yaml", "data: { GREETING: only-dev }\n"),
    ];
    for (path, text) in files {
        let before = project.tree();
        let old = fs::read(project.root().join(path)).ok();
        fs::write(project.root().join(path), text).unwrap();
        let run = project.render_with(&["--all"]);
        assert!(run.code == 2 || !changes(&before, &project.tree()).is_empty(), "{path}: {}", run.stderr);
        match old {
            Some(old) => fs::write(project.root().join(path), old).unwrap(),
            None => project.remove(path),
        }
        project.render();
        assert_eq!(changes(&before, &project.tree()), [""; 0], "{path}: as before");
    }
    // another environment is one more target, and may change the routing of the others
    let before = project.tree();
    let secret = "{ value: hi, sensitive: true }";
    let project = project.file("qa.yaml", format!("data: {{ GREETING: {secret}, URL: null }}\n"));
    project.render();
    let changed = changes(&before, &project.tree());
    assert!(changed.contains(&"+ qa/shop/secret-shop.yaml".to_owned()), "{changed:?}");
    assert!(changed.contains(&"~ prod/shop/secret-shop.yaml".to_owned()), "{changed:?}");
}

#[test]
fn what_is_rendered_no_more_goes_unless_somebody_changed_it() {
    let project = shop();
    project.render();
    project.remove("staging.yaml");
    project.remove("staging.secrets.yaml");
    project.remove("workloads/web.yaml");
    project.edit("base.yaml", "manifests: ['workloads/*.yaml']\n", "");
    let edited = project.rendered().join("prod/shop/deployment-web.yaml");
    fs::write(&edited, "mine: now\n").unwrap();
    // a run for one environment leaves the others alone
    let run = project.render_with(&["dev"]);
    assert!(run.code == 0 && project.rendered().join("staging").exists(), "{}", run.stderr);
    let told = project.render_with(&["--all", "--prune"]).stderr;
    record(&told);
    assert_eq!(fs::read_to_string(&edited).unwrap(), "mine: now\n");
    assert!(!project.rendered().join("staging").exists());
    assert!(!project.rendered().join("dev/shop/deployment-web.yaml").exists());
}

#[test]
fn what_somebody_changed_is_rendered_again() {
    let project = shop();
    project.render();
    for path in ["prod/shop/configmap-shop.yaml", "dev/shop/kustomization.yaml", "prod/shop/secret-shop.yaml"] {
        let before = project.tree();
        fs::write(project.rendered().join(path), "broken").unwrap();
        project.render();
        // the data key of a Secret is wrapped anew where nothing of it is left
        let expected = if path.contains("secret") { vec![format!("~ {path}")] } else { vec![] };
        assert_eq!(changes(&before, &project.tree()), expected);
    }
    fs::remove_file(project.rendered().join("prod/shop/configmap-shop.yaml")).unwrap();
    project.render();
    assert!(project.rendered().join("prod/shop/configmap-shop.yaml").exists());
}

#[test]
fn a_file_that_is_not_septums_is_left_alone() {
    let project =
        shop().file("rendered/prod/shop/configmap-shop.yaml", "by: hand\n").file("rendered/README.md", "hello\n");
    let run = project.render_with(&["--all"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("rendered/prod/shop/configmap-shop.yaml"), "{}", run.stderr);
    assert_eq!(project.tree().len(), 2, "nothing was written");
    project.remove("rendered/prod/shop/configmap-shop.yaml");
    project.render();
    assert_eq!(project.tree()["README.md"], b"hello\n");
}

#[test]
fn a_tree_may_not_lie_where_sources_are_or_beyond_a_link() {
    let project = shop();
    fs::create_dir(project.root().join(".git")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), project.root().join("link")).unwrap();
    for dir in [".", "..", "link", "link/below", ".git/rendered"] {
        let run = project.run_with_key(&["render", "--all", "--out", dir]);
        assert_eq!(run.code, 2, "{dir}: {}", run.stderr);
    }
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    // a directory of the tree that became a link
    project.render();
    fs::remove_dir_all(project.rendered().join("prod")).unwrap();
    symlink(elsewhere.path(), project.rendered().join("prod")).unwrap();
    assert_eq!(project.render_with(&["--all"]).code, 2);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn the_directory_may_be_said_once_and_for_all() {
    let project = shop();
    let run = project.run_with_key(&["render", "--all", "--out"]);
    run.record();
    assert!(run.code == 2, "{}", run.stderr);
    let project = Sandbox::new([
        ("septum.yaml", "apps: [app]\noutput: manifests/rendered\n"),
        ("app/base.yaml", "data: { A: x }\n"),
        ("app/dev.yaml", ""),
    ]);
    project.run(&["render", "--all", "--out", "-q"]).ok();
    assert!(project.root().join("manifests/rendered/dev/app/configmap-app.yaml").exists());
    // from anywhere in the project
    let directory = project.root().join("app");
    crate::support::sandbox::run(&directory, &["render", "--all", "--out", "-q"], &[]).ok();
    assert!(!directory.join("manifests").exists());
    assert!(Path::new(&directory).exists());
    for root in [".", "./", "app/.."] {
        project.write("septum.yaml", format!("apps: [app]\noutput: {root}\n"));
        project.run(&["render", "--all", "--out"]).refused();
    }
}

#[test]
fn two_apps_of_one_name_would_share_a_directory() {
    let app = "app: same\ndata: { A: x }\n";
    let project = Sandbox::new([
        ("septum.yaml", "apps: ['*']\n"),
        ("a/base.yaml", app),
        ("a/dev.yaml", ""),
        ("b/base.yaml", app),
        ("b/dev.yaml", ""),
    ]);
    for command in [&["render", "--all", "--out", "out"][..], &["check"]] {
        let run = project.run(command);
        run.record();
        assert_eq!(run.code, if command == ["check"] { 1 } else { 2 }, "{}", run.stderr);
        let all = run.stdout + &run.stderr;
        assert!(all.contains("a/base.yaml:1:6") && all.contains("b/base.yaml:1:6"), "{all}");
    }
    // one error for all environments, and for an app whose name is that of its directory
    project.write("septum.yaml", "apps: ['*', 'x/*']\n");
    project.write("x/same/base.yaml", "data: { A: x }\n");
    for environment in ["prod", "stage", "test"] {
        for app in ["a", "b", "x/same"] {
            project.write(&format!("{app}/{environment}.yaml"), "");
        }
    }
    project.run(&["render", "--all", "--out", "out"]).record();
}

#[test]
fn two_apps_may_not_make_the_same_object() {
    let app = |name: &str, namespace: &str| {
        format!("app: {name}\nnamespace: {namespace}\nbundles: {{ common: {{ data: {{ A: x }} }} }}\n")
    };
    let project = Sandbox::new([
        ("septum.yaml", "apps: ['*']\n"),
        ("a/base.yaml", &app("a", "one")),
        ("a/dev.yaml", ""),
        ("b/base.yaml", &app("b", "two")),
        ("b/dev.yaml", ""),
    ]);
    project.run(&["render", "--all", "--out", "out", "-q"]).ok();
    // also if one of them is not rendered again
    project.edit("b/base.yaml", "namespace: two", "namespace: one");
    let run = project.run(&["render", "--all", "--out", "out"]);
    run.record();
    assert_eq!(run.code, 2, "{}", run.stderr);
}

#[test]
fn nothing_is_written_if_anything_is_wrong() {
    let project = shop();
    project.render();
    let before = project.tree();
    project.edit("prod.yaml", "LOG_LEVEL: warn", "LOG_LEVEL: error, LOG_LEVL: x");
    project.edit("dev.yaml", "data: {", "data: { GREETING: other,");
    let run = project.render_with(&["--all"]);
    run.record();
    assert!(run.code == 2, "{}", run.stderr);
    assert_eq!(project.tree(), before);
}

#[test]
fn the_inventory_is_the_same_whatever_was_rendered_before() {
    let rules = "creation_rules:\n- age: age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms\n";
    let project = || {
        let project = shop().file(".sops.yaml", rules);
        project.edit("base.yaml", &format!(", recipients: [{}]", crate::tree::world::RECIPIENT), "");
        project
    };
    let (one, other) = (project(), project());
    one.render();
    for environment in ["staging", "prod", "dev"] {
        let run = other.render_with(&[environment]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let inventory = |project: &Sandbox| -> serde_json::Value {
        let text = fs::read_to_string(project.rendered().join(".septum/inventory.json")).unwrap();
        let mut inventory: serde_json::Value = serde_json::from_str(&text).unwrap();
        for target in inventory["targets"].as_object_mut().unwrap().values_mut() {
            // the wrapping of a data key is random
            target["secret-shop.yaml"] = serde_json::Value::Null;
        }
        inventory
    };
    assert_eq!(inventory(&one), inventory(&other));
}
