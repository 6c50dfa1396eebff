//! Values that are taken as they are, and that nobody means: what is wrong with them shows when a pod starts, or later.

use std::collections::HashSet;

use crate::diagnostic::Diagnostic;
use crate::layer::{Entry, EntrySource};
use crate::name::{EntryId, EnvironmentName, KeyName};
use crate::pipeline::Survey;
use crate::resolve::{Final, Outcome, Read, Resolved, ResolvedValue};
use crate::route::Sensitivity;

/// The pitfalls in the values of environments. One that several have from the same place is told once.
pub(super) fn values(survey: &Survey, wanted: &[EnvironmentName]) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let of_wanted = survey.environments.iter().filter(|resolved| wanted.contains(&resolved.definition.environment));
    for resolved in of_wanted {
        for (id, value) in &resolved.entries {
            let (Some(entry), Outcome::Known(known)) = (resolved.definition.entry(id), &value.outcome) else {
                continue;
            };
            // that a message is there must tell nothing of what was decrypted
            if value.lineage.secret {
                continue;
            }
            let is_secret = survey.routing.sensitivity(id) == Sensitivity::Sensitive;
            for problem in (EntryValue { resolved, id, entry, value, known, is_secret }).check() {
                if seen.insert((problem.rule, value.place.source.name().to_owned(), value.place.span.start)) {
                    found.push(problem);
                }
            }
        }
    }
    found
}

/// An entry with its final value.
struct EntryValue<'a> {
    resolved: &'a Resolved,
    id: &'a EntryId,
    entry: &'a Entry,
    value: &'a ResolvedValue,
    known: &'a Final,
    is_secret: bool,
}

/// Files in which the line breaks of Windows are meant.
const WINDOWS_FILES: [&str; 8] = ["bat", "cmd", "csv", "eml", "http", "ps1", "reg", "vcf"];

/// Names of keys for SSH, by a word in them.
const SSH_WORDS: [&str; 5] = ["ssh", "id_", "deploy", "git", "identity"];

/// Quotes that word processors write.
const QUOTES: [char; 11] = ['“', '”', '„', '‟', '‘', '’', '‚', '‛', '«', '»', '＂'];

impl EntryValue<'_> {
    /// Warnings: `carriage-return`, `empty-value`, `missing-line-feed`, `single-braces`, `trailing-line-feed`,
    /// `typographic-quotes`.
    fn check(&self) -> Vec<Diagnostic> {
        let Some(text) = self.known.text() else { return Vec::new() };
        let found = [
            self.empty_value(text),
            self.missing_line_feed(text),
            self.trailing_line_feed(text),
            self.carriage_return(text),
            self.typographic_quotes(text),
            self.single_braces(text),
        ];
        found.into_iter().flatten().collect()
    }

    /// Its mistakes, by the name that messages have for it.
    fn says(&self, what: &str) -> String {
        format!("`{}` {what}", self.resolved.definition.label(self.id))
    }

    fn at_value(&self, warning: Diagnostic) -> Diagnostic {
        warning.at_hidden(self.value.place.clone())
    }

    fn key(&self) -> &str {
        self.id.key.as_str()
    }

    fn source(&self) -> Option<&EntrySource> {
        self.entry.source.as_ref().map(|source| &source.value)
    }

    /// The text as a layer has it; none if something made it.
    fn written<'t>(&self, text: &'t str) -> Option<&'t str> {
        matches!(self.known, Final::Written(_)).then_some(text)
    }

    /// An empty text is a value, so that `required` is content with it.
    fn empty_value(&self, text: &str) -> Option<Diagnostic> {
        let is_required = self.entry.rules.required.as_ref().is_some_and(|required| required.value);
        (text.is_empty() && is_required).then(|| {
            self.at_value(Diagnostic::warning("empty-value", self.says("is required, and empty")))
                .hint("give it a value; if it may be empty, leave out `required`")
                .hint("`minLength: 1` makes an error of it")
        })
    }

    /// OpenSSH cannot read a key whose last line has no end.
    fn missing_line_feed(&self, text: &str) -> Option<Diagnostic> {
        let is_open_ssh = text.contains("OPENSSH PRIVATE KEY-----");
        let lower = self.key().to_lowercase();
        let is_for_ssh = is_open_ssh || SSH_WORDS.iter().any(|word| lower.contains(word));
        let is_key = text.starts_with("-----BEGIN ") && text.trim_end_matches(' ').ends_with("PRIVATE KEY-----");
        (is_key && is_for_ssh).then(|| {
            self.at_value(Diagnostic::warning(
                "missing-line-feed",
                self.says("is an SSH key without the line feed after its last line"),
            ))
            .note("`ssh` refuses to read it: `error in libcrypto`, `invalid format`")
            .hint("end the file with a line feed, or write the value as a block: `|`")
        })
    }

    /// The line feed that editors add to a file is a part of the password, and `%0A` in a URL.
    fn trailing_line_feed(&self, text: &str) -> Option<Diagnostic> {
        let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let is_line = line.is_some_and(|line| !line.is_empty() && !line.contains(['\n', '\r']));
        let is_given = matches!(self.source(), Some(EntrySource::File(_) | EntrySource::Value(_)));
        if !is_line || !is_given || !self.is_secret {
            return None;
        }
        let read = Read::Entry(self.id.clone());
        let is_read = || self.resolved.entries.values().any(|value| value.lineage.reads.contains(&read));
        // with an extension it is a file, where a line feed belongs at the end
        if self.key().contains('.') && !is_read() {
            return None;
        }
        let hint = match self.source() {
            Some(EntrySource::File(_)) => {
                "write the file without it (`printf %s`), or put the value into an encrypted layer: `septum set`"
            }
            _ => "write the block as `|-`, or in one line",
        };
        Some(
            self.at_value(Diagnostic::warning(
                "trailing-line-feed",
                self.says("ends in a line feed, which is a part of the value"),
            ))
            .note("a password that ends so is another one, and in a URL it becomes `%0A`")
            .hint(hint),
        )
    }

    fn carriage_return(&self, text: &str) -> Option<Diagnostic> {
        let is_file = matches!(self.source(), Some(EntrySource::File(_) | EntrySource::Template(_)));
        let extension = self.key().rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
        let is_meant = extension.is_some_and(|extension| WINDOWS_FILES.contains(&extension.as_str()));
        (is_file && !is_meant && text.contains("\r\n")).then(|| {
            self.at_value(Diagnostic::warning(
                "carriage-return",
                self.says("has lines that end in CR and LF, as on Windows"),
            ))
            .note("shells and most programs on Linux take the CR for a part of the line")
            .hint("save the file with LF alone; `* text=auto eol=lf` in `.gitattributes` keeps it so")
        })
    }

    fn typographic_quotes(&self, text: &str) -> Option<Diagnostic> {
        let text = self.written(text)?.trim();
        let is_quoted = text.chars().count() > 2 && text.starts_with(QUOTES) && text.ends_with(QUOTES);
        (is_quoted && !text.contains('\n')).then(|| {
            self.at_value(Diagnostic::warning(
                "typographic-quotes",
                self.says("is between typographic quotes, which are a part of the value"),
            ))
            .note("YAML knows `\"` and `'` alone; word processors and chats change them")
            .hint("write it between `\"` or `'`, or without quotes")
        })
    }

    /// `{name}` where `{{ data.name }}` was meant: there is a key of that name.
    fn single_braces(&self, text: &str) -> Option<Diagnostic> {
        let text = self.written(text)?;
        let is_off = self.entry.rules.template.as_ref().is_some_and(|rule| !rule.value);
        if is_off || text.contains('\n') || !text.contains('{') {
            return None;
        }
        let key = names_in_braces(text).find(|name| self.is_other_key(name))?.trim_start_matches("data.");
        Some(
            self.at_value(Diagnostic::warning(
                "single-braces",
                self.says(&format!("holds `{{{key}}}`, and there is a key `{key}`")),
            ))
            .note("it stays as it is: a template has two braces")
            .hint(format!("write `{{{{ data.{key} }}}}`; if it is meant as it stands, set `template: false`")),
        )
    }

    fn is_other_key(&self, name: &str) -> bool {
        let name = name.strip_prefix("data.").unwrap_or(name);
        let id = EntryId { bundle: self.id.bundle.clone(), key: KeyName::from(name) };
        id.key != self.id.key && self.resolved.definition.entry(&id).is_some()
    }
}

/// The names that stand between single braces, which no `$`, `#` or the like makes something else.
fn names_in_braces(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{').filter_map(move |(at, _)| {
        let before = text.get(..at)?.chars().next_back();
        let rest = text.get(at + 1..)?;
        let end = rest.find('}')?;
        let name = rest.get(..end)?.trim();
        let is_own = before.is_none_or(|char| !"{$#%@\\".contains(char)) && !rest.get(end + 1..)?.starts_with('}');
        let is_name = |char: char| char.is_ascii_alphanumeric() || "_-.".contains(char);
        (is_own && !name.is_empty() && name.chars().all(is_name)).then_some(name)
    })
}
