//! Objects that one side has more than once.

use std::fs;

use super::{commit, git, rows, shop};
use crate::support::messages::{note_case, record};
use crate::support::sandbox::Sandbox;

fn config_map(name: &str, labels: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name}{labels} }}\ndata: {{ COLOR: {value} }}\n")
}

/// `shop`, with manifests of which `prod` has two of one name.
fn with_duplicates() -> Sandbox {
    shop()
        .append("base.yaml", "manifests: [m/one.yaml]\n")
        .append("prod.yaml", "manifests: [m/two.yaml]\n")
        .file("m/one.yaml", config_map("extra", "", "red"))
        .file("m/two.yaml", config_map("extra", "", "blue"))
}

#[test]
fn an_object_that_the_layers_generate_twice_is_reported() {
    let project = with_duplicates();
    project.run(&["render", "prod"]).refused();
    for environments in [&["dev", "prod"][..], &["dev", "staging", "prod"], &["prod", "dev", "--format", "json"]] {
        note_case(&environments.join(" "));
        let run = project.run(&[&["diff"], environments].concat());
        assert_eq!(run.code, 1);
        assert!(run.stdout.contains("extra"), "both are compared: {}", run.stdout);
        run.record();
        record(&run.stdout);
    }
}

/// A change that corrects the mistake can be reviewed.
#[test]
fn a_revision_that_generates_an_object_twice_is_reported() {
    let project = with_duplicates();
    git(&project, &["init", "--quiet", "-b", "main", "."]);
    commit(&project);
    let project = project.file("m/two.yaml", config_map("more", "", "blue"));
    let run = project.run(&["diff", "--rev", "HEAD"]);
    assert_eq!(run.code, 1);
    run.record();
    record(&run.stdout);
}

#[test]
fn objects_of_a_cluster_are_not_compared_with_two_of_one_name() {
    let project = with_duplicates();
    project.give(config_map("extra", "", "red"), &["diff", "prod", "-"]).fails(2);
}

/// `delivery.prune: keep` leaves former objects, with the same label.
#[test]
fn former_objects_in_files_are_all_compared() {
    let project = shop();
    let labelled = |suffix: &str, value: &str| {
        config_map(&format!("shop-{suffix}"), ", labels: { septum.dev/base-name: shop }", value) + "---\n"
    };
    let current = labelled("aaaaaaaaaa", "red");
    let former = ["bbbbbbbbbb", "cccccccccc"].map(|suffix| labelled(suffix, "green")).concat();
    fs::create_dir_all(project.outside()).unwrap();
    let path = |name: &str, text: &str| {
        let path = project.outside().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (left, right) = (path("old.yaml", &current), path("new.yaml", &(former + &current)));
    let run = project.run(&["diff", "--files", &left, &right, "--format", "json"]);
    let added = rows(&run);
    let names: Vec<_> =
        added.iter().filter(|row| row["object"].is_object()).map(|row| &row["object"]["name"]).collect();
    assert_eq!(names, ["shop-bbbbbbbbbb", "shop-cccccccccc"], "{}", run.stdout);
    assert!(added.iter().all(|row| row["change"] == "added"), "{}", run.stdout);
}
