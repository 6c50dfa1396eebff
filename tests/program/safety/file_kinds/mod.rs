//! What a repository names is read inside of it: every kind of file, in the place of which somebody puts a link
//! out, a pipe, a device, something endless, or a path that leads out.
//!
//! `SEPTUM_FILE_KIND_COMMANDS` is how many of its commands are run on each case: one by default, in turn.
//!
//! The list of kinds is the program's own, and [`site::spot`] says for each where its file is: who adds a kind
//! has to say it there before this compiles.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod attack;
mod damage;
mod names;
mod several;
mod site;
mod staged;

use rayon::prelude::*;
use septum::files::FileKind;

use attack::Attack;
use site::{Must, Site, spot};

#[test]
fn a_sound_project_passes_every_command() {
    let site = Site::sound();
    for &kind in FileKind::ALL {
        for command in spot(kind).commands {
            let site = site.copy();
            let run = site.run(command);
            assert_eq!(run.code, 0, "{kind:?}: septum {}\n{}{}", command.join(" "), run.stdout, run.stderr);
        }
    }
}

#[test]
fn nothing_but_a_regular_file_inside_is_read_whatever_kind_it_is() {
    let sound = Site::sound();
    let count = std::env::var("SEPTUM_FILE_KIND_COMMANDS").map_or(1, |count| count.parse().expect("a number"));
    let mut cases = Vec::new();
    for (turn, &kind) in FileKind::ALL.iter().enumerate() {
        for (index, &attack) in Attack::ALL.iter().enumerate() {
            let commands = spot(kind).commands;
            let turns = (turn + index..).take(count.min(commands.len()));
            cases.extend(turns.map(|turn| (kind, attack, commands[turn % commands.len()])));
        }
    }
    let attacked = |(kind, attack, command)| attacked(&sound, kind, attack, command);
    let wrong: Vec<String> = cases.into_par_iter().flat_map(attacked).collect();
    assert!(wrong.is_empty(), "{} runs:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// What went wrong in a run under an attack.
fn attacked(sound: &Site, kind: FileKind, attack: Attack, command: &[&str]) -> Vec<String> {
    let (spot, site) = (spot(kind), sound.copy());
    let mut wrong = Vec::new();
    if attack.make(&site, kind, &spot).is_some() {
        let outside = site.outside();
        let run = site.run(command);
        let case =
            format!("{kind:?}, {attack:?}: septum {}: {}\n{}{}", command.join(" "), run.code, run.stdout, run.stderr);
        if let Some(leak) = run.leak() {
            wrong.push(format!("{leak} is shown\n{case}"));
        }
        if site.outside() != outside {
            wrong.push(format!("something outside changed\n{case}"));
        }
        if run.code == 101 || run.code > 4 {
            wrong.push(format!("no clean end\n{case}"));
        }
        let must_fail = spot.must == Must::Refuse;
        if must_fail && (run.code == 0 || !run.says(attack.name(&spot))) {
            wrong.push(format!("not refused by name\n{case}"));
        }
        if must_fail && attack == Attack::LinkOut {
            // who cannot ask what is outside says the same of what is not there
            let other = sound.copy();
            Attack::LinkToNothingOutside.make(&other, kind, &spot);
            let other = other.run(command);
            if (run.code, &run.stdout, &run.stderr) != (other.code, &other.stdout, &other.stderr) {
                wrong.push(format!("tells whether something is outside\n{case}\n{}{}", other.stdout, other.stderr));
            }
        }
    }
    wrong
}
