//! What a run of the program gave.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "each test uses a part of it")]

use std::process::Output;

use serde_json::Value as Json;

use super::messages::record;
use super::project::Objects;

/// The exit code (-1 if a signal ended the program) and what was printed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("what is printed is UTF-8");
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Outcome {
    /// The standard output of a run that must succeed without a word, but that its ciphertext is not for
    /// `kubectl apply`.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        let is_warned = self.stdout.contains("ENC[AES256_GCM,") && self.stderr.starts_with("warning: ");
        let stderr = if is_warned { self.stderr.split_once("\n\n").map_or("", |(_, rest)| rest) } else { &self.stderr };
        assert_eq!((self.code, stderr), (0, ""));
        self.stdout
    }

    /// Records the message.
    #[track_caller]
    pub(crate) fn record(&self) {
        record(&self.stderr);
    }

    /// The message, which is recorded, of a run that must find its input wrong, and write nothing.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (2, ""), "{}", self.stderr);
        self.record();
        self.stderr
    }

    #[track_caller]
    pub(crate) fn objects(self) -> Objects {
        Objects::read(&self.ok())
    }

    #[track_caller]
    pub(crate) fn json(self) -> Json {
        serde_json::from_str(&self.ok()).unwrap()
    }
}
