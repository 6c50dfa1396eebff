//! Import of values files of Helm charts.
//!
//! A chart may do anything with a value, so all of them become the entry `values.yaml` of a bundle, which
//! Flux and Argo CD read as `valuesFrom`. Their text is kept with its comments: only secrets are replaced.

mod descriptions;
mod edits;
mod files;
mod schema;
mod variables;

use std::collections::BTreeMap;

use self::edits::ValuesText;
use self::files::CombinedValues;
pub use self::files::ValuesFile;
use self::schema::ValuesSchema;
use self::variables::{
    DATA_HINT, check_variables, is_unset, note_other_texts, offer_variables, value_at, variable_text, variables_at,
};
use super::layer_text::{LayerText, escape_template_tags, text_scalar};
use super::plan::{ExpectedEnvironment, ExpectedKey, ExpectedStructure, ExpectedValue, ImportPlan};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::tree::{Tree, TreeKind};
use crate::map::{HashMap, HashSet, IndexMap};
use crate::name::EntryId;
use crate::parallel::try_par_map;
use crate::route::detect::{TextKind, classify, is_name_by_place};
use crate::secret::Wiping;
use crate::span::Source;
use crate::template_tokens::is_template;
use crate::value::OutputValue;
use crate::yaml::kubectl::{JsonScalar, json_scalar, json_type};
use crate::yaml::node::Scalar;
use crate::yaml::scalar::CoreType;

/// Environment of an import without one.
const USUAL: &str = "prod";

/// Key of the values in their bundle.
const KEY: &str = "values.yaml";

/// Values files.
pub struct HelmInput {
    /// `values.yaml`
    pub base: ValuesFile,
    /// `values-ENV.yaml` by environment, and what is merged over it.
    pub environments: Vec<(String, Vec<ValuesFile>)>,
    /// `values.schema.json` beside it.
    pub schema: Option<Source>,
    /// Paths of maps of environment variables that become `data`.
    pub data: Vec<String>,
}

impl HelmInput {
    /// All values files, in their order.
    fn files(&self) -> impl Iterator<Item = &ValuesFile> {
        [&self.base].into_iter().chain(self.environments.iter().flat_map(|(_, files)| files))
    }
}

/// Plans the import of values files.
pub fn plan_helm_values(app: &str, input: &HelmInput) -> Result<ImportPlan, Diagnostics> {
    let mut plan = ImportPlan::default();
    let of_environments = input.environments.iter().map(|(_, files)| files.as_slice());
    let combined = try_par_map(
        [std::slice::from_ref(&input.base)].into_iter().chain(of_environments).collect(),
        CombinedValues::of,
    );
    let (schema, combined) = match (ValuesSchema::read(input.schema.as_ref()), combined) {
        (Ok(schema), Ok(combined)) => (schema, combined),
        (schema, combined) => return Err(schema.err().into_iter().chain(combined.err()).flatten().collect()),
    };
    for (file, count) in input.files().map(ValuesFile::lost_comments) {
        plan.note_lost_comments(file, count);
    }
    let (mut sources, mut files, mut encrypted) = (Vec::new(), Vec::new(), HashSet::default());
    for values in combined {
        if values.is_rewritten {
            let text = "several files set values in the same maps, so they are written as one, without their comments";
            plan.note(values.source.name(), text);
        }
        for recipient in values.recipients {
            if !plan.recipients.iter().any(|known| known.as_str() == recipient.as_str()) {
                plan.recipients.push(recipient);
            }
        }
        encrypted.extend(values.encrypted);
        sources.push(values.source);
        files.push(values.text);
    }
    let mut problems = Diagnostics::new();
    let names: Vec<String> = match input.environments.as_slice() {
        [] => vec![USUAL.to_owned()],
        environments => environments.iter().map(|(name, _)| name.clone()).collect(),
    };
    let merged = merge_files(&files, names.len());
    for path in &input.data {
        for (file, source) in files.iter().zip(&sources) {
            let value = value_at(&file.tree, path).filter(|value| !is_unset(value));
            problems.extend(value.map(|value| check_variables(value, source.name())).unwrap_or_default());
        }
        if problems.is_empty() && !merged.iter().any(|tree| variables_at(tree, path).is_some()) {
            let message = "the path of `--data` is not that of environment variables in the values";
            problems.push(Diagnostic::error(Rule::Usage, message).hint(DATA_HINT));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if let Some(base) = sources.first() {
        offer_variables(base, &merged, &input.data, &mut plan);
        note_other_texts(base, &merged, &input.data, &mut plan);
    }
    let (data, encrypted) = (&input.data, &encrypted);
    let draft = HelmDraft { app, names: &names, merged: &merged, data, encrypted, schema: &schema };
    draft.write(files, &mut plan);
    Ok(plan)
}

/// Values of each environment, merged as by Helm.
fn merge_files(files: &[ValuesText], count: usize) -> Vec<Tree> {
    let merged = (0..count).map(|index| {
        let mut tree =
            files.first().map_or_else(|| Tree::map([], &crate::span::Location::synthetic()), |file| file.tree.clone());
        if let Some(file) = files.get(index + 1) {
            merge_values(&mut tree, &file.tree);
        }
        tree
    });
    merged.collect()
}

/// Merges values over others as Helm does: maps merge by key, and everything else replaces. A null stays, since it
/// removes a default of the chart afterwards. Source: Helm, `pkg/cli/values`, `mergeMaps`.
fn merge_values(target: &mut Tree, patch: &Tree) {
    let (TreeKind::Map(map), TreeKind::Map(changes)) = (&mut target.kind, &patch.kind) else {
        *target = patch.clone();
        return;
    };
    for (key, change) in changes {
        match map.get_mut(key) {
            Some(old) => merge_values(old, change),
            None => drop(map.insert(key.clone(), change.clone())),
        }
    }
}

/// Values before they are written.
struct HelmDraft<'d> {
    app: &'d str,
    names: &'d [String],
    merged: &'d [Tree],
    data: &'d [String],
    /// Paths of values that were encrypted.
    encrypted: &'d HashSet<String>,
    schema: &'d ValuesSchema,
}

impl HelmDraft<'_> {
    fn write(&self, mut files: Vec<ValuesText>, plan: &mut ImportPlan) {
        let bundle = format!("{}-values", self.app);
        let secrets = self.secret_paths(files.first());
        let (mut base_data, mut own_data, mut secret_data) = self.write_data(&files);
        for (index, file) in files.iter_mut().enumerate() {
            file.remove(self.data);
            // a null of the base is a value
            if index > 0 {
                file.keep_nulls();
            }
            file.replace(|path| secrets.get(path).map(|name| format!("{{{{ vars.secrets.{name} }}}}")));
            file.escape_templates();
        }
        let mut base = LayerText::default();
        base.add("app", OutputValue::text(self.app));
        let declared = secrets.values().map(|name| (name.as_str(), OutputValue::text("")));
        let declared = OutputValue::map(declared);
        if !secrets.is_empty() {
            base.add("vars", OutputValue::map([("secrets", declared)]));
        }
        base.add("data", OutputValue::map(std::mem::take(&mut base_data)));
        let texts = files.iter().map(|file| file.layer_text(&bundle, KEY));
        let mut texts = texts.collect::<Vec<_>>().into_iter();
        let mut base_text = texts.next().unwrap_or_default();
        // environments change only what the base defines
        if base_text.is_empty() && texts.as_slice().iter().any(|text| !text.is_empty()) {
            base_text = format!("\nbundles:\n  {bundle}:\n    data:\n      {KEY}: {{ content: {{}} }}\n");
        }
        plan.add_file("base.yaml", join_texts(&base, &base_text));
        for (index, (name, tree)) in self.names.iter().zip(self.merged).enumerate() {
            let mut layer = LayerText::default();
            layer.add("data", OutputValue::map(own_data.get_mut(index).map(std::mem::take).unwrap_or_default()));
            let text = texts.next().unwrap_or_default();
            plan.add_file(format!("{name}.yaml"), join_texts(&layer, &text));
            let mut secret = LayerText::default();
            let leaves = leaves_of(tree);
            let values = secrets.iter().filter_map(|(path, name)| Some((name.as_str(), *leaves.get(path)?)));
            let values: Vec<_> = values.map(|(name, scalar)| (name, secret_value(scalar))).collect();
            if !values.is_empty() {
                secret.add("vars", OutputValue::map([("secrets", OutputValue::map(values))]));
            }
            secret.add("data", OutputValue::map(secret_data.get_mut(index).map(std::mem::take).unwrap_or_default()));
            if !secret.is_empty() {
                plan.add_secret_layer(format!("{name}.secrets.yaml"), secret.to_bytes());
            }
            plan.expected.push(self.expected(name, tree, &bundle));
        }
        if let Some(name) = self.names.first() {
            // the name of the bundle may come from an argument, which is not repeated
            let command = format!("septum get {name} {KEY} | helm upgrade --install NAME CHART -f -");
            plan.note("", format!("Helm reads the values of {name} from `{command}`"));
        }
        if !secrets.is_empty() {
            let paths: Vec<_> = secrets.keys().map(|path| format!("`{path}`")).collect();
            plan.note("", format!("secrets are encrypted, so `{KEY}` is in a Secret: {}", paths.join(", ")));
        }
    }

    /// Paths of values that are secrets in some environment, or in the base if all environments replace them, each with
    /// the name of a variable for it.
    fn secret_paths(&self, base: Option<&ValuesText>) -> BTreeMap<String, String> {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        let in_data = |path: &str| {
            self.data
                .iter()
                .any(|data| path.strip_prefix(data.as_str()).is_some_and(|rest| rest.starts_with(['.', '['])))
        };
        for tree in self.merged.iter().chain(base.map(|base| &base.tree)) {
            tree.leaves("", &mut |path, _, scalar| {
                let key = path.rsplit('.').next().unwrap_or(path).split('[').next().unwrap_or_default();
                let text = scalar.text();
                let is_word = matches!(json_type(scalar), CoreType::Null | CoreType::Bool);
                let looks_secret = || {
                    let is_name = is_word || is_name_by_place(path, text);
                    !is_name && classify(key, Some(text), TextKind::Literal).is_sensitive()
                };
                let is_null = scalar.is_null() || scalar.blank;
                let was_encrypted = self.encrypted.contains(path) && !is_null;
                if !text.is_empty() && !in_data(path) && (was_encrypted || looks_secret()) {
                    let clean = path.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' });
                    let mut name: String = clean.collect();
                    // a step of a template does not begin with a digit
                    if name.starts_with(|first: char| first.is_ascii_digit()) {
                        name.insert(0, '_');
                    }
                    while found.iter().any(|(other, taken)| other != path && *taken == name) {
                        name.push('_');
                    }
                    found.insert(path.to_owned(), name);
                }
            });
        }
        found
    }

    /// Entries of the chosen maps: for the base, and for each environment in its layer and its layer of secrets.
    #[expect(clippy::type_complexity, reason = "three lists of fields")]
    fn write_data(
        &self,
        files: &[ValuesText],
    ) -> (
        Vec<(String, OutputValue<'static>)>,
        Vec<Vec<(String, OutputValue<'static>)>>,
        Vec<Vec<(String, OutputValue<'static>)>>,
    ) {
        let mut base = Vec::new();
        let mut own: Vec<Vec<_>> = self.names.iter().map(|_| Vec::new()).collect();
        let mut secret = own.clone();
        if self.data.is_empty() {
            return (base, own, secret);
        }
        let descriptions: Vec<_> = files.iter().map(ValuesText::descriptions).collect();
        for path in self.data {
            let values: Vec<_> = self.merged.iter().map(|tree| variables_at(tree, path).unwrap_or_default()).collect();
            let defaults = files.first().and_then(|file| variables_at(&file.tree, path)).unwrap_or_default();
            let keys: crate::map::IndexSet<&String> =
                defaults.keys().chain(values.iter().flat_map(IndexMap::keys)).collect();
            for key in keys {
                let texts: Vec<Option<&str>> =
                    values.iter().map(|values| values.get(key).and_then(|tree| variable_text(tree))).collect();
                let default = defaults.get(key).and_then(|tree| variable_text(tree));
                let full = format!("{path}.{key}");
                let mut all = texts.iter().chain([&default]).flatten();
                let is_sensitive = self.encrypted.contains(&full)
                    || all.any(|text| classify(key, Some(text), TextKind::Literal).is_sensitive());
                let mut rules = Vec::new();
                rules.extend(is_sensitive.then_some(("sensitive", OutputValue::Bool(true))));
                if texts.iter().chain([&default]).flatten().any(|text| is_template(text)) {
                    rules.push(("template", OutputValue::Bool(false)));
                }
                let description = descriptions.iter().find_map(|of_file| of_file.of(&full));
                rules.extend(description.map(|text| ("description", OutputValue::text(text))));
                rules.extend(self.schema.rules(&full));
                let default = default.filter(|_| !is_sensitive);
                let value = |text: &str| text_scalar(text).into_owned();
                let entry = match default {
                    Some(text) if rules.is_empty() => value(text),
                    Some(text) => OutputValue::map([("value", value(text))].into_iter().chain(rules)),
                    None => OutputValue::map(rules),
                };
                base.push((key.clone(), entry));
                for ((text, own), secret) in texts.iter().zip(&mut own).zip(&mut secret) {
                    let target = if is_sensitive && text.is_some_and(|text| !text.is_empty()) { secret } else { own };
                    match text {
                        _ if *text == default => {}
                        Some(text) => target.push((key.clone(), value(text))),
                        None => target.push((key.clone(), OutputValue::Null)),
                    }
                }
            }
        }
        (base, own, secret)
    }

    fn expected(&self, name: &str, merged: &Tree, bundle: &str) -> ExpectedEnvironment {
        let mut rest = merged.clone();
        let mut values = Vec::new();
        for path in self.data {
            for (key, tree) in variables_at(merged, path).unwrap_or_default() {
                let id = EntryId { bundle: self.app.into(), key: key.as_str().into() };
                let Some(text) = variable_text(tree) else { continue };
                let bytes = Wiping::new(text.as_bytes().to_vec());
                values.push(ExpectedValue { key: ExpectedKey::Entry(id), bytes });
            }
            let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
            let parents: Vec<&str> = parent.split('.').filter(|key| !key.is_empty()).collect();
            if let Some(Tree { kind: TreeKind::Map(map), .. }) = rest.at_mut(&parents) {
                map.shift_remove(key);
            }
        }
        let id = EntryId { bundle: bundle.into(), key: KEY.into() };
        let structures = vec![ExpectedStructure { id, tree: rest }];
        ExpectedEnvironment { name: name.to_owned(), objects: Vec::new(), values, structures }
    }
}

/// Text of a layer with further fields.
fn join_texts(layer: &LayerText<'_>, rest: &str) -> Vec<u8> {
    let text = layer.to_bytes();
    let rest = if text.is_empty() { rest.trim_start() } else { rest };
    [text.as_slice(), rest.as_bytes()].concat()
}

/// A secret as the value of a variable, with its type, and not as a template.
fn secret_value(scalar: &Scalar) -> OutputValue<'_> {
    let text = scalar.text();
    match json_type(scalar) {
        CoreType::String if is_template(text) => OutputValue::text(escape_template_tags(text)),
        CoreType::String => OutputValue::text(text),
        // sops keeps numbers, and not how they are written
        _ => match json_scalar(text) {
            JsonScalar::Number(number) => OutputValue::Literal(number.into_owned().into()),
            JsonScalar::Null | JsonScalar::Bool(_) | JsonScalar::Text(_) => OutputValue::Literal(text.into()),
        },
    }
}

/// The leaves that are not null by their paths, as those of [`Tree::leaves`].
fn leaves_of(tree: &Tree) -> HashMap<String, &Scalar> {
    let mut found = HashMap::default();
    tree.leaves("", &mut |path, _, scalar| {
        if !scalar.is_null() && !scalar.blank {
            found.insert(path.to_owned(), scalar);
        }
    });
    found
}
