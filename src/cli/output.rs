//! Output to the terminal or the pipe: results on stdout, everything else on stderr.
//!
//! Text for users goes through [`StyledText`], in which no content of a repository acts on a terminal or begins a
//! line. Results that are data are written as they are.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};

use super::GlobalArgs;
use super::kubectl::{as_called, as_called_diagnostic};
use super::pasted::{CommandPlace, names_command};
use septum::atomic::HAS_PERMISSIONS;
use septum::diagnostic::{
    Diagnostic, Diagnostics, FailureKind, Rule, Severity, StyledText, escape_json, style_diagnostic,
};
use septum::sops::SopsConfig;

/// The exit code of wrong usage and invalid input.
pub(super) const INVALID: u8 = 2;

/// The exit code of a bug, which is also that of a panic.
pub(super) const BUG: u8 = 101;

/// Reports a panic by its line in the program, the only part that certainly contains no value.
pub(super) fn report_panic(line: &str) {
    let _ = writeln!(io::stderr(), "error: septum panicked at {line}: this is a bug in septum, please report it");
}

/// The streams, and how they are used.
pub(super) struct OutputStreams {
    color: anstream::ColorChoice,
    quiet: bool,
    verbose: bool,
    directory: PathBuf,
    place: OnceLock<Option<CommandPlace>>,
}

impl OutputStreams {
    pub(super) fn new(global: &GlobalArgs) -> Self {
        let color = match global.color {
            super::ColorMode::Auto => anstream::ColorChoice::Auto,
            super::ColorMode::Always => anstream::ColorChoice::Always,
            super::ColorMode::Never => anstream::ColorChoice::Never,
        };
        let (directory, place) = (global.directory.clone(), OnceLock::new());
        Self { color, quiet: global.quiet, verbose: global.verbose, directory, place }
    }

    /// A finding whose commands are adapted to the directory in which the program was started, and to
    /// its name.
    pub(super) fn placed(&self, found: Diagnostic) -> Diagnostic {
        if !names_command(&found) {
            return as_called_diagnostic(found);
        }
        as_called_diagnostic(match self.place.get_or_init(|| CommandPlace::of(&self.directory)) {
            Some(place) => place.place(found),
            None => found,
        })
    }

    /// A text whose commands are adapted to the directory in which the program was started.
    pub(super) fn placed_text(&self, text: &str) -> String {
        let placed = match self.place.get_or_init(|| CommandPlace::of(&self.directory)) {
            Some(place) => place.place_commands(text),
            None => text.to_owned(),
        };
        as_called(&placed).into_owned()
    }

    /// Whether only results and errors are wanted.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether a stream is coloured: if it is a terminal, unless `NO_COLOR` or `TERM=dumb` disables colours.
    fn color_of(&self, stream: &impl anstream::stream::RawStream) -> bool {
        let choice = match self.color {
            anstream::ColorChoice::Auto => AutoStream::choice(stream),
            said => said,
        };
        choice != anstream::ColorChoice::Never
    }

    /// Writes a result for users, in colours where results may have them.
    pub(super) fn print_text(&self, text: &StyledText) -> Result<(), Diagnostics> {
        print_result(&text.render_text(self.color_of(&io::stdout())))
    }

    /// Prints a note that is not a result, in one line, unless `-q`.
    pub(super) fn print_note(&self, line: &str) {
        if !self.quiet {
            print_message(line);
        }
    }

    /// Prints who can read a file with secrets, where the system has no permissions that septum could set.
    pub(super) fn print_access(&self, name: &str) {
        if !HAS_PERMISSIONS {
            self.print_note(&format!(
                "septum: {name} can be read by whoever can read its directory: septum sets no access lists on this system"
            ));
        }
    }

    /// Prints that a file is locked and the program waits for it.
    pub(super) fn print_waiting(&self, name: &str) {
        self.print_note(&format!("septum: waiting for another septum process that is changing `{name}`"));
    }

    /// Prints a detail, in one line, if `-v`.
    pub(super) fn print_detail(&self, line: impl FnOnce() -> String) {
        if self.verbose {
            print_message(&line());
        }
    }

    /// Shows findings, except warnings if `-q`.
    pub(super) fn print_findings(&self, problems: Diagnostics) -> Option<FailureKind> {
        let color = self.color_of(&io::stderr());
        let mut stderr = io::stderr().lock();
        let mut failure = None;
        for problem in problems.into_sorted() {
            let is_error = problem.severity == Severity::Error;
            if is_error {
                failure = Some(worse_failure(failure, problem.failure));
            }
            if is_error || !self.quiet {
                let _ = writeln!(stderr, "{}\n", style_diagnostic(&self.placed(problem)).render_text(color));
            }
        }
        failure
    }

    /// The exit code of a command, after its findings were shown.
    pub(super) fn finish(&self, result: Result<(), Diagnostics>) -> ExitCode {
        match result.err().and_then(|problems| self.print_findings(problems)) {
            None => ExitCode::SUCCESS,
            Some(FailureKind::Invalid) => ExitCode::from(INVALID),
            Some(FailureKind::Key) => ExitCode::from(3),
            Some(FailureKind::Io) => ExitCode::from(4),
            Some(FailureKind::Found) => ExitCode::from(1),
            Some(FailureKind::Bug) => ExitCode::from(BUG),
        }
    }
}

/// Writes a line for users to stderr.
pub(super) fn print_message(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", StyledText::from_line(line).render_text(false));
}

/// Writes commands for the runner of GitHub to stderr, as they are.
pub(super) fn print_commands(commands: &str) {
    let _ = io::stderr().lock().write_all(commands.as_bytes());
}

/// A unified diff in styles.
pub(super) fn style_diff(text: &str) -> StyledText {
    let mut out = StyledText::new();
    for line in text.lines() {
        let style = match line.as_bytes() {
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => Style::new().bold(),
            [b'+', ..] => AnsiColor::Green.on_default(),
            [b'-', ..] => AnsiColor::Red.on_default(),
            [b'@', ..] => AnsiColor::Cyan.on_default(),
            _ => Style::new(),
        };
        out.push_in(style, line);
        out.end_line();
    }
    out
}

/// Writes a result as JSON.
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), Diagnostics> {
    // only texts, numbers and lists of them, all of which JSON can hold
    print_result(&(escape_json(&serde_json::to_string_pretty(value).unwrap_or_default()).into_owned() + "\n"))
}

/// Width of the terminal on standard output, in columns; none if it is not a terminal.
pub(super) fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(terminal_size::Width(width), _)| usize::from(width))
}

/// Whether the results are for users.
pub(super) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Writes a result that is data. A closed pipe is not an error: `septum render | head`.
pub(super) fn print_result(text: &str) -> Result<(), Diagnostics> {
    print_bytes(text.as_bytes())
}

/// Standard output for a command whose output is a protocol, written message by message.
pub(super) fn lock_stdout() -> io::StdoutLock<'static> {
    io::stdout().lock()
}

/// Writes a result that need not be text.
pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), Diagnostics> {
    let mut stdout = io::stdout().lock();
    check_written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Prints help or the version, which clap writes by itself.
pub(super) fn print_help(help: &clap::Error) -> Result<(), Diagnostics> {
    check_written(help.print().and_then(|()| io::stdout().flush()))
}

/// Error of a result that could not be written; a closed pipe is none.
fn check_written(written: io::Result<()>) -> Result<(), Diagnostics> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let message = format!("the output could not be written: {error}");
            Err(Diagnostic::error(Rule::Unwritable, message).into())
        }
        _ => Ok(()),
    }
}

/// The failure that determines the exit code: errors of the input precede missing parts of the machine.
fn worse_failure(known: Option<FailureKind>, new: FailureKind) -> FailureKind {
    match (known, new) {
        (Some(FailureKind::Bug), _) | (_, FailureKind::Bug) => FailureKind::Bug,
        (Some(FailureKind::Invalid), _) | (_, FailureKind::Invalid) => FailureKind::Invalid,
        (Some(FailureKind::Io), _) | (_, FailureKind::Io) => FailureKind::Io,
        (Some(FailureKind::Key), _) | (_, FailureKind::Key) => FailureKind::Key,
        (_, FailureKind::Found) => FailureKind::Found,
    }
}

/// A path of the command line, from the directory given by `-C`.
pub(super) fn path_below(global: &GlobalArgs, path: &Path) -> PathBuf {
    if global.directory == Path::new(".") { path.to_path_buf() } else { global.directory.join(path) }
}

/// A path as messages show it: from the working directory, if it is below it.
pub(super) fn shown_path(path: &Path) -> String {
    let shown = SopsConfig::display_path(path.strip_prefix(".").unwrap_or(path));
    if shown.is_empty() { ".".to_owned() } else { shown }
}

/// Error: the command line refers to something that does not exist.
pub(super) fn invalid_usage(message: String) -> Diagnostic {
    Diagnostic::error(Rule::Usage, message)
}
