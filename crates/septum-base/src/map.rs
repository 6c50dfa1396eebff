//! Maps and sets of the program, with a hash function for short keys.
//!
//! Keys are names of some letters. `SipHash`, of the standard library, took a tenth of the instructions of a render. This
//! function has a random seed in each process as well, so that no project can hold keys that are known to collide.

use std::hash::BuildHasher;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

/// A map.
pub type HashMap<K, V> = std::collections::HashMap<K, V, SharedHasher>;

/// A set.
pub type HashSet<T> = std::collections::HashSet<T, SharedHasher>;

/// A map in the order of insertion.
pub type IndexMap<K, V> = indexmap::IndexMap<K, V, SharedHasher>;

/// A set in the order of insertion.
pub type IndexSet<T> = indexmap::IndexSet<T, SharedHasher>;

/// Hashers of one random state: each map would take memory for its own, and every node of a tree with it.
#[derive(Debug, Clone, Copy, Default)]
pub struct SharedHasher;

impl BuildHasher for SharedHasher {
    type Hasher = <RandomState as BuildHasher>::Hasher;

    fn build_hasher(&self) -> Self::Hasher {
        static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::default);
        STATE.build_hasher()
    }
}
