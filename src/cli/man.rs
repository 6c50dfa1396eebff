//! `septum man`

use clap::{Arg, ArgAction, Args, Command, CommandFactory as _};
use roff::{Inline, Roff, bold, italic, roman};

use super::help::{CommandHelp, EXIT_CODES, FILES, HelpTopic, VARIABLES};
use super::help_groups::{self, GROUPS, PROGRAM};
use super::output::{self, invalid_usage};
use super::{Cli, argument};
use septum::diagnostic::Diagnostics;
use septum::sort::sort_by_key;

/// Print a manual page
///
/// Prints the page of septum or of one of its commands in the format of man(7).
#[derive(Debug, Args)]
#[command(after_help = help_groups::MAN.to_text())]
pub(super) struct ManArgs {
    /// Command [default: septum itself]
    #[arg(value_name = "COMMAND", add = super::completions::commands())]
    command: Option<String>,
}

impl ManArgs {
    pub(super) fn run(&self) -> Result<(), Diagnostics> {
        let mut septum = Cli::command();
        // each page has the options of every command
        septum.build();
        let page = match &self.command {
            None => render_page(&septum.long_about(help_groups::DESCRIPTION), "septum", &PROGRAM),
            Some(name) => {
                let known = help_groups::commands().find(|(known, _)| known == name);
                let (Some((name, help)), Some(command)) = (known, septum.find_subcommand(name)) else {
                    let known = help_groups::commands().map(|(name, _)| name);
                    let (message, hint) = argument::unknown_name("command", name, known);
                    return Err(invalid_usage(message).maybe_hint(hint).into());
                };
                render_page(command, &format!("septum-{name}"), help)
            }
        };
        output::print_result(&page)
    }
}

/// A manual page: options come from the arguments of the command, the rest from the tables of the help.
fn render_page(command: &Command, title: &str, help: &CommandHelp) -> String {
    let mut page = Roff::new();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    page.control("SH", ["NAME"]).text([roman(format!("{title} - {about}"))]);
    page.control("SH", ["SYNOPSIS"]).text(synopsis_words(command));
    page.control("SH", ["DESCRIPTION"]);
    let description = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    for (index, paragraph) in description.split("\n\n").filter(|paragraph| *paragraph != about).enumerate() {
        if index > 0 {
            page.control("PP", []);
        }
        page.text(styled_words(paragraph));
    }
    let is_program = title == "septum";
    match command.has_subcommands() {
        true if is_program => push_commands(&mut page, command),
        true => push_kinds(&mut page, command),
        false => {}
    }
    push_options(&mut page, command);
    push_section(&mut page, "EXIT STATUS", exit_codes(help));
    let has = |topic: HelpTopic| topic == HelpTopic::Terminal || help.topics.contains(&topic);
    push_section(&mut page, "ENVIRONMENT", VARIABLES.iter().filter(|row| has(row.0)).map(|row| (row.1, row.2)));
    push_section(&mut page, "FILES", FILES.iter().filter(|row| has(row.0)).map(|row| (row.1, row.2)));
    page.control("SH", ["EXAMPLES"]);
    for (purpose, example) in help.examples {
        page.control("TP", []).text([roman(format!("{purpose}:"))]).text([bold(*example)]);
    }
    page.control("SH", ["SEE ALSO"]).text([roman(related_pages(command.get_name()))]);
    // without a date: the same program prints the same page
    let version = env!("CARGO_PKG_VERSION");
    format!(".TH {title} 1 \"\" \"septum {version}\" \"Septum manual\"\n{}", page.to_roff())
}

fn exit_codes(help: &CommandHelp) -> Vec<(String, &'static str)> {
    let own = if help.exit_codes.is_empty() { EXIT_CODES } else { help.exit_codes };
    own.iter().map(|(code, meaning)| (code.to_string(), *meaning)).collect()
}

/// Words, those between backticks in bold.
fn styled_words(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { bold(part) } else { roman(part) }).collect()
}

/// Adds a section of terms and their texts, unless there are no terms.
fn push_section<T: Into<String>>(page: &mut Roff, heading: &str, rows: impl IntoIterator<Item = (T, &'static str)>) {
    let mut rows = rows.into_iter().peekable();
    if rows.peek().is_some() {
        page.control("SH", [heading]);
    }
    for (term, text) in rows {
        page.control("TP", []).text([bold(term)]).text(styled_words(text));
    }
}

/// Adds the commands under their headings.
fn push_commands(page: &mut Roff, septum: &Command) {
    page.control("SH", ["COMMANDS"]);
    for (heading, group) in GROUPS {
        page.control("SS", [heading]);
        for (name, _) in group {
            let about = septum.find_subcommand(name).and_then(Command::get_about);
            page.control("TP", []).text([bold(format!("septum-{name}")), roman("(1)")]);
            page.text(styled_words(&about.map(ToString::to_string).unwrap_or_default()));
        }
    }
}

/// Adds the commands of a command.
fn push_kinds(page: &mut Roff, command: &Command) {
    page.control("SH", ["KINDS"]);
    for kind in command.get_subcommands() {
        page.control("TP", []).text([bold(kind.get_name())]);
        let description = kind.get_long_about().or_else(|| kind.get_about()).map(ToString::to_string);
        page.text(styled_words(&description.unwrap_or_default().replace("\n\n", ". ")));
    }
}

/// Arguments of a command, and the options of its commands, each once.
fn all_arguments(command: &Command) -> Vec<&Arg> {
    let own = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let mut found: Vec<_> = own.collect();
    // the commands of the program have pages of their own
    if command.get_name() == "septum" {
        return found;
    }
    for argument in command.get_subcommands().flat_map(Command::get_arguments) {
        let is_new = found.iter().all(|known| known.get_id() != argument.get_id());
        if is_new && !argument.is_hide_set() && !argument.is_positional() {
            found.push(argument);
        }
    }
    found
}

/// Adds the arguments and options under their headings.
fn push_options(page: &mut Roff, command: &Command) {
    let arguments = all_arguments(command);
    let shown = || arguments.iter().copied();
    let mut headings = vec![None];
    headings.extend(shown().map(Arg::get_help_heading));
    let mut seen = Vec::new();
    headings.retain(|heading| {
        !seen.contains(heading) && {
            seen.push(*heading);
            true
        }
    });
    for heading in headings {
        let mut options: Vec<_> = shown().filter(|argument| argument.get_help_heading() == heading).collect();
        sort_by_key(&mut options, |argument| !argument.is_positional());
        if options.is_empty() {
            continue;
        }
        page.control("SH", [heading.unwrap_or("Options").to_uppercase().as_str()]);
        for option in options {
            page.control("TP", []).text(option_words(option));
            let text = option.get_long_help().or_else(|| option.get_help());
            let text = text.map(|text| text.to_string().replace("\n\n", ". ")).unwrap_or_default();
            let values = option.get_possible_values();
            let values: Vec<_> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
            let values = match (takes_value(option), values.as_slice()) {
                (false, _) | (_, []) => String::new(),
                (true, values) => format!(" [possible values: {}]", values.join(", ")),
            };
            page.text(styled_words(&(text + &values)));
        }
    }
}

/// The names of an option, with that of its value; of an argument, its name alone.
fn option_words(option: &Arg) -> Vec<Inline> {
    if option.is_positional() {
        return vec![italic(value_names(option))];
    }
    let short = option.get_short().map(|short| format!("-{short}"));
    let long = option.get_long().map(|long| format!("--{long}"));
    let names: Vec<_> = short.into_iter().chain(long).collect();
    let mut words = vec![bold(names.join(", "))];
    push_value(&mut words, option);
    words
}

/// Adds the name of an option's value, in brackets if the option can do without.
fn push_value(words: &mut Vec<Inline>, option: &Arg) {
    if takes_value(option) {
        let is_optional = option.get_num_args().is_some_and(|range| range.min_values() == 0);
        let (open, close) = if is_optional { (" [", "]") } else { (" ", "") };
        words.extend([roman(open), italic(value_names(option)), roman(close)]);
    }
}

/// The program with its options and arguments, and the names of their values.
fn synopsis_words(command: &Command) -> Vec<Inline> {
    let mut words = vec![bold(command.get_bin_name().unwrap_or_else(|| command.get_name()))];
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
    let (positions, options): (Vec<_>, Vec<_>) = shown.partition(|argument| argument.is_positional());
    for option in options.into_iter().filter(|option| option.get_help_heading() != Some("Global options")) {
        words.extend([roman(" ["), bold(option_name(option))]);
        push_value(&mut words, option);
        words.push(roman(if takes_value(option) && repeats(option) { "]..." } else { "]" }));
    }
    words.push(roman(" [global options]"));
    for position in positions {
        let (open, close) = if position.is_required_set() { (" ", "") } else { (" [", "]") };
        words.extend([roman(open), italic(value_names(position)), roman(close)]);
        words.extend(repeats(position).then(|| roman("...")));
    }
    if command.has_subcommands() {
        let name = command.get_subcommand_value_name().unwrap_or("COMMAND");
        words.extend([roman(" "), italic(name), roman(" [arguments]")]);
    }
    words
}

fn option_name(option: &Arg) -> String {
    match (option.get_long(), option.get_short()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some(short)) => format!("-{short}"),
        (None, None) => option.get_id().to_string(),
    }
}

fn value_names(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn takes_value(option: &Arg) -> bool {
    option.get_action().takes_values()
}

fn repeats(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Append)
}

/// The other pages of a command: that of septum, and those of its group.
fn related_pages(name: &str) -> String {
    let group = GROUPS.iter().find(|(_, commands)| commands.iter().any(|(known, _)| *known == name));
    let pages: Vec<_> = match group {
        Some((_, commands)) => {
            let others = commands.iter().filter(|(known, _)| *known != name);
            ["septum(1)".to_owned()].into_iter().chain(others.map(|(known, _)| format!("septum-{known}(1)"))).collect()
        }
        None => ["sops(1)", "age(1)", "kubectl(1)"].map(str::to_owned).into(),
    };
    format!("{}. The documentation is in docs/ of the source repository.", pages.join(", "))
}
