//! `delivery`: the form in which the secrets of an environment are delivered.

use std::path::{Path, PathBuf};

use super::entries::file_path;
use super::fields::{LayerFields, read_text};
use super::unexpected::known_cause;
use super::words::{CsiProvider, Pruning, RefForm, SealScope, SecretForm};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::map::IndexMap;
use crate::sops::Recipient;
use crate::span::{Located, Location, Source};
use crate::yaml::node::{Mapping, YamlKind, YamlNode};

pub(super) const FIELDS: [&str; 11] = [
    "secrets",
    "recipients",
    "certificate",
    "scope",
    "refs",
    "store",
    "refreshInterval",
    "provider",
    "parameters",
    "prune",
    "flux",
];

pub(super) const FLUX_FIELDS: [&str; 2] = ["watch", "resourceSet"];

pub(super) const STORE_FIELDS: [&str; 2] = ["kind", "name"];

/// SecretStore or ClusterSecretStore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretStore {
    /// `SecretStore` or `ClusterSecretStore`.
    pub kind: String,
    /// Name of the store.
    pub name: String,
}

/// `flux`: what Flux does with the objects of an app.
#[derive(Debug, Clone, Default)]
pub struct FluxDelivery {
    /// `watch`: whether a change of a ConfigMap or Secret makes Flux reconcile what refers to it.
    pub watch: Option<Located<bool>>,
    /// `resourceSet`: whether a ResourceSet of the Flux Operator has the objects as a template.
    pub resource_set: Option<Located<bool>>,
}

impl FluxDelivery {
    /// Whether a change of a ConfigMap or Secret makes Flux reconcile what refers to it.
    pub fn is_watching(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.value)
    }

    /// The field that makes the objects a template of a ResourceSet, if one does.
    pub fn template(&self) -> Option<&Location> {
        self.resource_set.as_ref().filter(|setting| setting.value).map(|setting| &setting.place)
    }
}

/// Delivery settings of one layer, or of all layers merged.
#[derive(Debug, Clone, Default)]
pub struct Delivery {
    /// `secrets`
    pub secrets: Option<Located<SecretForm>>,
    /// `recipients`: who can decrypt the encrypted Secrets; those of `.sops.yaml` if none are given.
    pub recipients: Option<Located<Vec<Recipient>>>,
    /// `certificate` of the controller that decrypts SealedSecrets.
    pub certificate: Option<Located<PathBuf>>,
    /// `scope` of SealedSecrets.
    pub scope: Option<Located<SealScope>>,
    /// `refs`
    pub refs: Option<Located<RefForm>>,
    /// `store` of ExternalSecrets.
    pub store: Option<Located<SecretStore>>,
    /// `refreshInterval` of ExternalSecrets: a Go duration.
    pub refresh_interval: Option<Located<String>>,
    /// `provider` of a driver.
    pub provider: Option<Located<CsiProvider>>,
    /// `parameters` of a driver.
    pub parameters: IndexMap<String, Located<String>>,
    /// `prune`: the fate of old objects with a hash in their names.
    pub prune: Option<Located<Pruning>>,
    /// `flux`
    pub flux: FluxDelivery,
    /// Fields, and parameters as `parameters.NAME`, that a layer resets with null.
    removed: Vec<String>,
}

impl Delivery {
    /// Overrides the form of Secrets from the layers, if one is given.
    pub fn replace_secrets(&mut self, form: Option<SecretForm>) {
        if let Some(value) = form {
            self.secrets = Some(Located { value, place: Location::synthetic() });
        }
    }

    /// Fields of a later layer replace those of an earlier one, field by field; null resets one.
    pub(super) fn overlay(&mut self, later: &Self) {
        fn replace<T: Clone>(name: &str, old: &mut Option<T>, new: Option<&T>, removed: &[String]) {
            if removed.iter().any(|field| field == name) {
                *old = None;
            }
            *old = new.cloned().or_else(|| old.take());
        }
        let removed = &later.removed;
        replace("secrets", &mut self.secrets, later.secrets.as_ref(), removed);
        replace("recipients", &mut self.recipients, later.recipients.as_ref(), removed);
        replace("certificate", &mut self.certificate, later.certificate.as_ref(), removed);
        replace("scope", &mut self.scope, later.scope.as_ref(), removed);
        replace("refs", &mut self.refs, later.refs.as_ref(), removed);
        replace("store", &mut self.store, later.store.as_ref(), removed);
        replace("refreshInterval", &mut self.refresh_interval, later.refresh_interval.as_ref(), removed);
        replace("provider", &mut self.provider, later.provider.as_ref(), removed);
        replace("prune", &mut self.prune, later.prune.as_ref(), removed);
        replace("flux", &mut self.flux.watch, later.flux.watch.as_ref(), removed);
        replace("flux", &mut self.flux.resource_set, later.flux.resource_set.as_ref(), removed);
        if removed.iter().any(|field| field == "parameters") {
            self.parameters.clear();
        }
        for field in removed.iter().filter_map(|field| field.strip_prefix("parameters.")) {
            self.parameters.shift_remove(field);
        }
        self.parameters.extend(later.parameters.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Form of Secrets.
    pub fn secrets(&self) -> SecretForm {
        self.secrets.as_ref().map(|form| form.value).unwrap_or_default()
    }

    /// Form of refs, if a layer sets one.
    pub fn refs(&self) -> Option<RefForm> {
        self.refs.as_ref().map(|form| form.value)
    }

    /// Fate of old objects with a hash in their names.
    pub fn prune(&self) -> Pruning {
        self.prune.as_ref().map(|prune| prune.value).unwrap_or_default()
    }

    /// Scope of SealedSecrets.
    pub fn scope(&self) -> SealScope {
        self.scope.as_ref().map(|scope| scope.value).unwrap_or_default()
    }
}

/// Reads `delivery` of a layer in `directory`.
pub(super) fn read_delivery(
    mut map: Mapping,
    directory: &Path,
    source: &Source,
    problems: &mut Diagnostics,
) -> Delivery {
    let mut delivery = Delivery::default();
    map.retain(|key, node| {
        let is_null = node.as_scalar().is_some_and(|scalar| !scalar.blank && scalar.is_null());
        let is_reset = is_null && FIELDS.contains(&key.text.as_str());
        if is_reset {
            delivery.removed.push(key.text.clone());
        }
        !is_reset
    });
    let mut fields = LayerFields::new(map, &FIELDS, "`delivery`", source, problems);
    delivery.secrets = fields.word("secrets", "delivery.", problems);
    delivery.recipients = recipients(&mut fields, source, problems);
    delivery.certificate = certificate(&mut fields, directory, source, problems);
    delivery.scope = fields.word("scope", "delivery.", problems);
    delivery.refs = fields.word("refs", "delivery.", problems);
    delivery.store = read_store(fields.take("store"), source, problems);
    delivery.refresh_interval = refresh_interval(&mut fields, problems);
    delivery.provider = fields.word("provider", "delivery.", problems);
    delivery.prune = fields.word("prune", "delivery.", problems);
    delivery.flux = read_flux(&mut fields, source, problems);
    take_parameters(&mut delivery, &mut fields, source, problems);
    delivery
}

fn recipients(
    fields: &mut LayerFields<'_>,
    source: &Source,
    problems: &mut Diagnostics,
) -> Option<Located<Vec<Recipient>>> {
    let (key, items) = fields.list("recipients", problems)?;
    let mut found = Vec::with_capacity(items.len());
    for item in &items {
        let Some(named) = problems.take(read_text(item, "delivery.recipients", &key, source)) else { continue };
        match Recipient::parse(&named.value) {
            Ok(recipient) => match recipient.unusable() {
                Some(why) => problems.push(
                    Diagnostic::error(Rule::InvalidRecipient, format!("unsupported recipient: {why}")).at(named.place),
                ),
                None => found.push(recipient),
            },
            // an identity pasted by mistake is a secret
            Err(why) => problems.push(
                Diagnostic::error(Rule::InvalidRecipient, format!("an item of `delivery.recipients` {why}"))
                    .at_masked(named.place)
                    .hint("write public keys: `age1…`, or `ssh-ed25519 …`"),
            ),
        }
    }
    if items.is_empty() {
        problems.push(
            Diagnostic::error(
                Rule::InvalidField,
                "`delivery.recipients` is empty, so the Secrets could not be decrypted",
            )
            .at(key)
            .hint("add the cluster's public key, or remove the field to use the rule in `.sops.yaml`"),
        );
        return None;
    }
    Some(Located { value: found, place: key })
}

fn certificate(
    fields: &mut LayerFields<'_>,
    directory: &Path,
    source: &Source,
    problems: &mut Diagnostics,
) -> Option<Located<PathBuf>> {
    let (key, node) = fields.take("certificate")?;
    let path = problems.take(file_path("delivery.certificate", &node, &key, source))?;
    Some(Located { value: directory.join(path), place: source.place(node.span) })
}

fn read_store(
    field: Option<(Location, YamlNode)>,
    source: &Source,
    problems: &mut Diagnostics,
) -> Option<Located<SecretStore>> {
    let (key, node) = field?;
    let place = source.place(node.span);
    let mut is_partial = false;
    let (kind, name) = match node.kind {
        YamlKind::Map(map) => {
            let mut fields = LayerFields::new(map, &STORE_FIELDS, "a store", source, problems);
            is_partial = fields.is_partial();
            (fields.text("kind", problems), fields.text("name", problems))
        }
        YamlKind::Scalar(_) | YamlKind::List(_) => {
            (None, Some(problems.take(read_text(&node, "delivery.store", &key, source))?))
        }
    };
    let kind = match kind {
        None => "SecretStore".to_owned(),
        Some(kind) if matches!(kind.value.as_str(), "SecretStore" | "ClusterSecretStore") => kind.value,
        Some(kind) => {
            let message = "expected `SecretStore` or `ClusterSecretStore` for `kind` of a store";
            problems.push(Diagnostic::error(Rule::InvalidField, message).at(kind.place));
            return None;
        }
    };
    let Some(name) = name else {
        problems.push(
            Diagnostic::error(Rule::InvalidField, "a store requires `name`")
                .at(key)
                .hint("write `{ kind: ClusterSecretStore, name: NAME }`")
                .with_cause(known_cause(is_partial)),
        );
        return None;
    };
    Some(Located { value: SecretStore { kind, name: name.value }, place })
}

fn read_flux(fields: &mut LayerFields<'_>, source: &Source, problems: &mut Diagnostics) -> FluxDelivery {
    let Some((_, map)) = fields.map("flux", problems) else { return FluxDelivery::default() };
    let mut fields = LayerFields::new(map, &FLUX_FIELDS, "`delivery.flux`", source, problems);
    FluxDelivery { watch: fields.boolean("watch", problems), resource_set: fields.boolean("resourceSet", problems) }
}

fn refresh_interval(fields: &mut LayerFields<'_>, problems: &mut Diagnostics) -> Option<Located<String>> {
    let found = fields.text("refreshInterval", problems)?;
    if is_duration(&found.value) {
        return Some(found);
    }
    problems.push(
        Diagnostic::error(Rule::InvalidField, "expected a duration like `1h` or `15m` for `delivery.refreshInterval`")
            .at(found.place)
            .hint("`0` reads the store only once"),
    );
    None
}

/// Whether a text is a Go duration without a sign (`time.ParseDuration`).
fn is_duration(text: &str) -> bool {
    const UNITS: [&str; 8] = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"];
    let mut rest = text;
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|char: char| char.is_ascii_digit() || char == '.');
        let number = rest.get(..rest.len() - after.len()).unwrap_or_default();
        let unit_end = after.find(|char: char| char.is_ascii_digit() || char == '.').unwrap_or(after.len());
        let (unit, next) = after.split_at(unit_end);
        if number.parse::<f64>().is_err() || !UNITS.contains(&unit) {
            return text == "0";
        }
        rest = next;
    }
    !text.is_empty()
}

fn take_parameters(delivery: &mut Delivery, fields: &mut LayerFields<'_>, source: &Source, problems: &mut Diagnostics) {
    let Some((_, map)) = fields.map("parameters", problems) else { return };
    for (key, node) in map {
        if node.as_scalar().is_some_and(|scalar| !scalar.blank && scalar.is_null()) {
            delivery.removed.push(format!("parameters.{}", key.text));
            continue;
        }
        let name = format!("delivery.parameters.{}", key.text);
        if node.as_scalar().is_some_and(|scalar| scalar.encrypted) {
            problems.push(super::fields::encrypted_field_error(&name, source.place(key.span)));
            continue;
        }
        let found = problems.take(read_text(&node, &name, &source.place(key.span), source));
        delivery.parameters.extend(found.map(|found| (key.text, found)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read::read_document as read_yaml;

    fn delivery(layers: &[&str]) -> Delivery {
        let mut all = Delivery::default();
        for layer in layers {
            let source = Source::new("x.yaml", *layer);
            let YamlKind::Map(map) = read_yaml(&source).expect("YAML").kind else { panic!("a map") };
            let mut problems = Diagnostics::new();
            let read = read_delivery(map, Path::new(""), &source, &mut problems);
            assert!(problems.is_empty(), "{layer}: {problems:?}");
            all.overlay(&read);
        }
        all
    }

    #[test]
    fn layers_merge_field_by_field() {
        let all = delivery(&[
            "secrets: sops\nrefs: csi\nprovider: vault\nparameters: {a: '1', b: '2'}\nflux: {watch: true}",
            "secrets: sealed-secret\nscope: cluster-wide\nprovider: null\nparameters: {a: null, c: '3'}\nflux: {resourceSet: true}",
        ]);
        assert_eq!(
            (all.secrets(), all.refs(), all.scope()),
            (SecretForm::SealedSecret, Some(RefForm::Csi), SealScope::ClusterWide)
        );
        assert!(all.provider.is_none());
        assert_eq!(all.parameters.keys().collect::<Vec<_>>(), ["b", "c"]);
        assert!(all.flux.is_watching() && all.flux.template().is_some());
        assert!(!delivery(&["flux: {watch: true}", "flux: null"]).flux.is_watching());
    }

    #[test]
    fn durations_are_those_of_go() {
        for (text, valid) in [
            ("1h", true),
            ("1h30m", true),
            ("1.5h", true),
            ("0", true),
            ("0s", true),
            ("", false),
            ("1", false),
            ("h", false),
            ("1d", false),
            ("-1h", false),
            ("1h 2m", false),
        ] {
            assert_eq!(is_duration(text), valid, "{text}");
        }
    }
}
