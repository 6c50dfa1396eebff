//! `hydrator.metadata`: the commit that a tree was rendered from, in the format of Argo CD's source hydrator.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::output;
use septum::atomic;
use septum::budget;
use septum::check;
use septum::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, escape_json};
use septum::disk::{BoundedRoot, Disk, FileReadError, normalize_path, read_named, real_named};
use septum::files::{FileKind, InputQuery, refuse_file, resolve_writable};
use septum::git::{CommitDetails, GitHistory, without_credentials};
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::sort::sort_by;
use septum::visibility::KeyAccess;

/// Name of the file (`hydrator.metadata` of Argo CD, which GitOps Promoter reads).
const FILE: &str = "hydrator.metadata";

/// Trailers of a commit that refer to the commit of another repository, without the field.
const TRAILER: &str = "argocd-reference-commit-";

/// Most files that an error names.
const MOST_NAMES: usize = 5;

/// The commit that a tree was rendered from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HydratorMetadata {
    author: String,
    subject: String,
    date: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    body: String,
    dry_sha: String,
    #[serde(rename = "repoURL", skip_serializing_if = "Option::is_none")]
    repo_url: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<CommitReference>,
}

/// Reference to a commit that led to this one.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct CommitReference {
    commit: ReferencedCommit,
}

/// Commit of another repository.
#[derive(Debug, Default, Serialize, PartialEq, Eq)]
struct ReferencedCommit {
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha: Option<String>,
    #[serde(rename = "repoURL", skip_serializing_if = "Option::is_none")]
    repo_url: Option<String>,
}

impl HydratorMetadata {
    /// The last commit of a project that changed more than the tree, and must have its sources as they are. Warnings:
    /// trailers that are not valid.
    pub(super) fn of_project(pipeline: &Pipeline<'_>, dir: &Path) -> Result<(Self, Diagnostics), Diagnostics> {
        let project = pipeline.library.project;
        let root = project.files.root();
        let history = GitHistory::find(root)?.ok_or_else(|| {
            Diagnostic::error(Rule::Git, format!("`{FILE}` names a commit, and there is none"))
                .note("the project is not in a repository of Git, or nothing is committed yet")
                .hint("render without `--metadata`")
        })?;
        let absolute = std::path::absolute(dir).map_or_else(|_| dir.to_path_buf(), |dir| normalize_path(&dir));
        let output = real_named(&absolute);
        refuse_uncommitted(pipeline, &history, &output)?;
        // a commit of the tree itself would make it differ from its own metadata
        let commit = history.last_outside(&output)?;
        let CommitDetails { author, date, message } = history.details(&commit)?;
        let (subject, body) = message.split_once('\n').unwrap_or((&message, ""));
        let (body, references, warnings) = split_trailers(body);
        let metadata = Self {
            author,
            subject: subject.trim().to_owned(),
            date,
            body,
            dry_sha: commit,
            repo_url: history.origin()?,
            references,
        };
        Ok((metadata, warnings))
    }

    /// Writes the file to a tree, unless it is there already.
    pub(super) fn write(&self, dir: &Path) -> Result<(), Diagnostics> {
        let path = dir.join(FILE);
        let name = output::shown_path(&path);
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        let text = escape_json(&json).into_owned() + "\n";
        match read_named(&path, FileKind::Output.limit()) {
            Ok(old) if old == text.as_bytes() => return Ok(()),
            Ok(_) | Err(FileReadError::Missing) => {}
            Err(refusal) => return Err(refuse_file(&refusal, FileKind::Output, &name).into()),
        }
        let path = resolve_writable(&path, &name)?;
        atomic::replace_file(&path, text.as_bytes()).map_err(|error| Diagnostic::unwritable(&name, &error).into())
    }
}

/// Error: sources differ from the commit that would be named.
fn refuse_uncommitted(pipeline: &Pipeline<'_>, history: &GitHistory, output: &Path) -> Result<(), Diagnostic> {
    let project = pipeline.library.project;
    let bounds = BoundedRoot::new(Disk::default(), project.files.root()).ok();
    let is_output =
        |path: &Path| path.starts_with(output) || bounds.as_ref().is_some_and(|bounds| check::is_of_tree(bounds, path));
    let sources: Vec<_> =
        project.apps.iter().map(|app| app.directory.as_path()).chain(project.shared.as_deref()).collect();
    let mut changed = history.uncommitted_files(project.files.root())?;
    // what is read is a source, whether Git ignores it or not
    let read: Vec<_> = project.layer_files().into_iter().chain(read_files(pipeline)).collect();
    let mut unknown = history.unknown_files(&read)?;
    sort_by(&mut unknown, |a, b| a.path.cmp(&b.path));
    unknown.dedup();
    unknown.retain(|file| !changed.contains(file));
    changed.extend(unknown);
    // anything may lie beside the sources, and the output is about to change
    changed.retain(|file| {
        let is_source = file.is_tracked || sources.iter().any(|directory| file.path.starts_with(directory));
        is_source && !is_output(&file.path)
    });
    if changed.is_empty() {
        return Ok(());
    }
    let message = format!("`{FILE}` would name a commit that does not have these sources");
    let mut error = Diagnostic::error(Rule::Git, message).with_failure(FailureKind::Invalid);
    for file in changed.iter().take(MOST_NAMES) {
        error = error.note(format!("`{}` is not committed", project.files.name(&file.path)));
    }
    if changed.len() > MOST_NAMES {
        error = error.note(format!("and {} more", changed.len() - MOST_NAMES));
    }
    Err(error.note("nothing was written").hint("commit the sources first, or render without `--metadata`"))
}

/// Mixins, and the files that layers and templates name. Errors are those of the render.
fn read_files(pipeline: &Pipeline<'_>) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for app in &pipeline.library.project.apps {
        let (mut problems, mut locked) = (Diagnostics::new(), BTreeMap::new());
        let options = SurveyOptions::showing(&app.environments, KeyAccess::Decrypt).as_far_as_known(&mut locked);
        let Some(survey) = pipeline.survey(app, options, &mut problems) else { continue };
        for resolved in &survey.environments {
            found.extend(resolved.definition.candidates.iter().cloned());
            found.extend(resolved.files.recorded_queries().into_iter().filter_map(|query| match query {
                InputQuery::File(path) => Some(path),
                InputQuery::Matching(..) => None,
            }));
        }
    }
    // the render has its own
    budget::reset_budgets();
    found
}

/// The body of a message without the trailers of references, these references, and warnings of those that are not valid.
///
/// A trailer that repeats one begins the next reference.
fn split_trailers(message: &str) -> (String, Vec<CommitReference>, Diagnostics) {
    let (mut body, mut references, mut warnings) = (Vec::new(), Vec::new(), Diagnostics::new());
    let mut current = ReferencedCommit::default();
    for line in message.lines() {
        let trailer = line.split_once(':').and_then(|(key, value)| {
            let key = key.to_ascii_lowercase();
            Some((key.strip_prefix(TRAILER)?.to_owned(), value.trim()))
        });
        let Some((field, value)) = trailer else {
            body.push(line.trim_end());
            continue;
        };
        let Some(value) = read_trailer(&field, value) else {
            warnings.push(
                Diagnostic::warning(Rule::Git, "a trailer of the current commit is not valid, and was left out")
                    .note("it begins with `Argocd-reference-commit-`")
                    .hint("`author`, `sha`, `subject`, `body` (as JSON), `repourl` and `date` (RFC 3339) are known"),
            );
            continue;
        };
        if current.slot(&field).is_some_and(|slot| slot.is_some()) {
            references.push(CommitReference { commit: std::mem::take(&mut current) });
        }
        if let Some(slot) = current.slot(&field) {
            *slot = Some(value);
        }
    }
    if current != ReferencedCommit::default() {
        references.push(CommitReference { commit: current });
    }
    let text = body.join("\n");
    (text.trim_matches('\n').to_owned(), references, warnings)
}

impl ReferencedCommit {
    /// The value of a trailer, by its field.
    fn slot(&mut self, field: &str) -> Option<&mut Option<String>> {
        match field {
            "author" => Some(&mut self.author),
            "date" => Some(&mut self.date),
            "subject" => Some(&mut self.subject),
            "body" => Some(&mut self.body),
            "sha" => Some(&mut self.sha),
            "repourl" => Some(&mut self.repo_url),
            _ => None,
        }
    }
}

/// The value of a trailer, if it is valid: readers of the file refuse it as a whole otherwise.
fn read_trailer(field: &str, value: &str) -> Option<String> {
    let is_valid = match field {
        "sha" => (5..=64).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "date" => is_date(value),
        "body" => return serde_json::from_str(value).ok(),
        "repourl" => return Some(without_credentials(value)).filter(|url| !url.is_empty()),
        "author" | "subject" => !value.is_empty(),
        _ => false,
    };
    is_valid.then(|| value.to_owned())
}

/// Whether a text has the form of a date and time in RFC 3339.
fn is_date(text: &str) -> bool {
    let shape: String = text.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else { return false };
    let zone = match rest.strip_prefix('.') {
        Some(fraction) if fraction.starts_with('0') => fraction.trim_start_matches('0'),
        Some(_) => return false,
        None => rest,
    };
    matches!(zone, "Z" | "+00:00" | "-00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_are_references() {
        let message = "\nWhy.\n\nArgocd-reference-commit-sha: abcdef1\nargocd-reference-commit-author: A <a@b.org>\n\
            Argocd-reference-commit-body: \"x\\ny\"\nArgocd-reference-commit-date: 2027-01-31T10:00:00-04:00\n\
            Argocd-reference-commit-sha: abcdef2\nSigned-off-by: A <a@b.org>\n";
        let (body, references, warnings) = split_trailers(message);
        assert_eq!(body, "Why.\n\nSigned-off-by: A <a@b.org>");
        assert_eq!(references.len(), 2);
        assert_eq!(references[0].commit.body.as_deref(), Some("x\ny"));
        assert_eq!(references[1].commit.sha.as_deref(), Some("abcdef2"));
        assert!(warnings.is_empty());
    }

    #[test]
    fn trailers_that_no_reader_accepts_are_left_out() {
        for line in ["sha: xyz", "sha: abc", "date: yesterday", "body: no JSON", "author:", "colour: red"] {
            let (body, references, warnings) = split_trailers(&format!("Argocd-reference-commit-{line}"));
            assert!(body.is_empty() && references.is_empty() && warnings.len() == 1, "{line}");
        }
    }

    #[test]
    fn dates_are_those_of_rfc_3339() {
        for (text, expected) in [
            ("2027-01-31T10:00:00Z", true),
            ("2027-01-31T10:00:00.123+02:00", true),
            ("2027-01-31T10:00:00-04:00", true),
            ("2027-01-31", false),
            ("2027-01-31T10:00:00", false),
            ("2027-01-31T10:00:00.Z", false),
            ("2027-01-31 10:00:00 +0200", false),
        ] {
            assert_eq!(is_date(text), expected, "{text}");
        }
    }
}
