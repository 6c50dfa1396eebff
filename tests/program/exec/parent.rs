//! What septum does as the parent of a program: signals, terminals, redaction, files, restarts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::project;
use crate::support::peers::skip_optional;
use crate::support::sandbox::{CANARY, Sandbox, is_hangup_ignored};
use crate::support::terminal::{driver, session};

/// A program that says when it is ready and when it gets a signal, and how many it got at the end.
const SERVER: &str = r"
import os, select, signal, sys
woken, waker = os.pipe()
os.set_blocking(waker, False)
signal.set_wakeup_fd(waker)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, lambda *_: None)
print('ready', flush=True)
count, typed = 0, b''
while b'end\n' not in typed:
    ready = select.select([woken, 0], [], [])[0]
    if woken in ready:
        count += len(os.read(woken, 100))
        print('got', flush=True)
    if 0 in ready:
        piece = os.read(0, 100)
        typed += piece or b'end\n'
print(f'n={count}', flush=True)
if os.isatty(0):
    print(os.ttyname(0), flush=True)
sys.exit(9)
";

/// A program that runs, and its output line by line.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn start(site: &Sandbox, arguments: &[&str]) -> Self {
        Self::of(site.command(arguments))
    }

    fn of(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -s {signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    fn type_line(&mut self, line: &str) {
        // twice: a shell may drop the line that it reads while its trap runs
        let _ = write!(self.child.stdin.as_mut().unwrap(), "{line}\n{line}\n");
    }

    /// The rest of the output, and the exit code.
    fn end(mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code())
    }
}

#[test]
fn a_server_gets_each_signal_once_and_its_exit_code_comes_back() {
    let site = project();
    for options in [&[][..], &["--redact"], &["--watch"]] {
        for signal in ["TERM", "INT", "HUP", "USR1"] {
            // `exec` leaves it ignored, too
            if signal == "HUP" && is_hangup_ignored() {
                skip_optional("SIGHUP", "is ignored");
                continue;
            }
            let arguments = [&["exec", "dev"], options, &["--", "python3", "-c", SERVER]].concat();
            let mut server = Running::start(&site, &arguments);
            assert_eq!(server.line(), "ready\n");
            server.signal(signal);
            assert_eq!(server.line(), "got\n", "{options:?} {signal}");
            server.type_line("end");
            assert_eq!(server.end(), ("n=1\n".to_owned(), Some(9)), "{options:?} {signal}");
        }
    }
}

#[test]
fn a_hangup_that_nohup_ignores_is_not_passed_on() {
    let site = project();
    for options in [&["--redact"][..], &["--watch"]] {
        let command = "trap '' HUP; exec \"$0\" \"$@\"";
        let program = site.command(&[]).get_program().to_owned();
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).arg(program).args(["exec", "dev"]).args(options);
        shell
            .args(["--", "python3", "-c", SERVER])
            .current_dir(site.root())
            .env("SOPS_AGE_KEY_FILE", site.path("alice.txt"));
        let mut server = Running::of(shell);
        assert_eq!(server.line(), "ready\n");
        server.signal("HUP");
        server.signal("USR1");
        assert_eq!(server.line(), "got\n");
        server.type_line("end");
        assert_eq!(server.end(), ("n=1\n".to_owned(), Some(9)), "{options:?}");
    }
}

#[test]
fn in_a_terminal_ctrl_c_reaches_the_program_once() {
    let Some(driver) = driver() else { return };
    let site = project();
    let key = site.path("alice.txt").display().to_string();
    site.write("server", SERVER);
    for options in ["", "--watch", "--redact=always"] {
        let command = format!("exec \"$SEPTUM\" exec dev {options} -- python3 server");
        let turns = [("ready", "\u{3}"), ("got", "end\nend\n")];
        let done = session(&driver, &site.root(), &[("SOPS_AGE_KEY_FILE", &key)], &command, &turns);
        assert_eq!(done.code, 9, "{options}: {}", done.shown);
        assert!(done.shown.contains("n=1"), "{options}: {}", done.shown);
        assert!(done.shown.contains("/dev/pts/"), "{options} has a terminal: {}", done.shown);
    }
    let command =
        "\"$SEPTUM\" exec dev --redact=always -- sh -c 'echo \"<$PASSWORD>\"; stty size' && stty -a | grep -c ' echo '";
    let done = session(&driver, &site.root(), &[("SOPS_AGE_KEY_FILE", &key)], command, &[]);
    assert!(done.shown.starts_with("<[secret]>\n") && !done.shown.contains(CANARY), "{}", done.shown);
    assert!(done.shown.ends_with("1\n"), "the terminal echoes again: {}", done.shown);
    let command = "\"$SEPTUM\" exec dev --redact -- sh -c 'echo \"<$PASSWORD>\"'";
    let done = session(&driver, &site.root(), &[("SOPS_AGE_KEY_FILE", &key)], command, &[]);
    assert!(done.shown.contains(CANARY), "a terminal is not redacted unless asked for");
}

#[test]
fn redacted_streams_contain_no_secret_in_any_form() {
    let site = project();
    let script = "printf '%s\\n' \"$PASSWORD\" \"$URL\"; printf '%s' \"$PASSWORD\" | base64; printf '%q\\n' \"$PASSWORD\" >&2; \
        printf %s hunter2-; printf '%s\\n' \"canary Z9/+ and more\"; echo \"{\\\"p\\\":\\\"$PASSWORD\\\"}\" >&2; echo $LEVEL";
    let run = site.run(&["exec", "dev", "--redact", "--", "bash", "-c", script]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let all = format!("{}{}", run.stdout, run.stderr);
    assert!(!all.contains(CANARY) && !all.contains(&STANDARD.encode(format!("{CANARY} Z9"))[..12]), "{all}");
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!((lines[0], lines[1]), ("[secret]", "[secret]"));
    assert_eq!((lines[lines.len() - 2], lines[lines.len() - 1]), ("[secret] and more", "debug"));
    assert_eq!(run.stderr, "[secret]\n{\"p\":\"[secret]\"}\n");
}

#[test]
fn secrets_that_are_no_variable_of_the_program_are_redacted_too() {
    let site = Sandbox::with_identities()
        .file("base.yaml", "app: shop\ndata: { LEVEL: debug, PASSWORD: {}, a.json: {} }\n")
        .file("dev.yaml", "data: { PASSWORD: m1n2o3p4q5 }\n");
    let secrets = "vars: { db: { password: a1b2c3d4e5 } }\ndata: { PASSWORD: v9w8x7y6z5, a.json: { content: { pin: f6g7h8i } } }\n";
    site.encrypted("base.secrets.yaml", secrets);
    let script = "echo $LEVEL m1n2o3p4q5 a1b2c3d4e5 v9w8x7y6z5 f6g7h8i";
    let printed = site.run(&["exec", "dev", "--redact", "--", "sh", "-c", script]).succeeds();
    assert_eq!(printed, "debug [secret] [secret] [secret] [secret]\n");
}

/// Sees the command line of every process, as any user does.
#[test]
fn no_command_line_contains_a_value() {
    let site = project();
    for options in [&[][..], &["--redact"]] {
        let script = "cat /proc/$PPID/cmdline /proc/$$/cmdline /proc/$PPID/environ 2>/dev/null | tr '\\0' '\\n'";
        let run = site.run(&[&["exec", "dev"], options, &["--", "sh", "-c", script]].concat());
        assert!(!run.stdout.contains(CANARY), "{}", run.stdout);
    }
}

#[test]
fn files_are_in_memory_for_their_owner_and_removed_on_every_exit() {
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let site = project().env("XDG_RUNTIME_DIR", memory.path());
    let left = || fs::read_dir(memory.path()).unwrap().count();
    let run = |script: &str| site.run(&["exec", "dev", "--files", "run", "--", "sh", "-c", script]);
    let done = run(
        "cat run/nginx.conf run/PASSWORD; echo; stat -c '%a %n' run/ run/PASSWORD; cd run; ls; echo $SEPTUM_FILES; exit 3",
    );
    assert_eq!(done.code, 3, "{}", done.stderr);
    let root = fs::canonicalize(site.root()).unwrap();
    let expected = format!(
        "server {{}}\n{CANARY} Z9/+\n700 run/\n600 run/PASSWORD\nHOST\nLEVEL\nPASSWORD\nQUEUE\nURL\nnginx.conf\n{}/run\n",
        root.display()
    );
    assert_eq!(done.stdout.replace(&site.root().display().to_string(), &root.display().to_string()), expected);
    assert!(!site.path("run").is_symlink() && left() == 0);

    for signal in ["TERM", "INT"] {
        let mut server =
            Running::start(&site, &["exec", "dev", "--files", "run", "--", "sh", "-c", "echo ready; exec cat"]);
        assert_eq!(server.line(), "ready\n");
        assert!(fs::metadata(site.path("run/PASSWORD")).unwrap().mode() & 0o777 == 0o600);
        server.signal(signal);
        let number = if signal == "TERM" { 15 } else { 2 };
        assert_eq!(server.end().1, Some(128 + number));
        assert!(!site.path("run").is_symlink() && left() == 0, "{signal}");
    }

    // whatever is there stays
    site.write("taken", "mine");
    site.run(&["exec", "dev", "--files", "taken", "--", "true"]).refused();
    assert_eq!((site.read("taken").as_str(), left()), ("mine", 0));
    // the next run removes what a killed one left, and replaces its link
    let mut server =
        Running::start(&site, &["exec", "dev", "--files", "run", "--", "sh", "-c", "echo ready; exec cat"]);
    assert_eq!(server.line(), "ready\n");
    server.signal("KILL");
    drop(server.child.stdin.take());
    assert_eq!(server.end().1, None);
    assert!(site.path("run").is_symlink() && left() == 1);
    assert_eq!(run("ls run/URL").stdout, "run/URL\n");
    assert!(!site.path("run").is_symlink() && left() == 0);
    std::os::unix::fs::symlink(memory.path().join("septum-private-1-gone"), site.path("run")).unwrap();
    assert_eq!(run("ls run/URL").stdout, "run/URL\n");
}

#[test]
fn a_program_is_restarted_when_its_values_change_and_only_then() {
    let site = project();
    let script = "import os, signal; wanted = {signal.SIGTERM}; signal.pthread_sigmask(signal.SIG_BLOCK, wanted); \
        print('level=' + os.environ['LEVEL'], flush=True); signal.sigwait(wanted); print('stopped', flush=True)";
    let mut program = Running::start(&site, &["exec", "dev", "--watch", "-q", "--", "python3", "-c", script]);
    assert_eq!(program.line(), "level=debug\n");
    // the first is a comment, which changes no value
    site.write("dev.yaml", "# a comment\ndata: { LEVEL: debug }\n");
    site.write("dev.yaml", "data: { LEVEL: other }\n");
    assert_eq!(program.line(), "stopped\n");
    assert_eq!(program.line(), "level=other\n");
    // with an error, the program keeps its values
    site.write("dev.yaml", "data: { NOWHERE: third }\n");
    site.write("dev.yaml", "data: { LEVEL: third }\n");
    assert_eq!(program.line(), "stopped\n");
    assert_eq!(program.line(), "level=third\n");
    program.signal("TERM");
    assert_eq!(program.end(), ("stopped\n".to_owned(), Some(0)));
}
