//! A merge that nobody finished is not deployed.

use septum::sops::{GoRegex, Selector, SopsFormat, format_conflict};

use crate::git_drivers::repository::*;

fn render(secrets: &[u8]) -> Run {
    let repository = Repository::new();
    repository.write("base.yaml", b"app: shop\ndata:\n  PASSWORD: { sensitive: true }\n  USER: nobody\n");
    repository.write("prod.yaml", b"");
    repository.write("prod.secrets.yaml", secrets);
    repository.run("septum", &["render", "prod"])
}

#[test]
fn a_value_with_both_sides_of_a_merge_is_refused() {
    let both = format_conflict("canary-one", "canary-two").replace('\n', "\n    ");
    let text = format!("data:\n  PASSWORD: |-\n    {both}\n  USER: x\n");
    let run = render(&encrypted(&text, SopsFormat::Yaml));
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    run.record();
    assert!(!run.stderr.contains("canary"), "{}", run.stderr);
    assert!(!run.stderr.contains("sops.mac"), "the checksum fits: {}", run.stderr);
}

#[test]
fn so_is_one_that_the_rule_of_the_file_leaves_in_plaintext() {
    let text = format!("data:\n  PASSWORD: x\n  USER: |-\n    {}\n", format_conflict("a", "b").replace('\n', "\n    "));
    let selector = Selector::EncryptedRegex(GoRegex::parse("PASSWORD").unwrap());
    let run = render(&encrypted_for(&[ALICE], selector, text.as_bytes(), SopsFormat::Yaml));
    run.record();
    assert!(run.code == 2, "{}", run.stderr);
}

#[test]
fn a_text_that_only_looks_a_little_like_it_is_deployed() {
    let run = render(&encrypted("data:\n  PASSWORD: '<<<<<<< x'\n", SopsFormat::Yaml));
    assert_eq!(run.code, 0, "{}", run.stderr);
}
