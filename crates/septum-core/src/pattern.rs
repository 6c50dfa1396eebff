//! Patterns of paths into a structure: `spec.tls[].secretName`, `**.secretKeyRef.name`.

/// A step of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternSegment {
    /// A key of a mapping.
    Key(String),
    /// `*SecretRef`, `*`: the keys of a mapping with this start and end.
    Like {
        /// Text before the star.
        start: String,
        /// Text after the star.
        end: String,
    },
    /// `[]`: each item of a list.
    Items,
    /// `**`: any steps, or none.
    Below,
}

/// A pattern of paths. A key that contains a dot is quoted: `metadata.annotations."example.com/a"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(Vec<PatternSegment>);

impl PathPattern {
    /// Parses a pattern; the error describes the problem.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            rest = parse_segment(rest, &mut segments)?;
            while let Some(after) = rest.strip_prefix('[') {
                rest =
                    after.strip_prefix(']').ok_or("`[` is only allowed in `[]`, which matches each item of a list")?;
                segments.push(PatternSegment::Items);
            }
            if rest.is_empty() {
                return Ok(Self(segments));
            }
            rest = rest.strip_prefix('.').ok_or_else(|| format!("expected `.` before `{rest}`"))?;
        }
    }

    /// The steps.
    pub fn segments(&self) -> &[PatternSegment] {
        &self.0
    }

    /// This pattern, below another.
    #[must_use]
    pub fn below(&self, parent: &Self) -> Self {
        Self(parent.0.iter().chain(&self.0).cloned().collect())
    }

    /// Whether the steps can be counted: there is no `**`.
    pub fn is_countable(&self) -> bool {
        !self.0.contains(&PatternSegment::Below)
    }

    /// Splits this pattern and another into the steps that they share and the rest of each.
    pub fn fork(&self, other: &Self) -> (Self, Self, Self) {
        let shared = self.0.iter().zip(&other.0).take_while(|(a, b)| a == b).count();
        let rest = |of: &Self| Self(of.0.iter().skip(shared).cloned().collect());
        (Self(self.0.iter().take(shared).cloned().collect()), rest(self), rest(other))
    }
}

/// Reads a key, a star or a quoted key, and returns the rest.
fn parse_segment<'a>(text: &'a str, segments: &mut Vec<PatternSegment>) -> Result<&'a str, String> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (key, rest) = quoted.split_once('"').ok_or("unterminated quoted key")?;
        segments.push(PatternSegment::Key(key.to_owned()));
        return Ok(rest);
    }
    let (key, rest) = text.split_at(text.find(['.', '[']).unwrap_or(text.len()));
    if key.is_empty() {
        return Err(if text.is_empty() { "a path must end with a key" } else { "missing key" }.to_owned());
    }
    segments.push(match key.split_once('*') {
        _ if key == "**" => PatternSegment::Below,
        None => PatternSegment::Key(key.to_owned()),
        Some((_, end)) if end.contains('*') => return Err(format!("`{key}` contains more than one `*`")),
        Some((start, end)) => PatternSegment::Like { start: start.to_owned(), end: end.to_owned() },
    });
    Ok(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> PatternSegment {
        PatternSegment::Key(text.to_owned())
    }

    #[test]
    fn patterns_are_read_step_by_step() {
        let like = |start: &str, end: &str| PatternSegment::Like { start: start.to_owned(), end: end.to_owned() };
        for (text, expected) in [
            ("a.b", vec![key("a"), key("b")]),
            ("a[].b", vec![key("a"), PatternSegment::Items, key("b")]),
            ("**.*Ref.name", vec![PatternSegment::Below, like("", "Ref"), key("name")]),
            ("p.\"x.io/n[]\"", vec![key("p"), key("x.io/n[]")]),
            ("a.*[][]", vec![key("a"), like("", ""), PatternSegment::Items, PatternSegment::Items]),
        ] {
            assert_eq!(PathPattern::parse(text).expect(text).segments(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for (text, expected) in [
            ("", "a path must end with a key"),
            ("a.", "a path must end with a key"),
            (".a", "missing key"),
            ("a..b", "missing key"),
            ("a[0].b", "`[` is only allowed in `[]`, which matches each item of a list"),
            ("a[]b", "expected `.` before `b`"),
            ("a.\"b", "unterminated quoted key"),
            ("*a*", "`*a*` contains more than one `*`"),
        ] {
            assert_eq!(PathPattern::parse(text).unwrap_err(), expected, "{text}");
        }
    }

    #[test]
    fn two_patterns_share_their_first_steps() {
        let parse = |text| PathPattern::parse(text).expect("valid");
        let (shared, name, other) = parse("a[].b.name").fork(&parse("a[].c"));
        assert_eq!((shared, name, other), (parse("a[]"), parse("b.name"), parse("c")));
    }
}
