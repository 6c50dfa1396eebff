//! Text of a value, with those of its variables.

use super::value::DotenvPart;
use super::{DotenvValue, DotenvValues, LARGEST};
use crate::secret::Wiping;

/// Nesting of variables from which they are refused: a chain of templates is no longer.
const DEEPEST: usize = 60;

/// Number of parts of a value, with those of its variables, from which it is refused.
const MANY: usize = 100_000;

/// Expansion of a value as a reader does it, within limits.
pub(super) struct Expansion<'d> {
    known: &'d DotenvValues,
    /// Whether a variable is set where nothing reads it yet: it is empty.
    is_set_later: &'d dyn Fn(&str) -> bool,
    pub(super) out: Wiping<Vec<u8>>,
    /// Number of parts that may still be read.
    rest: usize,
    /// Whether variables are nested too deep.
    pub(super) is_too_deep: bool,
}

impl<'d> Expansion<'d> {
    /// An empty one, with the values of its variables.
    pub(super) fn new(known: &'d DotenvValues) -> Self {
        Self::before(known, &|_| false)
    }

    /// An empty one with the values of variables from before a file, some of which are set in the file.
    pub(super) fn before(known: &'d DotenvValues, is_set_later: &'d dyn Fn(&str) -> bool) -> Self {
        Self { known, is_set_later, out: Wiping::new(Vec::new()), rest: MANY, is_too_deep: false }
    }

    /// Appends a value. Whether it is within the limits.
    pub(super) fn append(&mut self, value: &DotenvValue) -> bool {
        self.append_nested(value, DEEPEST)
    }

    fn append_nested(&mut self, value: &DotenvValue, depth: usize) -> bool {
        for part in &value.parts {
            let Some(rest) = self.rest.checked_sub(1).filter(|_| self.out.len() <= LARGEST) else { return false };
            self.rest = rest;
            match part {
                DotenvPart::Text(text) | DotenvPart::Substitution(text) => self.out.extend_from_slice(text.as_bytes()),
                DotenvPart::Variable { name, default, text } => {
                    let start = self.out.len();
                    let found = self.known.get(name);
                    match found {
                        Some(_) if depth == 0 => {
                            self.is_too_deep = true;
                            return false;
                        }
                        Some(found) if !self.append_nested(found, depth - 1) => return false,
                        None if default.is_none() && !(self.is_set_later)(name) => {
                            self.out.extend_from_slice(text.as_bytes());
                        }
                        Some(_) | None => {}
                    }
                    let is_wanted = |is_for_empty| found.is_none() || is_for_empty && self.out.len() == start;
                    if let Some(default) = default.as_ref().filter(|default| is_wanted(default.is_for_empty)) {
                        self.out.extend_from_slice(default.text.as_bytes());
                    }
                }
            }
        }
        true
    }
}
