//! Budgets of a run: work that a small input can ask for without end.
//!
//! A bound on one item is none if there may be any number of items, so each budget holds for the whole run: some
//! work for free, and more for every byte that was read, so that a large project is no hostile one.
//! A process does one run at a time, and [`reset_budgets`] begins the next.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::diagnostic::{Diagnostic, Rule};
use crate::test_hook;

/// The rule of errors for work that is refused.
pub const BUDGET_EXCEEDED: Rule = Rule::BudgetExceeded;

/// A kind of work, how much of it a run may do, and how much it did.
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

/// The budget of a run is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetExhausted;

/// Directories that are visited for patterns of paths, each once for each step of a pattern that it is asked for.
pub static GLOB_VISITS: Budget = Budget::of_run("directory visits for patterns", 500_000, 1);

/// Bytes that patterns of paths take when they are compiled.
pub static GLOB_BYTES: Budget = Budget::of_run("bytes of path patterns", 2 * 1024 * 1024, 0);

/// Names that patterns of paths are compared with, weighed by the length of the pattern.
pub static GLOB_MATCHES: Budget = Budget::of_run("names compared with patterns", 20_000_000, 8);

/// Estimated bytes of compiled regular expressions, whoever wrote them.
pub static REGEX_BYTES: Budget = Budget::of_run("bytes of compiled regular expressions", 48 * 1024 * 1024, 0);

/// Characters that are compared to suggest names. Suggestions are left out when it is used up.
pub static NAME_COMPARISONS: Budget = Budget::of_run("characters compared for suggestions", 300_000_000, 0);

/// Steps of templates; a step is an instruction, or 64 bytes of a value.
pub static TEMPLATE_STEPS: Budget = Budget::of_run("steps of templates", 60_000_000, 40);

/// Bytes of the values of all targets, and of what is written on each of their objects.
pub static VALUE_BYTES: Budget = Budget::of_run("bytes of values", 32 * 1024 * 1024, 24);

/// Cost of a value in addition to its bytes: its name, its history and the reasons for its place.
pub const VALUE_COST: usize = 256;

/// All budgets, for `-v`.
pub static ALL: [&Budget; 7] =
    [&GLOB_VISITS, &GLOB_BYTES, &GLOB_MATCHES, &REGEX_BYTES, &NAME_COMPARISONS, &TEMPLATE_STEPS, &VALUE_BYTES];

impl Budget {
    /// A budget of which nothing is used.
    pub const fn new(unit: &'static str, base: u64, for_byte: u64) -> Self {
        Self { unit, base, for_byte, done: AtomicU64::new(0) }
    }

    /// A budget of the run. Unit tests make thousands of runs in one process, so theirs is without end.
    const fn of_run(unit: &'static str, base: u64, for_byte: u64) -> Self {
        Self::new(unit, if cfg!(test) { u64::MAX } else { base }, for_byte)
    }

    /// The most that the run may do, as far as it has read.
    pub fn limit(&self) -> u64 {
        let limit = self.base.saturating_add(self.for_byte.saturating_mul(BYTES_READ.load(Relaxed)));
        limit / test_hook::budget_divisor()
    }

    /// Counts work before it is done. From the first that is too much, all is refused.
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

    /// The error for work that is refused, without a place.
    pub fn budget_diagnostic(&self) -> Diagnostic {
        let (limit, unit) = (self.limit(), self.unit);
        Diagnostic::error(Rule::BudgetExceeded, format!("this run asks for more than {limit} {unit}"))
            .note("a project is not trusted, so the work that it may ask for is bounded")
    }

    /// The work that was done; all of the budget, once some was refused.
    pub fn done(&self) -> u64 {
        self.done.load(Relaxed)
    }

    /// The work that is left.
    pub fn left(&self) -> u64 {
        self.limit().saturating_sub(self.done())
    }
}

/// Cost of a file in addition to its bytes.
const FILE: usize = 512;

/// Bytes read from the project's files.
static BYTES_READ: AtomicU64 = AtomicU64::new(0);

/// Notes that a file was read, which allows for more work: a file by itself counts as a short one, since a large
/// project has many files.
pub fn note_read(bytes: usize) {
    BYTES_READ.fetch_add((bytes + FILE) as u64, Relaxed);
}

/// Begins a run: nothing is used.
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
