//! A message is asserted by its recorded file (`tests/messages`): no test compares its words, so rewording one
//! changes data only.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::sources::rust_sources;

/// Words that a test looks for all the same: the file, a part of them, and why.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("tests/program/git_drivers/merge.rs", "x y", "a field of the metadata"),
    ("tests/program/gitops/kubectl.rs", "kubectl septum", "the command that people type"),
    ("tests/program/objects/apiserver.rs", "kubectl apply", "a command that people run"),
    ("tests/program/objects/output.rs", "p w", "a value that must not be shown"),
    ("tests/program/secret_files/changing.rs", "new value", "the plaintext that sops prints"),
    ("tests/program/secret_files/keygen.rs", "correct horse", "a passphrase that must not be shown"),
];

/// The words in a row that a text and a message of the program have in common by chance no more.
const COMMON_WORDS: usize = 5;

/// The sources of these tests, without comments.
fn tests() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut directories: Vec<PathBuf> = vec![root.join("tests/program")];
    let mut found = Vec::new();
    while let Some(directory) = directories.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = without_comments(&fs::read_to_string(&path).unwrap());
                found.push((path.strip_prefix(root).unwrap().display().to_string(), text));
            }
        }
    }
    found
}

fn without_comments(source: &str) -> String {
    source.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The texts in quotes of a source.
fn literals(source: &str) -> Vec<String> {
    let source = source.replace("'\"'", "' '");
    let literal = Regex::new(r#""((?:[^"\\]|\\.)*)""#).unwrap();
    literal.captures_iter(&source).map(|found| found[1].replace("\\n", " \n ")).collect()
}

/// All sequences of so many words with single blanks between them.
fn sequences(text: &str, count: usize) -> Vec<String> {
    let words: Vec<_> = text.split(' ').collect();
    let is_word = |word: &&str| !word.is_empty() && word.chars().all(|char| char.is_alphabetic() || char == '\'');
    words.windows(count).filter(|words| words.iter().all(is_word)).map(|words| words.join(" ")).collect()
}

/// The texts of two words and more that a source looks for in another text.
fn sentences(source: &str) -> Vec<String> {
    let search = Regex::new(
        r#"\.(?:contains|starts_with|ends_with|matches|find|split)\(\s*(?:&?format!\(\s*)?"((?:[^"\\]|\\.)*)""#,
    );
    let found = search.unwrap().captures_iter(source).map(|found| found[1].replace("\\n", " \n ")).collect::<Vec<_>>();
    found.into_iter().filter(|text| !sequences(text, 2).is_empty()).collect()
}

/// The texts of a source that have so many words in a row that a message has too.
fn quotations(source: &str, messages: &HashSet<String>) -> Vec<String> {
    let is_quotation = |text: &String| sequences(text, COMMON_WORDS).iter().any(|words| messages.contains(words));
    literals(source).into_iter().filter(is_quotation).collect()
}

/// What the program may say, in sequences of words.
fn messages() -> HashSet<String> {
    let files = rust_sources().into_iter().filter(|file| !file.path.display().to_string().contains("tests"));
    let programs = files.map(|file| without_comments(file.text.split("#[cfg(test)]").next().unwrap_or_default()));
    programs.flat_map(|text| literals(&text)).flat_map(|text| sequences(&text, COMMON_WORDS)).collect()
}

#[test]
fn no_test_compares_the_words_of_a_message() {
    let messages = messages();
    let mut wrong = Vec::new();
    let mut used = vec![false; ALLOWED.len()];
    let tests = tests().into_iter().filter(|(name, _)| !name.ends_with("repository/wording.rs"));
    for (name, text) in tests {
        for words in sentences(&text).into_iter().chain(quotations(&text, &messages)) {
            match ALLOWED.iter().position(|(file, part, _)| *file == name && words.contains(part)) {
                Some(at) => used[at] = true,
                None => wrong.push(format!("{name}: {words}")),
            }
        }
    }
    assert!(wrong.is_empty(), "record what is printed (tests/README.md) in the place of\n{}", wrong.join("\n"));
    assert!(used.iter().all(|used| *used), "what is allowed is there: {ALLOWED:?}");
}

#[test]
fn commands_in_hints_name_files_as_words_of_a_shell() {
    let command =
        Regex::new(r"`(?:septum|git|rm|chmod|sops|kustomize) [^`]*\{(name|path|file|dir|directory|shown)\}[^`]*`")
            .unwrap();
    let mut wrong = Vec::new();
    for file in rust_sources().into_iter().filter(|file| !file.path.display().to_string().contains("tests")) {
        let text = without_comments(file.text.split("#[cfg(test)]").next().unwrap_or_default());
        let found = literals(&text).into_iter().filter(|text| command.is_match(text));
        wrong.extend(found.map(|text| format!("{}: {text}", file.path.display())));
    }
    assert!(wrong.is_empty(), "a name may be `$(id)`: use `shell_word`\n{}", wrong.join("\n"));
}

#[test]
fn words_of_a_message_are_found_where_a_test_compares_them() {
    let planted = r#"
        assert!(run.stderr.contains("which nothing defines"), "{}", run.stderr);
        assert!(message.starts_with(&format!("error: the file {name} cannot be read now")));
        assert!(stderr.contains("base.yaml:1:2") && stderr.contains("[secret]") && !stderr.contains("not read"));
        for (base, expected) in [("data: 1", "a manifest uses `data.PW`, which is known to nobody here")] {}
    "#;
    let found = ["which nothing defines", "error: the file {name} cannot be read now", "not read"];
    assert_eq!(sentences(planted), found);
    let messages = HashSet::from(["is known to nobody here".to_owned()]);
    assert_eq!(quotations(planted, &messages), ["a manifest uses `data.PW`, which is known to nobody here"]);
    assert!(self::messages().len() > 1000, "the messages of the program are read");
}
