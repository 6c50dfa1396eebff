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
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let generate = |name: &str, write: &dyn Fn(&Path)| {
        let directory = temporary.path().join(name);
        write(&directory);
        directory
    };
    let keys = generate("keys", &projects::thousand_keys);
    let hundred = generate("apps-100", &|directory| projects::many_apps(directory, 100));
    let thousand = generate("apps-1000", &|directory| projects::many_apps(directory, 1000));

    println!("{:<44} {:>10} {:>10} {:>10}", "whole process", "median ms", "90 % ms", "peak MiB");
    let demo_key = root.join("examples/demo-age-key.txt");
    for (title, directory, arguments, runs) in [
        ("start: septum --version", root.to_path_buf(), "--version", RUNS),
        ("smallest project: render prod", root.join("examples/minimal"), "render prod", RUNS),
        ("demo with decryption: render prod", root.to_path_buf(), "render prod", RUNS),
        ("demo with decryption: render --all", root.to_path_buf(), "render --all", RUNS),
        ("1,000 keys: render prod", keys.clone(), "render prod", RUNS),
        ("1,000 keys: render --all (3 environments)", keys.clone(), "render --all", RUNS),
        ("1,000 keys: list", keys.clone(), "list", RUNS),
        ("100 apps: render --all (300 targets)", hundred.clone(), "render --all", RUNS),
        ("1,000 apps: render --all (3,000 targets)", thousand.clone(), "render --all", 7),
    ] {
        let program = Path::new(env!("CARGO_BIN_EXE_septum"));
        row(title, &Process::new(program, &directory, &demo_key).with(arguments), runs);
    }

    checks(&hundred, &demo_key);
    checks(&thousand, &demo_key);

    trees(&thousand, &demo_key);

    println!("\n{:<44} {:>10}", "1,000 keys × 3 environments, in process", "median ms");
    for (stage, median) in stages::medians(&keys) {
        println!("{stage:<44} {median:>10.2}");
    }
}

/// A check of many apps. Their passwords lie in plaintext, so that it finds much, which is known.
fn checks(project: &Path, demo_key: &Path) {
    let program = Path::new(env!("CARGO_BIN_EXE_septum"));
    let apps = std::fs::read_dir(project.join("services")).expect("apps").count();
    Process::new(program, project, demo_key).with("check --write-baseline -q").run();
    row(&format!("{apps} apps: check"), &Process::new(program, project, demo_key).with("check -q"), 11);
    staged(&format!("{apps} apps: check --staged, ten files"), project, demo_key);
    std::fs::remove_file(project.join(".septum-baseline.yaml")).expect("a baseline");
}

/// A check of what the next commit would hold: a layer of each of ten apps.
fn staged(title: &str, project: &Path, demo_key: &Path) {
    let git = |arguments: &str| Process::new(Path::new("git"), project, demo_key).with(arguments).run();
    git("init -q");
    git("add -A");
    git("-c user.name=bench -c user.email=bench@bench.invalid commit -q -m before");
    let layers = (0..10).map(|app| project.join(format!("services/app-{app:04}/prod.yaml")));
    let texts: Vec<_> = layers.map(|layer| (std::fs::read_to_string(&layer).expect("a layer"), layer)).collect();
    for (text, layer) in &texts {
        std::fs::write(layer, text.replace("LIMIT_5: 50", "LIMIT_5: 51")).expect("a layer");
    }
    git("add -A");
    let program = Path::new(env!("CARGO_BIN_EXE_septum"));
    row(title, &Process::new(program, project, demo_key).with("check --staged"), RUNS);
    for (text, layer) in &texts {
        std::fs::write(layer, text).expect("a layer");
    }
    std::fs::remove_dir_all(project.join(".git")).expect("a repository");
}

/// A tree of 3,000 targets: from nothing, with nothing to do, and after a change of one app.
fn trees(project: &Path, demo_key: &Path) {
    let process =
        |arguments: &str| Process::new(Path::new(env!("CARGO_BIN_EXE_septum")), project, demo_key).with(arguments);
    // a new directory each time: to make files where some were just deleted is slower on some disks
    let mut number = 0;
    let times = measure::sorted_times(5, || {
        number += 1;
        process(&format!("render --all --out rendered-{number} -q")).run();
    });
    line(
        "1,000 apps: render --all --out, from nothing",
        &times,
        process("render --all --out rendered-0 -q").peak_memory(),
    );
    let again = process("render --all --out rendered-1 -q");
    row("1,000 apps: the same, nothing changed", &again, 11);
    let layer = project.join("services/app-0007/prod.yaml");
    let text = std::fs::read_to_string(&layer).expect("a layer");
    let mut change = 0;
    let times = measure::sorted_times(11, || {
        change += 1;
        std::fs::write(&layer, text.replace("LIMIT_5: 50", &format!("LIMIT_5: {change}"))).expect("a layer");
        again.run();
    });
    std::fs::write(&layer, text).expect("a layer");
    line("1,000 apps: the same, one key changed", &times, again.peak_memory());
}

fn row(title: &str, process: &Process, runs: usize) {
    line(title, &measure::sorted_times(runs, || process.run()), process.peak_memory());
}

fn line(title: &str, times: &[f64], peak: Option<f64>) {
    let peak = measure::mebibytes(peak);
    let at = |part: usize| times[(times.len() - 1) * part / 10];
    println!("{title:<44} {:>10.2} {:>10.2} {peak:>10}", at(5), at(9));
}
