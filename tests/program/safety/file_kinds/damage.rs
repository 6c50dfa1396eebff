//! Every file of a project, damaged, and every command that reads: the answer is that of the sound project, or names
//! the file. What is left out in silence looks like what is not there.
//!
//! `SEPTUM_DAMAGE_SHARE` is the share of the cases that are tried: a quarter by default, 1 for all.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rayon::prelude::*;

use super::site::{Run, Site};

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Directory,
    NotText,
    Unclosed,
    List,
}

const DAMAGES: [Damage; 4] = [Damage::Directory, Damage::NotText, Damage::Unclosed, Damage::List];

/// What a file may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Fields of YAML.
    Fields,
    /// Any text.
    Text,
    /// Any bytes.
    Bytes,
}

/// The files of the project with what they may contain.
const FILES: &[(&str, Content)] = &[
    ("septum.yaml", Content::Fields),
    (".sops.yaml", Content::Fields),
    (".septum-baseline.yaml", Content::Fields),
    (".gitignore", Content::Text),
    ("app/base.yaml", Content::Fields),
    ("app/dev.yaml", Content::Fields),
    ("app/dev.secrets.yaml", Content::Fields),
    ("app/mixins/eu.yaml", Content::Fields),
    ("app/files/app.conf", Content::Bytes),
    ("app/files/app.j2", Content::Text),
    ("app/files/parts/one.j2", Content::Text),
    ("app/files/cert.pem", Content::Fields),
    ("app/workloads/one.yaml", Content::Fields),
    ("vault/db.enc.yaml", Content::Fields),
    ("rendered/.septum/inventory.json", Content::Fields),
    ("rendered/dev/app/configmap-app.yaml", Content::Fields),
];

/// Commands that change nothing of the project.
const COMMANDS: &[&[&str]] = &[
    &["check"],
    &["check", "--keyless"],
    &["check", "--format", "json"],
    &["check", "--rendered", "rendered"],
    &["render", "--all", "--out", "rendered", "--check"],
    &["render", "dev"],
    &["list"],
    &["list", "--format", "json"],
    &["explain", "dev", "PASSWORD"],
    &["explain", "dev", "REGION"],
    &["docs"],
    &["report"],
    &["schema", "--app", "app"],
    &["export", "dev"],
    &["exec", "dev", "--", "env"],
    &["doctor"],
    &["rename", "LOG", "LEVEL", "--dry-run"],
    &["rename", "PASSWORD", "PASSPHRASE", "--dry-run"],
    &["get", "dev", "PASSWORD"],
    &["rekey", "--check"],
    &["eject", "plain", "--out", "ejected"],
    &["argocd", "parameters"],
];

impl Damage {
    /// Whether a file of this content is damaged by it.
    fn concerns(self, content: Content) -> bool {
        match self {
            Self::Directory => true,
            Self::NotText => content != Content::Bytes,
            Self::Unclosed | Self::List => content == Content::Fields,
        }
    }

    fn make(self, path: &Path) {
        fs::remove_file(path).unwrap();
        match self {
            Self::Directory => fs::create_dir(path).unwrap(),
            Self::NotText => fs::write(path, b"\xff\xfe").unwrap(),
            Self::Unclosed => fs::write(path, "a: [b\n\"c\n").unwrap(),
            Self::List => fs::write(path, "- a\n- b\n").unwrap(),
        }
    }
}

/// The lines of a run without those that tell how long it took.
fn lines(run: &Run) -> BTreeSet<String> {
    let all = run.stdout.lines().chain(run.stderr.lines());
    all.filter(|line| !line.ends_with(" ms")).map(str::to_owned).collect()
}

/// Whether a directory in the place of a file is as if there was none: an encrypted file that nothing names.
fn is_gone(file: &str, damage: Damage, command: &[&str]) -> bool {
    file == "vault/db.enc.yaml" && damage == Damage::Directory && ["report", "doctor"].contains(&command[0])
}

#[test]
fn a_damaged_file_is_named_or_not_read() {
    let sound = Site::sound();
    let answers: Vec<Run> = COMMANDS.par_iter().map(|command| sound.copy().run(command)).collect();
    let share = std::env::var("SEPTUM_DAMAGE_SHARE").map_or(4, |share| share.parse::<usize>().expect("a number"));
    let mut cases = Vec::new();
    for (at, &file) in FILES.iter().enumerate() {
        for (turn, &damage) in DAMAGES.iter().enumerate().filter(|(_, damage)| damage.concerns(file.1)) {
            let numbered = COMMANDS.iter().zip(&answers).enumerate();
            let chosen = numbered.filter(|(number, _)| (at + turn + number) % share == 0);
            cases.extend(chosen.map(|(_, (command, answer))| (file, damage, *command, answer)));
        }
    }
    let wrong: Vec<String> = cases
        .into_par_iter()
        .filter(|(file, damage, command, _)| !is_gone(file.0, *damage, command))
        .filter_map(|(file, damage, command, before)| silence(&sound, file.0, damage, command, before))
        .collect();
    assert!(wrong.is_empty(), "{} runs:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// What is wrong with a run on a damaged file, if anything is.
fn silence(sound: &Site, file: &str, damage: Damage, command: &[&str], before: &Run) -> Option<String> {
    let site = sound.copy();
    damage.make(&site.root().join(file));
    let after = site.run(command);
    let (known, said) = (lines(before), lines(&after));
    let name = file.rsplit('/').next().unwrap();
    let is_same = before.code == after.code && known == said;
    let is_named = said.difference(&known).any(|line| line.contains(name));
    let is_clean = (0..=4).contains(&after.code);
    let case = || {
        format!("{file}, {damage:?}: septum {}: {}\n{}{}", command.join(" "), after.code, after.stdout, after.stderr)
    };
    (!is_clean || !is_same && !is_named).then(case)
}
