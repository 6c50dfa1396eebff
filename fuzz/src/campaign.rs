//! Runs of a target: over its corpus, and over changes of it.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use crate::{Mutator, Target};

/// The directory of the inputs of a target.
pub fn corpus_directory(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

/// The inputs of a target by their names, sorted.
pub fn read_corpus(target: &Target) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(corpus_directory(target))? {
        let entry = entry?;
        found.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path())?));
    }
    found.sort_unstable();
    Ok(found)
}

/// The inputs of a campaign: those of the corpus, then changes of them.
#[derive(Debug)]
pub struct Inputs {
    corpus: Vec<Vec<u8>>,
    replayed: usize,
    mutator: Mutator,
}

impl Inputs {
    /// The inputs of a target.
    pub fn of(target: &Target, seed: u64) -> io::Result<Self> {
        let corpus = read_corpus(target)?.into_iter().map(|(_, bytes)| bytes).collect();
        Ok(Self { corpus, replayed: 0, mutator: Mutator::new(seed, target.words) })
    }

    /// Number of inputs in the corpus.
    pub fn corpus_len(&self) -> usize {
        self.corpus.len()
    }

    /// The next input.
    pub fn next_input(&mut self) -> Vec<u8> {
        let known = self.corpus.get(self.replayed).cloned();
        self.replayed += 1;
        known.unwrap_or_else(|| self.mutator.input(&self.corpus))
    }
}

/// Whether a target holds for an input.
pub fn holds(target: &Target, input: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_ok()
}

/// A smaller input for which a target does not hold either; `tries` limits the work.
pub fn shrink(target: &Target, input: &[u8], mut tries: usize) -> Vec<u8> {
    let mut smallest = input.to_vec();
    let mut length = smallest.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at < smallest.len() && tries > 0 {
            tries -= 1;
            let end = (at + length).min(smallest.len());
            let shorter = [&smallest[..at], &smallest[end..]].concat();
            if holds(target, &shorter) {
                at += length;
            } else {
                smallest = shorter;
            }
        }
        length /= 2;
    }
    smallest
}
