//! A wrapper for what must not leak.

use std::fmt;

use zeroize::Zeroize;

/// A value that cannot be printed, logged or compared by accident, and is wiped when dropped.
///
/// There is no `Display`, no `PartialEq` and no `Deref`; `Debug` prints `[secret]`. Reading the
/// value is a visible word: [`expose`](Self::expose).
///
/// What minijinja, the allocator and the standard streams copy on their way is out of reach: see
/// SECURITY.md for the limits.
#[derive(Clone, Default)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes custody of a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Shows the value to the caller, who answers for where it goes.
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

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_output_never_shows_the_value() {
        let secret = Secret::new(String::from("hunter2"));
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[secret] Some([secret])");
    }
}
