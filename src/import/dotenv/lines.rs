//! Lines of dotenv files, as each dialect reads them.

use super::dialect::DotenvDialect;
use super::value::{DotenvPart, read_value, read_words};
use crate::span::{Source, Span};

/// Length from which a line is lost on kustomize, and refused by Docker, in bytes.
pub(super) const LONG_LINE: usize = 64 << 10;

/// Assignment of a dotenv file.
pub(super) struct DotenvEntry {
    pub(super) key: String,
    pub(super) parts: Vec<DotenvPart>,
    /// Its first line, in the file.
    pub(super) span: Span,
    /// Offset of the line after its last one.
    pub(super) end: usize,
}

/// A line as a dialect reads it.
pub(super) enum DialectLine {
    Entry(DotenvEntry),
    /// Skipped by the reader, because it has no `=`: the variable would come from the process.
    Skipped(Span),
    /// Refused by the reader, with the reason.
    Invalid(Span, &'static str),
}

/// Reads a file by the rules of a dialect.
pub(super) fn read_dotenv(source: &Source, dialect: DotenvDialect) -> Vec<DialectLine> {
    let text = source.text().strip_prefix('\u{FEFF}').unwrap_or(source.text());
    let mut at = source.text().len() - text.len();
    let (mut found, all) = (Vec::new(), source.text());
    while let Some(rest) = all.get(at..).filter(|rest| !rest.is_empty()) {
        let line = rest.split('\n').next().unwrap_or_default();
        let start = at;
        at += line.len() + 1;
        let line = line.strip_suffix('\r').unwrap_or(line);
        let content = line.trim_start();
        if content.trim().is_empty() || content.starts_with('#') {
            continue;
        }
        let span = source.locate(start, start + line.len());
        if line.len() >= LONG_LINE && dialect.is_verbatim() {
            found.push(DialectLine::Invalid(span, "a line has 64 KiB or more"));
            return found;
        }
        let Some((key, value)) = content.split_once('=') else {
            // the variable comes from the process, or is skipped
            found.push(if dialect == DotenvDialect::Kustomize {
                DialectLine::Entry(DotenvEntry { key: content.to_owned(), parts: Vec::new(), span, end: at })
            } else {
                DialectLine::Skipped(span)
            });
            continue;
        };
        let key = match read_key(key, dialect) {
            Ok(key) => key,
            Err(why) => {
                found.push(DialectLine::Invalid(span, why));
                continue;
            }
        };
        if key.is_empty() {
            continue;
        }
        let value_start = start + line.len() - value.len();
        let (parts, end) = match dialect {
            _ if dialect.is_verbatim() && value.is_empty() => (Vec::new(), at),
            _ if dialect.is_verbatim() => (vec![DotenvPart::Text(value.to_owned())], at),
            DotenvDialect::Shell => read_words(all, value_start),
            _ => match read_value(all, value_start, line.len() - (value_start - start), dialect) {
                Ok(read) => read,
                Err(why) => {
                    found.push(DialectLine::Invalid(span, why));
                    continue;
                }
            },
        };
        if end > at {
            at = all.get(end..).and_then(|rest| rest.find('\n')).map_or(all.len(), |line_end| end + line_end + 1);
        }
        found.push(DialectLine::Entry(DotenvEntry { key, parts, span, end: at }));
    }
    found
}

fn read_key(text: &str, dialect: DotenvDialect) -> Result<String, &'static str> {
    if dialect == DotenvDialect::Kustomize {
        return Ok(text.to_owned());
    }
    let exported = text.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
    if dialect == DotenvDialect::Docker {
        return if text.contains(char::is_whitespace) { Err("a key has a blank") } else { Ok(text.to_owned()) };
    }
    let key = exported.unwrap_or(text);
    let (key, trimmed) =
        (key.trim(), key.trim_end() != key && exported.is_none() || key.trim().len() < key.len() && exported.is_none());
    if key.contains(char::is_whitespace) || trimmed && matches!(dialect, DotenvDialect::Compose | DotenvDialect::Shell)
    {
        return Err("a key has a blank");
    }
    Ok(key.trim_matches('\'').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `K` as the dialects read it, with variables as written; `!` for an error, `-` for none.
    fn values(text: &str) -> [String; 6] {
        DotenvDialect::ALL.map(|dialect| {
            let lines = read_dotenv(&Source::new(".env", text), dialect);
            let found = lines.into_iter().next().map(|line| match line {
                DialectLine::Entry(entry) => {
                    let parts = entry.parts.iter().map(|part| match part {
                        DotenvPart::Text(text) => text.clone(),
                        DotenvPart::Substitution(text) => format!("<?{text}>"),
                        DotenvPart::Variable { name, default, .. } => {
                            let shown = default.as_ref().map(|default| {
                                let sign = if default.is_for_empty { '|' } else { '-' };
                                format!("{sign}{}", default.text)
                            });
                            format!("<{name}{}>", shown.unwrap_or_default())
                        }
                    });
                    let value: String = parts.collect();
                    if entry.key == "K" { value } else { format!("{}:{value}", entry.key) }
                }
                DialectLine::Skipped(_) => "-".to_owned(),
                DialectLine::Invalid(..) => "!".to_owned(),
            });
            found.unwrap_or_else(|| "-".to_owned())
        })
    }

    #[test]
    fn each_dialect_reads_as_its_program() {
        // node, python, docker, compose, kustomize, shell
        for (text, expected) in [
            ("K=a", ["a", "a", "a", "a", "a", "a"]),
            ("K=", ["", "", "", "", "", ""]),
            ("K='a'", ["a", "a", "'a'", "a", "'a'", "a"]),
            ("K=\"a\\nb\"", ["a\nb", "a\nb", "\"a\\nb\"", "a\nb", "\"a\\nb\"", "a\\nb"]),
            ("K=`a`", ["a", "`a`", "`a`", "`a`", "`a`", "`a`"]),
            ("K=a # b", ["a", "a", "a # b", "a", "a # b", "a"]),
            ("K=a#b", ["a", "a#b", "a#b", "a#b", "a#b", "a#b"]),
            ("K='a # b' # c", ["a # b", "a # b", "'a # b' # c", "a # b", "'a # b' # c", "a # b"]),
            ("K=$A", ["<A>", "$A", "$A", "<A>", "$A", "<A>"]),
            ("K=${A:-x}", ["<A|x>", "<A-x>", "${A:-x}", "<A|x>", "${A:-x}", "<A|x>"]),
            ("K=${A-x}", ["<A-x>", "<A-x>", "${A-x}", "<A-x>", "${A-x}", "<A-x>"]),
            ("K=${A.b}", ["<?${A.b}>", "<A.b>", "${A.b}", "<?${A.b}>", "${A.b}", "<?${A.b}>"]),
            ("K='${a b}'", ["${a b}", "<?${a b}>", "'${a b}'", "${a b}", "'${a b}'", "${a b}"]),
            ("K=${A:+x}", ["<?${A:+x}>", "${A:+x}", "${A:+x}", "<?${A:+x}>", "${A:+x}", "<?${A:+x}>"]),
            ("K='$A'", ["$A", "$A", "'$A'", "$A", "'$A'", "$A"]),
            ("K='${A}'", ["${A}", "<A>", "'${A}'", "${A}", "'${A}'", "${A}"]),
            ("export K=a", ["a", "a", "!", "a", "export K:a", "a"]),
            ("K", ["-", "-", "-", "-", "", "-"]),
            ("K =a", ["a", "a", "!", "!", "K :a", "!"]),
            ("K= a ", ["a", "a", " a ", "a", " a ", ""]),
            ("K=\"a\nb\"\nL=c", ["a\nb", "a\nb", "\"a", "a\nb", "\"a", "a\nb"]),
            ("K=a$", ["a$", "a$", "a$", "a$", "a$", "a$"]),
            ("K=a\r\nL=b", ["a", "a", "a", "a", "a", "a"]),
            ("K=\"a\" b", ["\"a\" b", "!", "\"a\" b", "!", "\"a\" b", "a"]),
            ("K='a' 'b'", ["a' 'b", "!", "'a' 'b'", "!", "'a' 'b'", "a"]),
            ("K=\"\\$A\"", ["$A", "\\$A", "\"\\$A\"", "$A", "\"\\$A\"", "$A"]),
            ("K=\"\\\\$A\"", ["\\$A", "\\$A", "\"\\\\$A\"", "\\<A>", "\"\\\\$A\"", "\\<A>"]),
            ("K=a$$A", ["a$<A>", "a$$A", "a$$A", "a$A", "a$$A", "a$<A>"]),
            (
                "K=${A:-${B}}",
                ["<?${A:-${B}}>", "<A-${B>}", "${A:-${B}}", "<?${A:-${B}}>", "${A:-${B}}", "<?${A:-${B}}>"],
            ),
            ("K=${A:?x}", ["<?${A:?x}>", "${A:?x}", "${A:?x}", "<?${A:?x}>", "${A:?x}", "<?${A:?x}>"]),
            ("K=$(a)", ["<?$(a)>", "$(a)", "$(a)", "$(a)", "$(a)", "<?$(a)>"]),
        ] {
            assert_eq!(values(text), expected, "{text:?}");
        }
    }

    #[test]
    fn lines_after_a_value_of_several_lines_are_read() {
        let lines = read_dotenv(&Source::new(".env", "A=\"1\n2\" # x\nB=3\n"), DotenvDialect::Node);
        let keys: Vec<_> = lines
            .iter()
            .map(|line| match line {
                DialectLine::Entry(entry) => entry.key.as_str(),
                DialectLine::Skipped(_) => "-",
                DialectLine::Invalid(..) => "!",
            })
            .collect();
        assert_eq!(keys, ["A", "B"]);
    }
}
