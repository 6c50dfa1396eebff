//! How long a fleet takes: services in three environments, rendered by Septum and by kustomize into equal
//! objects, beside what it costs to read the inputs and write the outputs.
//!
//! `cargo bench --bench fleet` measures 10, 100, 1,000 and 5,000 services, then other shapes; `cargo bench
//! --bench fleet -- 10 shapes` those numbers of services and those shapes alone. Milliseconds are medians of
//! whole processes.

#![allow(clippy::print_stdout, clippy::expect_used)] // a program of its own, whose result is what it prints
#![allow(clippy::cast_precision_loss, reason = "numbers of services")]

mod equal;
mod floor;
mod kustomize;
#[path = "../measure/mod.rs"]
mod measure;
#[path = "../../tests/support/peers.rs"]
mod peers;
mod shape;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kustomize::{Kustomize, Way};
use measure::Process;
use septum::sops::{IdentityKind, NewIdentity};
use shape::Shape;

/// Numbers of services.
const SERVICES: [usize; 4] = [10, 100, 1000, 5000];

/// The argument that asks for the other shapes.
const SHAPES: &str = "shapes";

/// What takes longer, in milliseconds, is run less often.
const LONG: f64 = 1000.0;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [argument, list, directory] = arguments.as_slice()
        && argument == floor::ARGUMENT
    {
        floor::run(Path::new(list), Path::new(directory));
        return;
    }
    // `cargo test --benches` builds this too, and has no use for it
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let asked: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let mut bench = Bench::new(temporary.path());
    heading();
    let has_shapes = arguments.iter().any(|argument| argument == SHAPES);
    let is_all = asked.is_empty() && !has_shapes;
    for services in if is_all { &SERVICES[..] } else { &asked } {
        bench.row(&format!("{services} services"), Shape::of(*services));
    }
    if is_all || has_shapes {
        bench.kustomize = peers::peer("kustomize").map(Kustomize::new);
        bench.row("100, 200 keys each", Shape { keys: 200, ..Shape::of(100) });
        // no layer may be larger than 1 MiB, which no object may be either
        bench.row("20, values of 50 KB", Shape { keys: 12, secrets: 3, size: 50_000, ..Shape::of(20) });
        bench.row("100, 500 encrypted values", Shape { is_encrypted: true, ..Shape::of(100) });
        bench.row("100, 10 environments", Shape { environments: 10, ..Shape::of(100) });
    }
}

fn heading() {
    println!("{:<26} {:>7} {:^42} {:^16} {:^38}", "", "", "Septum, ms", "floor", "kustomize, ms");
    println!(
        "{:<26} {:>7} {:>9} {:>9} {:>9} {:>12} {:>8} {:>7} {:>10} {:>9} {:>9} {:>7}",
        "fleet", "targets", "cold", "no-op", "one key", "peak MiB", "ms", "times", "by envs", "loop", "cores", "faster"
    );
}

/// What all rows have in common.
struct Bench {
    directory: PathBuf,
    identity: PathBuf,
    recipient: String,
    kustomize: Option<Kustomize>,
    rows: usize,
}

impl Bench {
    fn new(directory: &Path) -> Self {
        let new = NewIdentity::generate(IdentityKind::X25519).expect("randomness");
        let identity = directory.join("keys.txt");
        fs::write(&identity, new.identity().expose().as_bytes()).expect("a key is written");
        Self {
            directory: directory.to_path_buf(),
            identity,
            recipient: new.recipient().to_owned(),
            kustomize: peers::peer("kustomize").map(Kustomize::new),
            rows: 0,
        }
    }

    /// Measures a fleet.
    fn row(&mut self, title: &str, shape: Shape) {
        self.rows += 1;
        let root = self.directory.join(format!("fleet-{}", self.rows));
        let project = root.join("septum");
        shape.septum(&project, &self.recipient);
        self.encrypt(shape, &project);
        let septum = |arguments: &str| {
            Process::new(Path::new(env!("CARGO_BIN_EXE_septum")), &project, &self.identity).with(arguments)
        };
        // a new directory each time: to make files where some were just deleted is slower on some disks
        let mut number = 0;
        let mut fresh = || {
            number += 1;
            root.join(format!("out-{number}"))
        };
        let render = |out: &Path| septum(&format!("render --all -q --out {}", out.display()));
        let first = fresh();
        let (estimate, ()) = measure::time(|| render(&first).run());
        let runs = if estimate > LONG { 5 } else { 11 };
        let cold = median(runs, || render(&fresh()).run());
        let peak = render(&fresh()).peak_memory();
        let unchanged = median(runs, || render(&first).run());
        let changed = one_key(shape, &project, runs, &|| render(&first).run());

        let list = root.join("list");
        floor::list(&list, &project, &first);
        let this = env::current_exe().expect("this program");
        let least = median(runs, || {
            let status = Command::new(&this).arg(floor::ARGUMENT).arg(&list).arg(fresh()).status();
            assert!(status.expect("the floor starts").success());
        });
        print!(
            "{title:<26} {:>7} {cold:>9.1} {unchanged:>9.1} {changed:>9.1} {:>12} {least:>8.1} {:>6.1}×",
            shape.targets(),
            measure::mebibytes(peak),
            cold / least
        );
        // what was made stays to the end: to make files where some were just deleted is slower
        println!("{}", self.others(shape, &root, &first, cold));
    }

    fn encrypt(&self, shape: Shape, project: &Path) {
        let files = shape.to_encrypt(project);
        if !files.is_empty() {
            let files = files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
            let septum = Path::new(env!("CARGO_BIN_EXE_septum"));
            Process::new(septum, project, &self.identity).with(&format!("encrypt {files}")).run();
        }
    }

    /// kustomize in all ways, and how many times faster Septum is than the best of them.
    fn others(&mut self, shape: Shape, root: &Path, ours: &Path, cold: f64) -> String {
        let Some(kustomize) = self.kustomize.as_mut().filter(|_| !shape.is_encrypted) else {
            return format!(" {:>10} {:>9} {:>9} {:>7}", "–", "–", "–", "–");
        };
        let project = root.join("kustomize");
        shape.kustomize(&project);
        let mut times = [None; 3];
        for (number, (way, time)) in Way::ALL.into_iter().zip(&mut times).enumerate() {
            let out = root.join(format!("kustomize-{number}"));
            *time = kustomize.time(way, shape, &project, &out);
            if time.is_some() {
                equal::assert_equal(ours, &out);
            }
        }
        let best = times.iter().flatten().copied().min_by(f64::total_cmp);
        let shown = |time: &Option<f64>| time.map_or_else(|| "too long".to_owned(), |time| format!("{time:.0}"));
        let faster = best.map_or_else(|| "–".to_owned(), |best| format!("{:.0}×", best / cold));
        let [environments, one_by_one, cores] = &times.map(|time| shown(&time));
        format!(" {environments:>10} {one_by_one:>9} {cores:>9} {faster:>7}")
    }
}

/// How long a run takes after a change of one key, which is undone at last.
fn one_key(shape: Shape, project: &Path, runs: usize, run: &dyn Fn()) -> f64 {
    let environment = shape.environments().pop().expect("an environment");
    let layer = shape::first_layer(project, &environment);
    let text = fs::read_to_string(&layer).expect("a layer");
    let value = format!("{environment}-0-0");
    let mut change = 0;
    let time = median(runs, || {
        change += 1;
        fs::write(&layer, text.replacen(&value, &format!("{value}-{change}"), 1)).expect("a layer is written");
        run();
    });
    fs::write(&layer, text).expect("a layer is written");
    run();
    time
}

fn median(runs: usize, run: impl FnMut()) -> f64 {
    measure::sorted_times(runs, run)[runs / 2]
}
