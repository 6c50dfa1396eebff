//! `septum gc`

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use super::files::read_all;
use super::help::{CommandHelp, HelpTopic};
use super::output::{self, OutputStreams, invalid_usage};
use super::{GlobalArgs, find_apps, find_environment, user_identities};
use septum::diagnostic::{Diagnostics, StyledText};
use septum::gc::{EVIDENCE, OldObjects, OwnObjects, RetentionPolicy, UnusedObject, find_old_objects};
use septum::object::Day;
use septum::pipeline::Pipeline;
use septum::project::Project;
use septum::value::OutputValue;
use septum::yaml::write::write_document;

/// Find old objects in a cluster that nothing uses any more
///
/// With `names: hashed`, each change of a value creates a new object. This command reads the objects of a cluster from
/// standard input, as `kubectl get -o json` prints them, and prints the versions of the environment's own objects that
/// nothing in the input refers to. Of those of each name, the newest ones are kept. Deletes nothing.
///
/// ReplicaSets without replicas, ControllerRevisions and finished pods count as users, so that a rollback finds its
/// objects. If the input lacks a kind that starts pods or keeps their templates, that is an error. Values in the input are
/// never printed.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
#[expect(clippy::doc_markdown, reason = "help names kinds as Kubernetes does")]
pub(super) struct GcArgs {
    /// Environment
    #[arg(value_name = "ENV", add = super::completions::environments())]
    environment: String,
    /// Find only objects of this app (repeatable)
    #[arg(long = "app", value_name = "APP", add = super::completions::apps())]
    apps: Vec<String>,
    /// Keep this many unused versions of each object
    #[arg(long, value_name = "N", default_value_t = 3)]
    keep: usize,
    /// Keep versions that were replaced less than this ago: `7d`, `12h`, `2w`
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    older: Option<i64>,
    /// Count ages from the start of this day [default: the creation of the newest object in the input]
    #[arg(long, value_name = "YYYY-MM-DD", requires = "older")]
    at: Option<Day>,
    /// Kinds that the namespace has none of (separated by commas)
    #[arg(long = "none", value_name = "KIND", value_delimiter = ',', value_parser = absent_kinds())]
    absent: Vec<String>,
    /// Format of the output
    #[arg(long, value_name = "FORMAT", default_value = "text", hide_default_value = true)]
    format: GcFormat,
}

/// Help of `septum gc`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        (
            "Save the objects of a namespace",
            "kubectl get cm,secret,deploy,rs,sts,ds,controllerrevision,job,cronjob,pod -o json > all.json",
        ),
        ("Show old objects", "septum gc prod < all.json"),
        ("Keep those that were replaced in the last week", "septum gc prod --older 7d < all.json"),
        ("Delete them", "septum gc prod --format list < all.json | kubectl delete -f -"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project, HelpTopic::Identities],
};

/// Output format of old objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum GcFormat {
    /// A line of arguments for `kubectl delete` for each object
    Text,
    /// JSON with stable field names
    Json,
    /// A `List` for `kubectl delete -f -`
    List,
}

/// Parser of the names of kinds.
fn absent_kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(EVIDENCE.map(|(_, _, word)| word))
}

/// Parser of an age, in seconds.
fn parse_age(text: &str) -> Result<i64, String> {
    let wrong = || "expected a number of hours, days or weeks, like `7d`".to_owned();
    let (count, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "h" => 3600,
        "d" => 24 * 3600,
        "w" => 7 * 24 * 3600,
        _ => return Err(wrong()),
    };
    let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    let count: Option<i64> = count.parse().ok().filter(|_| is_number);
    count.and_then(|count| count.checked_mul(seconds)).ok_or_else(wrong)
}

impl GcArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        use std::io::IsTerminal as _;
        let project = Project::discover(&global.directory)?;
        let environment = find_environment(&project, &self.environment)?;
        let pipeline = Pipeline::new(&project, user_identities());
        let named = find_apps(&pipeline, &project, &self.apps)?;
        if std::io::stdin().is_terminal() {
            let kinds = EVIDENCE.map(|(_, _, word)| word).join(",");
            return Err(invalid_usage("standard input is a terminal; it must be the objects of a cluster".to_owned())
                .hint(format!("run `kubectl get cm,secret,{kinds} -o json`, and pass its output on standard input"))
                .into());
        }
        let mut problems = Diagnostics::new();
        let mut own = OwnObjects::default();
        let of_environment = project.apps.iter().filter(|app| app.environments.contains(&environment));
        for app in of_environment {
            let before = own.objects.len();
            own.add_app(&pipeline, app, &environment, &mut problems);
            // the objects of the others are in use all the same
            if !named.iter().any(|other| std::ptr::eq(*other, app)) {
                own.objects.truncate(before);
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let policy = RetentionPolicy {
            keep: self.keep,
            older: self.older,
            at: self.at.map(Day::unix_seconds),
            absent: self.absent.clone(),
        };
        let found = find_old_objects(&read_all()?, &own, pipeline.references(), &policy)?;
        self.show(&found, output)
    }

    fn show(&self, found: &OldObjects, output: &OutputStreams) -> Result<(), Diagnostics> {
        match self.format {
            GcFormat::Json => output::print_json(&found.unused)?,
            GcFormat::List => output::print_result(&write_document(&object_list(&found.unused)))?,
            GcFormat::Text => {
                let mut text = StyledText::new();
                for object in &found.unused {
                    let namespace = object.namespace.as_ref().map(|name| format!(" -n {name}")).unwrap_or_default();
                    text.push_line(format!("{}{namespace}", object.resource()));
                }
                output.print_text(&text)?;
            }
        }
        let OldObjects { unused, used, kept } = found;
        output.print_note(&format!(
            "septum: nothing in the input refers to {} old objects; {used} in use, {kept} kept",
            unused.len()
        ));
        Ok(())
    }
}

/// `v1` `List` of references to objects.
fn object_list(objects: &[UnusedObject]) -> OutputValue<'_> {
    let item = |object: &'_ UnusedObject| {
        let mut metadata = vec![("name", OutputValue::text(object.name.clone()))];
        metadata.extend(object.namespace.clone().map(|namespace| ("namespace", OutputValue::text(namespace))));
        OutputValue::map([
            ("apiVersion", OutputValue::text(object.api_version.clone())),
            ("kind", OutputValue::text(object.kind.clone())),
            ("metadata", OutputValue::map(metadata)),
        ])
    };
    OutputValue::map([
        ("apiVersion", OutputValue::text("v1")),
        ("kind", OutputValue::text("List")),
        ("items", OutputValue::List(objects.iter().map(item).collect())),
    ])
}
