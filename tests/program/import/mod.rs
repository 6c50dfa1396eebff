//! `septum import`: what a team has becomes layers that render to the same, and no secret is in a plaintext file.

mod dotenv;
mod helm_values;
mod kustomize;
mod manifests;
mod sops;
mod writing;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::sandbox::{Run, Sandbox};

/// Part of every secret value of these projects.
const SECRET: &str = "canary-hunter2";

/// A small project: files, arguments after `septum import`, and the proof that is printed.
struct Case<'c> {
    name: &'c str,
    files: &'c [(&'c str, &'c str)],
    arguments: &'c [&'c str],
    proof: &'c str,
}

impl Case<'_> {
    /// Imports the project, and checks the proof and that no secret is in plaintext.
    #[track_caller]
    fn check(&self) -> Sandbox {
        let desk = Sandbox::with_identities();
        for (path, text) in self.files {
            desk.write(path, text);
        }
        let before = desk.all();
        let run = import(&desk, self.arguments);
        assert_eq!(run.code, 0, "{}: {}", self.name, run.stderr);
        let stdout = run.stdout;
        assert_eq!(stdout.trim_end().lines().last(), Some(self.proof), "{}: {stdout}", self.name);
        for text in [&stdout, &run.stderr] {
            assert_no_secret(self.name, text.as_bytes());
        }
        let after = desk.all();
        for (path, bytes) in &after {
            match before.get(path) {
                Some(known) => assert_eq!(known, bytes, "{}: {path} was changed", self.name),
                None => assert_no_secret(&format!("{}: {path}", self.name), bytes),
            }
        }
        assert!(before.keys().all(|path| after.contains_key(path)), "{}", self.name);
        // nothing is left of the directory in which it was proven
        assert!(!after.keys().any(|path| path.contains(".septum-import-")), "{}", self.name);
        desk
    }
}

fn import(desk: &Sandbox, arguments: &[&str]) -> Run {
    desk.run(&[&["import"], arguments].concat())
}

/// Panics if a text contains the secret, as it is or in base64 of any alignment.
#[track_caller]
fn assert_no_secret(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(!text.contains(SECRET), "{what}: {text}");
    for shift in 0..3 {
        let encoded = STANDARD.encode(format!("{}{SECRET}", "x".repeat(shift)));
        let inner = &encoded[4..encoded.len() - 4];
        assert!(!text.contains(inner), "{what}: {text}");
    }
}

/// A file that an import wrote.
fn written(desk: &Sandbox, path: &str) -> String {
    desk.read(&format!("environments/{path}"))
}
