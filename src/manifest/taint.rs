//! Secrets in manifests: they belong into the data of Secrets, and nowhere else.

use std::collections::HashSet;
use std::sync::Arc;

use crate::budget::TEMPLATE_STEPS;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layer::tree::join;
use crate::layer::{Definition, Tree, TreeKind};
use crate::resolve::{Part, Read, SecretUse};
use crate::route::{Routing, Sensitivity};
use crate::yaml::node::{Scalar, Style};

/// A part of an object that a template made.
pub(super) struct Made<'r> {
    /// Its path in the object; empty for the whole.
    pub(super) path: &'r str,
    pub(super) part: &'r Part,
}

/// A sensitive value where no secret may be.
struct Leak<'a> {
    made: &'a Made<'a>,
    read: &'a Read,
}

/// By what an object is known, in messages too.
const IDENTITY: [&str; 4] = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/// Reports every part of an object that a template made of something sensitive, with the way it came,
/// and locks it, so that nothing that follows can show it. Tells whether the object can be looked at
/// further, by its name.
pub(super) fn check(
    tree: &mut Tree,
    made: &[Made<'_>],
    definition: &Definition,
    routing: &Routing,
    problems: &mut Diagnostics,
) -> bool {
    let sensitive: Vec<_> = made.iter().filter_map(|made| leak(made, definition, routing)).collect();
    // what a text would be without its secrets comes first: what it is with them may decide which error follows
    for leak in &sensitive {
        leak.check_text(definition, routing, problems);
    }
    if sensitive.iter().any(|leak| leak.made.part.text.as_ref().is_some_and(|text| !text.is_clean())) {
        return false;
    }
    let is_known = |leaks: &[Leak<'_>]| !leaks.iter().any(|leak| IDENTITY.contains(&leak.made.path));
    let is_secret = is_known(&sensitive) && text(tree, "kind") == "Secret" && text(tree, "apiVersion") == "v1";
    let is_data = |leak: &Leak<'_>| leak.made.part.text.is_some() || leak.made.is_data(tree);
    let leaks: Vec<_> = sensitive.into_iter().filter(|leak| !(is_secret && is_data(leak))).collect();
    let is_known = is_known(&leaks) && !leaks.iter().any(|leak| leak.made.path.is_empty());
    let label = if is_known { tree.at(&["metadata", "name"]).and_then(Tree::as_text) } else { None };
    let label = label.map(|name| format!("the {} `{name}`", text(tree, "kind")));
    problems.extend(leaks.iter().map(|leak| leak.told(label.as_deref(), definition, routing)));
    let paths: HashSet<&str> = leaks.iter().map(|leak| leak.made.path).collect();
    if is_known && !paths.is_empty() {
        lock(tree, "", &paths);
    }
    is_known
}

/// Reports what a template made nothing of because of a secret.
pub(super) fn check_absent(made: &[Made<'_>], definition: &Definition, routing: &Routing, problems: &mut Diagnostics) {
    for leak in made.iter().filter_map(|made| leak(made, definition, routing)) {
        leak.check_text(definition, routing, problems);
    }
}

fn text<'t>(tree: &'t Tree, key: &str) -> &'t str {
    tree.get(key).and_then(Tree::as_text).unwrap_or_default()
}

fn leak<'a>(made: &'a Made<'a>, definition: &Definition, routing: &Routing) -> Option<Leak<'a>> {
    let is_sensitive = |read: &&Read| routing.of_read(&definition.environment, read) == Sensitivity::Sensitive;
    made.part.lineage.reads.iter().find(is_sensitive).map(|read| Leak { made, read })
}

/// Puts what is not known in the place of what must not be.
fn lock(tree: &mut Tree, path: &str, paths: &HashSet<&str>) {
    if paths.contains(path) {
        tree.kind = TreeKind::Leaf(Arc::new(Scalar::new("", Style::DoubleQuoted).locked()));
        return;
    }
    match &mut tree.kind {
        TreeKind::Leaf(_) => {}
        TreeKind::List(items) => {
            items.iter_mut().enumerate().for_each(|(index, item)| lock(item, &format!("{path}[{index}]"), paths));
        }
        TreeKind::Map(map) => map.iter_mut().for_each(|(key, value)| lock(value, &join(path, key), paths)),
    }
}

impl Made<'_> {
    /// Whether it is one value of the data of an object, if that is a Secret.
    fn is_data(&self, tree: &Tree) -> bool {
        let value = |field: &str| tree.get(field)?.get(self.path.strip_prefix(field)?.strip_prefix('.')?);
        let values = ["data", "stringData"].into_iter().find_map(value);
        values.is_some_and(|value| matches!(value.kind, TreeKind::Leaf(_)))
    }
}

impl Leak<'_> {
    /// Reports once of a text if more than values of Secrets depend on a secret.
    fn check_text(&self, definition: &Definition, routing: &Routing, problems: &mut Diagnostics) {
        let Some(text) = &self.made.part.text else { return };
        let is_plain = |read: &&Read| routing.of_read(&definition.environment, read) == Sensitivity::Plain;
        let plain = self.made.part.lineage.reads.iter().filter(is_plain).cloned().collect();
        if let Some(Err(found)) = text.check_once(&plain) {
            problems.push(self.told_of_text(&found, definition));
        }
    }

    fn told_of_text(&self, found: &SecretUse, definition: &Definition) -> Diagnostic {
        let label = |read: &Read| match read {
            Read::Entry(id) => definition.label(id),
            Read::Variable(path) => format!("vars.{path}"),
        };
        let message = match found {
            SecretUse::Exhausted => {
                let problem = TEMPLATE_STEPS.exceeded().at_hidden(self.made.part.place.clone());
                return problem.hint("compute less: thousands of loop turns are more than a configuration needs");
            }
            SecretUse::DecidingName(name) => {
                format!("a tag of the template uses `{name}`, in which there is a secret")
            }
            SecretUse::Deciding(read) => {
                let read = label(read);
                format!("a tag of the template, or one that it includes, reads `{read}`, which is sensitive")
            }
            SecretUse::Outside(Some(path)) if !path.is_empty() => {
                format!("`{path}` of what the template makes depends on a secret")
            }
            SecretUse::Outside(_) => "what objects the template makes depends on a secret".to_owned(),
            SecretUse::Failing => "what of the template depends on a secret cannot be told from the rest".to_owned(),
        };
        Diagnostic::error("secret-in-manifest", message)
            .at_hidden(self.made.part.place.clone())
            .note("of a Secret, only the values under `data` and `stringData` are kept from those who may not read it")
            .hint("print secrets where these values go, `KEY: {{ data.KEY | b64encode }}`, and nowhere else")
            .hint("other objects refer to the Secret: `valueFrom: { secretKeyRef: { name: NAME, key: KEY } }`")
    }

    fn told(&self, object: Option<&str>, definition: &Definition, routing: &Routing) -> Diagnostic {
        let Self { made: Made { path, part: Part { place, .. } }, read } = self;
        let label = match read {
            Read::Entry(id) => definition.label(id),
            Read::Variable(path) => format!("vars.{path}"),
        };
        let object = object.unwrap_or("a manifest");
        let what = if path.is_empty() { object.to_owned() } else { format!("`{path}` of {object}") };
        let error = Diagnostic::error("secret-in-manifest", format!("{what} uses `{label}`, which is sensitive"))
            .at_hidden(place.clone())
            .note("whoever may read the object could read the secret");
        let Read::Entry(id) = read else {
            return error.hint("put the value in an entry of a bundle, and refer to the Secret");
        };
        let reason = routing.verdict(id).and_then(|verdict| verdict.reasons.first());
        let error = match reason {
            Some(reason) => error.note(format!("`{label}` is sensitive: {} ({})", reason.detail, reason.place)),
            None => error,
        };
        if is_checksum(path) {
            return error.hint(
                "for pods that restart when a secret changes, put `septum.dev/reload: \"true\"` on the workload, or use `names: hashed`",
            );
        }
        error.hint(format!(
            "refer to it: `valueFrom: {{ secretKeyRef: {{ name: {}, key: {} }} }}`, or `septum.dev/env-from: \"{}\"` on the pod template",
            id.bundle, id.key, id.bundle
        ))
    }
}

/// Whether a field is an annotation that changes with a Secret, so that pods restart.
fn is_checksum(path: &str) -> bool {
    let name = path.rsplit_once("annotations.").map(|(_, name)| name.to_ascii_lowercase());
    name.is_some_and(|name| ["checksum", "sha256", "hash"].iter().any(|word| name.contains(word)))
}
