//! Valid values that are hardly intended: the problem shows only when a pod starts, or later.

use crate::diagnostic::{Diagnostic, Rule};
use crate::layer::{Definition, Entry, EntrySource};
use crate::map::HashSet;
use crate::name::{BundleName, EntryId, EnvironmentName, KeyName};
use crate::pipeline::Survey;
use crate::resolve::{EntryOutcome, ResolvedBytes, ResolvedTarget, ResolvedValue, TemplateRead};
use crate::route::Sensitivity;

/// The pitfalls in the values of environments. One that several have from the same place is reported once.
pub(super) fn find_pitfalls(survey: &Survey, wanted: &[EnvironmentName]) -> Vec<Diagnostic> {
    let (mut seen, mut reported) = (HashSet::default(), HashSet::default());
    let mut found = Vec::new();
    let of_wanted = wanted.iter().filter_map(|environment| survey.environment(environment));
    for resolved in of_wanted {
        for problem in immutable_names(&resolved.definition) {
            if reported.insert(problem.message.clone()) {
                found.push(problem);
            }
        }
        for (id, value) in &resolved.entries {
            let (Some(entry), EntryOutcome::Known(known)) = (resolved.definition.entry(id), &value.outcome) else {
                continue;
            };
            // the existence of a message must reveal nothing about decrypted values
            if value.lineage.secret {
                continue;
            }
            let is_secret = survey.routing.sensitivity(id) == Sensitivity::Sensitive;
            for problem in (CheckedValue { resolved, id, entry, value, known, is_secret }).check() {
                if seen.insert((problem.rule, value.place.source.name().to_owned(), value.place.span.start)) {
                    found.push(problem);
                }
            }
        }
    }
    found
}

/// Warnings: objects that cannot be changed in the cluster, and that keep their names (`immutable-name`).
fn immutable_names(definition: &Definition) -> Vec<Diagnostic> {
    let bundles = definition.bundles.iter().filter(|(_, bundle)| !bundle.entries.is_empty());
    let fixed = bundles.filter_map(|(name, _)| {
        let setting = definition.immutable_of(name.as_str()).filter(|setting| setting.value)?;
        (!definition.naming(name.as_str()).has_suffix()).then_some((name, setting))
    });
    let warnings = fixed.map(|(name, setting)| {
        let message = format!("the objects of `{name}` are immutable, but keep their names when their values change");
        Diagnostic::warning(Rule::ImmutableName, message)
            .at(setting.place.clone())
            .note("Kubernetes refuses other values for an immutable object until it is deleted")
            .hint("set `names: hashed`, which gives other values another name; or remove `immutable`")
    });
    warnings.collect()
}

/// An entry with its final value.
struct CheckedValue<'a> {
    resolved: &'a ResolvedTarget,
    id: &'a EntryId,
    entry: &'a Entry,
    value: &'a ResolvedValue,
    known: &'a ResolvedBytes,
    is_secret: bool,
}

/// Files in which line breaks of Windows are intended.
const WINDOWS_FILES: [&str; 8] = ["bat", "cmd", "csv", "eml", "http", "ps1", "reg", "vcf"];

/// Words in names of SSH keys.
const SSH_WORDS: [&str; 5] = ["ssh", "id_", "deploy", "git", "identity"];

/// Quotes that word processors insert.
const QUOTES: [char; 11] = ['“', '”', '„', '‟', '‘', '’', '‚', '‛', '«', '»', '＂'];

impl CheckedValue<'_> {
    /// Warnings: `carriage-return`, `empty-value`, `invisible-character`, `missing-line-feed`, `single-braces`,
    /// `trailing-line-feed`, `typographic-quotes`.
    fn check(&self) -> Vec<Diagnostic> {
        let Some(text) = self.known.text() else { return Vec::new() };
        let found = [
            self.empty_value(text),
            self.invisible_character(text),
            self.missing_line_feed(text),
            self.trailing_line_feed(text),
            self.carriage_return(text),
            self.typographic_quotes(text),
            self.single_braces(text),
        ];
        found.into_iter().flatten().collect()
    }

    /// Message about a pitfall, with the entry's name.
    fn pitfall_message(&self, what: &str) -> String {
        format!("`{}` {what}", self.resolved.definition.label(self.id))
    }

    fn at_value(&self, warning: Diagnostic) -> Diagnostic {
        warning.at_masked(self.value.place.clone())
    }

    fn key(&self) -> &str {
        self.id.key.as_str()
    }

    fn source(&self) -> Option<&EntrySource> {
        self.entry.source.as_ref().map(|source| &source.value)
    }

    /// The text as a layer has it; none if it is computed.
    fn written_text<'t>(&self, text: &'t str) -> Option<&'t str> {
        matches!(self.known, ResolvedBytes::Written(_)).then_some(text)
    }

    /// An empty text is a value, so that `required` is content with it.
    fn empty_value(&self, text: &str) -> Option<Diagnostic> {
        let is_required = self.entry.rules.required.as_ref().is_some_and(|required| required.value);
        let (what, keyword) = match text {
            "" => ("is required, but empty", "`minLength: 1`"),
            _ if text.trim().is_empty() => ("is required, but contains only whitespace", "`pattern: '\\S'`"),
            _ => return None,
        };
        is_required.then(|| {
            self.at_value(Diagnostic::warning(Rule::EmptyValue, self.pitfall_message(what)))
                .hint("set a value; if it may be empty, remove `required`")
                .hint(format!("add {keyword} to make this an error"))
        })
    }

    /// An invisible character: most come from copied text.
    fn invisible_character(&self, text: &str) -> Option<Diagnostic> {
        let is_file = matches!(self.source(), Some(EntrySource::File(_) | EntrySource::Template(_)));
        let found = if is_file {
            // programs of Windows know an encoding by it
            text.chars().find(|char| *char == BYTE_ORDER_MARK).filter(|_| !self.is_for_windows())?
        } else {
            invisible(self.written_text(text)?)?
        };
        let code = u32::from(found);
        let warning = Diagnostic::warning(
            Rule::InvisibleCharacter,
            self.pitfall_message(&format!(
                "contains the character U+{code:04X}, which looks like a space or is invisible"
            )),
        );
        let remedy = if is_file {
            "save the file as UTF-8 without a byte-order mark".to_owned()
        } else {
            format!(
                "replace it with an ordinary space, or remove it; if it is intended, write `\\u{code:04X}` in double quotes"
            )
        };
        let is_escaped = !is_file && self.is_escaped(found);
        (!is_escaped).then(|| self.at_value(warning).note("it is part of the value").hint(remedy))
    }

    /// Whether the layer has a character as an escape, so that it is intended.
    fn is_escaped(&self, char: char) -> bool {
        let place = &self.value.place;
        let written = place.source.text().get(place.span.start..place.span.end);
        written.is_some_and(|written| !written.contains(char))
    }

    fn is_for_windows(&self) -> bool {
        let extension = self.key().rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
        extension.is_some_and(|extension| WINDOWS_FILES.contains(&extension.as_str()))
    }

    /// OpenSSH cannot read a key whose last line has no line feed.
    fn missing_line_feed(&self, text: &str) -> Option<Diagnostic> {
        let is_open_ssh = text.contains("OPENSSH PRIVATE KEY-----");
        let lower = self.key().to_lowercase();
        let is_for_ssh = is_open_ssh || SSH_WORDS.iter().any(|word| lower.contains(word));
        let is_key = text.starts_with("-----BEGIN ") && text.trim_end_matches(' ').ends_with("PRIVATE KEY-----");
        (is_key && is_for_ssh).then(|| {
            self.at_value(Diagnostic::warning(
                Rule::MissingLineFeed,
                self.pitfall_message("is an SSH key without a line feed at its end"),
            ))
            .note("`ssh` refuses to read it: `error in libcrypto`, `invalid format`")
            .hint("end the file with a line feed, or write the value as a block scalar: `|`")
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
        let read = TemplateRead::Entry(self.id.clone());
        let is_read = || self.resolved.entries.values().any(|value| value.lineage.reads.contains(&read));
        // with an extension it is a file, where a line feed belongs at the end
        if self.key().contains('.') && !is_read() {
            return None;
        }
        let hint = match self.source() {
            Some(EntrySource::File(_)) => {
                "write the file without it (`printf %s`), or store the value in an encrypted layer: `septum set`"
            }
            _ => "write the block scalar as `|-`, or the value on one line",
        };
        Some(
            self.at_value(Diagnostic::warning(
                Rule::TrailingLineFeed,
                self.pitfall_message("ends with a line feed, which is part of the value"),
            ))
            .note("a password with a line feed is a different password, and in a URL it becomes `%0A`")
            .hint(hint),
        )
    }

    fn carriage_return(&self, text: &str) -> Option<Diagnostic> {
        let is_file = matches!(self.source(), Some(EntrySource::File(_) | EntrySource::Template(_)));
        (is_file && !self.is_for_windows() && text.contains("\r\n")).then(|| {
            self.at_value(Diagnostic::warning(
                Rule::CarriageReturn,
                self.pitfall_message("has Windows line endings (CRLF)"),
            ))
            .note("shells and most programs on Linux treat the CR as part of the line")
            .hint("save the file with LF line endings; `* text=auto eol=lf` in `.gitattributes` keeps them")
        })
    }

    fn typographic_quotes(&self, text: &str) -> Option<Diagnostic> {
        let text = self.written_text(text)?.trim();
        let is_long = text.chars().count() > 2;
        let (begins, ends) = (text.starts_with(QUOTES), text.ends_with(QUOTES));
        let what = if is_long && begins && ends {
            "is enclosed in typographic quotes, which are part of the value"
        } else if is_long && (begins || ends) && text.matches(QUOTES).count() == 1 && !text.contains(' ') {
            "begins or ends with a typographic quote, which is part of the value"
        } else {
            return None;
        };
        (!text.contains('\n')).then(|| {
            self.at_value(Diagnostic::warning(Rule::TypographicQuotes, self.pitfall_message(what)))
                .note("YAML only knows `\"` and `'`; word processors and chats replace them")
                .hint("enclose it in `\"` or `'`, or remove the quotes")
        })
    }

    /// `{name}` where `{{ data.name }}` was intended: there is a key of that name.
    fn single_braces(&self, text: &str) -> Option<Diagnostic> {
        let text = self.written_text(text)?;
        let is_off = self.entry.rules.template.as_ref().is_some_and(|rule| !rule.value);
        if is_off || text.contains('\n') || !text.contains('{') {
            return None;
        }
        let (name, meant, what) = names_in_braces(text).find_map(|name| {
            let (meant, what) = self.meant_by(name)?;
            Some((name, meant, what))
        })?;
        Some(
            self.at_value(Diagnostic::warning(
                Rule::SingleBraces,
                self.pitfall_message(&format!("contains `{{{name}}}`, and there is {what}")),
            ))
            .note("it is not replaced: template expressions use double braces")
            .hint(format!("write `{{{{ {meant} }}}}`; if it is meant literally, set `template: false`")),
        )
    }

    /// The template reference that a name was meant to be, with an explanation.
    fn meant_by(&self, name: &str) -> Option<(String, String)> {
        let definition = &self.resolved.definition;
        let is_key = |bundle: BundleName, key: &str| {
            let id = EntryId { bundle, key: KeyName::from(key) };
            id != *self.id && definition.entry(&id).is_some()
        };
        let steps: Vec<&str> = name.split('.').collect();
        match steps.as_slice() {
            ["env", "name" | "namespace"] | ["app", "name"] => {
                Some((name.to_owned(), "a template variable of that name".to_owned()))
            }
            ["vars", path @ ..] if !path.is_empty() => {
                let is_variable = definition.vars.as_ref().is_some_and(|vars| vars.at(path).is_some());
                is_variable.then(|| (name.to_owned(), format!("a variable `{name}`")))
            }
            ["bundles", bundle, key] if is_key(BundleName::from(*bundle), key) => {
                Some((format!("bundles[\"{bundle}\"].{key}"), format!("a key `{key}`")))
            }
            _ => {
                let key = name.strip_prefix("data.").unwrap_or(name);
                let is_other = is_key(self.id.bundle.clone(), key);
                is_other.then(|| (format!("data.{key}"), format!("a key `{key}`")))
            }
        }
    }
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// A character that looks like a space or is invisible. Between letters that are not ASCII, ordinary text may need
/// one that joins or separates.
fn invisible(text: &str) -> Option<char> {
    let is_invisible = |char: char| {
        let joins = matches!(char, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{ad}' | BYTE_ORDER_MARK);
        joins || char.is_whitespace() && !char.is_ascii()
    };
    let is_never_meant = |char: char| matches!(char, '\u{200b}' | '\u{2060}' | BYTE_ORDER_MARK);
    let is_of_people = text.chars().any(|char| !char.is_ascii() && !is_invisible(char));
    text.chars().find(|&char| if is_of_people { is_never_meant(char) } else { is_invisible(char) })
}

/// The names between single braces that are not part of another syntax, such as `${…}` or `#{…}`.
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
