//! The one way through: layers → resolve → route → objects, for an app.

use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::layer::{Library, Sight};
use crate::manifest::references;
use crate::name::{AppName, EntryId, EnvironmentName};
use crate::object::{self, Constraints, Day, Rendered, Target};
use crate::project::{App, Project};
use crate::resolve::{self, Engine, Manifests, Resolved};
use crate::route::{self, Routing};
use crate::sops::Identities;

/// What a run keeps between apps: layers, templates and rules that were read once.
#[derive(Debug)]
pub struct Pipeline<'p> {
    /// The layers of the project.
    pub library: Library<'p>,
    engine: Arc<Engine>,
    constraints: Constraints,
    references: references::Rules,
    /// The day at which certificates must be valid; none if nobody asks.
    at: Option<Day>,
}

/// An app with all its environments resolved and routed.
#[derive(Debug)]
pub struct Survey {
    /// Its name.
    pub app: AppName,
    /// One for each environment, in the order of the app's.
    pub environments: Vec<Resolved>,
    /// Which entries are sensitive, in all of them.
    pub routing: Routing,
}

impl<'p> Pipeline<'p> {
    /// A pipeline for the apps of `project`, decrypting with `identities` what has to be.
    pub fn new(project: &'p Project, identities: Identities) -> Self {
        Self {
            library: Library::new(project, identities),
            engine: Engine::new(Arc::clone(&project.files)),
            constraints: Constraints::default(),
            references: references::Rules::with(&project.references),
            at: None,
        }
    }

    /// The same, warning of certificates that are not valid on a day.
    #[must_use]
    pub fn at(mut self, day: Option<Day>) -> Self {
        self.at = day;
        self
    }

    /// Resolves and routes an app. Values are decrypted in the environments that are `wanted`;
    /// in the others it is enough to know what is encrypted, since routing is decided over all.
    ///
    /// Problems of layers are reported for all environments, those of values for the wanted ones.
    /// None is given where there is nothing to route by.
    pub fn survey(&self, app: &App, wanted: &[EnvironmentName], problems: &mut Diagnostics) -> Option<Survey> {
        self.survey_with(app, wanted, wanted, problems)
    }

    /// The same, with the manifests of other environments than those that are decrypted.
    pub fn survey_with(
        &self,
        app: &App,
        wanted: &[EnvironmentName],
        manifests: &[EnvironmentName],
        problems: &mut Diagnostics,
    ) -> Option<Survey> {
        let mut environments = Vec::with_capacity(app.environments.len());
        let mut whole = true;
        // those that are wanted come first, so that a layer that is shared is decrypted once
        let mut order: Vec<_> = app.environments.iter().collect();
        order.sort_by_key(|environment| !wanted.contains(environment));
        for environment in order {
            let is_wanted = wanted.contains(environment);
            let sight = if is_wanted { Sight::Open } else { Sight::Locked };
            let Some(definition) = self.library.definition(app, environment, sight, problems) else {
                whole = false;
                continue;
            };
            let mut found = Diagnostics::new();
            let manifests = if manifests.contains(environment) { Manifests::Rendered } else { Manifests::Skipped };
            environments.push(resolve::resolve(&self.engine, definition, manifests, &mut found));
            if is_wanted {
                problems.extend(found);
            }
        }
        if !whole {
            return None;
        }
        let app = self.library.app_name(app).map_err(|found| problems.extend(found)).ok()?;
        environments.sort_by(|a, b| a.definition.environment.cmp(&b.definition.environment));
        let routing = route::route(&environments, problems);
        Some(Survey { app, environments, routing })
    }

    /// The workloads of an environment that use an entry of it, each with the place in it that says so.
    pub fn consumers(&self, survey: &Survey, environment: &EnvironmentName, id: &EntryId) -> Vec<String> {
        let Some(resolved) = survey.environment(environment) else { return Vec::new() };
        object::consumers(resolved, &survey.routing, &self.references, id)
    }

    /// The objects of an environment of a surveyed app.
    pub fn objects(&self, survey: &Survey, environment: &EnvironmentName, problems: &mut Diagnostics) -> Vec<Rendered> {
        let Some(resolved) = survey.environment(environment) else { return Vec::new() };
        let Survey { environments, routing, .. } = survey;
        let (constraints, references) = (&self.constraints, &self.references);
        let target = Target { resolved, routing, siblings: environments, constraints, references, at: self.at };
        object::render(target, problems)
    }
}

impl Survey {
    /// The values of an environment.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Resolved> {
        self.environments.iter().find(|resolved| resolved.definition.environment == *name)
    }
}
