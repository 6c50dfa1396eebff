//! Text of a value, with those of its variables.

use super::dialect::DotenvPart;
use super::{DotenvValue, DotenvValues, LARGEST};
use crate::secret::Wiping;

/// Nesting of variables from which they are a cycle.
const DEEPEST: usize = 32;

/// Number of parts of a value, with those of its variables, from which it is refused.
const MANY: usize = 100_000;

/// Expansion of a value as a reader does it, within limits.
pub(super) struct Expansion<'d> {
    known: &'d DotenvValues,
    pub(super) out: Wiping<Vec<u8>>,
    /// Number of parts that may still be read.
    rest: usize,
    /// Whether variables are nested too deep, as those that refer to one another are.
    pub(super) is_circular: bool,
}

impl<'d> Expansion<'d> {
    /// An empty one, with the values of its variables.
    pub(super) fn new(known: &'d DotenvValues) -> Self {
        Self { known, out: Wiping::new(Vec::new()), rest: MANY, is_circular: false }
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
                            self.is_circular = true;
                            return false;
                        }
                        Some(found) if !self.append_nested(found, depth - 1) => return false,
                        None if default.is_none() => self.out.extend_from_slice(text.as_bytes()),
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
