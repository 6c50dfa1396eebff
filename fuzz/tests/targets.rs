//! Every target holds for its corpus and for some changes of it, and has the files that `cargo fuzz` needs.
//!
//! `SEPTUM_FUZZ_RUNS` is the number of changed inputs of each target (100 by default), and `SEPTUM_FUZZ_SEED` chooses
//! them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]

use std::fs;
use std::path::Path;

use septum_fuzz::campaign::{Inputs, corpus_directory, holds, read_corpus};
use septum_fuzz::{TARGETS, Target};

/// Most bytes of all inputs in the repository.
const CORPUS: usize = 300 << 10;

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

// one test, since the limits of a run are those of the process
#[test]
fn every_target_holds_for_its_corpus_and_changes_of_it() {
    let (runs, seed) = (number("SEPTUM_FUZZ_RUNS", 100), number("SEPTUM_FUZZ_SEED", 7) as u64);
    let mut wrong = Vec::new();
    for target in TARGETS {
        for (name, input) in read_corpus(target).unwrap() {
            if !holds(target, &input) {
                wrong.push(format!("{}: the input {name} of the corpus", target.name));
            }
        }
        let mut inputs = Inputs::of(target, seed).unwrap();
        for index in 0..inputs.corpus_len() + runs {
            let input = inputs.next_input();
            if index >= inputs.corpus_len() && !holds(target, &input) {
                wrong.push(format!("{}: {:?}", target.name, String::from_utf8_lossy(&input)));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "not every target holds; the reasons are above\n{}", wrong.join("\n"));
}

#[test]
fn each_target_has_its_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let mark = "# Written by the test `each_target_has_its_files`.\n";
    let (above, below) = manifest.split_once(mark).expect("the mark in Cargo.toml");
    let expected: String = TARGETS.iter().map(program).collect();
    if update {
        fs::write(root.join("Cargo.toml"), [above, mark, &expected].concat()).unwrap();
    } else {
        assert_eq!(below, expected, "UPDATE_EXPECT=1 writes it");
    }
    let mut bytes = 0;
    for target in TARGETS {
        let file = root.join(format!("fuzz_targets/{}.rs", target.name));
        let text =
            format!("#![no_main]\n\nlibfuzzer_sys::fuzz_target!(|data: &[u8]| septum_fuzz::{}(data));\n", target.name);
        if update {
            fs::write(&file, &text).unwrap();
        }
        assert_eq!(fs::read_to_string(&file).unwrap_or_default(), text, "UPDATE_EXPECT=1 writes {}", file.display());
        let corpus = read_corpus(target).unwrap_or_default();
        assert!(!corpus.is_empty(), "{} has no input", corpus_directory(target).display());
        bytes += corpus.iter().map(|(_, input)| input.len()).sum::<usize>();
    }
    let files = fs::read_dir(root.join("fuzz_targets")).unwrap().count();
    assert_eq!(files, TARGETS.len(), "a file in fuzz_targets has no row");
    assert!(bytes <= CORPUS, "the corpus has {bytes} bytes; keep small inputs only");
}

/// The program of a target, in Cargo.toml.
fn program(target: &Target) -> String {
    let name = target.name;
    format!(
        "\n[[bin]]\nname = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\nrequired-features = [\"libfuzzer\"]\n\
         test = false\ndoc = false\nbench = false\n"
    )
}
