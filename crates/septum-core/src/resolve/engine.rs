//! The template engine, configured so that the same input gives the same output on every machine.

use crate::diagnostic::{Diagnostics, Rule};
use crate::map::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::fault::{OwnError, TemplateFault, invalid_value};
use super::prepare::prepare;
use super::sizes::{FUNCTION_HAS_NO_TEXT, NO_TEXT, NULL_HAS_NO_TEXT};
use super::steps::{MeteredEnvironments, StepError};
use super::{filters, frame, literal};
use crate::files::{FileKind, ProjectFiles};
use crate::layer::{ManifestSeal, Tree};
use crate::sops::Identities;
use crate::template_tokens;
use crate::visibility::KeyAccess;

/// Renders templates; shared by a whole run.
#[derive(Debug)]
pub struct Engine {
    /// Prepared for the first template: many targets have none.
    environments: OnceLock<Environments>,
    pub(super) files: Arc<ProjectFiles>,
    pub(super) documents: Arc<DocumentCache>,
    /// Access to encrypted manifests.
    pub(super) keys: ManifestKeys,
}

/// The filters, functions and rules of templates.
#[derive(Debug)]
struct Environments {
    environment: Environment<'static>,
    /// The same environment, for each step limit.
    metered: MeteredEnvironments,
}

impl Environments {
    fn new(environment: Environment<'static>) -> Self {
        Self { metered: MeteredEnvironments::new(&environment), environment }
    }
}

/// Access to manifests, and to the values of encrypted ones.
#[derive(Debug, Clone)]
pub struct ManifestKeys {
    /// Identities that decrypt them; none if they stay encrypted.
    pub identities: Option<Arc<Identities>>,
    /// Access to their values.
    pub access: KeyAccess,
    /// Whether manifests that are not valid YAML in part are used as far as they are, for a report of all that is wrong.
    pub reads_partial: bool,
}

impl Default for ManifestKeys {
    fn default() -> Self {
        Self { identities: None, access: KeyAccess::PublicView, reads_partial: false }
    }
}

/// Documents of a file, before their templates are rendered.
#[derive(Debug)]
pub(super) struct ParsedManifests {
    pub(super) trees: Vec<Tree>,
    /// Encryption of the file; several if its documents were encrypted separately.
    pub(super) seals: Vec<Arc<ManifestSeal>>,
    /// Reasons why parts of the file are not valid YAML.
    pub(super) problems: Diagnostics,
}

/// Cache of manifest files parsed as YAML: before their templates are rendered, they are the same in all environments
/// of an app.
#[derive(Debug, Default)]
pub struct DocumentCache(Mutex<HashMap<(PathBuf, KeyAccess), Arc<ParsedManifests>>>);

impl DocumentCache {
    pub(super) fn of<E>(
        &self,
        path: &Path,
        access: KeyAccess,
        read: impl FnOnce() -> Result<ParsedManifests, E>,
    ) -> Result<Arc<ParsedManifests>, E> {
        let key = (path.to_path_buf(), access);
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(read()?);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&read));
        Ok(read)
    }
}

impl Engine {
    /// Creates an engine whose templates may include the files of a project.
    pub fn new(files: Arc<ProjectFiles>) -> Arc<Self> {
        Self::with_documents(files, Arc::default(), ManifestKeys::default())
    }

    /// Creates an engine for one of several environments that share documents.
    pub fn with_documents(files: Arc<ProjectFiles>, documents: Arc<DocumentCache>, keys: ManifestKeys) -> Arc<Self> {
        Arc::new(Self { environments: OnceLock::new(), files, documents, keys })
    }

    fn environments(&self) -> &Environments {
        self.environments.get_or_init(|| Environments::new(self.create_environment()))
    }

    /// The environment without a step limit.
    pub(super) fn environment(&self) -> &Environment<'static> {
        &self.environments().environment
    }

    /// Adds a function for a test.
    #[cfg(test)]
    pub(super) fn add_function(&mut self, name: &'static str, function: fn() -> String) {
        let mut environment = self.create_environment();
        environment.add_function(name, function);
        self.environments = OnceLock::from(Environments::new(environment));
    }

    fn create_environment(&self) -> Environment<'static> {
        let mut environment = Environment::new();
        // by name alone, a template called `x.json` would have its texts quoted
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(template_tokens::lexer_syntax());
        // its messages would show the values of the variables in scope
        environment.set_debug(false);
        environment.remove_global("debug");
        environment.set_formatter(|out, _, value| {
            let text = print_value(value)?;
            out.write_str(&text).map_err(Error::from)
        });
        let parents = Arc::clone(&self.files);
        environment.set_path_join_callback(move |name, parent| {
            // requested files are recorded, so a secret must not decide which ones
            if frame::follows_secret() && !is_named_in(&parents, name, parent) {
                return COMPUTED.into();
            }
            join(name, parent).into()
        });
        let included = Arc::clone(&self.files);
        environment.set_loader(move |name| load_template(&included, name));
        filters::install(&mut environment);
        environment
    }

    /// Runs a template with as many steps as it needs. The log reflects only the last attempt.
    pub(super) fn run<T>(&self, run: impl Fn(&Environment<'static>) -> Result<T, Error>) -> Result<T, StepError> {
        let start = frame::current_frame().map(|frame| (frame.log_state(), frame));
        self.environments().metered.run(|environment| {
            if let Some((state, frame)) = &start {
                frame.reset_log(state);
            }
            run(environment)
        })
    }
}

/// Text that `{{ value }}` prints. minijinja would print `True` and `None`, as Python does.
fn print_value(value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::None => Err(invalid_value(NULL_HAS_NO_TEXT)),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => Err(invalid_value(NO_TEXT)),
        ValueKind::Plain => Err(invalid_value(FUNCTION_HAS_NO_TEXT)),
        ValueKind::Bytes => Err(invalid_value("a binary value cannot be printed; use `b64encode`")),
        _ => Ok(value.to_string()),
    }
}

/// Path of an included template: relative to the including template, within the project.
pub(super) fn join(name: &str, parent: &str) -> String {
    let directory = Path::new(parent).parent().unwrap_or(Path::new(""));
    let mut parts = Vec::new();
    for part in directory.join(name).components() {
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

/// Name used instead of an included template's name that may be derived from a secret. No file has this name.
const COMPUTED: &str = "\0";

/// Whether the template `parent` includes another one by a quoted name.
fn is_named_in(files: &ProjectFiles, name: &str, parent: &str) -> bool {
    let own = frame::current_frame().and_then(|frame| frame.names(parent, name));
    own.unwrap_or_else(|| {
        let source = files.read_text(FileKind::Include, &files.root().join(parent));
        source.is_ok_and(|source| literal::included_templates(source.text()).iter().any(|included| included == name))
    })
}

fn load_template(files: &ProjectFiles, name: &str) -> Result<Option<String>, Error> {
    if name == COMPUTED {
        return Ok(None);
    }
    let path = files.root().join(name);
    match files.read_text(FileKind::Include, &path) {
        Ok(source) => {
            let in_file = |fault| TemplateFault { file: Some(name.to_owned()), ..fault }.into_error();
            Ok(Some(prepare(source.text()).map_err(in_file)?.text.into_owned()))
        }
        Err(problem) if problem.rule == Rule::MissingFile && !files.bounds().is_directory(&path) => Ok(None),
        Err(problem) => {
            let hint = problem.hints.into_iter().next();
            Err(OwnError::Unreadable { message: problem.message, hint }.into_error())
        }
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
