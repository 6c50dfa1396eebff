//! Prompts for the user at the terminal. They and their answers go through the terminal itself, so that they are
//! mixed neither with a result on stdout nor with a file on stdin.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};

use zeroize::Zeroizing;

use super::{output, watch};
use septum::diagnostic::escape_line;
use septum::signals;
use septum::sops::PassphraseProvider;

/// Reads a line that is not shown while it is typed; `None` if no user is present, or the answer is empty.
pub(super) fn prompt_hidden(prompt: &str) -> Option<Zeroizing<String>> {
    if !is_attended() {
        return None;
    }
    let _line = watch::pause_progress();
    signals::prompting(|| rpassword::prompt_password(escape_line(prompt))).ok().map(Zeroizing::new)
}

/// Waits for Enter: `false` for `q`, and none at the end of input or if no user is present.
pub(super) fn press_enter(question: &str) -> Option<bool> {
    if !is_attended() {
        return None;
    }
    let answer = prompt_line(question).ok().filter(|answer| answer.ends_with('\n'))?;
    Some(!answer.trim().eq_ignore_ascii_case("q"))
}

/// Whether a user can be prompted: there is a terminal, and not all of the program's input and messages are
/// redirected, as they are under a scheduler or another program.
pub(super) fn is_attended() -> bool {
    (io::stdin().is_terminal() || io::stderr().is_terminal()) && open_terminal().is_ok()
}

/// Prompts for one line, which is shown while it is typed.
fn prompt_line(question: &str) -> io::Result<String> {
    let _line = watch::pause_progress();
    let (input, mut output) = open_terminal()?;
    write!(output, "{} ", escape_line(question))?;
    output.flush()?;
    let mut answer = String::new();
    BufReader::new(input).read_line(&mut answer)?;
    Ok(answer)
}

/// The terminal to read from, and to write to.
fn open_terminal() -> io::Result<(File, File)> {
    let (input, output) = if cfg!(windows) { ("CONIN$", "CONOUT$") } else { ("/dev/tty", "/dev/tty") };
    // the console of Windows requires both rights, even for reading only
    let open = |name| OpenOptions::new().read(true).write(true).open(name);
    Ok((open(input)?, open(output)?))
}

/// Requests passphrases on the terminal.
pub(super) struct TerminalPrompt;

impl PassphraseProvider for TerminalPrompt {
    fn ask_passphrase(&self, of: &str) -> Option<Zeroizing<String>> {
        prompt_hidden(&format!("Passphrase for {of}: "))
    }

    fn answer_question(&self, question: &str) -> Option<Zeroizing<String>> {
        prompt_hidden(&format!("{question}: "))
    }

    fn show_message(&self, message: &str) {
        output::print_message(message);
    }
}
