//! `septum.yaml`: the project file.

use serde::Deserialize;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::span::{Source, Span};

const FIELDS: [&str; 3] = ["apps", "shared", "output"];

/// What the project file may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    /// Globs of folders; each match that holds a `base.yaml` is an app.
    pub(super) apps: Vec<String>,
    /// A folder of layers that lie under those of every app.
    pub(super) shared: Option<String>,
    /// Where a rendered tree goes. Read by nobody before trees are rendered; checked all the same.
    #[serde(default)]
    #[allow(dead_code, reason = "belongs to the file's format")]
    output: Option<String>,
}

impl Settings {
    /// Reads the project file; errors carry the place.
    pub(super) fn parse(source: &Source) -> Result<Self, Diagnostic> {
        serde_yaml::from_str(source.text()).map_err(|error| {
            let text = error.to_string();
            // the library's own place in the text is one of bytes; ours follows as a label
            let message = in_words(text.split(" at line ").next().unwrap_or(&text));
            let unknown = message.split_once("unknown field `").and_then(|(_, rest)| rest.split('`').next());
            let diagnostic = Diagnostic::error("project-file", message.clone())
                .maybe_hint(unknown.and_then(|field| did_you_mean(field, FIELDS)));
            match error.location() {
                Some(location) => diagnostic.at(source.place(word_at(source.text(), location.index(), unknown))),
                None => diagnostic.note(format!("in `{}`", source.name())),
            }
        })
    }
}

/// The library's message in ours.
fn in_words(message: &str) -> String {
    if let Some((field, _)) = message.split_once(": invalid type") {
        let expected = if message.ends_with("a sequence") { "a list of texts" } else { "a text" };
        return format!("expected {expected} for `{field}`");
    }
    let of_fields = ["unknown field", "missing field", "duplicate field"];
    if of_fields.iter().any(|known| message.starts_with(known)) {
        return format!("{message} in the project file");
    }
    format!("the project file is no valid YAML: {message}")
}

/// The span of a field's name, or of the word at an offset.
fn word_at(text: &str, offset: usize, field: Option<&str>) -> Span {
    let start = field
        .and_then(|field| {
            let mut at = 0;
            text.split_inclusive('\n').find_map(|line| {
                let found = line.starts_with(&format!("{field}:")).then_some(at);
                at += line.len();
                found
            })
        })
        .unwrap_or(offset);
    let length = text.get(start..).map_or(0, |rest| rest.find([':', ' ', '\n']).unwrap_or(rest.len()));
    Span::locate(text, start, start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_field_is_pointed_at_with_the_nearest_name() {
        let source = Source::new("septum.yaml", "apps: [\"services/*\"]\nshraed: environments\n");
        let error = Settings::parse(&source).unwrap_err();
        assert_eq!((error.hints[0].as_str(), error.labels[0].place.span.line), ("did you mean `shared`?", 2));
    }

    #[test]
    fn the_project_file_must_name_apps() {
        let error = Settings::parse(&Source::new("septum.yaml", "shared: environments\n")).unwrap_err();
        assert!(error.message.contains("missing field `apps`"), "{}", error.message);
    }
}
