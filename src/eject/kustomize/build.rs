//! Objects as kustomize builds them from an overlay.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::diagnostic::{Diagnostic, FailureKind, Rule};
use crate::layer::Tree;
use crate::program::program_command;
use crate::secret::Wiping;
use crate::span::Source;
use crate::yaml::read::{MergeKeys, read_stream};

/// Program that builds overlays, with its subcommand.
#[derive(Debug, Clone, Copy)]
pub struct OverlayBuilder {
    program: &'static str,
    subcommand: &'static str,
}

/// Programs in the order in which they are tried.
const BUILDERS: [OverlayBuilder; 2] = [
    OverlayBuilder { program: "kustomize", subcommand: "build" },
    OverlayBuilder { program: "kubectl", subcommand: "kustomize" },
];

impl OverlayBuilder {
    /// The program on the path of the user.
    pub fn find() -> Result<Self, Diagnostic> {
        BUILDERS.into_iter().find(|builder| builder.command().is_ok()).ok_or_else(|| {
            Diagnostic::error(Rule::Usage, "neither `kustomize` nor `kubectl` is installed")
                .with_failure(FailureKind::Io)
                .note("what was written is built with it, and compared with the rendered objects")
                .hint("install kustomize 5 (https://kubectl.docs.kubernetes.io/installation/kustomize), or kubectl")
                .hint("`septum eject plain` needs neither")
        })
    }

    fn command(self) -> io::Result<Command> {
        let mut command = program_command(OsStr::new(self.program))?;
        command.arg(self.subcommand);
        Ok(command)
    }

    /// Builds a directory; `None` if kustomize fails. Its message may contain values of Secrets, and is not kept.
    pub(in crate::eject) fn build(self, directory: &Path) -> Option<Vec<Tree>> {
        let mut command = self.command().ok()?;
        let output = command.arg(directory).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        let bytes = Wiping::new(output.stdout);
        if !output.status.success() {
            return None;
        }
        let source = Source::new("kustomize", String::from_utf8_lossy(&bytes));
        let stream = read_stream(&source, MergeKeys::Apply).ok()?;
        Some(stream.documents.into_iter().map(|document| Tree::from_node(document, &source)).collect())
    }
}
