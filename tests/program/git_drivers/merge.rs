//! `git merge` of encrypted files.

use std::collections::BTreeSet;

use septum::sops::{
    DecryptedFile, GoRegex, Recipient, RecipientGroup, Selector, SopsFormat, SopsTree, TypedValue, rewrap_data_key,
    unlock_data_key,
};

use crate::git_drivers::repository::*;
use crate::support::messages::record;
use crate::support::peers::peer;

const FILE: &str = "prod.secrets.yaml";

const YAML: &str = "\
# canary-comment
database:
    user: canary-user
    password: canary-password # why

list:
    - canary-one
    - canary-two
port: 5432
last: canary-last
";

/// A repository in which `main` and `topic` changed a file each in its own way.
struct Merge {
    repository: Repository,
    name: &'static str,
    ours: Vec<u8>,
    theirs: Vec<u8>,
}

impl Merge {
    fn new(name: &'static str, base: &[u8], ours: &[u8], theirs: &[u8]) -> Self {
        let repository = Repository::new();
        let commit = |bytes: &[u8]| {
            repository.write(name, bytes);
            repository.commit();
        };
        repository.write("unrelated", b"");
        commit(base);
        repository.ok(&["checkout", "-q", "-b", "topic"]);
        repository.write("unrelated", b"theirs");
        commit(theirs);
        repository.ok(&["checkout", "-q", "main"]);
        repository.write("unrelated", b"");
        repository.write("other", b"ours");
        commit(ours);
        Self { repository, name, ours: ours.to_vec(), theirs: theirs.to_vec() }
    }

    /// Edits of one plaintext.
    fn of(name: &'static str, text: &str, ours: &[(&str, &str)], theirs: &[(&str, &str)]) -> Self {
        let format = SopsFormat::of_path(name.as_ref());
        let base = encrypted(text, format);
        let [ours, theirs] = [ours, theirs].map(|edits| edited(&base, format, edits));
        Self::new(name, &base, &ours, &theirs)
    }

    fn run(&self) -> Run {
        let run = self.repository.run("git", &["merge", "-q", "--no-edit", "topic"]);
        assert!(!run.stderr.contains("canary") && !run.stdout.contains("canary"), "{}{}", run.stdout, run.stderr);
        run
    }

    fn result(&self) -> Vec<u8> {
        self.repository.read(self.name)
    }

    /// Merges without a conflict and without a word, and gives the plaintext.
    #[track_caller]
    fn clean(&self) -> String {
        let run = self.run();
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
        let result = self.result();
        assert_eq!(self.repository.ok(&["status", "--porcelain"]), "", "nothing is left behind");
        plaintext(&result, SopsFormat::guess(self.name.as_ref(), &result))
    }

    /// Merges, and must be left with a conflict; gives the message.
    #[track_caller]
    fn conflict(&self) -> String {
        let run = self.run();
        assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
        assert_eq!(self.repository.ok(&["diff", "--name-only", "--diff-filter=U"]).trim(), self.name);
        run.stderr
    }

    /// The same, where our version stays.
    #[track_caller]
    fn refused(&self) -> String {
        let message = self.conflict();
        assert!(self.result() == self.ours, "ours is kept");

        message
    }
}

fn tokens(bytes: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(bytes);
    text.split("ENC[").skip(1).map(|part| part.split(']').next().unwrap().to_owned()).collect()
}

#[test]
fn both_changes_are_in_the_result_and_all_else_keeps_its_ciphertext() {
    let merge = Merge::of(FILE, YAML, &[("canary-user", "canary-admin")], &[("canary-last", "canary-least")]);
    let expected = YAML.replace("canary-user", "canary-admin").replace("canary-last", "canary-least");
    assert_eq!(merge.clean(), expected);
    let result = tokens(&merge.result());
    let known: BTreeSet<_> = tokens(&merge.ours).union(&tokens(&merge.theirs)).cloned().collect();
    assert_eq!(result.difference(&known).count(), 1, "only the checksum is new");
    assert_eq!(result.difference(&tokens(&merge.ours)).count(), 2, "the value of theirs, and the checksum");
}

#[test]
fn keys_that_both_sides_added_in_one_place_are_no_conflict() {
    let merge = Merge::of(
        FILE,
        YAML,
        &[("port: 5432\n", "port: 5432\na: canary-a\nsame: 1\n")],
        &[("port: 5432\n", "port: 5432\nb: canary-b\nsame: 1\n")],
    );
    let text = merge.clean();
    let lines: Vec<_> = text.lines().collect();
    for line in ["a: canary-a", "b: canary-b", "same: 1", "port: 5432"] {
        assert_eq!(lines.iter().filter(|known| **known == line).count(), 1, "{text}");
    }
}

#[test]
fn what_one_side_removed_goes_and_what_the_other_changed_below_it_is_a_conflict() {
    let text = "a:\n  b: canary-1\n  c: canary-2\nd: canary-3\n";
    let merge = Merge::of(FILE, text, &[("d: canary-3\n", "")], &[("  c: canary-2\n", "")]);
    assert_eq!(merge.clean(), "a:\n  b: canary-1\n");

    let merge = Merge::of(FILE, text, &[("a:\n  b: canary-1\n  c: canary-2\n", "")], &[("canary-2", "canary-4")]);
    let message = merge.conflict();
    assert!(message.contains("`a.c`"), "{message}");
    let after = plaintext(&merge.result(), SopsFormat::Yaml);
    assert!(after.contains("<<<<<<< ours\n") && after.contains("=======\n") && after.contains("canary-4\n"), "{after}");
    assert!(!after.contains("b:") && !after.contains("canary-2"), "{after}");
}

#[test]
fn a_value_that_both_changed_holds_both_and_is_encrypted() {
    let merge = Merge::of(
        FILE,
        YAML,
        &[("canary-password", "canary-p1"), ("5432", "1"), ("canary-user", "canary-u1")],
        &[("canary-password", "canary-p2"), ("5432", "\"1\""), ("canary-last", "canary-l2")],
    );
    merge.conflict();

    let result = merge.result();
    for (name, bytes) in files(&merge.repository) {
        assert!(!String::from_utf8_lossy(&bytes).contains("canary"), "{name}");
    }
    let file = open(&result, SopsFormat::Yaml);
    let value = |path: &str| text_at(&file, path);
    assert_eq!(value("database/password"), "<<<<<<< ours\ncanary-p1\n=======\ncanary-p2\n>>>>>>> theirs");
    assert_eq!(value("port"), "<<<<<<< ours\n1\n=======\n\"1\"\n>>>>>>> theirs");
    assert_eq!((value("database/user"), value("last")), ("canary-u1".to_owned(), "canary-l2".to_owned()));
    // and the way on
    let resolved = changed(&result, SopsFormat::Yaml, |file| {
        file.set_value(0, &path("database/password"), &SopsTree::from_text("canary-p3")).unwrap();
        file.set_value(0, &path("port"), &SopsTree::of(TypedValue::Int(2))).unwrap();
    });
    merge.repository.write(FILE, &resolved);
    merge.repository.commit();
}

fn text_at(file: &DecryptedFile, steps: &str) -> String {
    let Some(SopsTree::Leaf(leaf)) = file.get(0, &path(steps)) else { panic!("{steps}") };
    String::from_utf8(leaf.value.bytes().unwrap().to_vec()).unwrap()
}

fn files(repository: &Repository) -> Vec<(String, Vec<u8>)> {
    let found = std::fs::read_dir(repository.root()).unwrap().map(|entry| entry.unwrap().path());
    found.filter(|path| path.is_file()).map(|path| (path.display().to_string(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn comments_of_the_only_side_that_changed_them_stay() {
    for swapped in [false, true] {
        let (comments, value) =
            (&[("# canary-comment", "# canary-about\n")][..], &[("canary-last", "canary-least")][..]);
        let (ours, theirs) = if swapped { (value, comments) } else { (comments, value) };
        let merge = Merge::of(FILE, YAML, ours, theirs);
        let expected = YAML.replace("# canary-comment", "# canary-about\n").replace("canary-last", "canary-least");
        assert_eq!(merge.clean(), expected, "{swapped}");
    }
}

#[test]
fn comments_of_theirs_that_are_lost_are_told() {
    let merge = Merge::of(
        FILE,
        YAML,
        &[("# canary-comment", "# canary-ours")],
        &[("# canary-comment", "# canary-theirs"), ("canary-last", "canary-least")],
    );
    let run = merge.run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    let text = plaintext(&merge.result(), SopsFormat::Yaml);
    assert!(text.contains("canary-ours") && text.contains("canary-least"), "{text}");
}

#[test]
fn lists_are_one_value_and_keep_their_form() {
    let merge =
        Merge::of(FILE, YAML, &[("5432", "1")], &[("    - canary-two\n", "    - canary-new\n    - canary-two\n")]);
    let expected = YAML.replace("5432", "1").replace("    - canary-two\n", "    - canary-new\n    - canary-two\n");
    assert_eq!(merge.clean(), expected);
    let merge = Merge::of(FILE, YAML, &[("canary-one", "canary-1")], &[("canary-two", "canary-2")]);
    assert!(merge.conflict().contains("`list`"));
}

#[test]
fn all_formats_are_merged() {
    for (name, text, ours, theirs) in [
        (
            "a.secrets.json",
            "{\n\t\"a\": \"one\",\n\t\"b\": {\n\t\t\"c\": 1,\n\t\t\"d\": 2\n\t}\n}\n",
            ("\"one\"", "\"new\""),
            ("2", "3"),
        ),
        ("a.secrets.env", "# c\nA=one\nB=two\n", ("one", "new"), ("two", "2\\n2")),
        ("a.secrets.ini", "; c\n[s]\na = one\nb = two\n", ("one", "new"), ("b = two", "b = 2\n\n[t]\nc = x")),
        ("a.secrets.yaml", "a: one\n---\na: two\nb: [1, 2]\n", ("one", "new"), ("two", "2")),
        ("a.secrets.yaml", "# c\r\na: one\r\nb:\r\n  c: two\r\n", ("one", "new"), ("two", "2")),
        ("a.secrets.yml", "a: one\n---\na: two\nb: [1, 2]\n", ("[1, 2]", "[1, 3, 2]"), ("two", "2")),
    ] {
        let merge = Merge::of(name, text, &[ours], &[theirs]);
        assert_eq!(merge.clean(), text.replace(ours.0, ours.1).replace(theirs.0, theirs.1), "{name}");
        let merge =
            Merge::of(name, text, &[ours], &[(ours.0, if ours.0.starts_with('"') { "\"other\"" } else { "[other]" })]);
        merge.conflict();

        let result = merge.result();
        drop(open(&result, SopsFormat::guess(name.as_ref(), &result)));
    }
}

#[test]
fn binary_files_are_one_value() {
    let base = encrypted("one\n", SopsFormat::Binary);
    let [ours, theirs] = ["canary-two\n", "canary-three\n"]
        .map(|text| changed(&base, SopsFormat::Binary, |file| file.replace_plaintext(text.as_bytes()).unwrap()));
    let merge = Merge::new("a.secrets.bin", &base, &base, &theirs);
    merge.clean();
    assert!(merge.result() == theirs, "the bytes of theirs");
    let merge = Merge::new("a.secrets.bin", &base, &ours, &theirs);
    merge.conflict();
    let expected = "<<<<<<< ours\ncanary-two\n\n=======\ncanary-three\n\n>>>>>>> theirs";
    assert_eq!(plaintext(&merge.result(), SopsFormat::Binary), expected);
    let bytes = |byte| changed(&base, SopsFormat::Binary, |file| file.replace_plaintext(&[0xFF, byte]).unwrap());
    let merge = Merge::new("a.secrets.bin", &base, &bytes(1), &bytes(2));
    merge.refused();
}

#[test]
fn a_new_data_key_of_one_side_is_the_one_of_the_result() {
    let base = encrypted(YAML, SopsFormat::Yaml);
    let rotated = changed(&base, SopsFormat::Yaml, |file| file.rotate_key().unwrap());
    let value = edited(&base, SopsFormat::Yaml, &[("canary-last", "canary-least")]);
    for (ours, theirs) in [(&rotated, &value), (&value, &rotated)] {
        let merge = Merge::new(FILE, &base, ours, theirs);
        assert_eq!(merge.clean(), YAML.replace("canary-last", "canary-least"));
        let result = merge.result();
        assert!(open(&result, SopsFormat::Yaml).shares_key(&open(&rotated, SopsFormat::Yaml)));
        let old = tokens(&base).union(&tokens(&value)).cloned().collect();
        assert_eq!(tokens(&result).intersection(&old).count(), 0, "nothing stays under the old key");
        assert_eq!(tokens(&result).difference(&tokens(&rotated)).count(), 2, "all else as it was");
    }
}

fn recipients(bytes: &[u8]) -> Vec<String> {
    open(bytes, SopsFormat::Yaml).metadata().age_recipients().map(|entry| entry.recipient.clone()).collect()
}

/// The file with other recipients.
fn with_recipients(base: &[u8], names: &[&str]) -> Vec<u8> {
    with_groups(base, &[names])
}

/// The file with other key groups, all of which are needed.
fn with_groups(base: &[u8], groups: &[&[&str]]) -> Vec<u8> {
    let group = |names: &&[&str]| RecipientGroup {
        age: names.iter().map(|name| Recipient::parse(&recipient(name)).unwrap()).collect(),
        foreign: Vec::new(),
    };
    let groups: Vec<_> = groups.iter().map(group).collect();
    changed(base, SopsFormat::Yaml, |file| {
        let unlocked = unlock_data_key(file.metadata(), &identities()).unwrap();
        let groups = rewrap_data_key(&unlocked, file.metadata(), &groups, None).unwrap();
        file.put_groups(&groups, None).unwrap();
    })
}

#[test]
fn key_groups_are_merged_one_by_one() {
    let one = encrypted(YAML, SopsFormat::Yaml);
    let base = with_groups(&one, &[&[ALICE], &[ALICE, BOB]]);
    let added = with_groups(&base, &[&[ALICE, BOB], &[ALICE, BOB]]);
    let removed = with_groups(&base, &[&[ALICE], &[ALICE]]);
    let value = edited(&base, SopsFormat::Yaml, &[("canary-last", "x")]);
    let members = |bytes: &[u8]| -> Vec<usize> {
        open(bytes, SopsFormat::Yaml).metadata().groups.iter().map(|group| group.age.len()).collect()
    };
    for (ours, theirs, expected) in [
        (&added, &value, &[2, 2][..]),
        (&value, &added, &[2, 2]),
        (&added, &removed, &[2, 1]),
        (&removed, &added, &[2, 1]),
    ] {
        let merge = Merge::new(FILE, &base, ours, theirs);
        assert_eq!(merge.run().code, 0);
        assert_eq!(members(&merge.result()), expected);
        if let Some(sops) = peer("sops") {
            let run = merge.repository.run(sops.to_str().unwrap(), &["decrypt", FILE]);
            assert_eq!(run.code, 0, "{}", run.stderr);
        }
    }
    // the number of groups
    let three = with_groups(&base, &[&[ALICE], &[ALICE], &[ALICE]]);
    let merge = Merge::new(FILE, &base, &value, &three);
    assert_eq!(merge.run().code, 0);
    assert_eq!(members(&merge.result()), [1, 1, 1]);
    Merge::new(FILE, &base, &added, &three).refused();
}

#[test]
fn a_recipient_whom_one_side_added_is_in() {
    let base = encrypted(YAML, SopsFormat::Yaml);
    let shared = with_recipients(&base, &[ALICE, BOB]);
    let value = edited(&base, SopsFormat::Yaml, &[("canary-last", "canary-least")]);
    let rotated = changed(&base, SopsFormat::Yaml, |file| file.rotate_key().unwrap());
    for (ours, theirs) in [(&shared, &value), (&value, &shared), (&shared, &rotated), (&rotated, &shared)] {
        let merge = Merge::new(FILE, &base, ours, theirs);
        merge.clean();
        assert_eq!(recipients(&merge.result()), [recipient(ALICE), BOB.to_owned()]);
    }
}

#[test]
fn a_recipient_whom_one_side_removed_is_out_and_still_knows_the_key() {
    let base = encrypted_for(&[ALICE, BOB], Selector::default(), YAML.as_bytes(), SopsFormat::Yaml);
    let alone = with_recipients(&base, &[ALICE]);
    let value = edited(&base, SopsFormat::Yaml, &[("canary-last", "canary-least")]);
    for (ours, theirs) in [(&alone, &value), (&value, &alone)] {
        let merge = Merge::new(FILE, &base, ours, theirs);
        let run = merge.run();
        assert_eq!((run.code, recipients(&merge.result())), (0, vec![recipient(ALICE)]), "{}", run.stderr);
        run.record();
        assert_eq!(plaintext(&merge.result(), SopsFormat::Yaml), YAML.replace("canary-last", "canary-least"));
    }
    let rotated = changed(&alone, SopsFormat::Yaml, |file| file.rotate_key().unwrap());
    for (ours, theirs) in [(&rotated, &value), (&value, &rotated)] {
        let merge = Merge::new(FILE, &base, ours, theirs);
        merge.clean();
        assert_eq!(recipients(&merge.result()), [recipient(ALICE)]);
    }
}

#[test]
fn of_two_new_data_keys_the_one_that_no_removed_recipient_knows_is_taken() {
    let base = encrypted_for(&[ALICE, BOB], Selector::default(), YAML.as_bytes(), SopsFormat::Yaml);
    let rotated = |bytes: &[u8]| changed(bytes, SopsFormat::Yaml, |file| file.rotate_key().unwrap());
    let (both, alone) = (rotated(&base), rotated(&with_recipients(&base, &[ALICE])));
    for (ours, theirs) in [(&both, &alone), (&alone, &both)] {
        let merge = Merge::new(FILE, &base, ours, theirs);
        merge.clean();
        let result = merge.result();
        assert_eq!(recipients(&result), [recipient(ALICE)]);
        assert!(open(&result, SopsFormat::Yaml).shares_key(&open(&alone, SopsFormat::Yaml)));
    }
}

fn regex(text: &str) -> Selector {
    Selector::EncryptedRegex(GoRegex::parse(text).unwrap())
}

fn with_rule(bytes: &[u8], selector: &Selector) -> Vec<u8> {
    changed(bytes, SopsFormat::Yaml, |file| file.put_rule(selector, file.metadata().mac_scope).unwrap())
}

#[test]
fn a_rule_that_one_side_changed_is_taken_and_two_are_refused() {
    let text = "a_key: x\nb_key: w\nc: z\n";
    let base = encrypted_for(&[ALICE], regex("_key$"), text.as_bytes(), SopsFormat::Yaml);
    let wider = with_rule(&base, &regex("."));
    let value = edited(&base, SopsFormat::Yaml, &[("c: z", "c: canary-z")]);
    for (ours, theirs) in [(&wider, &value), (&value, &wider)] {
        let merge = Merge::new(FILE, &base, ours, theirs);
        assert_eq!(
            plaintext(
                &{
                    merge.run();
                    merge.result()
                },
                SopsFormat::Yaml
            ),
            text.replace("c: z", "c: canary-z")
        );
        assert!(!String::from_utf8(merge.result()).unwrap().contains("canary"), "now encrypted");
    }
    let other = with_rule(&base, &regex("_key$|^c$"));
    Merge::new(FILE, &base, &wider, &other).refused();
}

#[test]
fn what_one_side_encrypted_never_comes_to_stand_in_plaintext() {
    // theirs leaves `a` in plaintext from now on, and ours has a new value there
    let base = encrypted_for(&[ALICE], regex("."), b"a: x\nb: y\n", SopsFormat::Yaml);
    let narrower = with_rule(&base, &regex("^b$"));
    let value = edited(&base, SopsFormat::Yaml, &[("a: x", "a: canary-x")]);
    for (ours, theirs) in [(&narrower, &value), (&value, &narrower)] {
        Merge::new(FILE, &base, ours, theirs).refused();
    }
    // a comment makes the value encrypted, and comments of theirs are not taken over
    let marked = Selector::EncryptedCommentRegex(GoRegex::parse("secret").unwrap());
    let base = encrypted_for(&[ALICE], marked, b"# secret\na: x\n# c\nb: y\n", SopsFormat::Yaml);
    let ours = edited(&base, SopsFormat::Yaml, &[("# c", "# d")]);
    let theirs = edited(&base, SopsFormat::Yaml, &[("b: y", "b: y\n# secret\nnew: canary-n")]);
    Merge::new(FILE, &base, &ours, &theirs).refused();
    // a list in plaintext with secrets in it: both versions of it in one text would show them
    let base = encrypted_for(&[ALICE], regex("^pw$"), b"l:\n- pw: x\n", SopsFormat::Yaml);
    let ours = edited(&base, SopsFormat::Yaml, &[("pw: x", "pw: canary-x")]);
    let theirs = edited(&base, SopsFormat::Yaml, &[("pw: x", "pw: canary-y")]);
    Merge::new(FILE, &base, &ours, &theirs).refused();
}

#[test]
fn without_a_key_ours_stays() {
    let mut merge = Merge::of(FILE, YAML, &[("5432", "1")], &[("canary-last", "canary-least")]);
    merge.repository = merge.repository.without_key();
    let message = merge.refused();
    assert!(message.contains("SOPS_AGE_KEY_FILE"), "{message}");
}

#[test]
fn a_side_that_somebody_tampered_with_is_not_merged() {
    let base = encrypted(YAML, SopsFormat::Yaml);
    let value = edited(&base, SopsFormat::Yaml, &[("5432", "1")]);
    let text = String::from_utf8(edited(&base, SopsFormat::Yaml, &[("canary-last", "x")])).unwrap();
    let tampered = text.replacen("port:", "prot:", 1).into_bytes();
    for (ours, theirs) in [(&value, &tampered), (&tampered, &value)] {
        Merge::new(FILE, &base, ours, theirs).refused();
    }
    let message = Merge::new(FILE, &tampered, &value, &base).refused();
    assert!(message.contains("(base)"), "{message}");
    let broken = [&value[..], b"\t]["].concat();
    Merge::new(FILE, &base, &broken, &value).refused();
    Merge::new(FILE, &base, &value, &broken).refused();
}

#[test]
fn files_that_both_sides_added_are_merged_key_by_key() {
    let repository = Repository::new();
    repository.ok(&["checkout", "-q", "-b", "topic"]);
    repository.write(FILE, &encrypted("same: x\nb: canary-b\n", SopsFormat::Yaml));
    repository.commit();
    repository.ok(&["checkout", "-q", "main"]);
    repository.write(FILE, &encrypted("a: canary-a\nsame: x\n", SopsFormat::Yaml));
    repository.commit();
    let run = repository.run("git", &["merge", "-q", "--no-edit", "topic"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_eq!(plaintext(&repository.read(FILE), SopsFormat::Yaml), "a: canary-a\nsame: x\nb: canary-b\n");
}

#[test]
fn files_that_are_not_encrypted_are_merged_as_git_does() {
    let merge = Merge::new(FILE, b"a: 1\nb: 2\nc: 3\nd: 4\n", b"a: 5\nb: 2\nc: 3\nd: 4\n", b"a: 1\nb: 2\nc: 3\nd: 6\n");
    assert_eq!((merge.run().code, merge.result()), (0, b"a: 5\nb: 2\nc: 3\nd: 6\n".to_vec()));
    let merge = Merge::new(FILE, b"a: 1\n", b"a: 2\n", b"a: 3\n");
    merge.conflict();
    assert_eq!(merge.result(), b"<<<<<<< ours\na: 2\n=======\na: 3\n>>>>>>> theirs\n");
    let sealed = encrypted("a: 1\n", SopsFormat::Yaml);
    for (ours, theirs) in [(&sealed[..], &b"a: 3\n"[..]), (b"a: 3\n", &sealed)] {
        Merge::new(FILE, b"a: 1\n", ours, theirs).refused();
    }
}

#[test]
fn a_merge_with_an_unchanged_side_gives_the_bytes_of_the_other() {
    let base = encrypted(YAML, SopsFormat::Yaml);
    let value = edited(&base, SopsFormat::Yaml, &[("canary-last", "x")]);
    let resealed = {
        let there = edited(&base, SopsFormat::Yaml, &[("5432", "1")]);
        edited(&there, SopsFormat::Yaml, &[("port: 1", "port: 5432")])
    };
    assert!(resealed != base);
    for (ours, theirs) in [(&resealed, &value), (&value, &resealed)] {
        let merge = Merge::new(FILE, &base, ours, theirs);
        merge.clean();
        assert!(merge.result() == value);
    }
}

#[test]
fn who_became_a_recipient_on_one_side_can_merge() {
    // the base is for somebody else alone
    let base = encrypted(YAML, SopsFormat::Yaml);
    let ours = with_recipients(&base, &[ALICE, BOB]);
    let ours = edited(&ours, SopsFormat::Yaml, &[("5432", "1")]);
    let theirs = edited(&with_recipients(&base, &[ALICE, BOB]), SopsFormat::Yaml, &[("canary-last", "x")]);
    let hidden = with_recipients(&base, &[BOB]);
    let merge = Merge::new(FILE, &hidden, &ours, &theirs);
    assert_eq!(merge.clean(), YAML.replace("5432", "1").replace("canary-last", "x"));
}

#[test]
fn entries_of_other_services_stay_as_they_are() {
    let pgp = "    pgp:\n        - created_at: \"2020-01-01T00:00:00Z\"\n          enc: |-\n            x y\n             z\n          fp: ABC\n";
    let base = String::from_utf8(encrypted(YAML, SopsFormat::Yaml)).unwrap();
    let base = base.replacen("    unencrypted_suffix", &format!("{pgp}    unencrypted_suffix"), 1).into_bytes();
    let ours = edited(&base, SopsFormat::Yaml, &[("5432", "1")]);
    let theirs = edited(&base, SopsFormat::Yaml, &[("canary-last", "x")]);
    let merge = Merge::new(FILE, &base, &ours, &theirs);
    merge.clean();
    assert!(String::from_utf8(merge.result()).unwrap().contains(pgp));
    let theirs = with_recipients_and_pgp(&theirs);
    let merge = Merge::new(FILE, &base, &ours, &theirs);
    merge.clean();
    let result = String::from_utf8(merge.result()).unwrap();
    assert!(result.contains("fp: ABC") && result.contains("x y\n             z") && result.contains(BOB), "{result}");
}

fn with_recipients_and_pgp(base: &[u8]) -> Vec<u8> {
    changed(base, SopsFormat::Yaml, |file| {
        let bob = with_recipients(&encrypted(YAML, SopsFormat::Yaml), &[ALICE, BOB]);
        let mut groups = file.metadata().groups.clone();
        groups[0].age.extend(open(&bob, SopsFormat::Yaml).metadata().age_recipients().skip(1).cloned());
        file.put_groups(&groups, None).unwrap();
    })
}

#[test]
fn different_numbers_of_documents_and_keys_that_stand_twice_are_refused() {
    let merge = Merge::of(FILE, "a: 1\n", &[("1", "2")], &[("a: 1", "a: 1\n---\nb: 3")]);
    merge.refused();
    let base = encrypted("A=1\nB=3\n", SopsFormat::Dotenv);
    let [ours, theirs] = [("=1", "=4"), ("=3", "=5")].map(|edit| edited(&base, SopsFormat::Dotenv, &[edit]));
    let theirs = String::from_utf8(theirs).unwrap().replace("B=", "A=\nB=");
    record(Merge::new("a.secrets.env", &base, &ours, theirs.as_bytes()).refused());
}

#[test]
fn the_driver_can_be_run_without_a_path() {
    let repository = Repository::new();
    let base = encrypted(YAML, SopsFormat::Yaml);
    for (name, bytes) in [
        (".merge_file_a", base.clone()),
        (".merge_file_b", edited(&base, SopsFormat::Yaml, &[("5432", "1")])),
        (".merge_file_c", edited(&base, SopsFormat::Yaml, &[("canary-last", "x")])),
    ] {
        repository.write(name, &bytes);
    }
    let run = repository.run("septum", &["git-merge", ".merge_file_a", ".merge_file_b", ".merge_file_c"]);
    assert_eq!((run.code, run.stdout + &run.stderr), (0, String::new()));
    assert_eq!(
        plaintext(&repository.read(".merge_file_b"), SopsFormat::Yaml),
        YAML.replace("5432", "1").replace("canary-last", "x")
    );
    assert_eq!(repository.run("septum", &["git-merge", "a", "b", "c"]).code, 4);
}

#[test]
fn the_real_sops_reads_every_result() {
    let Some(sops) = peer("sops") else { return };
    let base = encrypted(YAML, SopsFormat::Yaml);
    let rotated = changed(&base, SopsFormat::Yaml, |file| file.rotate_key().unwrap());
    let shared = with_recipients(&base, &[ALICE, BOB]);
    let value = edited(&base, SopsFormat::Yaml, &[("canary-last", "canary-least"), ("# canary-comment", "# other")]);
    let conflict = edited(&base, SopsFormat::Yaml, &[("canary-last", "canary-least2")]);
    for (ours, theirs) in
        [(&value, &rotated), (&shared, &value), (&value, &shared), (&rotated, &shared), (&value, &conflict)]
    {
        let merge = Merge::new(FILE, &base, ours, theirs);
        merge.run();
        let run = merge.repository.run(sops.to_str().unwrap(), &["decrypt", "--output-type", "json", FILE]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let ours = open(&merge.result(), SopsFormat::Yaml).emit_format(SopsFormat::Json).unwrap();
        let [sops, here]: [serde_json::Value; 2] =
            [run.stdout.as_bytes(), &ours].map(|text| serde_json::from_slice(text).unwrap());
        assert_eq!(sops, here);
    }
}
