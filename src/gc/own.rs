//! Objects of an environment's bundles, as the layers define them now.

use crate::diagnostic::{Diagnostics, FailureKind};
use crate::manifest::references::{RefKind, Role, find_references};
use crate::name::EnvironmentName;
use crate::object::{Object, ObjectKind, RenderedObject};
use crate::pipeline::{Pipeline, SurveyOptions};
use crate::project::App;
use crate::visibility::{KeyAccess, OnMissingKey};

use super::MANAGED_BY;

/// Object of a bundle, in any version.
#[derive(Debug, Clone)]
pub struct OwnObject {
    /// Its app.
    pub app: String,
    /// Its bundle.
    pub bundle: String,
    /// Its kind.
    pub kind: RefKind,
    /// Its name without a hash.
    pub base_name: String,
    /// Its namespace, if the layers set one.
    pub namespace: Option<String>,
    /// Whether its name has a hash now.
    pub has_hash: bool,
    /// Its label `app.kubernetes.io/managed-by`.
    pub manager: Option<String>,
    /// Its name now; none if that is unknown without a key.
    pub current: Option<String>,
}

/// Objects of an environment.
#[derive(Debug, Default)]
pub struct OwnObjects {
    /// Objects of its bundles.
    pub objects: Vec<OwnObject>,
    /// Objects that its manifests refer to, or that it contains: kind, namespace and name.
    pub used: Vec<(RefKind, Option<String>, String)>,
}

impl OwnObjects {
    /// Adds the objects of an app in an environment. Without a key, the names of Secrets may be unknown.
    pub fn add_app(
        &mut self,
        pipeline: &Pipeline<'_>,
        app: &App,
        environment: &EnvironmentName,
        problems: &mut Diagnostics,
    ) {
        let mut locked = std::collections::BTreeMap::new();
        let mut found = Diagnostics::new();
        let asked = std::slice::from_ref(environment);
        let options = SurveyOptions::showing(asked, KeyAccess::Decrypt).as_far_as_known(&mut locked);
        let survey = pipeline.survey(app, options, &mut found);
        if let Some(survey) = survey {
            let objects = pipeline.objects(&survey, environment, OnMissingKey::Keep(&|_| None), &mut found);
            let affixes = survey.environment(environment).map(|resolved| &resolved.definition.affixes);
            for object in &objects.whole {
                match object {
                    RenderedObject::Bundle(object) => {
                        let base_name = affixes.map(|affixes| affixes.apply(&object.base_name)).unwrap_or_default();
                        self.add_object(survey.app.as_str(), object, base_name);
                    }
                    RenderedObject::Manifest(manifest, _) => {
                        let references = find_references(&manifest.tree, pipeline.references()).into_iter();
                        let references = references.filter(|reference| reference.role == Role::Reference);
                        self.used.extend(references.map(|reference| {
                            let namespace = reference.namespace.or_else(|| manifest.namespace.clone());
                            (reference.target, namespace, reference.name.value)
                        }));
                        let kind = match (manifest.group(), manifest.kind.as_str()) {
                            ("", "ConfigMap") => Some(RefKind::ConfigMap),
                            ("", "Secret") => Some(RefKind::Secret),
                            _ => None,
                        };
                        self.used.extend(kind.map(|kind| (kind, manifest.namespace.clone(), manifest.name.clone())));
                    }
                }
            }
        }
        problems.extend(found.into_iter().filter(|problem| problem.is_error() && problem.failure != FailureKind::Key));
    }

    fn add_object(&mut self, app: &str, object: &Object, base_name: String) {
        let kind = match object.kind {
            ObjectKind::ConfigMap => RefKind::ConfigMap,
            ObjectKind::Secret => RefKind::Secret,
        };
        let current = object.is_named.then(|| object.name.clone());
        self.used.extend(current.clone().map(|name| (kind, object.namespace.clone(), name)));
        self.objects.push(OwnObject {
            app: app.to_owned(),
            bundle: object.base_name.clone(),
            kind,
            has_hash: current.as_ref() != Some(&base_name),
            base_name,
            namespace: object.namespace.clone(),
            manager: object.labels.get(MANAGED_BY).cloned(),
            current,
        });
    }
}
