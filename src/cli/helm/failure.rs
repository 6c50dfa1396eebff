//! Failures of a post-renderer, told in every way that reaches a person.
//!
//! Helm 4 drops the standard error of a plugin, and of a plugin that fails it prints only that. Of output that is no
//! object it prints the output: so a plugin of Helm 4 ends with success, and its output is the reason.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::super::output::{self, OutputStreams};
use septum::atomic::{self, Access, NewParents};
use septum::diagnostic::{Diagnostic, Diagnostics, style_diagnostic};
use septum::disk::resolve_writable;
use septum::neighbours::INPUT;
use septum::yaml::write::push_quoted;

/// Variable that Helm sets for its plugins.
const VARIABLE: &str = "HELM_PLUGIN_NAME";

/// Reports errors on all ways, and returns the exit code.
pub(in crate::cli) fn report_failure(problems: Diagnostics, output: &OutputStreams) -> ExitCode {
    let errors: Vec<_> = problems.iter().filter(|problem| problem.is_error()).cloned().collect();
    let mut report = String::new();
    for problem in &errors {
        report.extend([&style_diagnostic(&output.placed(problem.clone())).render_text(false), "\n\n"]);
    }
    // first where nothing can fail
    let code = output.finish(Err(problems));
    let log = write_log(&report);
    let mut line = errors.first().map_or_else(|| "septum: it failed".to_owned(), describe);
    match errors.len() {
        0 | 1 => {}
        2 => line.push_str("; and 1 more error"),
        count => drop(write!(line, "; and {} more errors", count - 1)),
    }
    if let Some(log) = log {
        line.extend(["; the whole report is in ", &output::shown_path(&log)]);
    }
    let mut text = String::new();
    push_quoted(&mut text, &line);
    text.push('\n');
    let printed = output::print_result(&text);
    let is_plugin = std::env::var_os(VARIABLE).is_some_and(|name| !name.is_empty());
    if is_plugin && printed.is_ok() { ExitCode::SUCCESS } else { code }
}

/// The whole of an error, in one line. A place in the stream of Helm is of no use to people.
fn describe(problem: &Diagnostic) -> String {
    let mut line = format!("septum: {}", problem.message);
    let place = problem.labels.first().map(|label| &label.place);
    if let Some(place) = place.filter(|place| place.source.name() != INPUT) {
        let _ = write!(line, " ({place})");
    }
    problem.notes.iter().for_each(|note| line.extend(["; ", note]));
    problem.hints.iter().for_each(|hint| line.extend(["; hint: ", hint]));
    line
}

/// Writes the report to a file, which a person can read afterwards. Where that is not possible, there are other ways.
fn write_log(report: &str) -> Option<PathBuf> {
    let path = log_file(|name| std::env::var_os(name).filter(|text| !text.is_empty()).map(PathBuf::from))?;
    let written = resolve_writable(&path).ok().and_then(|real| write_report(&real, report).ok());
    written.map(|()| path)
}

fn write_report(path: &Path, report: &str) -> std::io::Result<()> {
    // a pipe that nobody reads would stop Helm for ever
    if atomic::is_device(path) {
        return Err(std::io::ErrorKind::Unsupported.into());
    }
    let parents = NewParents::create_above(path, Access::Owner)?;
    let prepared = atomic::prepare_write(path, report.as_bytes(), Access::Owner)?;
    let outcome = atomic::commit_writes(vec![prepared], |_| None);
    if let Some((_, error)) = outcome.failed {
        return Err(error);
    }
    parents.keep();
    Ok(())
}

/// The file of the report: that of `SEPTUM_LOG`, or one in the state directory of the user.
fn log_file(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let state = || {
        let state = variable("XDG_STATE_HOME").filter(|path| path.is_absolute());
        let state = state.or_else(|| Some(variable("HOME")?.join(".local/state")));
        Some(state?.join("septum/last-error"))
    };
    variable("SEPTUM_LOG").or_else(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_in_the_state_of_the_user_unless_a_file_is_named() {
        let file = |known: &'static [(&'static str, &'static str)]| {
            log_file(|name| known.iter().find(|(known, _)| *known == name).map(|(_, path)| PathBuf::from(path)))
        };
        assert_eq!(file(&[("HOME", "/h")]), Some("/h/.local/state/septum/last-error".into()));
        assert_eq!(file(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]), Some("/s/septum/last-error".into()));
        assert_eq!(file(&[("SEPTUM_LOG", "/l"), ("HOME", "/h")]), Some("/l".into()));
        assert_eq!(file(&[]), None);
    }
}
