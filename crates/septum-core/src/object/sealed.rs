//! SealedSecrets of `manifests`: the keys of the Secrets that the controller makes of them, and whether it can.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Rule};
use crate::layer::Tree;
use crate::manifest::Manifest;
use crate::sort::CollectSorted;

const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";
const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";

fn is_sealed_secret(manifest: &Manifest) -> bool {
    manifest.kind == "SealedSecret" && manifest.group() == "bitnami.com"
}

/// Keys of the Secret that the controller makes of a SealedSecret. `None` if they are not known.
pub(super) fn sealed_keys(manifest: &Manifest) -> Option<BTreeSet<String>> {
    let spec = manifest.tree.get("spec").filter(|_| is_sealed_secret(manifest))?;
    let encrypted = spec.get("encryptedData").and_then(Tree::as_map).filter(|map| !map.is_empty())?;
    let plain = spec.at(&["template", "data"]).and_then(Tree::as_map).into_iter().flat_map(|map| map.keys());
    Some(encrypted.keys().chain(plain).cloned().collect_set())
}

/// Warning: a SealedSecret gets another name or namespace than `kubeseal` sealed it for, which it notes in the template.
pub(super) fn sealed_elsewhere(manifest: &Manifest) -> Option<Diagnostic> {
    let has = |annotation: &str| {
        let value = manifest.tree.at(&["metadata", "annotations", annotation]);
        value.and_then(Tree::as_text) == Some("true")
    };
    if !is_sealed_secret(manifest) || has(CLUSTER_WIDE) {
        return None;
    }
    let (name, namespace) = (Some(&manifest.name), manifest.namespace.as_ref());
    let fields = [("namespace", namespace), ("name", name.filter(|_| !has(NAMESPACE_WIDE)))];
    let (field, sealed) = fields.into_iter().find_map(|(field, now)| {
        let sealed = manifest.tree.at(&["spec", "template", "metadata", field])?;
        (sealed.as_text()? != now?).then_some((field, sealed))
    })?;
    let message = format!("{} is sealed for another {field}, so the controller cannot decrypt it", manifest.label());
    Some(
        Diagnostic::warning(Rule::SealedElsewhere, message)
            .at_masked(sealed.place.clone())
            .note("`prefix`, `suffix`, `namespace` and patches change where it is after it was sealed")
            .hint("seal it for the name and the namespace that it has in the output, or with a wider `--scope`")
            .hint("or let Septum seal it: values in an encrypted layer, and `delivery: { secrets: sealed-secret }`"),
    )
}
