//! Work on many files side by side.

use crate::diagnostic::Diagnostics;
use crate::parallel;

/// Does something with each of many things, on all cores. The results have the order of the things;
/// where some fail, all that is wrong with any of them is told, and there are no results.
pub fn par_map<T: Send, R: Send>(
    things: Vec<T>,
    work: impl Fn(T) -> Result<R, Diagnostics> + Sync + Send,
) -> Result<Vec<R>, Diagnostics> {
    let results = parallel::par_map(things, 1, work);
    let mut found = Diagnostics::new();
    let mut done = Vec::with_capacity(results.len());
    for result in results {
        match result {
            Ok(result) => done.push(result),
            Err(problems) => found.extend(problems),
        }
    }
    if found.is_empty() { Ok(done) } else { Err(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostic;

    #[test]
    fn results_are_in_order_and_failures_told_together() {
        let all: Vec<usize> = (0..100).collect();
        assert_eq!(par_map(all.clone(), Ok).expect("no failure"), all);
        assert_eq!(par_map(vec![7], Ok).expect("no failure"), [7]);
        let odd = |index: usize| match index % 2 {
            0 => Ok(()),
            _ => Err(Diagnostic::error(crate::diagnostic::Rule::Bug, index.to_string()).into()),
        };
        assert_eq!(par_map(all, odd).expect_err("odd ones").len(), 50);
    }
}
