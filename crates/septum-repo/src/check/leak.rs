//! Credentials in plaintext in files that Git has.

mod manifests;
mod operations;

use std::ops::Range;

use super::remedy::Fix;
use super::rules::{self, UserRules};
use super::tag::TagKey;
use crate::diagnostic::{Diagnostic, Rule, shell_word};
use crate::disk::normalize_path;
use crate::files::FileKind;
use crate::layer::{Definition, Entry, EntrySource, LayerChange, LayerRole, Tree};
use crate::map::HashSet;
use crate::name::EntryId;
use crate::pipeline::Survey;
use crate::project::{SECRETS, secrets_file_name};
use crate::resolve::ResolvedTarget;
use crate::route::detect::{self, Certainty, Detection, TextKind};
use crate::span::Location;
use crate::yaml::node::Scalar;

/// A credential in plaintext, and its tag.
pub(super) struct PlaintextCredential {
    pub(super) diagnostic: Diagnostic,
    pub(super) entry: Option<EntryId>,
    /// The detector that found it, by the name that `allow` uses.
    pub(super) detector: Option<&'static str>,
    /// Tag of the value in a baseline.
    pub(super) tag: Option<String>,
    pub(super) fix: Option<Fix>,
}

/// Declared sensitivity of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum DeclaredSensitivity {
    Nothing,
    Sensitive,
    Plain,
}

impl DeclaredSensitivity {
    fn of(entry: &Entry) -> Self {
        match entry.rules.sensitive.as_ref().map(|declared| declared.value) {
            None => Self::Nothing,
            Some(true) => Self::Sensitive,
            Some(false) => Self::Plain,
        }
    }
}

/// Searches the files of an app for credentials. Shared layers are searched once.
pub(super) struct CredentialSearch<'a> {
    rules: &'a [UserRules],
    survey: &'a Survey,
    tags: Option<&'a TagKey>,
    judged_texts: HashSet<(String, usize, DeclaredSensitivity)>,
    /// Values in manifests that were reported.
    reported: HashSet<(String, usize)>,
    pub(super) leaks: Vec<PlaintextCredential>,
}

impl<'a> CredentialSearch<'a> {
    pub(super) fn new(survey: &'a Survey, rules: &'a [UserRules], tags: Option<&'a TagKey>) -> Self {
        Self { rules, survey, tags, judged_texts: HashSet::default(), reported: HashSet::default(), leaks: Vec::new() }
    }

    /// Searches the layers of an environment, and the files that they name.
    ///
    /// The declaration of an entry decides what counts as a credential: for one that is declared sensitive, any value
    /// of its own; for one that is declared plain, only a value that a detector is certain of.
    pub(super) fn search_environment(&mut self, resolved: &ResolvedTarget) {
        let definition = &*resolved.definition;
        for (id, _, entry) in definition.entries() {
            let declared = DeclaredSensitivity::of(entry);
            let text_kind = TextKind::of_rule(entry.rules.template.as_ref().map(|rule| rule.value));
            for step in &entry.history {
                let LayerChange::Source(source) = &step.change else { continue };
                let subject = CredentialSubject {
                    definition,
                    id: Some(&id),
                    place: &step.place,
                    part: None,
                    file: None,
                    text_kind,
                };
                match source {
                    EntrySource::Value(scalar) if is_open(scalar) => {
                        self.judge_text(subject, id.key.as_str(), scalar.text(), declared);
                    }
                    EntrySource::Content(tree) | EntrySource::Registries(tree) => self.search_tree(tree, "", subject),
                    EntrySource::File(path) | EntrySource::Template(path) => {
                        let (kind, text_kind) = match source {
                            EntrySource::Template(_) => (FileKind::Template, TextKind::Template),
                            _ => (FileKind::EntryFile, TextKind::Literal),
                        };
                        // a file that the reader refused is not searched either
                        let bytes = resolved.files.read_bytes(kind, path).ok();
                        let text = bytes.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
                        let name = resolved.files.name(&normalize_path(path));
                        if let Some(text) = text {
                            let subject = CredentialSubject { file: Some(&name), text_kind, ..subject };
                            self.judge_text(subject, id.key.as_str(), text, declared);
                        }
                    }
                    EntrySource::Value(_) | EntrySource::Ref(_) => {}
                }
            }
        }
        if let Some(vars) = &definition.vars {
            let subject = CredentialSubject {
                definition,
                id: None,
                place: &vars.place,
                part: None,
                file: None,
                text_kind: TextKind::Template,
            };
            self.search_tree(vars, "vars", subject);
        }
        self.search_manifests(resolved);
    }

    /// Searches the leaves of a structure, each by its own key.
    fn search_tree(&mut self, tree: &Tree, path: &str, subject: CredentialSubject<'_>) {
        tree.leaves(path, &mut |path, leaf, scalar| {
            if is_open(scalar) && !detect::is_name_by_place(path, scalar.text()) {
                let subject = CredentialSubject { place: &leaf.place, part: Some(path), ..subject };
                self.judge_text(subject, last_key(path), scalar.text(), DeclaredSensitivity::Nothing);
            }
        });
    }

    /// Searches a text once, however often it occurs.
    fn judge_text(&mut self, subject: CredentialSubject<'_>, key: &str, text: &str, declared: DeclaredSensitivity) {
        let place = subject.place;
        if !self.judged_texts.insert((place.source.name().to_owned(), place.span.start, declared)) {
            return;
        }
        let file = subject.file.unwrap_or(place.source.name());
        if let Some(why) = self.find_evidence(key, (text, subject.text_kind), declared, file) {
            // a credential that is declared plain is a contradiction that the user has to resolve
            let whole = subject.id.filter(|_| subject.part.is_none() && subject.file.is_none());
            let whole = whole.filter(|_| declared != DeclaredSensitivity::Plain);
            // of a file that nothing names, it is not certain that it is a layer
            let whole = whole.filter(|_| subject.definition.role() != LayerRole::Mixin);
            let remedy = whole.and_then(|id| Fix::move_away(self.survey, subject.definition, id, place));
            let told = subject.leak_diagnostic(&why, text, remedy.is_some());
            self.report_leak(told, subject.id, &why, text, remedy);
        }
    }

    /// Evidence that a text is a credential. Custom rules apply where the detectors find nothing.
    fn find_evidence(
        &self,
        key: &str,
        (text, kind): (&str, TextKind),
        declared: DeclaredSensitivity,
        file: &str,
    ) -> Option<CredentialEvidence> {
        let detection = detect::classify(key, Some(text), kind);
        if is_leak(&detection, key, (text, kind), declared) {
            return Some(CredentialEvidence::from_detection(detection));
        }
        let reasons = rules::find_reasons(self.rules, key, text, file)?;
        Some(CredentialEvidence { notes: reasons.texts, detector: None, range: Some(reasons.range) })
    }

    fn report_leak(
        &mut self,
        diagnostic: Diagnostic,
        entry: Option<&EntryId>,
        why: &CredentialEvidence,
        text: &str,
        remedy: Option<Fix>,
    ) {
        let tag = self.tags.map(|key| key.tag(text));
        self.leaks.push(PlaintextCredential {
            diagnostic,
            entry: entry.cloned(),
            detector: why.detector,
            tag,
            fix: remedy,
        });
    }
}

/// Evidence that a text is a credential.
struct CredentialEvidence {
    notes: Vec<String>,
    detector: Option<&'static str>,
    /// Range of it in the text.
    range: Option<Range<usize>>,
}

impl CredentialEvidence {
    fn from_detection(detection: Detection) -> Self {
        let reasons = detection.reasons();
        let note = if reasons.is_empty() {
            "it is declared sensitive, and this is a literal value".to_owned()
        } else {
            format!("it looks like a credential: {}", reasons.join("; "))
        };
        let (detector, range) = detection.by_value.map_or((None, None), |hit| (Some(hit.detector), hit.range));
        Self { notes: vec![note], detector, range }
    }

    fn add_notes(&self, diagnostic: Diagnostic) -> Diagnostic {
        self.notes.iter().fold(diagnostic, Diagnostic::note)
    }
}

/// Context of a text.
#[derive(Clone, Copy)]
struct CredentialSubject<'a> {
    definition: &'a Definition,
    id: Option<&'a EntryId>,
    place: &'a Location,
    /// Its path in a structure.
    part: Option<&'a str>,
    /// The file whose content it is.
    file: Option<&'a str>,
    /// Kind of the text: whether the engine renders it.
    text_kind: TextKind,
}

const ROTATE: &str = "rotate the credential at its issuer: Git history keeps what was committed";

impl CredentialSubject<'_> {
    fn leak_diagnostic(&self, why: &CredentialEvidence, text: &str, is_movable: bool) -> Diagnostic {
        let entry = self.id.map(|id| self.definition.label(id));
        let label = match (&entry, self.part) {
            (Some(entry), Some(part)) => format!("`{part}` of `{entry}`"),
            (Some(entry), None) => format!("`{entry}`"),
            (None, part) => format!("`{}`", part.unwrap_or("vars")),
        };
        let error = why
            .add_notes(Diagnostic::error(Rule::PlaintextSecret, format!("{label} contains a credential in plaintext")));
        let line = why
            .range
            .as_ref()
            .and_then(|range| text.get(..range.start))
            .map_or(1, |before| before.matches('\n').count() + 1);
        let error = match self.file {
            Some(file) => error.note(format!("in `{file}`, line {line}")).at(self.place.clone()),
            None => error.at_masked(self.place.clone()),
        };
        let name = self.place.source.name();
        let error = match (self.id, self.part, self.file) {
            (Some(_), None, None) if is_movable => {
                error.hint("run `septum check --fix` to move it into an encrypted layer")
            }
            (Some(_), None, None) if name.ends_with(SECRETS) => {
                error.hint(format!("run `septum encrypt {}` to encrypt the file", shell_word(name)))
            }
            (Some(id), None, None) if self.definition.role() == LayerRole::Environment => error.hint(format!(
                "run `septum set {}` to store it in an encrypted layer, then remove it here",
                self.definition.command_words(self.definition.environment.as_str(), id)
            )),
            (Some(_), None, None) => {
                let half = secrets_file_name(name.strip_suffix(".yaml").unwrap_or(name));
                error
                    .hint(format!("run `septum edit {}` to store it encrypted, then remove it here", shell_word(&half)))
            }
            (Some(_), _, Some(_)) => error.hint(
                "make the file a template that reads `{{ data.KEY }}`, and store the value in an encrypted layer",
            ),
            _ => error.hint("move it into an encrypted layer with `septum edit`"),
        };
        error.hint(ROTATE)
    }
}

/// Whether a text is readable without a key.
fn is_open(scalar: &Scalar) -> bool {
    !scalar.encrypted && !scalar.locked && !scalar.is_null()
}

fn is_leak(detection: &Detection, key: &str, (text, kind): (&str, TextKind), declared: DeclaredSensitivity) -> bool {
    match declared {
        DeclaredSensitivity::Sensitive => detect::is_literal(key, text, kind),
        DeclaredSensitivity::Plain => {
            detection.by_value.as_ref().is_some_and(|hit| hit.certainty == Certainty::Certain)
        }
        DeclaredSensitivity::Nothing => {
            detection.by_value.is_some() || (detection.name_decides() && detect::is_literal(key, text, kind))
        }
    }
}

/// The key that names a leaf: the last one of its path.
fn last_key(path: &str) -> &str {
    path.rsplit(['.', '[']).find(|part| !part.ends_with(']')).unwrap_or(path)
}
