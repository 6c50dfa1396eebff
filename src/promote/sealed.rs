//! Checks of new bytes: no promoted value is readable in an encrypted file, and no comment in any file that is
//! encrypted where it comes from.

use super::tree_edit::{DraftStep, node_at};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::map::HashSet;
use crate::sops;
use crate::span::Source;
use crate::yaml::node::{YamlKind, YamlNode};

/// Bytes of a file that is encrypted. There is no other way to them than the check.
pub(super) struct SealedBytes(Vec<u8>);

impl SealedBytes {
    /// Checks that a file is encrypted, and that no value at these paths is readable: a rule may leave some values in
    /// plaintext.
    pub(super) fn check(name: &str, bytes: Vec<u8>, secret: &[Vec<DraftStep>]) -> Result<Self, Diagnostic> {
        let source = Source::new(name, String::from_utf8_lossy(&bytes));
        let root = crate::yaml::read::read_document(&source).ok().filter(sops::is_encrypted);
        let is_hidden = |path: &Vec<DraftStep>| {
            let node = root.as_ref().and_then(|root| node_at(root, path));
            node.is_some_and(is_encrypted_throughout)
        };
        if root.is_some() && secret.iter().all(is_hidden) {
            return Ok(Self(bytes));
        }
        let message = format!("the rule for `{name}` would leave promoted values in plaintext");
        Err(Diagnostic::error(Rule::PlainValue, message)
            .hint("change the selector in `.sops.yaml`, then run `septum rekey`"))
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn is_encrypted_throughout(node: &YamlNode) -> bool {
    match &node.kind {
        // sops leaves empty values and nulls as they are
        YamlKind::Scalar(scalar) => {
            let text = scalar.text();
            text.is_empty() || scalar.is_null() || text.starts_with("ENC[AES256_GCM,")
        }
        YamlKind::List(items) => items.iter().all(is_encrypted_throughout),
        YamlKind::Map(map) => map.values().all(is_encrypted_throughout),
    }
}

/// The comments of the source of values: which of them are readable there, and which are not.
#[derive(Default)]
pub(super) struct SourceComments {
    readable: HashSet<String>,
    all: HashSet<String>,
}

impl SourceComments {
    /// Adds a file, with its bytes as they are on disk and its plaintext.
    pub(super) fn add(&mut self, bytes: &[u8], plaintext: &str) {
        self.readable.extend(comments_in(&String::from_utf8_lossy(bytes)).map(str::to_owned));
        self.all.extend(comments_in(plaintext).map(str::to_owned));
    }

    /// Whether new bytes of a file have a readable comment that neither the source nor the old bytes have like that.
    pub(super) fn are_exposed(&self, before: &[u8], after: &[u8]) -> bool {
        let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
        let known: HashSet<_> = comments_in(&before).collect();
        let is_new = |comment: &&str| self.all.contains(*comment) && !self.readable.contains(*comment);
        comments_in(&after).filter(is_new).any(|comment| !known.contains(comment))
    }
}

/// Parts of lines that may be comments: in the lines of a block it is part of a value, and tells nothing then.
fn comments_in(text: &str) -> impl Iterator<Item = &str> {
    let of_line = |line: &'_ str| {
        let starts = line.match_indices('#').map(|(at, _)| at);
        let found: Vec<_> =
            starts.filter(|at| *at == 0 || line.as_bytes().get(at - 1).is_some_and(u8::is_ascii_whitespace)).collect();
        found
    };
    let comments = text
        .lines()
        .flat_map(move |line| of_line(line).into_iter().filter_map(move |at| line.get(at..)).map(str::trim_end));
    comments.filter(|comment| comment.len() > 1 && !comment.starts_with("#ENC["))
}

/// Reason why new bytes of a file are not written.
pub(super) enum StageFailure {
    /// Comments that are encrypted in the source would be readable in this file.
    Comments(String),
    /// Any other.
    Found(Diagnostics),
}

impl From<Diagnostics> for StageFailure {
    fn from(found: Diagnostics) -> Self {
        Self::Found(found)
    }
}

impl From<Diagnostic> for StageFailure {
    fn from(found: Diagnostic) -> Self {
        Self::Found(found.into())
    }
}

impl From<StageFailure> for Diagnostics {
    fn from(failure: StageFailure) -> Self {
        match failure {
            StageFailure::Found(found) => found,
            StageFailure::Comments(name) => {
                let message = format!("comments of encrypted values would be readable in `{name}`");
                Diagnostic::error(Rule::PlainValue, message)
                    .hint("remove the comments of the values, or encrypt them there too")
                    .into()
            }
        }
    }
}
