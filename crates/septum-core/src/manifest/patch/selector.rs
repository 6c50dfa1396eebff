//! Selectors of labels and annotations, in the syntax of Kubernetes.

use crate::layer::Tree;
use crate::map::IndexMap;

/// Selector: all requirements hold.
#[derive(Debug)]
pub(super) struct SetSelector(Vec<Requirement>);

/// Condition on one label.
#[derive(Debug)]
struct Requirement {
    key: String,
    test: LabelTest,
}

/// Test of a label.
#[derive(Debug)]
enum LabelTest {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl SetSelector {
    /// Parses `app=web,tier in (front, back),!canary`; the error is its reason.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = TokenReader { tokens: split_tokens(text), at: 0 };
        let mut requirements = Vec::new();
        if reader.tokens.is_empty() {
            return Ok(Self(requirements));
        }
        loop {
            requirements.push(reader.requirement()?);
            match reader.next() {
                None => return Ok(Self(requirements)),
                Some(",") => {}
                Some(other) => return Err(format!("unexpected `{other}`")),
            }
        }
    }

    /// Whether labels or annotations fulfil all requirements.
    pub(super) fn matches(&self, labels: Option<&IndexMap<String, Tree>>) -> bool {
        self.0.iter().all(|Requirement { key, test }| {
            let value = labels.and_then(|labels| labels.get(key)).and_then(|tree| match tree.as_text() {
                Some(text) => Some(text),
                None => tree.is_blank().then_some(""),
            });
            let number = || value.and_then(|value| value.parse::<i64>().ok());
            match test {
                LabelTest::Exists => value.is_some(),
                LabelTest::Missing => value.is_none(),
                LabelTest::In(values) => value.is_some_and(|value| values.iter().any(|known| known == value)),
                LabelTest::NotIn(values) => value.is_none_or(|value| values.iter().all(|known| known != value)),
                LabelTest::Above(bound) => number().is_some_and(|number| number > *bound),
                LabelTest::Below(bound) => number().is_some_and(|number| number < *bound),
            }
        })
    }
}

struct TokenReader<'t> {
    tokens: Vec<&'t str>,
    at: usize,
}

impl<'t> TokenReader<'t> {
    fn peek(&self) -> Option<&'t str> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Option<&'t str> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        if self.peek() == Some("!") {
            self.at += 1;
            return Ok(Requirement { key: self.key()?, test: LabelTest::Missing });
        }
        let key = self.key()?;
        let test = match self.peek() {
            None | Some(",") => return Ok(Requirement { key, test: LabelTest::Exists }),
            Some(operator) => {
                self.at += 1;
                match operator {
                    "=" | "==" => LabelTest::In(vec![self.value()?]),
                    "!=" => LabelTest::NotIn(vec![self.value()?]),
                    "in" => LabelTest::In(self.values()?),
                    "notin" => LabelTest::NotIn(self.values()?),
                    ">" => LabelTest::Above(self.number()?),
                    "<" => LabelTest::Below(self.number()?),
                    other => {
                        return Err(format!("expected `=`, `!=`, `in` or `notin` after `{key}`, found `{other}`"));
                    }
                }
            }
        };
        Ok(Requirement { key, test })
    }

    fn key(&mut self) -> Result<String, String> {
        let key = self.next().filter(|token| !is_symbol(token)).ok_or("expected a key")?;
        let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
        let is_valid = is_label_text(name) && !name.is_empty() && prefix.is_none_or(is_domain);
        if is_valid { Ok(key.to_owned()) } else { Err(format!("`{key}` is not a valid key of a label")) }
    }

    /// Value, which may be empty.
    fn value(&mut self) -> Result<String, String> {
        match self.peek() {
            None | Some("," | ")") => Ok(String::new()),
            Some(token) if is_symbol(token) => Err(format!("expected a value, found `{token}`")),
            Some(token) if is_label_text(token) => {
                self.at += 1;
                Ok(token.to_owned())
            }
            Some(token) => Err(format!("`{token}` is not a valid value of a label")),
        }
    }

    fn number(&mut self) -> Result<i64, String> {
        let value = self.value()?;
        value.parse().map_err(|_| "expected an integer after `<` or `>`".to_owned())
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        if self.next() != Some("(") {
            return Err("expected `(`".to_owned());
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value()?);
            match self.next() {
                Some(",") => {}
                Some(")") => return Ok(values),
                _ => return Err("expected `,` or `)`".to_owned()),
            }
        }
    }
}

const SYMBOLS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", "<", ">"];

fn is_symbol(token: &str) -> bool {
    SYMBOLS.contains(&token)
}

fn split_tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol));
        let length = symbol.map_or_else(
            || rest.find(|char: char| char.is_whitespace() || "=!(),<>".contains(char)).unwrap_or(rest.len()),
            str::len,
        );
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    tokens
}

/// Whether a text can be the value of a label, or the name in its key.
fn is_label_text(text: &str) -> bool {
    let is_alphanumeric = |char: Option<char>| char.is_none_or(|char| char.is_ascii_alphanumeric());
    text.len() <= 63
        && text.chars().all(|char| char.is_ascii_alphanumeric() || "-_.".contains(char))
        && is_alphanumeric(text.chars().next())
        && is_alphanumeric(text.chars().next_back())
}

fn is_domain(text: &str) -> bool {
    let is_letter = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    let is_part = |part: &str| {
        part.starts_with(is_letter)
            && part.ends_with(is_letter)
            && part.chars().all(|char| is_letter(char) || char == '-')
    };
    text.len() <= 253 && text.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Location;

    #[test]
    fn selectors_match_as_in_kubernetes() {
        let place = Location::synthetic();
        let labels = Tree::map(
            [("app", Tree::text("web", &place)), ("n", Tree::text("5", &place)), ("empty", Tree::text("", &place))],
            &place,
        );
        for (text, expected) in [
            ("", Some(true)),
            ("app", Some(true)),
            ("!app", Some(false)),
            ("app=web", Some(true)),
            ("app == web , n", Some(true)),
            ("app!=web", Some(false)),
            ("other!=web", Some(true)),
            ("app in (front, web)", Some(true)),
            ("app notin (front,web)", Some(false)),
            ("other notin (a)", Some(true)),
            ("other in (a)", Some(false)),
            ("empty=", Some(true)),
            ("empty in (,x)", Some(true)),
            ("n>4,n<6", Some(true)),
            ("n > 5", Some(false)),
            ("app=web,", None),
            ("app=web x", None),
            ("app in web", None),
            ("app=(", None),
            ("-app", None),
            ("a b", None),
            ("app=a/b", None),
            ("x.y/app=1", Some(false)),
            ("X/app", None),
        ] {
            let found = SetSelector::parse(text).ok().map(|selector| selector.matches(labels.as_map()));
            assert_eq!(found, expected, "{text}");
        }
    }
}
