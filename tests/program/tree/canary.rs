//! No byte of a tree, nor of what a run says, gives a secret away.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::support::samples::ENCRYPTED;
use crate::support::sandbox::Sandbox;
use crate::tree::world::RECIPIENT;

const CERTIFICATE: &str = include_str!("../../vectors/sealed/cert.pem");

const BASE: &str = "app: shop
namespace: shop
NAMES
data:
  LOG_LEVEL: info
  DATABASE_PASSWORD: { sensitive: true }
  STRIPE_WEBHOOK_SECRET: { sensitive: true }
  URL: 'postgres://app:{{ data.DATABASE_PASSWORD | urlencode }}@db/shop'
manifests: ['objects/*']
";

const BY_HAND: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: { name: by-hand }\nstringData: { url: '{{ data.URL }}' }\n";

fn project(names: &str, delivery: &str) -> Sandbox {
    Sandbox::new([
        ("base.yaml", BASE.replace("NAMES", names).as_str()),
        ("prod.yaml", &format!("delivery: {delivery}\n")),
        ("prod.secrets.yaml", ENCRYPTED),
        ("objects/by-hand.yaml", BY_HAND),
        ("cert.pem", CERTIFICATE),
    ])
}

/// How a secret may look that somebody wrote by mistake.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.to_vec()];
    for shift in 0..3 {
        // in the middle of something else, in each of the three alignments
        let padded: Vec<u8> = vec![b' '; shift].into_iter().chain(secret.iter().copied()).collect();
        let encoded = STANDARD.encode(padded);
        forms.push(encoded.as_bytes()[(shift * 8).div_ceil(6)..encoded.len() - 4].to_vec());
    }
    forms.push(format!("{:x}", Sha256::digest(secret)).as_bytes()[..32].to_vec());
    forms
}

#[test]
fn no_byte_of_a_tree_gives_a_secret_away() {
    let plain = project("names: plain", "{}").run_with_key(&["render", "prod"]).objects();
    let mut secrets: Vec<Vec<u8>> = plain.bytes("Secret/shop").into_values().collect();
    assert_eq!(secrets.len(), 3);
    // the whole file in plaintext, whose hash would tell as much
    secrets.extend(plain.bytes("Secret/by-hand").into_values());
    for names in ["names: plain", "names: hashed"] {
        for delivery in [
            format!("{{ secrets: sops, recipients: [{RECIPIENT}] }}"),
            "{ secrets: sealed-secret, certificate: cert.pem }".to_owned(),
        ] {
            let project = project(names, &delivery);
            let run = project.run_with_key(&["render", "--all", "--out", "rendered", "-v"]);
            assert_eq!(run.code, 0, "{}", run.stderr);
            project.edit("base.yaml", "@db/shop", "@db2/shop");
            let check = project.run_with_key(&["render", "--all", "--out", "rendered", "--check", "-v"]);
            let keyless = project.run(&["render", "--all", "--out", "rendered", "-v"]);
            assert_eq!((check.code, keyless.code), (1, 3), "{}{}", check.stderr, keyless.stderr);
            let mut said: Vec<(String, Vec<u8>)> = project.tree().into_iter().collect();
            for run in [run, check, keyless] {
                said.push(("a message".to_owned(), [run.stdout, run.stderr].concat().into_bytes()));
            }
            for secret in &secrets {
                for form in forms(secret) {
                    for (wher, bytes) in &said {
                        let found = bytes.windows(form.len()).any(|window| window == form);
                        assert!(!found, "{delivery}: {} is in {wher}", String::from_utf8_lossy(&form));
                    }
                }
            }
        }
    }
}
