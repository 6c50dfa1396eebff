//! Objects that are generated more than once: only the one that is applied last would stay in the cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::deliver::{Delivered, ObjectName};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::Definition;
use crate::name::EnvironmentName;
use crate::project::App;
use crate::span::Location;

/// An object, and its source.
#[derive(Debug, Clone)]
pub struct ObjectSite {
    environment: EnvironmentName,
    id: ObjectName,
    /// The name of the app.
    app: String,
    /// The directory of the app, which is unique.
    directory: PathBuf,
    /// Whether it comes from a bundle, and not from a manifest.
    is_of_bundle: bool,
    /// The manifest, or the bundle.
    place: Location,
}

impl ObjectSite {
    /// The sites of the objects of a target.
    pub(super) fn all_of(app: &App, definition: &Definition, delivered: &[Delivered]) -> Vec<Self> {
        let site = |object: &Delivered| {
            let is_of_bundle = object.place.source.name().is_empty();
            Self {
                environment: object.environment.clone(),
                id: object.id.clone(),
                app: definition.app.as_str().to_owned(),
                directory: app.directory.clone(),
                is_of_bundle,
                place: if is_of_bundle {
                    let place = definition.place_of_bundle(&object.id.base_name);
                    place.cloned().unwrap_or_else(Location::synthetic)
                } else {
                    object.place.clone()
                },
            }
        };
        delivered.iter().map(site).collect()
    }
}

/// Reports objects of the same kind, name and namespace in one environment, with the places of both.
pub fn find_duplicates(sites: &[ObjectSite]) -> Diagnostics {
    find_duplicates_unless(sites, |_, _| false)
}

/// Reports such objects where apps of the same name are reported themselves.
pub fn find_duplicates_beside_namesakes(sites: &[ObjectSite]) -> Diagnostics {
    find_duplicates_unless(sites, |one, other| one.app == other.app && one.directory != other.directory)
}

fn find_duplicates_unless(sites: &[ObjectSite], is_known: impl Fn(&ObjectSite, &ObjectSite) -> bool) -> Diagnostics {
    let mut seen = BTreeMap::new();
    let mut problems = Diagnostics::new();
    for site in sites {
        let ObjectName { kind, namespace, name, group, .. } = &site.id;
        if let Some(other) = seen.insert((&site.environment, group, kind, namespace, name), site)
            && !is_known(other, site)
        {
            problems.push(duplicate_object(other, site));
        }
    }
    problems
}

fn duplicate_object(first: &ObjectSite, second: &ObjectSite) -> Diagnostic {
    let (one, two, environment) = (&first.app, &second.app, &second.environment);
    let ObjectName { kind, namespace, name, .. } = &second.id;
    let wher = if namespace.is_empty() { String::new() } else { format!(" in the namespace `{namespace}`") };
    let object = format!("a {kind} `{name}`{wher}");
    let message = if first.directory != second.directory && one == two {
        format!("two apps named `{one}` generate {object} in `{environment}`")
    } else if first.directory != second.directory {
        format!("the apps `{one}` and `{two}` both generate {object} in `{environment}`")
    } else if first.is_of_bundle || second.is_of_bundle {
        format!("the manifests and bundles of `{one}` both define {object}")
    } else {
        format!("two manifests of `{one}` define {object}")
    };
    Diagnostic::error(Rule::InvalidName, message)
        .at(second.place.clone())
        .at_with(first.place.clone(), "also defined here")
        .note("only the one applied last would remain in the cluster")
        .hint(if first.directory == second.directory {
            "rename or remove one of them, or give them different namespaces"
        } else {
            "rename the bundle or the app, or give them different namespaces"
        })
}
