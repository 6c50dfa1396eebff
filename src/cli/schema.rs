//! `septum schema`

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams, invalid_usage};
use super::written_page::WrittenPage;
use super::{GlobalArgs, find_apps};
use septum::diagnostic::{Diagnostic, Diagnostics};
use septum::editor_schema::{MARK, layer_schema, overlay_schema, settings_schema, to_text};
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::project::Project;
use septum::sops::{Identities, IdentitySources};

/// Write a JSON Schema with which editors complete and check layers
///
/// The schema of an app has its own keys: their types and rules, and for people their descriptions, where they go and
/// why, and the values that layers give them. It is for the overlays; the schema of `--layers` is for any layer, and the
/// only one for a base, which defines keys.
///
/// Uses no key, and has no value of a secret. An editor finds a schema by a comment in the first line of a layer:
/// `# yaml-language-server: $schema=PATH`.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct SchemaArgs {
    /// App whose overlays the schema is for [default: the only one]
    #[arg(long, value_name = "APP", add = super::completions::apps())]
    app: Option<String>,
    /// Schema of any layer, without keys of a project
    #[arg(long, conflicts_with = "app")]
    layers: bool,
    /// Schema of `septum.yaml`
    #[arg(long, conflicts_with_all = ["app", "layers"])]
    project: bool,
    /// Write the schema to FILE instead of standard output
    #[arg(long = "out", value_name = "FILE", value_hint = ValueHint::FilePath)]
    written_file: Option<PathBuf>,
    /// Write nothing; fail with a diff if FILE is out of date
    #[arg(long, requires = "written_file")]
    check: bool,
}

/// Help of `septum schema`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Print the schema of the overlays of the only app", "septum schema"),
        ("Write the schema of any layer", "septum schema --layers --out layer.schema.json"),
        ("Write the schema of an app", "septum schema --app checkout --out checkout.schema.json"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project],
};

impl SchemaArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let schema = if self.layers {
            layer_schema()
        } else if self.project {
            settings_schema()
        } else {
            self.schema_of_app(global)?
        };
        let text = to_text(&schema);
        let Some(file) = &self.written_file else { return output::print_result(&text) };
        let page = WrittenPage { file, text: &text, mark: MARK, shows_old_lines: true };
        if self.check { page.check(global, output) } else { page.write(global, output) }
    }

    fn schema_of_app(&self, global: &GlobalArgs) -> Result<serde_json::Value, Diagnostics> {
        let project = Project::discover(&global.directory)?;
        let pipeline = Pipeline::new(&project, Identities::new(IdentitySources::default()));
        let wanted: Vec<String> = self.app.iter().cloned().collect();
        let apps = find_apps(&pipeline, &project, &wanted)?;
        let [app] = apps.as_slice() else {
            let choice = pipeline.library.choose_app(apps.iter().copied());
            return Err(invalid_usage("a schema is that of one app".to_owned())
                .note(format!("the apps are {}", choice.labels.join(", ")))
                .hint(format!("{}; `--layers` is the schema of the layers of any app", choice.hint))
                .into());
        };
        // schemas may lie beside the layers
        let is_schema = |found: &Diagnostic| {
            let place = found.labels.first().map(|label| Path::new(label.place.source.name()));
            place.and_then(Path::extension).is_some_and(|extension| extension == "json")
        };
        let misnamed = project.name_errors([*app]).into_iter();
        let mut problems: Diagnostics = misnamed.filter(|found| !is_schema(found)).collect();
        let survey = pipeline.survey(app, SurveyOptions::decrypting(&[]), &mut problems);
        match survey {
            Some(survey) if !problems.has_errors() => Ok(overlay_schema(&survey)),
            _ => Err(problems),
        }
    }
}
