//! Location of a variable's value in the encrypted file of an environment.

use std::sync::Arc;

use super::SecretEntry;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean};
use crate::layer::{Definition, Tree, TreeKind, VariableChange};
use crate::name::EnvironmentName;
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::App;
use crate::route::Sensitivity;
use crate::sops::{ValuePath, ValuePathStep};
use crate::visibility::KeyAccess;
use crate::yaml::scalar::{CoreType, core_type};

/// Query that identifies a variable.
pub struct VariableQuery<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// The path below `vars`.
    pub path: &'a str,
}

impl VariableQuery<'_> {
    /// The app whose variable it is, which must be the only one. Nothing is decrypted.
    pub fn find_app<'p>(&self, pipeline: &Pipeline<'p>, apps: &[&'p App]) -> Result<(&'p App, Survey), Diagnostics> {
        let (mut problems, mut found, mut known) = (Diagnostics::new(), Vec::new(), Vec::new());
        for app in apps.iter().filter(|app| app.environments.contains(self.environment)) {
            let asked = std::slice::from_ref(self.environment);
            let options = SurveyOptions::showing(asked, KeyAccess::PublicView).of_single_entries();
            let Some(survey) = pipeline.survey(app, options, &mut problems) else { continue };
            let Some(resolved) = survey.environment(self.environment) else { continue };
            known.extend(resolved.definition.variable_paths().into_iter().map(|path| format!("vars.{path}")));
            known.extend(resolved.definition.variable_rules.keys().map(|path| format!("vars.{path}")));
            if is_defined(&resolved.definition, self.path) {
                found.push((*app, survey));
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        match <[_; 1]>::try_from(found) {
            Ok([found]) => self.check_kind(&found.1).map(|()| found),
            Err(found) if found.is_empty() => Err(self.unknown_variable(&known).into()),
            Err(found) => {
                let message = format!("`vars.{}` is defined more than once in `{}`", self.path, self.environment);
                let choice = pipeline.library.choose_app(found.iter().map(|(app, _)| *app));
                let error = Diagnostic::error(Rule::Usage, message).hint(choice.hint);
                Err(choice.labels.iter().fold(error, |error, app| error.note(format!("in the app {app}"))).into())
            }
        }
    }

    /// Refuses a structure: `set`, `get` and `unset` are about single values.
    fn check_kind(&self, survey: &Survey) -> Result<(), Diagnostics> {
        let tree = survey.environment(self.environment).and_then(|resolved| resolved.definition.variable(self.path));
        let Some(tree) = tree.filter(|tree| !matches!(tree.kind, TreeKind::Leaf(_))) else { return Ok(()) };
        let message = format!("`vars.{}` is {}, not a single value", self.path, tree.noun());
        let first = match &tree.kind {
            TreeKind::Map(map) => {
                map.keys().next().map(|key| format!("specify a value in it: `vars.{}.{key}`", self.path))
            }
            _ => None,
        };
        Err(Diagnostic::error(Rule::Usage, message).maybe_hint(first).into())
    }

    fn unknown_variable(&self, known: &[String]) -> Diagnostic {
        // the text in the place of a key may be the value
        Diagnostic::error(Rule::UnknownKey, format!("unknown variable in `{}`", self.environment))
            .maybe_hint(did_you_mean(&format!("vars.{}", self.path), known.iter().map(String::as_str)))
            .hint("define it under `vars` in `base.yaml` first; `septum list` shows all variables")
    }
}

/// Whether an environment may set a variable: it has a value or rules, or is below a mapping that accepts any key.
fn is_defined(definition: &Definition, path: &str) -> bool {
    let is_open = |tree: &Tree| matches!(&tree.kind, TreeKind::Map(map) if map.is_empty());
    let parents = path.match_indices('.').filter_map(|(at, _)| path.get(..at));
    let is_root_open = definition.vars.as_ref().is_some_and(is_open);
    definition.variable(path).is_some()
        || definition.variable_rules.contains_key(path)
        || !definition.variable_history(path).is_empty()
        || is_root_open
        || parents.into_iter().any(|parent| definition.variable(parent).is_some_and(is_open))
}

impl SecretEntry {
    /// The place of a variable's value.
    pub fn locate_variable(
        pipeline: &Pipeline<'_>,
        app: &App,
        survey: &Survey,
        environment: &EnvironmentName,
        path: &str,
    ) -> Self {
        let file = app.secrets_file(environment);
        let name = pipeline.library.project.files.name(&file);
        let definition = survey.environment(environment).map(|resolved| &resolved.definition);
        let history = definition.map(|definition| definition.variable_history(path)).unwrap_or_default();
        let is_written = |change: &VariableChange<'_>| match change {
            VariableChange::Set(Tree { kind: TreeKind::Leaf(scalar), .. }) => !scalar.encrypted && !scalar.locked,
            VariableChange::Set(_) | VariableChange::Merged(_) | VariableChange::Removed(_) => false,
        };
        let own = history.iter().filter(|step| step.layer.as_str() == environment.as_str() && is_written(&step.change));
        let plain = own.map(|step| step.place.clone()).filter(|place| place.source.name() != name).collect();
        let rules = definition.and_then(|definition| definition.variable_rules.get(path));
        let first = history.iter().find_map(|step| match step.change {
            VariableChange::Set(Tree { kind: TreeKind::Leaf(scalar), .. }) => Some(core_type(scalar)),
            _ => None,
        });
        let keys = definition.and_then(|definition| keys_of(definition.vars.as_ref()?, path));
        let keys = keys.unwrap_or_else(|| path.split('.').map(str::to_owned).collect());
        let steps = [String::from("vars")].into_iter().chain(keys).map(ValuePathStep::Key);
        Self {
            path: steps.collect::<ValuePath>(),
            label: format!("vars.{path}"),
            // it is in no object that it could be moved from
            sensitivity: Sensitivity::Sensitive,
            plain,
            in_force: history.last().map(|step| step.place.clone()),
            is_scalar: matches!(first, Some(CoreType::Int | CoreType::Float | CoreType::Bool)),
            former: None,
            of_bundle: <_>::default(),
            rules: rules.map(|rules| Arc::clone(&rules.value)).unwrap_or_default(),
            file,
            name,
        }
    }
}

/// Keys that lead to a part of a structure; none if it is not there, or is an item of a list. A key may contain dots.
fn keys_of(tree: &Tree, path: &str) -> Option<Vec<String>> {
    let TreeKind::Map(map) = &tree.kind else { return None };
    map.iter().find_map(|(key, value)| {
        let rest = path.strip_prefix(key.as_str())?;
        if rest.is_empty() {
            return Some(vec![key.clone()]);
        }
        let below = keys_of(value, rest.strip_prefix('.')?)?;
        Some([key.clone()].into_iter().chain(below).collect())
    })
}
