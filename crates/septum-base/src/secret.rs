//! Wrapper for values that must not leak.

use std::fmt;
use std::io::{self, Read};
use std::ops::{Deref, DerefMut};

use zeroize::{Zeroize, Zeroizing};

/// A value that cannot be printed, logged or compared by accident, and is wiped when dropped.
///
/// There is no `Display`, no `PartialEq` and no `Deref`; `Debug` prints `[secret]`. Reading the value needs a visible
/// call: [`expose`](Self::expose).
///
/// Copies made by minijinja, the allocator and the standard streams are out of reach: see SECURITY.md for the limits.
#[derive(Clone, Default)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Returns the value to the caller, who is responsible for its use.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Bytes or a text that may be large, and is wiped when dropped.
///
/// [`Zeroizing`] wipes the content of a vector byte by byte, which for megabytes takes longer than all other work on
/// them. This empties it first: the rest is memory without content, which is wiped at once.
#[derive(Clone, Default)]
pub struct Wiping<T: Buffer>(T);

/// Buffer that can be emptied and keeps its memory.
pub trait Buffer: Zeroize {
    /// Empties it.
    fn empty(&mut self);
}

impl<T: Zeroize + Copy> Buffer for Vec<T> {
    fn empty(&mut self) {
        self.clear();
    }
}

impl Buffer for String {
    fn empty(&mut self) {
        self.clear();
    }
}

impl<T: Buffer> Wiping<T> {
    /// Wraps a buffer.
    pub fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T: Buffer> Drop for Wiping<T> {
    fn drop(&mut self) {
        self.0.empty();
        self.0.zeroize();
    }
}

impl<T: Buffer> Deref for Wiping<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Buffer> DerefMut for Wiping<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Buffer + AsRef<[u8]>> AsRef<[u8]> for Wiping<T> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

impl<T: Buffer> fmt::Debug for Wiping<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Number of bytes read at a time from a source of unknown length.
const PART: usize = 64 << 10;

/// Reads a stream of unknown length to its end, into memory of exactly that length. The parts are wiped.
pub fn read_to_end(mut from: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut parts = Vec::new();
    loop {
        let mut part = Wiping::new(Vec::with_capacity(PART));
        // no more than its capacity, so that it never grows
        if from.by_ref().take(PART as u64).read_to_end(&mut part)? == 0 {
            break;
        }
        parts.push(part);
    }
    let mut all = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
    for part in parts {
        all.extend_from_slice(&part);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::{Buffer, Secret, Wiping, read_to_end};
    use zeroize::Zeroize;

    #[test]
    fn all_is_read_however_long_it_is() {
        for length in [0, 1, 65_536, 65_537, 300_000] {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            assert_eq!(*read_to_end(bytes.as_slice()).unwrap(), bytes);
        }
    }

    #[test]
    fn debug_output_never_shows_the_value() {
        let secret = Secret::new(String::from("hunter2"));
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[secret] Some([secret])");
        assert_eq!(format!("{:?}", Wiping::new(String::from("hunter2"))), "[secret]");
    }

    /// Bytes that assert, when they are wiped, that they were emptied before.
    struct Watched(Vec<u8>);

    impl Zeroize for Watched {
        fn zeroize(&mut self) {
            assert!(self.0.is_empty(), "it was emptied");
            let capacity = self.0.capacity();
            self.0.zeroize();
            self.0.resize(capacity, 0);
            assert!(capacity >= 7 && self.0.iter().all(|byte| *byte == 0), "and keeps its memory");
        }
    }

    impl Buffer for Watched {
        fn empty(&mut self) {
            self.0.empty();
        }
    }

    #[test]
    fn a_buffer_is_emptied_before_its_memory_is_wiped() {
        drop(Wiping::new(Watched(b"hunter2".to_vec())));
    }
}
