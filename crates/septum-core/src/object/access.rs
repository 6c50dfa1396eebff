//! Read access to a Secret: a Role for exactly that one, bound to a service account (`rbac`).

use super::name_index::ObjectsByName;
use super::{ExternalBundle, ObjectKind};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::{Definition, Tree};
use crate::manifest::Manifest;
use crate::map::HashMap;
use crate::span::{Located, Location};

const API_GROUP: &str = "rbac.authorization.k8s.io";

/// Builds the Role and the RoleBinding of each bundle that requests them.
///
/// The Role allows `get` on the Secret of that name and nothing else: `list` would reveal the contents of all Secrets,
/// and cannot be bound to a name without a field selector.
pub(super) fn build_access(
    definition: &Definition,
    built: &ObjectsByName<'_>,
    external: &[ExternalBundle],
    problems: &mut Diagnostics,
) -> Vec<Manifest> {
    let mut found = Vec::new();
    let stores = external.iter().filter(|part| part.makes_secret());
    let mut stores_of: HashMap<&str, Vec<&str>> = HashMap::default();
    stores.for_each(|part| stores_of.entry(&part.base_name).or_default().push(&part.name));
    for (name, bundle) in &definition.bundles {
        let Some(account) = &bundle.rbac else { continue };
        // references get the final names of their targets later, this one too
        let known = built.get(ObjectKind::Secret.as_str(), name.as_str()).map(|secret| secret.base_name.as_str());
        let made = stores_of.get(name.as_str()).into_iter().flatten().copied();
        let secrets: Vec<_> = known.into_iter().chain(made).collect();
        if secrets.is_empty() {
            problems.push(
                Diagnostic::warning(Rule::UnusedRbac, format!("the bundle `{name}` has no Secret to grant access to"))
                    .at(account.place.clone())
                    .hint("remove `rbac`, or declare sensitive entries in the bundle"),
            );
            continue;
        }
        let role = format!("{name}-reader");
        for tree in [role_of(&role, &secrets, &account.place), role_binding(&role, account)] {
            found.extend(problems.take(Manifest::of(tree)));
        }
    }
    found
}

fn role_of(name: &str, secrets: &[&str], place: &Location) -> Tree {
    let text = |text: &str| Tree::text(text, place);
    let list = |word: &str| Tree::list(vec![text(word)], place);
    let rule = Tree::map(
        [
            ("apiGroups", list("")),
            ("resourceNames", Tree::list(secrets.iter().map(|name| text(name)).collect(), place)),
            ("resources", list("secrets")),
            ("verbs", list("get")),
        ],
        place,
    );
    Tree::map(
        [
            ("apiVersion", text(&format!("{API_GROUP}/v1"))),
            ("kind", text("Role")),
            ("metadata", Tree::map([("name", text(name))], place)),
            ("rules", Tree::list(vec![rule], place)),
        ],
        place,
    )
}

fn role_binding(role: &str, account: &Located<String>) -> Tree {
    let place = &account.place;
    let text = |text: &str| Tree::text(text, place);
    let reference = [("apiGroup", text(API_GROUP)), ("kind", text("Role")), ("name", text(role))];
    let subject = [("kind", text("ServiceAccount")), ("name", text(&account.value))];
    Tree::map(
        [
            ("apiVersion", text(&format!("{API_GROUP}/v1"))),
            ("kind", text("RoleBinding")),
            ("metadata", Tree::map([("name", text(role))], place)),
            ("roleRef", Tree::map(reference, place)),
            ("subjects", Tree::list(vec![Tree::map(subject, place)], place)),
        ],
        place,
    )
}
