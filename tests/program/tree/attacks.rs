//! Trees that somebody who can commit made look current: by names, links, wrapped keys and accepted findings.

use crate::support::messages::record;
use crate::support::objects::text;
use std::fs;

use hmac::{Hmac, Mac as _};
use serde_json::{Value as Json, json};
use sha2::Sha256;

use crate::tree::evidence::{Attacked, FOUND, FOUND_WITH_KEY, UNVERIFIED};
use crate::tree::world::shop;

#[cfg(target_os = "linux")]
const OBJECT: &str = "apiVersion: v1\nkind: Pod\nmetadata: { name: evil }\n";

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_is_not_the_listed_one_that_it_is_shown_as() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let attacked = Attacked::new(shop());
    let entry = || json!({ "sha256": "00" });
    for (directory, file, target, listed) in [
        (&b"prod/shop"[..], &b"evil\xff.yaml"[..], "prod/shop", "evil\u{fffd}.yaml"),
        (b"prod/evil\xff", b"evil.yaml", "prod/evil\u{fffd}", "evil.yaml"),
        (b"evil\xff/evil", b"evil.yaml", "evil\u{fffd}/evil", "evil.yaml"),
        (b"", b"evil\xff.md", "prod/shop", "other.yaml"),
    ] {
        let directory = attacked.project.rendered().join(OsStr::from_bytes(directory));
        fs::create_dir_all(&directory).unwrap();
        let file = directory.join(OsStr::from_bytes(file));
        fs::write(&file, OBJECT).unwrap();
        attacked.lie(|inventory| inventory["targets"][target][listed] = entry());
        assert_eq!(attacked.codes(), FOUND, "{}", file.display());
        let told = attacked.render();
        record(&told);
        fs::remove_file(&file).unwrap();
        for directory in [directory.as_path(), directory.parent().unwrap()] {
            fs::remove_dir(directory).ok();
        }
        assert_eq!(attacked.codes(), UNVERIFIED, "{}", file.display());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_link_is_not_the_file_that_it_leads_to_under_another_name() {
    let attacked = Attacked::new(shop());
    let path = "prod/shop/CONFIGMAP-shop.yaml";
    let link = attacked.project.rendered().join(path);
    for is_listed in [false, true] {
        std::os::unix::fs::symlink("configmap-shop.yaml", &link).unwrap();
        if is_listed {
            attacked.vouch(path);
        }
        assert_eq!(attacked.codes(), FOUND);
        attacked.render();
        assert!(link.is_symlink());
        assert_eq!(attacked.codes(), FOUND);
        fs::remove_file(&link).unwrap();
    }
}

#[test]
fn a_wrapped_key_that_was_exchanged_is_found_with_the_key() {
    let attacked = Attacked::new(shop());
    let read = |path: &str| fs::read_to_string(attacked.project.rendered().join(path)).unwrap();
    let armor = |text: &str| {
        let (start, end) = ("-----BEGIN AGE ENCRYPTED FILE-----", "-----END AGE ENCRYPTED FILE-----");
        text[text.find(start).unwrap()..text.find(end).unwrap()].to_owned()
    };
    let path = "prod/shop/secret-shop.yaml";
    let own = read(path);
    let other = armor(&read("staging/shop/secret-shop.yaml"));
    assert_ne!(armor(&own), other);
    fs::write(attacked.project.rendered().join(path), own.replace(&armor(&own), &other)).unwrap();
    attacked.vouch(path);
    assert_eq!(attacked.codes(), FOUND_WITH_KEY);
    attacked.render();
    assert_ne!(armor(&read(path)), other);
    assert_eq!(attacked.codes(), UNVERIFIED);
}

#[test]
fn nobody_accepts_an_edit_of_the_tree_by_a_baseline() {
    let attacked = Attacked::new(shop());
    let path = "prod/shop/deployment-web.yaml";
    attacked.project.edit(&format!("rendered/{path}"), "web:prod", "miner");
    attacked.vouch(path);
    let report = attacked.project.run(&["check", "--rendered", "rendered", "--format", "json"]).stdout;
    let report: Json = serde_json::from_str(&report).unwrap();
    let finding = report["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == "stale-output");
    let message = text(&finding.unwrap()["message"]);
    let mut mac = Hmac::<Sha256>::new_from_slice(&[0; 16]).unwrap();
    mac.update(message.as_bytes());
    let bytes: [u8; 16] = mac.finalize().into_bytes()[..16].try_into().unwrap();
    let tag = format!("{:032x}", u128::from_be_bytes(bytes));
    let known = json!({ "file": format!("rendered/{path}"), "rule": "stale-output", "tag": tag });
    let baseline = format!("key: \"{}\"\nfindings:\n- {known}\n", "00".repeat(16));
    fs::write(attacked.project.root().join(".septum-baseline.yaml"), baseline).unwrap();
    assert_eq!(attacked.codes(), FOUND);
}

#[test]
fn a_mistake_of_the_sources_that_is_accepted_does_not_hide_the_tree() {
    let attacked = Attacked::new(shop());
    let project = &attacked.project;
    for (file, from, to) in [
        ("base.yaml", "data:\n", "data:\n  NEEDED: { required: true }\n"),
        ("base.yaml", "LOG_LEVEL: info", "LOG_LEVEL: { value: info, enum: [info] }"),
    ] {
        let before = fs::read_to_string(project.root().join(file)).unwrap();
        project.edit(file, from, to);
        assert_eq!(project.run(&["check", "--write-baseline"]).code, 0);
        project.edit("rendered/prod/shop/deployment-web.yaml", "web:prod", "miner");
        assert_eq!(attacked.codes().check, [1; 3], "{to}");
        let told = project.run(&["check", "--rendered", "rendered"]).stdout;
        record(&told);
        project.edit("rendered/prod/shop/deployment-web.yaml", "miner", "web:prod");
        fs::write(project.root().join(file), before).unwrap();
    }
}
