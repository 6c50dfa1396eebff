//! Names of targets and their files.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::digest::digest_bytes;
use crate::deliver::ObjectName;
use crate::diagnostic::{Diagnostic, Rule};
use crate::name::{AppName, EnvironmentName};
use crate::sort::CollectSorted;

/// The file that makes the directory of a target one that kustomize builds.
pub(super) const KUSTOMIZATION: &str = "kustomization.yaml";

/// Longest file name that file systems accept, in bytes.
const LONGEST: usize = 255;

/// Length to which a longer name is cut: a digest, a number and the extension follow.
const CUT: usize = 200;

/// An app in an environment: `prod/checkout`, which is also its directory in the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetName {
    // one text, so that names sort as the keys of the inventory do
    text: Arc<str>,
    slash: usize,
}

impl TargetName {
    /// The target of an app in an environment. A name that is not a plain name of a directory is rejected: the tree
    /// could end up elsewhere.
    pub fn new(environment: &EnvironmentName, app: &AppName) -> Result<Self, Diagnostic> {
        Self::of(environment.as_str(), app.as_str()).ok_or_else(|| {
            Diagnostic::error(Rule::InvalidName, format!("`{environment}/{app}` is not a valid output directory"))
                .note("the environment and the app are used as directory names")
                .hint("use letters, digits, `-`, `_` and `.`, but no leading `.`")
        })
    }

    /// The target of directories in a tree; none of names that are not plain.
    pub(super) fn of(environment: &str, app: &str) -> Option<Self> {
        let sound = is_plain(environment) && is_plain(app);
        sound.then(|| Self { text: format!("{environment}/{app}").into(), slash: environment.len() })
    }

    /// The name of the environment.
    pub fn environment(&self) -> &str {
        self.text.get(..self.slash).unwrap_or_default()
    }

    /// The name of the app.
    pub fn app(&self) -> &str {
        self.text.get(self.slash + 1..).unwrap_or_default()
    }

    /// `prod/checkout`
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<TargetName> for String {
    fn from(name: TargetName) -> Self {
        name.text.as_ref().into()
    }
}

impl TryFrom<String> for TargetName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts = text.split_once('/').and_then(|(environment, app)| Self::of(environment, app));
        parts.ok_or_else(|| format!("`{text}` is not a valid target"))
    }
}

/// A file in the directory of a target: one plain name, so that no path leads out of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(Box<str>);

impl FileName {
    /// The name, if it is a plain one. Those of objects come from `file_names`.
    pub fn of(text: &str) -> Option<Self> {
        is_plain(text).then(|| Self(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for FileName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0.into()
    }
}

impl TryFrom<String> for FileName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::of(&text).ok_or_else(|| format!("`{text}` is not a valid file name"))
    }
}

/// Whether a text names an entry of a directory and nothing else, on every system.
fn is_plain(text: &str) -> bool {
    let forbidden = |char: char| char.is_control() || matches!(char, '/' | '\\' | ':');
    !text.is_empty() && text.len() <= LONGEST && !text.starts_with('.') && !text.contains(forbidden)
}

/// Identity of an object among all others of its target, without the name suffix that depends on values: its file
/// stays the same when they change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct ObjectId<'a> {
    kind: &'a str,
    name: &'a str,
    namespace: &'a str,
    group: &'a str,
}

impl<'a> From<&'a ObjectName> for ObjectId<'a> {
    fn from(id: &'a ObjectName) -> Self {
        Self { kind: &id.kind, name: &id.base_name, namespace: &id.namespace, group: &id.group }
    }
}

impl ObjectId<'_> {
    /// The name of its file without the extension, from the shortest form to the longest.
    fn stem(&self, form: usize) -> String {
        let parts = match form {
            0 => vec![self.kind, self.name],
            1 => vec![self.kind, self.name, self.namespace],
            _ => vec![self.kind, self.name, self.namespace, self.group],
        };
        let mut stem = String::new();
        for (index, part) in parts.into_iter().filter(|part| !part.is_empty()).enumerate() {
            if index > 0 {
                stem.push('-');
            }
            let allowed = |char: char| if char.is_ascii_alphanumeric() || "._-".contains(char) { char } else { '_' };
            stem.extend(part.chars().map(|char| allowed(if index == 0 { char.to_ascii_lowercase() } else { char })));
        }
        if stem.len() > CUT {
            stem.truncate(CUT);
            let whole = [self.kind, self.name, self.namespace, self.group].join("\0");
            stem.push('-');
            stem.extend(digest_bytes(whole.as_bytes()).chars().take(16));
        }
        // no name starts with a dot
        if stem.starts_with('.') { format!("_{stem}") } else { stem }
    }
}

/// The name of the file of an object that has no others beside it.
pub(super) fn file_name(object: &ObjectName) -> FileName {
    FileName(object_file(&ObjectId::from(object).stem(0)).into())
}

/// The files of the objects of a target, in their order: `KIND-NAME.yaml`. Where several would have the same name
/// (ignoring case), each of them has the namespace in it too, then the group, then a number: the same names whatever
/// the order of the objects.
pub fn file_names<'a>(objects: impl IntoIterator<Item = &'a ObjectName>) -> Vec<FileName> {
    name_files(&objects.into_iter().map(ObjectId::from).collect::<Vec<_>>())
}

fn name_files(objects: &[ObjectId<'_>]) -> Vec<FileName> {
    const FORMS: usize = 3;
    let mut taken = BTreeSet::from([KUSTOMIZATION.to_owned()]);
    let mut named: BTreeMap<ObjectId<'_>, String> = BTreeMap::new();
    let mut left: BTreeSet<ObjectId<'_>> = objects.iter().copied().collect_set();
    for form in 0..FORMS {
        let mut same: BTreeMap<String, Vec<ObjectId<'_>>> = BTreeMap::new();
        for object in &left {
            same.entry(object_file(&object.stem(form)).to_ascii_lowercase()).or_default().push(*object);
        }
        for (lower, group) in same {
            if let ([object], false) = (group.as_slice(), taken.contains(&lower)) {
                left.remove(object);
                named.insert(*object, object_file(&object.stem(form)));
                taken.insert(lower);
            }
        }
    }
    for object in left {
        let stem = object.stem(FORMS - 1);
        let mut name = object_file(&stem);
        let mut number = 2;
        while !taken.insert(name.to_ascii_lowercase()) {
            name = object_file(&format!("{stem}-{number}"));
            number += 1;
        }
        named.insert(object, name);
    }
    objects.iter().map(|object| FileName(named.get(object).cloned().unwrap_or_default().into())).collect()
}

fn object_file(stem: &str) -> String {
    format!("{stem}.yaml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id<'a>(kind: &'a str, name: &'a str, namespace: &'a str, group: &'a str) -> ObjectId<'a> {
        ObjectId { kind, name, namespace, group }
    }

    #[test]
    fn files_are_named_by_kind_and_name_and_by_more_where_they_must() {
        let long = "n".repeat(253);
        for (case, objects, expected) in [
            ("plain", vec![id("ConfigMap", "checkout", "shop", "")], vec!["configmap-checkout.yaml"]),
            ("characters", vec![id("ClusterRole", "system:é/x", "", "")], vec!["clusterrole-system___x.yaml"]),
            (
                "namespaces",
                vec![id("ConfigMap", "a", "x", ""), id("ConfigMap", "a", "y", ""), id("Secret", "a", "x", "")],
                vec!["configmap-a-x.yaml", "configmap-a-y.yaml", "secret-a.yaml"],
            ),
            (
                "groups",
                vec![id("Ingress", "a", "x", "extensions"), id("Ingress", "a", "x", "networking.k8s.io")],
                vec!["ingress-a-x-extensions.yaml", "ingress-a-x-networking.k8s.io.yaml"],
            ),
            (
                "the core and another group",
                vec![id("Service", "a", "x", ""), id("Service", "a", "x", "serving.knative.dev")],
                vec!["service-a-x.yaml", "service-a-x-serving.knative.dev.yaml"],
            ),
            (
                "a longer name that is another's own",
                vec![id("Role", "a", "b", ""), id("Role", "a", "c", ""), id("Role", "a-b", "", "")],
                vec!["role-a-b-2.yaml", "role-a-c.yaml", "role-a-b.yaml"],
            ),
            (
                "case",
                vec![id("Role", "A", "x", "g"), id("Role", "a", "x", "g"), id("role", "a", "x", "g")],
                vec!["role-A-x-g.yaml", "role-a-x-g-2.yaml", "role-a-x-g-3.yaml"],
            ),
        ] {
            let names = name_files(&objects);
            assert_eq!(names.iter().map(FileName::as_str).collect::<Vec<_>>(), expected, "{case}");
            let turned: Vec<_> = objects.iter().rev().copied().collect();
            let again: Vec<_> = name_files(&turned).into_iter().rev().collect();
            assert_eq!(again, names, "{case}");
        }
        let names = name_files(&[id("ConfigMap", &long, "", ""), id("ConfigMap", &long, "x", "")]);
        assert!(names.iter().all(|name| is_plain(name.as_str())), "{names:?}");
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn what_leads_out_of_a_directory_is_no_name() {
        for text in ["", ".", "..", ".git", ".septum", "a/b", "a\\b", "a\nb", "c:a", &"x".repeat(256)] {
            assert!(FileName::of(text).is_none(), "{text}");
            assert!(TargetName::new(&text.into(), &"app".into()).is_err(), "{text}");
            assert!(TargetName::new(&"dev".into(), &text.into()).is_err(), "{text}");
        }
        for text in ["prod", "prod/", "/a", "prod/a/b", "../a"] {
            assert!(TargetName::try_from(text.to_owned()).is_err(), "{text}");
        }
        let name = TargetName::new(&"prod".into(), &"checkout".into()).unwrap();
        assert_eq!((name.environment(), name.app(), name.as_str()), ("prod", "checkout", "prod/checkout"));
    }
}
