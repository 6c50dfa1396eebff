//! kustomize on the same fleet, in the ways in which it is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

use crate::measure;
use crate::shape::Shape;

/// A way is left out where it would take longer, in milliseconds.
const LONGEST: f64 = 300_000.0;

/// How many times something is run that takes no longer than [`SHORT`].
const RUNS: usize = 3;

/// What takes longer, in milliseconds, is run once.
const SHORT: f64 = 10_000.0;

/// A way to build a fleet.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// One process for each environment, whose list names all overlays.
    Environments,
    /// One process for each overlay, one after the other.
    Loop,
    /// The same on all cores.
    Cores,
}

impl Way {
    pub(super) const ALL: [Self; 3] = [Self::Environments, Self::Loop, Self::Cores];

    /// How the time grows with the number of services, as an exponent.
    fn growth(self) -> i32 {
        match self {
            Self::Environments => 2,
            Self::Loop | Self::Cores => 1,
        }
    }

    /// How many processes run at a time; 0 is one on each core.
    fn threads(self) -> usize {
        match self {
            Self::Environments | Self::Loop => 1,
            Self::Cores => 0,
        }
    }

    fn directories(self, shape: Shape) -> Vec<String> {
        match self {
            Self::Environments => shape.environments().iter().map(|name| format!("all/{name}")).collect(),
            Self::Loop | Self::Cores => shape.overlays(),
        }
    }
}

/// kustomize, and how long each way took at last, for so many services.
pub(super) struct Kustomize {
    program: PathBuf,
    last: [Option<(usize, f64)>; 3],
}

impl Kustomize {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, last: [None; 3] }
    }

    /// How long a way takes, in milliseconds; nothing if that would be too long. The outputs are below `out`.
    pub(super) fn time(&mut self, way: Way, shape: Shape, root: &Path, out: &Path) -> Option<f64> {
        let last = &mut self.last[way as usize];
        let ratio =
            |(services, time): (usize, f64)| time * (shape.services as f64 / services as f64).powi(way.growth());
        if last.is_some_and(|last| ratio(last) > LONGEST) {
            return None;
        }
        let directories = way.directories(shape);
        let outputs: Vec<PathBuf> = directories.iter().map(|directory| out.join(directory)).collect();
        for directory in &outputs {
            fs::create_dir_all(directory).expect("a directory is made");
        }
        let pool = ThreadPoolBuilder::new().num_threads(way.threads()).build().expect("threads");
        let build = |directory: &String, output: &PathBuf| {
            let mut command = Command::new(&self.program);
            command.arg("build").arg(root.join(directory)).arg("-o").arg(output).stdout(Stdio::null());
            let output = command.stderr(Stdio::piped()).output().expect("kustomize starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        let once =
            || measure::time(|| pool.install(|| directories.par_iter().zip(&outputs).for_each(|(a, b)| build(a, b)))).0;
        let mut times = vec![once()];
        if times[0] < SHORT {
            times.extend((1..RUNS).map(|_| once()));
        }
        times.sort_unstable_by(f64::total_cmp);
        let time = times[times.len() / 2];
        *last = Some((shape.services, time));
        Some(time)
    }
}
