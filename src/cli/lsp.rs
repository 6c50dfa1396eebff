//! `septum lsp`

use std::collections::VecDeque;
use std::io::{self, BufRead, Read as _, Write as _};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

use clap::Args;
use lsp_server::{Message, RequestId};

use super::files::current_time;
use super::help::{CommandHelp, HelpTopic};
use super::output::{lock_stdout, print_message};
use septum::lsp::{LanguageServer, ServerExit, ServerFlow};

/// Answer editors: the language server, on standard input and output
///
/// Started by an editor: see docs/editors.md. Reports the findings of `septum check` in what is typed, and knows the keys
/// of the project: completion, `explain` on hover, definitions, references, renaming, fixes.
///
/// Uses no key: nothing is decrypted. Writes no file: the editor applies the changes.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct LspArgs {
    /// Speak over standard input and output, as is always done: some editors add the option
    #[arg(long, hide = true)]
    stdio: bool,
}

/// Help of `septum lsp`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Start the server, as an editor does", "septum lsp"),
        ("Start it in an editor that adds the name of the transport", "septum lsp --stdio"),
    ],
    exit_codes: &[(0, "the editor ended the session"), (1, "the session broke off")],
    topics: &[HelpTopic::Project],
};

/// Largest message, in bytes: the texts of files are bounded too.
const LONGEST: u64 = 64 << 20;

/// Message as it arrived.
enum Incoming {
    Message(Message),
    /// A message that is not JSON, or not one of the protocol.
    Malformed,
}

impl LspArgs {
    pub(super) fn run(&self) -> ExitCode {
        let Self { stdio: _ } = self;
        let (sender, receiver) = channel();
        // it ends with the process: no read of standard input can be interrupted
        thread::spawn(move || read_messages(&mut io::stdin().lock(), &sender));
        match serve(&receiver) {
            Ok(ServerExit::Requested) => ExitCode::SUCCESS,
            Ok(ServerExit::Unexpected) => {
                print_message("septum: the session ended without `shutdown`");
                ExitCode::from(1)
            }
            Err(error) => {
                print_message(&format!("septum: a message could not be written: {error}"));
                ExitCode::from(1)
            }
        }
    }
}

/// Answers messages until the session ends. What is typed is checked when no message waits.
fn serve(receiver: &Receiver<Incoming>) -> io::Result<ServerExit> {
    let mut server = LanguageServer::new(current_time);
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() && !server.has_changes() {
            match receiver.recv() {
                Ok(incoming) => waiting.push_back(incoming),
                Err(_) => return Ok(ServerExit::Unexpected),
            }
        }
        let is_open = take_arrived(receiver, &mut waiting);
        match waiting.pop_front() {
            Some(Incoming::Malformed) => write_parse_error()?,
            Some(Incoming::Message(Message::Request(request))) if take_cancel(&mut waiting, &request.id) => {
                server.cancel(request.id);
            }
            Some(Incoming::Message(message)) => {
                if let ServerFlow::Exit(exit) = server.receive(message) {
                    return Ok(exit);
                }
            }
            None => server.settle(),
        }
        let mut stdout = lock_stdout();
        server.take_outgoing().iter().try_for_each(|message| message.write(&mut stdout))?;
        if !is_open && waiting.is_empty() && !server.has_changes() {
            return Ok(ServerExit::Unexpected);
        }
    }
}

/// Takes all messages that arrived. Whether others may follow.
fn take_arrived(receiver: &Receiver<Incoming>, waiting: &mut VecDeque<Incoming>) -> bool {
    loop {
        match receiver.try_recv() {
            Ok(incoming) => waiting.push_back(incoming),
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Disconnected) => return false,
        }
    }
}

/// Whether one of the waiting messages cancels a request; it is taken.
fn take_cancel(waiting: &mut VecDeque<Incoming>, id: &RequestId) -> bool {
    let is_cancel = |incoming: &Incoming| match incoming {
        Incoming::Message(Message::Notification(notification)) if notification.method == "$/cancelRequest" => {
            let cancelled = notification.params.get("id").cloned().map(serde_json::from_value::<RequestId>);
            cancelled.is_some_and(|cancelled| cancelled.is_ok_and(|cancelled| cancelled == *id))
        }
        Incoming::Message(_) | Incoming::Malformed => false,
    };
    let found = waiting.iter().position(is_cancel);
    found.and_then(|index| waiting.remove(index)).is_some()
}

/// Answers what is not a message, of which no id is known.
fn write_parse_error() -> io::Result<()> {
    let error = serde_json::json!({ "code": lsp_server::ErrorCode::ParseError as i32, "message": "expected a message of JSON-RPC" });
    let text = serde_json::json!({ "jsonrpc": "2.0", "id": null, "error": error }).to_string();
    let mut stdout = lock_stdout();
    write!(stdout, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    stdout.flush()
}

/// Reads messages until the end, or until the headers are not of the protocol.
fn read_messages(input: &mut impl BufRead, sender: &Sender<Incoming>) {
    while let Some(body) = read_body(input) {
        let incoming = serde_json::from_slice(&body).map_or(Incoming::Malformed, Incoming::Message);
        if sender.send(incoming).is_err() {
            return;
        }
    }
}

/// The body of the next message; none if there is none.
fn read_body(input: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut length = None;
    loop {
        let mut line = String::new();
        // no header is longer
        if input.take(1024).read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.strip_suffix('\n')?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<u64>().ok();
        }
    }
    let length = length.filter(|length| *length <= LONGEST)?;
    let mut body = Vec::new();
    input.take(length).read_to_end(&mut body).ok()?;
    (body.len() as u64 == length).then_some(body)
}
