//! Merge rules of the lists of Kubernetes objects, from the table beside this file.

use std::sync::LazyLock;

use super::super::schema::is_known_kind;
use crate::map::HashMap;

/// Fields whose patch strategy is not the default one.
const TABLE: &str = include_str!("strategic-merge.txt");

/// Merge keys of which a list has a second one, as the API has it (`x-kubernetes-list-map-keys`).
const SECOND_KEYS: [(&str, &str); 3] =
    [("containerPort", "protocol"), ("port", "protocol"), ("topologyKey", "whenUnsatisfiable")];

/// Kinds of every cluster that `k8s.io/api` does not have.
const BESIDE_THE_API: [(&str, &str); 2] =
    [("apiextensions.k8s.io/v1", "CustomResourceDefinition"), ("apiregistration.k8s.io/v1", "APIService")];

/// Merge rules of a field and of the fields below it.
#[derive(Debug, Default)]
pub struct MergeRules {
    strategy: Option<&'static str>,
    key: Option<&'static str>,
    /// Type that holds below this field.
    below: Option<&'static str>,
    fields: HashMap<&'static str, Self>,
}

static RULES: LazyLock<HashMap<&'static str, MergeRules>> = LazyLock::new(parse_table);
static NO_RULES: LazyLock<MergeRules> = LazyLock::new(MergeRules::default);
/// Rules of kinds that the table does not list: each has metadata.
static METADATA: LazyLock<MergeRules> = LazyLock::new(|| {
    let mut rules = MergeRules::default();
    rules.fields.entry("metadata").or_default().below = Some("@ObjectMeta");
    rules
});

fn parse_table() -> HashMap<&'static str, MergeRules> {
    let mut types: HashMap<&'static str, MergeRules> = HashMap::default();
    let mut current = "";
    for line in TABLE.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let Some(field) = line.strip_prefix("  ") else {
            current = line;
            let rules = types.entry(current).or_default();
            if !current.starts_with('@') {
                rules.fields.entry("metadata").or_default().below = Some("@ObjectMeta");
            }
            continue;
        };
        let mut words = field.split(' ');
        let path = words.next().unwrap_or_default();
        let start = types.entry(current).or_default();
        let rules = path.split('/').skip(1).fold(start, |rules, name| rules.fields.entry(name).or_default());
        match words.next() {
            Some(name) if name.starts_with('@') => rules.below = Some(name),
            strategy => (rules.strategy, rules.key) = (strategy, words.next()),
        }
    }
    types
}

/// Merge rules of a value, as far as its kind is known.
#[derive(Debug, Clone, Copy)]
pub enum MergeSchema {
    /// The kind is unknown: a custom resource, whose lists are replaced.
    Unknown,
    /// Rules of the table.
    Known(&'static MergeRules),
}

impl MergeSchema {
    /// Rules of the objects of a kind.
    pub fn of_kind(api_version: &str, kind: &str) -> Self {
        match RULES.get(format!("{api_version} {kind}").as_str()) {
            Some(rules) => Self::Known(rules),
            None if is_known_kind(api_version, kind) || BESIDE_THE_API.contains(&(api_version, kind)) => {
                Self::Known(&METADATA)
            }
            None => Self::Unknown,
        }
    }

    /// Rules of the value under a key.
    #[must_use]
    pub fn field(self, key: &str) -> Self {
        let Self::Known(rules) = self else { return Self::Unknown };
        let inherited = rules.below.and_then(|name| RULES.get(name));
        let find =
            |key: &str| rules.fields.get(key).or_else(|| inherited.and_then(|inherited| inherited.fields.get(key)));
        Self::Known(find(key).or_else(|| find("*")).unwrap_or(&NO_RULES))
    }

    /// Rules of the items of a list.
    #[must_use]
    pub fn item(self) -> Self {
        self.field("-")
    }

    /// Keys by which the items of a list are merged, the first one required; none for a list of scalars, which is
    /// united. `None` if the list is replaced.
    pub fn merge_keys(self) -> Option<Vec<&'static str>> {
        let Self::Known(rules) = self else { return None };
        rules.strategy?.split(',').find(|strategy| *strategy == "merge")?;
        let second = rules.key.and_then(|key| SECOND_KEYS.iter().find(|(first, _)| *first == key));
        Some(rules.key.into_iter().chain(second.map(|(_, second)| *second)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the strategies and references at and below a field.
    fn count(rules: &MergeRules, strategies: &mut usize, references: &mut usize) {
        if let Some(strategy) = rules.strategy {
            assert!(["merge", "merge,retainKeys", "retainKeys", "replace"].contains(&strategy), "{strategy}");
            *strategies += 1;
        }
        if let Some(name) = rules.below {
            assert!(RULES.contains_key(name), "{name}");
            *references += 1;
        }
        rules.fields.values().for_each(|rules| count(rules, strategies, references));
    }

    #[test]
    fn every_line_of_the_table_holds_below_a_kind() {
        let lines = TABLE.lines().filter(|line| line.starts_with("  ")).count();
        let (mut strategies, mut references) = (0, 0);
        RULES.values().for_each(|rules| count(rules, &mut strategies, &mut references));
        let kinds = RULES.keys().filter(|name| !name.starts_with('@')).count();
        assert_eq!(strategies + references, lines + kinds);
        assert!(kinds > 50 && lines > 120, "{kinds} {lines}");
    }

    #[test]
    fn rules_are_found_through_types_that_others_hold() {
        let keys = |api_version: &str, kind: &str, path: &str| {
            let root = MergeSchema::of_kind(api_version, kind);
            path.split('/').fold(root, MergeSchema::field).merge_keys()
        };
        let pod = "spec/jobTemplate/spec/template/spec";
        for (api_version, kind, path, expected) in [
            ("batch/v1", "CronJob", format!("{pod}/containers/-/env"), Some(vec!["name"])),
            ("batch/v1", "CronJob", format!("{pod}/containers/-/ports"), Some(vec!["containerPort", "protocol"])),
            ("batch/v1", "CronJob", format!("{pod}/tolerations"), None),
            ("v1", "Service", "spec/ports".to_owned(), Some(vec!["port", "protocol"])),
            ("v1", "ConfigMap", "metadata/finalizers".to_owned(), Some(vec![])),
            ("example.com/v1", "Thing", "metadata/finalizers".to_owned(), None),
        ] {
            assert_eq!(keys(api_version, kind, &path), expected, "{kind} {path}");
        }
    }
}
