//! A run that is killed at any of its steps: each file is old or new, and the next run completes it.

#![cfg(debug_assertions)]

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use septum::test_hook::StopPoint;

use crate::support::sandbox::{Sandbox, septum};
use crate::tree::world::tree;

/// Kills that are made: 200 in CI (`SEPTUM_KILLS`).
fn kills() -> usize {
    std::env::var("SEPTUM_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(30)
}

fn fleet(text: &str) -> Vec<(String, String)> {
    let mut files = vec![("septum.yaml".to_owned(), "apps: ['apps/*']\n".to_owned())];
    for number in 0..12 {
        let secret = format!("{{ value: {text}-hunter2, sensitive: true }}");
        let base = format!("data: {{ A: {text}, N: '{number}', P: {secret} }}\n");
        files.push((format!("apps/a{number}/base.yaml"), base));
        files.push((format!("apps/a{number}/dev.yaml"), String::new()));
        files.push((format!("apps/a{number}/prod.yaml"), format!("data: {{ A: prod-{text} }}\n")));
    }
    files
}

fn write(project: &Sandbox, files: &[(String, String)]) {
    for (path, text) in files {
        let path = project.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// A run that dies after so many of its steps. Gives whether it came to its end.
fn killed(project: &Sandbox, steps: usize) -> bool {
    let step = format!("{}:{}", StopPoint::TreeStep.name(), steps + 1);
    let mut command = septum(&project.root(), &[("SEPTUM_TEST_STOP_AT", &step)]);
    command.args(["render", "--all", "--out", "rendered", "-q"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

#[test]
fn every_file_is_old_or_new_and_the_next_run_completes() {
    let project = Sandbox::new([]);
    let render = || project.run(&["render", "--all", "--out", "rendered", "-q"]).ok();
    let (old_sources, new_sources) = (fleet("old"), fleet("new"));
    let outputs = || -> BTreeMap<_, _> {
        tree(&project.rendered()).into_iter().filter(|(path, _)| !path.starts_with(".septum")).collect()
    };
    write(&project, &old_sources);
    render();
    let old = outputs();
    write(&project, &new_sources);
    render();
    let new = outputs();
    // all steps of a run, or some of them over its whole length
    let mut all = 1;
    write(&project, &old_sources);
    while !killed(&project, all) {
        all *= 2;
        render();
        write(
            &project,
            if all.is_power_of_two() && all.trailing_zeros() % 2 == 0 { &old_sources } else { &new_sources },
        );
    }
    let mut stopped = 0;
    for kill in 0..kills() {
        let (sources, before, after) =
            if kill % 2 == 0 { (&old_sources, &new, &old) } else { (&new_sources, &old, &new) };
        write(&project, if kill % 2 == 0 { &new_sources } else { &old_sources });
        render();
        write(&project, sources);
        let is_done = killed(&project, kill * all / kills());
        stopped += usize::from(!is_done);
        let between = outputs();
        for (path, bytes) in &between {
            let known = before.get(path) == Some(bytes) || after.get(path) == Some(bytes);
            assert!(known, "kill {kill}: {path} is half written");
        }
        assert!(before.keys().all(|path| between.contains_key(path)), "kill {kill}: a file is gone");
        render();
        assert_eq!(&outputs(), after, "kill {kill}: completed");
        let leftovers: Vec<_> =
            tree(&project.rendered()).into_keys().filter(|path| path.starts_with(".septum/tmp")).collect();
        assert_eq!(leftovers, [""; 0], "kill {kill}");
    }
    assert!(stopped > kills() / 4, "only {stopped} runs were stopped before their end");
}

#[test]
fn a_secret_that_a_stopped_run_wrote_goes_with_its_app() {
    let app = "data: { P: { value: hunter2hunter2, sensitive: true } }\n";
    for steps in 0.. {
        let project = Sandbox::new([
            ("septum.yaml", "apps: ['apps/*']\n"),
            ("apps/a/base.yaml", app),
            ("apps/a/dev.yaml", ""),
            ("apps/b/base.yaml", app),
            ("apps/b/dev.yaml", ""),
        ]);
        let is_done = killed(&project, steps);
        fs::remove_dir_all(project.root().join("apps/b")).unwrap();
        project.run(&["render", "--all", "--out", "rendered", "--prune", "-q"]).ok();
        let paths: Vec<_> = tree(&project.rendered()).into_keys().collect();
        assert_eq!(paths, [".septum/inventory.json", "dev/a/kustomization.yaml", "dev/a/secret-a.yaml"], "{steps}");
        if is_done {
            break;
        }
    }
}
