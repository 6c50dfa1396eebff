//! The template engine, set up so that the same input gives the same output on every machine.

use std::path::{Component, Path};
use std::sync::Arc;

use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::failure::invalid;
use super::manifest::Documents;
use super::prepare::{TemplateFault, prepare};
use super::{filters, template};
use crate::files::Files;

/// Steps that one template may take. A template of a thousand loop turns takes some ten thousand;
/// one that never ends is stopped within a fraction of a second.
const FUEL: u64 = 1_000_000;

/// Renders templates; one for a whole run.
#[derive(Debug)]
pub struct Engine {
    pub(super) environment: Environment<'static>,
    pub(super) files: Arc<Files>,
    pub(super) documents: Arc<Documents>,
}

impl Engine {
    /// An engine whose templates may include the files of a project.
    pub fn new(files: Arc<Files>) -> Arc<Self> {
        Self::beside(files, Arc::default())
    }

    /// The same, for one of several environments that have documents in common.
    pub fn beside(files: Arc<Files>, documents: Arc<Documents>) -> Arc<Self> {
        let mut environment = Environment::new();
        // by name alone, a template called `x.json` would have its texts quoted
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(template::syntax());
        environment.set_fuel(Some(FUEL));
        // its messages would show the values of the variables in reach
        environment.set_debug(false);
        environment.remove_global("debug");
        environment.set_formatter(|out, _, value| {
            let text = printed(value)?;
            out.write_str(&text).map_err(Error::from)
        });
        environment.set_path_join_callback(|name, parent| join(name, parent).into());
        let included = Arc::clone(&files);
        environment.set_loader(move |name| load(&included, name));
        filters::install(&mut environment);
        Arc::new(Self { environment, files, documents })
    }
}

/// What `{{ value }}` prints. minijinja would print `True` and `None`, as Python does.
fn printed(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::None => Err(invalid("null has no text; use `default(value, true)` to give one")),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
            Err(invalid("a list or a mapping has no text of its own; use `tojson`, `toyaml` or `join`"))
        }
        ValueKind::Bytes => Err(invalid("a binary value has no text; use `b64encode`")),
        _ => Ok(value.to_string()),
    }
}

/// The name of an included template: relative to the template that names it, within the project.
fn join(name: &str, parent: &str) -> String {
    let folder = Path::new(parent).parent().unwrap_or(Path::new(""));
    let mut parts = Vec::new();
    for part in folder.join(name).components() {
        match part {
            Component::ParentDir if parts.last().is_some_and(|last| last != "..") => {
                parts.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            other => parts.push(other.as_os_str().to_string_lossy().into_owned()),
        }
    }
    parts.join("/")
}

fn load(files: &Files, name: &str) -> Result<Option<String>, Error> {
    match files.text(&files.root().join(name)) {
        Ok(source) => {
            let in_file = |fault| TemplateFault { file: Some(name.to_owned()), ..fault }.into_error();
            Ok(Some(prepare(source.text()).map_err(in_file)?.text.into_owned()))
        }
        Err(problem) if problem.rule == "missing-file" => Ok(None),
        Err(problem) => Err(Error::new(ErrorKind::TemplateNotFound, problem.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn includes_are_relative_to_the_file_that_names_them() {
        for (name, parent, expected) in [
            ("x.j2", "environments/base.yaml", "environments/x.j2"),
            ("../x.j2", "environments/files/a.j2", "environments/x.j2"),
            ("../../x", "base.yaml", "../../x"),
            ("/etc/passwd", "environments/base.yaml", "etc/passwd"),
        ] {
            assert_eq!(join(name, parent), expected, "{name} from {parent}");
        }
    }
}
