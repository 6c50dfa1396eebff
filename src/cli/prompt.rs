//! Questions to whoever sits before the terminal. They and their answers go through the terminal
//! itself, so that neither a result on stdout nor a file on stdin meets them.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};

use zeroize::Zeroizing;

use super::{output, watch};
use crate::diagnostic::escape;
use crate::signals;
use crate::sops::Passphrases;

/// Reads a line that is not shown while it is typed; `None` if nobody is there, or gives no answer.
pub(super) fn hidden(prompt: &str) -> Option<Zeroizing<String>> {
    if !is_attended() {
        return None;
    }
    let _line = watch::paused();
    signals::prompting(|| rpassword::prompt_password(escape(prompt))).ok().map(Zeroizing::new)
}

/// Waits for Enter: `false` for `q`, and none at the end of input or if nobody is there.
pub(super) fn press_enter(question: &str) -> Option<bool> {
    if !is_attended() {
        return None;
    }
    let answer = ask(question).ok().filter(|answer| answer.ends_with('\n'))?;
    Some(!answer.trim().eq_ignore_ascii_case("q"))
}

/// Whether somebody can be asked: there is a terminal, and not all of the program's input and
/// messages go elsewhere, as they do under a scheduler or another program.
pub(super) fn is_attended() -> bool {
    (io::stdin().is_terminal() || io::stderr().is_terminal()) && terminal().is_ok()
}

/// Asks for one line, which is shown while it is typed.
fn ask(question: &str) -> io::Result<String> {
    let _line = watch::paused();
    let (input, mut output) = terminal()?;
    write!(output, "{} ", escape(question))?;
    output.flush()?;
    let mut answer = String::new();
    BufReader::new(input).read_line(&mut answer)?;
    Ok(answer)
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
        hidden(&format!("Passphrase for {of}: "))
    }

    fn answer(&self, question: &str) -> Option<Zeroizing<String>> {
        hidden(&format!("{question}: "))
    }

    fn tell(&self, message: &str) {
        output::message(message);
    }
}
