//! The objects of apps in one environment, for a program that adds them to its own.

use crate::deliver::{Delivered, ObjectName};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean, nearest_name};
use crate::emit;
use crate::layer::Tree;
use crate::name::EnvironmentName;
use crate::object::{GuestWiring, TargetObjects};
use crate::output_tree::{self, file_names};
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::App;
use crate::sops::Timestamp;
use crate::span::{Located, Source};
use crate::visibility::{KeyAccess, OnMissingKey};
use crate::yaml::read::read_document;

use std::collections::BTreeMap;

/// Apps of a project in one environment.
pub struct NeighbourTarget<'p, 'a> {
    /// The project.
    pub pipeline: &'a Pipeline<'p>,
    /// The apps, each of which has the environment.
    pub apps: Vec<&'p App>,
    /// The environment.
    pub environment: EnvironmentName,
    /// The current time.
    pub now: Timestamp,
}

/// Parts of a target that a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltParts {
    /// Objects with their values, for which keys are needed.
    Objects,
    /// Names of the objects, as far as they are known without keys.
    Names,
}

/// Built objects of the apps of a target.
pub struct AppObjects<'p, 'a> {
    target: &'a NeighbourTarget<'p, 'a>,
    built: Vec<BuiltApp<'p>>,
}

struct BuiltApp<'p> {
    app: &'p App,
    survey: Survey,
    objects: TargetObjects,
}

/// An object to add.
pub struct AddedObject {
    /// The object.
    pub tree: Tree,
    /// Name of a file for it: `configmap-checkout.yaml`.
    pub file: String,
}

impl<'p, 'a> NeighbourTarget<'p, 'a> {
    /// Finds the environment and the apps by their names; without names, all apps that have the environment.
    pub fn find(
        pipeline: &'a Pipeline<'p>,
        environment: &Located<String>,
        names: &[Located<String>],
        now: Timestamp,
    ) -> Result<Self, Diagnostics> {
        let project = pipeline.library.project;
        let found = project.environment(&environment.value);
        let environment = found.map_err(|problem| problem.at(environment.place.clone()))?;
        if names.is_empty() {
            let apps = project.apps.iter().filter(|app| app.environments.contains(&environment)).collect();
            return Ok(Self { pipeline, apps, environment, now });
        }
        let mut known = Vec::new();
        for app in &project.apps {
            known.push((pipeline.library.app_name(app)?, app));
        }
        let (mut apps, mut problems) = (Vec::new(), Diagnostics::new());
        for name in names {
            match known.iter().find(|(known, _)| known.as_str() == name.value) {
                Some((_, app)) if app.environments.contains(&environment) => apps.push(*app),
                Some(_) => {
                    let message = format!("the app `{}` has no environment `{environment}`", name.value);
                    problems.push(Diagnostic::error(Rule::UnknownEnvironment, message).at(name.place.clone()));
                }
                None => {
                    let known = known.iter().map(|(known, _)| known.as_str());
                    let names: Vec<_> = known.clone().map(|name| format!("`{name}`")).collect();
                    // a text without a similar name may be anything, even a value
                    let message = match nearest_name(&name.value, known.clone()) {
                        Some(_) => format!("unknown app `{}`", name.value),
                        None => "unknown app".to_owned(),
                    };
                    let problem = Diagnostic::error(Rule::UnknownApp, message).at(name.place.clone());
                    let problem = problem.maybe_hint(did_you_mean(&name.value, known));
                    problems.push(problem.note(format!("the apps are {}", names.join(", "))));
                }
            }
        }
        if problems.has_errors() { Err(problems) } else { Ok(Self { pipeline, apps, environment, now }) }
    }

    /// Builds the objects of the apps. Warnings go to `problems`; errors are returned.
    pub fn build(&'a self, parts: BuiltParts, warnings: &mut Diagnostics) -> Result<AppObjects<'p, 'a>, Diagnostics> {
        let mut problems = Diagnostics::new();
        let mut built = Vec::new();
        let asked = std::slice::from_ref(&self.environment);
        for app in self.apps.iter().copied() {
            let mut locked = BTreeMap::new();
            let options = match parts {
                BuiltParts::Objects => SurveyOptions::decrypting(asked),
                BuiltParts::Names => SurveyOptions::showing(asked, KeyAccess::Decrypt).as_far_as_known(&mut locked),
            };
            let Some(survey) = self.pipeline.survey(app, options, &mut problems) else { continue };
            let nameless = |_: &crate::object::Object| None;
            let on_missing_key = match parts {
                BuiltParts::Objects => OnMissingKey::Fail,
                BuiltParts::Names => OnMissingKey::Keep(&nameless as crate::object::KnownNames<'_>),
            };
            let objects = self.pipeline.objects(&survey, &self.environment, on_missing_key, &mut problems);
            built.push(BuiltApp { app, survey, objects });
        }
        let project = self.pipeline.library.project;
        problems.extend(project.misnamed(self.apps.iter().copied()).map(|file| file.diagnostic.clone()));
        if problems.has_errors() {
            return Err(problems);
        }
        warnings.extend(problems);
        Ok(AppObjects { target: self, built })
    }
}

impl<'a> AppObjects<'_, 'a> {
    /// Wiring to the bundles of the apps.
    pub fn wiring(&self) -> GuestWiring<'a> {
        let mut wiring = GuestWiring::new(self.target.pipeline.references());
        for BuiltApp { survey, objects, .. } in &self.built {
            if let Some(resolved) = survey.environment(&self.target.environment) {
                wiring.add_target(resolved, &survey.routing, objects);
            }
        }
        wiring
    }

    /// The objects in the form in which they are delivered, in the order in which they are written.
    pub fn deliver(self, warnings: &mut Diagnostics) -> Result<Vec<AddedObject>, Diagnostics> {
        let NeighbourTarget { pipeline, environment, now, .. } = self.target;
        let (mut problems, mut all, mut sites) = (Diagnostics::new(), Vec::new(), Vec::new());
        for BuiltApp { app, survey, objects } in self.built {
            let delivered =
                output_tree::deliver_objects(pipeline, app, &survey, environment, objects, *now, &mut problems);
            sites.extend(output_tree::object_sites(app, &survey, environment, &delivered));
            all.extend(delivered);
        }
        problems.extend(output_tree::find_duplicates(&sites));
        if all.iter().any(Delivered::is_encrypted) {
            problems.push(encrypted_error(environment));
        }
        if problems.has_errors() {
            return Err(problems);
        }
        warnings.extend(problems);
        all.sort_by(|a, b| a.id.cmp(&b.id));
        let names: Vec<&ObjectName> = all.iter().map(|object| &object.id).collect();
        let files = file_names(names);
        all.iter().zip(files).map(|(object, file)| added_object(object, file.as_str())).collect()
    }
}

/// The object as a structure of its own, as a reader of its text sees it.
fn added_object(object: &Delivered, file: &str) -> Result<AddedObject, Diagnostics> {
    let source = Source::new("", emit::object_document(object).as_str());
    let tree = Tree::from_node(read_document(&source)?, &source);
    Ok(AddedObject { tree, file: file.to_lowercase() })
}

/// Error: Secrets in the SOPS format would be changed, or applied as they are.
fn encrypted_error(environment: &EnvironmentName) -> Diagnostic {
    Diagnostic::error(Rule::EncryptedOutput, format!("the Secrets of `{environment}` are delivered in SOPS format"))
        .note("kustomize changes objects, which breaks their MAC, and Helm applies ciphertext as it is")
        .hint("deliver them in plaintext: `delivery: manifest` in the functionConfig, `--delivery manifest` for Helm")
        .hint("or commit them with `septum render --out`, and list that directory under `resources`")
}
