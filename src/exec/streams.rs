//! Output of a program on its way through this one.

use std::io::{self, IsTerminal as _, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::environ::{SecretPatterns, StreamRedactor};
use crate::secret::Wiping;

/// Time after which a part of a line is written: a user may wait for it.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// Streams that are redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedactionScope {
    /// Those that are not a terminal, which files and other programs read.
    Piped,
    /// All; the program gets a terminal of its own in the place of the user's.
    All,
}

/// Path of an output stream of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputPath {
    /// Straight to the stream of this process.
    Inherited,
    /// Through a pipe.
    Piped,
    /// Through a terminal of the program's own.
    Terminal,
}

/// Paths of the output streams of a program, and what is redacted in them.
pub struct OutputPlan {
    /// The secrets; none if nothing is redacted.
    pub(super) patterns: Option<Arc<SecretPatterns>>,
    pub(super) stdout: OutputPath,
    pub(super) stderr: OutputPath,
}

impl OutputPlan {
    /// Nothing is redacted.
    pub fn unchanged() -> Self {
        Self { patterns: None, stdout: OutputPath::Inherited, stderr: OutputPath::Inherited }
    }

    /// The plan to redact these secrets.
    pub fn redacting(patterns: Arc<SecretPatterns>, scope: RedactionScope) -> Self {
        let path = |is_terminal| match (is_terminal, scope) {
            (true, RedactionScope::Piped) => OutputPath::Inherited,
            (true, RedactionScope::All) => OutputPath::Terminal,
            (false, _) => OutputPath::Piped,
        };
        let (stdout, stderr) = (path(io::stdout().is_terminal()), path(io::stderr().is_terminal()));
        Self { patterns: Some(patterns), stdout, stderr }
    }

    /// Whether anything is redacted, for which a parent has to remain.
    pub fn needs_parent(&self) -> bool {
        self.patterns.is_some() && [self.stdout, self.stderr].iter().any(|path| *path != OutputPath::Inherited)
    }

    /// Whether the program needs a terminal of its own.
    pub(super) fn needs_terminal(&self) -> bool {
        [self.stdout, self.stderr].contains(&OutputPath::Terminal)
    }
}

/// Copies a stream until it ends, with its secrets redacted. If nobody reads the copy, the source is closed, so that
/// the program gets to know.
pub(super) fn copy_redacted(mut from: impl Read + AsFd, mut to: impl Write, patterns: Arc<SecretPatterns>) {
    let mut stream = StreamRedactor::new(patterns);
    let mut input = Wiping::new(vec![0; CHUNK]);
    let mut out = Vec::with_capacity(CHUNK);
    loop {
        if stream.is_holding() && !is_readable_soon(&from) {
            stream.pause(&mut out);
            if write_all(&mut to, &mut out).is_err() {
                return;
            }
        }
        match from.read(&mut input) {
            Ok(0) => break,
            Ok(length) => stream.push(input.get(..length).unwrap_or_default(), &mut out),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // how a terminal reports that the last program has closed it
            Err(_) => break,
        }
        if write_all(&mut to, &mut out).is_err() {
            return;
        }
    }
    stream.finish(&mut out);
    let _ = write_all(&mut to, &mut out);
}

fn is_readable_soon(from: &impl AsFd) -> bool {
    let mut polled = [PollFd::new(from, PollFlags::IN)];
    // an interruption is rare, and only delays the rest of a line
    poll(&mut polled, Some(&PAUSE)).map_or(true, |ready| ready > 0)
}

fn write_all(to: &mut impl Write, out: &mut Vec<u8>) -> io::Result<()> {
    to.write_all(out)?;
    out.clear();
    to.flush()
}
