//! The fuzzer without nightly: replays the corpus of each target, then changes it for a time.
//!
//! A process for each target, so that one that ends, hangs or takes all memory is a finding of that target alone.

#![allow(clippy::print_stdout, reason = "the table is its output")]

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio, abort};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use septum_fuzz::campaign::{Inputs, holds, shrink};
use septum_fuzz::{TARGETS, Target};

const USAGE: &str = "\
usage: fuzz [--seconds N] [--runs N] [--seed N] [TARGET | FILE]...

Replays the corpus of each target, or of those that are named, and runs changes of it for N seconds in all (60) or
for N runs of each. A FILE is an input that is run once, for the target before it. Findings are kept in target/fuzz/.
";

/// Mark of the lines that name the input of a finding.
const INPUT: &str = "    input: ";

/// Seconds of one run after which it hangs.
const HANGS: u64 = 30;

/// Most resident memory, in MiB.
const MEMORY: u64 = 3072;

/// When the current run began, in milliseconds of the process; 0 between runs.
static BEGAN: AtomicU64 = AtomicU64::new(0);

/// Place and message of the last panic.
static PANIC: Mutex<String> = Mutex::new(String::new());

struct Options {
    seconds: f64,
    runs: Option<u64>,
    seed: u64,
    is_child: bool,
    targets: Vec<&'static Target>,
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let options = match parse_options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(reason) => {
            println!("{reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if !options.files.is_empty() {
        return run_files(&options);
    }
    match options.targets.as_slice() {
        [target] if options.is_child => run_target(target, &options),
        _ => run_all(&options),
    }
}

fn parse_options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options =
        Options { seconds: 60.0, runs: None, seed: 1, is_child: false, targets: Vec::new(), files: Vec::new() };
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().unwrap_or_default();
            value.parse::<f64>().map_err(|_| format!("`{argument}` needs a number, found `{value}`"))
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers")]
        match argument.as_str() {
            "--seconds" => options.seconds = number()?,
            "--runs" => options.runs = Some(number()? as u64),
            "--seed" => options.seed = number()? as u64,
            "--child" => options.is_child = true,
            name => match TARGETS.iter().find(|target| target.name == name) {
                Some(target) => options.targets.push(target),
                None if Path::new(name).is_file() => options.files.push(name.into()),
                None => return Err(format!("`{name}` is neither a target nor a file")),
            },
        }
    }
    if options.targets.is_empty() {
        options.targets.extend(TARGETS);
    }
    Ok(options)
}

/// Runs inputs once, with the messages of their panics.
fn run_files(options: &Options) -> ExitCode {
    let [target] = options.targets.as_slice() else {
        println!("name one target before the files\n{USAGE}");
        return ExitCode::from(2);
    };
    let mut code = ExitCode::SUCCESS;
    for file in &options.files {
        let input = fs::read(file).unwrap_or_default();
        let is_sound = holds(target, &input);
        println!("{}: {}", file.display(), if is_sound { "holds" } else { "does not hold" });
        code = if is_sound { code } else { ExitCode::FAILURE };
    }
    code
}

/// Runs each target in a process of its own, and prints the table.
fn run_all(options: &Options) -> ExitCode {
    println!("{:<16} {:>6} {:>9} {:>8} {:>9}", "target", "corpus", "runs", "seconds", "findings");
    #[expect(clippy::cast_precision_loss, reason = "a few targets")]
    let seconds = options.seconds / options.targets.len() as f64;
    let (mut all_runs, mut all_seconds, mut all_findings) = (0_u64, 0.0, 0);
    for target in &options.targets {
        let Ok(program) = std::env::current_exe() else { return ExitCode::from(2) };
        let mut command = Command::new(program);
        command.args(["--child", "--seconds", &seconds.to_string(), "--seed", &options.seed.to_string()]);
        if let Some(runs) = options.runs {
            command.args(["--runs", &runs.to_string()]);
        }
        let began = Instant::now();
        let Ok(output) = command.arg(target.name).stderr(Stdio::inherit()).output() else { return ExitCode::from(2) };
        let printed = String::from_utf8_lossy(&output.stdout);
        let number = |name: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.and_then(|value| value.parse::<u64>().ok())
        };
        let (corpus, runs) = (number("corpus").unwrap_or(0), number("runs").unwrap_or(0));
        let mut lines: Vec<String> = printed.lines().filter(|line| line.starts_with("  ")).map(str::to_owned).collect();
        let mut found = lines.iter().filter(|line| !line.starts_with(INPUT)).count();
        if number("runs").is_none() {
            let input = directory(target).join("running");
            lines.push(format!("  the process ended: {}", output.status));
            lines.push(format!("{INPUT}{}", input.display()));
            found += 1;
        }
        let spent = began.elapsed().as_secs_f64();
        println!("{:<16} {corpus:>6} {runs:>9} {spent:>8.1} {found:>9}", target.name);
        for line in &lines {
            println!("{line}");
        }
        all_runs += runs;
        all_seconds += spent;
        all_findings += found;
    }
    println!("{:<16} {:>6} {all_runs:>9} {all_seconds:>8.1} {all_findings:>9}", "all", "");
    if all_findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The directory of what a target found.
fn directory(target: &Target) -> PathBuf {
    Path::new("target/fuzz").join(target.name)
}

/// Runs one target until its time or its runs are over.
fn run_target(target: &Target, options: &Options) -> ExitCode {
    let directory = directory(target);
    let Ok(mut inputs) = Inputs::of(target, options.seed) else {
        println!("  no corpus");
        return ExitCode::FAILURE;
    };
    if fs::create_dir_all(&directory).is_err() {
        return ExitCode::from(2);
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let message = payload.downcast_ref::<&str>().copied();
        let message = message.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
        let first: String = message.lines().next().unwrap_or_default().chars().take(160).collect();
        if let Ok(mut last) = PANIC.lock() {
            *last = format!("{place}: {first}");
        }
    }));
    let began = Instant::now();
    watch(began);
    let budget = Duration::from_secs_f64(options.seconds);
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut runs = 0_u64;
    let is_over = |runs: u64| match options.runs {
        Some(most) => runs >= most,
        None => began.elapsed() >= budget,
    };
    while runs < inputs.corpus_len() as u64 || !is_over(runs) {
        let input = inputs.next_input();
        // for a process that ends without a word
        let _ = fs::write(directory.join("running"), &input);
        runs += 1;
        BEGAN.store(millis(began).max(1), Relaxed);
        let is_sound = holds(target, &input);
        BEGAN.store(0, Relaxed);
        if is_sound {
            continue;
        }
        let message = PANIC.lock().map(|last| last.clone()).unwrap_or_default();
        let place = message.split(' ').next().unwrap_or_default().to_owned();
        if found.contains_key(&place) {
            continue;
        }
        let small = shrink(target, &input, 400);
        let mut hasher = DefaultHasher::new();
        small.hash(&mut hasher);
        let file = directory.join(format!("finding-{:016x}", hasher.finish()));
        let _ = fs::write(&file, &small);
        println!("  {message}\n{INPUT}{}", file.display());
        found.insert(place, file);
    }
    println!("corpus={}\nruns={runs}", inputs.corpus_len());
    ExitCode::SUCCESS
}

#[expect(clippy::cast_possible_truncation, reason = "a day has few milliseconds")]
fn millis(began: Instant) -> u64 {
    began.elapsed().as_millis() as u64
}

/// Ends the process when a run hangs or takes too much memory. The parent reports the input.
fn watch(began: Instant) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let since = BEGAN.load(Relaxed);
            let is_slow = since > 0 && millis(began).saturating_sub(since) > HANGS * 1000;
            // pages of 4 KiB, on Linux
            let pages = fs::read_to_string("/proc/self/statm").ok();
            let pages = pages.and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok()).unwrap_or(0);
            if is_slow || pages / 256 > MEMORY {
                println!("  a run {}", if is_slow { "hangs" } else { "takes too much memory" });
                abort();
            }
        }
    });
}
