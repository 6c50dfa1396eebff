//! What files and the command line name besides the files that are read: where a tree goes, which directories are
//! apps, what is encrypted in place.

use crate::support::messages::record;
use std::fs;
use std::os::unix::fs::symlink;

use super::attack::make_pipe;
use super::site::Site;

/// What `septum.yaml` names may not leave its project, and the error points at it.
#[test]
fn the_project_file_names_nothing_outside() {
    let sound = Site::sound();
    for (text, place) in [
        ("apps: [app]\noutput: ../outside/tree\n", "septum.yaml:2:9"),
        ("apps: [app]\noutput: /tmp/tree\n", "septum.yaml:2:9"),
        ("apps: [app]\noutput: link/tree\n", "septum.yaml:2:9"),
        ("apps: [app]\nshared: ../outside\n", "septum.yaml:2:9"),
        ("apps: [app]\nshared: link\n", "septum.yaml:2:9"),
        ("apps:\n- ../outside\n", "septum.yaml:2:3"),
        ("apps:\n- app\n- ../out*\n", "septum.yaml:3:3"),
        ("apps:\n- app\n- link/*\n", "septum.yaml:3:3"),
        ("apps: [app, link]\n", "septum.yaml:1:13"),
        ("apps: [app, '*']\n", "septum.yaml:1:13"),
    ] {
        let site = sound.copy();
        symlink("../outside", site.root().join("link")).unwrap();
        fs::write(site.beside("base.yaml"), "data: { A: canary-outside }\n").unwrap();
        fs::create_dir(site.beside("near")).unwrap();
        fs::write(site.beside("near/base.yaml"), "data: { A: canary-outside }\n").unwrap();
        site.write("septum.yaml", text);
        let outside = site.outside();
        for command in [&["check"][..], &["render", "--all", "--out"], &["render", "--all", "--out", "--check"]] {
            let run = site.run(command);
            let case = format!("{text}septum {}\n{}{}", command.join(" "), run.stdout, run.stderr);
            assert_eq!(run.code, 2, "{case}");
            record(&run.stderr);
            assert!(run.stderr.contains(place), "{case}");
            assert!(run.leak().is_none() && !run.stderr.contains("near"), "{case}");
            assert_eq!(site.outside(), outside, "{case}");
        }
    }
}

/// A directory of the tree that is a link takes nothing out.
#[test]
fn a_tree_is_written_through_no_link() {
    let sound = Site::sound();
    for (link, shards) in [
        ("rendered", false),
        ("rendered/dev", false),
        ("rendered/dev/app", false),
        ("rendered/.septum", false),
        ("rendered/.septum/tmp", false),
        ("rendered/.septum/tmp", true),
        ("rendered/.septum/tmp/1-of-1", true),
    ] {
        let site = sound.copy();
        let path = site.root().join(link);
        if path.exists() {
            fs::rename(&path, site.beside("there")).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::create_dir_all(site.beside("there/1-of-1")).unwrap();
            fs::write(site.beside("there/precious"), "").unwrap();
        }
        symlink(site.beside("there"), &path).unwrap();
        site.write("app/dev.yaml", "extends: [mixins/eu]\ndata: { LOG: other }\n");
        let outside = site.outside();
        let command: &[&str] = if shards {
            &["render", "--all", "--out", "rendered", "--shard", "1/1"]
        } else {
            &["render", "--all", "--out", "rendered"]
        };
        let run = site.run(command);
        assert_eq!(site.outside(), outside, "{link}: {}{}", run.stdout, run.stderr);
        // Septum's own directory for drafts may be made anew
        let is_drafts = link.ends_with("/tmp") && !shards;
        assert!(run.code != 0 || is_drafts, "{link}: {}{}", run.stdout, run.stderr);
    }
}

/// An inventory that names what is outside makes nobody read it.
#[test]
fn the_inputs_of_an_inventory_are_not_read_outside() {
    let site = Site::sound();
    let inventory = site.root().join("rendered/.septum/inventory.json");
    let text = fs::read_to_string(&inventory).unwrap();
    let pipe = site.beside("pipe");
    make_pipe(&pipe);
    for name in ["../outside/pipe", "/dev/zero", "../../../../../../../../../dev/zero", "glob:../outside:*"] {
        let named = text.replacen("\"inputs\": {", &format!("\"inputs\": {{ \"{name}\": \"00\","), 1);
        if named == text {
            // an inventory without inputs has none to be misled by
            return;
        }
        fs::write(&inventory, named).unwrap();
        for command in [&["render", "--all", "--out", "--check"][..], &["check", "--rendered", "rendered"]] {
            let run = site.run(command);
            assert!(run.leak().is_none() && run.code != 101, "{name}: {}{}", run.stdout, run.stderr);
        }
    }
}

/// Commands on files, and on what an environment keeps in one.
const COMMANDS: &[&[&str]] = &[
    &["encrypt", "link.enc.yaml"],
    &["encrypt", "directory/link.enc.yaml"],
    &["encrypt", "plain.yaml", "--output", "link.enc.yaml"],
    &["encrypt", "plain.yaml", "--output", "directory/new.enc.yaml"],
    &["encrypt", "plain.yaml", "--output", "nothing.enc.yaml"],
    &["decrypt", "vault/db.enc.yaml", "--output", "nothing.enc.yaml"],
    &["decrypt", "--in-place", "link.enc.yaml"],
    &["set", "./link.enc.yaml", "password"],
    &["unset", "./link.enc.yaml", "password"],
    &["rotate", "link.enc.yaml"],
    &["rekey", "link.enc.yaml"],
    &["edit", "link.enc.yaml"],
    &["edit", "nothing.enc.yaml"],
    &["git-merge", "vault/db.enc.yaml", "link.enc.yaml", "vault/db.enc.yaml"],
    &["check", "--write-baseline"],
    &["check", "--rules", "link.enc.yaml"],
    &["set", "dev", "PASSWORD"],
    &["unset", "dev", "PASSWORD"],
    &["edit", "dev"],
    &["init"],
];

/// A file that the command line names in a repository is not what a link in it leads to outside.
#[test]
fn commands_on_files_follow_no_link_out() {
    let sound = Site::sound();
    let cases = [true, false].into_iter().flat_map(|in_git| COMMANDS.iter().map(move |command| (in_git, *command)));
    for (in_git, command) in cases {
        let site = sound.copy();
        if !in_git {
            fs::remove_dir(site.root().join(".git")).unwrap();
        }
        fs::create_dir(site.beside("directory")).unwrap();
        for path in ["file", "directory/link.enc.yaml"] {
            fs::write(site.beside(path), "password: canary-outside\n").unwrap();
        }
        symlink("../outside/file", site.root().join("link.enc.yaml")).unwrap();
        symlink("../outside/nothing", site.root().join("nothing.enc.yaml")).unwrap();
        symlink("../outside/directory", site.root().join("directory")).unwrap();
        symlink("../outside/directory", site.root().join("environments")).unwrap();
        for name in [".septum-baseline.yaml", "app/dev.secrets.yaml"] {
            let path = site.root().join(name);
            fs::copy(&path, site.beside(path.file_name().unwrap().to_str().unwrap())).unwrap();
            fs::remove_file(&path).unwrap();
            symlink(site.beside(path.file_name().unwrap().to_str().unwrap()), path).unwrap();
        }
        if command == ["init"] {
            for path in ["septum.yaml", ".sops.yaml", ".gitignore"] {
                fs::remove_file(site.root().join(path)).unwrap();
            }
        }
        let outside = site.outside();
        let run = site.run(command);
        let case =
            format!("in git: {in_git}, septum {}: {}\n{}{}", command.join(" "), run.code, run.stdout, run.stderr);
        assert_eq!(run.code, 2, "{case}");
        assert!(run.leak().is_none(), "{case}");
        assert_eq!(site.outside(), outside, "{case}");
        record(&run.stderr);
        assert!(!run.stderr.contains("outside/file"), "where a link leads is not said: {case}");
    }
}

/// A file of secrets that is a pipe is not waited for, in a repository or without one.
#[test]
fn a_pipe_in_the_place_of_secrets_is_not_waited_for() {
    let sound = Site::sound();
    for in_git in [true, false] {
        for command in [
            &["set", "dev", "PASSWORD"][..],
            &["unset", "dev", "PASSWORD"],
            &["edit", "dev"],
            &["decrypt", "app/dev.secrets.yaml"],
            &["encrypt", "plain.yaml", "--output", "app/dev.secrets.yaml"],
            &["check", "--fix"],
        ] {
            let site = sound.copy();
            if !in_git {
                fs::remove_dir(site.root().join(".git")).unwrap();
            }
            let path = site.root().join("app/dev.secrets.yaml");
            fs::remove_file(&path).unwrap();
            make_pipe(&path);
            let run = site.run(command);
            let case = format!("in git: {in_git}, septum {}: {}{}", command.join(" "), run.stdout, run.stderr);
            assert_eq!(run.code, 2, "{case}");
            record(run.stdout + &run.stderr);
        }
    }
}

/// What the command line names may be anywhere, and a pipe.
#[test]
fn the_command_line_may_name_what_is_elsewhere() {
    let site = Site::sound();
    fs::write(site.beside("rules.toml"), "[[rules]]\nid = 'team'\nregex = 'TEAM-[0-9]{20}'\n").unwrap();
    fs::copy(site.root().join("vault/db.enc.yaml"), site.beside("db.enc.yaml")).unwrap();
    for (command, code) in [
        (&["check", "--rules", "../outside/rules.toml"][..], 0),
        // an empty one is read, and has no rule
        (&["check", "--rules", "/dev/stdin"], 2),
        (&["check", "--rules", "/dev/zero"], 2),
        (&["decrypt", "../outside/db.enc.yaml"], 0),
        (&["decrypt", "--in-place", "../outside/db.enc.yaml"], 0),
        (&["encrypt", "plain.yaml", "--output", "../outside/plain.yaml"], 0),
        (&["render", "--all", "--out", "../outside/tree"], 0),
    ] {
        let run = site.run(command);
        assert_eq!(run.code, code, "septum {}\n{}{}", command.join(" "), run.stdout, run.stderr);
    }
}

/// Walks over a repository leave links alone, wherever they lead.
#[test]
fn walks_leave_links_alone() {
    let site = Site::sound();
    fs::create_dir(site.beside("directory")).unwrap();
    fs::copy(site.root().join("vault/db.enc.yaml"), site.beside("directory/db.enc.yaml")).unwrap();
    symlink("../outside/directory", site.root().join("directory")).unwrap();
    symlink("../../outside/directory/db.enc.yaml", site.root().join("vault/other.enc.yaml")).unwrap();
    symlink("..", site.root().join("vault/up")).unwrap();
    site.write(".sops.yaml", "creation_rules: [{path_regex: '\\.(enc|secrets)\\.', age: age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj}]\n");
    let outside = site.outside();
    let check = site.run(&["rekey", "--check"]);
    assert_eq!(check.code, 1, "{}{}", check.stdout, check.stderr);
    assert!(check.stdout.contains("vault/db.enc.yaml") && !check.stdout.contains("directory"), "{}", check.stdout);
    assert!(!check.stdout.contains("other") && !check.stdout.contains("up/"), "{}", check.stdout);
    let rekey = site.run(&["rekey"]);
    assert_eq!(rekey.code, 0, "{}{}", rekey.stdout, rekey.stderr);
    assert_eq!(site.outside(), outside);
}
