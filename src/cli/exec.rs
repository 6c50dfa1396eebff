//! `septum exec`

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::GlobalArgs;
use super::help::{CommandHelp, HelpTopic};
use super::key_filter::KeyFilter;
use super::output::{self, OutputStreams};
use super::selection::{SecretRecognition, SelectedValues, SelectionArgs};
use septum::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum::environ::{ArgumentLimits, SelectedEntry};
use septum::exec::{Launch, StartFailure};
use septum::sops::is_identity_variable;

/// Run a program with the values of an environment as variables
///
/// The values are those that `septum render` gives, of ConfigMaps and Secrets alike, decrypted. They are in no file and
/// in no argument. The program takes the place of septum: its process number, signals, terminal and exit code are its
/// own. No shell is involved: for `$VAR`, pipes and globs, use `-- sh -c '…'`.
///
/// Identities (`SOPS_AGE_KEY…`) are removed from the variables of the program, and `SEPTUM_ENV` is the environment.
/// With `--redact`, `--watch` or `--files`, septum stays as the parent and passes signals on.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct ExecArgs {
    #[command(flatten)]
    selection: SelectionArgs,
    /// Program and its arguments
    #[arg(value_name = "CMD", last = true, required = true)]
    command: Vec<OsString>,
    /// Inherit no variables, except those that match a pattern
    #[arg(long, value_name = "KEEP", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "a flag with optional values, as clap has it")]
    clear_env: Option<Option<String>>,
    /// Keep inherited variables of the same name
    #[arg(long)]
    no_override: bool,
    /// Replace secrets in the output by `[secret]`: in pipes and files (auto), on a terminal too (always), or never
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "auto")]
    redact: Option<RedactionChoice>,
    /// Restart the program when its values change
    #[arg(long)]
    watch: bool,
    /// Provide every entry as a file in DIR too: in memory, and removed when the program ends
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// Allow `--files` to use a disk if there is no directory in memory
    #[arg(long, requires = "files")]
    allow_disk: bool,
}

/// Redaction of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RedactionChoice {
    /// Streams that are not a terminal
    Auto,
    /// All streams
    Always,
    /// None
    Never,
}

/// Help of `septum exec`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Show the names of the variables that a program gets", "septum exec dev --clear-env -- env | cut -d= -f1"),
        (
            "Use a variable in a command line: single quotes, so that this shell does not",
            "septum exec dev -- sh -c 'echo \"$LOG_LEVEL\"'",
        ),
        ("Run with the plain values alone, without a key", "septum exec prod --no-secrets -- env"),
        ("Keep secrets out of a log", "septum exec dev --redact -- env > log.txt"),
    ],
    exit_codes: &[
        (0, "the program succeeded; any other code is its own, 128 and N if signal N ended it"),
        (2, "wrong usage or invalid input; the program was not started"),
        (3, "a key is missing; the program was not started"),
        (4, "something could not be read or written; the program was not started"),
        (126, "the program is not executable"),
        (127, "the program was not found"),
    ],
    topics: &[HelpTopic::Project, HelpTopic::Identities, HelpTopic::Forge],
};

/// A program that is ready to start.
struct PreparedProgram {
    launch: Launch,
    /// For redaction, files and restarts.
    #[cfg_attr(not(unix), expect(dead_code, reason = "a child of other systems has none of these"))]
    values: SelectedValues,
}

impl ExecArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> ExitCode {
        match self.prepare(global, output).and_then(|program| self.start(program, global, output)) {
            Ok(code) => code,
            Err(problems) => output.finish(Err(problems)),
        }
    }

    /// Computes the variables of the program.
    fn prepare(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<PreparedProgram, Diagnostics> {
        let is_redacting = self.redact.is_some_and(|mode| mode != RedactionChoice::Never);
        let recognition = if is_redacting { SecretRecognition::Needed } else { SecretRecognition::NotNeeded };
        let values = self.selection.find_values(global, recognition, output)?;
        let variables = self.selection.find_variables(&values, output)?;
        let inherited = self.inherited()?;
        let others = inherited.iter().flat_map(|(name, value)| [name.as_os_str(), value.as_os_str()]);
        ArgumentLimits::of_system().check(&variables, others.chain(self.command.iter().map(OsString::as_os_str)))?;
        let all = self.merge_variables(inherited, &variables, &values);
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(output::invalid_usage("no program specified".to_owned()).into());
        };
        let directory = Some(global.directory.clone()).filter(|directory| directory.as_os_str() != ".");
        let launch = Launch { program: program.clone(), arguments: arguments.to_vec(), variables: all, directory };
        Ok(PreparedProgram { launch, values })
    }

    /// Variables of this process that the program gets.
    fn inherited(&self) -> Result<Vec<(OsString, OsString)>, Diagnostic> {
        let kept = match &self.clear_env {
            None => None,
            Some(None) => Some(Vec::new()),
            Some(Some(names)) => Some(names.split(',').map(str::to_owned).collect()),
        };
        let filter = kept.as_deref().filter(|names| !names.is_empty()).map(KeyFilter::new).transpose()?;
        let is_kept = |name: &OsStr| {
            let name = name.to_string_lossy();
            let is_wanted = kept.is_none() || filter.as_ref().is_some_and(|filter| filter.accepts(&name));
            is_wanted && !is_identity_variable(&name)
        };
        Ok(std::env::vars_os().filter(|(name, _)| is_kept(name)).collect())
    }

    fn merge_variables(
        &self,
        inherited: Vec<(OsString, OsString)>,
        variables: &[&SelectedEntry],
        values: &SelectedValues,
    ) -> Vec<(OsString, OsString)> {
        let is_inherited = |name: &str| inherited.iter().any(|(known, _)| known == name);
        let own: Vec<_> = variables
            .iter()
            .filter(|entry| !(self.no_override && is_inherited(&entry.key)))
            .map(|entry| (OsString::from(&entry.key), OsString::from(entry.value.text().unwrap_or_default())))
            .collect();
        // the last one of a name is the one that the program gets
        let mut all = inherited;
        all.extend(own);
        all.push(("SEPTUM_ENV".into(), values.environment.as_str().into()));
        all
    }

    /// Diagnostics for a program that did not start, with its exit code. What was typed may be a secret, so the program
    /// is named by its place.
    fn report_failure(failure: &StartFailure, output: &OutputStreams) -> ExitCode {
        let (code, message, hint) = match failure {
            StartFailure::NotFound => (
                127,
                "the program CMD was not found".to_owned(),
                "give its path, or add its directory to `PATH`; relative directories of `PATH` are not searched",
            ),
            StartFailure::NotExecutable => (
                126,
                "the program CMD is not executable".to_owned(),
                "set its permissions with `chmod +x`; a script needs a first line such as `#!/bin/sh`",
            ),
            StartFailure::TooLong => (
                126,
                "the program CMD could not be started: its variables and arguments are too long together".to_owned(),
                "leave some out with `--except`, or inherit less with `--clear-env`",
            ),
            StartFailure::Other(error) => (
                126,
                format!("the program CMD could not be started: {error}"),
                "run it without septum to see whether it starts at all",
            ),
        };
        output.print_findings(Diagnostic::error(Rule::ProgramStart, message).hint(hint).into());
        ExitCode::from(code)
    }
}

/// Whether this is a job of GitHub, whose runner reads commands in the output.
pub(super) fn is_github() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

#[cfg(unix)]
mod unix {
    use std::sync::Arc;

    use super::{ExecArgs, ExitCode, PreparedProgram, RedactionChoice, is_github};
    use crate::cli::output::{self, OutputStreams};
    use crate::cli::{GlobalArgs, argument};
    use septum::diagnostic::{Diagnostic, Diagnostics};
    use septum::environ::{SecretPatterns, mask_commands};
    use septum::exec::{EntryFiles, OutputPlan, ProgramEnd, RedactionScope, SourceWatcher, Supervisor};
    use septum::files::resolve_writable;
    use septum::secret_files::edit::PlaintextStorage;
    use septum::signals;

    impl ExecArgs {
        /// Starts the program; returns its exit code if a parent has to remain.
        pub(super) fn start(
            &self,
            mut program: PreparedProgram,
            global: &GlobalArgs,
            output: &OutputStreams,
        ) -> Result<ExitCode, Diagnostics> {
            let mut plan = self.output_plan(&program);
            if !self.watch && self.files.is_none() && !plan.needs_parent() {
                let failure = program.launch.replace_process();
                return Ok(Self::report_failure(&failure, output));
            }
            signals::keep_ignored_hangup();
            let mut files = self.write_files(&mut program, global)?;
            let start_error = |error| Diagnostic::unwritable("the signals of the process", &error);
            let mut supervisor = Supervisor::new().map_err(start_error)?;
            let watcher = if self.watch {
                let sources = program.values.sources.iter().cloned();
                Some(SourceWatcher::start(sources, supervisor.change_reporter()).map_err(start_error)?)
            } else {
                None
            };
            loop {
                let mut next = None;
                let end = supervisor.run(&program.launch, &plan, || {
                    next = self.changed_program(&program, watcher.as_ref(), global, output);
                    next.is_some()
                });
                match (end, next) {
                    (Ok(ProgramEnd::Exited(code)), _) => return Ok(ExitCode::from(code)),
                    (Err(failure), _) => return Ok(Self::report_failure(&failure, output)),
                    (Ok(ProgramEnd::Stopped), None) => return Ok(ExitCode::SUCCESS),
                    (Ok(ProgramEnd::Stopped), Some(changed)) => {
                        output.print_note("septum: the values have changed, restarting the program");
                        program = changed;
                        plan = self.output_plan(&program);
                        // the former ones are removed first: the path is the same
                        drop(files.take());
                        files = self.write_files(&mut program, global)?;
                    }
                }
            }
        }

        /// The program with its new values, if they are valid and have changed.
        fn changed_program(
            &self,
            program: &PreparedProgram,
            watcher: Option<&SourceWatcher>,
            global: &GlobalArgs,
            output: &OutputStreams,
        ) -> Option<PreparedProgram> {
            match self.prepare(global, output) {
                Ok(changed) => {
                    if let Some(watcher) = watcher {
                        watcher.replace(changed.values.sources.iter().cloned());
                    }
                    changed.differs_from(program).then_some(changed)
                }
                Err(problems) => {
                    output.print_findings(problems);
                    output.print_note("septum: the program keeps its values until the sources are valid again");
                    None
                }
            }
        }

        fn output_plan(&self, program: &PreparedProgram) -> OutputPlan {
            let scope = match self.redact {
                None | Some(RedactionChoice::Never) => return OutputPlan::unchanged(),
                Some(RedactionChoice::Auto) => RedactionScope::Piped,
                Some(RedactionChoice::Always) => RedactionScope::All,
            };
            let Some(patterns) = SecretPatterns::new(program.secrets()) else { return OutputPlan::unchanged() };
            if is_github() {
                output::print_commands(&mask_commands(&patterns));
            }
            OutputPlan::redacting(Arc::new(patterns), scope)
        }

        /// Writes the files of `--files`, whose directory is in `SEPTUM_FILES`.
        fn write_files(
            &self,
            program: &mut PreparedProgram,
            global: &GlobalArgs,
        ) -> Result<Option<EntryFiles>, Diagnostic> {
            let Some(path) = &self.files else { return Ok(None) };
            let storage = if self.allow_disk { PlaintextStorage::Disk } else { PlaintextStorage::Memory };
            let shown = argument::shown_path(&global.directory, path, "DIR");
            let path = output::path_below(global, path);
            // the link to the files is not made outside of a repository that a link leads out of
            let path = match (path.parent(), path.file_name()) {
                (Some(parent), Some(name)) if parent.as_os_str().is_empty() => {
                    resolve_writable(std::path::Path::new("."), &shown)?.join(name)
                }
                (Some(parent), Some(name)) => resolve_writable(parent, &shown)?.join(name),
                _ => path,
            };
            let files = EntryFiles::create(&program.values.selected.entries, &path, &shown, storage)?;
            program.launch.variables.push(("SEPTUM_FILES".into(), files.path().into()));
            Ok(Some(files))
        }
    }

    impl PreparedProgram {
        /// Values of all secrets that the program may print.
        fn secrets(&self) -> impl Iterator<Item = &[u8]> {
            let selected = self.values.selected.entries.iter();
            let selected = selected.filter(|entry| entry.sensitivity == septum::route::Sensitivity::Sensitive);
            selected.map(|entry| entry.value.bytes()).chain(self.values.secrets.iter().map(|text| text.as_slice()))
        }

        /// Whether the program would get other values.
        fn differs_from(&self, other: &Self) -> bool {
            let entries = |program: &Self| {
                let entries = program.values.selected.entries.iter();
                entries.map(|entry| (entry.key.clone(), entry.value.bytes().to_vec())).collect::<Vec<_>>()
            };
            entries(self) != entries(other)
        }
    }
}

#[cfg(not(unix))]
impl ExecArgs {
    /// Starts the program, and returns its exit code.
    #[expect(clippy::needless_pass_by_value, reason = "on Unix it is changed")]
    fn start(
        &self,
        program: PreparedProgram,
        _global: &GlobalArgs,
        output: &OutputStreams,
    ) -> Result<ExitCode, Diagnostics> {
        let is_redacting = self.redact.is_some_and(|mode| mode != RedactionChoice::Never);
        let unsupported = [
            (is_redacting, "--redact", "it reads the streams of the program as only Unix allows"),
            (self.watch, "--watch", "no signal asks a program of this system to end"),
            (self.files.is_some(), "--files", "there is no directory in memory"),
        ];
        let found = unsupported.iter().filter(|(is_used, ..)| *is_used);
        let found: Diagnostics = found
            .map(|(_, option, why)| {
                output::invalid_usage(format!("`{option}` is not available on this system: {why}"))
                    .hint("run septum in WSL or a container")
            })
            .collect();
        if found.has_errors() {
            return Err(found);
        }
        Ok(match program.launch.run_child() {
            Ok(code) => ExitCode::from(code),
            Err(failure) => Self::report_failure(&failure, output),
        })
    }
}
