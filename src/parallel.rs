//! Work on many things side by side.

use rayon::prelude::*;

/// Does something with each of many things, on all cores if there are more than `few`: a pool of threads costs
/// more than some of them take. The results have the order of the things.
pub fn each<T: Send, R: Send>(things: Vec<T>, few: usize, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
    if things.len() > few { things.into_par_iter().map(work).collect() } else { things.into_iter().map(work).collect() }
}

/// Does two things, side by side if they are `much`.
pub fn both<A: Send, B: Send>(much: bool, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    if much { rayon::join(a, b) } else { (a(), b()) }
}

#[cfg(test)]
mod tests {
    use super::{both, each};

    #[test]
    fn results_are_in_order_however_many_there_are() {
        let all: Vec<usize> = (0..100).collect();
        for few in [0, 99, 100] {
            assert_eq!(each(all.clone(), few, |number| number), all, "{few}");
        }
    }

    #[test]
    fn two_results_are_in_order_too() {
        for much in [false, true] {
            assert_eq!(both(much, || 1, || "b"), (1, "b"));
        }
    }
}
