//! `septum lsp`

use std::collections::VecDeque;
use std::io::{self, BufRead, Read as _, Write as _};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

use clap::Args;
use lsp_server::{ErrorCode, Message, RequestId};
use serde::Deserialize;
use serde::de::IgnoredAny;

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
    /// A request whose id the protocol does not have, which the answer cannot repeat.
    UnknownId,
    /// Bytes between messages that are not their headers: it is unknown where the next one begins.
    Unframed,
}

/// End of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionEnd {
    /// The client ended it, or its messages ended.
    Exit(ServerExit),
    /// Something other than messages arrived.
    Unframed,
}

impl LspArgs {
    pub(super) fn run(&self) -> ExitCode {
        let Self { stdio: _ } = self;
        let (sender, receiver) = channel();
        // it ends with the process: no read of standard input can be interrupted
        let reader = thread::Builder::new().spawn(move || read_messages(&mut io::stdin().lock(), &sender));
        if let Err(error) = reader {
            print_message(&format!("septum: the system starts no thread: {error}"));
            return ExitCode::from(4);
        }
        match serve(&receiver) {
            Ok(SessionEnd::Exit(ServerExit::Requested)) => ExitCode::SUCCESS,
            Ok(SessionEnd::Exit(ServerExit::Unexpected)) => {
                print_message("septum: the session ended without `shutdown`");
                ExitCode::from(1)
            }
            Ok(SessionEnd::Unframed) => {
                print_message(
                    "septum: standard input is not of the language server protocol: expected the header \
                     `Content-Length`, with at most 64 MiB; editors start this command",
                );
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
fn serve(receiver: &Receiver<Incoming>) -> io::Result<SessionEnd> {
    let mut server = LanguageServer::new(current_time);
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() && !server.has_changes() {
            match receiver.recv() {
                Ok(incoming) => waiting.push_back(incoming),
                Err(_) => return Ok(SessionEnd::Exit(ServerExit::Unexpected)),
            }
        }
        let is_open = take_arrived(receiver, &mut waiting);
        match waiting.pop_front() {
            Some(Incoming::Malformed) => write_error(ErrorCode::ParseError, "expected a message of JSON-RPC")?,
            Some(Incoming::UnknownId) => {
                write_error(ErrorCode::InvalidRequest, "expected a string, or an integer of 32 bits, for `id`")?;
            }
            Some(Incoming::Unframed) => return Ok(SessionEnd::Unframed),
            Some(Incoming::Message(Message::Request(request))) if take_cancel(&mut waiting, &request.id) => {
                server.cancel(request.id);
            }
            Some(Incoming::Message(message)) => {
                if let ServerFlow::Exit(exit) = server.receive(message) {
                    return Ok(SessionEnd::Exit(exit));
                }
            }
            None => server.settle(),
        }
        let mut stdout = lock_stdout();
        server.take_outgoing().iter().try_for_each(|message| message.write(&mut stdout))?;
        if !is_open && waiting.is_empty() && !server.has_changes() {
            return Ok(SessionEnd::Exit(ServerExit::Unexpected));
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
        Incoming::Message(_) | Incoming::Malformed | Incoming::UnknownId | Incoming::Unframed => false,
    };
    let found = waiting.iter().position(is_cancel);
    found.and_then(|index| waiting.remove(index)).is_some()
}

/// Answers what is not a message, of which no id is known.
fn write_error(code: ErrorCode, message: &str) -> io::Result<()> {
    let error = serde_json::json!({ "code": code as i32, "message": message });
    let text = serde_json::json!({ "jsonrpc": "2.0", "id": null, "error": error }).to_string();
    let mut stdout = lock_stdout();
    write!(stdout, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    stdout.flush()
}

/// Reads messages until the end, or until the headers are not of the protocol.
fn read_messages(input: &mut impl BufRead, sender: &Sender<Incoming>) {
    loop {
        let incoming = match read_body(input) {
            ReadBody::Body(body) => parse_message(&body),
            ReadBody::End => return,
            ReadBody::NoHeader => Incoming::Unframed,
        };
        let is_last = matches!(incoming, Incoming::Unframed);
        if sender.send(incoming).is_err() || is_last {
            return;
        }
    }
}

/// Reads the text of a message. One with an id that is none of the protocol would pass for a notification, and the
/// client would wait for ever.
fn parse_message(body: &[u8]) -> Incoming {
    #[derive(Deserialize)]
    struct WithId {
        id: Option<IgnoredAny>,
    }
    match serde_json::from_slice(body) {
        Ok(Message::Notification(_))
            if serde_json::from_slice::<WithId>(body).is_ok_and(|message| message.id.is_some()) =>
        {
            Incoming::UnknownId
        }
        Ok(message) => Incoming::Message(message),
        Err(_) => Incoming::Malformed,
    }
}

/// Result of reading a message.
enum ReadBody {
    Body(Vec<u8>),
    /// The input ended, in the middle of a message or not.
    End,
    /// The next lines are not headers, or not those of a message of a valid length.
    NoHeader,
}

/// Reads the next message.
fn read_body(input: &mut impl BufRead) -> ReadBody {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        // no header is longer
        match input.take(1024).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return ReadBody::End,
            Ok(_) => {}
        }
        let Some(line) = line.strip_suffix(b"\n") else { return ReadBody::NoHeader };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        let field = str::from_utf8(line).ok().and_then(|line| line.split_once(':'));
        let Some((name, value)) = field else { return ReadBody::NoHeader };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<u64>().ok();
        }
    }
    let Some(length) = length.filter(|length| *length <= LONGEST) else { return ReadBody::NoHeader };
    let mut body = Vec::new();
    match input.take(length).read_to_end(&mut body) {
        Ok(read) if read as u64 == length => ReadBody::Body(body),
        Ok(_) | Err(_) => ReadBody::End,
    }
}
