//! Leak scan: rejects output that anyone can read and that contains the value of a secret.
//!
//! Taint follows the reads of templates. It cannot follow a password that is typed a second time: into a plain entry,
//! an annotation, the arguments of a workload. So the values of all secrets of a target are searched in everything that
//! is about to be written in plaintext, literally and encoded.
//!
//! A finding stops a render, so it has to be right: what is met by chance is not looked for
//! ([`Uniqueness`]).

mod declassified;
mod encrypted;
mod forms;
mod report;
mod search;
mod secrets;
mod walk;

use std::cell::OnceCell;

use crate::deliver::Delivered;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layer::{AllowIndex, AllowedFinding};
use crate::map::HashSet;
use crate::name::EntryId;
use crate::resolve::{ResolvedTarget, TemplateRead};
use crate::route::Routing;
use crate::route::detect::Uniqueness;
use crate::secret::Wiping;

use report::LeakReport;
use search::{KnownSecretHit, KnownSecretSearch};
use secrets::{KnownSecret, SecretSource, collect_secrets};
use walk::TextSite;

/// Leaks of a target.
#[derive(Debug, Default)]
pub struct FoundLeaks {
    /// Errors: `secret-in-plain-output`, all at once.
    pub problems: Diagnostics,
    /// Those that a layer accepts.
    pub accepted: Vec<AcceptedLeak>,
}

/// Leak that a layer accepts.
#[derive(Debug)]
pub struct AcceptedLeak {
    /// Entry or variable for which the layer accepts it.
    pub accepted: TemplateRead,
    /// Its diagnostic without that.
    pub diagnostic: Diagnostic,
}

/// Searches for the secrets of a target in its output, and in the names of the output files. Errors:
/// `secret-in-plain-output`, all at once.
pub fn check_leaks(resolved: &ResolvedTarget, routing: &Routing, delivered: &[Delivered], problems: &mut Diagnostics) {
    // rendering does not depend on the day
    problems.extend(find_leaks(resolved, routing, delivered, &|_| true).problems);
}

/// Leaks of a target, for a report.
///
/// `is_valid` is whether an `allow` of a layer holds.
pub fn find_leaks(
    resolved: &ResolvedTarget,
    routing: &Routing,
    delivered: &[Delivered],
    is_valid: &dyn Fn(&AllowedFinding) -> bool,
) -> FoundLeaks {
    let mut leaks = FoundLeaks::default();
    let mut secrets = collect_secrets(resolved, routing);
    secrets.retain(|secret| secret.uniqueness != Uniqueness::Common);
    if secrets.is_empty() {
        return leaks;
    }
    let bounded = |secret: &KnownSecret| secret.uniqueness == Uniqueness::Phrase;
    let search = KnownSecretSearch::new(secrets.iter().map(|secret| (secret.text.as_slice(), bounded(secret))));
    let allowed = AllowIndex::of(&resolved.definition, is_valid);
    let gate = LeakScan { resolved, secrets: &secrets, search: &search, allowed };
    gate.check_directories(&mut leaks);
    // a text of every object is reported once
    let mut seen = HashSet::default();
    for object in delivered {
        let mut found = Vec::new();
        walk::visit_texts(object, &mut |spot| gate.check_text(object, spot, &mut found, &mut leaks.accepted));
        let place = |problem: &Diagnostic| problem.labels.first().map(|label| label.place.to_string());
        leaks
            .problems
            .extend(found.into_iter().filter(|problem| seen.insert((problem.message.clone(), place(problem)))));
    }
    leaks
}

/// Values of the secrets of a target, however likely they are met by chance: also parts of structures, and values that
/// a later layer overrode. Sorted, each once, without blanks at both ends.
pub fn secret_values(resolved: &ResolvedTarget, routing: &Routing) -> Vec<Wiping<Vec<u8>>> {
    collect_secrets(resolved, routing).into_iter().map(|secret| secret.text).collect()
}

/// Encodings of a value that do not depend on the encoder, itself among them: base64 at each offset, hexadecimal, the
/// body of a private key on one line.
pub fn encoded_values(secret: &[u8]) -> impl Iterator<Item = Wiping<Vec<u8>>> {
    forms::encode_secret(secret).into_iter().map(|(_, text)| text)
}

/// Search for the secrets of several targets in any text.
pub struct SecretFinder {
    search: KnownSecretSearch,
    has_secrets: bool,
}

impl SecretFinder {
    /// Search for the secrets of these targets, whatever else they may be.
    pub fn of<'a>(targets: impl IntoIterator<Item = (&'a ResolvedTarget, &'a Routing)>) -> Self {
        Self::with_values(targets, &[])
    }

    /// The same, and for other values that must not be shown.
    pub fn with_values<'a>(
        targets: impl IntoIterator<Item = (&'a ResolvedTarget, &'a Routing)>,
        values: &[Wiping<Vec<u8>>],
    ) -> Self {
        let collected = targets.into_iter().map(|(resolved, routing)| collect_secrets(resolved, routing));
        let secrets: Vec<KnownSecret> = collected.flatten().collect();
        let texts =
            secrets.iter().map(|secret| secret.text.as_slice()).chain(values.iter().map(|value| value.as_slice()));
        let search = KnownSecretSearch::new(texts.map(|text| (text, false)));
        Self { search, has_secrets: !(secrets.is_empty() && values.is_empty()) }
    }

    /// Whether a text contains a secret, literally or encoded.
    pub fn finds(&self, text: &[u8]) -> bool {
        self.has_secrets && !self.search.find(text).is_empty()
    }
}

struct LeakScan<'a> {
    resolved: &'a ResolvedTarget,
    secrets: &'a [KnownSecret],
    search: &'a KnownSecretSearch,
    /// Findings that a layer accepts.
    allowed: AllowIndex<'a>,
}

impl LeakScan<'_> {
    /// Checks the names of the output directories `ENVIRONMENT/APP`; the names of the files are in the objects.
    fn check_directories(&self, leaks: &mut FoundLeaks) {
        let definition = &*self.resolved.definition;
        for (what, name) in [("app", definition.app.as_str()), ("environment", definition.environment.as_str())] {
            for hit in self.search.find(name.as_bytes()) {
                let Some(secret) = self.secrets.get(hit.secret) else { continue };
                let diagnostic = report::leak_in_directory(what, secret, hit.form, self.search);
                match self.accepting(None, secret) {
                    Some(accepted) => leaks.accepted.push(AcceptedLeak { accepted, diagnostic }),
                    None => leaks.problems.push(diagnostic),
                }
            }
        }
    }

    fn check_text(
        &self,
        object: &Delivered,
        spot: &TextSite<'_>,
        found: &mut Vec<Diagnostic>,
        accepted: &mut Vec<AcceptedLeak>,
    ) {
        let mut as_written = self.find_hits(object, spot, spot.text);
        let mut decoded = spot.decoded.map_or_else(TextHits::default, |text| self.find_hits(object, spot, text));
        decoded.leaks.retain(|hit| !as_written.leaks.iter().any(|other| other.secret == hit.secret));
        let resolved = self.resolved;
        let told = LeakReport { resolved, definition: &resolved.definition, search: self.search, object, site: spot };
        let of_hit = |hit: &KnownSecretHit| Some(told.diagnostic(self.secrets.get(hit.secret)?, hit.form));
        found.extend(as_written.leaks.iter().chain(&decoded.leaks).filter_map(of_hit));
        as_written.accepted.append(&mut decoded.accepted);
        accepted.extend(as_written.accepted.into_iter().filter_map(|hit| {
            let accepted = self.accepting(entry_of(object, spot), self.secrets.get(hit.secret)?)?;
            Some(AcceptedLeak { accepted, diagnostic: of_hit(&hit)? })
        }));
    }

    /// Secrets in a text that must not contain them, each once.
    fn find_hits(&self, object: &Delivered, spot: &TextSite<'_>, text: &[u8]) -> TextHits {
        let mut hits = self.search.find(text);
        // what a text may contain depends on everything it is derived from
        let lifted = OnceCell::new();
        hits.retain(|hit| {
            let secret = self.secrets.get(hit.secret);
            !secret.is_none_or(|secret| self.may_hold(object, spot, secret, &lifted))
        });
        let is_accepted = |hit: &KnownSecretHit| {
            self.secrets.get(hit.secret).is_some_and(|secret| self.accepting(entry_of(object, spot), secret).is_some())
        };
        let (accepted, leaks) = hits.into_iter().partition(is_accepted);
        TextHits { leaks: search::outermost_hits(leaks), accepted: search::outermost_hits(accepted) }
    }

    /// Whether a text may contain a secret by itself.
    fn may_hold(
        &self,
        object: &Delivered,
        spot: &TextSite<'_>,
        secret: &KnownSecret,
        lifted: &OnceCell<HashSet<TemplateRead>>,
    ) -> bool {
        if secret.owners.iter().any(|owner| is_made_for(object, spot, owner)) {
            return true;
        }
        let lifted = lifted.get_or_init(|| match (spot.entry, spot.manifest) {
            (Some(key), _) => declassified::declassified_in_entry(self.resolved, &entry_id(object, key)),
            (None, Some((manifest, place))) => declassified::declassified_in_manifest(self.resolved, manifest, place),
            (None, None) => HashSet::default(),
        });
        secret.owners.iter().any(|owner| lifted.contains(&owner.read))
    }

    /// Subject for which a layer accepts a secret in a text: the entry with the text, or the secret.
    fn accepting(&self, entry: Option<EntryId>, secret: &KnownSecret) -> Option<TemplateRead> {
        let of_text = entry.map(TemplateRead::Entry);
        let mut subjects = of_text.iter().chain(secret.owners.iter().map(|owner| &owner.read));
        let is_accepted = |read: &&TemplateRead| {
            let (key, bundle) = match read {
                TemplateRead::Entry(id) => (id.key.as_str(), Some(id.bundle.as_str())),
                TemplateRead::Variable(path) => (path.as_str(), None),
            };
            self.allowed.find([report::RULE.id()], key, bundle).is_some()
        };
        subjects.find(is_accepted).cloned()
    }
}

/// Secrets in a text.
#[derive(Default)]
struct TextHits {
    leaks: Vec<KnownSecretHit>,
    /// Those that a layer accepts.
    accepted: Vec<KnownSecretHit>,
}

fn entry_of(object: &Delivered, spot: &TextSite<'_>) -> Option<EntryId> {
    spot.entry.map(|key| entry_id(object, key))
}

fn entry_id(object: &Delivered, key: &str) -> EntryId {
    EntryId { bundle: object.id.base_name.as_str().into(), key: key.into() }
}

/// Whether the text is a literal that a generated ExternalSecret adds to the Secret with the values of a store: that was
/// already decided not to be a secret.
fn is_made_for(object: &Delivered, spot: &TextSite<'_>, owner: &SecretSource) -> bool {
    let TemplateRead::Entry(id) = &owner.read else { return false };
    spot.manifest.is_none()
        && id.bundle.as_str() == object.id.base_name
        && spot.path.keys().starts_with(&["spec", "target", "template"])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::pipeline::{Pipeline, SurveyOptions};
    use crate::project::Project;
    use crate::sops::{Identities, IdentitySources};

    /// The labels of the secrets of a target that the gate does not look for, since what they are is met by
    /// chance. Empty ones are none.
    fn unsearched_secrets(resolved: &ResolvedTarget, routing: &Routing) -> Vec<String> {
        let label = |owner: &SecretSource| match owner.part.as_str() {
            "" => owner.label.clone(),
            part => format!("{} at {part}", owner.label),
        };
        let below = collect_secrets(resolved, routing).into_iter();
        let below = below.filter(|secret| secret.uniqueness == Uniqueness::Common && !secret.text.is_empty());
        let mut labels: Vec<_> = below.flat_map(|secret| secret.owners.iter().map(label).collect::<Vec<_>>()).collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    #[test]
    fn what_is_not_looked_for_can_be_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let base = "app: a\nvars: { smtp: { password: postgres } }\ndata:\n  SHORT_PASSWORD: hunter2\n  LONG_PASSWORD: h7u2n4t9e1r\n  \
                    NO_PASSWORD: ''\n  HOST: db\n  x.json: { content: { token: short1, user: app, mail: \"{{ vars.smtp.password }}\" } }\n";
        for (name, text) in [("base.yaml", base), ("dev.yaml", "")] {
            fs::write(directory.path().join(name), text).expect("a file");
        }
        let project = Project::discover(directory.path()).expect("a project");
        let dev = project.environment("dev").expect("an environment");
        let pipeline = Pipeline::new(&project, Identities::new(IdentitySources::default()));
        let survey = pipeline.survey(
            &project.apps[0],
            SurveyOptions::decrypting(std::slice::from_ref(&dev)),
            &mut Diagnostics::new(),
        );
        let survey = survey.expect("sound layers");
        let resolved = survey.environment(&dev).expect("an environment");
        assert_eq!(unsearched_secrets(resolved, &survey.routing), ["data.SHORT_PASSWORD", "vars.smtp.password"]);
    }
}
