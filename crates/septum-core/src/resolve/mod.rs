//! From a merged definition to final values, each with its lineage.
//!
//! Templates are minijinja. Taint is tracked by recording reads: every value is rendered by a template of its own, over
//! a context that logs each value it hands out. A value is derived from everything in its log, however it was used:
//! printed, compared, looped over, passed to a macro, filtered. That over-approximates (a secret that is only compared
//! taints), which is the safe direction, and it needs no template analysis that could be wrong.

mod bounded;
mod ciphertext;
mod circle;
mod consequences;
mod content;
mod content_text;
mod context;
mod declassify;
mod defined;
mod encrypted_manifest;
mod engine;
mod failure;
mod fault;
mod filters;
mod foreign;
mod frame;
mod inner_functions;
mod literal;
mod lookup;
mod manifest;
mod manifest_document;
mod manifest_files;
mod masked;
mod masking;
mod nesting;
mod operand_charges;
mod operands;
mod outline;
mod pointed;
mod prepare;
mod registries;
mod renderer;
mod scope;
mod session;
mod set_targets;
mod sizes;
mod slip;
mod steps;
mod store_text;
mod structure;
mod suggest;
mod tagged;
mod template_uses;
mod usage;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::files::{InputQuery, ProjectFiles};
use crate::layer::Definition;
use crate::map::IndexMap;
use crate::name::EntryId;
use crate::secret::Secret;
use crate::span::Location;
use crate::visibility::Placeholder;
use crate::yaml::node::Scalar;

pub use ciphertext::find_impossible_values;
pub use engine::{DocumentCache, Engine, ManifestKeys};
pub use manifest_document::{ManifestDocument, RenderedPatch, TemplatePart};
pub use masked::{SecretUse, TextTemplate};
pub use store_text::{StoreRefFilter, StoreText, StoreTextPart};
pub use template_uses::template_uses;

/// Read of a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TemplateRead {
    /// An entry.
    Entry(EntryId),
    /// A variable, by its path below `vars`.
    Variable(String),
}

/// Read whose taint `declassify` removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclassifiedRead {
    /// Entry or variable that was read.
    pub read: TemplateRead,
    /// Reason why its result may be public.
    pub reason: String,
}

/// Sources that a value is derived from.
#[derive(Debug, Clone, Default)]
pub struct Lineage {
    /// Whether the text, or a part of it, was decrypted from a SOPS leaf.
    pub encrypted: bool,
    /// Whether a sensitive value was available when it was computed, as far as known before routing.
    pub secret: bool,
    /// Reads of its template, in order of first occurrence. Reads after the first sensitive one may depend on its
    /// value.
    pub reads: Vec<TemplateRead>,
    /// Declassified reads, with their reasons.
    pub declassified: Vec<DeclassifiedRead>,
}

/// Final value.
#[derive(Debug, Clone)]
pub enum ResolvedBytes {
    /// A text as written in some layer.
    Written(Arc<Scalar>),
    /// A rendered text.
    Rendered(Arc<Secret<String>>),
    /// The bytes of a file.
    File(Arc<[u8]>),
}

impl ResolvedBytes {
    /// Output bytes of the value.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Written(scalar) => scalar.text().as_bytes(),
            Self::Rendered(text) => text.expose().as_bytes(),
            Self::File(bytes) => bytes,
        }
    }

    /// Value as text, if it is valid UTF-8.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Written(scalar) => Some(scalar.text()),
            Self::Rendered(text) => Some(text.expose()),
            Self::File(bytes) => std::str::from_utf8(bytes).ok(),
        }
    }
}

/// Outcome of resolving a value.
#[derive(Debug, Clone)]
pub enum EntryOutcome {
    /// The value.
    Known(ResolvedBytes),
    /// The value stays in a store, in whole or in part.
    Pointed(Arc<StoreText>),
    /// No layer gives a value.
    Missing,
    /// The value is encrypted, or derived from something that is, and was not decrypted.
    Locked(Placeholder),
    /// Its source is invalid; that was reported.
    Failed,
}

impl EntryOutcome {
    /// Value, if it is known.
    pub fn known(&self) -> Option<&ResolvedBytes> {
        match self {
            Self::Known(value) => Some(value),
            Self::Pointed(_) | Self::Missing | Self::Locked(_) | Self::Failed => None,
        }
    }
}

/// Entry, or variable that some template read, with its final value.
#[derive(Debug, Clone)]
pub struct ResolvedValue {
    /// Outcome of resolving it.
    pub outcome: EntryOutcome,
    /// Sources of the value.
    pub lineage: Lineage,
    /// Location of the value, or of the key if there is no value.
    pub place: Location,
}

/// All values of a target.
#[derive(Debug)]
pub struct ResolvedTarget {
    /// Definition that they were resolved from.
    pub definition: Arc<Definition>,
    /// Entries in order of definition.
    pub entries: IndexMap<EntryId, ResolvedValue>,
    /// Variables that were read, by path.
    pub variables: IndexMap<String, ResolvedValue>,
    /// Parts of `vars` named in templates that read secrets: which of them are read may depend on those secrets.
    pub mentioned: BTreeSet<String>,
    /// Other objects of the app, in the order in which they are listed.
    pub manifests: Vec<ManifestDocument>,
    /// Patches of those objects, in the order in which they apply.
    pub patches: Vec<RenderedPatch>,
    /// Whether there are more, of which nothing is known without a key.
    pub has_unknown_manifests: bool,
    /// Whether there are more patches, which could not be read.
    pub has_unknown_patches: bool,
    /// Disk queries made for the entries only.
    pub recorded_queries: BTreeSet<InputQuery>,
    /// Files of the project, with a record of the queries.
    pub files: Arc<ProjectFiles>,
}

/// Whether the manifests of an environment are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestMode {
    /// Rendered.
    Rendered,
    /// Not needed.
    Skipped,
}

/// Resolves every entry of a definition. Entries that fail are reported; their reads still count.
pub fn resolve(
    engine: &Arc<Engine>,
    definition: Definition,
    manifests: ManifestMode,
    problems: &mut Diagnostics,
) -> ResolvedTarget {
    crate::parallel::on_known_stack(|| {
        session::ResolveSession::new(Arc::clone(engine), definition)
            .finish(manifests == ManifestMode::Rendered, problems)
    })
}

/// Resolves one scalar of `vars`, also one that no template reads; none if the path is not that of a scalar.
pub fn resolve_variable(
    engine: &Arc<Engine>,
    definition: Definition,
    path: &str,
    problems: &mut Diagnostics,
) -> Option<ResolvedValue> {
    crate::parallel::on_known_stack(|| {
        session::ResolveSession::new(Arc::clone(engine), definition).finish_variable(path, problems)
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::diagnostic::FailureKind;
    use crate::layer::LayerCache;
    use crate::project::Project;
    use crate::sops::{Identities, IdentitySources};
    use crate::visibility::KeyAccess;

    #[test]
    fn a_panic_in_a_template_is_told_and_spoils_no_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let base = "app: a\nvars: { v: '{{ give_up() }}' }\ndata:\n  A: '{{ give_up() }}'\n  B: '{{ data.A }}'\n  C: '{{ 1 + 1 }}'\n  \
            D: '{{ vars.v }}'\n  E: { content: { x: '{{ give_up() }}' }, format: json }\n";
        fs::write(directory.path().join("base.yaml"), base).expect("a file");
        fs::write(directory.path().join("dev.yaml"), "").expect("a file");
        let project = Project::discover(directory.path()).expect("a project");
        let library = LayerCache::new(&project, Identities::new(IdentitySources::default()));
        let (app, dev) = (&project.apps[0], project.environment("dev").expect("an environment"));
        let mut problems = Diagnostics::new();
        let definition = library.merge_definition(app, &dev, KeyAccess::Decrypt, &mut problems).expect("layers");
        let mut engine = Engine::new(Arc::new(project.files.with_own_record()));
        let give_up = || -> String { panic!("the value is hunter2") };
        let only = Arc::get_mut(&mut engine).expect("only here");
        only.add_function("give_up", give_up);
        let resolved = resolve(&engine, definition, ManifestMode::Skipped, &mut problems);
        let found: Vec<_> = problems.iter().map(|problem| (problem.rule, problem.failure)).collect();
        assert_eq!(found, [(crate::diagnostic::Rule::Bug, FailureKind::Bug); 3]);
        assert!(problems.iter().all(|problem| !problem.message.contains("hunter2") && problem.labels.len() == 1));
        let known = |key: &str| {
            let (_, value) = resolved.entries.iter().find(|(id, _)| id.key.as_str() == key).expect("an entry");
            value.outcome.known().and_then(ResolvedBytes::text).map(str::to_owned)
        };
        assert_eq!(["A", "B", "C", "D", "E"].map(known), [None, None, Some("2".to_owned()), None, None]);
    }
}
