//! Secrets in manifests: they belong into the data of Secrets, and nowhere else.

use std::sync::Arc;

use crate::budget::TEMPLATE_STEPS;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::tree::join_path;
use crate::layer::{Definition, Tree, TreeKind};
use crate::map::HashSet;
use crate::resolve::{SecretUse, TemplatePart, TemplateRead};
use crate::route::{Routing, Sensitivity};
use crate::sort::CollectSorted;
use crate::yaml::node::{Scalar, YamlStyle};

/// Part of an object that comes from a template.
pub(super) struct TemplatedPart<'r> {
    /// Path in the object; empty for the whole.
    pub(super) path: &'r str,
    pub(super) part: &'r TemplatePart,
}

/// Sensitive value at a place where no secret is allowed.
struct TemplateLeak<'a> {
    made: &'a TemplatedPart<'a>,
    /// Sensitive read; none if the value itself is encrypted in the manifest.
    read: Option<&'a TemplateRead>,
}

/// Fields that identify an object, in messages too.
const IDENTITY: [&str; 4] = ["apiVersion", "kind", "metadata.name", "metadata.namespace"];

/// Reports every part of an object that a template derived from something sensitive, with its lineage, and replaces it
/// by an unknown value, so that no later step can show it. Returns whether the object can be processed further, by its
/// name.
pub(super) fn check_taint(
    tree: &mut Tree,
    made: &[TemplatedPart<'_>],
    definition: &Definition,
    routing: &Routing,
    problems: &mut Diagnostics,
) -> bool {
    let sensitive: Vec<_> = made.iter().filter_map(|made| find_leak(made, definition, routing)).collect();
    // the check of the text without its secrets comes first: the text with them may decide which error follows
    for leak in &sensitive {
        leak.check_text(definition, routing, problems);
    }
    if sensitive.iter().any(|leak| leak.made.part.text.as_ref().is_some_and(|text| !text.is_clean())) {
        return false;
    }
    let is_known = |leaks: &[TemplateLeak<'_>]| !leaks.iter().any(|leak| IDENTITY.contains(&leak.made.path));
    let is_named = !sensitive.iter().any(|leak| leak.read.is_some() && IDENTITY.contains(&leak.made.path));
    let is_secret = is_named && text_under(tree, "kind") == "Secret" && text_under(tree, "apiVersion") == "v1";
    let is_data = |leak: &TemplateLeak<'_>| {
        leak.made.part.text.is_some() || leak.made.is_data(tree) || leak.read.is_none() && leak.made.is_metadata()
    };
    // without a key, the kind of a wholly encrypted object is unknown
    let is_of_unknown = |leak: &TemplateLeak<'_>| leak.read.is_none() && is_locked(tree, "kind");
    let mut leaks: Vec<_> =
        sensitive.into_iter().filter(|leak| !(is_secret && is_data(leak) || is_of_unknown(leak))).collect();
    // of a wholly encrypted object, one place is enough
    let mut has_encrypted = false;
    let all_paths: HashSet<&str> = leaks.iter().map(|leak| leak.made.path).collect();
    let is_named = is_known(&leaks);
    leaks.retain(|leak| leak.read.is_some() || !std::mem::replace(&mut has_encrypted, true));
    let is_known = is_named && !leaks.iter().any(|leak| leak.made.path.is_empty());
    let label = if is_known { tree.at(&["metadata", "name"]).and_then(Tree::as_text) } else { None };
    let label = label.map(|name| format!("the {} `{name}`", text_under(tree, "kind")));
    problems.extend(leaks.iter().map(|leak| leak.report_part(label.as_deref(), definition, routing)));
    if is_known && !all_paths.is_empty() {
        lock_paths(tree, "", &all_paths);
    }
    is_known
}

/// Reports templates that printed nothing because of a secret.
pub(super) fn check_absent(
    made: &[TemplatedPart<'_>],
    definition: &Definition,
    routing: &Routing,
    problems: &mut Diagnostics,
) {
    for leak in made.iter().filter_map(|made| find_leak(made, definition, routing)) {
        leak.check_text(definition, routing, problems);
    }
}

/// Error: a secret in a patch decides what the patch does, so that everybody could read it from the result.
pub(super) fn check_consumed(part: &TemplatePart, definition: &Definition, routing: &Routing) -> Option<Diagnostic> {
    let made = TemplatedPart { path: &part.path, part };
    let TemplateLeak { read, .. } = find_leak(&made, definition, routing)?;
    let what = match read {
        Some(read) => format!("`{}`, which is sensitive,", read_label(read, definition)),
        None => "an encrypted value".to_owned(),
    };
    let message = format!("{what} decides what a patch changes");
    Some(
        Diagnostic::error(Rule::SecretInManifest, message)
            .at_masked(part.place.clone())
            .note("anyone who can read the objects could tell its value from them")
            .hint("use secrets only as values under `data` and `stringData` of Secrets"),
    )
}

fn read_label(read: &TemplateRead, definition: &Definition) -> String {
    match read {
        TemplateRead::Entry(id) => definition.label(id),
        TemplateRead::Variable(path) => format!("vars.{path}"),
    }
}

fn text_under<'t>(tree: &'t Tree, key: &str) -> &'t str {
    tree.get(key).and_then(Tree::as_text).unwrap_or_default()
}

fn find_leak<'a>(made: &'a TemplatedPart<'a>, definition: &Definition, routing: &Routing) -> Option<TemplateLeak<'a>> {
    let is_sensitive =
        |read: &&TemplateRead| routing.read_sensitivity(&definition.environment, read) == Sensitivity::Sensitive;
    let read = made.part.lineage.reads.iter().find(is_sensitive);
    (read.is_some() || made.part.lineage.encrypted).then_some(TemplateLeak { made, read })
}

fn is_locked(tree: &Tree, key: &str) -> bool {
    matches!(tree.get(key).map(|value| &value.kind), Some(TreeKind::Leaf(scalar)) if scalar.locked)
}

/// Replaces forbidden values by unknown ones.
fn lock_paths(tree: &mut Tree, path: &str, paths: &HashSet<&str>) {
    if paths.contains(path) {
        tree.kind = TreeKind::Leaf(Arc::new(Scalar::new("", YamlStyle::DoubleQuoted).to_locked()));
        return;
    }
    match &mut tree.kind {
        TreeKind::Leaf(_) => {}
        TreeKind::List(items) => {
            items.iter_mut().enumerate().for_each(|(index, item)| lock_paths(item, &format!("{path}[{index}]"), paths));
        }
        TreeKind::Map(map) => map.iter_mut().for_each(|(key, value)| lock_paths(value, &join_path(path, key), paths)),
    }
}

impl TemplatedPart<'_> {
    /// Whether it is a field of a Secret that is in plaintext in the cluster, too.
    fn is_metadata(&self) -> bool {
        matches!(self.path, "apiVersion" | "kind" | "type" | "immutable") || self.path.starts_with("metadata.")
    }

    /// Whether it is one value of the data of an object, if that is a Secret.
    fn is_data(&self, tree: &Tree) -> bool {
        let value = |field: &str| tree.get(field)?.get(self.path.strip_prefix(field)?.strip_prefix('.')?);
        let values = ["data", "stringData"].into_iter().find_map(value);
        values.is_some_and(|value| matches!(value.kind, TreeKind::Leaf(_)))
    }
}

impl TemplateLeak<'_> {
    /// Reports a text, once, if more than values of Secrets depend on a secret.
    fn check_text(&self, definition: &Definition, routing: &Routing, problems: &mut Diagnostics) {
        let Some(text) = &self.made.part.text else { return };
        let is_plain =
            |read: &&TemplateRead| routing.read_sensitivity(&definition.environment, read) == Sensitivity::Plain;
        let plain = self.made.part.lineage.reads.iter().filter(is_plain).cloned().collect_set();
        if let Some(Err(found)) = text.check_once(&plain) {
            problems.push(self.report_text(&found, definition));
        }
    }

    fn report_text(&self, found: &SecretUse, definition: &Definition) -> Diagnostic {
        let label = |read: &TemplateRead| read_label(read, definition);
        let message = match found {
            SecretUse::Exhausted => {
                let problem = TEMPLATE_STEPS.budget_diagnostic().at_masked(self.made.part.place.clone());
                return problem
                    .hint("reduce the computation: a configuration does not need thousands of loop iterations");
            }
            SecretUse::DecidingName(name) => {
                format!("a tag of the template uses `{name}`, which contains a secret")
            }
            SecretUse::Deciding(read) => {
                let read = label(read);
                format!("a tag of the template, or one that it includes, reads `{read}`, which is sensitive")
            }
            SecretUse::Outside(Some(path)) if !path.is_empty() => {
                format!("`{path}` in the output of the template depends on a secret")
            }
            SecretUse::Outside(_) => "the set of objects that the template generates depends on a secret".to_owned(),
            SecretUse::Failing => "cannot determine which parts of the template output depend on a secret".to_owned(),
        };
        Diagnostic::error(Rule::SecretInManifest, message)
            .at_masked(self.made.part.place.clone())
            .note("in a Secret, only the values under `data` and `stringData` are confidential")
            .hint("insert secrets only in these values: `KEY: {{ data.KEY | b64encode }}`")
            .hint("in other objects, refer to the Secret: `valueFrom: { secretKeyRef: { name: NAME, key: KEY } }`")
    }

    fn report_part(&self, object: Option<&str>, definition: &Definition, routing: &Routing) -> Diagnostic {
        let Self { made: TemplatedPart { path, part: TemplatePart { place, .. } }, read } = self;
        let object = object.unwrap_or("a manifest");
        let what = if path.is_empty() { object.to_owned() } else { format!("`{path}` of {object}") };
        let Some(read) = read else {
            return Diagnostic::error(Rule::SecretInManifest, format!("{what} is encrypted, so it is sensitive"))
                .at_masked(place.clone())
                .note("only the values under `data` and `stringData` of a Secret stay confidential in the output")
                .hint("encrypt these alone: set `encrypted_regex: ^(data|stringData)$` in the rule of `.sops.yaml`, and encrypt the file again")
                .hint("store other secret values in a bundle, and refer to its Secret");
        };
        let label = read_label(read, definition);
        let error = Diagnostic::error(Rule::SecretInManifest, format!("{what} uses `{label}`, which is sensitive"))
            .at_masked(place.clone())
            .note("anyone who can read the object could read the secret");
        let TemplateRead::Entry(id) = read else {
            return error.hint("store the value in an entry of a bundle, and refer to the Secret");
        };
        let reason = routing.verdict(id).and_then(|verdict| verdict.reasons.first());
        let error = match reason {
            Some(reason) => error.note(format!("`{label}` is sensitive: {} ({})", reason.detail, reason.place)),
            None => error,
        };
        if is_checksum(path) {
            return error.hint(
                "to restart pods when a secret changes, set `septum.dev/reload: \"true\"` on the workload, or use `names: hashed`",
            );
        }
        error.hint(format!(
            "refer to it: `valueFrom: {{ secretKeyRef: {{ name: {}, key: {} }} }}`, or `septum.dev/env-from: \"{}\"` on the pod template",
            id.bundle, id.key, id.bundle
        ))
    }
}

/// Whether a field is an annotation that changes with a Secret to restart pods.
fn is_checksum(path: &str) -> bool {
    let name = path.rsplit_once("annotations.").map(|(_, name)| name.to_ascii_lowercase());
    name.is_some_and(|name| ["checksum", "sha256", "hash"].iter().any(|word| name.contains(word)))
}
