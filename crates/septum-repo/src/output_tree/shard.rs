//! A part of the targets, for machines that share the work.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// One of several parts. The targets of a part follow from their names alone, so that all parts together are the
/// whole, whichever machine renders them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Its number, from 1.
    pub index: usize,
    /// Number of parts.
    pub count: usize,
}

impl Shard {
    /// Whether a target is in it.
    pub fn has(self, target: &str) -> bool {
        let hash: [u8; 32] = Sha256::digest(target.as_bytes()).into();
        let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number % self.count as u64 == self.index as u64 - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse::<usize>().ok();
        let parts = text.split_once('/').and_then(|(index, count)| Some((number(index)?, number(count)?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err("expected `I/N`, with I from 1 to N".to_owned()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_in_one_shard() {
        for count in 1..8 {
            for target in (0..200).map(|number| format!("prod/app-{number}")) {
                let shards = (1..=count).filter(|index| Shard { index: *index, count }.has(&target));
                assert_eq!(shards.count(), 1, "{target} of {count}");
            }
        }
    }

    #[test]
    fn shards_are_of_like_size_and_stay_what_they_are() {
        let sizes =
            (1..=4).map(|index| (0..4000).filter(|app| Shard { index, count: 4 }.has(&format!("dev/a{app}"))).count());
        assert!(sizes.into_iter().all(|size| (900..1100).contains(&size)));
        // another answer would move targets between machines that run different versions
        let found: Vec<_> = ["prod/checkout", "dev/checkout", "prod/search"]
            .map(|target| (1..=4).find(|index| Shard { index: *index, count: 4 }.has(target)))
            .into();
        assert_eq!(found, EXPECTED);
    }

    const EXPECTED: [Option<usize>; 3] = [Some(1), Some(4), Some(4)];

    #[test]
    fn a_shard_counts_from_one() {
        for (text, valid) in [
            ("1/1", true),
            ("3/3", true),
            ("0/3", false),
            ("4/3", false),
            ("1/0", false),
            ("1", false),
            ("a/b", false),
            ("-1/2", false),
        ] {
            assert_eq!(text.parse::<Shard>().is_ok(), valid, "{text}");
        }
    }
}
