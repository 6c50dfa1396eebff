//! The same of what the next commit would hold: links in the index.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use rayon::prelude::*;
use septum::files::FileKind;

use super::site::{Must, Site, spot};

/// Whether `check --staged` reads a file of the kind from the index.
fn is_staged(kind: FileKind) -> bool {
    match kind {
        FileKind::ProjectFile
        | FileKind::Layer
        | FileKind::EntryFile
        | FileKind::Template
        | FileKind::Include
        | FileKind::Manifest
        | FileKind::Certificate
        | FileKind::SopsConfig
        | FileKind::Baseline
        | FileKind::SecretFile
        | FileKind::Kustomization => true,
        // named by the command line, or read by Git and by `render` alone
        FileKind::CustomRules | FileKind::Inventory | FileKind::Output | FileKind::IgnoreRules => false,
    }
}

fn git(site: &Site, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]).args(arguments);
    git.current_dir(site.root()).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    git.env("HOME", site.beside("")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(git.status().unwrap().success(), "git {arguments:?}");
}

/// What is put in the place of a file.
const CASES: [&str; 8] = ["out", "middle", "chain", "absolute", "environment", "itself", "nothing", "directory"];

#[test]
fn a_link_in_the_index_leads_nowhere_outside() {
    let sound = Site::sound();
    fs::remove_dir_all(sound.root().join(".git")).unwrap();
    git(&sound, &["init", "-q"]);
    git(&sound, &["add", "-A", "."]);
    git(&sound, &["commit", "-q", "-m", "x"]);
    let run = sound.run(&["check", "--staged"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let kinds = FileKind::ALL.iter().copied().filter(|&kind| is_staged(kind));
    let cases: Vec<_> = kinds.flat_map(|kind| CASES.map(|case| (kind, case))).collect();
    let wrong: Vec<_> = cases.into_par_iter().filter_map(|(kind, case)| staged(&sound, kind, case)).collect();
    assert!(wrong.is_empty(), "{} runs:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong with the check of a staged link.
fn staged(sound: &Site, kind: FileKind, case: &str) -> Option<String> {
    let (spot, site) = (spot(kind), sound.copy());
    fs::write(site.beside("valid"), spot.valid).unwrap();
    let path = site.root().join(spot.path);
    let up = "../".repeat(spot.path.matches('/').count() + 1);
    if case == "directory" {
        let directory = path.parent().filter(|directory| *directory != site.root())?;
        fs::rename(directory, site.beside("directory")).unwrap();
        fs::write(site.beside("directory").join(path.file_name().unwrap()), spot.valid).unwrap();
        symlink(site.beside("directory"), directory).unwrap();
    } else {
        let (before, first) = (fs::read(&path).unwrap(), path.with_file_name("first.txt"));
        fs::remove_file(&path).unwrap();
        let target = match case {
            "out" => format!("{up}outside/valid"),
            "absolute" => site.beside("valid").display().to_string(),
            "environment" => "/proc/self/environ".to_owned(),
            "itself" => path.file_name().unwrap().to_str().unwrap().to_owned(),
            "nothing" => "nothing".to_owned(),
            _ => "first.txt".to_owned(),
        };
        symlink(target, &path).unwrap();
        if case == "middle" {
            // only a link on the way is new
            fs::write(&first, before).unwrap();
            git(&site, &["add", "-A", "."]);
            git(&site, &["commit", "-q", "-m", "x"]);
            fs::remove_file(&first).unwrap();
        }
        if ["chain", "middle"].contains(&case) {
            symlink(format!("{up}outside/valid"), first).unwrap();
        }
    }
    git(&site, &["add", "-A", "."]);
    let run = site.run(&["check", "--staged"]);
    let leak = run.leak();
    // what is encrypted at rest is looked at where it is staged, and not where a link to it is
    let is_looked_at = kind != FileKind::SecretFile || !["directory", "middle"].contains(&case);
    let must_fail = spot.must == Must::Refuse && is_looked_at;
    let is_right = leak.is_none() && (0..=4).contains(&run.code) && (run.code != 0 || !must_fail);
    (!is_right).then(|| format!("{kind:?}, {case}: {}, leak: {leak:?}\n{}{}", run.code, run.stdout, run.stderr))
}
