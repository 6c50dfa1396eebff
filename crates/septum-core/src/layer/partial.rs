//! Definition of an environment of which a layer cannot be read.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::definition::Definition;
use super::{Layer, LayerCache, LayerRole};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::name::EnvironmentName;
use crate::project::App;
use crate::sort::CollectSorted;
use crate::visibility::KeyAccess;

/// Definition of an environment without the layers that could not be read, as seen without keys.
#[derive(Debug)]
pub struct PartialDefinition {
    /// The definition.
    pub definition: Definition,
    /// Files that could not be read or decrypted, or that name a layer that does not exist.
    pub unread: BTreeSet<String>,
    /// Those of them without which layers are missing, and not only values.
    pub missing: BTreeSet<String>,
    /// Files of the layers below the lowest missing one; none if only values are unknown.
    pub known: Option<BTreeSet<String>>,
}

impl LayerCache<'_> {
    /// Merges what can be read of an environment whose layers cannot all be read with this access.
    ///
    /// A layer above the lowest missing one may define keys, which perhaps the missing one defines. Problems of such
    /// layers are not reported, since they may be consequences.
    pub fn merge_readable(
        &self,
        app: &App,
        environment: &EnvironmentName,
        access: KeyAccess,
        problems: &mut Diagnostics,
    ) -> PartialDefinition {
        // their problems were reported
        let unread = self.stack_layers(app, environment, access, &mut Diagnostics::new()).unread;
        let mut stack = self.stack_layers(app, environment, KeyAccess::PublicView, &mut Diagnostics::new());
        if stack.unread.is_empty() {
            let definition = self.merge_stack(app, environment, &stack.layers, problems);
            return PartialDefinition { definition, unread, missing: stack.unread, known: None };
        }
        let known = stack.layers.iter().take(stack.known).map(|layer| layer.source.name().to_owned());
        let known: BTreeSet<String> = known.collect_set();
        for layer in stack.layers.iter_mut().skip(stack.known).filter(|layer| !layer.role.defines()) {
            *layer = Arc::new(Layer { role: LayerRole::Mixin, ..Layer::clone(layer) });
        }
        let mut found = Diagnostics::new();
        let definition = self.merge_stack(app, environment, &stack.layers, &mut found);
        problems.extend(found.into_iter().filter(|problem| is_in(problem, &known)));
        PartialDefinition { definition, unread, missing: stack.unread, known: Some(known) }
    }
}

/// Whether a problem is in one of some files.
fn is_in(problem: &Diagnostic, files: &BTreeSet<String>) -> bool {
    problem.labels.first().is_some_and(|label| files.contains(label.place.source.name()))
}
