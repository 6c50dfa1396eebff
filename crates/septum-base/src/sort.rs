//! Sorts, and maps and sets that are sorted, in little code.
//!
//! The standard library compiles its sort once for each type and each comparison, and `collect` into a `BTreeMap` or a
//! `BTreeSet` sorts as well: its copies, of 6 KB each, were a thirteenth of the program. Here, one function sorts all
//! lists by their indexes, and maps and sets are filled one by one.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::map::IndexMap;

/// Longest list that is sorted by insertion, without memory of its own.
const SHORT: usize = 16;

/// Sorts a list. Equal items keep their order.
pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Sorts a list by a comparison. Equal items keep their order.
pub fn sort_by<T>(items: &mut [T], compare: impl FnMut(&T, &T) -> Ordering) {
    let count = items.len();
    if count > 1 {
        sort_list(count, &mut SortedSlice { items, compare });
    }
}

/// Sorts a list by a key of each item, which is asked for whenever two items are compared. Items of equal keys keep
/// their order.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], mut key: impl FnMut(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

/// Sorts a map in the order of insertion by its keys.
pub fn sort_keys<K: Ord, V>(map: &mut IndexMap<K, V>) {
    let count = map.len();
    if count > 1 {
        sort_list(count, &mut SortedMap(map));
    }
}

/// A list, as the sort sees it: all that is compiled for each type.
trait SortedList {
    fn compare(&mut self, a: usize, b: usize) -> Ordering;
    fn swap(&mut self, a: usize, b: usize);
}

struct SortedSlice<'s, T, F> {
    items: &'s mut [T],
    compare: F,
}

impl<T, F: FnMut(&T, &T) -> Ordering> SortedList for SortedSlice<'_, T, F> {
    fn compare(&mut self, a: usize, b: usize) -> Ordering {
        (self.compare)(&self.items[a], &self.items[b])
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.items.swap(a, b);
    }
}

struct SortedMap<'m, K, V>(&'m mut IndexMap<K, V>);

impl<K: Ord, V> SortedList for SortedMap<'_, K, V> {
    fn compare(&mut self, a: usize, b: usize) -> Ordering {
        self.0.get_index(a).map(|(key, _)| key).cmp(&self.0.get_index(b).map(|(key, _)| key))
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.0.swap_indices(a, b);
    }
}

fn sort_list(count: usize, list: &mut dyn SortedList) {
    if count <= SHORT {
        for end in 1..count {
            let mut at = end;
            while at > 0 && list.compare(at - 1, at).is_gt() {
                list.swap(at - 1, at);
                at -= 1;
            }
        }
        return;
    }
    // where the item of each index comes from
    let mut from: Vec<usize> = (0..count).collect();
    #[expect(clippy::disallowed_methods, reason = "the one copy")]
    from.sort_by(|a, b| list.compare(*a, *b));
    // along each cycle, an index gets its item, and has none to wait for
    for start in 0..count {
        let mut at = start;
        loop {
            let next = std::mem::replace(&mut from[at], at);
            if next == start {
                break;
            }
            list.swap(at, next);
            at = next;
        }
    }
}

/// Collecting into maps and sets that are sorted.
pub trait CollectSorted: Iterator + Sized {
    /// Collects pairs into a map. Of equal keys, the last value stays.
    fn collect_map<K: Ord, V>(self) -> BTreeMap<K, V>
    where
        Self: Iterator<Item = (K, V)>,
    {
        let mut map = BTreeMap::new();
        for (key, value) in self {
            map.insert(key, value);
        }
        map
    }

    /// Collects items into a set.
    fn collect_set(self) -> BTreeSet<Self::Item>
    where
        Self::Item: Ord,
    {
        let mut set = BTreeSet::new();
        for item in self {
            set.insert(item);
        }
        set
    }
}

impl<I: Iterator> CollectSorted for I {}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "what it is compared with")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Items of few keys, each with its own number.
    fn numbered() -> impl Strategy<Value = Vec<(u8, usize)>> {
        let keys = |keys: std::ops::Range<u8>| prop::collection::vec(keys, 0..100);
        prop_oneof![keys(0..3), keys(0..20), keys(0..255)]
            .prop_map(|keys| keys.into_iter().enumerate().map(|(number, key)| (key, number)).collect())
    }

    proptest! {
        #[test]
        fn lists_are_sorted_as_by_the_standard_library(items in numbered()) {
            // with what must be moved, and neither lost nor doubled
            let items: Vec<(u8, String)> = items.into_iter().map(|(key, number)| (key, number.to_string())).collect();
            let (mut all, mut by_key, mut by) = (items.clone(), items.clone(), items.clone());
            let (mut expected, mut stable, mut reverse) = (items.clone(), items.clone(), items);
            expected.sort();
            stable.sort_by_key(|(key, _)| *key);
            reverse.sort_by(|(a, _), (b, _)| b.cmp(a));
            sort(&mut all);
            sort_by_key(&mut by_key, |(key, _)| *key);
            sort_by(&mut by, |(a, _), (b, _)| b.cmp(a));
            prop_assert_eq!(all, expected);
            prop_assert_eq!(by_key, stable);
            prop_assert_eq!(by, reverse);
        }

        #[test]
        fn maps_and_sets_are_those_of_collect(items in numbered()) {
            let keys = || items.iter().map(|(key, _)| *key);
            prop_assert_eq!(items.iter().copied().collect_map(), items.iter().copied().collect::<BTreeMap<_, _>>());
            let mut map: IndexMap<u8, usize> = items.iter().copied().collect();
            let mut sorted = map.clone();
            sorted.sort_keys();
            sort_keys(&mut map);
            prop_assert!(map.iter().eq(&sorted), "{map:?}");
            prop_assert!(sorted.iter().all(|(key, number)| map.get(key) == Some(number)), "{map:?}");
            prop_assert_eq!(keys().collect_set(), keys().collect::<BTreeSet<_>>());
        }
    }

    #[test]
    fn lists_of_every_length_are_sorted() {
        for count in 0..100 {
            let expected: Vec<usize> = (0..count).collect();
            for step in [1, 7, 37] {
                // another order of the same numbers, or numbers that repeat
                let mut items: Vec<usize> = (0..count).map(|index| (index * step + 3) % count.max(1)).collect();
                let mut standard = items.clone();
                standard.sort_unstable();
                sort(&mut items);
                assert_eq!(items, standard);
            }
            let mut reversed: Vec<usize> = expected.iter().rev().copied().collect();
            sort(&mut reversed);
            assert_eq!(reversed, expected);
        }
    }
}
