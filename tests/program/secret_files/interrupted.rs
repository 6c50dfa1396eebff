//! Signals at every point that a write passes, and disks that are full: files are old or new, many of them all or
//! none, and no plaintext is left.

#![cfg(all(target_os = "linux", debug_assertions))]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use rustix::process::Signal;
use septum::test_hook::StopPoint;

use crate::secret_files::paused::Paused;
use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Run, Sandbox, give};

/// Interruptions that are made: 200 in CI (`SEPTUM_KILLS`).
fn interruptions() -> usize {
    std::env::var("SEPTUM_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(30)
}

const NAMES: [&str; 3] = ["a.enc.yaml", "b.enc.yaml", "c.enc.yaml"];

/// Commands that change files: their arguments, what they are given, and whether their files are plaintext before.
const COMMANDS: &[(&[&str], &str, bool)] = &[
    (&["set", "a.enc.yaml", "more"], "x", false),
    (&["unset", "a.enc.yaml", "other"], "", false),
    (&["edit", "a.enc.yaml"], "", false),
    (&["git-merge", "base", "a.enc.yaml", "theirs", "a.enc.yaml"], "", false),
    (&["encrypt", "a.enc.yaml", "b.enc.yaml", "c.enc.yaml"], "", true),
    (&["decrypt", "-i", "a.enc.yaml", "b.enc.yaml", "c.enc.yaml"], "", false),
    (&["decrypt", "a.enc.yaml", "-o", "b.enc.yaml"], "", false),
    (&["rotate", "a.enc.yaml", "b.enc.yaml", "c.enc.yaml"], "", false),
    (&["rekey"], "", false),
];

const POINTS: [StopPoint; 6] = [
    StopPoint::FilesRead,
    StopPoint::FilesLocked,
    StopPoint::AtomicHalfWritten,
    StopPoint::AtomicComplete,
    StopPoint::AtomicLinked,
    StopPoint::AtomicNamed,
];

const SIGNALS: [Signal; 5] = [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::KILL];

/// A directory with files that are encrypted, or not, and all that the commands need.
struct Bench {
    desk: Sandbox,
    memory: tempfile::TempDir,
    sealed: BTreeMap<String, Vec<u8>>,
}

impl Bench {
    fn new() -> Self {
        let desk = Sandbox::with_identities();
        for name in NAMES {
            desk.encrypted(name, Self::plaintext(name));
        }
        desk.write("base", desk.bytes(NAMES[0]));
        desk.write("theirs", desk.bytes(NAMES[0]));
        // the name says by which rule
        desk.write("theirs.enc.yaml", desk.bytes(NAMES[0]));
        desk.give("theirs", &["set", "theirs.enc.yaml", "new"]).succeeds();
        fs::rename(desk.path("theirs.enc.yaml"), desk.path("theirs")).unwrap();
        desk.rules("creation_rules: [{path_regex: '\\.enc\\.', age: 'ALICE,BOB'}]");
        let sealed = NAMES.map(|name| (name.to_owned(), desk.bytes(name))).into();
        Self { desk, memory: tempfile::tempdir_in("/dev/shm").unwrap(), sealed }
    }

    fn plaintext(name: &str) -> String {
        format!("value: {CANARY}-{name}\nother: y\n")
    }

    /// The files as they are before a command, and what they hold.
    fn prepare(&self, arguments: &[&str], is_plain: bool) -> BTreeMap<String, String> {
        let rule = if arguments[0] == "rekey" { "'ALICE,BOB'" } else { "ALICE" };
        self.desk.rules(&format!("creation_rules: [{{path_regex: '\\.enc\\.', age: {rule}}}]"));
        for (name, bytes) in &self.sealed {
            if is_plain {
                self.desk.write(name, Self::plaintext(name));
            } else {
                self.desk.write(name, bytes);
            }
        }
        self.states()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.desk.command(arguments);
        command.env("EDITOR", "sed -i 's/^other: .*/other: z/'").env("XDG_RUNTIME_DIR", self.memory.path());
        command.env("TMPDIR", self.desk.root());
        command
    }

    /// What each file is: in which form, for whom, and what it holds.
    fn states(&self) -> BTreeMap<String, String> {
        let state = |name: &str| {
            let text = self.desk.read(name);
            if !text.contains("ENC[") {
                return format!("plain\n{text}");
            }
            let has_bob = text.contains(&self.desk.bob);
            format!("encrypted, for Bob: {has_bob}\n{}", self.desk.run(&["decrypt", "-q", name]).succeeds())
        };
        NAMES.map(|name| (name.to_owned(), state(name))).into()
    }

    /// Asserts that nothing is beside the files, and no plaintext in any file that is none. What a kill in the
    /// instant of a new name leaves is found, and its owner's alone.
    fn assert_clean(&self, what: &str, may_leave_one: bool) {
        let mut drafts = Vec::new();
        for (name, bytes) in self.desk.all() {
            let is_draft = name.rsplit('/').next().is_some_and(|name| name.starts_with(".septum-"));
            if is_draft {
                let holds = String::from_utf8_lossy(&bytes).contains(CANARY);
                let mode = fs::metadata(self.desk.path(&name)).unwrap().permissions().mode();
                assert!(!holds || mode & 0o777 == 0o600, "{what}: {name} has mode {mode:o}");
                drafts.push(name);
            } else if !NAMES.contains(&name.as_str()) {
                assert!(!String::from_utf8_lossy(&bytes).contains(CANARY), "{what}: plaintext in {name}");
            }
        }
        assert!(drafts.len() <= usize::from(may_leave_one), "{what}: {drafts:?}");
        if !drafts.is_empty() {
            self.desk.write("septum.yaml", "apps: ['apps/*']\n");
            self.desk.write("apps/x/base.yaml", "data: {}\n");
            self.desk.write("apps/x/prod.yaml", "data: {}\n");
            let found = self.desk.run(&["check"]);
            let found = String::from_utf8(found.bytes).unwrap();
            assert!(found.contains("leftover-draft") && found.contains(&drafts[0]), "{what}: {found}");
            fs::remove_file(self.desk.path("septum.yaml")).unwrap();
            fs::remove_file(self.desk.path(&drafts[0])).unwrap();
        }
    }
}

#[test]
fn an_interrupted_command_leaves_old_files_or_new_ones_and_no_plaintext() {
    let bench = Bench::new();
    let mut cases = Vec::new();
    for command in COMMANDS {
        for point in POINTS {
            for pass in 1..=3 {
                cases.extend(SIGNALS.map(|signal| (command, point, pass, signal)));
            }
        }
    }
    // a step that has no divisor in common with the numbers of commands, points, passes and signals
    let chosen: Vec<_> = (0..interruptions().min(cases.len())).map(|index| cases[index * 191 % cases.len()]).collect();
    let mut expected: BTreeMap<&[&str], BTreeMap<String, String>> = BTreeMap::new();
    let mut interrupted = 0;
    for ((arguments, input, is_plain), point, pass, signal) in chosen {
        let what = format!("{arguments:?} at {}:{pass} by {signal:?}", point.name());
        let after = expected.entry(arguments).or_insert_with(|| {
            bench.prepare(arguments, *is_plain);
            let run: Run = give(bench.command(arguments), input.as_bytes()).into();
            assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
            bench.assert_clean(&what, false);
            bench.states()
        });
        let before = bench.prepare(arguments, *is_plain);
        let Ok(paused) = Paused::at(bench.command(arguments), input.as_bytes(), point, pass) else {
            // it has no such point, or not so often
            continue;
        };
        interrupted += 1;
        paused.send(signal);
        let output = paused.end();
        // one that comes when all is done may come too late
        let is_done = output.status.success() && signal != Signal::KILL;
        let ended = output.status.signal() == Some(signal.as_raw());
        assert!(ended || is_done, "{what}: {:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
        let is_killed = signal == Signal::KILL;
        bench.assert_clean(&what, is_killed && point == StopPoint::AtomicLinked);
        let now = bench.states();
        for (name, state) in &now {
            assert!(*state == before[name] || *state == after[name], "{what}: {name} is neither: {state}");
        }
        assert!(is_killed || now == before || now == *after, "{what}: some files are new and some are old");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!is_done || now == *after, "{what}: success, and nothing was done");
        if !is_killed && !is_done && now == *after && now != before {
            assert!(said.starts_with("septum: "), "{what}: {said}");
        }
        assert!(!said.contains(CANARY), "{what}: {said}");
        // nothing is in the way of the next run
        bench.prepare(arguments, *is_plain);
        let run: Run = give(bench.command(arguments), input.as_bytes()).into();
        assert_eq!((run.code, &bench.states()), (0, &*after), "{what}: {}", run.stderr);
        for kept in fs::read_dir(bench.memory.path()).unwrap() {
            fs::remove_dir_all(kept.unwrap().path()).unwrap();
        }
    }
    assert!(interrupted * 3 > interruptions().min(cases.len()), "{interrupted} were interrupted");
}

/// A limit of the size of files stands for a disk that is full at any byte.
#[test]
fn where_one_file_does_not_fit_none_is_changed() {
    let bench = Bench::new();
    let (mut failed, mut succeeded) = (0, 0);
    for (arguments, input, is_plain) in COMMANDS {
        for blocks in [0, 1, 2, 3, 4, 64] {
            let before = bench.prepare(arguments, *is_plain);
            // the third is larger than the others, and fails alone
            if arguments.contains(&NAMES[2]) {
                let text = bench.desk.read(NAMES[2]);
                let padded = if *is_plain { format!("{text}pad: {}\n", "x".repeat(900)) } else { text };
                bench.desk.write(NAMES[2], padded);
            }
            let before = if *is_plain { bench.states() } else { before };
            let program = bench.command(arguments);
            let mut command = bench.command(arguments);
            // the same command, by way of a shell that sets the limit
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("ulimit -f {blocks}; exec \"$0\" \"$@\"")]);
            shell.arg(program.get_program()).args(*arguments).current_dir(bench.desk.root()).env_clear();
            shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command = shell;
            let run: Run = give(command, input.as_bytes()).into();
            let what = format!("{arguments:?} with {blocks} blocks: {}", run.stderr);
            bench.assert_clean(&what, false);
            let now = bench.states();
            if run.code == 0 {
                succeeded += 1;
                // a new data key is seen in no plaintext
                assert!(now != before || arguments[0] == "rotate", "{what}");
            } else {
                assert_ne!(blocks, 64, "{what}");
                failed += 1;
                assert_eq!(now, before, "{what}");
                assert!(run.code == 4, "{what}");
            }
            for kept in fs::read_dir(bench.memory.path()).unwrap() {
                fs::remove_dir_all(kept.unwrap().path()).unwrap();
            }
        }
    }
    assert!(failed >= COMMANDS.len() && succeeded >= COMMANDS.len(), "{failed} failed, {succeeded} did not");
}

/// A real disk that is full: a `tmpfs` of 64 KiB, in a namespace of its own.
#[test]
fn a_full_disk_changes_nothing_and_loses_nothing() {
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let desk = Sandbox::with_identities().env("XDG_RUNTIME_DIR", memory.path());
    fs::create_dir(desk.path("disk")).unwrap();
    let script = r#"
        mount -t tmpfs -o size=64k tmpfs disk || exit 99
        cp .sops.yaml disk/; cd disk
        printf 'a: 1\n' > a.enc.yaml; printf 'b: 1\n' > b.enc.yaml
        { printf 'c: '; head -c 20000 /dev/zero | tr '\0' x; echo; } > c.enc.yaml
        cp a.enc.yaml b.enc.yaml c.enc.yaml ../
        "$SEPTUM" encrypt a.enc.yaml b.enc.yaml c.enc.yaml; echo "encrypt $?"
        # whichever thread takes the last space
        for threads in 1 2 8; do RAYON_NUM_THREADS=$threads "$SEPTUM" encrypt *.enc.yaml 2>> ../again; done
        for f in a b c; do cmp $f.enc.yaml ../$f.enc.yaml && echo "same $f"; done
        ls -A
        "$SEPTUM" encrypt a.enc.yaml; echo "one $?"
        cp a.enc.yaml ../sealed; rm c.enc.yaml; cat /dev/zero > fill 2>/dev/null
        EDITOR="sed -i 's/a: 1/a: typed-canary/'" "$SEPTUM" edit a.enc.yaml; echo "edit $?"
        cmp a.enc.yaml ../sealed && echo "same sealed"
        ls -A
    "#;
    let Some(Run { stdout, stderr, .. }) = desk.run_in_namespace(script) else { return };
    let lines: Vec<_> = stdout.lines().collect();
    let files = [".sops.yaml", "a.enc.yaml", "b.enc.yaml", "c.enc.yaml"];
    let expected = [&["encrypt 4", "same a", "same b", "same c"][..], &files, &["one 0", "edit 4", "same sealed"]];
    let rest = [".sops.yaml", "a.enc.yaml", "b.enc.yaml", "fill"];
    assert_eq!(lines, [&expected.concat()[..], &rest].concat(), "{stderr}");
    record(&stderr);
    let again = desk.read("again");
    let first = again.get(..again.len() / 3).unwrap();
    assert_eq!(again, first.repeat(3));
    assert!(stderr.starts_with(first), "{stderr}");
    assert!(!stderr.contains("typed-canary"), "{stderr}");
    let kept = fs::read_dir(memory.path()).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read_to_string(kept.join("a.enc.yaml")).unwrap(), "a: typed-canary\n");
}

/// What cannot be foreseen: a name that cannot be changed after others were.
#[test]
fn what_was_done_is_said_exactly_where_a_name_cannot_be_changed() {
    let bench = Bench::new();
    bench.prepare(&["rotate"], false);
    let command = bench.command(&["rotate", NAMES[0], NAMES[1], NAMES[2]]);
    let paused = Paused::at(command, b"", StopPoint::AtomicComplete, 1).ok().unwrap();
    fs::remove_file(bench.desk.path(NAMES[1])).unwrap();
    fs::create_dir(bench.desk.path(NAMES[1])).unwrap();
    paused.finish().fails(4);

    assert_ne!(bench.desk.bytes(NAMES[0]), bench.sealed[NAMES[0]]);
    assert_eq!(bench.desk.bytes(NAMES[2]), bench.sealed[NAMES[2]]);
    assert!(!bench.desk.all().keys().any(|name| name.starts_with(".septum-")));
}

/// Owner, group, mode and attributes are those of the file that was there.
#[test]
fn a_new_file_takes_over_whose_the_old_one_was() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let desk = Sandbox::with_identities();
    desk.encrypted("x.enc.yaml", "a: 1\n");
    let path = desk.path("x.enc.yaml");
    let is_root = chown(&path, Some(1234), Some(4321)).is_ok();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let attribute = rustix::fs::setxattr(&path, "user.septum", b"kept", rustix::fs::XattrFlags::empty());
    let owner = |metadata: &fs::Metadata| (metadata.uid(), metadata.gid());
    let before = fs::metadata(&path).unwrap();
    for arguments in [&["set", "x.enc.yaml", "a"][..], &["rotate", "x.enc.yaml"], &["decrypt", "-i", "x.enc.yaml"]] {
        desk.give("2", arguments).succeeds();
        let after = fs::metadata(&path).unwrap();
        assert_eq!(owner(&after), owner(&before), "{arguments:?}");
        let mode = if arguments[0] == "decrypt" { 0o600 } else { 0o640 };
        assert_eq!(after.mode() & 0o777, mode, "{arguments:?}");
        if attribute.is_ok() {
            let mut value = [0; 16];
            let length = rustix::fs::getxattr(&path, "user.septum", &mut value).unwrap();
            assert_eq!(&value[..length], b"kept", "{arguments:?}");
        }
    }
    if !is_root {
        eprintln!("SKIPPED: only root gives files away, so that nothing was to be kept of the owner");
    }
}
