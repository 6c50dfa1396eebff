//! How long `septum krm` takes for many items, of which each hundredth asks for wiring, and how much memory.
//! `cargo bench --bench krm` prints milliseconds and MiB of whole processes.

#![allow(clippy::print_stdout, clippy::expect_used)] // a program of its own, whose result is what it prints

#[path = "../measure/mod.rs"]
mod measure;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use measure::Process;

/// How many times each is measured.
const RUNS: usize = 11;

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let inputs = tempfile::tempdir().expect("a directory");
    write_project(directory.path());
    let program = Path::new(env!("CARGO_BIN_EXE_septum"));
    println!("{:>8}  {:>8}  {:>10}  {:>10}  {:>8}", "MB", "items", "mode", "ms", "MiB");
    for megabytes in [0, 1, 10] {
        for mode in ["wire", "generate"] {
            let (text, items) = resource_list(megabytes * 1_000_000, mode);
            // beside the project, where a file would be a layer
            let input = inputs.path().join("list.yaml");
            fs::write(&input, text).expect("a file");
            let process =
                Process::new(program, directory.path(), &directory.path().join("none")).with("krm").reading(&input);
            let times = measure::sorted_times(RUNS, || process.run());
            let median = times.get(times.len() / 2).copied().unwrap_or_default();
            let memory = measure::mebibytes(process.peak_memory());
            println!("{megabytes:>8}  {items:>8}  {mode:>10}  {median:>10.1}  {memory:>8}");
        }
    }
}

fn write_project(root: &Path) {
    fs::write(root.join("base.yaml"), "app: shop\ndata: { A: a, PASSWORD: { value: changeme, sensitive: true } }\n")
        .expect("a file");
    fs::write(root.join("prod.yaml"), "").expect("a file");
}

/// Items as kustomize passes them, and their number.
fn resource_list(bytes: usize, mode: &str) -> (String, usize) {
    let mut text = String::from("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n");
    let mut count = 0;
    while text.len() < bytes {
        let directive =
            if count % 100 == 0 { "\n        annotations:\n          septum.dev/env-from: shop" } else { "" };
        let _ = write!(
            text,
            "- apiVersion: apps/v1\n  kind: Deployment\n  metadata:\n    annotations:\n      config.kubernetes.io/index: '{count}'\n      \
             internal.config.kubernetes.io/index: '{count}'\n      internal.config.kubernetes.io/id: '{count}'\n    labels:\n      \
             app.kubernetes.io/name: web-{count}\n    name: web-{count}\n  spec:\n    replicas: 3\n    selector:\n      matchLabels:\n        \
             app: web-{count}\n    template:\n      metadata:\n        labels:\n          app: web-{count}{directive}\n      spec:\n        \
             containers:\n        - name: server\n          image: registry.example.com/web:1.{count}\n          ports:\n          \
             - containerPort: 8080\n          env:\n          - name: LOG_LEVEL\n            value: info\n          \
             - name: ADDRESS\n            value: \"0.0.0.0:8080\"\n          resources:\n            limits:\n              cpu: 500m\n"
        );
        count += 1;
    }
    let _ = write!(
        text,
        "functionConfig:\n  apiVersion: septum.dev/v1\n  kind: Septum\n  spec: {{ environment: prod, mode: {mode} }}\n"
    );
    (text, count)
}
