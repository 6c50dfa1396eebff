//! `${NAME}` in objects that Flux would replace.
//!
//! With `spec.postBuild` of a Flux Kustomization, every `${NAME}` in the objects that it applies is replaced, and one
//! that is not defined becomes empty: a script or a configuration file with a variable of its own arrives broken.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use memchr::memmem;

use crate::deliver::{Delivered, DeliveredForm};
use crate::diagnostic::{Diagnostic, Rule};
use crate::disk::{BoundedRoot, FileReadError, walk_files};
use crate::files::{FileKind, ProjectFiles, refuse_file};
use crate::layer::Tree;
use crate::manifest::list_items;
use crate::name::EntryId;
use crate::object::{Object, RenderedObject};
use crate::resolve::ResolvedTarget;
use crate::span::{Location, Source};
use crate::yaml::read::{MergeKeys, read_stream};

/// The label or annotation by which Flux skips an object, if it is `disabled`.
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// Search for a Flux Kustomization that substitutes in the repository of a project. Done on first use.
pub(super) struct FluxSubstitution<'p> {
    files: &'p ProjectFiles,
    substitutes: OnceLock<Result<Option<String>, Diagnostic>>,
}

impl<'p> FluxSubstitution<'p> {
    pub(super) fn new(files: &'p ProjectFiles) -> Self {
        Self { files, substitutes: OnceLock::new() }
    }

    /// The file that substitutes; an error if the repository could not be searched.
    fn kustomization(&self) -> &Result<Option<String>, Diagnostic> {
        self.substitutes.get_or_init(|| self.search_repository())
    }

    fn search_repository(&self) -> Result<Option<String>, Diagnostic> {
        let (root, disk) = (self.files.root(), self.files.disk());
        let repository = disk.repository_of(root).unwrap_or(root);
        let bounds = BoundedRoot::new(disk.clone(), repository);
        let bounds = bounds.map_err(|error| refuse_file(&error.into(), FileKind::Kustomization, "."))?;
        let is_yaml = |path: &Path| path.extension().is_some_and(|it| it == "yaml" || it == "yml");
        let says = |path: &Path| {
            // a larger file is not a Kustomization, and an entry that is not a regular file applies nothing
            let bytes = bounds.resolve(path).and_then(|path| bounds.read(&path, FileKind::Kustomization.limit()));
            let bytes = bytes.unwrap_or_default();
            let has = |text: &str| memmem::find(&bytes, text.as_bytes()).is_some();
            // most files hold neither word, and need not be parsed
            has("postBuild") && has("kustomize.toolkit.fluxcd.io/") && is_substituting(&bytes)
        };
        let name = |path: &Path| path.strip_prefix(repository).unwrap_or(path).display().to_string();
        if let Some(snapshot) = disk.snapshot() {
            return Ok(snapshot.files().find(|path| is_yaml(path) && says(path)).as_deref().map(name));
        }
        let mut found = None;
        let walked = walk_files(disk, repository, FileKind::IgnoreRules.limit(), &mut |path| {
            if is_yaml(path) && says(path) {
                found = Some(name(path));
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        let refused =
            |(path, refusal): (PathBuf, FileReadError)| refuse_file(&refusal, FileKind::IgnoreRules, &name(&path));
        walked.map(|()| found).map_err(refused)
    }

    /// Texts in these objects that Flux would change.
    pub(super) fn find_substituted(&self, resolved: &ResolvedTarget, objects: &[Delivered]) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for object in objects {
            match &object.form {
                DeliveredForm::Plain(object) => match &**object {
                    RenderedObject::Bundle(object) if !is_off_in(object) => {
                        self.check_bundle(resolved, object, &mut found);
                    }
                    RenderedObject::Manifest(manifest, _) if !is_off(&manifest.tree) => {
                        manifest.tree.leaves("", &mut |path, leaf, scalar| {
                            if let Some(name) = first_variable(scalar.text()) {
                                let what = format!("`{path}` of {}", manifest.label());
                                found.extend(self.substitution_finding(&what, name, leaf.place.clone()));
                            }
                        });
                    }
                    RenderedObject::Bundle(_) | RenderedObject::Manifest(..) => {}
                },
                // in base64, `$` is nowhere
                DeliveredForm::Encrypted(_) | DeliveredForm::Unknown => {}
            }
        }
        found
    }

    fn check_bundle(&self, resolved: &ResolvedTarget, object: &Object, found: &mut Vec<Diagnostic>) {
        if object.kind == crate::object::ObjectKind::Secret {
            return;
        }
        for (key, value) in &object.data {
            let id = EntryId { bundle: object.base_name.as_str().into(), key: key.as_str().into() };
            let (Some(name), Some(entry)) = (value.text().and_then(first_variable), resolved.definition.entry(&id))
            else {
                continue;
            };
            let what = format!("`{}`", resolved.definition.label(&id));
            found.extend(self.substitution_finding(&what, name, entry.place().clone()));
        }
    }

    fn substitution_finding(&self, what: &str, name: &str, place: Location) -> Option<Diagnostic> {
        let file = match self.kustomization() {
            Ok(file) => file.as_ref()?,
            Err(problem) => return Some(problem.clone()),
        };
        let message = format!("{what} contains `${{{name}}}`, which Flux would substitute or remove");
        let warning = Diagnostic::warning(Rule::Substitution, message)
            .at_masked(place)
            .note(format!("`{file}` has a Kustomization with `postBuild`"))
            .hint(format!("disable the substitution for these objects: `annotations: {{ {SWITCH}: disabled }}`"))
            .hint(format!("or escape it as `$${{{name}}}`"));
        Some(warning)
    }
}

/// Whether a file of YAML contains a Kustomization of Flux with `postBuild`, by itself or in a list. A text that
/// mentions one, a comment or a value, does not count.
fn is_substituting(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let source = Source::new("kustomization", text);
    let Ok(stream) = read_stream(&source, MergeKeys::Apply) else {
        // with a `${NAME}` where YAML accepts none, its lines still show it
        let has = |wanted: &str| text.lines().any(|line| line.trim_end() == wanted);
        return has("kind: Kustomization") && has("spec:") && has("  postBuild:");
    };
    stream.documents.into_iter().any(|document| has_substitution(&Tree::from_node(document, &source)))
}

fn has_substitution(tree: &Tree) -> bool {
    if let Some(items) = list_items(tree) {
        return items.iter().any(has_substitution);
    }
    let text = |key| tree.get(key).and_then(Tree::as_text).unwrap_or_default();
    let is_of_flux = text("apiVersion").starts_with("kustomize.toolkit.fluxcd.io/");
    is_of_flux && text("kind") == "Kustomization" && tree.at(&["spec", "postBuild"]).and_then(Tree::as_map).is_some()
}

fn is_off(tree: &Tree) -> bool {
    ["labels", "annotations"]
        .iter()
        .any(|field| tree.at(&["metadata", field, SWITCH]).and_then(Tree::as_text) == Some("disabled"))
}

fn is_off_in(object: &Object) -> bool {
    [&object.labels, &object.annotations].iter().any(|map| map.get(SWITCH).is_some_and(|value| value == "disabled"))
}

/// The first `${NAME}` of a text that is not escaped as `$${NAME}`: names are those of
/// `^[_[:alpha:]][_[:alpha:][:digit:]]*$` (Flux, `post build variable substitution`).
fn first_variable(text: &str) -> Option<&str> {
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find("${").map(|at| from + at) {
        let rest = text.get(at + 2..)?;
        let length = rest.find(|char: char| !(char == '_' || char.is_ascii_alphanumeric())).unwrap_or(rest.len());
        let name = rest.get(..length)?;
        let is_name = name.starts_with(|char: char| char == '_' || char.is_ascii_alphabetic());
        let is_escaped = text.get(..at).is_some_and(|before| before.ends_with('$'));
        if is_name && !is_escaped {
            return Some(name);
        }
        from = at + 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::first_variable;

    #[test]
    fn variables_are_found_unless_they_are_escaped() {
        for (text, expected) in [
            ("listen ${PORT};", Some("PORT")),
            ("${_x:-default}", Some("_x")),
            ("$${PORT}", None),
            ("$${A} ${B}", Some("B")),
            ("$PORT $(PORT) ${} ${1}", None),
            ("${", None),
            ("ß${ä}", None),
        ] {
            assert_eq!(first_variable(text), expected, "{text}");
        }
    }
}
