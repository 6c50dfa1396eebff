//! A terminal with somebody before it, who waits for words and answers them.

#![allow(dead_code, clippy::expect_used, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::messages::note_line;
use super::peers::peer;

/// Runs a program in a terminal of its own: `argv`, then what is waited for and typed, in turns. Where nothing is typed,
/// a file `words-seen` is made instead, for a process that does not read the terminal.
const SCRIPT: &str = r"
import os, pty, sys, termios
count = int(sys.argv[1])
turns, argv = sys.argv[2:2 + 2 * count], sys.argv[2 + 2 * count:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
shown, seen = b'', 0
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    while turns and turns[0].encode() in shown[seen:]:
        seen = shown.index(turns[0].encode(), seen) + len(turns[0].encode())
        # a prompt is there before the terminal stops to echo
        while turns[0].startswith('Passphrase') and termios.tcgetattr(terminal)[3] & termios.ECHO:
            os.sched_yield()
        if turns[1]:
            os.write(terminal, turns[1].encode())
        else:
            open('words-seen', 'w').close()
        turns = turns[2:]
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(shown)
if turns:
    print('NEVER SHOWN:', turns[0])
sys.exit(code if code >= 0 else 128 - code)
";

/// What somebody saw on the terminal, and the exit code.
#[derive(Debug)]
pub(crate) struct Session {
    /// All that was shown, typed text included where it was echoed.
    pub(crate) shown: String,
    /// The exit code; 128 and the signal if one ended it.
    pub(crate) code: i32,
}

/// The Python that drives terminals, if there is one.
pub(crate) fn driver() -> Option<PathBuf> {
    peer("python3")
}

/// Runs a shell command in a terminal; `turns` are words that are waited for, and what is typed then.
pub(crate) fn session(
    driver: &Path,
    directory: &Path,
    variables: &[(&str, &str)],
    command: &str,
    turns: &[(&str, &str)],
) -> Session {
    let turns: Vec<_> = turns.iter().flat_map(|(wait, answer)| [*wait, *answer]).collect();
    note_line(command);
    let output = Command::new(driver)
        .args(["-c", SCRIPT, &(turns.len() / 2).to_string()])
        .args(turns)
        .args(["sh", "-c", command])
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory)
        .env("TERM", "dumb")
        .env("SEPTUM", env!("CARGO_BIN_EXE_septum"))
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("python starts");
    let shown = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    Session { shown, code: output.status.code().unwrap_or(-1) }
}
