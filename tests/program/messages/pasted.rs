//! Commands in hints: they do what they say as they are printed, whatever apps and bundles a project has.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::sandbox::Sandbox;

/// The arguments of the first use of a command of the program in a text.
fn command_in(text: &str, name: &str) -> Option<Vec<String>> {
    let commands = text.split('`').map(|part| part.split(' ').collect::<Vec<_>>());
    let command = commands.into_iter().find(|words| words.starts_with(&["septum", name]))?;
    let words = command.iter().skip(1).take_while(|word| **word != "|");
    Some(words.map(|word| word.trim_matches(['\'', '"']).to_owned()).collect())
}

/// The commands that `check` names to set values.
fn set_commands(project: &Sandbox, arguments: &[&str]) -> Vec<Vec<String>> {
    let run = project.run(arguments);
    (run.stdout + &run.stderr).lines().filter_map(|line| command_in(line, "set")).collect()
}

const SECRET: &str = "{ sensitive: true, required: true }";

/// A project of two apps with keys of the same name, in a shared layer and in bundles.
fn two_apps() -> Sandbox {
    let base = format!(
        "data: {{ APP_KEY: {SECRET}, -dash: {SECRET} }}\nbundles: {{ x: {{ data: {{ APP_KEY: {SECRET}, ONLY: {SECRET} }} }} }}\nvarRules: {{ db.password: {{ required: true }} }}\n"
    );
    Sandbox::with_identities()
        .file("septum.yaml", "apps: ['services/*']\nshared: environments\n")
        .file("environments/base.yaml", format!("data: {{ SHARED: {SECRET} }}\n"))
        .file("services/cart/base.yaml", &base)
        .file("services/cart/prod.yaml", "")
        .file("services/pay/base.yaml", &base)
        .file("services/pay/prod.yaml", "")
}

#[test]
fn the_command_that_sets_a_missing_value_names_one_key() {
    let project = two_apps();
    let mut count = 0;
    while let Some(command) = set_commands(&project, &["check"]).into_iter().next() {
        let words: Vec<_> = command.iter().map(String::as_str).collect();
        project.give(format!("value-{count}-of-a-test"), &words).succeeds();
        count += 1;
        assert!(count < 20, "{command:?} does not set it");
    }
    // five of each app, and the variable
    assert_eq!(count, 12);
    let rest = project.run(&["check"]).stdout;
    assert!(!rest.contains("missing-required"), "{rest}");
    // an app alone needs no name, and a key that is unique no bundle
    let alone = Sandbox::with_identities()
        .file(
            "base.yaml",
            format!("app: shop\ndata: {{ A: {SECRET} }}\nbundles: {{ x: {{ data: {{ B: {SECRET} }} }} }}\n"),
        )
        .file("prod.yaml", "");
    assert_eq!(
        set_commands(&alone, &["render", "prod"]),
        [vec!["set", "prod", "A"], vec!["set", "prod", "B", "--bundle", "x"]]
    );
}

#[test]
fn the_command_that_applies_secrets_applies_the_same_objects() {
    let project = two_apps();
    project.write("environments/base.yaml", "delivery: { secrets: sops }\ndata: { SHARED: { sensitive: true } }\n");
    for app in ["cart", "pay"] {
        project.write(&format!("services/{app}/base.yaml"), "");
        project.encrypted(&format!("services/{app}/prod.secrets.yaml"), "data: { SHARED: a-value-of-a-test }\n");
    }
    for (arguments, names) in [(&["--app", "cart"][..], &["cart"][..]), (&[], &["cart", "pay"])] {
        let run = project.run(&[&["render", "prod"], arguments].concat());
        let command = command_in(&run.stderr, "render").unwrap();
        let words: Vec<_> = command.iter().map(String::as_str).collect();
        let applied = project.run(&words).objects();
        assert_eq!(
            applied.0.iter().map(|object| object["metadata"]["name"].clone()).collect::<Vec<_>>(),
            names,
            "{command:?}"
        );
    }
}

#[test]
fn the_command_that_renames_a_key_names_one_key() {
    let entry = "{ NEW: { sensitive: true, renamedFrom: OLD } }";
    let base = format!("data: {entry}\nbundles: {{ x: {{ data: {entry} }} }}\n");
    let value = "{ OLD: a-value-of-a-test }";
    let overlay = format!("data: {value}\nbundles: {{ x: {{ data: {value} }} }}\n");
    let project = Sandbox::with_identities().file("septum.yaml", "apps: ['services/*']\n");
    for app in ["cart", "pay"] {
        project.write(&format!("services/{app}/base.yaml"), &base);
        project.write(&format!("services/{app}/prod.yaml"), "");
        project.encrypted(&format!("services/{app}/prod.secrets.yaml"), &overlay);
    }
    let commands = || {
        let run = project.run(&["check"]);
        (run.stdout + &run.stderr).lines().filter_map(|line| command_in(line, "rename")).collect::<Vec<_>>()
    };
    let found = commands();
    assert_eq!(found.len(), 4, "{found:?}");
    for command in found {
        project.run(&command.iter().map(String::as_str).collect::<Vec<_>>()).succeeds();
    }
    assert_eq!(commands(), Vec::<Vec<String>>::new());
}

#[test]
fn the_command_that_updates_a_tree_works_from_another_directory() {
    let project = Sandbox::new([
        ("p q/septum.yaml", "apps: [app]\n"),
        ("p q/app/base.yaml", "data: { A: x }\n"),
        ("p q/app/dev.yaml", ""),
        ("p q/app/prod.yaml", ""),
    ]);
    project.run(&["-C", "p q", "render", "--all", "--out", "out"]).succeeds();
    // an environment is lost, and a value is another one
    std::fs::remove_file(project.path("p q/app/prod.yaml")).unwrap();
    project.write("p q/app/base.yaml", "data: { A: y }\n");
    for arguments in [&["check", "--rendered", "out"][..], &["render", "--all", "--out", "out", "--check"]] {
        let run = project.run(&[&["-C", "p q"], arguments].concat());
        let printed = run.stdout + &run.stderr;
        let hints = printed.split('`').filter(|part| part.starts_with("septum") && part.contains("--out"));
        for command in hints {
            let words = shlex::split(command).unwrap();
            let words: Vec<_> = words.iter().skip(1).map(String::as_str).collect();
            // out of date, and not refused
            assert_eq!(project.run(&[&words[..], &["--check"]].concat()).code, 1, "{command}");
        }
    }
    project.run(&["-C", "p q", "render", "--all", "--out", "out", "--prune"]).succeeds();
    project.run(&["-C", "p q", "check", "--rendered", "out"]).succeeds();
}

#[test]
fn the_command_that_replaces_a_value_names_one_key() {
    let value = "b7Xk29vQz77mRt4";
    let entry = "{ sensitive: true, expires: 2027-01-31 }";
    let base = format!("data: {{ APP_KEY: {entry} }}\nbundles: {{ x: {{ data: {{ APP_KEY: {entry} }} }} }}\n");
    let overlay = format!("data: {{ APP_KEY: {value} }}\nbundles: {{ x: {{ data: {{ APP_KEY: {value} }} }} }}\n");
    let project = Sandbox::with_identities()
        .file("septum.yaml", "apps: [a, b]\n")
        .file("a/base.yaml", &base)
        .file("b/base.yaml", &base)
        .file("a/dev.yaml", "")
        .file("a/prod.yaml", "")
        .file("b/prod.yaml", "");
    // shared with production, and set in one environment only; a literal that no fix moves; a day that has passed
    for name in ["a/dev.secrets.yaml", "a/prod.secrets.yaml", "b/prod.secrets.yaml"] {
        project.encrypted(name, &overlay);
    }
    let commands = set_commands(&project, &["check", "--at", "2027-02-28"]);
    assert!(commands.len() > 3, "{commands:?}");
    for command in commands {
        let words: Vec<_> = command.iter().map(String::as_str).collect();
        project.give("another-value-of-a-test", &words).succeeds();
    }
}
