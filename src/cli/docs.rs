//! `septum docs`

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams};
use super::written_page::WrittenPage;
use super::{GlobalArgs, find_apps, user_identities};
use septum::diagnostic::Diagnostics;
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::project::Project;
use septum::view::key_docs::{AppDocs, document_keys, write_env_example, write_html, write_markdown};

/// Write a list of all keys, with their types, defaults and descriptions
///
/// It is made from the base: of each key its type and rules, the default, whether it is required, whether it is a
/// secret, and its description; of variables likewise. Secrets have no value in any format.
///
/// Reads the layers of the project, and uses no key. `--check` in CI shows that a committed list is up to date.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct DocsArgs {
    /// Show only this app (repeatable)
    #[arg(long = "app", value_name = "APP", add = super::completions::apps())]
    apps: Vec<String>,
    /// Format of the list
    #[arg(long, value_name = "FORMAT", default_value = "markdown", hide_default_value = true)]
    format: DocsFormat,
    /// Write the list to FILE instead of standard output
    #[arg(long = "out", value_name = "FILE", value_hint = ValueHint::FilePath)]
    written_file: Option<PathBuf>,
    /// Write nothing; fail with a diff if FILE is out of date
    #[arg(long, requires = "written_file")]
    check: bool,
}

/// Format of the list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DocsFormat {
    /// Tables of Markdown
    Markdown,
    /// A page of HTML
    Html,
    /// A dotenv file with the defaults, in which secrets are empty
    EnvExample,
}

/// Help of `septum docs`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Print the keys of all apps", "septum docs"),
        ("Write them to a page", "septum docs --out CONFIG.md"),
        ("Write an example of a dotenv file", "septum docs --format env-example --out .env.example"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project],
};

impl DocsArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let project = Project::discover(&global.directory)?;
        let pipeline = Pipeline::new(&project, user_identities());
        let mut problems = Diagnostics::new();
        let mut docs: Vec<AppDocs> = Vec::new();
        let apps = find_apps(&pipeline, &project, &self.apps)?;
        problems.extend(project.name_errors(apps.iter().copied()));
        for app in apps {
            if let Some(survey) = pipeline.survey(app, SurveyOptions::decrypting(&[]), &mut problems) {
                docs.push(document_keys(&survey));
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let text = match self.format {
            DocsFormat::Markdown => write_markdown(&docs),
            DocsFormat::Html => write_html(&docs),
            DocsFormat::EnvExample => write_env_example(&docs),
        };
        let Some(file) = &self.written_file else { return output::print_result(&text) };
        // an example is copied and filled in
        let shows_old_lines = self.format != DocsFormat::EnvExample;
        let page = WrittenPage { file, text: &text, mark: "Written by `septum docs", shows_old_lines };
        if self.check { page.check(global, output) } else { page.write(global, output) }
    }
}
