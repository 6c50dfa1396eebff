//! A program that stands still at a named point, while something else happens.

use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use septum::test_hook::StopPoint;

use crate::support::sandbox::Run;

/// A program that has reached a point.
pub(crate) struct Paused(Child);

impl Paused {
    /// Runs a program up to the n-th pass of a point. What it did if it never came there.
    pub(crate) fn at(mut command: Command, input: &[u8], point: StopPoint, pass: usize) -> Result<Self, Output> {
        command.env("SEPTUM_TEST_PAUSE_AT", format!("{}:{pass}", point.name()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // who does not read it all is free to
        let _ = child.stdin.take().unwrap().write_all(input);
        let pid = Pid::from_child(&child);
        let ends = WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(pid), ends).unwrap().unwrap();
        if status.stopped() { Ok(Self(child)) } else { Err(child.wait_with_output().unwrap()) }
    }

    /// Sends a signal, which it gets once it goes on.
    pub(crate) fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Lets it go on to its end.
    pub(crate) fn end(self) -> Output {
        self.send(Signal::CONT);
        self.0.wait_with_output().unwrap()
    }

    /// The same, for one that no signal is to end.
    pub(crate) fn finish(self) -> Run {
        self.end().into()
    }
}
