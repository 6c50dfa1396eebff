//! Keys as one page of HTML.

use std::fmt::Write as _;

use super::{AppDocs, DefaultValue, KeyDoc};
use crate::diagnostic::escape_line;
use crate::view::escape_html;

/// First lines of a written page, up to its styles.
const HEAD: &str = "<!doctype html>
<!-- Written by `septum docs`: change the layers, not this file. -->
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">
<title>Configuration</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid; padding: .3rem .6rem; text-align: left; vertical-align: top }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap }
</style>
</head>
<body>
<h1>Configuration</h1>
";

/// Writes the keys as HTML.
pub fn write_html(apps: &[AppDocs]) -> String {
    let mut out = HEAD.to_owned();
    for app in apps {
        let _ = writeln!(out, "<h2>{}</h2>", text(&app.app));
        for (bundle, keys) in &app.groups {
            let name = if bundle.is_empty() { "Variables of templates" } else { bundle.as_str() };
            let _ = writeln!(
                out,
                "<h3>{}</h3>\n<table>\n<tr><th scope=\"col\">key</th><th scope=\"col\">type</th><th scope=\"col\">default</th><th scope=\"col\">required</th><th scope=\"col\">secret</th><th scope=\"col\">description</th></tr>",
                text(name)
            );
            for key in keys {
                push_row(&mut out, key);
            }
            out.push_str("</table>\n");
        }
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn push_row(out: &mut String, key: &KeyDoc) {
    let yes = |is: bool| if is { "yes" } else { "" };
    let code = |value: &str| format!("<code>{}</code>", text(value));
    let default = match &key.default {
        DefaultValue::Nothing => String::new(),
        DefaultValue::Text(value) if value.is_empty() => "empty".to_owned(),
        DefaultValue::Text(value) | DefaultValue::Template(value) => code(value),
        DefaultValue::Other(words) => (*words).to_owned(),
        DefaultValue::Hidden => "hidden".to_owned(),
    };
    let kind = [key.kind.as_str()].into_iter().chain(key.rules.iter().map(String::as_str)).map(text);
    let description = key.description.iter().map(|description| text(description));
    let notes = key.notes.iter().map(|(name, note)| format!("{name}: {}", text(note)));
    let _ = writeln!(
        out,
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{default}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        code(&key.key),
        kind.collect::<Vec<_>>().join("<br>"),
        yes(key.required),
        key.secret_word(),
        description.chain(notes).collect::<Vec<_>>().join("<br>"),
    );
}

fn text(value: &str) -> String {
    escape_html(&escape_line(value))
}
