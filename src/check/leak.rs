//! Credentials that lie in plaintext in files that Git has.

use crate::diagnostic::Diagnostic;
use crate::layer::{Change, Definition, Entry, EntrySource, Tree, TreeKind};
use crate::name::EntryId;
use crate::resolve::{Final, Outcome, Resolved};
use crate::route::detect::{self, Certainty};
use crate::span::Place;
use crate::yaml::node::Scalar;

/// The literal credentials in the layers of an environment, and in the files that they name.
///
/// What an entry is declared to be decides what a credential is: of one that is declared sensitive, any
/// value of its own; of one that is declared plain, only what can be nothing else.
pub(super) fn leaks(resolved: &Resolved) -> Vec<Diagnostic> {
    let definition = &*resolved.definition;
    let mut found = Vec::new();
    for (id, bundle, entry) in definition.entries() {
        let judge = Judge { entry, is_typed: bundle.secret_type.is_some(), label: definition.label(&id) };
        for step in &entry.history {
            let Change::Source(source) = &step.change else { continue };
            match source {
                EntrySource::Value(scalar) => {
                    found.extend(judge.scalar(id.key.as_str(), scalar, &step.place, definition, &id));
                }
                EntrySource::Content(tree) | EntrySource::Registries(tree) => {
                    judge.tree(tree, definition, &id, &mut found);
                }
                EntrySource::File(_) | EntrySource::Template(_) | EntrySource::Ref(_) => {}
            }
        }
        found.extend(file(resolved, &id, entry, &judge));
    }
    if let Some(vars) = &definition.vars {
        vars.leaves("vars", &mut |path, tree, scalar| {
            let name = path.rsplit(['.', '[']).find(|part| !part.ends_with(']')).unwrap_or(path);
            if is_open(scalar) && detect::is_literal_credential(name, scalar.text()) {
                found.push(leak(
                    path,
                    &detect::classify(name, Some(scalar.text())),
                    tree.place.clone(),
                    definition,
                    None,
                ));
            }
        });
    }
    found
}

/// Whether a text is there for everybody to read.
fn is_open(scalar: &Scalar) -> bool {
    !scalar.encrypted && !scalar.locked && !scalar.is_null()
}

/// What an entry is declared to be.
struct Judge<'a> {
    entry: &'a Entry,
    is_typed: bool,
    label: String,
}

impl Judge<'_> {
    fn is_leak(&self, key: &str, text: &str) -> bool {
        let detection = detect::classify(key, Some(text));
        let is_certain = detection.by_value.as_ref().is_some_and(|hit| hit.certainty == Certainty::Certain);
        match self.entry.rules.sensitive.as_ref().map(|declared| declared.value) {
            Some(true) => detect::is_literal(key, text),
            Some(false) => is_certain,
            // a certificate beside its key is no secret
            None if self.is_typed => detect::is_literal_credential(key, text),
            None => detect::is_literal_credential(key, text),
        }
    }

    fn scalar(
        &self,
        key: &str,
        scalar: &Scalar,
        place: &Place,
        definition: &Definition,
        id: &EntryId,
    ) -> Option<Diagnostic> {
        let is_leak = is_open(scalar) && self.is_leak(key, scalar.text());
        is_leak.then(|| {
            leak(&self.label, &detect::classify(key, Some(scalar.text())), place.clone(), definition, Some(id))
        })
    }

    /// The leaves of a structure, each judged by its own key.
    fn tree(&self, tree: &Tree, definition: &Definition, id: &EntryId, found: &mut Vec<Diagnostic>) {
        tree.leaves("", &mut |path, leaf, scalar| {
            let key = path.rsplit(['.', '[']).find(|part| !part.ends_with(']')).unwrap_or(path);
            if matches!(leaf.kind, TreeKind::Leaf(_))
                && is_open(scalar)
                && detect::is_literal_credential(key, scalar.text())
            {
                let label = format!("{} ({path})", self.label);
                let detection = detect::classify(key, Some(scalar.text()));
                found.push(leak(&label, &detection, leaf.place.clone(), definition, Some(id)));
            }
        });
    }
}

/// A file whose bytes are the value.
fn file(resolved: &Resolved, id: &EntryId, entry: &Entry, judge: &Judge<'_>) -> Option<Diagnostic> {
    let EntrySource::File(_) = &entry.source.as_ref()?.value else { return None };
    let Outcome::Known(value @ Final::File(_)) = &resolved.entries.get(id)?.outcome else { return None };
    let text = value.text()?;
    let key = id.key.as_str();
    judge.is_leak(key, text).then(|| {
        let detection = detect::classify(key, Some(text));
        leak(&judge.label, &detection, entry.place().clone(), &resolved.definition, Some(id))
    })
}

fn leak(
    label: &str,
    detection: &detect::Detection,
    place: Place,
    definition: &Definition,
    id: Option<&EntryId>,
) -> Diagnostic {
    let error = Diagnostic::error("plaintext-secret", format!("`{label}` holds a credential in plaintext"));
    let reasons = detection.reasons();
    let error = if reasons.is_empty() {
        error.note("it is declared sensitive, and this is a value of its own")
    } else {
        error.note(format!("it looks like one: {}", reasons.join("; ")))
    };
    let error = error.at_hidden(place);
    let error = match id {
        Some(id) => error.hint(format!(
            "`septum set {} {}` puts it into an encrypted layer; then remove it here",
            definition.environment, id.key
        )),
        None => error.hint("move it into an encrypted layer: `septum edit` opens one"),
    };
    error.hint("and change it where it is valid: Git's history keeps what was committed")
}
