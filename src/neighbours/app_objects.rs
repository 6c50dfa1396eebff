//! The objects of apps in one environment, for a program that adds them to its own.

use crate::deliver::{Delivered, DeliveredForm, ObjectName};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean, nearest_name};
use crate::emit;
use crate::layer::{Definition, Tree};
use crate::name::EnvironmentName;
use crate::object::{GuestWiring, RenderedObject, TargetObjects};
use crate::output_tree::{self, file_names};
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::App;
use crate::sops::Timestamp;
use crate::sort::{CollectSorted, sort_by};
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
    /// Its name without the hash of its values, if it has one.
    pub base_name: Option<String>,
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
        let (mut apps, mut problems) = (Vec::<&App>::new(), Diagnostics::new());
        for name in names {
            let named: Vec<_> = known.iter().filter(|(known, _)| known.as_str() == name.value).collect();
            let own: Vec<_> = named.iter().filter(|(_, app)| app.environments.contains(&environment)).collect();
            match (named.is_empty(), own.is_empty()) {
                (false, false) => {
                    // an app that is named twice has its objects once
                    for (_, app) in own {
                        if !apps.iter().any(|known| std::ptr::eq(*known, *app)) {
                            apps.push(*app);
                        }
                    }
                }
                (false, true) => {
                    let lacking = named.iter().map(|(known, app)| app.lacks_environments(known, [&environment]));
                    problems.extend(lacking.map(|problem| problem.at(name.place.clone())));
                }
                (true, _) => {
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
        problems.extend(project.name_errors(self.apps.iter().copied()));
        if problems.has_errors() {
            return Err(problems);
        }
        warnings.extend(problems);
        Ok(AppObjects { target: self, built })
    }
}

impl NeighbourTarget<'_, '_> {
    /// Names of the apps.
    pub fn app_names(&self) -> Result<Vec<String>, Diagnostics> {
        self.apps.iter().map(|app| Ok(self.pipeline.library.app_name(app)?.as_str().to_owned())).collect()
    }

    /// Namespaces and names, without a hash, of the objects of the apps in their other environments, or the one that
    /// cannot be built.
    pub fn names_elsewhere(&self) -> Result<Vec<(Option<String>, String)>, EnvironmentName> {
        let others = self.apps.iter().flat_map(|app| &app.environments);
        let others = others.filter(|other| **other != self.environment).collect_set();
        let mut names = Vec::new();
        for environment in others {
            let apps = self.apps.iter().copied().filter(|app| app.environments.contains(environment)).collect();
            let target =
                NeighbourTarget { pipeline: self.pipeline, apps, environment: environment.clone(), now: self.now };
            let built = target.build(BuiltParts::Names, &mut Diagnostics::new());
            names.extend(built.map_err(|_| environment.clone())?.names());
        }
        Ok(names)
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
            let definition = survey.environment(environment).map(|resolved| resolved.definition.clone());
            all.extend(delivered.into_iter().map(|object| {
                let base_name = definition.as_ref().and_then(|definition| hashed_name(&object, definition));
                (object, base_name)
            }));
        }
        problems.extend(output_tree::find_duplicates(&sites));
        if all.iter().any(|(object, _)| object.is_encrypted()) {
            problems.push(encrypted_error(environment));
        }
        if problems.has_errors() {
            return Err(problems);
        }
        warnings.extend(problems);
        sort_by(&mut all, |(a, _), (b, _)| a.id.cmp(&b.id));
        let names: Vec<&ObjectName> = all.iter().map(|(object, _)| &object.id).collect();
        let files = file_names(names);
        all.iter().zip(files).map(|((object, base), file)| added_object(object, base.clone(), file.as_str())).collect()
    }

    /// Namespaces and names of all objects; those with a hash are without it.
    fn names(&self) -> impl Iterator<Item = (Option<String>, String)> {
        self.built.iter().flat_map(|BuiltApp { survey, objects, .. }| {
            let resolved = survey.environment(&self.target.environment);
            let whole = objects.whole.iter().map(move |object| {
                let id = ObjectName::of(object);
                let base_name = resolved.and_then(|resolved| bundle_name(object, &resolved.definition));
                (Some(id.namespace).filter(|namespace| !namespace.is_empty()), base_name.unwrap_or(id.name))
            });
            whole.chain(objects.external.iter().map(|external| (external.namespace.clone(), external.name.clone())))
        })
    }
}

/// Name of a bundle's object with prefix and suffix, but without a hash.
fn bundle_name(object: &RenderedObject, definition: &Definition) -> Option<String> {
    match object {
        RenderedObject::Bundle(object) => Some(definition.affixes.apply(&object.base_name)),
        RenderedObject::Manifest(..) => None,
    }
}

/// The same, if the layers ask for names with a hash.
fn hashed_name(object: &Delivered, definition: &Definition) -> Option<String> {
    match &object.form {
        DeliveredForm::Plain(rendered) if definition.naming(&object.id.base_name).has_suffix() => {
            bundle_name(rendered, definition)
        }
        DeliveredForm::Plain(_) | DeliveredForm::Encrypted(_) | DeliveredForm::Unknown(_) => None,
    }
}

/// The object as a structure of its own, as a reader of its text sees it.
fn added_object(object: &Delivered, base_name: Option<String>, file: &str) -> Result<AddedObject, Diagnostics> {
    let source = Source::new("", emit::object_document(object).as_str());
    let tree = Tree::from_node(read_document(&source)?, &source);
    Ok(AddedObject { tree, file: file.to_lowercase(), base_name })
}

/// Error: Secrets in the SOPS format would be changed, or applied as they are.
fn encrypted_error(environment: &EnvironmentName) -> Diagnostic {
    Diagnostic::error(Rule::EncryptedOutput, format!("the Secrets of `{environment}` are delivered in SOPS format"))
        .note("kustomize changes objects, which breaks their MAC, and Helm applies ciphertext as it is")
        .hint("deliver them in plaintext: `delivery: manifest` in the functionConfig, `--delivery manifest` for Helm")
        .hint("or commit them with `septum render --out`, and list that directory under `resources`")
}
