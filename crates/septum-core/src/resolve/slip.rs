//! Typical mistakes in the syntax of templates: words and signs of other languages, with their equivalents in Septum.
//!
//! Only fixed words are shown. Nothing that is read here was computed.

use std::ops::Range;

/// Mistake in a template, with its fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mistake {
    message: &'static str,
    hint: &'static str,
}

/// Mistake with its range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slip {
    pub(super) range: Range<usize>,
    pub(super) message: &'static str,
    pub(super) hint: &'static str,
}

const fn mistake(message: &'static str, hint: &'static str) -> Mistake {
    Mistake { message, hint }
}

/// Signs that expressions do not have; of two with a common prefix, the longer one is first.
const SIGNS: [(&str, Mistake); 10] = [
    ("&&", mistake("`&&` is not an operator of templates", "write `and`")),
    ("||", mistake("`||` is not an operator of templates", "write `or`; for a fallback, `| default(\"…\")`")),
    ("===", mistake("`===` is not an operator of templates", "write `==`")),
    ("!==", mistake("`!==` is not an operator of templates", "write `!=`")),
    ("<>", mistake("`<>` is not an operator of templates", "write `!=`")),
    ("??", mistake("`??` is not an operator of templates", "write `| default(\"…\")`")),
    ("?", mistake("`?` is not an operator of templates", "write `a if condition else b`")),
    ("!", mistake("`!` is not an operator of templates", "write `not`")),
    ("`", mistake("a backtick is not a quote", "quote the string with `\"…\"` or `'…'`")),
    ("$", mistake("a template name does not start with `$`", "write `vars.x` or `data.KEY`")),
];

/// Statements of other languages.
const STATEMENTS: [(&[&str], Mistake); 12] = [
    (
        &["end", "fi", "done", "esac"],
        mistake(
            "a block is closed by the matching `end` statement",
            "write `{% endif %}` after an `if`, `{% endfor %}` after a `for`",
        ),
    ),
    (&["elsif", "elseif", "elsf", "else_if", "elif_"], mistake("unknown statement", "write `{% elif condition %}`")),
    (&["unless"], mistake("unknown statement `unless`", "write `{% if not condition %} … {% endif %}`")),
    (
        &["assign", "let", "var", "local", "capture", "const", "define"],
        mistake("unknown statement", "write `{% set name = value %}`"),
    ),
    (
        &["foreach", "each", "loop", "range", "tablerow"],
        mistake("unknown statement", "write `{% for item in list %} … {% endfor %}`"),
    ),
    (
        &["while", "until"],
        mistake("unknown statement: every loop must be finite", "write `{% for item in list %} … {% endfor %}`"),
    ),
    (
        &["case", "switch", "when"],
        mistake("unknown statement", "write `{% if a %} … {% elif b %} … {% else %} … {% endif %}`"),
    ),
    (&["comment", "rem"], mistake("unknown statement", "write `{# … #}` for a comment")),
    (&["verbatim", "literal"], mistake("unknown statement", "write `{% raw %} … {% endraw %}`")),
    (&["print", "echo", "return", "yield"], mistake("unknown statement", "write `{{ value }}` to print a value")),
    (&["elif", "else"], mistake("no matching `if`", "open the block first: `{% if condition %}`")),
    (
        &["endif", "endfor", "endmacro", "endset", "endfilter", "endwith"],
        mistake(
            "no matching open block",
            "remove it, or open the block first: `{% if condition %}`, `{% for item in list %}`",
        ),
    ),
];

/// Words between operands, for which templates have signs.
const WORDS: [(&[&str], Mistake); 9] = [
    (&["eq"], mistake("`eq` is not an operator of templates", "write `a == b`")),
    (&["ne", "neq"], mistake("`ne` is not an operator of templates", "write `a != b`")),
    (&["lt"], mistake("`lt` is not an operator of templates", "write `a < b`")),
    (&["le", "lte"], mistake("`le` is not an operator of templates", "write `a <= b`")),
    (&["gt"], mistake("`gt` is not an operator of templates", "write `a > b`")),
    (&["ge", "gte"], mistake("`ge` is not an operator of templates", "write `a >= b`")),
    (&["AND"], mistake("`AND` is not an operator of templates", "write `and`")),
    (&["OR"], mistake("`OR` is not an operator of templates", "write `or`")),
    (&["NOT"], mistake("`NOT` is not an operator of templates", "write `not`")),
];

const ASSIGNMENT: Mistake =
    mistake("`=` is not a comparison", "write `==` to compare; to assign a value, `{% set name = value %}`");
const ELSE_IF: Mistake = mistake("`else` does not accept a condition", "write `{% elif condition %}`");
const COLON: Mistake =
    mistake("filter arguments must be in parentheses", "write `| name(argument)`, as in `| default(\"…\")`");
const THREE_BRACES: Mistake =
    mistake("triple braces are Mustache or Handlebars syntax", "write `{{ data.KEY }}`: values are never escaped");
const EMPTY: Mistake = mistake("the expression is empty", "write an expression, as in `{{ data.KEY }}`");
const ONE_BRACE: Mistake = mistake("a single brace cannot close `{{`", "close it with `}}`");

/// First mistake in the tag of a template at which the engine failed. If that is unknown, because the engine's lexer
/// stops there, the first unknown sign.
pub(super) fn find_slip(template: &str, failed: Option<&Range<usize>>) -> Option<Slip> {
    let mut tags = Tags { template, at: 0 };
    match failed {
        None => tags.find_map(|tag| slip_in(template, &tag, None)),
        // the text after that position was not read
        Some(failed) => {
            let tag = tags.find(|tag| tag.start <= failed.start && failed.start < tag.end.max(tag.start + 1))?;
            slip_in(template, &tag, Some(failed))
        }
    }
}

/// Tags of a text, found by brackets and quotes alone: the engine's lexer stops at the first unknown sign.
struct Tags<'t> {
    template: &'t str,
    at: usize,
}

impl Iterator for Tags<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = self.template.get(self.at..)?;
        let start = self.at + [rest.find("{{"), rest.find("{%")].into_iter().flatten().min()?;
        let closing = if self.template.get(start..)?.starts_with("{{") { "}}" } else { "%}" };
        let inner = self.template.get(start + 2..)?;
        let found =
            outside_quotes(inner).find(|(at, _)| inner.get(*at..).is_some_and(|rest| rest.starts_with(closing)));
        let end = found.map_or(self.template.len(), |(at, _)| start + 2 + at + closing.len());
        self.at = end;
        Some(start..end)
    }
}

/// Characters of a text outside of quotes, with their offsets.
fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let (mut quote, mut is_escaped) = (None, false);
    text.char_indices().filter(move |&(_, char)| match quote {
        Some(opening) => {
            if char == opening && !is_escaped {
                quote = None;
            }
            is_escaped = char == '\\' && !is_escaped;
            false
        }
        None => {
            if matches!(char, '"' | '\'') {
                quote = Some(char);
            }
            quote.is_none()
        }
    })
}

fn slip_in(template: &str, tag: &Range<usize>, failed: Option<&Range<usize>>) -> Option<Slip> {
    let text = template.get(tag.clone())?;
    let inner = text.get(2..)?;
    let inner = inner.strip_suffix("}}").or_else(|| inner.strip_suffix("%}")).unwrap_or(inner);
    let is_statement = text.starts_with("{%");
    let slip = |at: usize, length: usize, mistake: Mistake| {
        let start = tag.start + at;
        Some(Slip { range: start..start + length, message: mistake.message, hint: mistake.hint })
    };
    if !is_statement && text.starts_with("{{{") {
        return slip(0, 3, THREE_BRACES);
    }
    if !is_statement && inner.trim_matches(['-', '+']).trim().is_empty() && text.ends_with("}}") {
        return slip(0, text.len(), EMPTY);
    }
    let words: Vec<_> = words_of(inner).collect();
    if let Some(&(at, first)) = words.first().filter(|_| is_statement) {
        let is_else_if = first == "else" && words.get(1).is_some_and(|(_, word)| *word == "if");
        if is_else_if {
            return slip(2 + at, first.len(), ELSE_IF);
        }
        let near = failed.is_some_and(|failed| failed.start <= tag.start + 2 + at + first.len());
        let known = STATEMENTS.iter().find(|(names, _)| names.contains(&first));
        if let Some((_, mistake)) = known.filter(|_| near) {
            return slip(2 + at, first.len(), *mistake);
        }
    }
    // the first word of a statement is its keyword
    let of_operands = words.iter().skip(usize::from(is_statement));
    let reached = |at: usize| failed.is_none_or(|failed| tag.start + 2 + at <= failed.start.max(failed.end));
    let sign = first_sign(inner, &words, is_statement).filter(|(at, ..)| reached(*at));
    let word = of_operands.filter(|(at, _)| reached(*at)).find_map(|(at, word)| {
        let (_, mistake) = WORDS.iter().find(|(names, _)| names.contains(word))?;
        Some((*at, word.len(), *mistake))
    });
    let (at, length, mistake) = [sign, word].into_iter().flatten().min_by_key(|(at, ..)| *at)?;
    slip(2 + at, length, mistake)
}

/// First sign outside of quotes that expressions do not have.
fn first_sign(inner: &str, words: &[(usize, &str)], is_statement: bool) -> Option<(usize, usize, Mistake)> {
    let may_assign = is_statement && words.first().is_some_and(|(_, first)| !matches!(*first, "if" | "elif"));
    let mut depth = 0_usize;
    for (at, char) in outside_quotes(inner) {
        let rest = inner.get(at..)?;
        let before = inner.get(..at)?.chars().next_back();
        match char {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            '}' => return Some((at, 1, ONE_BRACE)),
            ':' if depth == 0 => return Some((at, 1, COLON)),
            _ => {}
        }
        let is_own_sign = before.is_none_or(|before| !"=!<>&|".contains(before));
        if let Some((sign, mistake)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)).filter(|_| is_own_sign)
            && !(*sign == "!" && rest.starts_with("!="))
        {
            return Some((at, sign.len(), *mistake));
        }
        let is_assignment = char == '=' && is_own_sign && !rest.starts_with("==");
        if is_assignment && depth == 0 && !may_assign {
            return Some((at, 1, ASSIGNMENT));
        }
    }
    None
}

/// Words outside of quotes that are not part of a path, with their offsets.
fn words_of(inner: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || "_.".contains(char);
    let mut done = 0;
    let starts: Vec<usize> = outside_quotes(inner).filter(|(_, char)| is_part(*char)).map(|(at, _)| at).collect();
    starts.into_iter().filter_map(move |at| {
        if at < done {
            return None;
        }
        let rest = inner.get(at..)?;
        let length = rest.find(|char| !is_part(char)).unwrap_or(rest.len());
        done = at + length;
        Some((at, rest.get(..length)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_where_it_is() {
        for (template, failed, found) in [
            ("{{ a || b }}", 6, "||"),
            ("{% if !a %}", 6, "!"),
            ("{% if a = \"y\" %}", 8, "="),
            ("{{ a | default: \"x\" }}", 14, ":"),
            ("{% if a %}x{% end %}", 14, "end"),
            ("{% if a %}x{% else if b %}", 19, "else"),
            ("x {{ a ?? \"b\" }}", 7, "??"),
            ("{{{ a }}}", 6, "{{{"),
            ("{{ }}", 3, "{{ }}"),
            ("{% if a eq \"b\" %}", 8, "eq"),
            ("{{ a } b", 5, "}"),
        ] {
            let slip = find_slip(template, Some(&(failed..failed))).unwrap();
            assert_eq!(template.get(slip.range), Some(found), "{template}");
        }
        let slip = find_slip("{% if a == \"b\" && true %}x{% else %}y{% endif %}", None).unwrap();
        assert_eq!(slip.range, 15..17);
    }

    #[test]
    fn what_is_right_and_what_stands_in_quotes_is_no_slip() {
        for template in [
            "{{ \"a && b ? !\" | default('||') }}",
            "{% set a = 1 %}",
            "{{ f(a=1) }}",
            "{{ {\"a\": 1}.a }}",
            "{% if a != b and a == c or a <= b %}",
            "{{ a[1:2] }}",
            "a && b {{ c }} !",
            "{% for a in b %}",
        ] {
            for failed in 0..=template.len() {
                assert_eq!(find_slip(template, Some(&(failed..failed))), None, "{template} at {failed}");
            }
            assert_eq!(find_slip(template, None), None, "{template}");
        }
    }
}
