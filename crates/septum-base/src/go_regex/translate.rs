//! Expressions of Go in the syntax of the `regex` crate.

use std::fmt::Write as _;

/// The largest number of repetitions, those within others multiplied: Go refuses more.
const MOST_REPETITIONS: u32 = 1000;

/// The names of classes like `[:alpha:]`.
const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// Reason why an expression is not valid.
#[derive(Debug, PartialEq, Eq)]
pub struct RegexError {
    /// The bytes of the expression that are at fault, if not all of it is.
    pub at: Option<(usize, usize)>,
    /// The reason, in one line.
    pub reason: String,
    /// A valid equivalent, if one is known.
    pub hint: Option<&'static str>,
}

/// An expression, and how much of it is translated.
pub(super) struct RegexTranslator<'t> {
    text: &'t str,
    at: usize,
    out: String,
    /// Whether the last element is a repetition.
    is_repeated: bool,
    /// Whether the last element is a group that only sets flags.
    is_after_flags: bool,
    /// Largest number of times that anything within each open group is repeated.
    groups: Vec<u32>,
    /// Largest number of times that the last element, or anything within it, is repeated.
    repeated: u32,
}

impl<'t> RegexTranslator<'t> {
    /// Translator at the start of an expression.
    pub(super) fn new(go: &'t str) -> Self {
        Self {
            text: go,
            at: 0,
            out: String::with_capacity(go.len() + 16),
            is_repeated: false,
            is_after_flags: false,
            groups: vec![1],
            repeated: 1,
        }
    }

    /// The whole expression in the syntax of the `regex` crate.
    pub(super) fn translate_all(mut self) -> Result<String, RegexError> {
        while let Some(char) = self.peek() {
            let is_repetition = match char {
                '*' | '+' | '?' => Some(1),
                '{' => Some(repetition_length(self.remaining_text())).filter(|length| *length > 0),
                _ => None,
            };
            if let Some(length) = is_repetition {
                self.repetition(length)?;
                continue;
            }
            self.is_repeated = false;
            self.is_after_flags = false;
            self.repeated = 1;
            match char {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                ')' => {
                    self.at += 1;
                    self.out.push(')');
                    // one that closes nothing is found by the engine
                    if self.groups.len() > 1 {
                        self.repeated = self.groups.pop().unwrap_or(1);
                        self.count_repetitions();
                    }
                }
                '{' => {
                    self.at += 1;
                    self.out.push_str(r"\{");
                }
                other => {
                    self.at += other.len_utf8();
                    self.out.push(other);
                }
            }
        }
        Ok(self.out)
    }

    fn remaining_text(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.remaining_text().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.at += char.len_utf8();
        Some(char)
    }

    fn error_at<T>(&self, from: usize, reason: impl Into<String>, hint: Option<&'static str>) -> Result<T, RegexError> {
        let until = self.at.max(from + 1).min(self.text.len());
        Err(RegexError { at: Some((from, until)), reason: reason.into(), hint })
    }

    fn repetition(&mut self, length: usize) -> Result<(), RegexError> {
        let start = self.at;
        let operator = self.remaining_text().get(..length).unwrap_or_default().to_owned();
        self.at += length;
        if self.is_after_flags {
            // Go repeats what is before the flags
            let hint = Some("write the flags before what is repeated");
            return self.error_at(start, format!("`{operator}` follows flags"), hint);
        }
        if self.is_repeated {
            let hint = "possessive repetitions are not needed: this engine never backtracks";
            return self.error_at(start, format!("`{operator}` follows another repetition"), Some(hint));
        }
        if let Some(count) = repetition_count(&operator) {
            let times = self.repeated.checked_mul(count.max(1)).filter(|times| *times <= MOST_REPETITIONS);
            let Some(times) = times else {
                let hint = "Go takes at most 1000, and multiplies repetitions within others";
                return self.error_at(start, format!("`{operator}` repeats too often"), Some(hint));
            };
            self.repeated = if operator == "{0}" { 1 } else { times };
            self.count_repetitions();
        }
        self.out.push_str(&operator);
        if self.peek() == Some('?') {
            self.at += 1;
            self.out.push('?');
        }
        self.is_repeated = true;
        Ok(())
    }

    /// Counts the repetitions of the last element for the group that it is in.
    fn count_repetitions(&mut self) {
        if let Some(group) = self.groups.last_mut() {
            *group = self.repeated.max(*group);
        }
    }

    fn group(&mut self) -> Result<(), RegexError> {
        let start = self.at;
        let unsupported = [
            ("(?=", "look-ahead"),
            ("(?!", "look-ahead"),
            ("(?<=", "look-behind"),
            ("(?<!", "look-behind"),
            ("(?>", "atomic group"),
            ("(?(", "conditional"),
            ("(?#", "comment"),
            ("(?P=", "backreference"),
        ];
        if let Some((opening, what)) =
            unsupported.iter().find(|(opening, _)| self.remaining_text().starts_with(opening))
        {
            self.at += opening.len();
            let hint = what.starts_with("look").then_some(
                "match the context as well, and put a group around the secret; use `allowlists` for exclusions",
            );
            return self.error_at(start, format!("`{opening}` ({what}) is not supported"), hint);
        }
        if let Some(opening) = ["(?P<", "(?<"].into_iter().find(|opening| self.remaining_text().starts_with(opening)) {
            // names of groups are not used here, and those of Go may be invalid
            let Some(end) = self.remaining_text().find('>') else {
                return self.error_at(start, "unterminated group name", None);
            };
            let name = self.remaining_text().get(opening.len()..end).unwrap_or_default();
            let is_sound = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            self.at += end + 1;
            if end == opening.len() {
                return self.error_at(start, "empty group name", None);
            }
            if !is_sound {
                return self.error_at(start, "invalid group name", Some("use letters, digits and `_`"));
            }
            self.open_group("(");
            return Ok(());
        }
        let Some(flags) = self.remaining_text().strip_prefix("(?") else {
            self.at += 1;
            self.open_group("(");
            return Ok(());
        };
        let length = flags.find([':', ')']).unwrap_or(flags.len());
        let flags = flags.get(..=length).unwrap_or(flags).to_owned();
        self.at += 2 + flags.len();
        if flags.chars().any(|flag| !"imsU-:)".contains(flag)) || !flags.ends_with([':', ')']) {
            return self.error_at(start, "unknown group syntax", Some("the supported flags are `i`, `m`, `s` and `U`"));
        }
        match flags.as_str() {
            // sets nothing, which the engine takes for a mistake
            ")" => self.is_after_flags = true,
            flags if flags.ends_with(':') => self.open_group(&format!("(?{flags}")),
            flags => {
                self.is_after_flags = true;
                self.out.push_str("(?");
                self.out.push_str(flags);
            }
        }
        Ok(())
    }

    fn open_group(&mut self, opening: &str) {
        self.out.push_str(opening);
        self.groups.push(1);
    }

    fn escape(&mut self) -> Result<(), RegexError> {
        let behind = self.remaining_text().chars().nth(1);
        match behind {
            Some('b' | 'B') => {
                self.out.push_str(if behind == Some('b') { r"(?-u:\b)" } else { r"(?-u:\B)" });
                self.at += 2;
            }
            Some(end @ ('A' | 'z')) => {
                self.out.extend(['\\', end]);
                self.at += 2;
            }
            Some('Q') => {
                let quoted = self.remaining_text().get(2..).unwrap_or_default();
                let (literal, end) = quoted.split_once(r"\E").map_or((quoted, 0), |(literal, _)| (literal, 2));
                let (literal, length) = (regex::escape(literal), literal.len());
                self.out.push_str(&literal);
                self.at += 2 + length + end;
            }
            _ if self.perl() => {}
            Some('p' | 'P') => self.property()?,
            _ => {
                let char = self.parse_escape()?;
                self.out.push_str(&regex::escape(char.encode_utf8(&mut [0; 4])));
            }
        }
        Ok(())
    }

    /// `\d` and the like, if one follows.
    fn perl(&mut self) -> bool {
        let class = match self.remaining_text().get(..2) {
            Some(r"\d") => "[0-9]",
            Some(r"\D") => "[^0-9]",
            Some(r"\w") => "[0-9A-Za-z_]",
            Some(r"\W") => "[^0-9A-Za-z_]",
            Some(r"\s") => r"[\t\n\f\r\x20]",
            Some(r"\S") => r"[^\t\n\f\r\x20]",
            _ => return false,
        };
        self.at += 2;
        self.out.push_str(class);
        true
    }

    /// `\pL`, `\p{Greek}`, `\p{^Greek}`.
    fn property(&mut self) -> Result<(), RegexError> {
        let start = self.at;
        let is_negative = self.remaining_text().starts_with(r"\P");
        self.at += 2;
        let name = match self.next() {
            Some('{') => {
                let Some((name, _)) = self.remaining_text().split_once('}') else {
                    return self.error_at(start, "unterminated class name", None);
                };
                let name = name.to_owned();
                self.at += name.len() + 1;
                name
            }
            Some(char) => char.to_string(),
            None => return self.error_at(start, "missing class name", None),
        };
        let positive = name.strip_prefix('^');
        let p = if is_negative == positive.is_some() { 'p' } else { 'P' };
        let _ = write!(self.out, r"\{p}{{{}}}", positive.unwrap_or(&name));
        Ok(())
    }

    /// The character of an escape.
    fn parse_escape(&mut self) -> Result<char, RegexError> {
        let start = self.at;
        self.at += 1;
        let Some(char) = self.next() else { return self.error_at(start, r"trailing `\`", None) };
        let found = match char {
            'a' => Some('\x07'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            'x' => self.hexadecimal(),
            '1'..='7' if !self.remaining_text().starts_with(|next: char| next.is_digit(8)) => {
                return self.error_at(start, "backreferences are not supported", None);
            }
            '0'..='7' => {
                let mut code = char.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|next| next.to_digit(8)) else { break };
                    self.at += 1;
                    code = code * 8 + digit;
                }
                char::from_u32(code)
            }
            _ if char.is_ascii() && !char.is_ascii_alphanumeric() => Some(char),
            _ => None,
        };
        match found {
            Some(char) => Ok(char),
            None => self.error_at(start, "unknown escape sequence", None),
        }
    }

    /// The rest of `\x`: two digits, or any number in braces.
    fn hexadecimal(&mut self) -> Option<char> {
        let (digits, length) = match self.remaining_text().strip_prefix('{') {
            Some(inside) => inside.split_once('}').map(|(digits, _)| (digits, digits.len() + 2))?,
            None => (self.remaining_text().get(..2)?, 2),
        };
        let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let code = is_number.then(|| u32::from_str_radix(digits, 16).ok()).flatten();
        self.at += length;
        char::from_u32(code?)
    }

    fn class(&mut self) -> Result<(), RegexError> {
        let start = self.at;
        self.at += 1;
        self.out.push('[');
        if self.peek() == Some('^') {
            self.at += 1;
            self.out.push('^');
        }
        let first = self.at;
        loop {
            match self.peek() {
                None => return self.error_at(start, "unclosed `[`", None),
                // one in the first place is literal
                Some(']') if self.at > first => break,
                Some('[') if self.named_class()? => {}
                Some('\\') if self.perl() => {}
                Some('\\') if self.remaining_text().starts_with(r"\p") || self.remaining_text().starts_with(r"\P") => {
                    self.property()?;
                }
                Some(_) => self.span()?,
            }
        }
        self.at += 1;
        self.out.push(']');
        Ok(())
    }

    /// `[:alpha:]`, if one follows.
    fn named_class(&mut self) -> Result<bool, RegexError> {
        let start = self.at;
        let inside = self.remaining_text().strip_prefix("[:").and_then(|inside| inside.split_once(":]"));
        let Some((name, _)) = inside else { return Ok(false) };
        let name = name.to_owned();
        self.at += name.len() + 4;
        if !CLASSES.contains(&name.trim_start_matches('^')) {
            return self.error_at(start, format!("unknown class `[:{}:]`", name.escape_debug()), None);
        }
        let _ = write!(self.out, "[:{name}:]");
        Ok(true)
    }

    /// A character of a class, or a range.
    fn span(&mut self) -> Result<(), RegexError> {
        let start = self.at;
        let low = self.class_char()?;
        self.out.push_str(&in_class(low));
        let is_range = self.remaining_text().starts_with('-')
            && !self.remaining_text().starts_with("-]")
            && self.remaining_text().len() > 1;
        if is_range {
            self.at += 1;
            let high = self.class_char()?;
            if high < low {
                return self.error_at(start, "invalid range: it ends before it begins", None);
            }
            self.out.push('-');
            self.out.push_str(&in_class(high));
        }
        Ok(())
    }

    fn class_char(&mut self) -> Result<char, RegexError> {
        if self.peek() == Some('\\') {
            return self.parse_escape();
        }
        match self.next() {
            Some(char) => Ok(char),
            None => self.error_at(self.at, "unclosed `[`", None),
        }
    }
}

/// Length of `{2}`, `{2,}` or `{2,3}` at the start; 0 where `{` is not a repetition.
fn repetition_length(text: &str) -> usize {
    let number = |text: &str| {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        // as Go reads numbers
        if digits > 1 && text.starts_with('0') { 0 } else { digits }
    };
    let rest = |at: usize| text.get(at..).unwrap_or_default();
    let low = number(rest(1));
    let mut at = 1 + low;
    if rest(at).starts_with(',') {
        at += 1 + number(rest(at + 1));
    }
    if low > 0 && rest(at).starts_with('}') { at + 1 } else { 0 }
}

/// Number of repetitions of `{2}`, `{2,}` or `{2,3}`, as Go counts them: the largest; none of other operators.
fn repetition_count(operator: &str) -> Option<u32> {
    let inside = operator.strip_prefix('{')?.strip_suffix('}')?;
    let (low, high) = inside.split_once(',').unwrap_or((inside, inside));
    let number = if high.is_empty() { low } else { high };
    // more digits than the largest number has
    Some(number.parse().unwrap_or(u32::MAX))
}

fn in_class(char: char) -> String {
    if char.is_ascii_alphanumeric() { char.to_string() } else { format!(r"\x{{{:X}}}", u32::from(char)) }
}
