//! What reading the inputs and writing the outputs costs, if nothing else is done.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

/// The argument by which this program becomes the floor.
pub(super) const ARGUMENT: &str = "--floor";

/// Files that are read, and files that are written: the length of each and its path below a directory.
pub(super) struct Files {
    inputs: Vec<PathBuf>,
    outputs: Vec<(u64, PathBuf)>,
}

impl Files {
    /// Reads what [`list`] wrote.
    fn of(list: &Path) -> Self {
        let text = fs::read_to_string(list).expect("a list");
        let (inputs, outputs) = text.split_once("\n\n").expect("two lists");
        let output = |line: &str| {
            let (length, path) = line.split_once(' ').expect("a length and a path");
            (length.parse().expect("a length"), path.into())
        };
        Self { inputs: inputs.lines().map(PathBuf::from).collect(), outputs: outputs.lines().map(output).collect() }
    }
}

/// Lists the inputs of a project and what was rendered from them.
pub(super) fn list(list: &Path, inputs: &Path, outputs: &Path) {
    let mut text = String::new();
    for (path, _) in below(inputs) {
        let _ = writeln!(text, "{}", path.display());
    }
    text.push('\n');
    for (path, length) in below(outputs) {
        let path = path.strip_prefix(outputs).expect("it is below");
        let _ = writeln!(text, "{length} {}", path.display());
    }
    fs::write(list, text).expect("a list is written");
}

/// Reads all inputs and writes outputs of the same lengths, on all cores.
pub(super) fn run(list: &Path, directory: &Path) {
    let files = Files::of(list);
    let read: usize = files.inputs.par_iter().map(|path| fs::read(path).expect("an input").len()).sum();
    assert!(read > 0, "there are no inputs");
    let longest = files.outputs.iter().map(|(length, _)| *length).max().unwrap_or_default();
    let bytes = vec![b'x'; usize::try_from(longest).expect("it fits")];
    files.outputs.par_iter().for_each(|(length, path)| {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory is made");
        fs::write(path, &bytes[..usize::try_from(*length).expect("it fits")]).expect("an output is written");
    });
}

/// All files below a directory, with their lengths.
fn below(directory: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("a file");
        let metadata = entry.metadata().expect("a file");
        if metadata.is_dir() {
            found.extend(below(&entry.path()));
        } else {
            found.push((entry.path(), metadata.len()));
        }
    }
    found.sort_unstable();
    found
}
