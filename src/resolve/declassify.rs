//! `declassify(value, "reason")`: the one way to lift taint.
//!
//! Arguments are evaluated before a function is called, so at the time of the call the reads of
//! its argument are in the log already, among others. To tell them apart, the source is rewritten
//! before it is parsed: `declassify(x, "r")` becomes `_d(_m(),    x, "r")`. `_m` notes how long
//! the log is, the argument is evaluated, and `_d` lifts what was read in between. The rewritten
//! text has the same length, line by line, so places of errors stay right.
//!
//! `_m` and `_d` by themselves would lift anything, so a template that names them is rewritten to
//! name something that does not exist.
//!
//! The reason has to be a text in quotes: one that is computed could hold a secret, and `explain`
//! shows it. A call without one is rewritten to name a function that says so.
//!
//! Only reads *inside* the call are lifted: a variable that was set before, or a parameter of a
//! macro, was read elsewhere and stays tainted.

use std::borrow::Cow;

use minijinja::{Error, ErrorKind};

const NAME: &str = "declassify";
const CALL: &str = "_d(_m(),";
/// The same for a call whose reason is not a text in quotes.
pub(super) const REFUSED: &str = "_r(_m(),";
/// What is said of one.
pub(super) const UNREASONED: &str =
    "`declassify` wants a reason, a text in quotes: `declassify(value, \"why it may be public\")`";
/// What is said where it cannot be used at all.
pub(super) const BESIDE_NAMESPACE: &str =
    "a template that uses `namespace` cannot use `declassify`: a secret could get out of the call in a field";
/// The names in them, and what a template that writes one of them gets.
const INNER: [&str; 3] = ["_d", "_m", "_r"];
const NOTHING: &str = "__";

/// The template with its calls of `declassify` rewritten.
fn rewrite(template: &str) -> Cow<'_, str> {
    if ![NAME].iter().chain(&INNER).any(|name| template.contains(name)) {
        return Cow::Borrowed(template);
    }
    let mut out = template.as_bytes().to_vec();
    for (start, end) in expressions(template) {
        for name in INNER {
            let mut at = start;
            while let Some(found) = next_word(template, name, at, end) {
                at = found + name.len();
                out.splice(found..at, NOTHING.bytes());
            }
        }
        let mut at = start;
        while let Some((call, after)) = next_call(template, at, end) {
            let replacement = if has_literal_reason(template, after, end) { CALL } else { REFUSED };
            // `call..after` is the name, blanks and the parenthesis: at least as long as CALL
            for (index, byte) in out.iter_mut().take(after).skip(call).enumerate() {
                *byte = match replacement.as_bytes().get(index) {
                    Some(replaced) => *replaced,
                    None if *byte == b'\n' => b'\n',
                    None => b' ',
                };
            }
            at = after;
        }
    }
    // ASCII was replaced by ASCII
    Cow::Owned(String::from_utf8(out).unwrap_or_else(|_| template.to_owned()))
}

/// Whether the last argument of a call is one text in quotes; `start` is behind its parenthesis.
fn has_literal_reason(template: &str, start: usize, end: usize) -> bool {
    let (mut at, mut depth, mut argument) = (start, 0_usize, start);
    while at < end {
        match template.as_bytes().get(at) {
            Some(b'(' | b'[' | b'{') => depth += 1,
            Some(b')') if depth == 0 => break,
            Some(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            Some(b',') if depth == 0 => argument = at + 1,
            _ => {}
        }
        at = next(template, at);
    }
    let reason = template.get(argument..at.min(end)).unwrap_or_default().trim();
    let is_text = argument > start && reason.starts_with(['"', '\'']);
    is_text && next(reason, 0) == reason.len() && !reason.trim_matches(['"', '\'', ' ']).is_empty()
}

/// Most operators, attributes and filters that one expression may have, and `elif` a template. The engine walks an
/// expression by recursion: a few thousand overflow the stack.
const MAX_OPERATORS: usize = 500;

/// The template as the engine gets it, unless an expression in it is too long.
pub(super) fn prepare(template: &str) -> Result<Cow<'_, str>, Error> {
    let too_long =
        |&(start, end): &(usize, usize)| end - start > MAX_OPERATORS && operators(template, start, end) > MAX_OPERATORS;
    let expressions = expressions(template);
    // one `elif` lies in the other
    let alternatives =
        expressions.iter().filter(|&&(start, _)| template[start..].trim_start().starts_with("elif")).count();
    if expressions.iter().any(too_long) || alternatives > MAX_OPERATORS {
        let detail = format!("more than {MAX_OPERATORS} operators in one expression, or `elif` in one template");
        return Err(Error::new(ErrorKind::SyntaxError, detail));
    }
    Ok(rewrite(template))
}

fn operators(template: &str, start: usize, end: usize) -> usize {
    let (mut at, mut count) = (start, 0);
    while at < end {
        let rest = &template[at..end];
        let is_word = ["and ", "or ", "not ", "in ", "is ", "if "].iter().any(|word| rest.starts_with(word));
        count += usize::from(is_word || rest.starts_with(|char| "~+-*/%<>=!.|([{".contains(char)));
        at = next(template, at);
    }
    count
}

/// The ranges of `{{ … }}` and `{% … %}`.
pub(super) fn expressions(template: &str) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(open) = template[at..].find('{').map(|found| at + found) {
        let close = match template.as_bytes().get(open + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => {
                at = template[open..].find("#}").map_or(template.len(), |length| open + length + 2);
                continue;
            }
            _ => {
                at = open + 1;
                continue;
            }
        };
        let end = end_of_expression(template, open + 2, close);
        if close == "%}" && is_word(&template[open + 2..end], "raw") {
            at = end_of_raw(template, end);
            continue;
        }
        ranges.push((open + 2, end));
        at = end;
    }
    ranges
}

/// Whether a tag holds this word and nothing else but the signs that trim blanks.
pub(super) fn is_word(tag: &str, word: &str) -> bool {
    tag.trim_start_matches(['-', '+']).trim_end_matches(['-', '+']).trim() == word
}

/// Where the text ends that `{% raw %}` keeps as it stands.
fn end_of_raw(template: &str, start: usize) -> usize {
    let mut at = start;
    while let Some(open) = template[at..].find("{%").map(|found| at + found + 2) {
        match template[open..].find("%}") {
            Some(length) if is_word(&template[open..open + length], "endraw") => return open + length,
            Some(_) => at = open,
            None => break,
        }
    }
    template.len()
}

/// Where `close` stands outside of a text in quotes.
fn end_of_expression(template: &str, start: usize, close: &str) -> usize {
    let mut at = start;
    while at < template.len() {
        if template[at..].starts_with(close) {
            return at;
        }
        at = next(template, at);
    }
    template.len()
}

/// The offset after the character, or the text in quotes, at `at`.
fn next(template: &str, at: usize) -> usize {
    let mut chars = template[at..].char_indices();
    let Some((_, first)) = chars.next() else { return template.len() };
    if first != '"' && first != '\'' {
        return at + first.len_utf8();
    }
    let mut escaped = false;
    for (index, char) in chars {
        if char == first && !escaped {
            return at + index + 1;
        }
        escaped = char == '\\' && !escaped;
    }
    template.len()
}

/// The next call in `start..end`: where its name begins, and the offset after its parenthesis.
fn next_call(template: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    let mut at = start;
    while let Some(call) = next_word(template, NAME, at, end) {
        at = call + NAME.len();
        let after = &template[at..end];
        let blanks = after.len() - after.trim_start().len();
        if after[blanks..].starts_with('(') && after[..blanks].is_ascii() {
            return Some((call, at + blanks + 1));
        }
    }
    None
}

/// Where `word` stands by itself in `start..end`, neither in quotes nor as the attribute of a value.
pub(super) fn next_word(template: &str, word: &str, start: usize, end: usize) -> Option<usize> {
    let of_word = |char: char| char.is_alphanumeric() || char == '_';
    let mut at = start;
    while at < end {
        let begins = !template[..at].ends_with(|char| of_word(char) || char == '.');
        if begins && template[at..end].strip_prefix(word).is_some_and(|after| !after.starts_with(of_word)) {
            return Some(at);
        }
        at = next(template, at);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::rewrite;

    #[test]
    fn calls_are_rewritten_in_place_and_nothing_else() {
        for (template, expected) in [
            ("{{ declassify(a, 'r') }}", "{{ _d(_m(),   a, 'r') }}"),
            ("{{ declassify (a, 'r') }}", "{{ _d(_m(),    a, 'r') }}"),
            ("{{ declassify\n(a, 'r') }}", "{{ _d(_m(),  \n a, 'r') }}"),
            ("{{ declassify(a) }}", "{{ _r(_m(),   a) }}"),
            ("{{ declassify(a, '') }}", "{{ _r(_m(),   a, '') }}"),
            ("{{ declassify(a, b) }}", "{{ _r(_m(),   a, b) }}"),
            ("{{ declassify(a, 'r' ~ b) }}", "{{ _r(_m(),   a, 'r' ~ b) }}"),
            ("{{ declassify(f(a, 'x'), \"r\" ) }}", "{{ _d(_m(),   f(a, 'x'), \"r\" ) }}"),
            ("{% if declassify(a, 'r') %}", "{% if _d(_m(),   a, 'r') %}"),
            ("declassify(a)", "declassify(a)"),
            ("{{ 'declassify(a)' }}", "{{ 'declassify(a)' }}"),
            ("{# declassify(a) #}", "{# declassify(a) #}"),
            ("{% raw %}{{ declassify(a) }}{% endraw %}", "{% raw %}{{ declassify(a) }}{% endraw %}"),
            (
                "{%- raw -%}{% x %}{%- endraw -%}{{ declassify(a, 'r') }}",
                "{%- raw -%}{% x %}{%- endraw -%}{{ _d(_m(),   a, 'r') }}",
            ),
            ("{{ x.declassify(a) }}", "{{ x.declassify(a) }}"),
            ("{{ redeclassify(a) }}", "{{ redeclassify(a) }}"),
            ("{{ '}}' ~ declassify(a, 'r') }}", "{{ '}}' ~ _d(_m(),   a, 'r') }}"),
            ("{{ declassify(declassify(a, 'x'), 'y') }}", "{{ _d(_m(),   _d(_m(),   a, 'x'), 'y') }}"),
            ("{{ _d(_m(), x, 'y') }}{% set f = _m %}", "{{ __(__(), x, 'y') }}{% set f = __ %}"),
            ("_d {{ '_d' }}{{ x._d }}{{ x_d }}{{ _dx }}", "_d {{ '_d' }}{{ x._d }}{{ x_d }}{{ _dx }}"),
            ("{{ ", "{{ "),
        ] {
            assert_eq!(rewrite(template), expected, "{template}");
        }
    }

    #[test]
    fn any_text_keeps_its_length() {
        for template in
            ["{{declassify(", "{{'declassify(", "{%declassify(ß", "{{ ß declassify\u{a0}(x) }}", "{", "{{{{", "{#"]
        {
            assert_eq!(rewrite(template).len(), template.len(), "{template}");
        }
    }
}
