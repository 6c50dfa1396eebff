//! Files of `manifests`: those that a pattern matches, or those of a directory.

use std::path::{Path, PathBuf};

use super::renderer::TemplateRenderer;
use crate::diagnostic::{Diagnostic, PublicReason, Rule};
use crate::disk::BoundedRoot;
use crate::files::{FileKind, InputQuery, refuse_file};
use crate::glob::{GlobError, find_matching, is_pattern};
use crate::layer::ManifestPattern;

/// Extensions of the manifests in a directory, each also with [`TEMPLATE`] after it.
const EXTENSIONS: [&str; 3] = [".yaml", ".yml", ".json"];

/// Extension of a file that is a template as a whole.
const TEMPLATE: &str = ".j2";

/// Names of the files that make a directory a kustomization.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

impl TemplateRenderer {
    /// Files of a pattern, sorted. Problems are reported.
    pub(super) fn list_manifests(&self, pattern: &ManifestPattern) -> Vec<PathBuf> {
        let text = &pattern.pattern.value;
        let root = self.context.engine.files.bounds();
        let found = self.match_manifests(pattern, text).and_then(|found| {
            self.refuse_left_out(pattern, text, |path, complete| found.is_empty() || !complete.is_directory(path))?;
            let is_one = !text.split('/').any(is_pattern) && !text.split('/').all(|part| matches!(part, "" | "."));
            match found.as_slice() {
                [directory] if is_one && root.is_directory(directory) => self.list_directory(pattern),
                _ => {
                    let files: Vec<_> = found.iter().filter(|path| !root.is_directory(path)).cloned().collect();
                    if files.is_empty() { Err(no_files(text, !found.is_empty())) } else { Ok(files) }
                }
            }
        });
        found.unwrap_or_else(|problem| {
            self.context.report(problem.at_public(pattern.pattern.place.clone(), PublicReason::Path));
            Vec::new()
        })
    }

    /// The manifests in a directory, as of `kubectl apply -f`: not those of its subdirectories.
    fn list_directory(&self, pattern: &ManifestPattern) -> Result<Vec<PathBuf>, Diagnostic> {
        let text = pattern.pattern.value.trim_end_matches('/');
        let mut found = self.match_manifests(pattern, &format!("{text}/*"))?;
        let is_wanted = |path: &Path, complete: &BoundedRoot| {
            path.file_name().is_some_and(|name| is_manifest(&name.to_string_lossy())) && !complete.is_directory(path)
        };
        self.refuse_left_out(pattern, &format!("{text}/*"), is_wanted)?;
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(file) = found.iter().map(|path| name(path)).find(|name| KUSTOMIZATIONS.contains(&name.as_str())) {
            return Err(Diagnostic::error(
                Rule::InvalidManifest,
                format!("`{text}` is a kustomization, because it contains `{file}`"),
            )
            .hint(format!(
                "convert it with `septum import kustomize`, or list its resource files: `{text}/NAME.yaml`"
            )));
        }
        let root = self.context.engine.files.bounds();
        found.retain(|path| is_manifest(&name(path)) && !root.is_directory(path));
        if found.is_empty() {
            return Err(Diagnostic::error(
                Rule::MissingFile,
                format!("the directory `{text}` contains no manifests: `*.yaml`, `*.yml`, `*.json`"),
            )
            .hint(format!("for manifests in its subdirectories, write `{text}/**/*`")));
        }
        Ok(found)
    }

    /// Error: a sparse checkout leaves out what a pattern matches. Without it, other objects would be rendered.
    fn refuse_left_out(
        &self,
        pattern: &ManifestPattern,
        text: &str,
        is_wanted: impl Fn(&Path, &BoundedRoot) -> bool,
    ) -> Result<(), Diagnostic> {
        let files = &self.context.engine.files;
        let Some(complete) = files.complete_bounds() else { return Ok(()) };
        let all = find_matching(complete, &pattern.directory, text).unwrap_or_default();
        let mut left_out = all.iter().filter(|path| is_wanted(path, complete)).filter_map(|path| files.left_out(path));
        left_out.next().map_or(Ok(()), Err)
    }

    /// Files and directories that a pattern matches below the directory of its layer.
    fn match_manifests(&self, pattern: &ManifestPattern, text: &str) -> Result<Vec<PathBuf>, Diagnostic> {
        let files = &self.context.engine.files;
        files.record_query(InputQuery::Matching(pattern.directory.clone(), text.to_owned()));
        find_matching(files.bounds(), &pattern.directory, text).map_err(|error| match error {
            GlobError::Outside => {
                Diagnostic::error(Rule::OutsideProject, format!("`{text}` is outside the directory of its layer"))
                    .hint("move manifests below the directory of the layer")
            }
            GlobError::Invalid { part, reason } => {
                Diagnostic::error(Rule::InvalidField, format!("`{part}` is not a valid glob: {reason}"))
            }
            GlobError::Unreadable(directory, refusal) => {
                refuse_file(&refusal, FileKind::Manifest, &files.name(&directory))
            }
            GlobError::TooMuch(budget) => {
                budget.budget_diagnostic().hint("use fewer and narrower patterns: `workloads/*.yaml`")
            }
        })
    }
}

/// Whether a name is that of a manifest.
fn is_manifest(name: &str) -> bool {
    let name = name.strip_suffix(TEMPLATE).unwrap_or(name);
    EXTENSIONS.iter().any(|extension| name.ends_with(extension))
}

fn no_files(text: &str, is_directory: bool) -> Diagnostic {
    if is_directory {
        let directory = text.trim_end_matches('/');
        Diagnostic::error(Rule::MissingFile, format!("`{text}` matches directories alone, but no file"))
            .hint(format!("for all files in them, write `{directory}/*`; including subdirectories, `{directory}/**/*`"))
    } else {
        Diagnostic::error(Rule::MissingFile, format!("`{text}` matches no file"))
            .hint("paths are relative to the layer, and may contain `*` and `**`")
    }
}
