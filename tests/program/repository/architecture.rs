//! The direction of the code: a stage uses the foundations and the stages to its left, and what is
//! bought in stays behind one door.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::sources::{SourceFile, rust_sources};

/// The modules from left to right. Those of one line do not know each other, but for the first,
/// the foundations.
const ORDER: &[&[&str]] = &[
    &[
        "atomic",
        "budget",
        "char_search",
        "disk",
        "git",
        "glob",
        "go_regex",
        "line_diff",
        "map",
        "meter",
        "parallel",
        "span",
        "time",
        "secret",
        "sort",
        "signals",
        "value",
        "value_path",
        "name",
        "pattern",
        "process_limits",
        "program",
        "regex_sample",
        "regex_size",
        "diagnostic",
        "template_tokens",
        "test_hook",
        "visibility",
    ],
    &["files", "yaml"],
    &["detect", "format", "sops"],
    &["project"],
    &["layer"],
    &["resolve"],
    &["route"],
    &["manifest"],
    &["object"],
    &["deliver"],
    &["leak_scan"],
    &["emit"],
    &["pipeline"],
    &["environ", "gc", "secret_files", "output_tree", "view"],
    &["check"],
    &["doctor", "editor_schema", "exec", "exposure", "fix", "rename", "report"],
    &["import", "neighbours"],
    &["eject", "diff"],
    &["promote"],
    &["lsp"],
    &["cli"],
];

/// Modules that are crates of their own.
const CRATES: [&str; 2] = ["detect", "sops"];

/// Crates, and the only directories and files that know them.
const DOORS: &[(&str, &[&str])] = &[
    ("granit_parser", &["yaml/read"]),
    ("minijinja", &["resolve", "template_tokens.rs"]),
    ("age", &["sops"]),
    ("aes_gcm", &["deliver/sealed_secret.rs", "sops"]),
    ("hmac", &["check/tag.rs", "sops"]),
    ("ignore", &["disk/walk.rs"]),
    ("rayon", &["parallel.rs"]),
    ("similar", &["line_diff.rs"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("roff", &["cli"]),
    ("signal_hook", &["signals.rs", "test_hook.rs"]),
    ("rpassword", &["cli/prompt.rs"]),
    ("indicatif", &["cli/watch.rs"]),
    ("pty_process", &["exec/terminal.rs"]),
    ("lsp_server", &["cli/lsp.rs", "lsp"]),
    ("percent_encoding", &["lsp/address.rs"]),
    ("toml_edit", &["check/rules/toml.rs", "detect/toml_texts.rs", "format"]),
    ("jsonschema", &["object/constraint/tests"]),
    ("jsonschema_regex", &["object/constraint"]),
    ("fancy_regex", &["object/constraint/pattern.rs"]),
    ("email_address", &["object/constraint/format"]),
    ("fluent_uri", &["object/constraint/format"]),
    ("rsa", &["deliver/certificate.rs", "deliver/sealed_secret.rs"]),
    ("x509_cert", &["deliver/certificate.rs", "object/typed"]),
    ("pkcs8", &["object/typed/key.rs"]),
    ("pkcs1", &["object/typed/key.rs"]),
    ("sec1", &["object/typed/key.rs"]),
];

/// What asks the system for files by itself, and why: all else goes through `disk::Root`, or
/// `disk::read_named` and `atomic`, which no path of a repository leads out of.
const OPENERS: &[(&str, &str)] = &[
    ("disk", "it is the reader"),
    ("atomic", "it is the writer"),
    ("output_tree/apply.rs", IN_TREE),
    ("output_tree/cache", "a directory of the user that no work tree contains"),
    ("output_tree/disk.rs", IN_TREE),
    ("output_tree/lock.rs", IN_TREE),
    ("output_tree/ownership.rs", IN_TREE),
    ("output_tree/place.rs", IN_TREE),
    ("output_tree/root.rs", IN_TREE),
    ("output_tree/strays.rs", IN_TREE),
    ("output_tree/target_plan.rs", IN_TREE),
    ("secret_files/lock.rs", "the files that are about to be written, which nothing is read of"),
    ("secret_files/edit", "plaintext in a directory that the program made, and the editors on the path"),
    ("sops/identities/identity.rs", "keys of the user, which the environment names"),
    ("import/kustomize/checkout.rs", "makes a copy for kustomize in a temporary directory"),
    ("import/write.rs", "makes a directory beside its destination, which gets its name when all is in it"),
    ("cli/manifest_paths.rs", "directories of manifests that the command line names, which may be anywhere"),
    ("cli/init/key.rs", "makes directories, and adds to the keys of the user"),
    ("cli/keygen.rs", "what standard output is"),
    ("cli/prompt.rs", "the terminal"),
    ("cli/step_summary.rs", "a file that GitHub Actions names, to which a line is added"),
    ("process_limits.rs", "what the system says of the process"),
    ("program.rs", "programs on the path of the user"),
    ("exec/files.rs", "the link that the command line names, to a directory that the program made"),
    ("exec/restarts.rs", "when files were written, of which nothing is read"),
    ("exec/supervisor.rs", "the terminal of the process"),
    ("exec/terminal.rs", "a terminal that it made"),
    ("signals.rs", "what the system says of the process"),
    ("doctor/user.rs", "permissions of the keys of the user"),
    ("git", "the work tree and what Git keeps of it, as Git names them"),
];

/// What opens files of an output tree.
const IN_TREE: &str = "the directories of a tree are real ones, and its files are opened without following links";

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|modules| modules.contains(&module))
}

/// A line of code that is no comment: its file below `src`, its number, its text.
pub(super) struct Line {
    pub(super) file: PathBuf,
    number: usize,
    pub(super) text: String,
}

/// All lines that are part of the program; those of unit tests may know more.
pub(super) fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    for SourceFile { name, text, .. } in rust_sources().into_iter().filter(|source| !source.name.ends_with("tests.rs"))
    {
        let program = text.lines().take_while(|line| *line != "#[cfg(test)]").enumerate();
        let code = program.filter(|(_, line)| !line.trim_start().starts_with("//"));
        lines.extend(code.map(|(index, text)| Line { file: name.clone(), number: index + 1, text: text.to_owned() }));
    }
    assert!(lines.len() > 1000, "the sources were found");
    lines
}

/// The module at the root that a file belongs to.
fn module(file: &Path) -> String {
    file.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// The modules at the root that a line names: `crate::x`, `crate::{x, y}`, `super::super::x`.
fn named(path: &Regex, line: &Line) -> Vec<String> {
    // how many `super` lead from the file to the root
    let depth = line.file.components().count() - usize::from(line.file.ends_with("mod.rs"));
    path.captures_iter(&line.text)
        .flat_map(|found| {
            let group = |index| found.get(index).map(|group| group.as_str());
            match (group(1), group(2), group(3)) {
                (Some(one), _, _) => vec![one.to_owned()],
                (_, Some(list), _) => {
                    list.split(',').map(|item| item.trim().split("::").next().unwrap_or_default().to_owned()).collect()
                }
                (_, _, Some(supers)) if supers.matches("super").count() == depth => vec![group(4).unwrap().to_owned()],
                _ => Vec::new(),
            }
        })
        .collect()
}

#[test]
fn a_module_uses_only_what_lies_to_its_left() {
    let path = Regex::new(r"\bcrate::(?:(\w+)|\{([^}]*)\})|((?:super::)+)(\w+)").unwrap();
    let mut wrong = Vec::new();
    // the compiler holds the direction between crates, and a crate names its own modules
    for line in lines().into_iter().filter(|line| !CRATES.iter().any(|name| line.file.starts_with(name))) {
        let from = module(&line.file);
        let Some(own) = rank(&from) else { continue };
        for to in named(&path, &line) {
            let allowed = to == from || rank(&to).is_some_and(|other| other < own || (other == 0 && own == 0));
            if !allowed {
                let Line { file, number, text } = &line;
                wrong.push(format!("{}:{number}: `{from}` uses `{to}`: {}", file.display(), text.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} lines go to the right:\n{}", wrong.len(), wrong.join("\n"));
}

/// Rooms of the SOPS library, from left to right.
const SOPS_ROOMS: [&str; 9] =
    ["crypto", "document", "recipients", "identities", "metadata", "store", "config", "data_key", "files"];

#[test]
fn a_room_of_the_sops_library_uses_only_rooms_to_its_left() {
    let path = Regex::new(r"\bcrate::(\w+)").unwrap();
    let rank = |room: &str| SOPS_ROOMS.iter().position(|name| *name == room);
    let mut wrong = Vec::new();
    let mut rooms = BTreeSet::new();
    for Line { file, number, text } in lines() {
        let Ok(below) = file.strip_prefix("sops") else { continue };
        let Some(own) = rank(&module(below)) else { continue };
        rooms.insert(own);
        for to in path.captures_iter(&text).filter_map(|found| rank(&found[1])).filter(|to| *to > own) {
            wrong.push(format!("{}:{number}: uses `{}`", file.display(), SOPS_ROOMS[to]));
        }
    }
    assert_eq!(rooms.len(), SOPS_ROOMS.len(), "every room was found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_place_in_the_order() {
    let declared = Regex::new(r"(?m)^(?:pub )?mod (\w+);").unwrap();
    let crates = ["base", "core", "repo"].map(|name| format!("crates/septum-{name}/src/lib.rs"));
    let roots = crates.into_iter().chain(["src/lib.rs", "src/main.rs"].map(str::to_owned));
    let read = |path| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let roots: Vec<String> = roots.map(read).collect();
    let modules = roots.iter().flat_map(|text| declared.captures_iter(text)).map(|found| found[1].to_owned());
    let mut modules: Vec<_> = modules.chain(CRATES.map(str::to_owned)).collect();
    let mut placed: Vec<_> = ORDER.concat();
    modules.sort();
    placed.sort_unstable();
    assert_eq!(modules, placed);
}

#[test]
fn what_is_bought_in_stays_behind_its_door() {
    let mut wrong = Vec::new();
    let lines = lines();
    for (name, doors) in DOORS {
        let used = Regex::new(&format!(r"(?:^|[^\w:]){name}(?:::|;| as )")).unwrap();
        let users: Vec<_> = lines.iter().filter(|line| used.is_match(&line.text)).collect();
        assert!(!users.is_empty(), "`{name}` is used nowhere");
        for Line { file, number, text } in users {
            if !doors.iter().any(|door| file.starts_with(door)) {
                wrong.push(format!("{}:{number}: `{name}` is for {doors:?}: {}", file.display(), text.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_opened_by_the_reader_alone() {
    let function = r"\b(?:fs::\w+\(|File::\w+\(|OpenOptions\b|DirBuilder\b|NamedTempFile\b|WalkBuilder\b)";
    let method =
        r"\.(?:is_file|is_dir|is_symlink|exists|try_exists|canonicalize|read_dir|read_link|symlink_metadata)\(\)";
    let opens = Regex::new(&format!("{function}|{method}|(?:Path|PathBuf)::(?:is_|exists|read_)")).unwrap();
    let lines = lines();
    let opening: Vec<_> = lines.iter().filter(|line| opens.is_match(&line.text)).collect();
    for (opener, why) in OPENERS {
        assert!(opening.iter().any(|line| line.file.starts_with(opener)), "`{opener}` opens nothing: {why}");
    }
    let is_test = |line: &Line| line.file.components().any(|part| part.as_os_str() == "tests");
    let is_opener = |line: &Line| OPENERS.iter().any(|(opener, _)| line.file.starts_with(opener));
    let others = opening.iter().filter(|line| !is_test(line) && !is_opener(line));
    let wrong: Vec<_> =
        others.map(|Line { file, number, text }| format!("{}:{number}: {}", file.display(), text.trim())).collect();
    assert!(wrong.is_empty(), "{} lines ask for files past the reader:\n{}", wrong.len(), wrong.join("\n"));
}

/// Lines of sources that match, except in files whose path ends so.
fn matching_lines(pattern: &str, except: &str) -> String {
    let pattern = Regex::new(pattern).unwrap();
    let matching = lines().into_iter().filter(|line| pattern.is_match(&line.text) && !line.file.ends_with(except));
    let shown = matching.map(|Line { file, number, text }| format!("{}:{number}: {}", file.display(), text.trim()));
    shown.collect::<Vec<_>>().join("\n")
}

#[test]
fn programs_are_started_by_one_module() {
    let wrong = matching_lines(r"\bCommand::new\b", "program.rs");
    assert_eq!(wrong, "", "use `program::command`, which looks for programs safely");
}

#[test]
fn limits_that_the_system_does_not_tell_are_no_panic() {
    let wrong = matching_lines(r"\bgetrlimit\b", "process_limits.rs");
    assert_eq!(wrong, "", "use `ProcessLimit::of`, which is none where the call is refused");
}

#[test]
fn a_thread_that_cannot_be_started_is_no_panic() {
    let wrong = matching_lines(r"\bthread::spawn\(|\bscope\.spawn\(", "tests/shards.rs");
    assert_eq!(wrong, "", "use `thread::Builder`, which returns an error");
}

/// RUSTSEC-2023-0071: operations with private keys tell of them by the time that they take.
#[test]
fn rsa_is_used_with_public_keys_alone() {
    let lines = lines();
    let crate_rsa = Regex::new(r"(?:^|[^\w:])rsa::").unwrap();
    let private = Regex::new(r"RsaPrivateKey|Decrypt|decrypt\(|sign\(|Signer").unwrap();
    let users: Vec<_> = lines.iter().filter(|line| crate_rsa.is_match(&line.text)).map(|line| &line.file).collect();
    assert!(!users.is_empty());
    let wrong = lines.iter().filter(|line| users.contains(&&line.file) && private.is_match(&line.text));
    let wrong: Vec<_> = wrong.map(|line| format!("{}: {}", line.file.display(), line.text.trim())).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Types that may share their name with another one, and why.
const SHARED_NAMES: &[(&str, &str)] =
    &[("Cleanup", "one for each kind of system"), ("Held", "one for each kind of system")];

#[test]
fn the_name_of_a_type_is_unique() {
    let definition = Regex::new(r"^ *(?:pub(?:\([a-z: ]+\))? )?(?:struct|enum|trait|union) ([A-Z]\w*)|^(?:pub(?:\([a-z: ]+\))? )?type ([A-Z]\w*)").unwrap();
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Line { file, number, text } in lines().into_iter().filter(|line| !line.file.iter().any(|part| part == "tests"))
    {
        if let Some(found) = definition.captures(&text) {
            let name = found.get(1).or(found.get(2)).unwrap().as_str().to_owned();
            names.entry(name).or_default().push(format!("{}:{number}", file.display()));
        }
    }
    assert!(names.len() > 500, "only {} types were found", names.len());
    names.retain(|name, places| places.len() > 1 && !SHARED_NAMES.iter().any(|(shared, _)| shared == name));
    assert!(names.is_empty(), "a search for a name should find one type: {names:#?}");
}

#[test]
fn a_doc_comment_begins_with_what_a_thing_is_or_does() {
    let question = Regex::new(r"^\s*//[/!] (?:What|That|Who|Whom|Whose|Where|How|Which|Why|When)\b").unwrap();
    let is_doc = |line: &str| line.trim_start().starts_with("///") || line.trim_start().starts_with("//!");
    let mut wrong = Vec::new();
    for SourceFile { path, text, .. } in rust_sources() {
        let lines: Vec<_> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let is_first = index == 0 || !is_doc(lines[index - 1]);
            if is_first && question.is_match(line) {
                wrong.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "begin with a noun phrase or a verb in the third person:\n{}", wrong.join("\n"));
}

/// A file that no module declares is not compiled: its code is dead, and its tests never run.
#[test]
fn every_source_file_is_declared_as_a_module() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut directories, mut files) =
        (["src", "crates", "tests"].map(|name| repository.join(name)).to_vec(), Vec::new());
    while let Some(directory) = directories.pop() {
        for path in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 600, "only {} files were found", files.len());
    let mut undeclared = Vec::new();
    for file in &files {
        let (directory, name) = (file.parent().unwrap(), file.file_stem().unwrap().to_str().unwrap());
        // a directory is declared where its `mod.rs` would be
        let (directory, name) = match name {
            "mod" => (directory.parent().unwrap(), directory.file_name().unwrap().to_str().unwrap()),
            _ => (directory, name),
        };
        // Cargo finds these by itself: roots of crates, examples, tests of a crate
        let is_root = matches!(name, "lib" | "main")
            || ["examples", "tests"].iter().any(|kind| {
                directory.ends_with(kind) && directory.parent().is_some_and(|above| above.join("Cargo.toml").exists())
            });
        let declaration = Regex::new(&format!(r#"\bmod {name};|path = "{name}\.rs""#)).unwrap();
        let parents = ["mod.rs", "lib.rs", "main.rs"].map(|parent| directory.join(parent));
        let mut parents = parents.into_iter().chain([directory.with_extension("rs")]);
        let declares = |parent: PathBuf| fs::read_to_string(parent).is_ok_and(|text| declaration.is_match(&text));
        if !is_root && !parents.any(declares) {
            undeclared.push(file.strip_prefix(repository).unwrap());
        }
    }
    assert!(undeclared.is_empty(), "declared by no module: {undeclared:#?}");
}
