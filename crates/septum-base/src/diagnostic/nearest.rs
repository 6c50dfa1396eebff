//! Names that might have been meant.
//!
//! Each unknown name is compared with all known ones, so that a file of thousands of both needs millions of
//! comparisons. They are bounded for the whole run; beyond that, suggestions are left out.

use crate::budget::NAME_COMPARISONS;
use crate::test_hook;

/// Longest name that is compared, in characters. A single typing error in a longer one is unlikely.
const LONGEST: usize = 128;

/// Cost of a candidate that is not compared letter by letter.
const CANDIDATE_COST: u64 = 8;

/// The name in `known` that is nearest to `name`, if one is near enough to be a typing error: edit distance (with
/// transpositions) of at most a third of its length, or equal except for case and separators.
pub fn nearest_name<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_at_most(name, known, LONGEST, |_| true)
}

/// The name in `known` of which a new name is a typing error rather than a sibling: a letter away, or equal except
/// for case and separators. `host1` and `host2`, `http` and `https`, `eu-url` and `us-url`, `urlA` and `urlB` are
/// siblings. `is_meant` is asked of near names alone, because most are not near.
pub fn nearest_slip<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    is_meant: impl Fn(&str) -> bool,
) -> Option<&'a str> {
    nearest_at_most(name, known, 1, |other| !is_of_a_kind(name, other) && is_meant(other))
}

fn is_of_a_kind(name: &str, other: &str) -> bool {
    const SHORTEST: usize = 4;
    let letters = |text: &str| text.chars().filter(|char| !char.is_ascii_digit()).collect::<String>();
    let is_series = name != other && letters(name) == letters(other);
    let is_secure = |a: &str, b: &str| a.strip_suffix('s') == Some(b);
    let without_last =
        |text: &str| text.char_indices().next_back().map(|(at, _)| text.get(..at).unwrap_or_default().to_owned());
    let is_lettered = name.chars().count() == other.chars().count() && without_last(name) == without_last(other);
    let words = |text: &str| text.split(|char: char| !char.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
    let (ours, theirs) = (words(name), words(other));
    let different: Vec<_> = ours.iter().zip(&theirs).filter(|(a, b)| a != b).collect();
    let are_short = |(a, b): &(&String, &String)| a.chars().count().max(b.chars().count()) <= 2;
    let is_worded = ours.len() == theirs.len() && !different.is_empty() && different.iter().all(are_short);
    name.chars().count().min(other.chars().count()) < SHORTEST
        || is_series
        || is_secure(name, other)
        || is_secure(other, name)
        || (is_lettered && !is_alike(name, other))
        || is_worded
}

/// `is_meant` costs more than the distance, and no budget.
fn nearest_at_most<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    most: usize,
    is_meant: impl Fn(&str) -> bool,
) -> Option<&'a str> {
    if NAME_COMPARISONS.left() == 0 || name.len() > 4 * LONGEST {
        return None;
    }
    let wanted: Vec<char> = name.chars().collect();
    if wanted.len() > LONGEST {
        return None;
    }
    let wanted = WantedName { name, signs: signs_of(name), letters: wanted };
    let mut rows = DistanceRows::default();
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        NAME_COMPARISONS.spend(CANDIDATE_COST).ok()?;
        test_hook::count_work(usize::try_from(CANDIDATE_COST).unwrap_or_default());
        let most = best.map_or(most, |(distance, _)| distance);
        let Some(distance) = slip_distance(&wanted, candidate, most, &mut rows) else { continue };
        if !is_meant(candidate) {
            continue;
        }
        best = best.into_iter().chain([(distance, candidate)]).min();
    }
    best.map(|(_, candidate)| candidate)
}

/// `did you mean …?` for the nearest known name.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest_name(name, known).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// The name that others are compared with.
struct WantedName<'a> {
    name: &'a str,
    letters: Vec<char>,
    signs: u64,
}

/// A bit for each letter of a name; some letters share one.
fn signs_of(name: &str) -> u64 {
    name.chars().fold(0, |signs, letter| signs | 1 << (u32::from(letter) & 63))
}

/// The distance of two names, if it is that of a typing error and at most `most`.
fn slip_distance(wanted: &WantedName<'_>, candidate: &str, most: usize, rows: &mut DistanceRows) -> Option<usize> {
    if candidate.len() > 4 * LONGEST {
        return None;
    }
    if is_alike(wanted.name, candidate) {
        return Some(0);
    }
    let length = candidate.chars().count();
    let most = most.min((wanted.letters.len().max(length) / 3).max(1));
    if length > LONGEST || wanted.letters.len().abs_diff(length) > most {
        return None;
    }
    if most <= 1 {
        return single_slip(&wanted.letters, candidate, length).filter(|distance| *distance <= most);
    }
    // a letter that only one of them has is inserted, removed or replaced
    let signs = signs_of(candidate);
    let lone = (wanted.signs & !signs).count_ones().max((signs & !wanted.signs).count_ones());
    if lone as usize > most {
        return None;
    }
    rows.edit_distance(&wanted.letters, candidate, length, most)
}

/// Whether two names are equal except for case and separators. Most differ in their first letters.
fn is_alike(a: &str, b: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = char> {
        text.chars().filter(|char| !matches!(char, '-' | '_' | '.')).flat_map(char::to_lowercase)
    }
    letters(a).eq(letters(b))
}

/// The distance of two names, if it is at most one letter: what is left between their common beginning and their
/// common end says so, most often after two letters.
fn single_slip(a: &[char], b: &str, length: usize) -> Option<usize> {
    let start = a.iter().zip(b.chars()).take_while(|(a, b)| *a == b).count();
    let longest = a.len().min(length) - start;
    let end = a.iter().rev().zip(b.chars().rev()).take(longest).take_while(|(a, b)| *a == b).count();
    NAME_COMPARISONS.spend((start + end) as u64).ok()?;
    test_hook::count_work(start + end);
    match (a.len() - start - end, length - start - end) {
        (0, 0) => Some(0),
        (0 | 1, 0 | 1) => Some(1),
        (2, 2) => {
            let swapped = b.chars().skip(start).take(2).eq(a.iter().skip(start).take(2).rev().copied());
            swapped.then_some(1)
        }
        _ => None,
    }
}

/// The last three rows of the matrix of distances, kept between candidates.
#[derive(Default)]
struct DistanceRows {
    two_ago: Vec<usize>,
    last: Vec<usize>,
    now: Vec<usize>,
    letters: Vec<char>,
}

impl DistanceRows {
    /// The number of letters that are inserted, removed, replaced or swapped with their neighbour, if it is at most
    /// `most`. Cells that are further from the diagonal cannot belong to it, and are not computed.
    fn edit_distance(&mut self, a: &[char], b: &str, length: usize, most: usize) -> Option<usize> {
        const FAR: usize = usize::MAX / 2;
        self.letters.clear();
        self.letters.extend(b.chars());
        let Self { two_ago, last, now, letters } = self;
        two_ago.clear();
        last.clear();
        last.extend(0..=length);
        for (row, letter) in a.iter().enumerate() {
            let (from, until) = ((row + 1).saturating_sub(most), (row + 1 + most).min(length));
            let cells = (until + 1).saturating_sub(from);
            NAME_COMPARISONS.spend(cells as u64).ok()?;
            test_hook::count_work(cells);
            now.clear();
            now.resize(length + 1, FAR);
            if from == 0
                && let Some(cell) = now.first_mut()
            {
                *cell = row + 1;
            }
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(FAR);
            let mut least = at(now, 0);
            for column in from.max(1)..=until {
                let other = letters.get(column - 1);
                let replaced = at(last, column - 1) + usize::from(other != Some(letter));
                let mut cell = replaced.min(at(last, column) + 1).min(at(now, column - 1) + 1);
                let is_swap = column > 1
                    && row > 0
                    && letters.get(column - 2) == Some(letter)
                    && other == row.checked_sub(1).and_then(|above| a.get(above));
                if is_swap {
                    cell = cell.min(at(two_ago, column - 2) + 1);
                }
                if let Some(place) = now.get_mut(column) {
                    *place = cell;
                }
                least = least.min(cell);
            }
            // a swap reaches two rows back, and costs one
            if least > most && last.iter().min().is_none_or(|before| *before >= most) {
                return None;
            }
            std::mem::swap(two_ago, last);
            std::mem::swap(last, now);
        }
        last.get(length).copied().filter(|distance| *distance <= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_a_slip_away_or_none() {
        let known = ["LOG_LEVEL", "PORT", "DATABASE_URL"];
        for (name, expected) in [
            ("LOG_LEVL", Some("LOG_LEVEL")),
            ("log-level", Some("LOG_LEVEL")),
            ("PROT", Some("PORT")),
            ("REDIS_HOST", None),
            ("", None),
            ("DATABASE_ULR", Some("DATABASE_URL")),
            ("DATABSE_URL", Some("DATABASE_URL")),
        ] {
            assert_eq!(nearest_name(name, known), expected, "{name}");
        }
        assert_eq!(nearest_name(&"x".repeat(200), [&*"x".repeat(199)]), None);
    }

    #[test]
    fn a_slip_is_a_letter_away_and_not_of_a_kind() {
        for (name, known, expected) in [
            ("prot", "port", true),
            ("LOG_LEVL", "LOG_LEVEL", true),
            ("log-level", "LOG_LEVEL", true),
            ("Mode", "mode", true),
            ("timeuot", "timeout", true),
            ("minReplicas", "maxReplicas", false),
            ("SMTP_PORT", "SMTP_HOST", false),
            ("host2", "host1", false),
            ("https", "http", false),
            ("eu-url", "us-url", false),
            ("urlA", "urlB", false),
            ("REDIS_URI", "REDIS_URL", false),
            ("DB_A_HOST", "DB_B_HOST", false),
            ("qa", "qb", false),
        ] {
            assert_eq!(nearest_slip(name, [known], |_| true).is_some(), expected, "{name} {known}");
        }
    }

    #[test]
    fn most_names_are_far_and_cost_a_few_letters() {
        let known: Vec<String> =
            (0..1_000).map(|number| format!("k{}", (number * 7_919 + 100_003) % 999_983)).collect();
        let asked = std::cell::Cell::new(0);
        let is_meant = |_: &str| {
            asked.set(asked.get() + 1);
            true
        };
        let before = test_hook::counted_work();
        assert_eq!(nearest_slip("kxylophone", known.iter().map(String::as_str), is_meant), None);
        assert_eq!(nearest_slip("xylophone", known.iter().map(String::as_str), is_meant), None);
        assert_eq!(asked.get(), 0, "whether a name is meant is asked of near ones");
        assert!(test_hook::counted_work() - before <= 2 * 1_000 * 12);
    }

    proptest::proptest! {
        /// Within its bound it is the usual distance.
        #[test]
        fn a_bounded_distance_is_the_distance(a in "[abcé]{0,9}", b in "[abcé]{0,9}", most in 0_usize..10) {
            let letters: Vec<char> = a.chars().collect();
            let expected = Some(strsim::osa_distance(&a, &b)).filter(|distance| *distance <= most);
            let found = DistanceRows::default().edit_distance(&letters, &b, b.chars().count(), most);
            assert_eq!(found, expected, "{a} {b} {most}");
            let wanted = WantedName { name: &a, signs: signs_of(&a), letters: letters.clone() };
            let slip = slip_distance(&wanted, &b, most, &mut DistanceRows::default());
            let near = expected.filter(|distance| *distance <= (letters.len().max(b.chars().count()) / 3).max(1));
            assert_eq!(slip, if is_alike(&a, &b) { Some(0) } else { near }, "{a} {b} {most}");
            let single = Some(strsim::osa_distance(&a, &b)).filter(|distance| *distance <= 1);
            assert_eq!(single_slip(&letters, &b, b.chars().count()), single, "{a} {b}");
        }
    }
}
