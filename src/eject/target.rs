//! Objects of all apps and environments, with the encryption of their Secrets.

use std::path::PathBuf;

use crate::deliver::{self, DeliveredForm, DeliveryContext, ObjectName, secret_encryption};
use crate::diagnostic::Diagnostics;
use crate::layer::SecretForm;
use crate::leak_scan;
use crate::name::{AppName, EnvironmentName};
use crate::object::{RenderedObject, TargetObjects};
use crate::output_tree;
use crate::output_tree::{FileName, file_names};
use crate::pipeline::{Pipeline, Survey, SurveyOptions};
use crate::project::App;
use crate::sops::{EncryptionPlan, Timestamp};
use crate::sort::sort_by;
use crate::visibility::OnMissingKey;

/// Selection of what is ejected, and its destination.
pub struct EjectRequest<'a> {
    /// The apps.
    pub apps: &'a [&'a App],
    /// The environments.
    pub environments: &'a [EnvironmentName],
    /// Directory below the destination of the files of a target.
    pub place: &'a dyn Fn(&EnvironmentName, &AppName) -> PathBuf,
    /// Time of the encryption.
    pub now: Timestamp,
}

/// Objects of an app in an environment.
pub struct EjectTarget {
    /// The app.
    pub app: AppName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Its objects, in the order in which they are rendered.
    pub objects: Vec<EjectedObject>,
}

/// Object with its values.
pub struct EjectedObject {
    /// Its identity.
    pub id: ObjectName,
    /// The object.
    pub object: RenderedObject,
    /// Encryption of a Secret with values; others are written as they are.
    pub encryption: Option<EncryptionPlan>,
}

/// Renders all targets. Warnings are added to `problems`; any error is the result.
pub fn collect_targets(
    pipeline: &Pipeline<'_>,
    request: &EjectRequest<'_>,
    problems: &mut Diagnostics,
) -> Result<Vec<EjectTarget>, Diagnostics> {
    let (mut targets, mut sites) = (Vec::new(), Vec::new());
    for app in request.apps {
        let wanted: Vec<_> =
            request.environments.iter().filter(|name| app.environments.contains(name)).cloned().collect();
        if wanted.is_empty() {
            continue;
        }
        let Some(survey) = pipeline.survey(app, SurveyOptions::decrypting(&wanted), problems) else { continue };
        for environment in &wanted {
            let run = TargetRun { pipeline, request, app, survey: &survey, environment };
            let objects = pipeline.objects(&survey, environment, OnMissingKey::Fail, problems);
            let delivered = run.deliver(objects, problems);
            sites.extend(output_tree::object_sites(app, &survey, environment, &delivered));
            let objects = run.with_encryption(delivered, problems);
            targets.push(EjectTarget { app: survey.app.clone(), environment: environment.clone(), objects });
        }
    }
    problems.extend(output_tree::find_duplicates(&sites));
    let project = pipeline.library.project;
    problems.extend(project.name_errors(request.apps.iter().copied()));
    if problems.has_errors() { Err(std::mem::take(problems)) } else { Ok(targets) }
}

/// Target that is rendered.
struct TargetRun<'a> {
    pipeline: &'a Pipeline<'a>,
    request: &'a EjectRequest<'a>,
    app: &'a App,
    survey: &'a Survey,
    environment: &'a EnvironmentName,
}

impl TargetRun<'_> {
    /// Runs with the inputs of a delivery.
    fn with_context<T>(&self, run: impl FnOnce(&DeliveryContext<'_>) -> T) -> Option<T> {
        let resolved = self.survey.environment(self.environment)?;
        let library = &self.pipeline.library;
        let way = DeliveryContext {
            definition: &resolved.definition,
            secrets: &self.app.secrets_file(self.environment),
            rules: library.rules(),
            identities: library.identities(),
            files: &library.project.files,
            path: &|_| self.secret_path(),
            committed: &|_| None,
            now: self.request.now,
            day: output_tree::certificate_day(self.pipeline, self.request.now),
        };
        Some(run(&way))
    }

    /// Path of a Secret for the rules of `.sops.yaml`.
    fn secret_path(&self) -> PathBuf {
        (self.request.place)(self.environment, &self.survey.app).join("secret.yaml")
    }

    /// The objects in the form of the environment, but that Secrets keep their values unless they are sealed.
    fn deliver(&self, objects: TargetObjects, problems: &mut Diagnostics) -> Vec<deliver::Delivered> {
        let Some(resolved) = self.survey.environment(self.environment) else { return Vec::new() };
        let is_sealed = resolved.definition.delivery.secrets() == SecretForm::SealedSecret;
        let TargetObjects { whole, external } = objects;
        let (secrets, whole): (Vec<_>, Vec<_>) = whole.into_iter().partition(|object| object.is_secret() && !is_sealed);
        let objects = TargetObjects { whole, external };
        let delivered = self.with_context(|way| deliver::deliver(objects, way, problems));
        let mut delivered = delivered.unwrap_or_default();
        delivered.extend(secrets.into_iter().map(deliver::Delivered::plain));
        sort_by(&mut delivered, |a, b| a.id.cmp(&b.id));
        leak_scan::check_leaks(resolved, &self.survey.routing, &delivered, problems);
        delivered
    }

    fn with_encryption(&self, delivered: Vec<deliver::Delivered>, problems: &mut Diagnostics) -> Vec<EjectedObject> {
        let needs_encryption = delivered.iter().any(deliver::Delivered::is_plain_secret);
        let encryption = needs_encryption.then(|| self.with_context(|way| secret_encryption(way, &self.secret_path())));
        let encryption = encryption.flatten().and_then(|plan| plan.map_err(|found| problems.extend(found)).ok());
        let eject = |delivered: deliver::Delivered| {
            let encryption = delivered.is_plain_secret().then(|| encryption.clone()).flatten();
            match delivered.form {
                DeliveredForm::Plain(object) => Some(EjectedObject { id: delivered.id, object: *object, encryption }),
                // nothing is encrypted here, and a missing key is an error
                DeliveredForm::Encrypted(_) | DeliveredForm::Unknown(_) => None,
            }
        };
        delivered.into_iter().filter_map(eject).collect()
    }
}

/// File names of the objects of a target, in their order: `KIND-NAME.yaml`.
pub(super) fn object_files(objects: &[&EjectedObject]) -> Vec<FileName> {
    file_names(objects.iter().map(|object| &object.id))
}
