//! Encrypted files, many and big ones: whole processes, with those of sops beside them where that is
//! installed. `cargo bench --bench sops` prints medians and how many times faster Septum is.

#![allow(clippy::print_stdout, clippy::expect_used)] // a program of its own, whose result is what it prints

mod files;
#[path = "../measure/mod.rs"]
mod measure;
mod memory;
#[path = "../../tests/support/peers.rs"]
mod peers;

use std::fs;
use std::path::{Path, PathBuf};

use measure::Process;
use septum::sops::{IdentityKind, NewIdentity};

/// How many small files there are.
const FILES: usize = 1000;

/// How many of them sops is run on, one process each; the time counts as often as needed.
const SAMPLE: usize = 100;

/// How many maps of a hundred keys a big document has.
const MAPS: usize = 200;

/// The length of the binary file.
const BINARY: usize = 100_000_000;

/// How many times something is run, unless it takes long.
const RUNS: usize = 5;

/// What takes longer, in milliseconds, is run only once.
const LONG: f64 = 4000.0;

fn main() {
    // `cargo test --benches` builds this too, and has no use for it
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let bench = Bench::new(temporary.path());
    println!("{FILES} files: sops runs on {SAMPLE} of them, one process each, and its time is multiplied");
    println!("{:<36} {:>9} {:^21} {:^21} {:>8}", "", "input", "septum", "sops", "");
    println!(
        "{:<36} {:>9} {:>10} {:>10} {:>10} {:>10} {:>8}",
        "whole process", "MiB", "median ms", "peak MiB", "median ms", "peak MiB", "faster"
    );
    bench.small();
    for (name, what) in [("big.yaml", "20,000 keys of YAML"), ("big.json", "20,000 keys of JSON"), ("big", "100 MB")] {
        bench.big(name, what);
    }
    memory::measure(&bench);
}

/// What all rows have in common.
struct Bench {
    directory: PathBuf,
    identity: PathBuf,
    recipient: String,
    septum: PathBuf,
    sops: Option<PathBuf>,
}

impl Bench {
    fn new(directory: &Path) -> Self {
        let (identity, recipient) = identity();
        let key = directory.join("keys.txt");
        files::write(&key, identity.as_bytes());
        Self {
            directory: directory.to_path_buf(),
            identity: key,
            recipient,
            septum: env!("CARGO_BIN_EXE_septum").into(),
            sops: peers::peer("sops"),
        }
    }

    fn process(&self, program: &Path, directory: &str) -> Process {
        Process::new(program, &self.directory.join(directory), &self.identity)
    }

    fn septum(&self, directory: &str, arguments: &str) -> Process {
        self.process(&self.septum, directory).with(arguments)
    }

    /// What sops does with each of the sample.
    fn each(&self, directory: &str, arguments: &str) -> Vec<Process> {
        let names = (0..SAMPLE).map(files::name);
        names.flat_map(|name| self.one(directory, arguments).into_iter().map(move |one| one.with(&name))).collect()
    }

    /// A process of sops.
    fn one(&self, directory: &str, arguments: &str) -> Vec<Process> {
        self.sops.iter().map(|sops| self.process(sops, directory).with(arguments)).collect()
    }

    /// Many small files, each with its own data key.
    fn small(&self) {
        let sealed = self.directory.join("sealed");
        files::small(&sealed, FILES);
        let names: Vec<_> = (0..FILES).map(files::name).collect();
        let names = names.join(" ");
        self.septum("sealed", &format!("encrypt --age {} {names}", self.recipient)).run();
        let input = fs::read_dir(&sealed).expect("files").map(|file| length(&file.expect("a file").path())).sum();

        let decrypt = self.septum("sealed", &format!("decrypt {names}"));
        let sops = self.each("sealed", "decrypt");
        row("1,000 files: decrypt", input, &|| {}, &[decrypt], &sops, FILES / SAMPLE);

        let (_, second) = identity();
        let rule = format!("creation_rules:\n  - age: {},{second}\n", self.recipient);
        let work = self.directory.join("work");
        let restore = || {
            files::copy(&sealed, &work);
            files::write(&work.join(".sops.yaml"), rule.as_bytes());
        };
        let rekey = self.septum("work", &format!("rekey {names}"));
        let sops = self.each("work", "updatekeys --yes");
        row("1,000 files: add a recipient", input, &restore, &[rekey], &sops, FILES / SAMPLE);

        let value = self.directory.join("value");
        files::write(&value, b"invented-and-new");
        let input = length(&sealed.join(files::name(0)));
        let rule = format!("creation_rules:\n  - age: {}\n", self.recipient);
        let restore = || {
            files::copy(&sealed, &work);
            files::write(&work.join(".sops.yaml"), rule.as_bytes());
        };
        let set = self.septum("work", &format!("set {} data.PASSWORD", files::name(0))).reading(&value);
        let sops = self.one("work", &format!("set {} [\"data\"][\"PASSWORD\"] \"invented-and-new\"", files::name(0)));
        row("1 file: set a value", input, &restore, &[set], &sops, 1);
    }

    /// A big file, encrypted and decrypted.
    fn big(&self, name: &str, what: &str) {
        let (plain, sealed) = (self.directory.join(name), format!("sealed-{name}"));
        match name {
            "big.yaml" => files::yaml(&plain, MAPS),
            "big.json" => files::json(&plain, MAPS),
            _ => files::binary(&plain, BINARY),
        }
        let encrypt = format!("encrypt --age {} --output {sealed} {name}", self.recipient);
        let septum = self.septum("", &encrypt);
        // a file that is there already takes its writer longer at times
        let absent = || drop(fs::remove_file(self.directory.join(&sealed)));
        row(&format!("{what}: encrypt"), length(&plain), &absent, &[septum], &self.one("", &encrypt), 1);

        let decrypt = format!("decrypt {sealed}");
        let septum = self.septum("", &decrypt);
        let input = length(&self.directory.join(&sealed));
        row(&format!("{what}: decrypt"), input, &|| {}, &[septum], &self.one("", &decrypt), 1);
    }
}

/// A new identity, and its recipient.
fn identity() -> (String, String) {
    let new = NewIdentity::generate(IdentityKind::X25519).expect("randomness");
    (new.identity().expose().clone(), new.recipient().to_owned())
}

/// The length of a file in MiB.
fn length(path: &Path) -> f64 {
    let bytes = fs::metadata(path).expect("a file").len();
    f64::from(u32::try_from(bytes).expect("no more than 4 GiB")) / f64::from(1 << 20)
}

/// Measures what both programs do; the time of sops counts so many times.
fn row(title: &str, input: f64, prepare: &dyn Fn(), septum: &[Process], sops: &[Process], times: usize) {
    let (ours, our_peak) = measured(prepare, septum);
    let our_peak = measure::mebibytes(our_peak);
    let (theirs, faster) = match sops {
        [] => (format!("{:^21}", "not installed"), "–".to_owned()),
        _ => {
            let (time, peak) = measured(prepare, sops);
            let time = time * f64::from(u32::try_from(times).expect("a small number"));
            (format!("{time:>10.0} {:>10}", measure::mebibytes(peak)), format!("{:.1}×", time / ours))
        }
    };
    println!("{title:<36} {input:>9.3} {ours:>10.1} {our_peak:>10} {theirs} {faster:>8}");
}

/// The median of the times that the processes take together, and the peak memory of the first.
fn measured(prepare: &dyn Fn(), processes: &[Process]) -> (f64, Option<f64>) {
    prepare();
    let (first, peak) = measure::time(|| processes.first().and_then(Process::peak_memory));
    let once = || {
        prepare();
        measure::time(|| processes.iter().for_each(Process::run)).0
    };
    if first > LONG && peak.is_some() {
        return (first, peak);
    }
    let mut times = vec![once()];
    let runs = if times[0] > LONG { 1 } else { RUNS };
    times.extend((1..runs).map(|_| once()));
    times.sort_unstable_by(f64::total_cmp);
    (times[times.len() / 2], peak)
}
