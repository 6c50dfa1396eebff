//! What an import writes, and where: all or nothing, and nothing that exists.

use std::fs;

use super::import;
use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

const OBJECT: &str = "apiVersion: v1\nkind: Secret\nmetadata: { name: a }\nstringData: { PASSWORD: canary-hunter2 }\n";

#[test]
fn nothing_that_exists_is_overwritten() {
    let desk = Sandbox::with_identities();
    desk.write("a.yaml", OBJECT);
    desk.write("taken/base.yaml", "app: x\n");
    desk.write("file", "x");
    let before = desk.all();
    for out in ["taken", "file", "a.yaml"] {
        let run = import(&desk, &["manifests", "a.yaml", "--out", out]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        record(&run.stderr);
        assert!(desk.all() == before, "{out}");
    }
    // an empty directory is as good as none
    fs::create_dir(desk.path("empty")).unwrap();
    import(&desk, &["manifests", "a.yaml", "--out", "empty"]).ok();
    assert!(desk.path("empty/base.yaml").exists());
}

#[test]
fn a_rule_that_exists_decides_for_whom_secrets_are_encrypted() {
    let desk = Sandbox::with_identities();
    desk.write("a.yaml", OBJECT);
    let bob = desk.bob.clone();
    desk.rules(&format!("creation_rules: [{{ path_regex: 'prod\\.secrets', age: {bob} }}]\n"));
    let rules = desk.read(".sops.yaml");
    // the proof requires no key of theirs
    import(&desk, &["manifests", "a.yaml"]).ok();
    assert!(desk.read("environments/prod.secrets.yaml").contains(&bob));
    assert_eq!(desk.read(".sops.yaml"), rules);
    let run = desk.run_as_bob(&["get", "prod", "PASSWORD", "--bundle", "a"]);
    assert_eq!(run.ok(), "canary-hunter2");
}

#[test]
fn a_rule_that_leaves_a_secret_in_plaintext_or_does_not_match_is_refused() {
    for rule in ["{ encrypted_regex: '^x$', age: RECIPIENT }", "{ path_regex: '^dev$', age: RECIPIENT }", "{}"] {
        let desk = Sandbox::with_identities();
        desk.write("a.yaml", OBJECT);
        desk.rules(&format!("creation_rules: [{}]\n", rule.replace("RECIPIENT", &desk.alice)));
        let before = desk.all();
        let run = import(&desk, &["manifests", "a.yaml"]);
        assert_eq!(run.code, 2, "{rule}: {}", run.stderr);
        super::assert_no_secret(rule, run.stderr.as_bytes());
        record(&run.stderr);
        assert!(desk.all() == before, "{rule}");
    }
}

#[test]
fn without_rules_they_are_created_for_an_identity_of_the_user() {
    let desk = Sandbox::with_identities();
    fs::remove_file(desk.path(".sops.yaml")).unwrap_or_default();
    desk.write("a.yaml", OBJECT);
    import(&desk, &["manifests", "a.yaml"]).ok();
    assert!(desk.read(".sops.yaml").contains(&desk.alice));
    // without one, a new one is added to the key file
    let desk = Sandbox::with_identities();
    fs::remove_file(desk.path(".sops.yaml")).unwrap_or_default();
    desk.write("a.yaml", OBJECT);
    desk.run_without_key(&["import", "manifests", "a.yaml"]).ok();
    let keys = desk.read("home/.config/sops/age/keys.txt");
    let recipient = keys.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a key").to_owned();
    assert!(desk.read(".sops.yaml").contains(&recipient));
    assert_eq!(desk.run_without_key(&["get", "prod", "PASSWORD", "--bundle", "a"]).ok(), "canary-hunter2");
}

#[test]
fn an_environment_whose_layer_would_not_be_read_is_refused_by_its_name() {
    let desk = Sandbox::with_identities();
    desk.write("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { A: b }\n");
    desk.write("a.env", "A=b\n");
    desk.write("kustomization.yaml", "resources: [a.yaml]\n");
    desk.write("overlays/external-secrets/kustomization.yaml", "resources: [../../a.yaml]\n");
    desk.write("overlays/chart/kustomization.yaml", "resources: [../../a.yaml]\n");
    let before = desk.all();
    for arguments in [
        &["dotenv", "secrets=a.env", "skaffold=a.env"][..],
        &["helm-values", "a.yaml", "values=a.yaml"],
        &["manifests", "prod=a.yaml", "prod-copy=a.yaml"],
        &["kustomize", "."],
        &["kustomize", "--env", "compose=."],
    ] {
        let run = import(&desk, arguments);
        assert_eq!(run.code, 2, "{arguments:?} {}", run.stderr);
        record(&run.stderr);
        assert!(desk.all() == before, "{arguments:?}");
    }
}

#[test]
fn arguments_are_checked() {
    let desk = Sandbox::with_identities();
    desk.write("a.yaml", OBJECT);
    for arguments in [
        &["manifests", "a.yaml", "prod=a.yaml"][..],
        &["manifests", "nothing.yaml"],
        &["manifests", "P_R=a.yaml"],
        &["manifests", "base=a.yaml"],
        &["manifests", "a.yaml", "--app", "A_B"],
        &["manifests"],
        &["everything", "a.yaml"],
    ] {
        let run = import(&desk, arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
        record(&run.stderr);
    }
}

#[test]
fn arguments_that_may_be_secrets_are_not_repeated() {
    let desk = Sandbox::with_identities();
    for (path, text) in [("a.yaml", OBJECT), (".env", "A=b\n"), ("values.yaml", "env: { A: b }\npassword: k3x9\n")] {
        desk.write(path, text);
    }
    desk.encrypted("prod.secrets.yaml", "data: { A: b }\n");
    for (kind, file) in
        [("manifests", "a.yaml"), ("dotenv", ".env"), ("helm-values", "values.yaml"), ("sops", "prod.secrets.yaml")]
    {
        for canary in ["hunter2canary", "PW=hunter2canary", "-hunter2canary", "--hunter2canary=x"] {
            for arguments in [
                &[kind, canary][..],
                &[kind, file, canary],
                &[canary, file],
                &[kind, file, "--out", canary],
                &[kind, file, "--app", canary],
                &[kind, file, "--data", canary],
                &[kind, file, "--dialect", canary],
            ] {
                let run = import(&desk, arguments);
                let printed = run.stdout.clone() + &run.stderr;
                assert!(!printed.contains("hunter2canary"), "{arguments:?}: {printed}");
                for made in ["hunter2canary", "PW=hunter2canary", "environments"] {
                    if desk.path(made).exists() {
                        fs::remove_dir_all(desk.path(made)).unwrap();
                    }
                }
            }
        }
    }
}

#[test]
fn a_new_directory_is_named_once_it_exists_and_so_is_the_command_for_it() {
    let desk = Sandbox::with_identities();
    desk.write(".env", "A=b\nDB_PASSWORD=canary-hunter2\n");
    let run = import(&desk, &["dotenv", ".env", "--app", "shop", "--out", "config"]);
    record(run.ok());
    desk.run(&["-C", "config", "check"]).succeeds();
}

#[test]
fn an_argument_that_is_not_a_file_is_named_or_counted_from_the_name_of_the_program() {
    let desk = Sandbox::with_identities();
    desk.write(".env", "A=b\n");
    for arguments in [
        &["dotenv", ".env", ".env.prod"][..],
        &["dotenv", ".env", "hunter2"],
        &["manifests", "dev=nope.yaml"],
        &["manifests", "dev=hunter2"],
        &["dotenv"],
        &["kustomize"],
        &["env", ".env"],
        &[],
    ] {
        let run = import(&desk, arguments);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(!run.stderr.contains("hunter2"));
        record(&run.stderr);
    }
    record(&desk.run(&["eject", "helm"]).stderr);
    record(&desk.run(&["decrypt", "prod"]).stderr);
}

#[test]
fn the_app_has_the_name_of_the_directory_of_its_layers() {
    let desk = Sandbox::with_identities();
    desk.write(".env", "PORT=1\n");
    for (out, app) in [
        ("services/orders", "orders"),
        ("billing", "billing"),
        ("mail/environments", "mail"),
        ("a/Some_Name", "some-name"),
    ] {
        import(&desk, &["dotenv", ".env", "--dialect", "compose", "--out", out]).ok();
        let base = desk.read(&format!("{out}/base.yaml"));
        assert!(base.starts_with(&format!("app: {app}\n")), "{out}: {base}");
    }
}
