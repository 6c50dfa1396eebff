//! Digests by which files are recorded.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Bytes of SHA-256 that are kept: 128 bits distinguish files, and thousands of targets repeat them.
const KEPT: usize = 16;

/// The digest under which bytes are recorded: the first 128 bits of their SHA-256, in hex.
pub(super) fn digest_bytes(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().take(KEPT).fold(String::with_capacity(2 * KEPT), |mut hex, byte| {
        // writing to a String cannot fail
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
