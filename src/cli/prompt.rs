//! Questions to whoever sits before the terminal. They and their answers go through the terminal
//! itself, so that neither a result on stdout nor a file on stdin meets them.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};

use zeroize::Zeroizing;

use crate::sops::Passphrases;

/// Reads a line that is not shown while it is typed; `None` if nobody is there, or gives no answer.
pub(super) fn hidden(prompt: &str) -> Option<Zeroizing<String>> {
    if !is_attended() {
        return None;
    }
    rpassword::prompt_password(prompt).ok().map(Zeroizing::new)
}

/// Whether somebody can be asked: there is a terminal, and not all of the program's input and
/// messages go elsewhere, as they do under a scheduler or another program.
fn is_attended() -> bool {
    (io::stdin().is_terminal() || io::stderr().is_terminal()) && terminal().is_ok()
}

/// The terminal to read from, and to write to.
fn terminal() -> io::Result<(File, File)> {
    let (input, output) = if cfg!(windows) { ("CONIN$", "CONOUT$") } else { ("/dev/tty", "/dev/tty") };
    // the console of Windows wants both rights, even of those who only read
    let open = |name| OpenOptions::new().read(true).write(true).open(name);
    Ok((open(input)?, open(output)?))
}

/// Asks for passphrases on the terminal.
pub(super) struct Terminal;

impl Passphrases for Terminal {
    fn passphrase(&self, of: &str) -> Option<Zeroizing<String>> {
        hidden(&format!("Passphrase of {of}: "))
    }

    fn tell(&self, message: &str) {
        let _ = writeln!(io::stderr().lock(), "{message}");
    }
}
