//! How long a run takes, as a user feels it: whole processes, from start to exit, and what the
//! stages within take. `cargo bench` prints medians.

#![allow(clippy::print_stdout, clippy::expect_used)] // a program of its own, whose result is what it prints

#[path = "../measure/mod.rs"]
mod measure;
mod projects;
mod stages;

use std::path::Path;

use measure::Process;

/// How many processes of a kind are run.
const RUNS: usize = 41;

fn main() {
    // `cargo test --benches` builds this too, and has no use for it
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let generate = |name: &str, write: &dyn Fn(&Path)| {
        let folder = temporary.path().join(name);
        write(&folder);
        folder
    };
    let keys = generate("keys", &projects::thousand_keys);
    let hundred = generate("apps-100", &|folder| projects::many_apps(folder, 100));
    let thousand = generate("apps-1000", &|folder| projects::many_apps(folder, 1000));

    println!("{:<44} {:>10} {:>10} {:>10}", "whole process", "median ms", "90 % ms", "peak MiB");
    let demo_key = root.join("examples/demo-age-key.txt");
    for (title, folder, arguments, runs) in [
        ("start: septum --version", root.to_path_buf(), "--version", RUNS),
        ("smallest project: render prod", root.join("examples/minimal"), "render prod", RUNS),
        ("demo with decryption: render prod", root.to_path_buf(), "render prod", RUNS),
        ("demo with decryption: render --all", root.to_path_buf(), "render --all", RUNS),
        ("1,000 keys: render prod", keys.clone(), "render prod", RUNS),
        ("1,000 keys: render --all (3 environments)", keys.clone(), "render --all", RUNS),
        ("1,000 keys: list", keys.clone(), "list", RUNS),
        ("100 apps: render --all (300 targets)", hundred, "render --all", RUNS),
        ("1,000 apps: render --all (3,000 targets)", thousand, "render --all", 7),
    ] {
        let program = Path::new(env!("CARGO_BIN_EXE_septum"));
        row(title, &Process::new(program, &folder, &demo_key).with(arguments), runs);
    }

    println!("\n{:<44} {:>10}", "1,000 keys × 3 environments, in process", "median ms");
    for (stage, median) in stages::medians(&keys) {
        println!("{stage:<44} {median:>10.2}");
    }
}

fn row(title: &str, process: &Process, runs: usize) {
    let times = measure::sorted_times(runs, || process.run());
    let peak = measure::mebibytes(process.peak_memory());
    let at = |part: usize| times[(times.len() - 1) * part / 10];
    println!("{title:<44} {:>10.2} {:>10.2} {peak:>10}", at(5), at(9));
}
