//! The table of types, as `generate.py` writes it.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Types and objects, a line each.
const TABLE: &str = include_str!("types.txt");

/// Type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldType {
    /// A text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Truth,
    /// Items of the type that a code says.
    List(&'static str),
    /// Values of the type that a code says.
    Map(&'static str),
    /// Fields: the line of the structure.
    Structure(&'static str),
    /// It is not known.
    Any,
}

impl FieldType {
    /// The type that a code says.
    pub(super) fn of(code: &'static str) -> Self {
        match code {
            "s" => Self::Text,
            "n" => Self::Number,
            "b" => Self::Truth,
            _ => match (code.strip_prefix('['), code.strip_prefix('{')) {
                (Some(item), _) => Self::List(item),
                (_, Some(value)) => Self::Map(value),
                (None, None) => TYPES.structures.get(code).map_or(Self::Any, |line| Self::Structure(line)),
            },
        }
    }
}

struct TypeTable {
    /// The code of each object, by its API version and kind.
    objects: HashMap<(&'static str, &'static str), &'static str>,
    /// The fields of each structure, by its code.
    structures: HashMap<&'static str, &'static str>,
}

static TYPES: LazyLock<TypeTable> = LazyLock::new(|| {
    let mut types = TypeTable { objects: HashMap::new(), structures: HashMap::new() };
    for line in TABLE.lines() {
        let Some((first, rest)) = line.split_once(' ') else { continue };
        if first.bytes().all(|byte| byte.is_ascii_digit()) {
            types.structures.insert(first, rest);
        } else if let Some((kind, code)) = rest.split_once(' ') {
            types.objects.insert((first, kind), code);
        }
    }
    types
});

/// The structure of an object, if its kind is one of Kubernetes.
pub(super) fn object_structure(api_version: &str, kind: &str) -> Option<&'static str> {
    let code = TYPES.objects.get(&(api_version, kind))?;
    TYPES.structures.get(code).copied()
}

/// The kinds that a version of the API has.
pub(super) fn kinds(api_version: &str) -> impl Iterator<Item = &'static str> {
    TYPES.objects.keys().filter(move |(version, _)| *version == api_version).map(|(_, kind)| *kind)
}

/// The versions of the API that have a kind.
pub(super) fn versions(kind: &str) -> impl Iterator<Item = &'static str> {
    TYPES.objects.keys().filter(move |(_, known)| *known == kind).map(|(version, _)| *version)
}

/// The type of a field of a structure.
pub(super) fn field_type(structure: &'static str, name: &str) -> Option<FieldType> {
    let of_field = |field: &'static str| field.split_once(':').filter(|(found, _)| *found == name);
    structure.split(' ').find_map(of_field).map(|(_, code)| FieldType::of(code))
}

/// The structure of the metadata of any object.
pub(super) fn metadata_structure() -> Option<&'static str> {
    structure_at("apps/v1", "Deployment", &["metadata"])
}

/// The structure of a pod template.
pub(super) fn pod_template() -> Option<&'static str> {
    structure_at("apps/v1", "Deployment", &["spec", "template"])
}

fn structure_at(api_version: &str, kind: &str, path: &[&str]) -> Option<&'static str> {
    path.iter().try_fold(object_structure(api_version, kind)?, |structure, name| match field_type(structure, name)? {
        FieldType::Structure(inner) => Some(inner),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_leads_from_objects_to_the_types_of_their_fields() {
        let at = |version, kind, path: &[&str], name| field_type(structure_at(version, kind, path).unwrap(), name);
        assert_eq!(at("apps/v1", "Deployment", &["spec"], "replicas"), Some(FieldType::Number));
        assert_eq!(at("apps/v1", "Deployment", &["spec"], "paused"), Some(FieldType::Truth));
        assert_eq!(at("v1", "Service", &["spec"], "selector"), Some(FieldType::Map("s")));
        assert_eq!(at("v1", "Pod", &["spec"], "nodeSelector"), Some(FieldType::Map("s")));
        assert_eq!(at("v1", "ConfigMap", &[], "data"), Some(FieldType::Map("s")));
        assert_eq!(field_type(metadata_structure().unwrap(), "labels"), Some(FieldType::Map("s")));
        let spec = field_type(pod_template().unwrap(), "spec").unwrap();
        let FieldType::Structure(spec) = spec else { panic!("{spec:?}") };
        let Some(FieldType::List(container)) = field_type(spec, "containers") else { panic!("{spec}") };
        let FieldType::Structure(container) = FieldType::of(container) else { panic!("{container}") };
        assert_eq!(field_type(container, "args"), Some(FieldType::List("s")));
        // a port is a number or a name, a quantity anything
        let Some(FieldType::Structure(probe)) = field_type(container, "livenessProbe") else { panic!("{container}") };
        let Some(FieldType::Structure(get)) = field_type(probe, "httpGet") else { panic!("{probe}") };
        assert_eq!((field_type(get, "port"), field_type(get, "path")), (None, Some(FieldType::Text)));
        assert!(
            object_structure("apps/v1", "Nothing").is_none()
                && object_structure("example.com/v1", "Deployment").is_none()
        );
    }

    #[test]
    fn every_code_of_the_table_says_something() {
        for line in TYPES.structures.values() {
            for part in line.split(' ') {
                let (name, code) = part.split_once(':').unwrap();
                let inner = code.trim_start_matches(['[', '{']);
                assert_ne!(FieldType::of(inner), FieldType::Any, "{name}:{code}");
            }
        }
        assert!(TYPES.objects.len() > 100 && TYPES.objects.values().all(|code| TYPES.structures.contains_key(code)));
    }
}
