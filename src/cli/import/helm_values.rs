//! `septum import helm-values`

use std::path::Path;

use clap::Args;

use super::super::help::CommandHelp;
use super::super::output::{OutputStreams, invalid_usage};
use super::super::{GlobalArgs, user_identities};
use super::ImportOptions;
use super::inputs::{NamedInput, parse_inputs};
use septum::diagnostic::{Diagnostics, shell_word};
use septum::disk::Disk;
use septum::files::FileKind;
use septum::import::{HelmInput, ValuesFile, plan_helm_values};
use septum::name::is_dns_label;
use septum::parallel::try_par_map;
use septum::span::Source;

/// Convert values files of a Helm chart
///
/// All values become the entry `values.yaml` of the bundle APP-values, with their comments (not those of encrypted files); numbers keep their text.
/// Secrets among them are encrypted. Several files of an environment are merged in their order, as by Helm, and files
/// that sops encrypted are decrypted: all of their values are secrets. Maps that look like environment variables are named; `--data` makes entries of
/// `data` of them, with `# -- text` and `# @param PATH text` as descriptions and `values.schema.json` as rules.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct HelmValuesArgs {
    /// `values.yaml`, then the files of the environments: `values-ENV.yaml` or `ENV=FILE`
    #[arg(value_name = "[ENV=]FILE", required = true)]
    inputs: Vec<String>,
    /// Map of environment variables that becomes `data` (repeatable)
    #[arg(long, value_name = "PATH")]
    data: Vec<String>,
    #[command(flatten)]
    options: ImportOptions,
}

/// Help of `septum import helm-values`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        (
            "Convert the values of two environments",
            "septum import helm-values values.yaml values-dev.yaml values-prod.yaml",
        ),
        (
            "Add encrypted values to those of an environment",
            "septum import helm-values values.yaml values-prod.yaml prod=secrets-prod.yaml",
        ),
        (
            "Make entries of a map of variables",
            "septum import helm-values values.yaml prod=prod/values.yaml --data app.env",
        ),
    ],
    exit_codes: super::HELP.exit_codes,
    topics: super::HELP.topics,
};

impl HelmValuesArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let inputs = parse_inputs(global, &self.inputs)?;
        let mut base = None;
        let mut environments: Vec<(String, Vec<ValuesFile>)> = Vec::new();
        let identities = user_identities();
        let read_values = |input: &NamedInput| ValuesFile::read(read(input, global)?, &identities);
        for (input, file) in inputs.iter().zip(try_par_map(inputs.iter().collect(), read_values)?) {
            match environment_of(input) {
                Some(name) => match environments.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, files)) => files.push(file),
                    None => environments.push((name, vec![file])),
                },
                None if base.is_some() => {
                    return Err(invalid_usage(format!("the name of `{}` does not name an environment", input.shown))
                        .hint(format!("name it: `prod={}`", shell_word(&input.shown)))
                        .into());
                }
                None => base = Some((input, file)),
            }
        }
        let Some((input, base)) = base else {
            return Err(invalid_usage("the values of the base are missing".to_owned())
                .hint("name them first: `septum import helm-values values.yaml prod=values-prod.yaml`")
                .into());
        };
        let schema = input.path.parent().unwrap_or(Path::new("")).join("values.schema.json");
        let schema = if Disk::default().has(&global.directory.join(&schema)) {
            let shown = schema.display().to_string();
            let input = NamedInput { environment: None, path: schema, shown };
            Some(read(&input, global)?)
        } else {
            None
        };
        let input = HelmInput { base, environments, schema, data: self.data.clone() };
        self.options.run(global, output, |app| plan_helm_values(app, &input))
    }
}

fn read(input: &NamedInput, global: &GlobalArgs) -> Result<Source, Diagnostics> {
    let mut sources = input.read(global, FileKind::Layer, &[])?;
    sources.pop().ok_or_else(|| invalid_usage(format!("`{}` is a directory", input.shown)).into())
}

/// Environment of a file: `values-prod.yaml`, `values.prod.yaml`, `prod.values.yaml`, `values_prod.yml`.
fn environment_of(input: &NamedInput) -> Option<String> {
    if input.environment.is_some() {
        return input.environment.clone();
    }
    let stem = input.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let rest = stem.strip_prefix("values").or_else(|| stem.strip_suffix("values"))?;
    let name = rest.trim_matches(['-', '.', '_']);
    (is_dns_label(name) && name != septum::project::BASE).then(|| name.to_owned())
}
