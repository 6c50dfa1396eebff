//! `content`: a structure of the layers that becomes the text of one entry.

use std::sync::Arc;

use super::super::content::{self, Leaves};
use super::super::failure;
use super::super::frame::Frame;
use super::super::{Final, Outcome};
use super::{Reported, Session};
use crate::diagnostic::Diagnostic;
use crate::format::{Format, FormatError};
use crate::layer::{Entry, Tree, TreeKind};
use crate::name::EntryId;
use crate::secret::Secret;
use crate::span::Place;

impl Session {
    pub(super) fn content(
        self: &Arc<Self>,
        id: &EntryId,
        entry: &Entry,
        tree: &Tree,
        may_render: bool,
        frame: &Frame,
    ) -> Result<Outcome, Reported> {
        let format = self.format_of(id, entry)?;
        let mut builder = content::Builder { session: self, frame, may_render, leaves: Leaves::Typed, locked: false };
        let structure = builder.build(tree)?;
        let is_locked = builder.locked || frame.is_locked();
        match crate::format::write(format, &structure) {
            Err(_) if frame.has_secret() && !is_locked => {
                Err(self.report(failure::withheld(id.key.as_str(), &tree.place, "content")))
            }
            Ok(text) if is_locked => Ok(Outcome::Locked(frame.shadow(Some(&text)))),
            Err(_) if is_locked => Ok(Outcome::Locked(frame.shadow(None))),
            Ok(text) => Ok(Outcome::Known(Final::Rendered(Arc::new(Secret::new(text))))),
            Err(error) => {
                // a part that a template made is called by what the layer has of it
                let (place, error) = written_part(tree, error);
                let message = format!("the content of `{}` cannot be written: {error}", id.key);
                Err(self
                    .report(Diagnostic::error("invalid-content", message).at_hidden(place.clone()).hint(error.hint())))
            }
        }
    }

    fn format_of(&self, id: &EntryId, entry: &Entry) -> Result<Format, Reported> {
        let key = id.key.as_str();
        match &entry.rules.format {
            Some(named) => named.value.parse().map_err(|error: crate::format::UnknownFormat| {
                self.report(
                    Diagnostic::error("invalid-field", error.to_string())
                        .at(named.place.clone())
                        .maybe_hint(error.hint()),
                )
            }),
            None => Format::from_extension(key).ok_or_else(|| {
                let message = format!("`{key}` does not say in which format its content is to be written");
                self.report(
                    Diagnostic::error("invalid-content", message)
                        .at(entry.defined.clone())
                        .hint("add `format: yaml` (or json, toml, properties, env, ini), or an extension to the key"),
                )
            }),
        }
    }
}

/// The part of a structure that a writer complains about, as far as a layer has it: what a template makes
/// below that has names of its own, which are no text of any source.
fn written_part(tree: &Tree, error: FormatError) -> (&Place, FormatError) {
    let path = error.path();
    let (mut part, mut depth) = (tree, 0);
    for step in path.steps() {
        let below = match (&part.kind, step) {
            (TreeKind::Map(map), crate::format::Step::Key(key)) => map.get(key),
            (TreeKind::List(items), crate::format::Step::Index(index)) => items.get(*index),
            _ => None,
        };
        let Some(below) = below else { break };
        (part, depth) = (below, depth + 1);
    }
    let error = if depth == path.steps().len() { error } else { error.within(depth) };
    (&part.place, error)
}
