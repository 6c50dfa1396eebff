//! Revisions of Git, read without a work tree.

use super::{commit, committed, git, rows};
use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

#[test]
fn uncommitted_changes_are_shown_by_environment() {
    let project = committed();
    project.replace("base.yaml", "LEVEL: info", "LEVEL: debug");
    project.replace("prod.yaml", "hunter2-canary-prod", "hunter2-canary-new");
    project.replace("base.yaml", "    two\n", "    2\n");
    let run = project.run(&["diff", "--rev", "HEAD"]);
    record(&run.stdout);
    assert_eq!(run.code, 1);
    assert!(!run.stdout.contains("canary"));
}

#[test]
fn nothing_changed() {
    let run = committed().run(&["diff", "--rev", "HEAD"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
}

#[test]
fn a_key_that_crosses_the_wall_comes_with_its_reason() {
    let project = committed();
    project.replace("base.yaml", "HOST: \"{{ vars.domain }}\"", "HOST: \"{{ vars.domain }}/{{ data.PASSWORD }}\"");
    let run = project.run(&["diff", "--rev", "HEAD", "--only", "moved"]);
    record(&run.stdout);
    assert_eq!(run.code, 1);
    assert!(!run.stdout.contains("canary") && !run.stdout.contains("localhost"), "{}", run.stdout);
}

#[test]
fn a_secret_that_was_plain_before_is_not_shown() {
    let project = committed();
    project.write("base.yaml", project.read("base.yaml") + "  NOTE: see hunter2-canary2 there\n  OTHER: x\n");
    commit(&project);
    project.replace("base.yaml", "NOTE: see hunter2-canary2 there", "NOTE: gone");
    project.replace("base.yaml", "OTHER: x", "OTHER: { value: hunter2-canary2, sensitive: true }");
    for format in ["text", "json", "markdown", "github-diff"] {
        let run = project.run(&["diff", "--rev", "HEAD", "--format", format]);
        assert_eq!(run.code, 1);
        assert!(run.stdout.contains("NOTE") && !run.stdout.contains("canary"), "{}", run.stdout);
    }
}

#[test]
fn without_the_key_a_former_plain_value_of_a_secret_is_not_shown() {
    let project = Sandbox::with_identities();
    let layers = |token: &str, url: &str| format!("app: a\nvars: {{ v: x }}\ndata:\n  TOK: {token}\n  URL: {url}\n");
    project.write("base.yaml", layers("hunter2-canary-old", "\"h?t={{ data.TOK }}\""));
    project.write("dev.yaml", "");
    git(&project, &["init", "--quiet", "-b", "main", "."]);
    commit(&project);
    project.write("base.yaml", layers("{ sensitive: true, required: true }", "gone"));
    project.encrypted("dev.secrets.yaml", "data: { TOK: hunter2-canary-old }\n");
    commit(&project);
    for (from, to) in [("HEAD~1", "HEAD"), ("HEAD", "HEAD~1")] {
        for format in ["text", "json", "markdown", "github-diff"] {
            let run = project.run_without_key(&["diff", "--rev", &format!("{from}..{to}"), "--format", format]);
            assert_eq!(run.code, 1, "{}", run.stderr);
            assert!(run.stdout.contains("URL") && !run.stdout.contains("canary"), "{}", run.stdout);
        }
    }
}

#[test]
fn what_is_invalid_on_both_sides_is_not_called_equal() {
    let project = committed();
    project
        .write("base.yaml", project.read("base.yaml") + "  NEEDED: { required: true }\n  BAD: \"{{ data.NEEDED }}\"\n");
    commit(&project);
    let run = project.run(&["diff", "--rev", "HEAD"]);
    run.fails(2);
}

#[test]
fn rules_and_sources_are_changes_of_their_own() {
    let project = committed();
    project.replace("base.yaml", "{ type: integer, description: Requests for each second. }", "{ type: number }");
    project.replace("base.yaml", "LEVEL: info", "LEVEL: { value: \"{{ 'info' }}\", required: true }");
    project.replace("dev.yaml", "LIMIT: 5", "LIMIT: { content: 5, format: json }");
    record(&project.run(&["diff", "--rev", "HEAD"]).stdout);
}

#[test]
fn an_environment_and_an_app_that_only_one_side_has() {
    let project = committed();
    project.write("qa.yaml", "");
    git(&project, &["rm", "--quiet", "staging.yaml"]);
    let run = project.run(&["diff", "--rev", "HEAD", "--stat"]);
    record(&run.stdout);
    assert_eq!(run.code, 1);
    let rows = rows(&project.run(&["diff", "--rev", "HEAD", "--format", "json", "--no-fold"]));
    let whole: Vec<_> = rows.iter().filter(|row| row.get("key").is_none() && row.get("object").is_none()).collect();
    assert_eq!(whole.len(), 2, "{whole:?}");
}

#[test]
fn ranges_are_those_of_git() {
    let project = committed();
    git(&project, &["switch", "--quiet", "--create", "topic"]);
    project.replace("base.yaml", "LEVEL: info", "LEVEL: debug");
    commit(&project);
    git(&project, &["switch", "--quiet", "main"]);
    project.replace("base.yaml", "domain: localhost", "domain: other");
    commit(&project);
    git(&project, &["tag", "v2"]);
    let keys = |range: &str| {
        let rows = rows(&project.run(&["diff", "--rev", range, "dev", "--format", "json"]));
        let mut keys: Vec<_> = rows.iter().filter_map(|row| row["key"].as_str().map(str::to_owned)).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys("main..topic"), ["HOST", "LEVEL", "URL"]);
    assert_eq!(keys("main...topic"), ["LEVEL"]);
    assert_eq!(keys("topic...v2"), ["HOST", "URL"]);
    assert_eq!(keys("v2~1..v2"), ["HOST", "URL"]);
    assert_eq!(keys("topic"), ["HOST", "LEVEL", "URL"]);
    let commit = git(&project, &["rev-parse", "topic"]);
    assert_eq!(keys(&format!("{}..v2", &commit[..8])), ["HOST", "LEVEL", "URL"]);
}

#[test]
fn a_name_that_is_no_revision_is_refused() {
    let project = committed();
    for name in ["nope", "--output=x", "HEAD:base.yaml", "", "a..b", "HEAD~99", "2026-04-01"] {
        let run = project.run(&["diff", &format!("--rev={name}")]);
        if name.is_empty() {
            // as for git: HEAD
            assert_eq!(run.code, 0);
        } else {
            run.fails(2);
        }
    }
    assert!(!project.root().join("x").exists());
}

#[test]
fn the_configuration_of_the_repository_runs_no_program() {
    let project = committed();
    let trap = project.outside().join("trap");
    let command = format!("touch {}", trap.display());
    for name in
        ["core.fsmonitor", "core.pager", "diff.external", "core.sshCommand", "filter.x.smudge", "filter.x.clean"]
    {
        git(&project, &["config", name, &command]);
    }
    project.write(".gitattributes", "* filter=x diff=x\n");
    let run = project.run(&["diff", "--rev", "HEAD..HEAD"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!trap.exists());
}

#[test]
fn apps_without_a_changed_file_are_not_read() {
    let project = committed();
    project.write("septum.yaml", "apps: [\"apps/*\"]\n");
    for name in ["base.yaml", "dev.yaml", "prod.yaml", "staging.yaml"] {
        std::fs::remove_file(project.path(name)).unwrap();
    }
    for app in ["one", "two", "three"] {
        project.write(&format!("apps/{app}/base.yaml"), format!("app: {app}\ndata: {{ X: 1 }}\n"));
        project.write(&format!("apps/{app}/dev.yaml"), "");
    }
    project.write("common/text.txt", "a");
    project.write("apps/two/base.yaml", "app: two\ndata: { T: { file: ../../common/text.txt } }\n");
    // broken in both revisions: it would be an error if it were read
    project.write("apps/three/base.yaml", "app: three\ndata: [\n");
    commit(&project);
    project.write("apps/one/base.yaml", "app: one\ndata: { X: 2 }\n");
    // of another app, through its path
    project.write("common/text.txt", "b");
    commit(&project);
    let rows = rows(&project.run(&["diff", "--rev", "HEAD~1..HEAD", "--format", "json"]));
    let apps: Vec<_> = rows.iter().map(|row| row["app"].as_str().unwrap().to_owned()).collect();
    assert_eq!(apps, ["one", "two"]);
}

#[test]
fn a_hashed_name_is_one_change() {
    let project = committed();
    project.write(
        "base.yaml",
        project
            .read("base.yaml")
            .replace("namespace: shop\n", "namespace: shop\nnames: kustomize\nmanifests: [web.yaml]\n"),
    );
    project.write(
        "web.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n  selector: { matchLabels: { app: web } }\n  template:\n    \
         metadata: { labels: { app: web } }\n    spec:\n      containers:\n        - { name: web, image: web, envFrom: [{ configMapRef: { name: shop } }, { secretRef: { name: shop } }] }\n",
    );
    // it is a manifest beside the layers
    std::fs::create_dir(project.path("workloads")).unwrap();
    std::fs::rename(project.path("web.yaml"), project.path("workloads/web.yaml")).unwrap();
    project.replace("base.yaml", "[web.yaml]", "[workloads/web.yaml]");
    commit(&project);
    project.replace("base.yaml", "LEVEL: info", "LEVEL: debug");
    let rows = rows(&project.run(&["diff", "dev", "--rev", "HEAD", "--format", "json"]));
    let kinds: Vec<_> = rows.iter().map(|row| row["change"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["changed", "renamed"], "{rows:#?}");
}

/// Changes of a project of many apps, of which a comparison reads only those that are concerned.
#[test]
fn the_work_tree_is_compared_as_the_commit_of_it() {
    type Edit = fn(&Sandbox);
    let edits: &[(&str, Edit)] = &[
        ("nothing", |_| {}),
        ("a value", |project| project.write("apps/a3/dev.yaml", "data: { LEVEL: debug }\n")),
        ("a new environment", |project| project.write("apps/a4/prod.yaml", "data: { LEVEL: warn }\n")),
        ("a file less", |project| std::fs::remove_file(project.path("apps/a5/qa.yaml")).unwrap()),
        ("an app less", |project| std::fs::remove_dir_all(project.path("apps/a6")).unwrap()),
        ("an app more", |project| {
            project.write("apps/new/base.yaml", "data: { LEVEL: x }\n");
            project.write("apps/new/dev.yaml", "");
        }),
        ("a shared layer", |project| project.write("shared/dev.yaml", "labels: { tier: back }\n")),
        ("a file of a layer", |project| project.write("apps/a7/files/motd", "two\n")),
        ("a file that an app reads by `..`", |project| project.write("common/ca.txt", "two\n")),
        ("the list of apps", |project| project.write("septum.yaml", "apps: [apps/a1, apps/a2]\nshared: shared\n")),
        #[cfg(unix)]
        ("a link", |project| {
            std::fs::remove_file(project.path("apps/a8/dev.yaml")).unwrap();
            std::os::unix::fs::symlink("../a3/dev.yaml", project.path("apps/a8/dev.yaml")).unwrap();
        }),
        ("an encrypted value", |project| {
            project.give("hunter2-canary-new", &["set", "dev", "TOKEN", "--app", "a9"]).succeeds();
        }),
    ];
    let project = Sandbox::with_identities();
    project.write("septum.yaml", "apps: [apps/*]\nshared: shared\n");
    project.write("shared/dev.yaml", "");
    project.write("common/ca.txt", "one\n");
    for number in 1..=12 {
        let file = if number == 10 { "../../common/ca.txt" } else { "files/motd" };
        project.write(&format!("apps/a{number}/files/motd"), "one\n");
        let base = format!("data:\n  LEVEL: info\n  TOKEN: {{ sensitive: true }}\n  motd: {{ file: {file} }}\n");
        project.write(&format!("apps/a{number}/base.yaml"), base);
        project.write(&format!("apps/a{number}/dev.yaml"), "data: { LEVEL: dev }\n");
        project.write(&format!("apps/a{number}/qa.yaml"), "");
    }
    project.encrypted("apps/a9/dev.secrets.yaml", "data: { TOKEN: hunter2-canary-old }\n");
    // an app that is invalid on both sides is not read
    project.write("apps/a11/base.yaml", "data: { LEVEL: { value: x, type: integer } }\n");
    git(&project, &["init", "--quiet", "-b", "main", "."]);
    commit(&project);
    let run = |range: &str| project.run(&["diff", "--rev", range, "--format", "json", "--no-fold"]);
    for &(name, edit) in edits {
        edit(&project);
        let work_tree = run("HEAD");
        git(&project, &["add", "--all"]);
        git(&project, &["commit", "--quiet", "--allow-empty", "--message", "x"]);
        let committed = run("HEAD~1..HEAD");
        assert_eq!(work_tree.stdout, committed.stdout, "{name}");
        assert_eq!(work_tree.code, committed.code, "{name}: {}", work_tree.stderr);
        // a link may lead anywhere, so that all apps are read, and one of them is invalid
        let code = match name {
            "nothing" => 0,
            "a link" => 2,
            _ => 1,
        };
        assert_eq!(work_tree.code, code, "{name}: {}", work_tree.stderr);
        assert!(!work_tree.stdout.contains("canary"), "{}", work_tree.stdout);
        git(&project, &["reset", "--quiet", "--hard", "HEAD~1"]);
    }
}

/// Whoever is stopped while Git runs leaves no directory of Git behind.
#[test]
#[cfg(all(target_os = "linux", debug_assertions))]
fn a_signal_leaves_nothing_among_temporary_files() {
    use crate::secret_files::paused::Paused;
    use rustix::process::Signal;
    use septum::test_hook::StopPoint;

    let project = committed();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = project.command(&["diff", "--rev", "HEAD"]);
        command.env("TMPDIR", temporary.path());
        let Ok(paused) = Paused::at(command, b"", StopPoint::GitPrepared, 1) else { panic!("Git was not used") };
        assert!(std::fs::read_dir(temporary.path()).unwrap().next().is_some(), "Git has a directory");
        paused.send(signal);
        let ended = paused.end();
        assert!(!ended.status.success());
        assert!(std::fs::read_dir(temporary.path()).unwrap().next().is_none(), "{signal:?}");
    }
}

#[test]
fn a_submodule_is_read_at_the_commit_that_the_revision_names() {
    let shared = Sandbox::new([("conf.txt", "canary v1\n"), ("d/more.txt", "same\n")]);
    git(&shared, &["init", "--quiet", "-b", "main", "."]);
    commit(&shared);
    let project = Sandbox::of("app: a\ndata: { F: { file: lib/conf.txt }, G: { file: lib/d/more.txt } }\n", "");
    git(&project, &["init", "--quiet", "-b", "main", "."]);
    let url = shared.root().to_str().unwrap().to_owned();
    let allowed = ["-c", "protocol.file.allow=always"];
    git(&project, &[&allowed[..], &["submodule", "--quiet", "add", &url, "lib"]].concat());
    commit(&project);
    shared.write("conf.txt", "canary v2\n");
    commit(&shared);
    git(&project, &[&allowed[..], &["submodule", "--quiet", "update", "--remote"]].concat());
    commit(&project);
    for range in ["HEAD~1", "HEAD~1..HEAD"] {
        let run = project.run(&["diff", "--rev", range]);
        assert_eq!(run.code, 1, "{range}: {}", run.stderr);
        assert!(run.stdout.contains("v1") && run.stdout.contains("v2"), "{range}: {}", run.stdout);
    }
    assert_eq!(project.run(&["diff", "--rev", "HEAD"]).code, 0);
    // a change that nobody committed is one
    project.write("lib/conf.txt", "canary v3\n");
    let run = project.run(&["diff", "--rev", "HEAD"]);
    assert!(run.code == 1 && run.stdout.contains("v3"), "{}", run.stdout);
    // without a checkout, nothing is taken from elsewhere
    git(&project, &["submodule", "--quiet", "deinit", "--force", "lib"]);
    let run = project.run(&["diff", "--rev", "HEAD~1..HEAD"]);
    record(run.stdout + &run.stderr);
}

#[test]
fn a_shallow_clone_is_named_where_a_revision_is_unknown() {
    let project = committed();
    let clone = Sandbox::new([("x", "")]);
    let url = format!("file://{}", project.root().display());
    git(&clone, &["clone", "--quiet", "--depth", "1", &url, "clone"]);
    let run = clone.run(&["-C", "clone", "diff", "--rev", "HEAD~1"]);
    assert_eq!(run.code, 2);
    run.record();
}
