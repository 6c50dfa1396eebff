//! Reports for each `KEY=value` line of standard input whether it looks like a secret, and why. Prints no value.
//!
//! ```console
//! $ printf 'DB_PASSWORD=hunter2\nLOG_LEVEL=info\n' | cargo run -p septum-detect --example classify
//! DB_PASSWORD: secret: word `password`
//! LOG_LEVEL: configuration
//! ```

use std::io::{BufRead as _, Write as _};

use septum_detect::{TextKind, classify};

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let Some((key, value)) = line.split_once('=') else { continue };
        let detection = classify(key, Some(value), TextKind::Literal);
        if detection.is_sensitive() {
            writeln!(out, "{key}: secret: {}", detection.reasons().join("; "))?;
        } else {
            writeln!(out, "{key}: configuration")?;
        }
    }
    Ok(())
}
