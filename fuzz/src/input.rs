//! Parts of an input.

/// Line between the parts of an input.
pub(crate) const SEPARATOR: &str = "=====\n";

/// Parts of an input that is text; what is no UTF-8 is replaced.
pub(crate) fn parts(data: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(data).split(SEPARATOR).map(str::to_owned).collect()
}

/// The first parts of an input; those that are missing are empty.
pub(crate) fn first_parts<const N: usize>(data: &[u8]) -> [String; N] {
    let mut parts = parts(data).into_iter();
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}
