//! Values that wait in `ENV.incoming.secrets.yaml` for somebody with a key of the environment.
//!
//! The file is encrypted for the recipients of `ENV.secrets.yaml`, so whoever writes it need not be able to read it. Its
//! field `promotion` has the origin of the values, `FROM: COMMIT`: the name is a key, which stays readable, so that a
//! later promotion without a key can tell whether it may replace the file. `KEY: null` stands for a value that is
//! removed.

use super::draft::{EditFailure, PromotionDraft};
use super::entry::put_item;
use super::excerpt::LayerExcerpt;
use super::history::PromotionHistory;
use super::item::{PromotedItem, list_items, place_item};
use super::outcome::{PromotionRow, PromotionSource};
use super::own_file::{OwnFile, Protection, edit_failure, read_incoming};
use super::request::PromotionRequest;
use super::tree_edit::DraftStep;
use super::unpromoted::fields_without_items;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::files::{FileKind, ProjectFiles};
use crate::name::{EnvironmentName, wrong_dns_label};
use crate::project::App;
use crate::yaml::node::{Scalar, YamlNode};

/// Field of the file that has the origin of its values.
const ORIGIN: &str = "promotion";

/// The incoming file of an environment, which need not exist.
pub(super) struct IncomingValues {
    pub(super) file: OwnFile,
}

impl IncomingValues {
    /// Reads the file. Nothing is decrypted.
    pub(super) fn read(files: &ProjectFiles, app: &App, environment: &EnvironmentName) -> Result<Self, Diagnostics> {
        let incoming = Self { file: read_incoming(files, app, environment)? };
        if incoming.file.bytes.is_some() {
            incoming.check_fields()?;
            incoming.check_link(files)?;
        }
        Ok(incoming)
    }

    /// The items that wait.
    pub(super) fn items(&self, app: &str) -> Vec<PromotedItem> {
        list_items(self.file.structure(), app)
    }

    /// The environment whose values wait; none if there is no file.
    pub(super) fn environment(&self) -> Result<Option<EnvironmentName>, Diagnostic> {
        if self.file.bytes.is_none() {
            return Ok(None);
        }
        let origin = self.file.structure().as_map().and_then(|fields| fields.get(ORIGIN)?.as_map());
        let mut names = origin.into_iter().flatten().map(|(key, _)| key.text.as_str());
        match (names.next(), names.next()) {
            (Some(name), None) if wrong_dns_label(name).is_none() => Ok(Some(name.into())),
            _ => Err(self.invalid()),
        }
    }

    /// The origin of the values of a file that was decrypted; none if there is no file.
    pub(super) fn source(&self) -> Result<Option<PromotionSource>, Diagnostic> {
        let Some(environment) = self.environment()? else { return Ok(None) };
        let origin = self.file.root().as_map().and_then(|fields| fields.get(ORIGIN)?.as_map());
        let commit = origin.and_then(|origin| origin.get(environment.as_str())).and_then(YamlNode::as_scalar);
        let commit = commit.map(Scalar::text).unwrap_or_default();
        let is_commit = commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !(is_commit || commit.is_empty()) {
            return Err(self.invalid());
        }
        Ok(Some(PromotionSource { environment, commit: is_commit.then(|| commit.to_owned()) }))
    }

    /// Refuses a file with anything that is not merged: it would be lost with the file.
    fn check_fields(&self) -> Result<(), Diagnostic> {
        let unknown = fields_without_items(self.file.structure(), &[ORIGIN]);
        if unknown.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = unknown.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("`{}` has fields that cannot be merged: {}", self.file.name, names.join(", "));
        Err(Diagnostic::error(Rule::PromotionBlocked, message)
            .note("`septum promote --stage` does not write them, and they would be lost with the file")
            .hint("move them to the layer of the environment, or remove them"))
    }

    /// Refuses a link, through which another file would be replaced, or which would stay without its file.
    fn check_link(&self, files: &ProjectFiles) -> Result<(), Diagnostic> {
        let real = files.writable_path(FileKind::Layer, &self.file.path)?;
        let directory = self.file.path.parent().and_then(|directory| files.real_directory(directory).ok());
        let own = directory.zip(self.file.path.file_name()).map(|(directory, name)| directory.join(name));
        if own.is_none_or(|own| own == real) {
            return Ok(());
        }
        let message = format!("`{}` is a link to another file", self.file.name);
        Err(Diagnostic::error(Rule::PromotionBlocked, message).hint("remove the link, then stage the values again"))
    }

    /// Refuses a file in plaintext, in which anybody could have written a value.
    pub(super) fn check_encrypted(&self) -> Result<(), Diagnostic> {
        if self.file.protection == Protection::Encrypted {
            return Ok(());
        }
        let name = &self.file.name;
        Err(Diagnostic::error(Rule::NotEncrypted, format!("`{name}` is not encrypted, so its values are not merged"))
            .hint("remove it, stage the values again, and rotate the secrets in it"))
    }

    fn invalid(&self) -> Diagnostic {
        let message = format!("`{}` was not written by `septum promote --stage`", self.file.name);
        Diagnostic::error(Rule::PromotionBlocked, message)
            .note("its field `promotion` does not name the environment and the commit that its values come from")
            .hint("remove it, then stage the values again")
    }

    /// A new plaintext of the file, without values yet.
    pub(super) fn new_draft(
        &self,
        request: &PromotionRequest<'_>,
        app: &App,
        history: &PromotionHistory<'_>,
    ) -> Result<PromotionDraft, Diagnostics> {
        let is_committed = history.uncommitted(app, request.from)?.is_empty();
        let commit = history.head().filter(|_| is_committed).unwrap_or_default();
        let text = format!("{ORIGIN}:\n  \"{}\": \"{commit}\"\n", request.from);
        PromotionDraft::read(&self.file.name, &text).map_err(|failure| edit_failure(&self.file.name, failure).into())
    }

    /// Adds a value to a plaintext of the file, or notes that the value of `to` is removed.
    pub(super) fn put(
        draft: &mut PromotionDraft,
        item: &PromotedItem,
        app: &str,
        value: Option<&LayerExcerpt>,
        hidden: &mut Vec<Vec<DraftStep>>,
    ) -> Result<(), EditFailure> {
        let path = place_item(draft.root(), item, app);
        match value {
            Some(excerpt) => {
                put_item(draft, item, &path, excerpt)?;
                hidden.push(path);
                Ok(())
            }
            None => {
                let null = PromotionDraft::read("null", "null\n")?;
                let key = path.iter().rev().find_map(|step| match step {
                    DraftStep::Key(key) => Some(key.clone()),
                    DraftStep::Item(_) => None,
                });
                draft.put(&path, &LayerExcerpt::in_one_line(key.as_deref(), null.root()))
            }
        }
    }

    /// Refuses values of an environment from which nothing can be promoted.
    pub(super) fn check_origin(
        &self,
        source: &EnvironmentName,
        app: &App,
        to: &EnvironmentName,
    ) -> Result<(), Diagnostic> {
        let why = if source == to {
            "which is the environment that they wait for".to_owned()
        } else if app.environments.contains(source) {
            return Ok(());
        } else {
            "which the app does not have".to_owned()
        };
        let message = format!("the values in `{}` come from `{source}`, {why}", self.file.name);
        Err(Diagnostic::error(Rule::PromotionBlocked, message).hint("remove it, then stage the values again"))
    }

    /// Refuses to replace values of another environment.
    pub(super) fn check_source(&self, request: &PromotionRequest<'_>) -> Result<(), Diagnostic> {
        match self.environment()? {
            Some(other) if other != *request.from => {
                let message = format!("`{}` has values of `{other}`, which still wait", self.file.name);
                Err(Diagnostic::error(Rule::PromotionBlocked, message)
                    .hint(format!("`septum promote {} --staged` merges them, with a key", request.to))
                    .hint("to decline them, remove the file"))
            }
            _ => Ok(()),
        }
    }

    /// Error for a value that would be changed while another one for it waits.
    pub(super) fn still_waits(&self, row: &PromotionRow, app: &str, request: &PromotionRequest<'_>) -> Diagnostic {
        let message = format!("a value of `{}` still waits in `{}`", row.name, self.file.name);
        let error = Diagnostic::error(Rule::PromotionBlocked, message);
        let error = match self.file.place(&row.item, app) {
            Some(place) => error.at_masked(place),
            None => error,
        };
        error
            .note("merged later, it would replace the one that is promoted now")
            .hint(format!("merge it first: `septum promote {} --staged`", request.to))
            .hint("to decline it, remove the file")
    }
}
