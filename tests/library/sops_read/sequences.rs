//! Sequences of commands, ours and those of the real sops in turn, on files whose comments and blanks stand in odd
//! places: after each step, both programs read what was not to change.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Deserialize as _;
use serde_yaml::Value;

use crate::sops_read::odd::OddFile;
use crate::sops_read::peers::{Peers, Random};

/// How many sequences; `SEPTUM_SOPS_SEQUENCES` says otherwise.
const SEQUENCES: u64 = 40;
const THREADS: u64 = 2;

#[test]
fn nothing_is_lost_in_sequences_of_commands_of_both_programs() {
    let Some(peers) = Peers::find() else { return };
    let wanted = std::env::var("SEPTUM_SOPS_SEQUENCES").ok().and_then(|count| count.parse().ok());
    let first = std::env::var("SEPTUM_SOPS_FIRST").ok().and_then(|first| first.parse().ok()).unwrap_or(0);
    let wanted = first + wanted.unwrap_or(SEQUENCES);
    // all that fail are shown, and not the first alone
    let run = |seed: u64| catch_unwind(AssertUnwindSafe(|| Sequence::run(seed, &peers))).map_err(|_| seed);
    let results: Vec<Result<bool, u64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let seeds = (first + thread..wanted).step_by(usize::try_from(THREADS).expect("few"));
                let run = &run;
                scope.spawn(move || seeds.map(run).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect()
    });
    let failed: Vec<_> = results.iter().filter_map(|result| result.err()).collect();
    assert!(failed.is_empty(), "sequences that lost something: {failed:?}");
    let (ran, all) = (results.iter().filter(|result| **result == Ok(true)).count(), results.len());
    println!("{ran} of {all} random files were taken by both programs");
    assert!(ran * 2 > all, "most files are refused: {ran} of {all}");
}

/// A sequence on its way.
struct Sequence<'a> {
    peers: &'a Peers,
    directory: tempfile::TempDir,
    name: String,
    random: Random,
    /// What the file holds, a value for each document.
    values: Vec<Value>,
    /// The names of the comments that are there, for us, and for sops, which loses some in odd places.
    comments: BTreeSet<String>,
    sops_comments: BTreeSet<String>,
    is_over: bool,
    /// What was done, for messages.
    log: Vec<String>,
}

impl<'a> Sequence<'a> {
    /// Runs a sequence; false if a program refuses the file as it is.
    fn run(seed: u64, peers: &'a Peers) -> bool {
        let mut random = Random(seed);
        let (file, ending) = match random.below(8) {
            0 => (OddFile::json(&mut random), "json"),
            1 => (OddFile::dotenv(&mut random), "env"),
            _ => (OddFile::yaml(&mut random), "yaml"),
        };
        let directory = tempfile::tempdir().expect("a directory");
        let name = format!("f.{ending}");
        fs::write(directory.path().join(&name), &file.text).expect("writes");
        let comments = file.comments.iter().cloned().collect();
        let log = vec![format!("seed {seed}\n{}", file.text)];
        let (values, sops_comments) = (Vec::new(), BTreeSet::new());
        let mut sequence =
            Self { peers, directory, name, random, values, comments, sops_comments, is_over: false, log };
        sequence.write_rule(false);
        if !sequence.start() {
            return false;
        }
        for _ in 0..=sequence.random.below(5) {
            sequence.step();
            if sequence.is_over {
                break;
            }
            sequence.check();
        }
        true
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(&self.name)
    }

    fn is_dotenv(&self) -> bool {
        self.name == "f.env"
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("a text")
    }

    /// The rule, for one recipient or for two.
    fn write_rule(&self, second: bool) {
        let another = if second { ",age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg" } else { "" };
        let rule = format!("creation_rules:\n  - age: {}{another}\n", self.peers.recipient);
        fs::write(self.directory.path().join(".sops.yaml"), rule).expect("writes");
    }

    /// Encrypts the file with one of the programs, and learns what it holds.
    fn start(&mut self) -> bool {
        let plain = self.text();
        let by_sops = self.sops(&["encrypt", &self.name]);
        let sops_takes_it = by_sops.status.success();
        if sops_takes_it {
            fs::write(self.path(), &by_sops.stdout).expect("writes");
            let read = self.sops(&["decrypt", &self.name]);
            if !read.status.success() {
                // it cannot read what it wrote
                return false;
            }
            let text = String::from_utf8(read.stdout).expect("UTF-8");
            let Ok(values) = self.values_in(&text) else {
                // what it prints is no YAML
                return false;
            };
            self.values = values;
            self.sops_comments = self.comments_of(&text);
            let mut texts = String::new();
            self.values.iter().for_each(|value| all_texts(value, &mut texts));
            let in_values: BTreeSet<_> = names(&texts, 'c').into_iter().collect();
            self.comments.retain(|comment| !in_values.contains(comment));
            if self.random.below(2) == 0 {
                self.comments = self.sops_comments.clone();
                self.log.push("encrypted by sops".to_owned());
                self.check();
                return true;
            }
        }
        fs::write(self.path(), plain).expect("writes");
        let ours = self.septum(&["encrypt", &self.name], None);
        match (sops_takes_it, ours.status.success()) {
            (true, true) => {}
            (false, true) => self.fail("sops refuses what septum encrypts", &by_sops),
            (_, false) => {
                let bug = String::from_utf8_lossy(&ours.stderr).contains("bug");
                assert!(!bug, "{}", self.report("a bug", &ours));
                return false;
            }
        }
        self.log.push("encrypted by septum".to_owned());
        self.check();
        true
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.directory.path()).env_clear().env("HOME", self.directory.path());
        command.env("SOPS_AGE_KEY_FILE", &self.peers.keys);
        command
    }

    fn sops(&self, arguments: &[&str]) -> Output {
        self.command(&self.peers.sops).args(arguments).output().expect("runs")
    }

    fn septum(&self, arguments: &[&str], input: Option<&str>) -> Output {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_septum")));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("runs");
        // one that refuses does not read it
        let _ = child.stdin.take().expect("a pipe").write_all(input.unwrap_or_default().as_bytes());
        child.wait_with_output().expect("ends")
    }

    fn values_of(&self, text: &str) -> Vec<Value> {
        self.values_in(text).unwrap_or_else(|error| panic!("{}\n{text}\n{error}", self.log.join("\n")))
    }

    fn values_in(&self, text: &str) -> Result<Vec<Value>, serde_yaml::Error> {
        if self.is_dotenv() {
            let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            let entry = |line: &str| {
                let (key, value) = line.split_once('=').expect("a line");
                (Value::from(key), Value::from(value))
            };
            return Ok(vec![Value::Mapping(lines.map(entry).collect())]);
        }
        let documents = serde_yaml::Deserializer::from_str(text).map(Value::deserialize);
        // a document of nothing is an empty one
        let filled = |value: Value| if value.is_null() { Value::Mapping(<_>::default()) } else { value };
        let documents = documents.map(|value| value.map(filled));
        documents.collect()
    }

    fn comments_of(&self, text: &str) -> BTreeSet<String> {
        // what looks like a comment in a block is a part of its text
        let mut texts = String::new();
        self.values_of(text).iter().for_each(|value| all_texts(value, &mut texts));
        let in_values = names(&texts, 'c');
        let comments = text.lines().filter_map(|line| line.split_once('#'));
        comments.flat_map(|(_, comment)| names(comment, 'c')).filter(|name| !in_values.contains(name)).collect()
    }

    /// Both programs read what is to be there, and nothing of it stands in plaintext.
    fn check(&mut self) {
        let text = self.text();
        let shown = ['v', 'c'].iter().flat_map(|kind| names(&text, *kind)).next();
        assert!(shown.is_none(), "{}\nin plaintext: {shown:?}\n{text}", self.log.join("\n"));
        let comments = std::mem::take(&mut self.comments);
        let sops_comments = std::mem::take(&mut self.sops_comments);
        for (program, output, comments) in [
            ("septum", self.septum(&["decrypt", &self.name], None), &comments),
            ("sops", self.sops(&["decrypt", &self.name]), &sops_comments),
        ] {
            if !output.status.success() {
                self.fail(&format!("{program} does not read the file"), &output);
            }
            let plain = String::from_utf8(output.stdout.clone()).expect("UTF-8");
            let (values, found) = (self.values_of(&plain), self.comments_of(&plain));
            let context = || format!("{}\n{program} reads\n{plain}\nof\n{text}", self.log.join("\n"));
            assert_eq!(values, self.values, "{}", context());
            let lost: Vec<_> = comments.difference(&found).collect();
            assert!(lost.is_empty(), "lost: {lost:?}\n{}", context());
        }
        (self.comments, self.sops_comments) = (comments, sops_comments);
    }

    fn report(&self, what: &str, output: &Output) -> String {
        let error = String::from_utf8_lossy(&output.stderr);
        format!("{}\n{what}: {error}\n{}", self.log.join("\n"), self.text())
    }

    fn fail(&self, what: &str, output: &Output) -> ! {
        panic!("{}", self.report(what, output))
    }

    fn done(&mut self, what: String, output: &Output) {
        if !output.status.success() {
            self.fail(&what, output);
        }
        self.log.push(what);
    }

    /// What sops keeps of the comments when it writes the file.
    fn written_by_sops(&mut self) {
        let output = self.sops(&["decrypt", &self.name]);
        if output.status.success() {
            let kept = self.comments_of(&String::from_utf8_lossy(&output.stdout));
            self.sops_comments.clone_from(&kept);
            self.comments = kept;
            // sops lost a comment: its ciphertext is bound to another place, and nothing reads it any more
            self.is_over = String::from_utf8_lossy(&output.stdout).contains("ENC[");
        }
    }

    fn step(&mut self) {
        let name = self.name.clone();
        match self.random.below(9) {
            0 => {
                let output = self.septum(&["rotate", &name], None);
                self.done("septum rotate".to_owned(), &output);
            }
            1 => {
                let output = self.sops(&["rotate", "-i", &name]);
                self.done("sops rotate".to_owned(), &output);
                self.written_by_sops();
            }
            2 => {
                let second = self.random.below(2) == 0;
                self.write_rule(second);
                let output = self.septum(&["rekey", &name], None);
                self.done(format!("septum rekey, two: {second}"), &output);
            }
            3 => {
                // where nothing is left there is nothing to encrypt
                let mut texts = String::new();
                self.values.iter().for_each(|value| all_texts(value, &mut texts));
                if texts.trim().is_empty() {
                    return;
                }
                let output = self.septum(&["decrypt", "-i", &name], None);
                self.done("septum decrypt -i".to_owned(), &output);
                let output = self.septum(&["encrypt", &name], None);
                self.done("septum encrypt".to_owned(), &output);
            }
            4 | 5 => self.set(),
            6 => self.unset(),
            7 => self.edit(),
            _ => self.set_by_sops(),
        }
    }

    /// A path to a single value of the first document, with its step from there.
    fn target(&mut self) -> Option<Vec<Value>> {
        let mut found = Vec::new();
        leaves(self.values.first()?, &mut Vec::new(), &mut found);
        (!found.is_empty()).then(|| found.swap_remove(self.random.below(found.len())))
    }

    /// Drift between the file and its rule refuses a change, so the rule is made to be followed first.
    fn follow_rule(&mut self) {
        let output = self.septum(&["rekey", &self.name], None);
        self.done("septum rekey".to_owned(), &output);
    }

    fn new_value(&mut self) -> String {
        let number = 1000 + self.random.next() % 99_000;
        let pattern = self.random.pick(&["v%y", "v%y z", "v%y\nv%z", "v%y\nv%z\n", "- v%y # no", "v%y: ", "v%y\n\n"]);
        let pattern = if self.is_dotenv() { "v%y" } else { pattern };
        pattern.replace('%', &number.to_string())
    }

    fn set(&mut self) {
        self.follow_rule();
        let Some(steps) = self.target() else { return };
        let value = self.new_value();
        let mut arguments = vec!["set".to_owned(), self.name.clone(), shown(&steps)];
        if self.values.len() > 1 {
            arguments.extend(["--document".to_owned(), "1".to_owned()]);
        }
        // what was a number or a truth value stays one, if it can
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = self.septum(&arguments, Some(&value));
        self.done(format!("septum set {} {value:?}", shown(&steps)), &output);
        // the line break that ends a single line is not a part of the value
        let value = value.strip_suffix('\n').filter(|line| !line.contains('\n')).unwrap_or(&value);
        if let Some(old) = self.values.first_mut().and_then(|root| at(root, &steps)) {
            *old = Value::from(value);
        }
    }

    fn set_by_sops(&mut self) {
        let Some(steps) = self.target() else { return };
        // it counts comments as items of lists
        if steps.iter().any(Value::is_u64) {
            return;
        }
        let value = format!("v{}s", 1000 + self.random.next() % 99_000);
        let output = self.sops(&["set", &self.name, &brackets(&steps), &format!("\"{value}\"")]);
        self.done(format!("sops set {} {value}", shown(&steps)), &output);
        if let Some(old) = self.values.first_mut().and_then(|root| at(root, &steps)) {
            *old = Value::from(value);
        }
        self.written_by_sops();
    }

    fn unset(&mut self) {
        self.follow_rule();
        let Some(steps) = self.target() else { return };
        let before = String::from_utf8(self.septum(&["decrypt", &self.name], None).stdout).expect("UTF-8");
        let mut arguments = vec!["unset".to_owned(), self.name.clone(), shown(&steps)];
        if self.values.len() > 1 {
            arguments.extend(["--document".to_owned(), "1".to_owned()]);
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let output = self.septum(&arguments, None);
        self.done(format!("septum unset {}", shown(&steps)), &output);
        let Some(removed) = self.values.first_mut().and_then(|root| take(root, &steps)) else { return };
        let beside = beside(&before, steps.last(), &removed);
        self.comments.retain(|comment| !beside.contains(comment));
        self.sops_comments.retain(|comment| !beside.contains(comment));
        let is_empty = |value: &Value| {
            value.as_sequence().is_some_and(Vec::is_empty)
                || value.as_mapping().is_some_and(serde_yaml::Mapping::is_empty)
        };
        let way = steps.split_last().map(|(_, way)| way).unwrap_or_default();
        if self.values.first_mut().and_then(|root| at(root, way)).is_some_and(|parent| is_empty(parent)) {
            // sops forgets those of lists and maps that hold nothing else
            let output = self.sops(&["decrypt", &self.name]);
            let kept = self.comments_of(&String::from_utf8_lossy(&output.stdout));
            self.sops_comments.retain(|comment| kept.contains(comment));
        }
    }

    /// An editor that gives a value another name.
    fn edit(&mut self) {
        self.follow_rule();
        let before = String::from_utf8(self.septum(&["decrypt", &self.name], None).stdout).expect("UTF-8");
        let known = names(&before, 'v');
        if known.is_empty() {
            return;
        }
        let old = known[self.random.below(known.len())].clone();
        let new = format!("v{}e", 1000 + self.random.next() % 99_000);
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_septum")));
        command.args(["edit", "--allow-disk", &self.name]).env("EDITOR", format!("sed -i s/{old}/{new}/g"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = command.output().expect("runs");
        self.done(format!("septum edit {old} to {new}"), &output);
        for value in &mut self.values {
            rename(value, &old, &new);
        }
    }
}

/// The names of a kind that stand in a text: `v12x`.
fn names(text: &str, kind: char) -> Vec<String> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric());
    let is_name = |word: &&str| {
        let digits = word.strip_prefix(kind).map(|rest| rest.trim_end_matches(|char: char| "xyzse".contains(char)));
        digits.is_some_and(|digits| {
            word.len() - 1 > digits.len() && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    // a short one stands in ciphertext by chance
    words.filter(is_name).filter(|word| word.len() > 5).map(str::to_owned).collect()
}

fn leaves(value: &Value, steps: &mut Vec<Value>, found: &mut Vec<Vec<Value>>) {
    match value {
        Value::Mapping(map) => {
            for (key, value) in map {
                steps.push(key.clone());
                leaves(value, steps, found);
                steps.pop();
            }
        }
        Value::Sequence(list) => {
            for (index, value) in list.iter().enumerate() {
                steps.push(Value::from(index));
                leaves(value, steps, found);
                steps.pop();
            }
        }
        // a number is set as one, and nothing has no type
        Value::String(_) => found.push(steps.clone()),
        _ => {}
    }
}

fn all_texts(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.extend([text.as_str(), "\n"]),
        Value::Sequence(list) => list.iter().for_each(|value| all_texts(value, out)),
        Value::Mapping(map) => map.iter().for_each(|(_, value)| all_texts(value, out)),
        _ => {}
    }
}

fn shown(steps: &[Value]) -> String {
    let mut out = String::new();
    for step in steps {
        match step {
            Value::String(key) => {
                out.push_str(if out.is_empty() { "" } else { "." });
                out.push_str(key);
            }
            step => out.extend(["[", &step.as_u64().expect("an index").to_string(), "]"]),
        }
    }
    out
}

fn brackets(steps: &[Value]) -> String {
    let step = |step: &Value| match step {
        Value::String(key) => format!("[\"{key}\"]"),
        step => format!("[{}]", step.as_u64().expect("an index")),
    };
    steps.iter().map(step).collect()
}

fn at<'a>(root: &'a mut Value, steps: &[Value]) -> Option<&'a mut Value> {
    steps.iter().try_fold(root, |value, step| match (value, step) {
        (Value::Mapping(map), key @ Value::String(_)) => map.get_mut(key),
        (Value::Sequence(list), index) => list.get_mut(usize::try_from(index.as_u64()?).ok()?),
        _ => None,
    })
}

fn take(root: &mut Value, steps: &[Value]) -> Option<Value> {
    let (last, way) = steps.split_last()?;
    match (at(root, way)?, last) {
        (Value::Mapping(map), key) => map.shift_remove(key),
        (Value::Sequence(list), index) => Some(list.remove(usize::try_from(index.as_u64()?).ok()?)),
        _ => None,
    }
}

fn rename(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) => *text = text.replace(old, new),
        Value::Sequence(list) => list.iter_mut().for_each(|value| rename(value, old, new)),
        Value::Mapping(map) => map.iter_mut().for_each(|(_, value)| rename(value, old, new)),
        _ => {}
    }
}

/// The comments on the lines of a value: they go with it.
fn beside(text: &str, key: Option<&Value>, value: &Value) -> BTreeSet<String> {
    let shown = value.as_str().unwrap_or_default();
    let mut own: BTreeSet<String> = names(shown, 'v').into_iter().collect();
    own.extend(key.and_then(Value::as_str).map(str::to_owned));
    let foreign = |line: &str| {
        let words: Vec<_> = names(line, 'v').into_iter().chain(names(line, 'k')).collect();
        words.iter().any(|word| !own.contains(word))
    };
    let is_own = |line: &str| names(line, 'v').iter().chain(&names(line, 'k')).any(|word| own.contains(word));
    let lines: Vec<&str> = text.lines().collect();
    let Some(first) = lines.iter().position(|line| is_own(line)) else { return BTreeSet::new() };
    let end = lines.iter().skip(first + 1).position(|line| foreign(line)).map_or(lines.len(), |at| first + 1 + at);
    let last = lines.iter().take(end).rposition(|line| is_own(line)).unwrap_or(first);
    // behind a value of several lines there is no room, so that its comment is shown above it
    let first = first.saturating_sub(1);
    let own_lines = lines.iter().take(last + 1).skip(first);
    own_lines
        .flat_map(|line| names(line.split_once('#').map(|(_, comment)| comment).unwrap_or_default(), 'c'))
        .collect()
}
