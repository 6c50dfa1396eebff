//! Files with secrets at rest, by the commands that work on them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test, and a skipped one must say so"
)]

mod ages;
mod aliases;
mod ambiguous_keys;
mod changing;
mod concurrent;
mod decrypting;
mod edit;
mod encrypting;
mod formats;
mod generating;
mod interrupted;
mod keygen;
mod layers;
mod messages;
#[cfg(all(unix, debug_assertions))]
pub(crate) mod paused;
mod rekeying;
mod renaming;
mod safety;
mod written_through_links;

/// One file of each format, as people write them.
const FILES: [(&str, &str); 5] = [
    (
        "app.enc.yaml",
        "# who\nuser: admin # always\npassword: hunter2-canary\n\nport: 8080\nratio: 1.5\nlist:\n- one\n-   two\nnested: {on: \"yes\", b: true}\ntext: |\n  a\n   b\n",
    ),
    (
        "app.enc.json",
        "{\n  \"user\": \"admin\", \"password\": \"hunter2-canary\",\n  \"port\": 8080, \"list\": [1, null, \"x\"]\n}\n",
    ),
    ("app.enc.env", "# who\nuser=admin\n\npassword=hunter2-canary\n"),
    ("app.enc.ini", "; about\n[main]\nuser = admin\npassword=hunter2-canary\n\n[other]\nx = 1\n"),
    ("app.enc.bin", "any\0bytes hunter2-canary\n"),
];
