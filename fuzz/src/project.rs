//! Projects in memory, and what holds for their findings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use septum::diagnostic::{Diagnostic, Diagnostics, escape_line, render_diagnostic};
use septum::disk::Disk;
use septum::project::Project;
use septum::sops::{Identities, IdentitySources};
use septum::span::Span;
use zeroize::Zeroizing;

/// Identity of the demo.
const DEMO_KEY: &str = include_str!("../../examples/demo-age-key.txt");

/// Files by their names.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A directory for files that are in memory alone.
pub(crate) struct MemoryRoot {
    root: PathBuf,
    directories: &'static [&'static str],
}

impl MemoryRoot {
    /// The root of a target, with empty directories.
    pub(crate) fn new(target: &str, directories: &'static [&'static str]) -> Self {
        let root = std::env::temp_dir().join("septum-fuzz").join(target);
        std::fs::create_dir_all(&root).expect("a directory");
        let created = Self { root: std::fs::canonicalize(root).expect("a directory"), directories };
        created.create_directories();
        created
    }

    /// Creates what somebody removed: a campaign takes longer than what is temporary may stay.
    fn create_directories(&self) {
        for directory in self.directories {
            std::fs::create_dir_all(self.root.join(directory)).expect("a directory");
        }
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.root
    }

    /// Opens a project of files.
    pub(crate) fn open(&self, files: Files) -> Result<Project, Diagnostics> {
        self.create_directories();
        let disk = Disk::with_files(files.into_iter().map(|(name, bytes)| (self.root.join(name), bytes)).collect());
        let root = Project::locate(&disk, &self.root).ok_or_else(Diagnostics::new)?;
        Project::open(&disk, &root)
    }
}

/// The identities of the demo.
pub(crate) fn demo_identities() -> Identities {
    let keys = Zeroizing::new(DEMO_KEY.to_owned());
    Identities::new(IdentitySources { age_key: Some(keys), ..IdentitySources::default() })
}

/// Holds that findings can be shown, and point into the files that they name.
pub(crate) fn assert_placed<'d>(findings: impl IntoIterator<Item = &'d Diagnostic>) {
    for finding in findings {
        assert!(!finding.message.is_empty(), "a finding without a message");
        for label in &finding.labels {
            // what is not in any file is nowhere, and a file as a whole has no line
            if label.place.source.name().is_empty() || label.place.span == Span::default() {
                continue;
            }
            let (text, span) = (label.place.source.text(), label.place.span);
            assert!(span.start <= span.end && text.get(span.start..span.end).is_some(), "{finding:?}");
            let line = text[..span.start].matches('\n').count() + 1;
            assert_eq!(line, span.line, "{finding:?}");
        }
        let shown = render_diagnostic(finding, true);
        // what could be a part of a private key is masked
        let is_masked = finding.message.to_lowercase().contains("age-");
        assert!(is_masked || shown.contains(&*escape_line(&finding.message)), "{finding:?}\n{shown}");
    }
}
