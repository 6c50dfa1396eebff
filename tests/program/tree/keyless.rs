//! A clone without a key: all that can be done is done, and the rest is named.

use std::fs;

use crate::support::messages::record;
use crate::support::sandbox::{Run, Sandbox};
use crate::tree::world::{BASE, RECIPIENT, changes, shop};

fn keyless(project: &Sandbox) -> Run {
    project.run(&["render", "--all", "--out", "rendered"])
}

#[test]
fn what_did_not_change_needs_no_key() {
    let project = shop();
    project.render();
    let before = project.tree();
    let run = keyless(&project);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    // with nothing remembered, too
    fs::remove_dir_all(project.root().parent().unwrap().join(".cache")).unwrap();
    let run = keyless(&project);
    assert_eq!(run.code, 0, "{}", run.stderr);
    // and who checks is not content with what an inventory says
    for (words, code) in [(&[][..], 3), (&["--keyless"][..], 0)] {
        let check = project.run(&[&["render", "--all", "--out", "rendered", "--check"], words].concat());
        assert_eq!((check.code, check.stdout.as_str()), (code, ""), "{}", check.stderr);
        check.record();
    }
    assert_eq!(project.tree(), before);
}

#[test]
fn what_is_plain_is_rendered_and_a_secret_that_is_made_of_the_same_stays() {
    for naming in ["", "names: hashed\n"] {
        let project = shop().file("base.yaml", format!("{naming}{BASE}"));
        project.render();
        let before = project.tree();
        project.edit("prod.yaml", "warn", "error");
        let run = keyless(&project);
        assert_eq!(run.code, 0, "{naming}{}", run.stderr);
        run.record();
        let by_hash = if naming.is_empty() { vec![] } else { vec!["~ prod/shop/deployment-web.yaml".to_owned()] };
        let expected = [vec!["~ prod/shop/configmap-shop.yaml".to_owned()], by_hash].concat();
        assert_eq!(changes(&before, &project.tree()), expected, "{naming}");
        // and with the key it is the same
        let after = project.tree();
        project.render();
        assert_eq!(changes(&after, &project.tree()), [""; 0], "{naming}");
        // from the sources alone, too
        fs::remove_dir_all(project.rendered()).unwrap();
        project.render();
        let plain = |tree: std::collections::BTreeMap<String, Vec<u8>>| -> Vec<_> {
            tree.into_iter().filter(|(path, _)| !path.contains("secret") && !path.contains("inventory")).collect()
        };
        assert_eq!(plain(project.tree()), plain(after), "{naming}");
    }
}

#[test]
fn what_takes_a_key_is_named_and_left_as_it_is() {
    for (file, from, to) in [
        // the template of a secret
        ("base.yaml", "@db/shop", "@db2/shop"),
        // what is secret
        ("prod.secrets.yaml", "data:\n", "data: # touched\n"),
        // for whom it is
        ("base.yaml", "namespace: shop", "namespace: other"),
    ] {
        let project = shop();
        project.render();
        let before = project.tree();
        project.edit(file, from, to);
        if file == "prod.secrets.yaml" {
            // another ciphertext of the same value
            let text = fs::read_to_string(project.root().join(file)).unwrap();
            let at = text.find("ENC[AES256_GCM,data:").unwrap() + 20;
            let mut bytes = text.into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            fs::write(project.root().join(file), bytes).unwrap();
        }
        let run = keyless(&project);
        assert_eq!(run.code, 3, "{file}: {}", run.stderr);
        assert!(run.stderr.contains("prod/shop/secret-shop.yaml"), "{file}: {}", run.stderr);
        run.record();
        let changed = changes(&before, &project.tree());
        assert!(changed.iter().all(|change| !change.contains("secret-shop")), "{file}: {changed:?}");
        // it stays named until somebody with the key has been there
        assert_eq!(keyless(&project).code, 3, "{file}");
        if file == "base.yaml" {
            project.render();
            let run = keyless(&project);
            assert_eq!(run.code, 0, "{file}: {}", run.stderr);
        }
    }
}

#[test]
fn a_tree_that_is_not_there_has_all_but_the_secrets() {
    let project = shop();
    let run = keyless(&project);
    assert_eq!(run.code, 3, "{}", run.stderr);
    let tree = project.tree();
    assert!(tree.contains_key("prod/shop/configmap-shop.yaml") && tree.contains_key("dev/shop/configmap-shop.yaml"));
    assert!(tree.keys().all(|path| !path.starts_with("prod/shop/secret")));
    let kustomization = String::from_utf8(tree["prod/shop/kustomization.yaml"].clone()).unwrap();
    assert!(!kustomization.contains("secret"), "{kustomization}");
    project.render();
    assert!(project.tree().contains_key("prod/shop/secret-shop.yaml"));
}

#[test]
fn a_mistake_is_found_without_a_key() {
    let project = shop();
    project.render();
    project.edit("prod.yaml", "LOG_LEVEL", "LOG_LEVL");
    let run = keyless(&project);
    run.record();
    assert!(run.code == 2, "{}", run.stderr);
    let project = shop();
    project.edit("workloads/web.yaml", "image: ", "envFrom: [{ secretRef: { name: none } }], image: ");
    let run = keyless(&project);
    run.record();
    assert!(run.code == 2, "{}", run.stderr);
}

#[test]
fn nothing_is_told_of_values_that_only_do_not_fit_ciphertext() {
    let project = shop();
    project.edit(
        "base.yaml",
        "sensitive: true }\n  STRIPE",
        "sensitive: true, maxLength: 40, pattern: '^[!-~]+$' }\n  STRIPE",
    );
    project.edit(
        "base.yaml",
        "  URL: ",
        "  LONG: '{{ (data.DATABASE_PASSWORD | default(\"\") | length) > 100 }}'\n  URL: ",
    );
    project.render();
    project.edit("prod.yaml", "warn", "error");
    let run = keyless(&project);
    assert!(run.code == 0 && !run.stderr.contains("error"), "{}", run.stderr);
}

#[test]
fn a_manifest_that_is_made_of_a_secret_is_kept_too() {
    let manifest = "apiVersion: v1\nkind: Secret\nmetadata: { name: by-hand }\nstringData: { url: '{{ data.URL | default(\"\") }}' }\n";
    let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: as-text\nstringData:\n  url: {{ data.URL | default('') | tojson }}\n";
    let project = shop().file("workloads/a.yaml", manifest).file("workloads/b.yaml.j2", text);
    project.edit("base.yaml", "['workloads/*.yaml']", "['workloads/*']");
    project.render();
    let before = project.tree();
    project.edit("prod.yaml", "warn", "error");
    let run = keyless(&project);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(changes(&before, &project.tree()), ["~ prod/shop/configmap-shop.yaml"]);
}

#[test]
fn a_secret_for_others_takes_a_key() {
    let other = "age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm";
    let rules = |recipients: &str| format!("creation_rules:\n- path_regex: rendered/\n  age: {recipients}\n");
    let by_rule = shop().file(".sops.yaml", rules(&format!("{RECIPIENT},{other}")));
    by_rule.edit("base.yaml", &format!(", recipients: [{RECIPIENT}]"), "");
    let by_layer = shop();
    let certificate = include_str!("../../vectors/sealed/cert.pem");
    let sealed = shop().file("cert.pem", certificate);
    sealed.edit(
        "base.yaml",
        &format!("secrets: sops, recipients: [{RECIPIENT}]"),
        "secrets: sealed-secret, certificate: cert.pem",
    );
    let lone = format!("recipients: [{RECIPIENT}]");
    let both = format!("recipients: [{RECIPIENT}, {other}]");
    for (project, file, from, to) in [
        (by_rule, ".sops.yaml", format!(",{other}"), String::new()),
        (by_layer, "base.yaml", lone, both),
        (sealed, "cert.pem", certificate.to_owned(), include_str!("../../vectors/sealed/other.pem").to_owned()),
    ] {
        project.render();
        let before = project.tree();
        project.edit(file, &from, &to);
        // for whom it is is no secret; what it is sealed with is
        let check = project.run(&["render", "--all", "--out", "rendered", "--check", "--keyless"]);
        assert_eq!(check.code, i32::from(file != "cert.pem"), "{file}: {}", check.stderr);
        assert_eq!(keyless(&project).code, 3, "{file}");
        // who was there without a key did not hide it from who has one
        project.render();
        let changed = changes(&before, &project.tree());
        assert_eq!(changed.len(), 2, "{file}: {changed:?}");
        assert_eq!(keyless(&project).code, 0, "{file}");
    }
}

#[test]
fn an_encrypted_manifest_that_did_not_change_is_not_called_out_of_date() {
    for rules in ["", ", encrypted_regex: '^(data|stringData)$'"] {
        let desk = Sandbox::with_identities();
        desk.rules(&format!("creation_rules: [{{ path_regex: 'secrets', age: ALICE{rules} }}]"));
        desk.write("environments/base.yaml", "app: shop\nmanifests: [m/*.yaml]\n");
        desk.write("environments/prod.yaml", "");
        let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { PASSWORD: canary-hunter2 }\n";
        desk.encrypted("environments/m/s.secrets.yaml", secret);
        desk.run(&["render", "--all", "--out", "rendered"]).succeeds();
        desk.run(&["render", "--all", "--out", "rendered", "--check"]).succeeds();
        let run = desk.run_without_key(&["render", "--all", "--out", "rendered", "--check", "--keyless"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(!run.stderr.contains("changed"), "{}", run.stderr);
        record(&run.stderr);
        record(&desk.run_without_key(&["check", "--keyless", "--rendered", "rendered"]).stdout);
    }
}
