//! Measures the detectors on labelled key/value pairs of public repositories.
//!
//! The pairs hold other people's test keys and are not part of this repository: the test reads them
//! from `../shared/corpus/routing.jsonl.gz` or from where `SEPTUM_CORPUS` says, and without them it
//! says so and passes. Run it with `--nocapture` to see the table; `SEPTUM_CORPUS_ERRORS=1` adds
//! the entries that were judged wrong, by name.

#![allow(clippy::print_stdout, clippy::expect_used)] // the table is what the test is run for

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use septum::route::detect::{
    Detection, DetectionSummary, TextKind, Uniqueness, classify, is_literal_credential, rate_uniqueness,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Entry {
    key: String,
    value: String,
    kind: String,
    source: String,
    gold: String,
    leak: bool,
}

/// Leaks that the labels have wrong, by key and source: they call whatever is no word of a few a value of its own, so
/// also what asks for one (`UPDATE_…`, `<…>`, a placeholder in Base64), and take a random password for a placeholder
/// because `example-` stands before it.
const RELABELLED: &[(&str, &str, bool)] = &[
    (
        "1password-credentials.json",
        "redhat-cop/gitops-catalog:1password-connect/connect/base/kustomization.yaml",
        false,
    ),
    ("token", "redhat-cop/gitops-catalog:1password-connect/operator/base/kustomization.yaml", false),
    (
        "AWS_SECRET_ACCESS_KEY",
        "redhat-cop/gitops-catalog:ack-ec2-controller/operator/overlays/alpha/user-secrets-secret.yaml",
        false,
    ),
    ("tls.key", "external-secrets/external-secrets:docs/snippets/vault-cert-store.yaml", false),
    ("token", "external-secrets/external-secrets:docs/snippets/gitlab-credentials-secret.yaml", false),
    ("POSTGRES_PASSWORD", "redhat-cop/gitops-catalog:rhsso/rhsso-standalone/base/sso-db-secret.yaml", true),
];

impl Entry {
    fn is_leak(&self) -> bool {
        let label = RELABELLED.iter().find(|(key, source, _)| *key == self.key && *source == self.source);
        label.map_or(self.leak, |(_, _, is_leak)| *is_leak)
    }
}

/// How often a yes-or-no question was answered rightly and wrongly.
#[derive(Default)]
struct Score {
    hits: u32,
    false_alarms: u32,
    misses: u32,
    rightly_silent: u32,
}

impl Score {
    fn count(&mut self, said: bool, is: bool) {
        *match (said, is) {
            (true, true) => &mut self.hits,
            (true, false) => &mut self.false_alarms,
            (false, true) => &mut self.misses,
            (false, false) => &mut self.rightly_silent,
        } += 1;
    }

    fn precision(&self) -> f64 {
        share(self.hits, self.hits + self.false_alarms)
    }

    fn recall(&self) -> f64 {
        share(self.hits, self.hits + self.misses)
    }

    fn false_positive_rate(&self) -> f64 {
        1.0 - share(self.rightly_silent, self.rightly_silent + self.false_alarms)
    }

    fn row(&self, name: &str) -> String {
        format!(
            "{name:<28} {:>6.3} {:>6.3} {:>7.2}% {:>6} {:>6} {:>6}",
            self.precision(),
            self.recall(),
            self.false_positive_rate() * 100.0,
            self.hits,
            self.false_alarms,
            self.misses
        )
    }
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 { 1.0 } else { f64::from(part) / f64::from(whole) }
}

fn corpus() -> Option<Vec<Entry>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/routing.jsonl.gz");
    let path = std::env::var_os("SEPTUM_CORPUS").map_or_else(beside, PathBuf::from);
    if !path.is_file() {
        println!("no corpus at {}: nothing measured", path.display());
        return None;
    }
    let output = Command::new("gzip").arg("-dc").arg(&path).output().expect("gzip runs");
    assert!(output.status.success(), "gzip failed on {}", path.display());
    let text = String::from_utf8(output.stdout).expect("the corpus is UTF-8");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a labelled pair")).collect())
}

/// Who speaks for a secret: the name, and each detector by its name.
fn speakers(detection: &Detection) -> Vec<String> {
    let name = detection.name_decides().then(|| "name".to_owned());
    let value = detection.by_value.as_ref().map(|hit| format!("value: {}", hit.detector));
    name.into_iter().chain(value).collect()
}

#[test]
fn routing_and_leaks_are_told_from_names_and_values() {
    let Some(entries) = corpus() else { return };
    let mut routing = Score::default();
    let mut outside_secrets = Score::default();
    let mut leaks = Score::default();
    let mut by_speaker: BTreeMap<String, Score> = BTreeMap::new();
    let show_errors = std::env::var_os("SEPTUM_CORPUS_ERRORS").is_some();
    for entry in entries.iter().filter(|entry| entry.gold != "either") {
        let detection = classify(&entry.key, Some(&entry.value), TextKind::Template);
        let (said, is) = (detection.is_sensitive(), entry.gold == "sensitive");
        routing.count(said, is);
        if entry.kind != "Secret" {
            outside_secrets.count(said, is);
        }
        let leaks_said = is_literal_credential(&entry.key, &entry.value);
        leaks.count(leaks_said, entry.is_leak());
        for speaker in speakers(&detection) {
            by_speaker.entry(speaker).or_default().count(true, is);
        }
        if show_errors && (said != is || leaks_said != entry.is_leak()) {
            println!(
                "{} `{}`: said {said}, is {is}; leak said {leaks_said}, is {}; {:?} {:?}",
                entry.kind,
                entry.key,
                entry.is_leak(),
                detection.reasons(),
                detection.near_miss()
            );
        }
    }
    println!("{:<28} {:>6} {:>6} {:>8} {:>6} {:>6} {:>6}", "", "prec.", "recall", "false", "hits", "alarms", "misses");
    println!("{:-<28} {:->6} {:->6} {:->8} {:->6} {:->6} {:->6}", "", "", "", "", "", "", "");
    println!("{}", routing.row("routing"));
    println!("{}", outside_secrets.row("routing, outside Secrets"));
    println!("{}", leaks.row("leak"));
    for (speaker, score) in &by_speaker {
        println!("{speaker:<28} {:>6.3} {:>30} {:>6}", score.precision(), score.hits, score.false_alarms);
    }
    for (name, score) in [("routing", &routing), ("leak", &leaks)] {
        assert!(score.precision() >= 0.99, "precision of {name} fell to {}", score.precision());
        assert!(score.recall() >= 0.97, "recall of {name} fell to {}", score.recall());
        let rate = score.false_positive_rate();
        assert!(rate <= 0.001, "false positive rate of {name} rose to {rate}");
    }
}

/// Whether a text holds a value that the last gate looks for, with nothing beside it that makes it a part of a
/// longer word if it must be none.
fn holds(text: &str, secret: &str, distinctness: Uniqueness) -> bool {
    let of_word = |char: char| char.is_alphanumeric() || "-_.".contains(char);
    text.match_indices(secret).any(|(at, _)| {
        let is_bounded =
            !text[..at].ends_with(of_word) && !text[at + secret.len()..].starts_with(of_word) && text.trim() != secret;
        distinctness == Uniqueness::Random || is_bounded
    })
}

#[test]
fn the_last_gate_is_silent_where_nobody_copied_a_secret() {
    let Some(entries) = corpus() else { return };
    let mut by_repository: BTreeMap<&str, (Vec<&Entry>, Vec<&Entry>)> = BTreeMap::new();
    for entry in &entries {
        let repository = entry.source.split(':').next().expect("a part");
        let (secrets, plain) = by_repository.entry(repository).or_default();
        match entry.gold.as_str() {
            "sensitive" => secrets.push(entry),
            "plain" => plain.push(entry),
            _ => {}
        }
    }
    let (mut all, mut long, mut guarded, mut pairs, mut alarms) = (0, 0, 0, 0_usize, 0);
    for (secrets, plain) in by_repository.values() {
        for secret in secrets {
            let text = secret.value.trim();
            let distinctness = rate_uniqueness(&secret.key, text, || DetectionSummary::of(&secret.key, text));
            all += 1;
            long += u32::from(text.len() >= 8);
            if distinctness == Uniqueness::Common {
                continue;
            }
            guarded += 1;
            pairs += plain.len();
            for other in plain.iter().filter(|other| holds(&other.value, text, distinctness)) {
                alarms += 1;
                println!("{distinctness:?} `{}` in `{}` of {}", secret.key, other.key, other.source);
            }
        }
    }
    println!("{all} secrets, {long} of 8 bytes or more, {guarded} guarded; {alarms} alarms in {pairs} pairs");
    assert_eq!(alarms, 0);
}
