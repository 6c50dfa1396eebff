//! Import of encrypted files.

use zeroize::Zeroizing;

use super::bundles::bundle_of_secret;
use super::layer_text::{LayerText, escape_template_tags};
use super::plan::{ExpectedEnvironment, ExpectedKey, ExpectedValue, ImportPlan};
use super::source::{SourceObject, SourceObjects};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::tree::{Tree, TreeKind};
use crate::map::IndexMap;
use crate::name::EntryId;
use crate::secret::Wiping;
use crate::sops::{DecryptedFile, Identities, Recipient, SopsFormat};
use crate::span::Source;
use crate::template_tokens::is_template;
use crate::value::OutputValue;
use crate::yaml::read::read_document;

/// An encrypted file.
pub struct SopsInput {
    /// Its environment.
    pub environment: String,
    /// Name in messages.
    pub name: String,
    /// Key of its content, if it is no structure.
    pub key: String,
    /// Its format.
    pub format: SopsFormat,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Content of the encrypted files of an environment.
#[derive(Default)]
struct SecretsDraft {
    /// Entries by bundle; the app's own has an empty name.
    bundles: IndexMap<String, SecretsBundle>,
    vars: IndexMap<String, Tree>,
    /// Namespace of its Secrets.
    namespace: Option<String>,
    /// Bytes of the only file, if they can stay as they are.
    unchanged: Option<Vec<u8>>,
}

/// Entries of a bundle.
#[derive(Default)]
struct SecretsBundle {
    secret_type: Option<String>,
    is_immutable: bool,
    labels: IndexMap<String, String>,
    annotations: IndexMap<String, String>,
    values: IndexMap<String, Wiping<String>>,
}

/// Plans the import of encrypted files. All of them are decrypted, for the proof if for nothing else.
pub fn plan_sops(app: &str, inputs: &[SopsInput], identities: &Identities) -> Result<ImportPlan, Diagnostics> {
    let (mut plan, mut problems) = (ImportPlan::default(), Diagnostics::new());
    let mut environments: IndexMap<&str, SecretsDraft> = IndexMap::default();
    for input in inputs {
        let count = inputs.iter().filter(|other| other.environment == input.environment).count();
        let draft = environments.entry(&input.environment).or_default();
        if let Err(found) = draft.add(input, count == 1, identities, &mut plan) {
            problems.extend(found);
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    write_layers(app, &environments, &mut plan);
    Ok(plan)
}

impl SecretsDraft {
    fn add(
        &mut self,
        input: &SopsInput,
        is_alone: bool,
        identities: &Identities,
        plan: &mut ImportPlan,
    ) -> Result<(), Diagnostics> {
        let invalid = |error: crate::sops::DecryptionError| Diagnostics::from_iter(error.into_diagnostics());
        let closed =
            crate::sops::EncryptedFile::read(&input.name, input.bytes.clone(), input.format).map_err(invalid)?;
        let Some(closed) = closed else { return Err(not_encrypted(&input.name).into()) };
        let of_age = closed.metadata().groups.iter().flat_map(|group| &group.age);
        for recipient in of_age.filter_map(|entry| Recipient::parse(&entry.recipient).ok()) {
            if !plan.recipients.iter().any(|known| known.as_str() == recipient.as_str()) {
                plan.recipients.push(recipient);
            }
        }
        let opened = closed.decrypt_to_read(identities).map_err(invalid)?;
        if input.format == SopsFormat::Binary {
            return self.add_binary(input, &opened);
        }
        let text =
            opened.emit_format(SopsFormat::Yaml).map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        let source = Source::new(input.name.as_str(), String::from_utf8_lossy(&text));
        let tree = Tree::from_node(read_document(&source)?, &source);
        let note_comments =
            |plan: &mut ImportPlan| plan.note_lost_comments(&input.name, opened.document().count_comments());
        if tree.get("kind").and_then(Tree::as_text) == Some("Secret") {
            note_comments(plan);
            plan.note(&input.name, "the encrypted Secret becomes a bundle");
            return self.add_secret(input, &source, plan);
        }
        let TreeKind::Map(mut map) = tree.kind else {
            return Err(Diagnostic::error(Rule::Unsupported, format!("`{}` is not a mapping", input.name)).into());
        };
        map.shift_remove("sops");
        if is_layer(&map) {
            if is_alone && input.format == SopsFormat::Yaml {
                plan.note(&input.name, "taken as it is");
                self.unchanged = Some(input.bytes.clone());
            } else {
                note_comments(plan);
                plan.note(&input.name, "encrypted again, as a part of a layer");
            }
            return self.add_layer(map, &input.name);
        }
        note_comments(plan);
        let is_entry = |key: &str, value: &Tree| is_key(key) && matches!(&value.kind, TreeKind::Leaf(_));
        let (entries, structures): (IndexMap<_, _>, IndexMap<_, _>) =
            map.into_iter().partition(|(key, value)| is_entry(key, value));
        if !structures.is_empty() {
            let names: Vec<_> = structures.keys().map(|name| format!("`vars.{name}`")).collect();
            let text = format!(
                "what is deeper is in {}, which are in no object until a template reads them",
                names.join(", ")
            );
            plan.note(&input.name, text);
        }
        let is_null = |value: &Tree| matches!(&value.kind, TreeKind::Leaf(scalar) if scalar.is_null());
        let nulls = entries.iter().filter(|(_, value)| is_null(value)).map(|(key, _)| format!("`{key}`"));
        let nulls: Vec<_> = nulls.collect();
        if !nulls.is_empty() {
            plan.note(&input.name, format!("null, which no entry can be, becomes an empty text: {}", nulls.join(", ")));
        }
        if !entries.is_empty() {
            plan.note(&input.name, "its keys are below `data` now, and it is encrypted again");
            self.add_entries("", entries, &input.name)?;
        }
        self.vars.extend(structures);
        Ok(())
    }

    fn add_binary(&mut self, input: &SopsInput, opened: &DecryptedFile) -> Result<(), Diagnostics> {
        let bytes = opened.plaintext().map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
        let Ok(text) = std::str::from_utf8(&bytes) else {
            let message = format!("the content of `{}` is binary", input.name);
            return Err(Diagnostic::error(Rule::Unsupported, message).hint("leave the file out").into());
        };
        let bundle = self.bundles.entry(String::new()).or_default();
        bundle.values.insert(input.key.clone(), Wiping::new(text.to_owned()));
        Ok(())
    }

    fn add_secret(&mut self, input: &SopsInput, source: &Source, plan: &mut ImportPlan) -> Result<(), Diagnostics> {
        let (mut objects, mut problems) = (SourceObjects::default(), Diagnostics::new());
        objects.read(source, &mut problems);
        for object in &objects.objects {
            match (&self.namespace, &object.namespace) {
                (None, _) => self.namespace.clone_from(&object.namespace),
                (Some(known), Some(other)) if known != other => problems.push(several_namespaces(known, object, input)),
                (Some(known), None) => plan.note(
                    &input.name,
                    format!("{} has no namespace, and is in `{known}` now as the others are", object.label()),
                ),
                (Some(_), Some(_)) => {}
            }
            let read = bundle_of_secret(object, &mut problems);
            let bundle = self.bundles.entry(object.name.clone()).or_default();
            bundle.secret_type = read.secret_type;
            bundle.is_immutable |= read.is_immutable;
            bundle.labels.extend(read.labels);
            bundle.annotations.extend(read.annotations);
            for (key, value) in read.values {
                match std::str::from_utf8(&value.bytes) {
                    Ok(text) => drop(bundle.values.insert(key, Wiping::new(text.to_owned()))),
                    Err(_) => problems.push(
                        Diagnostic::error(Rule::Unsupported, format!("`{key}` of {} is binary", object.label()))
                            .at_masked(value.place),
                    ),
                }
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        plan.findings.extend(problems);
        Ok(())
    }

    fn add_layer(&mut self, map: IndexMap<String, Tree>, name: &str) -> Result<(), Diagnostics> {
        for (field, value) in map {
            let TreeKind::Map(inner) = value.kind else { continue };
            match field.as_str() {
                "data" => self.add_entries("", inner, name)?,
                "vars" => self.vars.extend(inner),
                _ => {
                    for (bundle, value) in inner {
                        let data = match value.kind {
                            TreeKind::Map(mut fields) => fields.shift_remove("data"),
                            TreeKind::Leaf(_) | TreeKind::List(_) => None,
                        };
                        if let Some(Tree { kind: TreeKind::Map(data), .. }) = data {
                            self.add_entries(&bundle, data, name)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn add_entries(&mut self, bundle: &str, map: IndexMap<String, Tree>, name: &str) -> Result<(), Diagnostics> {
        let bundle = self.bundles.entry(bundle.to_owned()).or_default();
        for (key, value) in map {
            let TreeKind::Leaf(scalar) = &value.kind else { continue };
            let text = Wiping::new(if scalar.is_null() { String::new() } else { scalar.text().to_owned() });
            if bundle.values.insert(key.clone(), text).is_some() {
                let message = format!("`{key}` of `{name}` is in another file of the same environment too");
                return Err(Diagnostic::error(Rule::DuplicateKey, message).hint("remove it from one of them").into());
            }
        }
        Ok(())
    }
}

/// Whether an encrypted file has the layout of a layer.
fn is_layer(map: &IndexMap<String, Tree>) -> bool {
    let is_scalars = |value: &Tree| {
        value.as_map().is_some_and(|map| {
            map.iter().all(|(key, value)| {
                is_key(key) && matches!(&value.kind, TreeKind::Leaf(scalar) if !scalar.is_null() && !scalar.blank)
            })
        })
    };
    let is_bundle = |value: &Tree| {
        value.as_map().is_some_and(|map| map.iter().all(|(field, value)| field == "data" && is_scalars(value)))
    };
    !map.is_empty()
        && map.iter().all(|(field, value)| match field.as_str() {
            "data" => is_scalars(value),
            "vars" => value.as_map().is_some(),
            "bundles" => value.as_map().is_some_and(|bundles| bundles.values().all(is_bundle)),
            _ => false,
        })
}

/// Whether a text is a valid key of a Secret.
fn is_key(text: &str) -> bool {
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.bytes().all(is_valid) && !text.bytes().all(|byte| byte == b'.')
}

fn several_namespaces(known: &str, object: &SourceObject, input: &SopsInput) -> Diagnostic {
    let message = format!("{} is in another namespace than those before it, which are in `{known}`", object.label());
    Diagnostic::error(Rule::Unsupported, message)
        .at_masked(object.place().clone())
        .note(format!("`{}` is one environment, whose objects are in one namespace", input.environment))
        .hint("import the files of each namespace by themselves, each with its `--out`")
}

fn not_encrypted(name: &str) -> Diagnostic {
    Diagnostic::error(Rule::NotEncrypted, format!("`{name}` is not encrypted"))
        .hint("import dotenv files with `septum import dotenv`, and manifests with `septum import manifests`")
}

fn write_layers(app: &str, environments: &IndexMap<&str, SecretsDraft>, plan: &mut ImportPlan) {
    let mut base = LayerText::default();
    base.add("app", OutputValue::text(app));
    let mut vars: IndexMap<&str, bool> = IndexMap::default();
    let mut bundles: IndexMap<&str, (Option<&str>, IndexMap<&str, bool>)> = IndexMap::default();
    for draft in environments.values() {
        for (name, tree) in &draft.vars {
            *vars.entry(name).or_default() |= matches!(tree.kind, TreeKind::Map(_));
        }
        for (name, bundle) in &draft.bundles {
            let (secret_type, keys) = bundles.entry(name).or_default();
            *secret_type = secret_type.or(bundle.secret_type.as_deref());
            for (key, value) in &bundle.values {
                *keys.entry(key).or_default() |= is_template(value);
            }
        }
    }
    let vars = vars
        .into_iter()
        .map(|(name, is_map)| (name, if is_map { OutputValue::map::<&str>([]) } else { OutputValue::text("") }));
    base.add("vars", OutputValue::map(vars));
    let data = |keys: IndexMap<&'_ str, bool>, is_typed: bool| {
        let entries = keys.into_iter().map(|(key, is_literal)| {
            let mut rules = Vec::new();
            rules.extend((!is_typed).then_some(("sensitive", OutputValue::Bool(true))));
            rules.extend(is_literal.then_some(("template", OutputValue::Bool(false))));
            (key.to_owned(), OutputValue::map(rules))
        });
        OutputValue::map(entries.collect::<Vec<_>>())
    };
    if let Some((_, keys)) = bundles.shift_remove("") {
        base.add("data", data(keys, false));
    }
    let others = bundles.into_iter().map(|(name, (secret_type, keys))| {
        let mut fields: Vec<_> =
            secret_type.map(|kind| ("type", OutputValue::text(kind.to_owned()))).into_iter().collect();
        fields.push(("data", data(keys, secret_type.is_some())));
        (name.to_owned(), OutputValue::map(fields))
    });
    base.add("bundles", OutputValue::map(others));
    plan.add_file("base.yaml", base.to_bytes().to_vec());
    for (name, draft) in environments {
        plan.add_file(format!("{name}.yaml"), metadata_text(draft).to_vec());
        let path = format!("{name}.secrets.yaml");
        match &draft.unchanged {
            Some(bytes) => plan.add_file(path, bytes.clone()),
            None => plan.add_secret_layer(path, secrets_text(draft)),
        }
        plan.expected.push(expected(app, name, draft));
    }
}

/// Text of the layer beside it: what is no secret of the Secrets that were read.
fn metadata_text(draft: &SecretsDraft) -> Zeroizing<Vec<u8>> {
    let mut layer = LayerText::default();
    layer.add("namespace", draft.namespace.as_deref().map_or(OutputValue::Null, OutputValue::text));
    let texts = |texts: &'_ IndexMap<String, String>| {
        OutputValue::map(texts.iter().map(|(key, text)| (key.clone(), OutputValue::text(text.clone()))))
    };
    let of_bundle = |bundle: &SecretsBundle| {
        let fields = [("labels", &bundle.labels), ("annotations", &bundle.annotations)];
        let given = fields.into_iter().filter(|(_, pairs)| !pairs.is_empty());
        let immutable = bundle.is_immutable.then_some(("immutable", OutputValue::Bool(true)));
        immutable.into_iter().chain(given.map(|(field, pairs)| (field, texts(pairs)))).collect::<Vec<_>>()
    };
    let bundles = draft.bundles.iter().map(|(name, bundle)| (name.as_str(), of_bundle(bundle)));
    let bundles = bundles.filter(|(_, fields)| !fields.is_empty());
    layer.add("bundles", OutputValue::map(bundles.map(|(name, fields)| (name, OutputValue::map(fields)))));
    layer.to_bytes()
}

/// Text of a layer of secrets.
fn secrets_text(draft: &SecretsDraft) -> Zeroizing<Vec<u8>> {
    let mut layer = LayerText::default();
    layer.add("vars", OutputValue::map(draft.vars.iter().map(|(name, tree)| (name.as_str(), escaped_value(tree)))));
    let data = |bundle: &'_ SecretsBundle| {
        bundle.values.iter().map(|(key, value)| (key.clone(), OutputValue::text(value.to_string()))).collect::<Vec<_>>()
    };
    for (name, bundle) in &draft.bundles {
        if name.is_empty() {
            layer.add("data", OutputValue::map(data(bundle)));
        }
    }
    let others = draft.bundles.iter().filter(|(name, _)| !name.is_empty());
    let others =
        others.map(|(name, bundle)| (name.as_str(), OutputValue::map([("data", OutputValue::map(data(bundle)))])));
    layer.add("bundles", OutputValue::map(others));
    layer.to_bytes()
}

/// A structure in which texts that look like templates give themselves.
fn escaped_value(tree: &Tree) -> OutputValue<'_> {
    match &tree.kind {
        TreeKind::Leaf(scalar) if is_template(scalar.text()) => OutputValue::text(escape_template_tags(scalar.text())),
        TreeKind::Leaf(_) => tree.to_value(),
        TreeKind::List(items) => OutputValue::List(items.iter().map(escaped_value).collect()),
        TreeKind::Map(map) => OutputValue::map(map.iter().map(|(key, value)| (key.as_str(), escaped_value(value)))),
    }
}

fn expected(app: &str, environment: &str, draft: &SecretsDraft) -> ExpectedEnvironment {
    let mut values = Vec::new();
    for (name, bundle) in &draft.bundles {
        for (key, value) in &bundle.values {
            let bundle = if name.is_empty() { app } else { name };
            let id = EntryId { bundle: bundle.into(), key: key.as_str().into() };
            values.push(ExpectedValue { key: ExpectedKey::Entry(id), bytes: Wiping::new(value.as_bytes().to_vec()) });
        }
    }
    for (name, tree) in &draft.vars {
        tree.leaves(name, &mut |path, _, scalar| {
            if !scalar.is_null() {
                let text = if is_template(scalar.text()) {
                    escape_template_tags(scalar.text())
                } else {
                    scalar.text().to_owned()
                };
                let bytes = Wiping::new(text.into_bytes());
                values.push(ExpectedValue { key: ExpectedKey::Variable(path.to_owned()), bytes });
            }
        });
    }
    ExpectedEnvironment { name: environment.to_owned(), objects: Vec::new(), values, structures: Vec::new() }
}
