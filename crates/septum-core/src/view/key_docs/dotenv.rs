//! Keys as an example of a dotenv file, in which secrets are empty.

use std::fmt::Write as _;

use super::{AppDocs, DefaultValue, KeyDoc};
use crate::diagnostic::escape_line;
use crate::format::{ConfigFormat, write_config};
use crate::map::HashSet;
use crate::name::is_variable_name;
use crate::route::Sensitivity;
use crate::value::OutputValue;

/// First line of a written file.
pub(super) const MARK: &str = "# Written by `septum docs --format env-example`: change the layers, not this file.";

/// Writes the keys that can be variables of a process. Secrets are always empty, and so is what each environment
/// computes.
pub fn write_env_example(apps: &[AppDocs]) -> String {
    let mut out = format!("{MARK}\n");
    let mut known = HashSet::default();
    for app in apps {
        for (bundle, keys) in app.groups.iter().filter(|(bundle, _)| !bundle.is_empty()) {
            let keys: Vec<_> = keys.iter().filter(|key| is_variable_name(&key.key) && key.kind != "file").collect();
            if keys.is_empty() {
                continue;
            }
            let name = if *bundle == app.app { app.app.clone() } else { format!("{}/{bundle}", app.app) };
            let _ = write!(out, "\n# {}\n", comment(&name));
            for key in keys {
                if known.insert(key.key.as_str()) {
                    push_key(&mut out, key);
                } else {
                    // a reader would take the last one
                    let _ = write!(out, "\n# {} is above\n", key.key);
                }
            }
        }
    }
    out
}

fn push_key(out: &mut String, key: &KeyDoc) {
    out.push('\n');
    if let Some(description) = &key.description {
        let _ = writeln!(out, "# {}", comment(description));
    }
    for (name, note) in &key.notes {
        let _ = writeln!(out, "# {name}: {}", comment(note));
    }
    let is_secret = key.sensitivity == Sensitivity::Sensitive;
    let mut facts: Vec<String> = Vec::new();
    facts.extend(is_secret.then(|| "secret".to_owned()));
    facts.extend(key.is_undecided.then(|| "secret if it is a credential".to_owned()));
    facts.extend(key.required.then(|| "required".to_owned()));
    facts.extend((key.kind != "string").then(|| key.kind.clone()));
    facts.extend(key.rules.iter().cloned());
    let text = match &key.default {
        _ if is_secret => None,
        DefaultValue::Text(text) => Some(text),
        DefaultValue::Template(_) => {
            facts.push("computed from other keys".to_owned());
            None
        }
        DefaultValue::Nothing | DefaultValue::Other(_) | DefaultValue::Hidden => None,
    };
    let line = text.and_then(|text| assignment(&key.key, text));
    if line.is_none() && text.is_some() {
        facts.push("its default cannot be written in a dotenv file".to_owned());
    }
    if !facts.is_empty() {
        let _ = writeln!(out, "# {}", comment(&facts.join("; ")));
    }
    out.push_str(&line.unwrap_or_else(|| format!("{}=\n", key.key)));
}

/// The line of a value that every dialect reads as this text; none if there is none.
fn assignment(key: &str, text: &str) -> Option<String> {
    // dialects disagree about what they expand or unescape between double quotes
    if text.contains(['\'', '\n', '\r', '`', '$']) || text.contains('\\') {
        return None;
    }
    write_config(ConfigFormat::Env, &OutputValue::map([(key, OutputValue::text(text))])).ok()
}

fn comment(text: &str) -> String {
    escape_line(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}
