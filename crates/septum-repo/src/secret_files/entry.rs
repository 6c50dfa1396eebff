//! Location of an entry's value, and the base's declarations for it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::login::{bundles_with_login, is_generated, login_keys, login_path};
use super::text::TextValueKind;
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule, did_you_mean};
use crate::layer::{Definition, Entry, EntrySchema, EntrySource, FormerKeyUse, LayerChange, entry_label};
use crate::manifest::manifest_as_bundle;
use crate::name::{AppName, BundleName, EntryId, EnvironmentName};
use crate::object::{Constraints, find_value_problems};
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::App;
use crate::route::Sensitivity;
use crate::sops::{ValuePath, ValuePathStep};
use crate::span::{Located, Location};
use crate::template_tokens::is_template;
use crate::visibility::KeyAccess;

/// The place of an entry's value in the encrypted file of an environment.
pub struct SecretEntry {
    /// The file, which need not exist.
    pub file: PathBuf,
    /// Name of the file in messages.
    pub name: String,
    /// The path of the entry in it.
    pub path: ValuePath,
    /// Label of the entry in messages: `data.KEY`.
    pub label: String,
    /// Sensitivity that decides the entry's current object.
    pub sensitivity: Sensitivity,
    /// Locations where the environment's other layers give it a value in plaintext.
    pub plain: Vec<Location>,
    /// Location of the effective value.
    pub in_force: Option<Location>,
    /// Use of its former name in a layer of the environment.
    pub(super) former: Option<FormerKeyUse>,
    /// Whether a value that looks like a number or a boolean is one.
    pub(super) is_scalar: bool,
    /// Facts about its bundle.
    pub(super) of_bundle: BundleFacts,
    pub(super) rules: Arc<EntrySchema>,
}

/// Facts about an entry that follow from its bundle.
#[derive(Default)]
pub(super) struct BundleFacts {
    /// Name and type of the bundle, if it has a type.
    secret_type: Option<(BundleName, Located<String>)>,
    /// Commands that set the parts of a value that is generated from `registries`; none if it is not generated.
    parts: Option<Vec<String>>,
}

/// Query that identifies an entry.
pub struct EntryQuery<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// The key.
    pub key: &'a str,
    /// The bundle; any, if none is given.
    pub bundle: Option<&'a str>,
}

impl EntryQuery<'_> {
    /// The app and the entry, which must be unique. Nothing is decrypted.
    pub fn find_entry<'p>(
        &self,
        pipeline: &Pipeline<'p>,
        apps: &[&'p App],
    ) -> Result<(&'p App, Survey, EntryId), Diagnostics> {
        let with_environment = apps.iter().filter(|app| app.environments.contains(self.environment));
        if let (0, [app, ..]) = (with_environment.clone().count(), apps) {
            let name = pipeline.library.app_name(app)?;
            return Err(app.lacks_environments(&name, [self.environment]).into());
        }
        let mut problems = Diagnostics::new();
        let mut surveys = Vec::new();
        for app in with_environment {
            surveys.extend(
                pipeline
                    .survey(
                        app,
                        SurveyOptions::showing(std::slice::from_ref(self.environment), KeyAccess::PublicView)
                            .of_single_entries(),
                        &mut problems,
                    )
                    .map(|survey| (*app, survey)),
            );
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let mut found: Vec<(&App, Survey, EntryId)> = Vec::new();
        let mut known = Vec::new();
        let mut others = Vec::new();
        let mut bundles = BTreeSet::new();
        let (mut renamed, mut labelled, mut manifest) = (None, None, None);
        for (app, survey) in surveys {
            let Some(resolved) = survey.environment(self.environment) else { continue };
            renamed = renamed.or_else(|| resolved.definition.renamed_entry(self.key));
            labelled = labelled.or_else(|| resolved.definition.labelled_entry(self.key));
            manifest = manifest.or_else(|| manifest_as_bundle(resolved, self.bundle?, Some(self.key)));
            let mut ids: Vec<EntryId> = resolved.entries.keys().filter(|id| self.matches_entry(id)).cloned().collect();
            let logins = bundles_with_login(&resolved.definition, self.key).into_iter();
            ids.extend(
                logins
                    .map(|bundle| EntryId { bundle: bundle.clone(), key: self.key.into() })
                    .filter(|id| self.matches_entry(id)),
            );
            known.extend(resolved.entries.keys().map(|id| id.key.as_str().to_owned()));
            let wanted = |bundle: &&BundleName| self.bundle.is_none_or(|name| bundle.as_str() == name);
            let all = resolved.definition.bundles.keys().filter(wanted);
            known.extend(all.flat_map(|bundle| login_keys(&resolved.definition, bundle)));
            bundles.extend(resolved.definition.bundles.keys().cloned());
            match <[EntryId; 1]>::try_from(ids) {
                Ok([id]) => found.push((app, survey, id)),
                Err(ids) if ids.is_empty() => others.push((app, survey)),
                Err(ids) => {
                    let bundles = ids.iter().map(|id| format!("the bundle `{}`", id.bundle));
                    return Err(self.several_entries(bundles, "specify one: `--bundle NAME`"));
                }
            }
        }
        if found.is_empty() {
            found.extend(others.into_iter().filter_map(|(app, survey)| self.in_open_bundle(app, survey)));
        }
        match <[_; 1]>::try_from(found) {
            Ok([found]) => Ok(found),
            Err(found) if found.is_empty() => Err(match self.bundle {
                Some(bundle) if !bundles.iter().any(|known| known.as_str() == bundle) => {
                    manifest.map_or_else(|| self.unknown_bundle(&bundles), Diagnostics::from)
                }
                _ => self.unknown_entry(&known, renamed.as_ref(), labelled),
            }),
            Err(found) => {
                let choice = pipeline.library.choose_app(found.iter().map(|(app, ..)| *app));
                Err(self.several_entries(choice.labels.iter().map(|app| format!("the app {app}")), choice.hint))
            }
        }
    }

    fn matches_entry(&self, id: &EntryId) -> bool {
        id.key.as_str() == self.key && self.bundle.is_none_or(|bundle| id.bundle.as_str() == bundle)
    }

    /// A new key of a bundle that accepts any key: the named one, or the app's own.
    fn in_open_bundle<'a>(&self, app: &'a App, survey: Survey) -> Option<(&'a App, Survey, EntryId)> {
        let definition = &survey.environment(self.environment)?.definition;
        let bundle = self.bundle.map_or_else(|| definition.own_bundle(), Into::into);
        let is_open = definition.bundles.get(&bundle)?.open;
        is_open.then(|| (app, survey, EntryId { bundle, key: self.key.into() }))
    }

    fn several_entries(&self, places: impl Iterator<Item = String>, hint: &str) -> Diagnostics {
        let error = Diagnostic::error(
            Rule::Usage,
            format!("`{}` is defined more than once in `{}`", self.key, self.environment),
        );
        places.fold(error, |error, place| error.note(format!("in {place}"))).hint(hint).into()
    }

    fn unknown_bundle(&self, known: &BTreeSet<BundleName>) -> Diagnostics {
        let names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        Diagnostic::error(Rule::UnknownBundle, format!("unknown bundle in `{}`", self.environment))
            .note(format!("the bundles are {}", names.join(", ")))
            .into()
    }

    fn unknown_entry(&self, known: &[String], renamed: Option<&EntryId>, labelled: Option<String>) -> Diagnostics {
        // the text in the place of a key may be the value
        let message = format!("unknown key in `{}`", self.environment);
        let error = Diagnostic::error(Rule::UnknownKey, message);
        let error = if self.key.contains('=') {
            error.hint("values are never arguments, which other users can see: `septum set` reads the value from standard input, or prompts for it")
        } else {
            error
        };
        if let Some(id) = renamed {
            return error.hint(format!("it was renamed to `{}`", id.key)).into();
        }
        error
            .maybe_hint(labelled.or_else(|| did_you_mean(self.key, known.iter().map(String::as_str))))
            .hint("define it in `base.yaml` first; `septum list` shows all keys")
            .into()
    }
}

impl SecretEntry {
    /// The place of an entry's value.
    pub fn locate_entry(
        pipeline: &Pipeline<'_>,
        app: &App,
        survey: &Survey,
        environment: &EnvironmentName,
        id: &EntryId,
    ) -> Self {
        let file = app.secrets_file(environment);
        let name = pipeline.library.project.files.name(&file);
        let definition = survey.environment(environment).map(|resolved| &resolved.definition);
        let entry = definition.and_then(|definition| definition.entry(id));
        let former = definition.and_then(|definition| definition.former_uses.iter().find(|former| former.id == *id));
        let login = definition.and_then(|definition| login_path(definition, id));
        Self {
            former: former.cloned(),
            sensitivity: if login.is_some() { Sensitivity::Sensitive } else { survey.routing.sensitivity(id) },
            path: login.unwrap_or_else(|| entry_path(&survey.app, id)),
            label: entry_label(survey.app.as_str(), id),
            of_bundle: definition.map(|definition| BundleFacts::find(definition, id)).unwrap_or_default(),
            plain: entry.map(|entry| plaintext_places(entry, environment, &name)).unwrap_or_default(),
            in_force: entry.and_then(Entry::last_source).map(|origin| origin.place.clone()),
            is_scalar: false,
            rules: entry.map(|entry| Arc::clone(&entry.rules)).unwrap_or_default(),
            file,
            name,
        }
    }

    /// Checks that no layer of the environment sets the entry under its former name.
    pub fn check_name(&self) -> Result<(), Diagnostic> {
        let Some(FormerKeyUse { id, old, place, command, .. }) = &self.former else { return Ok(()) };
        let message = format!("`{}` is set as `{old}`, its former name", id.key);
        Err(Diagnostic::error(Rule::ConflictingNames, message).at(place.clone()).hint(format!("run `{command}` first")))
    }

    /// Refuses an entry whose value is generated from its parts.
    pub fn check_single_value(&self) -> Result<(), Diagnostic> {
        let Some(parts) = &self.of_bundle.parts else { return Ok(()) };
        let message = format!("`{}` is generated from `registries`, and cannot be set as a whole", self.label);
        let error = Diagnostic::error(Rule::TwoSources, message);
        let error = parts.iter().fold(error, |error, command| error.hint(format!("set a password with `{command}`")));
        Err(if parts.is_empty() { error.hint("name the registries in `base.yaml` first") } else { error })
    }

    /// Type that a text for the entry is converted to: other than text only if the base declares it.
    pub fn value_kind(&self) -> TextValueKind {
        match self.rules.schema.get("type").and_then(|declared| declared.value.as_str()) {
            Some("integer" | "number" | "boolean") => TextValueKind::Scalar,
            None if self.is_scalar => TextValueKind::Scalar,
            _ => TextValueKind::Text,
        }
    }

    /// Checks that the base accepts a value, which may be a template if that is intended.
    pub fn check_value(&self, value: &[u8], meant_as_template: bool) -> Result<(), Diagnostics> {
        let mut found = Diagnostics::new();
        let Ok(text) = std::str::from_utf8(value) else {
            return Err(Diagnostic::error(
                Rule::InvalidValue,
                format!("the value for `{}` is not UTF-8 text", self.label),
            )
            .hint("pass it in base64, or store it as a separate `file`")
            .into());
        };
        let may_render = self.rules.template.as_ref().is_none_or(|rule| rule.value);
        if may_render && is_template(text) {
            if meant_as_template {
                return Ok(());
            }
            found.push(
                Diagnostic::error(
                    Rule::TemplateValue,
                    format!("the value for `{}` would be rendered as a template", self.label),
                )
                .note("it contains `{{` or `{%`")
                .hint("if it is not a template, set `template: false` for the key in `base.yaml`")
                .hint("if it is intended as a template, use `--template`"),
            );
        }
        for (keyword, expected) in Constraints::default().unmet(&self.rules, text, Sensitivity::Sensitive) {
            let error = Diagnostic::error(Rule::InvalidValue, format!("`{}` must be {expected}", self.label));
            let rule = self.rules.schema.get(&keyword).map(|rule| &rule.place);
            let rule = rule.or_else(|| self.rules.format.as_ref().map(|format| &format.place));
            let lists = matches!(keyword.as_str(), "enum" | "const");
            found.push(match rule {
                Some(rule) if lists && self.sensitivity == Sensitivity::Sensitive => {
                    error.at_masked_with(rule.clone(), "required here")
                }
                Some(rule) => error.at_public_with(rule.clone(), PublicReason::Rule, "required here"),
                None => error,
            });
        }
        if let (Some((bundle, secret_type)), false) = (&self.of_bundle.secret_type, text.is_empty()) {
            let key = self.path.steps().last().map(|step| match step {
                ValuePathStep::Key(key) => key.as_str(),
                ValuePathStep::Index(_) => "",
            });
            found.extend(find_value_problems(secret_type, bundle, key.unwrap_or_default(), &self.label, text));
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

impl BundleFacts {
    fn find(definition: &Definition, id: &EntryId) -> Self {
        let is_entry = definition.entry(id).is_some();
        let secret_type = definition.bundles.get(&id.bundle).and_then(|bundle| bundle.secret_type.clone());
        let environment = definition.environment.as_str();
        let command = |key: String| format!("septum set {}", definition.words_for(environment, &key, Some(&id.bundle)));
        let parts = || login_keys(definition, &id.bundle).into_iter().map(command).collect();
        Self {
            secret_type: secret_type.filter(|_| is_entry).map(|kind| (id.bundle.clone(), kind)),
            parts: is_generated(definition, id).then(parts),
        }
    }
}

/// `data.KEY`, or `bundles.NAME.data.KEY`.
fn entry_path(app: &AppName, id: &EntryId) -> ValuePath {
    let key = |text: &str| ValuePathStep::Key(text.to_owned());
    let own = id.bundle.as_str() == app.as_str();
    let bundle = if own { Vec::new() } else { vec![key("bundles"), key(id.bundle.as_str())] };
    bundle.into_iter().chain([key("data"), key(id.key.as_str())]).collect()
}

/// Locations where layers of an environment other than its secrets file give a literal value.
fn plaintext_places(entry: &Entry, environment: &EnvironmentName, secrets: &str) -> Vec<Location> {
    let own = entry.history.iter().filter(|step| step.layer.as_str() == environment.as_str());
    let literal = own.filter(|step| match &step.change {
        LayerChange::Source(EntrySource::Value(scalar)) => !scalar.encrypted && !scalar.locked,
        _ => false,
    });
    literal.map(|step| step.place.clone()).filter(|place| place.source.name() != secrets).collect()
}
