//! `${NAME}` in objects that Flux would replace.
//!
//! With `spec.postBuild` of a Flux Kustomization, every `${NAME}` in the objects that it applies is replaced, and one
//! that is not defined becomes empty: a script or a configuration file with a variable of its own arrives broken. Nothing
//! is replaced while there is no variable at all, unless `substituteStrategy` is `Always`.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use memchr::memmem;

use super::{GROUP, find_flux_file, read_kustomization};
use crate::deliver::{Delivered, DeliveredForm};
use crate::diagnostic::{Diagnostic, Rule};
use crate::files::ProjectFiles;
use crate::layer::Tree;
use crate::name::EntryId;
use crate::object::{Object, RenderedObject};
use crate::resolve::ResolvedTarget;
use crate::sort::CollectSorted;
use crate::span::{Location, Source};
use crate::yaml::read::{MergeKeys, read_stream};

/// The label or annotation by which Flux skips an object, if it is `disabled`.
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// In the place of a name that is in a secret.
const HIDDEN: &str = "…";

/// Condition on which a Kustomization substitutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SubstituteStrategy {
    /// If it has at least one variable.
    WithVariables,
    /// Also without any.
    Always,
}

/// Variables of a Kustomization that substitutes.
#[derive(Debug)]
struct FluxVariables {
    strategy: SubstituteStrategy,
    /// Names under `substitute`.
    names: BTreeSet<String>,
    /// Whether others come from objects of the cluster: `substituteFrom`.
    has_sources: bool,
}

/// Search for a Flux Kustomization that substitutes in the repository of a project. Done on first use.
pub(in crate::check) struct FluxSubstitution<'p> {
    files: &'p ProjectFiles,
    substitutes: OnceLock<Result<Option<(String, FluxVariables)>, Diagnostic>>,
}

impl<'p> FluxSubstitution<'p> {
    pub(in crate::check) fn new(files: &'p ProjectFiles) -> Self {
        Self { files, substitutes: OnceLock::new() }
    }

    /// The file that substitutes; an error if the repository could not be searched.
    fn kustomization(&self) -> &Result<Option<(String, FluxVariables)>, Diagnostic> {
        self.substitutes.get_or_init(|| find_flux_file(self.files, &read_variables))
    }

    /// Texts in these objects that Flux would change.
    pub(in crate::check) fn find_substituted(
        &self,
        resolved: &ResolvedTarget,
        objects: &[Delivered],
    ) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for object in objects {
            match &object.form {
                DeliveredForm::Plain(object) => match &**object {
                    RenderedObject::Bundle(object) if !is_off_in(object) => {
                        self.check_bundle(resolved, object, &mut found);
                    }
                    RenderedObject::Manifest(manifest, _) if !is_off(&manifest.tree) => {
                        // what looks like a name may be a part of a secret
                        let is_secret = manifest.kind == "Secret";
                        manifest.tree.leaves("", &mut |path, leaf, scalar| {
                            if let Some(name) = first_variable(scalar.text()) {
                                let what = format!("`{path}` of {}", manifest.label());
                                let name = if is_secret || scalar.encrypted { HIDDEN } else { name };
                                found.extend(self.substitution_finding(&what, name, leaf.place.clone()));
                            }
                        });
                    }
                    RenderedObject::Bundle(_) | RenderedObject::Manifest(..) => {}
                },
                // in base64, `$` is nowhere
                DeliveredForm::Encrypted(_) | DeliveredForm::Unknown(_) => {}
            }
        }
        found
    }

    fn check_bundle(&self, resolved: &ResolvedTarget, object: &Object, found: &mut Vec<Diagnostic>) {
        let definition = &resolved.definition;
        let own = definition.bundles.get(object.base_name.as_str());
        let texts = definition.annotations.iter().chain(own.into_iter().flat_map(|bundle| bundle.annotations.iter()));
        for (key, text) in texts {
            let is_used = object.annotations.get(key).is_some_and(|value| *value == text.value);
            if let Some(name) = first_variable(&text.value).filter(|_| is_used) {
                let what = format!("the annotation `{key}`");
                found.extend(self.substitution_finding(&what, name, text.place.clone()));
            }
        }
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
        let (file, variables) = match self.kustomization() {
            Ok(file) => file.as_ref()?,
            Err(problem) => return Some(problem.clone()),
        };
        let message = format!("{what} contains `${{{name}}}`, which Flux would substitute or remove");
        let how = match variables.strategy {
            SubstituteStrategy::WithVariables => "`postBuild`",
            SubstituteStrategy::Always => "`substituteStrategy: Always`",
        };
        let warning = Diagnostic::warning(Rule::Substitution, message)
            .at_masked(place)
            .note(format!("`{file}` has a Kustomization with {how}"));
        let is_set = variables.names.contains(name);
        let meant = "if the variable of the Kustomization is meant, accept the finding: `septum check --write-baseline` records all current ones";
        let warning = if is_set { warning.note(format!("it sets `{name}`")).hint(meant) } else { warning };
        let warning = warning
            .hint(format!("disable the substitution for these objects: `annotations: {{ {SWITCH}: disabled }}`"))
            .hint(format!("or escape it as `$${{{name}}}`"));
        Some(if variables.has_sources && !is_set { warning.hint(meant) } else { warning })
    }
}

/// The variables of a file of YAML, if it contains a Kustomization of Flux that substitutes. A text that mentions one, a
/// comment or a value, does not count.
fn read_variables(bytes: &[u8]) -> Option<FluxVariables> {
    let has = |text: &str| memmem::find(bytes, text.as_bytes()).is_some();
    // most files hold neither word, and need not be parsed
    let text = std::str::from_utf8(bytes).ok().filter(|_| has("postBuild") && has(GROUP))?;
    let source = Source::new("kustomization", text);
    let Ok(stream) = read_stream(&source, MergeKeys::Apply) else {
        // with a `${NAME}` where YAML accepts none, its lines still show it
        let has = |wanted: &str| text.lines().any(|line| line.trim_end() == wanted);
        let is_one = has("kind: Kustomization") && has("spec:") && has("  postBuild:");
        let unknown = FluxVariables {
            strategy: SubstituteStrategy::WithVariables,
            names: BTreeSet::new(),
            has_sources: has("    substituteFrom:"),
        };
        return is_one.then_some(unknown);
    };
    let mut documents = stream.documents.into_iter();
    documents.find_map(|document| read_kustomization(&Tree::from_node(document, &source), &variables_of))
}

/// The variables of a Kustomization with this `spec`, if it substitutes.
fn variables_of(spec: &Tree) -> Option<FluxVariables> {
    let build = spec.get("postBuild").filter(|build| build.as_map().is_some())?;
    let names = build.get("substitute").and_then(Tree::as_map).into_iter().flat_map(|map| map.keys().cloned());
    let names = names.collect_set();
    let has_sources = build.get("substituteFrom").and_then(Tree::as_list).is_some_and(|list| !list.is_empty());
    let strategy = match build.get("substituteStrategy").and_then(Tree::as_text) {
        Some("Always") => SubstituteStrategy::Always,
        _ if names.is_empty() && !has_sources => return None,
        _ => SubstituteStrategy::WithVariables,
    };
    Some(FluxVariables { strategy, names, has_sources })
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
    use super::*;

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

    #[test]
    fn without_variables_only_one_strategy_substitutes() {
        use SubstituteStrategy::{Always, WithVariables};
        let head = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: { postBuild: ";
        for (build, expected) in [
            ("{}", None),
            ("{ substitute: {} }", None),
            ("{ substituteFrom: [] }", None),
            ("{ substituteStrategy: WithVariables }", None),
            ("{ substitute: { a: b } }", Some(WithVariables)),
            ("{ substituteFrom: [{ kind: ConfigMap, name: a }] }", Some(WithVariables)),
            ("{ substituteStrategy: Always }", Some(Always)),
            ("{ substituteStrategy: Always, substitute: {} }", Some(Always)),
        ] {
            let found = read_variables(format!("{head}{build} }}\n").as_bytes());
            assert_eq!(found.map(|found| found.strategy), expected, "{build}");
        }
    }
}
