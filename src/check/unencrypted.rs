//! Files that should be encrypted, and are not.

use crate::diagnostic::Diagnostic;
use crate::pipeline::Pipeline;
use crate::resolve::Resolved;
use crate::span::Span;

/// Layers called `*.secrets.yaml`, and layers that a rule of `.sops.yaml` names recipients for, that are in
/// plaintext.
pub(super) fn files(pipeline: &Pipeline<'_>, resolved: &Resolved) -> Vec<Diagnostic> {
    let definition = &*resolved.definition;
    let is_encrypted = |name: &str| definition.wrappings.iter().any(|(source, _)| source.name() == name);
    let mut found = Vec::new();
    for source in definition.files.iter().filter(|source| !is_encrypted(source.name())) {
        let name = source.name();
        let path = pipeline.library.project.files.root().join(name);
        let rule = pipeline.library.rules().rule(&path).ok().flatten().filter(|rule| !rule.groups.is_empty());
        let why = match &rule {
            _ if name.ends_with(".secrets.yaml") => "its name says that it is",
            Some(rule) if rule.path_regex.is_some() => "a rule of `.sops.yaml` says that it is",
            // a rule for all files is one for those that somebody encrypts
            Some(_) | None => continue,
        };
        let place = source.place(Span::locate(source.text(), 0, 0));
        let error =
            Diagnostic::error("not-encrypted", format!("`{name}` is not encrypted, and {why}")).at_hidden(place);
        let error = match &rule {
            Some(rule) => error.at_with(rule.place.clone(), "the rule"),
            None => error,
        };
        found.push(error.hint(format!("`septum encrypt {name}`; change what was committed in plaintext")));
    }
    found
}
