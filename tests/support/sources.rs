//! The sources of the program and of its crates, for tests that hold rules over them.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "each test uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};

/// Directories with sources, and the path below which a rule names the files of each.
const ROOTS: [(&str, &str); 6] = [
    ("src", ""),
    ("crates/septum-base/src", ""),
    ("crates/septum-core/src", ""),
    ("crates/septum-repo/src", ""),
    ("crates/septum-detect/src", "detect"),
    ("crates/septum-sops/src", "sops"),
];

/// A source file.
pub(crate) struct SourceFile {
    /// Its name in rules: `cli/render.rs`, `sops/cipher.rs`.
    pub(crate) name: PathBuf,
    /// Its path in the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Every Rust file of the program and of its crates.
pub(crate) fn rust_sources() -> Vec<SourceFile> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for (root, prefix) in ROOTS {
        let mut directories = vec![repository.join(root)];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = Path::new(prefix).join(path.strip_prefix(repository.join(root)).unwrap());
                    let text = fs::read_to_string(&path).unwrap();
                    found.push(SourceFile { name, path: path.strip_prefix(repository).unwrap().to_path_buf(), text });
                }
            }
        }
    }
    assert!(found.len() > 400, "only {} sources were found", found.len());
    found
}
