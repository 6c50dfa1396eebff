//! `--check`: whether what is committed is what the sources give.

use std::fs;

use crate::tree::world::shop;

#[test]
fn a_tree_that_is_current_is_no_news() {
    let project = shop();
    project.render();
    let run = project.render_with(&["--all", "--check"]);
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (0, "", ""));
}

#[test]
fn what_would_change_is_shown_with_the_command_that_changes_it() {
    let project = shop();
    project.render();
    project.edit("prod.yaml", "warn", "error");
    project.edit("base.yaml", "@db/shop", "@db2/shop");
    let before = project.tree();
    let run = project.render_with(&["prod", "--check"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    for line in [
        "--- rendered/prod/shop/configmap-shop.yaml",
        "+++ rendered/prod/shop/configmap-shop.yaml",
        "-  LOG_LEVEL: warn",
        "+  LOG_LEVEL: error",
        "--- rendered/prod/shop/secret-shop.yaml",
    ] {
        assert!(run.stdout.lines().any(|found| found == line), "{line}\n{}", run.stdout);
    }
    assert!(!run.stdout.contains("ENC[") && !run.stdout.contains("inventory"), "{}", run.stdout);
    run.record();
    assert_eq!(project.tree(), before, "nothing was written");
}

#[test]
fn values_of_secrets_are_hidden() {
    let base = "app: app\ndata: { P: { value: hunter2hunter2, sensitive: true }, Q: { value: keepsafe99, sensitive: true } }\n";
    let project = crate::support::sandbox::Sandbox::of(base, "");
    project.run(&["render", "--all", "--out", "rendered", "-q"]).ok();
    project.edit("base.yaml", "hunter2hunter2", "correcthorse");
    let run = project.run(&["render", "--all", "--out", "rendered", "--check"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains("[secret, changed]"), "{}", run.stdout);
    for value in ["hunter2hunter2", "correcthorse", "keepsafe99", "aHVudGVy", "Y29ycmVjd", "a2VlcHNh"] {
        assert!(!run.stdout.contains(value) && !run.stderr.contains(value), "{value}: {}", run.stdout);
    }
}

/// What is a secret now may be in the ConfigMap that is committed.
#[test]
fn former_values_of_secrets_are_hidden() {
    let base = "app: app\ndata: { P: letmein, U: 'https://demo:public-one@h', LOG: info }\nbundles: { more: { data: { Q: letmein } } }\n";
    let accepted = "allow: [{ rule: url-password, key: U, reason: demo }]\n";
    let declared = base.replace(
        "U: 'https://demo:public-one@h'",
        "U: { value: 'https://demo:public-one@h', sensitive: false, reason: demo }",
    );
    let project = crate::support::sandbox::Sandbox::of(&format!("{declared}{accepted}"), "");
    project.run(&["render", "--all", "--out", "rendered", "-q"]).ok();
    let secret = "app: app\ndata: { P: { value: letmein, sensitive: true }, LOG: debug, \
        U: { value: 'https://demo:public-two@h', sensitive: false, reason: demo } }\n\
        bundles: { more: { data: { Q: { value: letmein, sensitive: true } } } }\n";
    project.write("base.yaml", format!("{secret}{accepted}"));
    let run = project.run(&["render", "--all", "--out", "rendered", "--check"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    for shown in ["-  LOG: info", "+  LOG: debug", "public-two", "-  P: \"[secret]\"", "-  Q: \"[secret]\""] {
        assert!(run.stdout.contains(shown), "{shown}: {}", run.stdout);
    }
    assert!(!run.stdout.contains("letmein") && !run.stdout.contains("public-one"), "{}", run.stdout);
}

#[test]
fn what_is_missing_or_too_many_is_shown() {
    let project = shop();
    let run = project.render_with(&["dev", "--check"]);
    assert!(
        run.code == 1 && run.stdout.contains("--- /dev/null\n+++ rendered/dev/shop/configmap-shop.yaml"),
        "{}",
        run.stdout
    );
    assert!(!project.rendered().exists());
    project.render();
    project.remove("workloads/web.yaml");
    project.edit("base.yaml", "manifests: ['workloads/*.yaml']\n", "");
    let run = project.render_with(&["dev", "--check"]);
    assert!(
        run.code == 1 && run.stdout.contains("--- rendered/dev/shop/deployment-web.yaml\n+++ /dev/null"),
        "{}",
        run.stdout
    );
}

#[test]
fn an_edited_file_is_found() {
    let project = shop();
    project.render();
    let file = project.rendered().join("dev/shop/configmap-shop.yaml");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("hello", "hallo")).unwrap();
    let run = project.run(&["render", "--all", "--out", "rendered", "--check"]);
    assert!(run.code == 1 && run.stdout.contains("-  GREETING: hallo\n+  GREETING: hello"), "{}", run.stdout);
}
