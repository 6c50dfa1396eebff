//! Clones that lack something, and repositories that are elsewhere: what is compared, and what is known of their
//! history.

use std::fs;

use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Run, Sandbox, give};

use super::git;

/// Two apps with a secret each, committed twice: the second commit changes `a`.
fn services() -> Sandbox {
    let site = Sandbox::with_identities();
    site.write(".gitignore", "*.txt\n/clone\n/other\n");
    site.write("septum.yaml", "apps: [\"services/*\"]\n");
    for app in ["a", "b"] {
        let base = format!("app: {app}\ndata: {{ LEVEL: info, TOKEN: {{ sensitive: true }} }}\n");
        site.write(&format!("services/{app}/base.yaml"), base);
        let level = if app == "a" { "data: { LEVEL: debug }\n" } else { "" };
        site.write(&format!("services/{app}/prod.yaml"), level);
        site.encrypted(&format!("services/{app}/prod.secrets.yaml"), format!("data:\n  TOKEN: {CANARY}\n"));
    }
    git(&site, &["init", "-q", "-b", "main"]);
    super::commit(&site);
    site.write("services/a/prod.yaml", "data: { LEVEL: warn }\n");
    super::commit(&site);
    site
}

/// Clones a repository to `clone`.
fn clone(site: &Sandbox, options: &[&str]) {
    git(site, &["config", "uploadpack.allowFilter", "true"]);
    let source = format!("file://{}", site.root().display());
    git(site, &[&["clone", "-q"], options, &[&source, "clone"]].concat());
}

const A_CHANGED: &str = "a in prod\n  ~ LEVEL: debug → warn\n";

#[test]
fn what_a_sparse_checkout_leaves_out_is_neither_removed_nor_changed() {
    // a directory, all of the project, one file
    for patterns in [&["services/a"][..], &["other"], &["--no-cone", "/*", "!/services/b/prod.secrets.yaml"]] {
        let site = services();
        clone(&site, &["--sparse"]);
        git(&site, &[&["-C", "clone", "sparse-checkout", "set"], patterns].concat());
        assert!(!site.path("clone/services/b/prod.secrets.yaml").exists());
        assert_eq!(site.run_in("clone", &["diff", "--rev", "HEAD"]).succeeds(), "", "{patterns:?}");
        let run = site.run_in("clone", &["diff", "--rev", "HEAD~1"]);
        assert_eq!((run.code, run.stdout.as_str()), (1, A_CHANGED), "{patterns:?}: {}", run.stderr);
        let exposed = site.run_in("clone", &["exposure", &site.alice, "--format", "json"]).json();
        let exposed = exposed["values"].as_array().unwrap().clone();
        assert!(
            exposed.len() == 2 && exposed.iter().all(|value| value["state"] == "current"),
            "{patterns:?}: {exposed:?}"
        );
        // an own change beside it
        fs::create_dir_all(site.path("clone/services/c")).unwrap();
        site.write("clone/services/c/base.yaml", "app: c\ndata: { X: y }\n");
        site.write("clone/services/c/dev.yaml", "");
        let rows = super::rows(&site.run_in("clone", &["diff", "--rev", "HEAD", "--format", "json"]));
        assert!(rows.iter().all(|row| row["app"] == "c"), "{patterns:?}: {rows:?}");
    }
}

/// Without a layer, other values would be rendered, and `set` would write a file without the other values.
#[test]
fn a_layer_that_a_sparse_checkout_leaves_out_is_reported() {
    let site = services();
    clone(&site, &["--sparse"]);
    let set = ["-C", "clone", "sparse-checkout", "set", "--no-cone", "/*", "!/services/b/prod.secrets.yaml"];
    git(&site, &set);
    for arguments in
        [&["render", "prod"][..], &["check"], &["list", "--app", "b"], &["unset", "prod", "TOKEN", "--app", "b"]]
    {
        site.run_in("clone", arguments).record();
    }
    let mut command = site.command(&["set", "prod", "TOKEN", "--app", "b"]);
    command.current_dir(site.path("clone"));
    let run = Run::from(give(command, b"new"));
    run.record();
    assert_eq!((run.code, site.path("clone/services/b/prod.secrets.yaml").exists()), (4, false));
    // an app that is left out as a whole is no part of the work tree
    git(&site, &["-C", "clone", "sparse-checkout", "set", "--cone", "services/a"]);
    assert_eq!(site.run_in("clone", &["check"]).code, 0);
}

#[test]
fn a_partial_clone_says_how_to_get_the_rest() {
    let names = regex::Regex::new("[0-9a-f]{40}").unwrap();
    for filter in ["blob:none", "tree:0"] {
        let site = services();
        clone(&site, &[&format!("--filter={filter}")]);
        let shown = |run: Run| {
            let text = format!("{}{}", names.replace_all(&run.stderr, "OBJECT"), run.code);
            assert!(text.contains("`git fetch --refetch --no-filter`"), "{filter}: {text}");
            if filter == "blob:none" {
                record(text);
            }
        };
        shown(site.run_in("clone", &["diff", "--rev", "HEAD~1"]));
        shown(site.run_in("clone", &["exposure", &site.alice]));
        if filter == "tree:0" {
            shown(site.run_in("clone", &["list", "--age"]));
        }
        git(&site, &["-C", "clone", "fetch", "-q", "--refetch", "--no-filter"]);
        let run = site.run_in("clone", &["diff", "--rev", "HEAD~1"]);
        assert_eq!((run.code, run.stdout.as_str()), (1, A_CHANGED), "{filter}: {}", run.stderr);
    }
}

/// Hooks and scripts name a repository by variables.
#[test]
fn a_repository_that_variables_name_is_the_one_of_every_command() {
    let site = services();
    git(&site, &["clone", "-q", "--bare", ".", "clone"]);
    fs::rename(site.path(".git"), site.path("other")).unwrap();
    let with = |variables: &[(&str, &str)], directory: &str, arguments: &[&str]| {
        let variables = variables.iter().map(|(name, path)| (name, site.path(path)));
        let mut command = site.command(arguments);
        command.current_dir(site.path(directory)).envs(variables);
        Run::from(give(command, b""))
    };
    let both = [("GIT_DIR", "clone"), ("GIT_WORK_TREE", "")];
    for (variables, directory) in [(&both[..], ""), (&both[..], "services/a"), (&[("GIT_DIR", "other")], "")] {
        let run = with(variables, directory, &["diff", "--rev", "HEAD~1"]);
        assert_eq!((run.code, run.stdout.as_str()), (1, A_CHANGED), "{variables:?}: {}", run.stderr);
        let exposed = with(variables, directory, &["exposure", &site.alice, "--format", "json"]).json();
        assert!(exposed["values"][0]["since"]["commit"].is_string(), "{variables:?}: {exposed}");
        let ages = with(variables, directory, &["list", "--age", "--format", "json"]).ok();
        assert!(!ages.contains("not-committed") && !ages.contains("unknown"), "{variables:?}: {ages}");
    }
    // a work tree without this project
    fs::create_dir_all(site.path("home/empty")).unwrap();
    let elsewhere = [("GIT_DIR", "other"), ("GIT_WORK_TREE", "home/empty")];
    for arguments in [&["diff", "--rev", "HEAD"][..], &["check", "--staged"], &["exposure", &site.alice]] {
        with(&elsewhere, "", arguments).fails(4);
    }
    // the work tree is known by its repository, wherever the command runs
    fs::rename(site.path("other"), site.path(".git")).unwrap();
    let run = with(&[("GIT_DIR", ".git")], "home", &["-C", site.root().to_str().unwrap(), "diff", "--rev", "HEAD~1"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, A_CHANGED), "{}", run.stderr);
}

/// Objects of a push are in a directory of their own until its hook accepts them.
#[test]
fn the_commits_of_a_push_are_compared_before_they_are_accepted() {
    let site = services();
    git(&site, &["clone", "-q", "--bare", ".", "clone"]);
    git(&site, &["config", "receive.denyCurrentBranch", "ignore"]);
    site.write("services/b/prod.yaml", "data: { LEVEL: debug }\n");
    super::commit(&site);
    let new = git(&site, &["rev-parse", "HEAD"]);
    let mut command = site.command(&["diff", "--rev", &format!("main..{}", new.trim())]);
    command.current_dir(site.path("clone")).env("GIT_DIR", ".").env("GIT_QUARANTINE_PATH", site.path(".git/objects"));
    command.env("GIT_OBJECT_DIRECTORY", site.path(".git/objects"));
    command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", site.path("clone/objects"));
    let run = Run::from(give(command, b""));
    assert_eq!((run.code, run.stdout.as_str()), (1, "b in prod\n  ~ LEVEL: info → debug\n"), "{}", run.stderr);
}

#[test]
fn commits_have_the_names_that_git_gives_them() {
    let site = services();
    git(&site, &["worktree", "add", "-q", "clone"]);
    let second = git(&site, &["rev-parse", "HEAD"]);
    git(&site, &["-C", "clone", "reset", "-q", "--hard", "HEAD~1"]);
    git(&site, &["-C", "clone", "update-ref", "refs/bisect/bad", second.trim()]);
    git(&site, &["-C", "clone", "fetch", "-q", "..", "main"]);
    for name in ["ORIG_HEAD", "refs/bisect/bad", "bisect/bad", "FETCH_HEAD"] {
        let run = site.run_in("clone", &["diff", "--rev", &format!("HEAD..{name}")]);
        assert_eq!((run.code, run.stdout.as_str()), (1, A_CHANGED), "{name}: {}", run.stderr);
    }
    for name in ["@{upstream}", "HEAD@{99}", "@{push}", "other@{1}", "../x@{1}"] {
        site.run_in("clone", &["diff", "--rev", name]).fails(2);
    }
}

/// Former states of branches, and those that they follow.
#[test]
fn commits_have_the_names_that_a_clone_remembers() {
    let site = services();
    clone(&site, &[]);
    git(&site, &["-C", "clone", "config", "branch.main.merge", "refs/heads/main"]);
    git(&site, &["-C", "clone", "checkout", "-q", "-b", "topic/x", "--track", "origin/main"]);
    git(&site, &["-C", "clone", "reset", "-q", "--hard", "HEAD~1"]);
    let now =
        ["HEAD@{1}", "@{1}", "topic/x@{1}", "refs/heads/topic/x@{1}", "@{upstream}", "@{u}", "topic/x@{upstream}"];
    for name in now.into_iter().chain(["main@{upstream}", "@{-1}", "topic/x@{1}^0"]) {
        let expected = git(&site, &["-C", "clone", "rev-parse", "HEAD", name]);
        let expected: Vec<_> = expected.lines().collect();
        assert_ne!(expected[0], expected[1], "{name}");
        let run = site.run_in("clone", &["diff", "--rev", &format!("HEAD..{name}")]);
        assert_eq!((run.code, run.stdout.as_str()), (1, A_CHANGED), "{name}: {}", run.stderr);
    }
    // the last state before the first record
    let run = site.run_in("clone", &["diff", "--rev", "HEAD..topic/x@{2001-01-01}"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, A_CHANGED), "{}", run.stderr);
    let since = site.run_in("clone", &["exposure", &site.alice, "--since", "HEAD@{1}"]);
    assert_eq!(since.code, 0, "{}", since.stderr);
}

#[cfg(unix)]
#[test]
fn a_linked_directory_of_layers_is_a_project_in_every_revision() {
    let project = super::shop();
    fs::create_dir(project.path("real")).unwrap();
    for name in ["base.yaml", "dev.yaml", "prod.yaml", "staging.yaml"] {
        fs::rename(project.path(name), project.path(&format!("real/{name}"))).unwrap();
    }
    std::os::unix::fs::symlink("real", project.path("environments")).unwrap();
    git(&project, &["init", "-q", "-b", "main"]);
    super::commit(&project);
    let changed = |range: &str| project.run(&["diff", "--rev", range, "--only", "changed"]).stdout;
    assert_eq!(project.run(&["diff", "--rev", "HEAD"]).succeeds(), "");
    project.replace("real/prod.yaml", "LEVEL: warn", "LEVEL: error");
    let expected = "shop in prod\n  ~ LEVEL: warn → error\n";
    assert_eq!(changed("HEAD"), expected);
    super::commit(&project);
    assert_eq!(changed("HEAD~1..HEAD"), expected);
    project.replace("real/prod.yaml", "LEVEL: error", "LEVLE: error");
    git(&project, &["add", "--all"]);
    assert_eq!(project.run(&["check", "--staged"]).code, 1);
}
