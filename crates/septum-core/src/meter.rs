//! Progress of a run and time spent per stage: for display only, never an influence on the output.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStage {
    /// Comparing the existing state with the recorded one.
    Compare,
    /// Reading layers, decrypting and merging them.
    Layers,
    /// Rendering templates.
    Resolve,
    /// Classifying entries as plain or sensitive.
    Route,
    /// Building objects.
    Objects,
    /// Converting Secrets to their delivery form, and scanning the output for leaked ones.
    Deliver,
    /// Planning and writing the output.
    Emit,
}

impl RunStage {
    /// All of them, in their order.
    pub const ALL: [Self; 7] =
        [Self::Compare, Self::Layers, Self::Resolve, Self::Route, Self::Objects, Self::Deliver, Self::Emit];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compare => "compare",
            Self::Layers => "layers",
            Self::Resolve => "resolve",
            Self::Route => "route",
            Self::Objects => "objects",
            Self::Deliver => "deliver",
            Self::Emit => "emit",
        }
    }
}

/// Unit that a run counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressUnit {
    /// Targets that are rendered.
    Targets,
    /// Files that are written.
    Files,
}

/// Progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Counted unit.
    pub unit: ProgressUnit,
    /// Total number of units.
    pub total: usize,
    /// Number of completed units.
    pub done: usize,
}

/// Measures a run, across all its threads.
#[derive(Debug, Default)]
pub struct Meter {
    /// Nanoseconds, in the order of the stages.
    spent: [AtomicU64; RunStage::ALL.len()],
    targets: UnitCount,
    files: UnitCount,
}

#[derive(Debug, Default)]
struct UnitCount {
    total: AtomicUsize,
    done: AtomicUsize,
}

impl Meter {
    /// Runs a function, and adds its time to a stage.
    pub fn time<T>(&self, stage: RunStage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.record(stage, start.elapsed());
        result
    }

    /// Adds time to a stage.
    fn record(&self, stage: RunStage, spent: Duration) {
        let spent = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        if let Some(sum) = self.spent.get(stage as usize) {
            sum.fetch_add(spent, Relaxed);
        }
    }

    /// Time spent in each stage, summed over all threads.
    pub fn spent(&self) -> [(RunStage, Duration); RunStage::ALL.len()] {
        let of = |stage| self.spent.get(stage as usize).map(|sum| sum.load(Relaxed)).unwrap_or_default();
        RunStage::ALL.map(|stage| (stage, Duration::from_nanos(of(stage))))
    }

    /// Sets the total number of units.
    pub fn expect(&self, unit: ProgressUnit, total: usize) {
        self.count(unit).total.store(total, Relaxed);
    }

    /// Adds to the number of finished units.
    pub fn advance(&self, unit: ProgressUnit, by: usize) {
        self.count(unit).done.fetch_add(by, Relaxed);
    }

    /// Progress of the run; none while the total is unknown.
    pub fn progress(&self) -> Option<Progress> {
        let of = |unit| {
            let UnitCount { total, done } = self.count(unit);
            Progress { unit, total: total.load(Relaxed), done: done.load(Relaxed) }
        };
        // files are written when all targets are rendered
        [ProgressUnit::Files, ProgressUnit::Targets].map(of).into_iter().find(|progress| progress.total > 0)
    }

    fn count(&self, unit: ProgressUnit) -> &UnitCount {
        match unit {
            ProgressUnit::Targets => &self.targets,
            ProgressUnit::Files => &self.files,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told_from_the_first_expectation_on() {
        let meter = Meter::default();
        assert_eq!(meter.progress(), None);
        meter.expect(ProgressUnit::Targets, 3);
        meter.advance(ProgressUnit::Targets, 2);
        assert_eq!(meter.progress(), Some(Progress { unit: ProgressUnit::Targets, total: 3, done: 2 }));
        meter.expect(ProgressUnit::Files, 9);
        assert_eq!(meter.progress(), Some(Progress { unit: ProgressUnit::Files, total: 9, done: 0 }));
    }

    #[test]
    fn stages_add_up() {
        let meter = Meter::default();
        assert_eq!(meter.time(RunStage::Route, || 7), 7);
        let before = meter.spent();
        meter.record(RunStage::Route, Duration::from_millis(2));
        for ((stage, before), (_, after)) in before.into_iter().zip(meter.spent()) {
            if stage == RunStage::Route {
                assert_eq!(after, before + Duration::from_millis(2));
            } else {
                assert_eq!((before, after), (Duration::ZERO, Duration::ZERO), "{stage:?}");
            }
        }
    }
}
