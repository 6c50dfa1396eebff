//! The page itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::ReportContent;
use super::data::matrix_data;
use super::readers::{FileAccess, FileReaders};
use crate::check::FindingView;
use crate::diagnostic::{escape_json, escape_line};
use crate::view::escape_html;

/// Words at the top of every page, by which one is recognised.
pub const MARK: &str = "Written by `septum report`";

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes the page.
pub fn write_page(content: &ReportContent<'_>) -> String {
    let mut out = String::new();
    push_head(&mut out, content);
    push_keys(&mut out);
    push_findings(&mut out, content);
    push_readers(&mut out, content.readers);
    let data = serde_json::to_string(&matrix_data(content)).unwrap_or_default();
    let _ = write!(
        out,
        "<script type=\"application/json\" id=\"data\">{}</script>\n<script>{SCRIPT}</script>\n",
        script_data(&data)
    );
    out.push_str("</body>\n</html>\n");
    out
}

/// JSON within an element `script`: nothing in it ends the element, begins a comment, or acts on a terminal.
fn script_data(json: &str) -> String {
    escape_json(json).replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// Source of a policy for an inline element: only this very text is allowed.
fn policy_hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

fn push_head(out: &mut String, content: &ReportContent<'_>) {
    let mut names: Vec<&str> = content.surveys.iter().map(|survey| survey.app.as_str()).collect();
    names.truncate(4);
    let title = text(&format!(
        "Configuration of {}{}",
        names.join(", "),
        if content.surveys.len() > names.len() { ", …" } else { "" }
    ));
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        policy_hash(STYLE),
        policy_hash(SCRIPT)
    );
    let _ = write!(
        out,
        "<!doctype html>\n<!-- {MARK}: change the layers, not this file. -->\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <nav aria-label=\"Parts of the page\"><a href=\"#matrix\">Keys</a><a href=\"#findings\">Findings ({})</a><a href=\"#readers\">Readers</a></nav>\n",
        content.findings.len()
    );
    // the columns of the table are known without the script
    let mut columns = String::new();
    for name in content.environments {
        let _ = write!(columns, "<th scope=\"col\">{}</th>", text(name.as_str()));
    }
    let _ = write!(
        out,
        "<section id=\"matrix\" aria-labelledby=\"matrix-heading\">\n<h2 id=\"matrix-heading\">Keys</h2>\n\
         <noscript><p>The table requires JavaScript. <code>septum list --values</code> shows the same.</p></noscript>\n\
         <div class=\"filter\" role=\"search\"><label><span>Filter by words</span><input id=\"words\" type=\"search\" autocomplete=\"off\"></label>\n\
         <label><span>Show</span><select id=\"show\"><option value=\"all\">all keys</option><option value=\"missing\">missing in an environment</option>\
         <option value=\"secret\">secrets</option><option value=\"set\">set by an environment</option><option value=\"removed\">removed in an environment</option></select></label>\n\
         <span id=\"count\" role=\"status\" aria-live=\"polite\"></span></div>\n\
         <div class=\"scroll\"><table id=\"keys\"><caption class=\"soft\">A key opens its history, its reasons and its values. No value of a secret is on this page.</caption>\n\
         <thead><tr><th scope=\"col\">key</th><th scope=\"col\">object</th>{columns}</tr></thead></table></div>\n"
    );
}

fn push_keys(out: &mut String) {
    out.push_str("</section>\n");
}

fn push_findings(out: &mut String, content: &ReportContent<'_>) {
    out.push_str("<section id=\"findings\" aria-labelledby=\"findings-heading\">\n<h2 id=\"findings-heading\">Findings of <code>septum check --keyless</code></h2>\n");
    if content.findings.is_empty() {
        out.push_str("<p>None.</p>\n");
    } else {
        out.push_str("<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">severity</th><th scope=\"col\">rule</th><th scope=\"col\">finding</th><th scope=\"col\">location</th></tr></thead>\n<tbody>\n");
        for finding in content.findings {
            push_finding(out, finding);
        }
        out.push_str("</tbody>\n</table></div>\n");
    }
    if !content.unseen.is_empty() {
        out.push_str("<h3>Not checked</h3>\n<ul>\n");
        for unseen in content.unseen {
            let _ = writeln!(out, "<li>{}</li>", text(&unseen.to_string()));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</section>\n");
}

fn push_finding(out: &mut String, finding: &FindingView<'_>) {
    let place = match (finding.file, finding.line, finding.column) {
        (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}"),
        (Some(file), ..) => file.to_owned(),
        _ => String::new(),
    };
    let help = finding
        .help
        .as_deref()
        .map(|help| format!("<br><span class=\"soft\">{}</span>", text(help)))
        .unwrap_or_default();
    let severity = text(&finding.severity);
    let _ = writeln!(
        out,
        "<tr><td class=\"{severity}\">{severity}</td><td>{}</td><td>{}{help}</td><td><code>{}</code></td></tr>",
        text(finding.rule),
        text(finding.message),
        text(&place)
    );
}

fn push_readers(out: &mut String, readers: &[FileReaders]) {
    out.push_str("<section id=\"readers\" aria-labelledby=\"readers-heading\">\n<h2 id=\"readers-heading\">Who can decrypt what</h2>\n");
    if readers.is_empty() {
        out.push_str("<p>No file is encrypted.</p>\n</section>\n");
        return;
    }
    let mut by_recipient: BTreeMap<&str, Vec<(&FileReaders, &FileAccess)>> = BTreeMap::new();
    let mut unread = Vec::new();
    for file in readers {
        let Some(access) = &file.access else {
            unread.push(file.file.as_str());
            continue;
        };
        for recipient in &access.recipients {
            by_recipient.entry(recipient).or_default().push((file, access));
        }
    }
    out.push_str("<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">recipient</th><th scope=\"col\">files</th></tr></thead>\n<tbody>\n");
    for (recipient, files) in by_recipient {
        let _ = writeln!(out, "<tr><th scope=\"row\"><code>{}</code></th><td><ul>", text(recipient));
        for (file, access) in files {
            let environments = if file.environments.is_empty() {
                String::new()
            } else {
                format!(" ({})", file.environments.join(", "))
            };
            let shares =
                access.shares.map(|(count, needed)| format!(", with {needed} of {count} groups")).unwrap_or_default();
            let _ = writeln!(out, "<li>{}</li>", text(&format!("{}{environments}{shares}", file.file)));
        }
        out.push_str("</ul></td></tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
    if !unread.is_empty() {
        let _ = writeln!(out, "<p>Recipients unknown, as the file cannot be read: {}</p>", text(&unread.join(", ")));
    }
    out.push_str("</section>\n");
}

fn text(value: &str) -> String {
    escape_html(&escape_line(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_ends_no_element_and_stays_the_same() {
        let json = serde_json::to_string("</script><!--<script>&\u{2028}\u{202e}").expect("JSON");
        let escaped = script_data(&json);
        assert!(!escaped.contains(['<', '>', '&', '\u{2028}', '\u{202e}']), "{escaped}");
        let read: String = serde_json::from_str(&escaped).expect("JSON");
        assert_eq!(read, "</script><!--<script>&\u{2028}\u{202e}");
    }

    #[test]
    fn the_script_writes_no_markup() {
        for word in ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval", "fetch", "http:", "https:"] {
            assert!(!SCRIPT.contains(word) && !STYLE.contains(word), "{word}");
        }
    }
}
