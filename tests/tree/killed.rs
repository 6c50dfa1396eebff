//! A run that is killed at any step: each file is old or new, and the next run completes it.

#![cfg(debug_assertions)]

use std::fs;
use std::process::Stdio;

use septum::test_hook::Point;

use crate::project::{Project, septum};
use crate::world::tree;

/// Kills that are made: 200 in CI (`SEPTUM_KILLS`).
fn kills() -> u32 {
    std::env::var("SEPTUM_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(30)
}

fn fleet(text: &str) -> Vec<(String, String)> {
    let mut files = vec![("septum.yaml".to_owned(), "apps: ['apps/*']\n".to_owned())];
    for number in 0..30 {
        files.push((format!("apps/a{number}/base.yaml"), format!("data: {{ A: {text}, N: '{number}' }}\n")));
        files.push((format!("apps/a{number}/dev.yaml"), String::new()));
        files.push((format!("apps/a{number}/prod.yaml"), format!("data: {{ A: prod-{text} }}\n")));
    }
    files
}

fn write(project: &Project, files: &[(String, String)]) {
    for (path, text) in files {
        let path = project.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn every_file_is_old_or_new_and_the_next_run_completes() {
    let project = Project::new([]);
    let render = || project.run(&["render", "--all", "--out", "rendered", "-q"]).ok();
    let (old_sources, new_sources) = (fleet("old"), fleet("new"));
    let outputs = || -> std::collections::BTreeMap<_, _> {
        tree(&project.rendered()).into_iter().filter(|(path, _)| !path.starts_with(".septum")).collect()
    };
    write(&project, &old_sources);
    render();
    let old = outputs();
    write(&project, &new_sources);
    render();
    let new = outputs();
    // steps of a run, of which each file takes some
    let steps = u64::try_from(old.len()).unwrap() * 2;
    // Knuth's constants: any steps do, as long as they are not always the same
    let mut random = 1_u64;
    let mut stopped = 0;
    for kill in 0..kills() {
        let (sources, before, after) =
            if kill % 2 == 0 { (&old_sources, &new, &old) } else { (&new_sources, &old, &new) };
        write(&project, sources);
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let step = format!("{}:{}", Point::TreeStep.name(), (random >> 20) % steps + 1);
        let status = septum(&project.root(), &[("SEPTUM_TEST_STOP_AT", &step)])
            .args(["render", "--all", "--out", "rendered", "-q"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        stopped += u32::from(!status.success());
        for (path, bytes) in outputs() {
            let known = before.get(&path) == Some(&bytes) || after.get(&path) == Some(&bytes);
            assert!(known, "kill {kill}: {path} is neither old nor new");
        }
        assert!(before.keys().all(|path| outputs().contains_key(path)), "kill {kill}: a file is gone");
        render();
        assert_eq!(&outputs(), after, "kill {kill} at {step}: completed");
        let leftovers: Vec<_> =
            tree(&project.rendered()).into_keys().filter(|path| path.starts_with(".septum/tmp")).collect();
        assert!(leftovers.iter().all(|path| path.ends_with(".gitignore")), "kill {kill}: {leftovers:?}");
    }
    assert!(stopped > kills() / 4, "only {stopped} runs were stopped before their end");
}
