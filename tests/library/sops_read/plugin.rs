//! Keys of plugins, with the plugin of age that has post-quantum keys. It must be on the path itself,
//! where the age crate looks for it.

use std::process::Command;

use septum::sops::{Identities, IdentitySources, Recipient, decrypt_document};
use septum::span::Source;
use zeroize::Zeroizing;

use crate::sops_read::tree::{document, meaning};
use crate::sops_read::vectors::{directory, text};
use crate::support::peers::peer;

#[test]
fn a_plugin_opens_what_is_for_its_identity() {
    let Some(plugin) = peer("age-plugin-pq") else { return };
    let output = Command::new(&plugin).arg("-identity").arg(directory().join("keys_pq.txt")).output().expect("runs");
    let identity = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(identity.contains("AGE-PLUGIN-PQ-1"));
    let places = IdentitySources { age_key: Some(Zeroizing::new(identity)), ..IdentitySources::default() };
    let identities = Identities::new(places);
    let source = Source::new("x.yaml", text("hybrid_pq_recipient.enc.yaml"));
    let found = decrypt_document(document(source.text()), &source, &identities).expect("decrypts");
    assert_eq!(meaning(&found.tree), meaning(&document("a: secret\nb: 2\n")));
    assert_eq!(identities.searched()[0].outcome.to_string(), "the identity of age-plugin-pq");
}

#[test]
fn a_plugin_that_is_missing_is_named() {
    // 20 bytes under the name of a plugin that nobody has
    let recipient = "age1septumtest1ppppppppppppppppppppppppppppppppjlnctg";
    let recipient = Recipient::parse(recipient).expect("a recipient");
    let error = recipient.wrap_secret(b"key").expect_err("no such plugin").to_string();
    assert!(error.contains("`age-plugin-septumtest` was not found on `PATH`"), "{error}");
}
