//! Ciphertext that does not change on its own.

use std::fs;
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::support::messages::record;
use crate::support::peers::peer;
use crate::support::sandbox::DEMO_KEY;
use crate::tree::world::{RECIPIENT, changes, shop};

#[test]
fn twenty_runs_give_one_digest() {
    let project = shop();
    project.render();
    let digest = || {
        let mut hash = Sha256::new();
        for (path, bytes) in project.tree() {
            hash.update(path);
            hash.update(bytes);
        }
        format!("{:x}", hash.finalize())
    };
    let first = digest();
    for run in 0..20 {
        // also when it is made anew: without the inventory, nothing is known of what was
        match run % 3 {
            0 => {}
            1 => fs::remove_file(project.rendered().join(".septum/inventory.json")).unwrap(),
            _ => project.edit("files/app.conf.j2", "\n", "\n"),
        }
        project.render();
        assert_eq!(digest(), first, "run {run}");
    }
}

#[test]
fn a_secret_changes_where_its_values_do() {
    let project = shop();
    project.render();
    let before = project.tree();
    project.edit("base.yaml", "@db/shop", "@db2/shop");
    project.render();
    let after = project.tree();
    let secret = "prod/shop/secret-shop.yaml";
    assert!(changes(&before, &after).contains(&format!("~ {secret}")));
    let lines = |bytes: &[u8]| -> Vec<String> {
        String::from_utf8(bytes.to_vec()).unwrap().lines().map(str::to_owned).collect()
    };
    let (old, new) = (lines(&before[secret]), lines(&after[secret]));
    let differing: Vec<_> = old
        .iter()
        .zip(&new)
        .filter(|(old, new)| old != new)
        .map(|(old, _)| old.trim().split(':').next().unwrap().to_owned())
        .collect();
    assert!(differing.iter().all(|line| ["URL", "lastmodified", "mac"].contains(&line.as_str())), "{differing:?}");
    assert!(differing.contains(&"URL".to_owned()) && differing.contains(&"mac".to_owned()));
}

#[test]
fn every_file_of_a_tree_is_decrypted_by_sops() {
    let Some(sops) = peer("sops") else { return };
    let project = shop();
    project.render();
    let mut count = 0;
    for (path, bytes) in project.tree() {
        if !String::from_utf8_lossy(&bytes).contains("ENC[") {
            continue;
        }
        count += 1;
        let output = Command::new(&sops)
            .arg("decrypt")
            .arg(project.rendered().join(&path))
            .env("SOPS_AGE_KEY_FILE", DEMO_KEY)
            .output()
            .unwrap();
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(count, 2);
}

#[test]
fn an_environment_without_encrypted_layers_keeps_what_did_not_change() {
    let base = "app: app\nnamespace: a\ndata: { P: { value: x, sensitive: true }, A: b }\n";
    let dev = format!("delivery: {{ secrets: sops, recipients: [{RECIPIENT}] }}\n");
    let project = crate::support::sandbox::Sandbox::of(base, &dev);
    record(project.render());
    let before = project.tree();
    project.edit("base.yaml", "A: b", "A: c");
    // who can decrypt what is there can keep it
    let told = project.render();
    assert!(!told.contains("warning"), "{told}");
    assert_eq!(changes(&before, &project.tree()), ["~ dev/app/configmap-app.yaml"]);
    // who cannot does not know, and if it is to be written makes it anew and says so
    project.edit("base.yaml", "A: c", "A: d");
    let check = project.run(&["render", "--all", "--out", "rendered", "--check"]);
    check.record();
    assert!(!check.stdout.contains("secret-app"), "{}", check.stderr);
    let run = project.run(&["render", "--all", "--out", "rendered"]);
    run.record();
    assert!(run.code == 0, "{}", run.stderr);
}
