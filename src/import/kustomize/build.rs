//! Objects as kustomize builds them: the truth that an import is compared with.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, shell_word};
use crate::layer::Tree;
use crate::manifest::list_items;
use crate::program::program_command;
use crate::span::Source;
use crate::yaml::check_old_breaks;
use crate::yaml::read::{MergeKeys, read_stream};

/// Program that builds kustomizations.
#[derive(Debug, Clone, Copy)]
pub enum KustomizeProgram {
    /// kustomize itself.
    Kustomize,
    /// kubectl, which contains kustomize.
    Kubectl,
}

/// Causes of failed builds, by a part of kustomize's message. The message itself may contain values of Secrets.
const CAUSES: [(&str, &str); 30] = [
    ("--enable-helm", "`helmCharts` runs Helm"),
    ("--enable-alpha-plugins", "a plugin would run a program"),
    ("unable to load builtin", "a plugin would run a program"),
    ("external plugins disabled", "a plugin would run a program"),
    ("unknown field", "a field is unknown to this version of kustomize"),
    ("already registered id", "an object is defined twice"),
    ("behavior must be merge or replace", "a generator defines an object that exists"),
    ("does not exist; cannot merge or replace", "a generator merges into an object that does not exist"),
    ("no matches for Id", "a patch selects no object"),
    ("failed to find unique target for patch", "a patch selects no object, or several"),
    ("no such file or directory", "a file does not exist"),
    ("security; file", "a file is outside of the directory of its kustomization"),
    ("kustomization.yaml is empty", "a kustomization is empty"),
    ("couldn't find target for variable", "a variable refers to an object that does not exist"),
    ("field specified in var", "a variable refers to a field that does not exist"),
    ("wildcard is not supported", "`varReference` contains a wildcard"),
    ("expected kind != 'Component'", "`resources` names a component, which belongs to `components`"),
    ("missing Resource metadata", "a file contains something that is not an object"),
    ("missing metadata.name in object", "an object has no `metadata.name`"),
    ("nothing selected by", "a replacement reads an object that does not exist"),
    ("is missing for replacement source", "a replacement reads a field that does not exist"),
    ("in replacement target", "a replacement writes to a field that does not exist"),
    ("multiple matches for selector", "a replacement reads several objects"),
    ("does not match a config with the following GVK", "`replicas` names an object that does not exist"),
    ("illegally repeats the key", "a generator defines a key twice"),
    ("expected key=value", "a literal of a generator is not `KEY=VALUE`"),
    ("unable to parse SM or JSON patch", "a patch is neither an object nor a list of operations"),
    ("error parsing regexp", "the target of a patch is not a valid regular expression"),
    (": test failed", "the `test` of a patch fails"),
    (": missing value", "an operation of a patch is at a path that does not exist"),
];

impl KustomizeProgram {
    /// The program on the path of the user.
    pub fn find() -> Result<Self, Diagnostic> {
        for program in [Self::Kustomize, Self::Kubectl] {
            if program.command().is_ok() {
                return Ok(program);
            }
        }
        Err(Diagnostic::error(Rule::Usage, "neither `kustomize` nor `kubectl` is installed")
            .with_failure(FailureKind::Io)
            .note("what is written is compared with what kustomize builds")
            .hint("install kustomize 5 (https://kubectl.docs.kubernetes.io/installation/kustomize), or kubectl"))
    }

    fn command(self) -> io::Result<Command> {
        let mut command = match self {
            Self::Kustomize => program_command(OsStr::new("kustomize"))?,
            Self::Kubectl => program_command(OsStr::new("kubectl"))?,
        };
        command.arg(match self {
            Self::Kustomize => "build",
            Self::Kubectl => "kustomize",
        });
        Ok(command)
    }

    /// Builds a root, whose files are inside of the repository; `shown` is its name in messages.
    pub fn build(self, directory: &Path, shown: &str) -> Result<Vec<Tree>, Diagnostics> {
        let mut output = self.run(directory, false)?;
        // files of other directories, which the reader has found inside of the repository
        if !output.status.success() && String::from_utf8_lossy(&output.stderr).contains("security; file") {
            output = self.run(directory, true)?;
        }
        if !output.status.success() {
            return Err(build_failed(&String::from_utf8_lossy(&output.stderr), shown).into());
        }
        let text = String::from_utf8(output.stdout)
            .map_err(|_| Diagnostic::error(Rule::NotUtf8, format!("the objects built of `{shown}` are not UTF-8")))?;
        let source = Source::new(format!("kustomize build {shown}"), text);
        check_old_breaks(&source)?;
        let stream = read_stream(&source, MergeKeys::Apply)?;
        let documents = stream.documents.into_iter().map(|document| Tree::from_node(document, &source));
        let mut found = Vec::new();
        documents.for_each(|document| add_objects(document, &mut found));
        Ok(found)
    }

    fn run(self, directory: &Path, unrestricted: bool) -> Result<Output, Diagnostic> {
        let run = || {
            let mut command = self.command()?;
            command.arg(directory).stdin(Stdio::null());
            if unrestricted {
                command.arg("--load-restrictor=LoadRestrictionsNone");
            }
            command.output()
        };
        run().map_err(|error| {
            Diagnostic::error(Rule::Unreadable, format!("kustomize could not be run: {}", error.kind()))
        })
    }
}

/// Adds the object of a document, or those of a list.
fn add_objects(document: Tree, found: &mut Vec<Tree>) {
    match list_items(&document) {
        Some(items) => items.iter().for_each(|item| add_objects(item.clone(), found)),
        None => found.push(document),
    }
}

fn build_failed(message: &str, shown: &str) -> Diagnostic {
    let cause = CAUSES.iter().find(|(part, _)| message.contains(part));
    let text = match cause {
        Some((_, cause)) => format!("kustomize does not build `{shown}`: {cause}"),
        None => format!("kustomize does not build `{shown}`"),
    };
    Diagnostic::error(Rule::Kustomization, text)
        .note("its message is not shown because it may contain values of Secrets")
        .hint(format!("run `kustomize build {}` to see it", shell_word(shown)))
}
