//! Environments of which a layer cannot be read: what the others say about them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Pipeline;
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::layer::{Definition, EntryHistoryStep, EntrySource, LayerChange};
use crate::name::EntryId;
use crate::parallel::{self, CaughtPanic};
use crate::resolve::{self, DocumentCache, ManifestMode, ResolvedTarget};
use crate::visibility::KeyAccess;

/// An environment as far as its layers could be read, as seen without keys.
#[derive(Debug)]
pub struct PartialTarget {
    /// Its values, of which those that the missing layer affects are wrong.
    pub resolved: ResolvedTarget,
    /// Files without which layers are missing: they could not be read, or name a layer that does not exist.
    pub missing: BTreeSet<String>,
    /// Files of the layers below the missing one: what they define is known.
    known: BTreeSet<String>,
}

impl PartialTarget {
    pub(super) fn new(resolved: ResolvedTarget, missing: BTreeSet<String>, known: BTreeSet<String>) -> Self {
        Self { resolved, missing, known }
    }

    /// Whether a problem is in a layer that no missing one affects.
    pub(super) fn is_known(&self, problem: &Diagnostic) -> bool {
        problem.labels.first().is_some_and(|label| self.known.contains(label.place.source.name()))
    }

    /// Whether an entry has a value of its own that no missing layer affects.
    pub(super) fn has_known_value(&self, id: &EntryId) -> bool {
        let Some(entry) = self.resolved.definition.entry(id) else { return false };
        let is_known = entry.history.iter().all(|step| self.known.contains(step.place.source.name()));
        let own = self.resolved.definition.environment.as_str();
        let is_own = |step: &EntryHistoryStep| {
            step.layer.as_str() == own && matches!(step.change, LayerChange::Source(EntrySource::Value(_)))
        };
        is_known && entry.history.last().is_some_and(is_own)
    }
}

impl Pipeline<'_> {
    /// Resolves a definition that lacks layers. Reports what is wrong with the files that it names, but not what may
    /// follow from the missing layers.
    pub(super) fn resolve_partial(
        &self,
        definition: Definition,
        documents: &Arc<DocumentCache>,
        problems: &mut Diagnostics,
    ) -> Result<ResolvedTarget, CaughtPanic> {
        let engine = self.create_engine(documents, KeyAccess::PublicView);
        let mut found = Diagnostics::new();
        let resolved =
            parallel::catch_panic(|| resolve::resolve(&engine, definition, ManifestMode::Rendered, &mut found))?;
        problems.extend(found.into_iter().filter(is_about_file));
        Ok(resolved)
    }
}

/// Whether a problem is that of a file by itself, whatever the values are.
fn is_about_file(problem: &Diagnostic) -> bool {
    problem.rule.is_of_yaml()
        || matches!(
            problem.rule,
            Rule::MissingFile
                | Rule::OutsideProject
                | Rule::FileTooBig
                | Rule::Unreadable
                | Rule::NotUtf8
                | Rule::TemplateSyntax
                | Rule::SopsMetadata
                | Rule::SopsVersion
                | Rule::Bug
        )
}
