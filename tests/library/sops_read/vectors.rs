//! The files in `tests/vectors/sops`, and what sops makes of them.

use std::fs;
use std::path::{Path, PathBuf};

use septum::diagnostic::{FailureKind, render_diagnostic};
use septum::sops::{
    Identities, IdentitySources, Selector, decrypt_document, decrypt_documents, is_encrypted, read_metadata,
};
use septum::span::Source;
use septum::yaml::node::{YamlKind, YamlNode};

use crate::sops_read::tree::{Meaning, document, documents, meaning};
use crate::sops_read::{identities, messages};

/// Where the vectors are.
pub(crate) fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sops")
}

/// The text of a vector.
pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(directory().join(name)).expect(name)
}

/// How many values of a text are encrypted: all ciphertexts but those of comments and checksums.
pub(crate) fn ciphertexts(text: &str) -> usize {
    let count = |part: &str| text.matches(part).count();
    count("ENC[AES256_GCM,data:") - count(",type:comment]") - count("    mac: ENC[")
}

/// How many leaves are marked as decrypted.
fn marked(node: &YamlNode) -> usize {
    match &node.kind {
        YamlKind::Scalar(scalar) => usize::from(scalar.encrypted),
        YamlKind::List(items) => items.iter().map(marked).sum(),
        YamlKind::Map(map) => map.values().map(marked).sum(),
    }
}

#[test]
fn every_vector_decrypts_to_what_sops_prints() {
    let manifest: Vec<serde_json::Value> = serde_json::from_str(&text("manifest.json")).expect("manifest");
    let identities = identities();
    let mut read = 0;
    for entry in manifest {
        let name = entry["file"].as_str().expect("a name");
        if name.starts_with("scalars") || Path::new(name).extension() != Some("yaml".as_ref()) {
            continue; // one has a value that is not UTF-8; layers are YAML
        }
        let source = Source::new(name, text(name));
        let documents_found = documents(source.text());
        assert!(documents_found.iter().all(is_encrypted), "{name}");
        let found = decrypt_documents(documents_found, &source, &identities)
            .unwrap_or_else(|error| panic!("{name}: {:?}", messages(error)));
        let expected = documents(&text(&format!("decrypted/{name}")));
        let meanings = |trees: &[YamlNode]| trees.iter().map(meaning).collect::<Vec<_>>();
        assert_eq!(meanings(&found.tree), meanings(&expected), "{name}");
        assert_eq!(found.encrypted, ciphertexts(source.text()), "{name}");
        assert_eq!(found.tree.iter().map(marked).sum::<usize>(), found.encrypted, "{name}");
        assert_eq!(found.metadata.last_modified.to_string(), entry["lastmodified"].as_str().unwrap(), "{name}");
        read += 1;
    }
    assert!(read >= 13, "{read} vectors");
}

#[test]
fn scalars_of_all_kinds_decrypt_and_verify() {
    // one value is not UTF-8, which YAML cannot hold: all else is looked at without it
    let source = Source::new("scalars.enc.yaml", text("scalars.enc.yaml"));
    let error = decrypt_document(document(source.text()), &source, &identities()).expect_err("not UTF-8");
    assert_eq!(
        messages(error),
        [("sops-value", "`v[38]` is not UTF-8, so it cannot be used as a value in a layer".to_owned())]
    );
}

#[test]
fn a_leaf_keeps_its_place_and_plain_leaves_are_left_alone() {
    let source = Source::new("k8s.yaml", text("k8s_encrypted_regex.enc.yaml"));
    let found = decrypt_documents(documents(source.text()), &source, &identities()).expect("decrypts");
    assert!(
        matches!(&found.metadata.selector, Selector::EncryptedRegex(regex) if regex.as_str() == "^(data|stringData)$")
    );
    let root = found.tree[0].as_map().expect("a mapping");
    assert!(!root.contains_key("sops"));
    let kind = root["kind"].as_scalar().expect("a scalar");
    assert!(!kind.encrypted && kind.text() == "Secret");
    let password = &root["stringData"].as_map().expect("a mapping")["PASSWORD"];
    let scalar = password.as_scalar().expect("a scalar");
    assert!(scalar.encrypted && scalar.text() == "hunter2");
    assert!(source.text()[password.span.start..password.span.end].starts_with("ENC["));
    assert!(!format!("{password:?}").contains("hunter2"));
}

#[test]
fn encrypted_comments_of_a_list_vanish() {
    let source = Source::new("listcomments.enc.yaml", text("listcomments.enc.yaml"));
    let found = decrypt_document(document(source.text()), &source, &identities()).expect("decrypts");
    let texts = |texts: &[&str]| texts.iter().map(|text| Meaning::Text((*text).to_owned())).collect::<Vec<_>>();
    let mut items = texts(&["a", "b"]);
    items.push(Meaning::List(texts(&["x", "y"])));
    assert_eq!(meaning(&found.tree), Meaning::Map(vec![("items".to_owned(), Meaning::List(items))]));
}

#[test]
fn metadata_are_read_without_a_key() {
    let source = Source::new("two", text("two_recipients.enc.yaml"));
    let metadata = read_metadata(&document(source.text()), &source).expect("reads");
    assert_eq!((metadata.groups.len(), metadata.age_recipients().count(), metadata.needed_groups()), (1, 2, 1));
    assert_eq!(metadata.selector.to_string(), "unencrypted_suffix: _unencrypted");
}

#[test]
fn without_an_identity_the_error_says_who_could_and_where_it_looked() {
    let source = Source::new("prod.secrets.yaml", text("two_recipients.enc.yaml"));
    let places = IdentitySources { user_key_files: vec!["/nowhere/keys.txt".into()], ..IdentitySources::default() };
    let error = decrypt_document(document(source.text()), &source, &Identities::new(places)).expect_err("no identity");
    let diagnostic = error.into_diagnostics().remove(0);
    assert_eq!(diagnostic.failure, FailureKind::Key);
    let rendered = render_diagnostic(&diagnostic, false);
    assert_eq!(
        rendered,
        "error: none of the available age identities can decrypt `prod.secrets.yaml`
 --> prod.secrets.yaml:3:1
  |
3 | sops:
  | ^^^^
  = note: it is encrypted for age1pgs5clczcduc0mjyau2mme6pwyr62kjywl5ju29h6kgmjutwtsfqtkttjh, age10evz29j0p03aqxzlw2kg4fnp30c4fnlq6672ttq7eg0c676n8shqs95nm7
  = note: SOPS_AGE_KEY: not set
  = note: SOPS_AGE_KEY_FILE: not set
  = note: SOPS_AGE_KEY_CMD: not set
  = note: /nowhere/keys.txt: no such file
  = hint: set `SOPS_AGE_KEY_FILE` to the file with your identity
  = hint: or ask one of the recipients to add yours to `.sops.yaml` and run `septum rekey`"
    );
}

#[test]
fn a_finding_points_at_the_value_and_hides_it() {
    let text = text("simple.enc.yaml").replacen("data:Rg==", "data:Rh==", 1).replacen("b: ENC", "b: hunter2 ENC", 1);
    let source = Source::new("prod.secrets.yaml", text);
    let error = decrypt_document(document(source.text()), &source, &identities()).expect_err("changed");
    let diagnostic = error.into_diagnostics().remove(0);
    assert_eq!(
        render_diagnostic(&diagnostic, false),
        "error: `b` must be encrypted by `unencrypted_suffix: _unencrypted`, but is in plaintext
 --> prod.secrets.yaml:2:4
  |
2 | b: …
  |    ^
  = note: sops rejects such a file
  = hint: `septum encrypt prod.secrets.yaml` encrypts it, if the change is yours
  = hint: or restore the encrypted value from Git, and change it with `septum set`"
    );
}
