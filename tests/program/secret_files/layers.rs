//! Encrypted files that are layers: what is checked of them with a key and without, and what may be put into them.

use crate::support::messages::{note_case, record};
use crate::support::sandbox::{CANARY, Sandbox};

const BASE: &str = "app: shop\ndata:\n  PASSWORD: { sensitive: true, minLength: 5 }\n  PORT: { value: 80, type: integer }\nbundles:\n  free: { open: true, data: {} }\n";

/// A project whose secrets of `prod` are Alice's.
fn project() -> Sandbox {
    let desk = Sandbox::with_identities();
    desk.write("environments/base.yaml", BASE);
    desk.write("environments/dev.yaml", "data: { PASSWORD: null }\n");
    desk.write("environments/prod.yaml", "");
    desk.encrypted("environments/prod.secrets.yaml", format!("data:\n  PASSWORD: {CANARY}\n"));
    desk
}

const FILE: &str = "environments/prod.secrets.yaml";

#[test]
fn a_layer_that_differs_from_its_rule_is_reported_with_a_key_and_without() {
    let commands: [&[&str]; 3] = [&["check"], &["check", "--keyless"], &["render", "dev"]];
    for rules in [
        "creation_rules: [{path_regex: 'secrets', age: 'ALICE,BOB'}]",
        "creation_rules: [{path_regex: 'secrets', age: BOB}]",
        "creation_rules: [{path_regex: 'secrets', age: ALICE, encrypted_regex: '^data$'}]",
        "creation_rules: [{path_regex: 'secrets', age: ALICE, mac_only_encrypted: true}]",
    ] {
        let desk = project();
        for command in commands {
            desk.run(command).record();
        }
        desk.rules(rules);
        let mut runs = Vec::new();
        for command in commands {
            runs.extend([desk.run(command), desk.run_without_key(command)]);
        }
        for run in runs {
            let printed = format!("{}{}", run.stderr, String::from_utf8_lossy(&run.bytes));
            record(&printed);
        }
        // what needs no key elsewhere needs none here
        assert_eq!(desk.run_without_key(&["rekey", "--check"]).code, 1);
    }
}

#[test]
fn a_layer_whose_metadata_are_not_valid_is_an_error_without_a_key() {
    let desk = project();
    desk.replace(FILE, "    version:", "    unversioned:");
    for command in [&["check", "--keyless"][..], &["render", "dev"], &["check"]] {
        let run = desk.run_without_key(command);
        let printed = format!("{}{}", run.stderr, String::from_utf8_lossy(&run.bytes));
        assert!(run.code == 2 && printed.contains("version"), "{command:?}: {printed}");
    }
}

#[test]
fn set_refuses_a_key_that_a_layer_cannot_have_and_says_which_it_can() {
    let desk = project();
    let before = desk.read(FILE);
    for (key, value) in [
        ("PASSWORD", "hunter3-canary"),
        ("free.data.X", "hunter3-canary"),
        ("data.PASSWROD", "hunter3-canary"),
        ("hunter3-canary", "x"),
        ("data.PORT", "hunter3-canary"),
        ("data.PASSWORD", "h3"),
    ] {
        let run = desk.give(value, &["set", FILE, key]);
        run.record();
        assert!(run.code == 2, "{key}: {}", run.stderr);
        assert!(!run.stderr.contains("hunter3-canary"), "{key}: {}", run.stderr);
        assert_eq!(desk.read(FILE), before, "{key}");
    }
    for (key, value) in
        [("data.PORT", "81"), ("bundles.free.data.ANY", "hunter3-canary"), ("bundles.free.data.MORE", "hunter3-canary")]
    {
        let run = desk.give(value, &["set", FILE, key]);
        run.record();
        assert!(run.code == 0, "{key}: {}", run.stderr);
    }
    // with a map as the value too
    let run = desk.give("{\"NOT\": \"hunter3-canary\"}", &["set", "--json", FILE, "data"]);
    assert!(run.code == 2 && run.stderr.contains("`NOT`") && !run.stderr.contains("hunter3"), "{}", run.stderr);
}

#[test]
fn errors_that_a_project_had_before_do_not_stop_a_change_or_hide_new_ones() {
    let desk = project();
    desk.write("environments/dev.yaml", "data: { UNKNOWN: 1 }\n");
    assert_eq!(desk.give("other-canary", &["set", FILE, "data.PASSWORD"]).code, 0);
    let run = desk.give("x", &["set", FILE, "data.ALSO_UNKNOWN"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    let run = desk.give("eighty", &["set", FILE, "data.PORT"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    // of a base that nobody can read, nothing is known
    desk.write("environments/base.yaml", "app: [\n");
    let run = desk.give("third-canary", &["set", FILE, "data.PASSWORD"]);
    run.record();
    assert!(run.code == 0, "{}", run.stderr);
}

#[test]
fn mixins_and_shared_layers_are_checked_too_and_other_files_are_not() {
    let desk = Sandbox::with_identities();
    desk.write("septum.yaml", "apps: [apps/*]\nshared: shared\n");
    desk.write("apps/shop/base.yaml", "app: shop\ndata: { PASSWORD: { sensitive: true } }\n");
    desk.write("apps/shop/prod.yaml", "extends: [eu]\n");
    desk.write("apps/shop/eu.yaml", "");
    desk.encrypted("apps/shop/base.secrets.yaml", "data: { PASSWORD: hunter2-canary }\n");
    desk.encrypted("shared/prod.secrets.yaml", "data: { PASSWORD: hunter2-canary }\n");
    desk.encrypted("apps/shop/other/x.secrets.yaml", "data: { PASSWORD: hunter2-canary }\n");
    for file in ["apps/shop/base.secrets.yaml", "shared/prod.secrets.yaml"] {
        let run = desk.give("x", &["set", file, "datta.X"]);
        run.record();
        assert!(run.code == 2, "{file}: {}", run.stderr);
        assert_eq!(desk.give("x", &["set", file, "data.PASSWORD"]).code, 0, "{file}");
    }
    let run = desk.give("x", &["set", "apps/shop/other/x.secrets.yaml", "anything"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn fix_encrypts_what_was_typed_over_a_ciphertext() {
    let desk = Sandbox::with_identities();
    desk.write("environments/base.yaml", "app: shop\ndata: { A: { sensitive: true }, B: { sensitive: true } }\n");
    desk.write("environments/prod.yaml", "");
    desk.encrypted(FILE, "data:\n  A: hunter2-canary\n  B: hunter3-canary\n");
    let text = desk.read(FILE);
    let typed: String = text
        .lines()
        .map(|line| {
            line.split_once(": ENC[")
                .filter(|_| line.starts_with("  ") && !line.contains("mac"))
                .map_or_else(|| format!("{line}\n"), |(key, _)| format!("{key}: hunter4-canary\n"))
        })
        .collect();
    assert_eq!(typed.matches("hunter4-canary").count(), 2, "{typed}");
    desk.write(FILE, &typed);
    // somebody without the key cannot, and is told why
    let run = desk.run_without_key(&["check", "--fix"]);
    let printed = String::from_utf8_lossy(&run.bytes).into_owned();
    record(&printed);
    assert!(run.code == 1, "{printed}{}", run.stderr);
    assert_eq!(desk.read(FILE), typed);
    let run = desk.run(&["check", "--fix"]);
    let printed = String::from_utf8_lossy(&run.bytes).into_owned();
    assert_eq!(run.code, 0, "{printed}{}", run.stderr);
    assert_eq!(printed.matches("fixed[sops-plaintext]").count(), 1, "{printed}");
    record(&printed);
    assert!(!printed.contains("hunter"), "{printed}");
    assert_eq!(desk.run(&["get", "prod", "B"]).succeeds(), "hunter4-canary");
    assert!(!desk.read(FILE).contains("hunter4"));
}

const PULL: &str = "app: shop\nbundles:\n  pull:\n    registries:\n      ghcr.io: { username: robot }\n";

/// A project with a login to a registry, which has no secrets yet.
fn pulling() -> Sandbox {
    let desk = Sandbox::with_identities();
    desk.write("environments/base.yaml", PULL);
    desk.write("environments/prod.yaml", "");
    desk
}

#[test]
fn the_password_of_a_registry_is_set_and_not_the_text_that_is_generated_from_it() {
    let desk = pulling();
    let before = desk.all();
    for key in [".dockerconfigjson", "registries.ghcr.oi.password", "registries.ghcr.io.token"] {
        let run = desk.give("x", &["set", "prod", key, "--bundle", "pull"]);
        assert_eq!(run.code, 2, "{key}: {}", run.stderr);
        run.record();
    }
    assert!(desk.all() == before);
    desk.run(&["check"]).record();
    desk.give(CANARY, &["set", "prod", "registries.ghcr.io.password"]).succeeds();
    let path = "bundles.pull.registries[\"ghcr.io\"].password";
    assert_eq!(desk.run(&["get", FILE, path]).succeeds(), CANARY);
    desk.run(&["check"]).succeeds();
    desk.run(&["get", "prod", "registries.ghcr.io.password"]).record();
    desk.run(&["set", "prod", ".dockerconfigjson", "--bundle", "pull"]).record();
    desk.give("y", &["set", "prod", "registries[\"ghcr.io\"].password", "--bundle", "pull"]).succeeds();
    assert_eq!(desk.run(&["get", FILE, path]).succeeds(), "y");
    desk.run(&["unset", "prod", "registries.ghcr.io.password", "--bundle", "pull"]).succeeds();
    assert_eq!(desk.run(&["get", FILE, path]).code, 2);
}

#[test]
fn a_value_for_a_generated_key_is_removed_as_the_error_says() {
    let desk = pulling();
    desk.encrypted(FILE, format!("bundles: {{ pull: {{ data: {{ .dockerconfigjson: {CANARY} }} }} }}\n"));
    let run = desk.run(&["check"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    record(&run.stdout);
    desk.run(&["unset", FILE, "bundles.pull.data[\".dockerconfigjson\"]"]).succeeds();
    let run = desk.run(&["check"]);
    assert!(!run.stderr.contains("two-sources") && !run.stdout.contains("two-sources"), "{}", run.stdout);
}

#[test]
fn a_value_that_the_type_of_its_secret_does_not_allow_is_not_written() {
    let desk = Sandbox::with_identities();
    desk.write(
        "environments/base.yaml",
        "app: shop\nbundles:\n  tls: { type: kubernetes.io/tls, data: { tls.crt: {}, tls.key: {} } }\n  pull: { type: kubernetes.io/dockerconfigjson, data: { .dockerconfigjson: {} } }\n",
    );
    desk.write("environments/prod.yaml", "");
    let before = desk.all();
    for (key, value) in [("tls.crt", "x"), ("tls.key", CANARY), (".dockerconfigjson", "x"), (".dockerconfigjson", "[]")]
    {
        let run = desk.give(value, &["set", "prod", key]);
        assert_eq!(run.code, 2, "{key}: {}", run.stderr);
        run.record();
    }
    assert!(desk.all() == before);
    desk.give("{\"auths\": {}}", &["set", "prod", ".dockerconfigjson"]).succeeds();
}

/// People take a Secret among the manifests for a bundle.
#[test]
fn a_secret_among_the_manifests_is_no_bundle_and_the_command_that_changes_it_is_named() {
    let desk = Sandbox::with_identities();
    desk.write("base.yaml", "app: shop\ndata: { A: a }\nmanifests: [w/*.yaml]\n");
    desk.write("dev.yaml", "");
    let secret =
        |name: &str, values: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: {name} }}\n{values}\n");
    desk.rules(&format!("creation_rules:\n  - encrypted_regex: ^(data|stringData)$\n    age: {}\n", desk.alice));
    desk.encrypted("w/own.yaml", secret("own", "stringData: { TOKEN: x }"));
    desk.write("w/plain.yaml", secret("plain", "data: { TOKEN: aGk= }"));
    desk.encrypted("w/dots.yaml", secret("dots", "stringData: { tls.crt: x }"));
    let item = "{ apiVersion: v1, kind: Secret, metadata: { name: item }, stringData: { a b: x } }";
    desk.encrypted("w/list.yaml", format!("apiVersion: v1\nkind: List\nitems:\n- {item}\n"));
    for (case, arguments) in [
        ("an encrypted one", &["set", "dev", "TOKEN", "--bundle", "own"][..]),
        ("a key that it lacks", &["get", "dev", "OTHER", "--bundle", "own"]),
        ("a plain one", &["set", "dev", "TOKEN", "--bundle", "plain"]),
        ("all values", &["export", "dev", "--bundle", "own"]),
        ("a view", &["explain", "dev", "TOKEN", "--bundle", "own"]),
        ("neither", &["set", "dev", "TOKEN", "--bundle", "none"]),
        ("a key with a dot", &["set", "dev", "tls.crt", "--bundle", "dots"]),
        ("in a List", &["get", "dev", "a b", "--bundle", "item"]),
    ] {
        note_case(case);
        desk.give("y", arguments).refused();
    }
    for (file, path) in [("w/dots.yaml", "stringData.\"tls.crt\""), ("w/list.yaml", "items[0].stringData.\"a b\"")] {
        let found = desk.give("y", &["set", file, path]);
        assert!(found.stderr.contains(path), "{path} is there already: {}", found.stderr);
        found.succeeds();
    }
    desk.give("y", &["set", "w/own.yaml", "stringData.TOKEN"]).succeeds();
}
