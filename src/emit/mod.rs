//! Objects as text: ordered, with sorted keys, and the same bytes for the same input.

use std::str::FromStr;

use zeroize::Zeroizing;

use crate::diagnostic::Diagnostic;
use crate::format::{json, kyaml};
use crate::object::{Rendered, Reveal};
use crate::value::Value;
use crate::yaml;

/// How objects are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ManifestFormat {
    /// Documents of YAML.
    #[default]
    Yaml,
    /// One `List` of JSON.
    Json,
    /// Documents of KYAML, the subset of YAML that no reader gets wrong (KEP-5295).
    Kyaml,
}

impl FromStr for ManifestFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "yaml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            "kyaml" => Ok(Self::Kyaml),
            _ => Err("expected `yaml`, `json` or `kyaml`".to_owned()),
        }
    }
}

/// The objects as one text. Holds the values of Secrets if they are revealed, so it is wiped.
pub fn write(objects: &[Rendered], format: ManifestFormat, reveal: Reveal) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::new());
    match format {
        ManifestFormat::Yaml => {
            for (index, object) in objects.iter().enumerate() {
                if index > 0 {
                    out.push_str("---\n");
                }
                yaml::write::append(&mut out, &object.to_value(reveal));
            }
        }
        ManifestFormat::Kyaml => {
            for object in objects {
                out.push_str(&Zeroizing::new(kyaml::document(&object.to_value(reveal))));
            }
        }
        ManifestFormat::Json => {
            let items = objects.iter().map(|object| object.to_value(reveal)).collect();
            let list = Value::map([
                ("apiVersion", Value::text("v1")),
                ("kind", Value::text("List")),
                ("items", Value::List(items)),
            ]);
            out.push_str(&Zeroizing::new(json::pretty(&list)));
        }
    }
    out
}

/// Two objects of the same kind, name and namespace in one environment: only one of them would
/// stay in the cluster.
pub fn clashes(objects: &[(String, Rendered)]) -> Vec<Diagnostic> {
    let mut seen = std::collections::HashMap::new();
    let mut problems = Vec::new();
    for (app, object) in objects {
        let (kind, namespace, name) = object.identity();
        let environment = object.environment();
        let id = (environment, object.group(), kind, namespace, name);
        if let Some((other, other_object)) = seen.insert(id, (app, object)) {
            let wher = if namespace.is_empty() { String::new() } else { format!(" in the namespace `{namespace}`") };
            let by_hand = |object: &Rendered| matches!(object, Rendered::Manifest(..));
            let who = match other == app {
                true if by_hand(object) || by_hand(other_object) => format!("the manifests and bundles of `{app}`"),
                true => format!("two apps called `{app}`"),
                false => format!("the apps `{other}` and `{app}` both"),
            };
            problems.push(
                Diagnostic::error("invalid-name", format!("{who} make a {kind} `{name}`{wher} in `{environment}`"))
                    .note("only the one that is applied last would stay")
                    .hint("rename the bundle or the app, or give them different namespaces"),
            );
        }
    }
    problems
}
