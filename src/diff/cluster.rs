//! Objects of a cluster, read by kubectl.
//!
//! Only the objects that an environment renders are read, by name: a list of all Secrets may be forbidden, and is
//! nobody's business. Pods are listed, to find those that still use an object with former values.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::process::Output;

use super::foreign::{ObjectAddress, is_former_name, read_objects};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::import::SourceObject;
use crate::manifest::references::{ReferenceRules, find_references};
use crate::program::program_command;
use crate::sort::{CollectSorted, sort};
use crate::span::Source;

/// A cluster, as kubectl is configured for it.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Context of the configuration; the current one if there is none.
    pub context: Option<String>,
}

/// Objects of a cluster.
#[derive(Debug, Default)]
pub struct ClusterObjects {
    /// The objects that exist.
    pub objects: Vec<SourceObject>,
    /// Pods that use an object with former values, in words.
    pub former_users: Vec<String>,
    /// Kinds and pods that could not be read.
    pub warnings: Diagnostics,
}

/// Pods that are running or about to.
const LIVE_PODS: &str = "--field-selector=status.phase!=Succeeded,status.phase!=Failed";

impl Cluster {
    /// Reads the objects of these identities, and former ones that workloads still refer to.
    pub fn read(&self, addresses: &[ObjectAddress], rules: &ReferenceRules) -> Result<ClusterObjects, Diagnostics> {
        let mut found = ClusterObjects::default();
        let mut by_kind: BTreeMap<(String, Option<&str>), BTreeSet<&str>> = BTreeMap::new();
        for address in addresses {
            if let Some(name) = &address.name {
                by_kind.entry((resource(address)?, address.namespace.as_deref())).or_default().insert(name);
            }
        }
        for ((resource, namespace), names) in &by_kind {
            self.get(resource, *namespace, names, &mut found)?;
        }
        self.read_former(addresses, rules, &mut found)?;
        self.find_users(addresses, rules, &mut found);
        Ok(found)
    }

    /// Former objects that the workloads of the cluster name, where the current one does not exist.
    fn read_former(
        &self,
        addresses: &[ObjectAddress],
        rules: &ReferenceRules,
        found: &mut ClusterObjects,
    ) -> Result<(), Diagnostics> {
        let exists = |address: &ObjectAddress| {
            found.objects.iter().any(|object| {
                object.kind == address.kind
                    && Some(&object.name) == address.name.as_ref()
                    && (address.namespace.is_none() || address.namespace == object.namespace)
            })
        };
        let missing: Vec<_> = addresses.iter().filter(|it| it.is_hashed && !exists(it)).cloned().collect();
        let mut former: BTreeMap<(String, Option<String>), BTreeSet<String>> = BTreeMap::new();
        for object in &found.objects {
            for reference in find_references(&object.tree, rules) {
                let name = &reference.name.value;
                let is_it = |address: &&ObjectAddress| {
                    address.kind == reference.target.as_str()
                        && is_former_name(address, name)
                        && (address.namespace.is_none() || address.namespace == object.namespace)
                };
                if let Some(address) = missing.iter().find(is_it) {
                    let namespace = object.namespace.clone();
                    former.entry((resource(address)?, namespace)).or_default().insert(name.clone());
                }
            }
        }
        for ((resource, namespace), names) in &former {
            let names = names.iter().map(String::as_str).collect_set();
            self.get(resource, namespace.as_deref(), &names, found)?;
        }
        Ok(())
    }

    /// Pods that use a former object.
    fn find_users(&self, addresses: &[ObjectAddress], rules: &ReferenceRules, found: &mut ClusterObjects) {
        let hashed: Vec<_> = addresses.iter().filter(|address| address.is_hashed).collect();
        let namespaces = hashed.iter().map(|address| address.namespace.as_deref()).collect_set();
        for namespace in namespaces {
            let pods = self.kubectl(&["get", "pods", LIVE_PODS, "-o", "json"], namespace);
            let pods =
                pods.and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).map_err(|_| unreadable()));
            let pods = match pods {
                Ok(pods) => pods,
                Err(problem) => {
                    let problem = Diagnostic { severity: crate::diagnostic::Severity::Warning, ..problem };
                    found.warnings.push(problem.note("pods that use former objects are not reported"));
                    continue;
                }
            };
            for pod in pods.get("items").and_then(serde_json::Value::as_array).into_iter().flatten() {
                found.former_users.extend(former_uses(pod, &hashed, rules));
            }
        }
        sort(&mut found.former_users);
        found.former_users.dedup();
    }

    fn get(
        &self,
        resource: &str,
        namespace: Option<&str>,
        names: &BTreeSet<&str>,
        found: &mut ClusterObjects,
    ) -> Result<(), Diagnostics> {
        let mut arguments = vec!["get", "--ignore-not-found", "-o", "json", resource];
        arguments.push("--");
        arguments.extend(names);
        let text = match self.kubectl(&arguments, namespace) {
            Ok(text) => text,
            Err(problem) if problem.notes.iter().any(|note| note.contains("doesn't have a resource type")) => {
                let problem = Diagnostic { severity: crate::diagnostic::Severity::Warning, ..problem };
                found
                    .warnings
                    .push(problem.note(format!("objects of `{resource}` are compared as if they did not exist")));
                return Ok(());
            }
            Err(problem) => return Err(problem.into()),
        };
        let text = String::from_utf8(text).map_err(|_| Diagnostics::from(unreadable()))?;
        if !text.trim().is_empty() {
            let objects = read_objects(&[Source::new("the cluster", text.as_str())]);
            // what is wrong with it is not for the user to correct
            found.objects.extend(objects.map_err(|_| unreadable().note(format!("the answer for `{resource}`")))?);
        }
        Ok(())
    }

    /// A message of kubectl without the name of the context, which could be anything that was typed.
    fn without_context(&self, line: &str) -> String {
        let context = self.context.as_deref().filter(|context| !context.is_empty());
        context.map_or_else(|| line.to_owned(), |context| line.replace(context, "NAME"))
    }

    /// Output of kubectl.
    fn kubectl(&self, arguments: &[&str], namespace: Option<&str>) -> Result<Vec<u8>, Diagnostic> {
        let mut kubectl = program_command(OsStr::new("kubectl")).map_err(|error| {
            Diagnostic::error(Rule::Cluster, format!("`kubectl` could not be run: {error}"))
                .hint("install kubectl, which reads the cluster")
        })?;
        if let Some(context) = &self.context {
            kubectl.arg(format!("--context={context}"));
        }
        if let Some(namespace) = namespace {
            kubectl.arg(format!("--namespace={namespace}"));
        }
        let output = kubectl.args(arguments).stdin(std::process::Stdio::null()).output();
        match output {
            Ok(output) if output.status.success() => Ok(output.stdout),
            Ok(output) => Err(Diagnostic::error(Rule::Cluster, "the cluster could not be read")
                .note(format!("kubectl reported: {}", self.without_context(&error_line(&output))))
                .hint("`kubectl config current-context` shows the cluster; `--context` chooses another")),
            Err(error) => Err(Diagnostic::error(Rule::Cluster, format!("`kubectl` could not be run: {error}"))),
        }
    }
}

/// Uses of former objects by a pod.
fn former_uses(pod: &serde_json::Value, hashed: &[&ObjectAddress], rules: &ReferenceRules) -> Vec<String> {
    let text = pod.to_string();
    let Ok(objects) = read_pod(&text) else { return Vec::new() };
    let mut found = Vec::new();
    for object in objects {
        for reference in find_references(&object.tree, rules) {
            let name = &reference.name.value;
            let is_it = |address: &&&ObjectAddress| {
                address.kind == reference.target.as_str()
                    && is_former_name(address, name)
                    && (address.namespace.is_none() || address.namespace == object.namespace)
            };
            if let Some(address) = hashed.iter().find(is_it) {
                found.push(format!("pod {} uses the {} `{name}` with former values", object.name, address.kind));
            }
        }
    }
    found
}

/// A pod as an object; one that a controller made, too.
fn read_pod(text: &str) -> Result<Vec<SourceObject>, Diagnostics> {
    let mut pod: serde_json::Value = serde_json::from_str(text).map_err(|_| Diagnostics::from(unreadable()))?;
    if let Some(metadata) = pod.get_mut("metadata").and_then(serde_json::Value::as_object_mut) {
        metadata.remove("ownerReferences");
    }
    if let Some(pod) = pod.as_object_mut() {
        // items of a list have neither
        pod.entry("apiVersion").or_insert_with(|| "v1".into());
        pod.entry("kind").or_insert_with(|| "Pod".into());
    }
    read_objects(&[Source::new("the cluster", pod.to_string().as_str())])
}

/// The name of a kind for kubectl. Errors: a kind that could be an option.
fn resource(address: &ObjectAddress) -> Result<String, Diagnostics> {
    let is_name = |text: &str, also: &[u8]| {
        !text.starts_with(['-', '.']) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
    };
    if address.kind.is_empty() || !is_name(&address.kind, b"") || !is_name(&address.group, b".-") {
        let message = format!("`{}` is not a valid kind, so the cluster was not read", address.kind);
        return Err(Diagnostic::error(Rule::InvalidManifest, message).into());
    }
    let kind = &address.kind;
    Ok(if address.group.is_empty() { kind.clone() } else { format!("{kind}.{}", address.group) })
}

fn unreadable() -> Diagnostic {
    Diagnostic::error(Rule::Cluster, "the answer of kubectl could not be parsed")
}

/// The line in which kubectl says why it failed. Others may be around it: logs of its requests, such as those to an API
/// that does not answer, and warnings of the server.
fn error_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_error = |line: &&str| line.starts_with("error:") || line.starts_with("Error from server");
    let is_reason = |line: &&str| !is_log(line) && !line.starts_with("Warning:");
    let found = lines().find(is_error).or_else(|| lines().rfind(is_reason)).or_else(|| lines().next_back());
    found.unwrap_or("no error message").to_owned()
}

/// Whether a line is that of a log: `E1130 11:00:00.000000 …`.
fn is_log(line: &str) -> bool {
    let digits = line.strip_prefix(['I', 'W', 'E', 'F']).and_then(|rest| rest.get(..5));
    digits.is_some_and(|digits| digits.ends_with(' ') && digits.bytes().take(4).all(|byte| byte.is_ascii_digit()))
}
