//! Budgets of a run: limits for work that a small input can cause without bound.
//!
//! A limit for each item is not enough if the number of items is unlimited, so each budget is for the whole run: a
//! base amount, and more for every byte that was read, so that a large project is not treated as hostile. A process
//! does one run at a time, and [`reset_budgets`] begins the next.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::diagnostic::{Diagnostic, Rule};
use crate::test_hook;

/// The rule of errors for refused work.
pub const BUDGET_EXCEEDED: Rule = Rule::BudgetExceeded;

/// A kind of work, its limit for a run, and the amount that was done.
#[derive(Debug)]
pub struct Budget {
    /// Human-readable name of the counted unit: `directories searched for patterns`.
    pub unit: &'static str,
    /// Allowance of every run.
    base: u64,
    /// Additional allowance for each byte read.
    for_byte: u64,
    done: AtomicU64,
}

/// Error: the budget of the run is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetExhausted;

/// Directories that are visited for patterns of paths, each once for each segment of a pattern that is matched in it.
pub static GLOB_VISITS: Budget = Budget::of_run("directory visits for patterns", 500_000, 1);

/// Bytes of compiled patterns of paths.
pub static GLOB_BYTES: Budget = Budget::of_run("bytes of path patterns", 2 * 1024 * 1024, 0);

/// Names that patterns of paths are compared with, weighted by the length of the pattern.
pub static GLOB_MATCHES: Budget = Budget::of_run("path names compared with patterns", 20_000_000, 8);

/// Estimated bytes of compiled regular expressions, from every source.
pub static REGEX_BYTES: Budget = Budget::of_run("bytes of compiled regular expressions", 48 * 1024 * 1024, 0);

/// Characters that are compared to suggest names. Suggestions are left out when it is used up.
pub static NAME_COMPARISONS: Budget = Budget::of_run("characters compared for name suggestions", 300_000_000, 0);

/// Steps of templates; a step is an instruction, or 64 bytes of a value.
pub static TEMPLATE_STEPS: Budget = Budget::of_run("template steps", 60_000_000, 40);

/// Bytes of the values of all targets, and of the metadata of each of their objects.
pub static VALUE_BYTES: Budget = Budget::of_run("bytes of values", 32 * 1024 * 1024, 24);

/// Cost of a value in addition to its bytes: its name, its history and the reasons for its routing.
pub const VALUE_COST: usize = 256;

/// All budgets, for `-v`.
pub static ALL: [&Budget; 7] =
    [&GLOB_VISITS, &GLOB_BYTES, &GLOB_MATCHES, &REGEX_BYTES, &NAME_COMPARISONS, &TEMPLATE_STEPS, &VALUE_BYTES];

impl Budget {
    /// An unused budget.
    pub const fn new(unit: &'static str, base: u64, for_byte: u64) -> Self {
        Self { unit, base, for_byte, done: AtomicU64::new(0) }
    }

    /// A budget of the run. Unit tests make thousands of runs in one process, so theirs is unlimited.
    const fn of_run(unit: &'static str, base: u64, for_byte: u64) -> Self {
        Self::new(unit, if cfg!(test) { u64::MAX } else { base }, for_byte)
    }

    /// The limit of the run, for the bytes read so far.
    pub fn limit(&self) -> u64 {
        let limit = self.base.saturating_add(self.for_byte.saturating_mul(BYTES_READ.load(Relaxed)));
        limit / test_hook::budget_divisor()
    }

    /// Counts work before it is done. From the first excess on, all work is refused.
    pub fn spend(&self, amount: u64) -> Result<(), BudgetExhausted> {
        let limit = self.limit();
        let after = |done: u64| done.checked_add(amount).filter(|sum| *sum <= limit);
        match self.done.fetch_update(Relaxed, Relaxed, after) {
            Ok(_) => Ok(()),
            Err(_) => {
                self.done.fetch_max(limit, Relaxed);
                Err(BudgetExhausted)
            }
        }
    }

    /// The error for refused work, without a location.
    pub fn budget_diagnostic(&self) -> Diagnostic {
        let (limit, unit) = (self.limit(), self.unit);
        Diagnostic::error(Rule::BudgetExceeded, format!("this run needs more than {limit} {unit}"))
            .note("projects are untrusted input, so the work of one run is limited")
    }

    /// The amount of work that was done; all of the budget, once some was refused.
    pub fn done(&self) -> u64 {
        self.done.load(Relaxed)
    }

    /// The amount of work that is left.
    pub fn left(&self) -> u64 {
        self.limit().saturating_sub(self.done())
    }
}

/// Cost of a file in addition to its bytes.
const FILE: usize = 512;

/// Bytes read from the project's files.
static BYTES_READ: AtomicU64 = AtomicU64::new(0);

/// Records that a file was read, which allows for more work: a file by itself counts as a short one, since a large
/// project has many files.
pub fn note_read(bytes: usize) {
    BYTES_READ.fetch_add((bytes + FILE) as u64, Relaxed);
}

/// Begins a run: resets all budgets.
pub fn reset_budgets() {
    BYTES_READ.store(0, Relaxed);
    for budget in ALL {
        budget.done.store(0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_amounts_add_up() {
        let budget = Budget::new("things", 10, 0);
        assert_eq!((0..12).filter(|_| budget.spend(1).is_ok()).count(), 10);
        assert_eq!(budget.left(), 0);
    }

    #[test]
    fn one_amount_that_is_too_much_is_refused_and_so_is_what_follows() {
        let budget = Budget::new("things", 10, 0);
        assert_eq!(budget.spend(u64::MAX), Err(BudgetExhausted));
        assert_eq!(budget.spend(1), Err(BudgetExhausted));
    }
}
