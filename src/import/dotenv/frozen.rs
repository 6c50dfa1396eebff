//! Values from before a file, of which a variable is set in the file.
//!
//! A value is written as a template, which reads what its variables are in the end. That is what readers do which put the
//! files together first. Where a file sets `A=$B` and another one before it `B=$A`, only those that read one file after
//! the other have a value for both: `B` has that from before the file, and so it has here.

use super::expansion::Expansion;
use super::value::DotenvPart;
use super::{DotenvValue, DotenvValues};
use crate::diagnostic::{Diagnostic, Rule};
use crate::import::plan::ImportPlan;
use crate::map::{HashSet, IndexSet};

/// Values before a file, and the keys that it sets.
#[derive(Clone, Copy)]
pub(super) struct ValuesBefore<'b> {
    pub(super) values: &'b DotenvValues,
    pub(super) is_set: &'b dyn Fn(&str) -> bool,
}

/// Text that would be too long.
pub(super) struct TooLong;

impl ValuesBefore<'_> {
    /// The value of a key before the file. Where a variable of it is set in the file, it is its text.
    pub(super) fn value(self, key: &str) -> Option<Result<DotenvValue, TooLong>> {
        let value = self.values.get(key)?;
        Some(if self.is_changed(value) { self.freeze(value) } else { Ok(value.clone()) })
    }

    /// Whether any variable of a value, or of one that it reads, is set in the file.
    fn is_changed(self, value: &DotenvValue) -> bool {
        let (mut seen, mut open) = (HashSet::default(), variables(value));
        while let Some(name) = open.pop() {
            if (self.is_set)(name) {
                return true;
            }
            if seen.insert(name)
                && let Some(value) = self.values.get(name)
            {
                open.extend(variables(value));
            }
        }
        false
    }

    /// The value as a text.
    fn freeze(self, value: &DotenvValue) -> Result<DotenvValue, TooLong> {
        let mut expansion = Expansion::before(self.values, self.is_set);
        if !expansion.append(value) {
            return Err(TooLong);
        }
        let text = String::from_utf8_lossy(&expansion.out).into_owned();
        Ok(DotenvValue { parts: vec![DotenvPart::Text(text)], place: value.place.clone() })
    }

    /// Gives keys from before the file the values that they have there, if they and keys of the file read one another.
    /// `values` are those after the file.
    pub(super) fn freeze_circles(self, values: &mut DotenvValues, plan: &mut ImportPlan) -> Result<(), TooLong> {
        let after = |key: &str| values.get(key).or_else(|| self.values.get(key));
        let circles = keys_in_circles(values.keys().chain(self.values.keys()).map(String::as_str), &after);
        let old: Vec<_> = circles.into_iter().filter(|key| !(self.is_set)(key)).map(str::to_owned).collect();
        for key in old {
            let Some(value) = self.values.get(&key) else { continue };
            let frozen = self.freeze(value)?;
            plan.findings.push(
                Diagnostic::warning(
                    Rule::ImportDialect,
                    format!("`{key}` and variables of a later file read one another, so it has its value from before that file"),
                )
                .at_masked(value.place.clone())
                .note("readers that put the files together first, such as Next and Vite, leave such variables empty")
                .hint(format!("set `{key}` in the later file, too, if another value is meant, and import again")),
            );
            values.insert(key, frozen);
        }
        Ok(())
    }
}

/// Names of the variables in a value.
fn variables(value: &DotenvValue) -> Vec<&str> {
    let names = value.parts.iter().filter_map(|part| match part {
        DotenvPart::Variable { name, .. } => Some(name.as_str()),
        DotenvPart::Text(_) | DotenvPart::Substitution(_) => None,
    });
    names.collect()
}

/// The keys that read themselves through others, or are between such keys, in their order.
fn keys_in_circles<'k>(
    keys: impl Iterator<Item = &'k str>,
    value_of: &dyn Fn(&str) -> Option<&'k DotenvValue>,
) -> Vec<&'k str> {
    let keys: IndexSet<&str> = keys.collect();
    let names = keys.iter().map(|key| value_of(key).map(variables).unwrap_or_default());
    let reads: Vec<Vec<usize>> =
        names.map(|names| names.iter().filter_map(|name| keys.get_index_of(name)).collect()).collect();
    let mut read_by = vec![Vec::new(); keys.len()];
    for (key, names) in reads.iter().enumerate() {
        for name in names {
            if let Some(readers) = read_by.get_mut(*name) {
                readers.push(key);
            }
        }
    }
    // what leads to no circle, and then what none leads to
    let mut is_left = vec![true; keys.len()];
    remove_ends(&reads, &read_by, &mut is_left);
    remove_ends(&read_by, &reads, &mut is_left);
    keys.into_iter().zip(is_left).filter_map(|(key, is_left)| is_left.then_some(key)).collect()
}

/// Removes the nodes of a graph without a way on, again and again. `back` are its edges in the other direction.
fn remove_ends(edges: &[Vec<usize>], back: &[Vec<usize>], is_left: &mut [bool]) {
    let is_in = |is_left: &[bool], node: usize| is_left.get(node).copied().unwrap_or_default();
    let mut count: Vec<usize> =
        edges.iter().map(|next| next.iter().filter(|node| is_in(is_left, **node)).count()).collect();
    let is_end = |(node, count): (usize, &usize)| (*count == 0 && is_in(is_left, node)).then_some(node);
    let mut ends: Vec<usize> = count.iter().enumerate().filter_map(is_end).collect();
    while let Some(node) = ends.pop() {
        if let Some(left) = is_left.get_mut(node) {
            *left = false;
        }
        for before in back.get(node).into_iter().flatten().copied().filter(|before| is_in(is_left, *before)) {
            let Some(count) = count.get_mut(before) else { continue };
            *count = count.saturating_sub(1);
            if *count == 0 {
                ends.push(before);
            }
        }
    }
}
