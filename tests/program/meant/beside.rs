//! Errors in an environment that nobody asked for.

use crate::support::sandbox::Sandbox;

const BASE: &str = "app: app\ndata:\n  LEVEL: info\n  PASSWORD: { sensitive: true }\n";

/// What `dev.yaml` says, and the words that it is reported with.
const BROKEN: &[(&str, &str)] = &[
    ("data: [\n", "dev.yaml:"),
    ("data:\n  LEVLE: debug\n", "`LEVLE`"),
    ("extends: [nowhere]\n", "`nowhere`"),
    ("vars: { x: 1 }\n", "`vars.x`"),
    ("nonsense: 1\n", "`nonsense`"),
    ("data: {LEVEL: a, LEVEL: b}\n", "LEVEL"),
];

fn project(dev: &str) -> Sandbox {
    Sandbox::new([("base.yaml", BASE), ("dev.yaml", dev), ("prod.yaml", "data:\n  LEVEL: warn\n")])
}

#[test]
fn what_is_asked_of_a_sound_environment_is_answered_with_a_warning_about_the_other() {
    for (dev, words) in BROKEN {
        for (command, answer) in [
            (&["get", "prod", "LEVEL"][..], "warn"),
            (&["explain", "prod", "LEVEL"], "warn"),
            (&["explain", "prod", "LEVEL", "--format", "json"], "\"warn\""),
            (&["list", "prod"], "warn"),
            (&["list", "prod", "--format", "json"], "prod.yaml"),
        ] {
            let run = project(dev).run(command);
            assert_eq!(run.code, 0, "{command:?} {dev:?}: {}", run.stderr);
            assert!(run.stdout.contains(answer), "{command:?} {dev:?}: {}", run.stdout);
            run.record();
            assert!(run.stderr.contains("warning") && !run.stderr.contains("error:"), "{command:?}: {}", run.stderr);
            assert!(run.stderr.contains(words), "{command:?} {dev:?}: {}", run.stderr);
        }
    }
}

#[test]
fn the_environment_that_is_broken_is_an_error_where_it_is_asked_for() {
    for (dev, words) in BROKEN {
        for command in [&["get", "dev", "PASSWORD"][..], &["explain", "dev", "LEVEL"], &["list", "dev"]] {
            let run = project(dev).run(command);
            assert!(run.code == 2 && run.stderr.contains(words), "{command:?} {dev:?}: {} {}", run.code, run.stderr);
        }
        // of all, what can be shown is, and the exit code says that it is not all
        let run = project(dev).run(&["list"]);
        assert!(run.code == 2 && run.stdout.contains("warn") && run.stderr.contains(words), "{dev:?}: {}", run.stderr);
    }
}

#[test]
fn a_render_says_that_what_was_asked_for_is_sound() {
    for (dev, words) in BROKEN {
        let message = project(dev).run(&["render", "prod"]).refused();
        assert!(message.contains(words), "{dev:?}: {message}");
        assert!(!project(dev).run(&["render", "dev"]).refused().contains("sound"), "{dev:?}");
    }
    let both = Sandbox::new([("base.yaml", BASE), ("dev.yaml", "x: 1\n"), ("prod.yaml", "y: 1\n")]);
    assert!(!both.run(&["render", "prod"]).refused().contains("sound"));
}

#[test]
fn a_broken_base_stops_everybody() {
    let project = Sandbox::new([("base.yaml", "data: [\n"), ("dev.yaml", ""), ("prod.yaml", "")]);
    for command in [&["get", "prod", "LEVEL"][..], &["explain", "prod", "LEVEL"], &["list", "prod"], &["list"]] {
        let run = project.run(command);
        assert_eq!((run.code, run.stderr.matches("error").count()), (2, 1), "{command:?}: {}", run.stderr);
    }
}

#[test]
fn a_value_is_set_beside_a_broken_environment() {
    const KEY: &str = "age1htnfhxkh9sqn0axtvvyea8nmfjahcyjk9s7g3nlg8q7n47p84pwqm3e8ms";
    let project = project("data: [\n").file(".sops.yaml", format!("creation_rules:\n  - age: {KEY}\n"));
    let run = project.run(&["set", "prod", "PASSWORD", "--empty"]);
    assert!(run.code == 0 && run.stderr.contains("warning"), "{}", run.stderr);
    assert!(project.root().join("prod.secrets.yaml").exists());
    let run = project.run_with_key(&["unset", "prod", "PASSWORD"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}
