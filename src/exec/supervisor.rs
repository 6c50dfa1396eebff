//! A program as a child: signals go to it, its exit code comes back, and its output may be redacted.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use super::streams::{OutputPath, OutputPlan, copy_redacted};
use super::terminal::{UserTerminal, copy_size};
use super::{Launch, StartFailure};
use crate::environ::SecretPatterns;
use crate::signals::forward_signals;

/// Time that a program has to end before it is restarted.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time for which output is awaited after the program has ended, in case another one keeps its streams open.
const LATE_OUTPUT: Duration = Duration::from_secs(1);

/// An event that the parent of a program acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChildEvent {
    /// This process got a signal.
    Signal(i32),
    /// The program has ended, and was not waited for yet.
    Ended(Pid),
    /// A stream of the program has ended.
    StreamClosed(Pid),
    /// The sources of its variables have changed.
    SourcesChanged,
}

/// End of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramEnd {
    /// By itself or by a signal: its exit code, or 128 and the number of the signal.
    Exited(u8),
    /// It was ended, to be started again.
    Stopped,
}

/// Parent of a program.
pub struct Supervisor {
    events: Receiver<ChildEvent>,
    sender: Sender<ChildEvent>,
    /// The user's terminal, from the first program on that has one of its own.
    user: Option<UserTerminal>,
}

/// Recipient of forwarded signals.
#[derive(Debug, Clone, Copy)]
enum SignalTarget {
    /// The program. It is in the process group of this process, which gets the signals of the keyboard as a whole.
    Program(Pid),
    /// The process group of the program, which no keyboard reaches.
    Group(Pid),
}

/// A program that runs.
struct RunningProgram {
    child: Child,
    pid: Pid,
    target: SignalTarget,
    /// The terminal of its own, if it has one.
    terminal: Option<File>,
    /// Number of streams that are copied.
    streams: usize,
}

impl Supervisor {
    /// A parent, with its handlers of signals: they must be there before a program is started.
    pub fn new() -> io::Result<Self> {
        let (sender, events) = mpsc::channel();
        let signals = sender.clone();
        forward_signals(Box::new(move |signal| {
            let _ = signals.send(ChildEvent::Signal(signal));
        }))?;
        Ok(Self { events, sender, user: None })
    }

    /// Function that reports that the sources have changed.
    pub fn change_reporter(&self) -> impl Fn() + Send + 'static {
        let sender = self.sender.clone();
        move || {
            let _ = sender.send(ChildEvent::SourcesChanged);
        }
    }

    /// Runs a program to its end. `is_outdated` is asked when the sources have changed; if it agrees, the program is
    /// ended.
    pub fn run(
        &mut self,
        launch: &Launch,
        plan: &OutputPlan,
        mut is_outdated: impl FnMut() -> bool,
    ) -> Result<ProgramEnd, StartFailure> {
        if plan.needs_terminal() && self.user.is_none() {
            self.user = Some(UserTerminal::attach()?);
        }
        let mut program = self.start(launch, plan)?;
        let mut is_stopping = false;
        loop {
            match self.events.recv() {
                Err(_) => break,
                Ok(ChildEvent::Ended(pid)) if pid == program.pid => break,
                Ok(event @ (ChildEvent::Signal(_) | ChildEvent::StreamClosed(_))) => program.act_on(event),
                Ok(ChildEvent::SourcesChanged) if is_outdated() => {
                    is_stopping = true;
                    self.stop(&mut program);
                    break;
                }
                Ok(ChildEvent::SourcesChanged | ChildEvent::Ended(_)) => {}
            }
        }
        let status = program.child.wait()?;
        self.await_streams(&mut program);
        if is_stopping {
            return Ok(ProgramEnd::Stopped);
        }
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        let code = status.code().or_else(|| signal.map(|signal| 128 + signal)).unwrap_or(1);
        Ok(ProgramEnd::Exited(u8::try_from(code).unwrap_or(1)))
    }

    fn start(&self, launch: &Launch, plan: &OutputPlan) -> Result<RunningProgram, StartFailure> {
        let mut command = launch.to_command()?;
        let user = self.user.as_ref().filter(|_| plan.needs_terminal());
        let is_group = user.is_some() || !has_controlling_terminal();
        let (mut child, terminal) = match user {
            Some(user) => {
                let (child, terminal) = user.spawn(command, plan)?;
                (child, Some(terminal))
            }
            None => {
                command.stdout(to_stdio(plan.stdout)).stderr(to_stdio(plan.stderr));
                if is_group {
                    std::os::unix::process::CommandExt::process_group(&mut command, 0);
                }
                (command.spawn()?, None)
            }
        };
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("the program has no process number"))?;
        let followed = self.follow(pid, &mut child, terminal.as_ref(), plan);
        if followed.is_err() {
            // nobody would see its output, or its end
            let _ = child.kill();
            let _ = child.wait();
        }
        let streams = followed?;
        let target = if is_group { SignalTarget::Group(pid) } else { SignalTarget::Program(pid) };
        Ok(RunningProgram { child, pid, target, terminal, streams })
    }

    /// Waits for a program, and copies the streams that are redacted, on threads of their own. Returns their number.
    fn follow(&self, pid: Pid, child: &mut Child, terminal: Option<&File>, plan: &OutputPlan) -> io::Result<usize> {
        let sender = self.sender.clone();
        // it is not waited for here: its number stays its own until no more signals are sent to it
        start_thread(move || {
            while waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
                .is_err_and(|error| error == rustix::io::Errno::INTR)
            {}
            let _ = sender.send(ChildEvent::Ended(pid));
        })?;
        match &plan.patterns {
            Some(patterns) => self.copy_streams(pid, child, terminal, plan, patterns),
            None => Ok(0),
        }
    }

    /// Copies the streams of a program that are redacted, and returns their number.
    fn copy_streams(
        &self,
        pid: Pid,
        child: &mut Child,
        terminal: Option<&File>,
        plan: &OutputPlan,
        patterns: &Arc<SecretPatterns>,
    ) -> io::Result<usize> {
        let mut streams = 0;
        if let Some(terminal) = terminal {
            let terminal = terminal.try_clone()?;
            streams += 1;
            if plan.stdout == OutputPath::Terminal {
                self.copy(pid, terminal, io::stdout(), patterns)?;
            } else {
                self.copy(pid, terminal, io::stderr(), patterns)?;
            }
        }
        if let Some(stdout) = child.stdout.take() {
            streams += 1;
            self.copy(pid, stdout, io::stdout(), patterns)?;
        }
        if let Some(stderr) = child.stderr.take() {
            streams += 1;
            self.copy(pid, stderr, io::stderr(), patterns)?;
        }
        Ok(streams)
    }

    /// Copies a stream on a thread of its own.
    fn copy(
        &self,
        pid: Pid,
        from: impl Read + AsFd + Send + 'static,
        to: impl Write + Send + 'static,
        patterns: &Arc<SecretPatterns>,
    ) -> io::Result<()> {
        let (patterns, sender) = (Arc::clone(patterns), self.sender.clone());
        start_thread(move || {
            copy_redacted(from, to, patterns);
            let _ = sender.send(ChildEvent::StreamClosed(pid));
        })
    }

    /// Ends a program: TERM, and KILL if it does not end in time.
    fn stop(&self, program: &mut RunningProgram) {
        program.send(Signal::TERM);
        loop {
            match self.events.recv_timeout(PATIENCE) {
                Ok(ChildEvent::Ended(pid)) if pid == program.pid => return,
                Ok(event) => program.act_on(event),
                Err(RecvTimeoutError::Timeout) => program.send(Signal::KILL),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Waits for the rest of the output.
    fn await_streams(&self, program: &mut RunningProgram) {
        while program.streams > 0 {
            match self.events.recv_timeout(LATE_OUTPUT) {
                Ok(event @ ChildEvent::StreamClosed(_)) => program.act_on(event),
                Ok(ChildEvent::SourcesChanged | ChildEvent::Ended(_)) => {}
                Ok(ChildEvent::Signal(_)) | Err(_) => return,
            }
        }
    }
}

impl RunningProgram {
    fn act_on(&mut self, event: ChildEvent) {
        match event {
            ChildEvent::Signal(number) => self.forward(number),
            ChildEvent::StreamClosed(pid) if pid == self.pid => self.streams = self.streams.saturating_sub(1),
            ChildEvent::StreamClosed(_) | ChildEvent::Ended(_) | ChildEvent::SourcesChanged => {}
        }
    }

    /// Passes on a signal that this process got, unless the program got it too.
    fn forward(&self, number: i32) {
        let Some(signal) = Signal::from_named_raw(number) else { return };
        if let (Signal::WINCH, Some(terminal)) = (signal, &self.terminal) {
            // its own terminal sends the signal
            return copy_size(terminal);
        }
        let is_of_keyboard = matches!(signal, Signal::INT | Signal::QUIT | Signal::WINCH);
        if matches!(self.target, SignalTarget::Group(_)) || !is_of_keyboard {
            self.send(signal);
        }
    }

    fn send(&self, signal: Signal) {
        // it may have ended in the meantime
        let _ = match self.target {
            SignalTarget::Program(pid) => kill_process(pid, signal),
            SignalTarget::Group(group) => kill_process_group(group, signal),
        };
    }
}

fn start_thread(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().spawn(work).map(drop)
}

fn to_stdio(path: OutputPath) -> Stdio {
    match path {
        OutputPath::Inherited | OutputPath::Terminal => Stdio::inherit(),
        OutputPath::Piped => Stdio::piped(),
    }
}

/// Whether this process has a terminal, whose keys send signals to all programs in the foreground.
fn has_controlling_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}
