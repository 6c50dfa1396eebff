//! `septum import dotenv`

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use super::super::GlobalArgs;
use super::super::help::CommandHelp;
use super::super::output::{OutputStreams, invalid_usage};
use super::ImportOptions;
use super::inputs::{NamedInput, parse_inputs};
use septum::diagnostic::{Diagnostics, shell_word};
use septum::files::FileKind;
use septum::import::{DotenvDialect, DotenvInput, plan_dotenv};
use septum::name::is_dns_label;

/// Convert dotenv files
///
/// `.env` becomes the base, `.env.production` the environment `prod`, `.env.development` `dev`, and `.env.NAME` the
/// environment NAME. Keys that are secrets by their names or values are encrypted. `${VAR}` and `${VAR:-default}`
/// become templates.
///
/// There is no standard for these files. Each line that readers disagree on is named with what they make of it;
/// `--dialect` selects the reader of your application.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct DotenvArgs {
    /// Dotenv files
    #[arg(value_name = "[ENV=]FILE", required = true)]
    inputs: Vec<String>,
    /// Reader whose rules the files follow
    #[arg(long, value_name = "DIALECT", default_value = "auto")]
    dialect: ChosenDialect,
    #[command(flatten)]
    options: ImportOptions,
}

/// Reader of dotenv files; without one, they are read as by Node, and disagreements are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct ChosenDialect(pub(in crate::cli) Option<DotenvDialect>);

impl ValueEnum for ChosenDialect {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [ChosenDialect; 1 + DotenvDialect::ALL.len()] = {
            let mut all = [ChosenDialect(None); 1 + DotenvDialect::ALL.len()];
            let mut index = 0;
            while index < DotenvDialect::ALL.len() {
                all[index + 1] = ChosenDialect(Some(DotenvDialect::ALL[index]));
                index += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            None => PossibleValue::new("auto").help("As by Node, with warnings where others disagree"),
            Some(dialect) => PossibleValue::new(dialect.as_str()).help(dialect.reader()),
        })
    }
}

/// Help of `septum import dotenv`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Convert a file of defaults and one for production", "septum import dotenv .env .env.production"),
        ("Name the environments", "septum import dotenv dev=config/dev.env prod=config/prod.env --dialect docker"),
    ],
    exit_codes: super::HELP.exit_codes,
    topics: super::HELP.topics,
};

impl DotenvArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let found = read_dotenv_files(global, &self.inputs)?;
        self.options.run(global, output, |app| plan_dotenv(app, &found, self.dialect.0))
    }
}

/// Reads dotenv files, named as `[ENV=]FILE`.
pub(in crate::cli) fn read_dotenv_files(
    global: &GlobalArgs,
    texts: &[String],
) -> Result<Vec<DotenvInput>, Diagnostics> {
    let mut found = Vec::new();
    let mut problems = Diagnostics::new();
    for input in parse_inputs(global, texts)? {
        let environment = match environment_of(&input) {
            Ok(environment) => environment,
            Err(problem) => {
                problems.extend(problem);
                continue;
            }
        };
        match input.read(global, FileKind::SecretFile, &[]) {
            Ok(sources) => {
                found
                    .extend(sources.into_iter().map(|source| DotenvInput { environment: environment.clone(), source }));
            }
            Err(unread) => problems.extend(unread),
        }
    }
    if problems.has_errors() { Err(problems) } else { Ok(found) }
}

/// Environment of a file by its name; none for the base.
fn environment_of(input: &NamedInput) -> Result<Option<String>, Diagnostics> {
    if input.environment.is_some() {
        return Ok(input.environment.clone());
    }
    let name = input.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = match name.strip_prefix(".env") {
        Some("") => return Ok(None),
        Some(rest) => rest.strip_prefix('.'),
        None => name.strip_suffix(".env"),
    };
    let environment = match stem {
        None => return Ok(None),
        Some("production") => "prod",
        Some("development") => "dev",
        Some(stem) => stem,
    };
    if !is_dns_label(environment)
        || matches!(environment, "local" | "example" | "sample" | "template" | "defaults" | "base")
    {
        return Err(invalid_usage(format!("the name of `{}` does not name an environment", input.shown))
            .hint(format!("leave the file out, or name its environment: `dev={}`", shell_word(&input.shown)))
            .into());
    }
    Ok(Some(environment.to_owned()))
}
