//! `content`: a structure of the layers that becomes the text of one entry.

use std::sync::Arc;

use super::super::content::{self, LeafMode};
use super::super::failure;
use super::super::frame::RenderFrame;
use super::super::{EntryOutcome, ResolvedBytes};
use super::{ErrorReported, ResolveSession};
use crate::diagnostic::{Diagnostic, Rule};
use crate::format::{ConfigFormat, FormatError};
use crate::layer::{Entry, Tree, TreeKind};
use crate::name::EntryId;
use crate::secret::Secret;
use crate::span::Location;

impl ResolveSession {
    pub(super) fn content_outcome(
        self: &Arc<Self>,
        id: &EntryId,
        entry: &Entry,
        tree: &Tree,
        may_render: bool,
        frame: &RenderFrame,
    ) -> Result<EntryOutcome, ErrorReported> {
        let format = self.format_of(id, entry)?;
        let mut builder =
            content::ContentBuilder { session: self, frame, may_render, leaves: LeafMode::Typed, locked: false };
        let structure = builder.build(tree)?;
        let is_locked = builder.locked || frame.is_locked();
        match crate::format::write_config(format, &structure) {
            Err(_) if frame.has_secret() && !is_locked => {
                Err(self.report(failure::withheld_error(id.key.as_str(), &tree.place, "content")))
            }
            Ok(text) if is_locked => Ok(EntryOutcome::Locked(frame.placeholder_for(Some(&text)))),
            Err(_) if is_locked => Ok(EntryOutcome::Locked(frame.placeholder_for(None))),
            Ok(text) => Ok(EntryOutcome::Known(ResolvedBytes::Rendered(Arc::new(Secret::new(text))))),
            Err(error) => {
                // a part that a template made is called by what the layer has of it
                let (place, error) = written_part(tree, error);
                let message = format!("the content of `{}` cannot be written: {error}", id.key);
                Err(self.report(
                    Diagnostic::error(Rule::InvalidContent, message).at_masked(place.clone()).hint(error.hint()),
                ))
            }
        }
    }

    fn format_of(&self, id: &EntryId, entry: &Entry) -> Result<ConfigFormat, ErrorReported> {
        let key = id.key.as_str();
        match &entry.rules.format {
            Some(named) => named.value.parse().map_err(|error: crate::format::UnknownFormat| {
                self.report(
                    Diagnostic::error(Rule::InvalidField, error.to_string())
                        .at(named.place.clone())
                        .maybe_hint(error.hint()),
                )
            }),
            None => ConfigFormat::from_extension(key).ok_or_else(|| {
                let message = format!("`{key}` does not say in which format its content is to be written");
                self.report(
                    Diagnostic::error(Rule::InvalidContent, message)
                        .at(entry.defined.clone())
                        .hint("add `format: yaml` (or json, toml, properties, env, ini), or an extension to the key"),
                )
            }),
        }
    }
}

/// The part of a structure that a writer complains about, as far as a layer has it: what a template makes
/// below that has names of its own, which are no text of any source.
fn written_part(tree: &Tree, error: FormatError) -> (&Location, FormatError) {
    let path = error.path();
    let (mut part, mut depth) = (tree, 0);
    for step in path.steps() {
        let below = match (&part.kind, step) {
            (TreeKind::Map(map), crate::format::PathStep::Key(key)) => map.get(key),
            (TreeKind::List(items), crate::format::PathStep::Index(index)) => items.get(*index),
            _ => None,
        };
        let Some(below) = below else { break };
        (part, depth) = (below, depth + 1);
    }
    let error = if depth == path.steps().len() { error } else { error.within(depth) };
    (&part.place, error)
}
