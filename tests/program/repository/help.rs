//! Help and manual pages: recorded, with examples that work, and with every variable that the program reads.

#![cfg_attr(not(unix), allow(dead_code, reason = "what runs a shell"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::process::Command;

use regex::Regex;

use super::architecture::lines;
use crate::support::help::{commands, help};
use crate::support::messages::assert_message;
#[cfg(unix)]
use crate::support::peers::peer;
use crate::support::sandbox::Sandbox;

#[test]
fn help_is_recorded() {
    assert_message("help", "septum", &help(&["--help"]));
    for command in commands().iter().filter(|command| *command != "help") {
        let text = help(&[command, "--help"]);
        assert_message("help", command, &text);
        for same in [&["help", command][..], &[command, "-h"]] {
            assert_eq!(help(same), text, "{same:?}");
        }
    }
}

#[test]
fn a_manual_page_is_recorded() {
    assert_message("man", "septum", &help(&["man"]));
    assert_message("man", "render", &help(&["man", "render"]));
}

#[test]
fn manual_pages_have_the_usual_sections() {
    for command in commands().iter().filter(|command| *command != "help") {
        let page = help(&["man", command]);
        let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
        for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES"] {
            assert!(headings.contains(&heading), "{command}: {headings:?}");
        }
        for heading in ["\"GLOBAL OPTIONS\"", "\"EXIT STATUS\"", "ENVIRONMENT", "\"SEE ALSO\""] {
            assert!(headings.contains(&heading), "{command}: {headings:?}");
        }
    }
}

/// The command lines below `Examples:` in a help text.
fn examples(text: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| *line != "Examples:").skip(1).take_while(|line| line.starts_with("  "));
    lines.map(|line| line.trim().to_owned()).filter(|line| !line.starts_with('#')).collect()
}

/// A project that has no layers yet.
fn existing() -> Sandbox {
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\ndata: { A: b }\n";
    let project = Sandbox::new([]).file(".env", "A=b\n").file(".env.production", "A=c\n");
    let project = project.file("k8s/dev/a.yaml", object).file("k8s/prod/a.yaml", object);
    project.file("values.yaml", "env: { A: b }\n").file("values-prod.yaml", "env: { A: c }\n")
}

/// A copy of the demo with the files that the examples name, and programs that stand for those of others.
fn site(command: &str) -> Sandbox {
    let mut site = if command == "import" { existing() } else { Sandbox::demo() };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in [".sops.yaml", "examples/demo-age-key.txt"] {
        site = site.file(name, fs::read(root.join(name)).unwrap());
    }
    let prod = fs::read(root.join("environments/prod.secrets.yaml")).unwrap();
    for name in ["base.yaml", "ours.yaml", "theirs.yaml"] {
        site = site.file(name, &prod);
    }
    if command == "encrypt" {
        for name in ["dev", "regions/eu"] {
            let name = format!("environments/{name}.secrets.yaml");
            site = site.file(&name, b"data: { DATABASE_PASSWORD: dummy-dummy }\n");
        }
    }
    site = site.file(".gitignore", b"rendered/\n").file(".env", "A=b\n");
    for (name, script) in [("kubectl", "cat"), ("man", "cat"), ("nano", ":"), ("openssl", "echo dummy-dummy-dummy")] {
        site = site.file(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n").as_bytes());
    }
    if command == "krm" {
        let examples = root.join("examples/kustomize-function");
        site = site.file("resource-list.yaml", fs::read(examples.join("resource-list.yaml")).unwrap());
        let function = fs::read_to_string(examples.join("deploy/prod/septum-check.yaml")).unwrap();
        site = site.file("deploy/prod/check.yaml", function.replace("prod\n", "dev\n"));
        site =
            site.file("deploy/prod/kustomization.yaml", "validators: [check.yaml]\nconfigMapGenerator: [{name: a}]\n");
    }
    if command == "helm" {
        site = site.file("bin/helm", "#!/bin/sh\n").file("manifests.yaml", "kind: Service\n");
    }
    if command == "gc" {
        site = site.file("cluster.json", r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"}}"#);
        site = site.file("bin/kubectl", "#!/bin/sh\nif [ $1 = get ]; then cat cluster.json; else cat; fi\n");
    }
    site
}

#[cfg(unix)]
#[test]
fn examples_of_the_help_work() {
    use std::os::unix::fs::PermissionsExt as _;
    let program = Path::new(env!("CARGO_BIN_EXE_septum")).parent().unwrap();
    let mut path = std::env::var("PATH").unwrap_or_default();
    let kustomize = peer("kustomize");
    if let Some(directory) = kustomize.as_ref().and_then(|kustomize| kustomize.parent()) {
        path = format!("{path}:{}", directory.display());
    }
    let mut count = 0;
    for command in commands() {
        // those of one command build on each other
        let site = site(&command);
        let (root, home) = (site.root(), tempfile::tempdir().unwrap());
        for program in fs::read_dir(root.join("bin")).unwrap() {
            fs::set_permissions(program.unwrap().path(), fs::Permissions::from_mode(0o755)).unwrap();
        }
        for directory in [".config/fish/completions", ".local/share/man/man1"] {
            fs::create_dir_all(home.path().join(directory)).unwrap();
        }
        let git = |arguments: &[&str]| {
            let user = ["-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "commit.gpgsign=false"];
            let done = Command::new("git").args(user).args(arguments).current_dir(&root).status();
            assert!(done.unwrap().success());
        };
        git(&["init", "-q", "-b", "main"]);
        if command == "diff" {
            git(&["add", "--all"]);
            git(&["commit", "-q", "-m", "first"]);
        }
        let mut texts = examples(&help(&[&command, "--help"]));
        // a prompt needs a terminal, which has tests of its own
        texts.retain(|text| text != "septum set prod DATABASE_PASSWORD");
        // an editor speaks to it: tests/program/lsp
        texts.retain(|_| command != "lsp");
        // what it writes is built by the program itself
        texts.retain(|text| {
            kustomize.is_some() || !text.ends_with("--out kustomize") && !text.starts_with("kustomize ")
        });
        for text in texts {
            let run = Command::new("bash")
                .args(["-euo", "pipefail", "-c", &text])
                .current_dir(&root)
                .env("PATH", format!("{}:{}:{path}", root.join("bin").display(), program.display()))
                .env("HOME", home.path())
                .env("SOPS_AGE_KEY_FILE", root.join("examples/demo-age-key.txt"))
                .env("EDITOR", root.join("bin/nano"))
                .env("SEPTUM_CACHE_DIR", home.path().join("cache"))
                .env_remove("XDG_CONFIG_HOME")
                .stdin(std::process::Stdio::null())
                .output()
                .unwrap();
            // as `diff`: 1 if there are differences
            let is_done =
                run.status.success() || ["diff", "promote"].contains(&command.as_str()) && run.status.code() == Some(1);
            assert!(is_done, "{text}: {}", String::from_utf8_lossy(&run.stderr));
            count += 1;
        }
    }
    assert!(count > 40, "only {count} examples");
}

/// Variables that the libraries for colours and completions read.
const OF_LIBRARIES: [&str; 5] = ["CLICOLOR", "CLICOLOR_FORCE", "COMPLETE", "NO_COLOR", "TERM"];

/// The variables that the program reads: arguments of lookups in files that look some up.
fn variables_read() -> BTreeSet<String> {
    let lookup = Regex::new(r"Fn\(&str\) -> Option<OsString>").unwrap();
    let process = Regex::new(r"env::var(?:_os)?\b").unwrap();
    let any = Regex::new(r#""([A-Z][A-Z0-9_]+)""#).unwrap();
    let argument = Regex::new(r#"\w\("([A-Z][A-Z0-9_]+)"\)|const VARIABLE: &str = "([A-Z_]+)""#).unwrap();
    let mut files: BTreeMap<_, String> = BTreeMap::new();
    for line in lines().into_iter().filter(|line| !line.text.contains(".env(")) {
        files.entry(line.file).or_default().extend([&*line.text, "\n"]);
    }
    let mut read = BTreeSet::new();
    for (file, text) in files {
        let literal = match file.components().any(|part| part.as_os_str() == "tests") {
            false if lookup.is_match(&text) => &any,
            false if process.is_match(&text) => &argument,
            _ => continue,
        };
        let found = literal.captures_iter(&text);
        read.extend(found.filter_map(|found| Some(found.get(1).or(found.get(2))?.as_str().to_owned())));
    }
    // no variables of the user: files of Git, an option of vim, the version, the start of names, hooks of tests
    read.retain(|name| {
        !["NONE", "CARGO_PKG_VERSION", "SOPS_AGE_SSH_"].contains(&name.as_str())
            && !name.ends_with("HEAD")
            && !name.starts_with("SEPTUM_TEST_")
    });
    assert!(read.len() > 15, "{read:?}");
    read
}

#[test]
fn manual_page_names_every_variable_that_is_read() {
    let page = help(&["man"]);
    let section = page.split(".SH ENVIRONMENT").nth(1).unwrap().split(".SH ").next().unwrap();
    let terms = Regex::new(r"(?m)^\.TP\n\\fB([^\\]+)\\fR$|\(Windows: ([A-Z, ]+)\)").unwrap();
    let terms = terms.captures_iter(section).filter_map(|found| Some(found.get(1).or(found.get(2))?.as_str()));
    let documented: BTreeSet<_> = terms.flat_map(|names| names.split(", ")).map(str::to_owned).collect();
    let mut read = variables_read();
    read.extend(OF_LIBRARIES.map(str::to_owned));
    assert_eq!(read, documented);
}
