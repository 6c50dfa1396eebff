//! The program as a plugin of kubectl.

#![cfg(unix)]

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use regex::Regex;

use crate::support::help::commands;
use crate::support::peers::peer;
use crate::support::sandbox::{Run, Sandbox};

/// A directory with the plugin, as a link.
fn plugin() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    symlink(env!("CARGO_BIN_EXE_septum"), directory.path().join("kubectl-septum")).unwrap();
    directory
}

fn path_with(directory: &Path) -> OsString {
    let before = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([directory.to_path_buf()].into_iter().chain(std::env::split_paths(&before))).unwrap()
}

/// What the real kubectl prints, if it is installed.
fn kubectl(project: &Sandbox, arguments: &[&str]) -> Option<Run> {
    let plugin = plugin();
    let mut kubectl = Command::new(peer("kubectl")?);
    kubectl.arg("septum").args(arguments).current_dir(project.root()).env_clear();
    kubectl.env("PATH", path_with(plugin.path())).env("HOME", project.path("home")).env("NO_COLOR", "1");
    Some(kubectl.output().unwrap().into())
}

fn direct(project: &Sandbox, arguments: &[&str]) -> Run {
    let plugin = plugin();
    let mut program = Command::new(plugin.path().join("kubectl-septum"));
    program.args(arguments).current_dir(project.root()).env_clear().env("NO_COLOR", "1");
    program.env("HOME", project.path("home")).output().unwrap().into()
}

fn project() -> Sandbox {
    Sandbox::new([("base.yaml", "data: { A: 1 }\n"), ("dev.yaml", "")])
}

#[test]
fn kubectl_runs_the_plugin() {
    let project = project();
    let Some(help) = kubectl(&project, &["--help"]) else { return };
    assert_eq!(help.code, 0, "{}", help.stderr);
    assert!(help.stdout.contains("Usage: kubectl septum [OPTIONS] <COMMAND>"), "{}", help.stdout);
    let rendered = kubectl(&project, &["render", "dev"]).unwrap();
    assert_eq!(rendered.ok(), project.run(&["render", "dev"]).ok());
    // its exit codes arrive
    let unknown = kubectl(&project, &["render", "dve"]).unwrap();
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
    let listed = Command::new(peer("kubectl").unwrap())
        .args(["plugin", "list"])
        .env("PATH", path_with(plugin().path()))
        .output()
        .unwrap();
    assert!(!String::from_utf8_lossy(&listed.stderr).contains("error"), "{listed:?}");
}

#[test]
fn help_names_the_commands_as_they_are_typed() {
    let project = project();
    let own = Regex::new(r"(?m)(^|[^\w./-])(kubectl )?septum (-|\[|<|COMMAND|[a-z][a-z-]+)").unwrap();
    let known = commands();
    let mut count = 0;
    for command in known.iter().map(String::as_str).filter(|command| *command != "help").chain([""]) {
        let arguments: Vec<_> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let text = direct(&project, &arguments).ok();
        for found in own.captures_iter(&text) {
            let is_command =
                !found[3].starts_with(|char: char| char.is_ascii_lowercase()) || known.contains(&found[3].to_owned());
            assert!(found.get(2).is_some() || !is_command, "{command}: {}", &found[0]);
            count += usize::from(found.get(2).is_some());
        }
        let usage = format!("Usage: kubectl septum {command}");
        assert!(text.contains(usage.trim_end()), "{text}");
        // and by its own name it is as ever
        assert!(!project.run(&arguments).ok().contains("kubectl septum"), "{command}");
    }
    assert!(count > 100, "{count}");
}

#[test]
fn messages_name_the_commands_as_they_are_typed() {
    let project = project();
    for arguments in
        [&["rendr"][..], &["render", "--nothing"], &["render", "dev", "--prune", "--out", "x"], &["set", "dev"]]
    {
        let run = direct(&project, arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains("kubectl septum"), "{}", run.stderr);
        assert!(!run.stderr.replace("kubectl septum", "").contains("`septum "), "{}", run.stderr);
        assert!(!project.run(arguments).stderr.contains("kubectl"), "{arguments:?}");
    }
}
