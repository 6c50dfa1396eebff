//! From a merged definition to final values, each with what it was made of.
//!
//! Templates are minijinja. Taint is tracked by recording reads: every value is rendered by a
//! template of its own, over a context that logs what it hands out. A value is derived from all
//! that its log holds, whichever way it was used: printed, compared, looped over, passed to a
//! macro, filtered. That over-approximates (a secret that is only compared taints), which is the
//! right side to err on, and it needs no analysis of the template that could be wrong.

mod bounded;
mod ciphertext;
mod content;
mod declassify;
mod engine;
mod failure;
mod filters;
mod foreign;
mod frame;
mod literal;
mod manifest;
mod masked;
mod masking;
mod nesting;
mod operands;
mod pointed;
mod prepare;
mod registries;
mod scope;
mod session;
mod sizes;
mod slip;
mod steps;
mod suggest;
mod usage;

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::diagnostic::Diagnostics;
use crate::files::{InputQuery, ProjectFiles};
use crate::layer::Definition;
use crate::name::EntryId;
use crate::secret::Secret;
use crate::span::Location;
use crate::yaml::node::Scalar;

pub use engine::Engine;
pub use literal::template_uses;
pub use manifest::{DocumentCache, ManifestDocument, TemplatePart};
pub use masked::{SecretUse, TextTemplate};
pub use pointed::{StoreRefFilter, StoreText, StoreTextPart};

/// Something that a template read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TemplateRead {
    /// An entry.
    Entry(EntryId),
    /// A variable, by its path below `vars`.
    Variable(String),
}

/// A read that `declassify` lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclassifiedRead {
    /// What was read.
    pub read: TemplateRead,
    /// Why its result may be public.
    pub reason: String,
}

/// What a value was made of.
#[derive(Debug, Clone, Default)]
pub struct Lineage {
    /// The text, or a part of it, was decrypted from a SOPS leaf.
    pub encrypted: bool,
    /// The value of something sensitive was at hand when it was made, as far as that is known before routing.
    pub secret: bool,
    /// What its template read, in the order in which it first did. What follows the first sensitive one may follow
    /// from its value.
    pub reads: Vec<TemplateRead>,
    /// Reads that do not count, with the reason.
    pub declassified: Vec<DeclassifiedRead>,
}

/// A final value.
#[derive(Debug, Clone)]
pub enum ResolvedBytes {
    /// A text as some layer has it.
    Written(Arc<Scalar>),
    /// A rendered text.
    Rendered(Arc<Secret<String>>),
    /// The bytes of a file.
    File(Arc<[u8]>),
}

impl ResolvedBytes {
    /// The value as it goes out.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Written(scalar) => scalar.text().as_bytes(),
            Self::Rendered(text) => text.expose().as_bytes(),
            Self::File(bytes) => bytes,
        }
    }

    /// The value as text, unless it is none.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes()).ok()
    }
}

/// What stands for a value that is not known: the text that it would be with ciphertext in the place of
/// plaintext. Two that are equal stand for equal values, as long as the data keys are the same. None
/// where it cannot be made: a filter wants something else than ciphertext.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placeholder(Option<Arc<str>>);

impl Placeholder {
    fn of(text: &str) -> Self {
        Self(Some(text.into()))
    }

    /// The text, if it can be made.
    pub fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// What became of a value.
#[derive(Debug, Clone)]
pub enum EntryOutcome {
    /// The value.
    Known(ResolvedBytes),
    /// It stays in a store, in whole or in part.
    Pointed(Arc<StoreText>),
    /// No layer gives one.
    Missing,
    /// It is encrypted, or made of something that is, and nobody decrypted that.
    Locked(Placeholder),
    /// Its source is wrong; that was reported.
    Failed,
}

impl EntryOutcome {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&ResolvedBytes> {
        match self {
            Self::Known(value) => Some(value),
            Self::Pointed(_) | Self::Missing | Self::Locked(_) | Self::Failed => None,
        }
    }
}

/// An entry, or a variable that some template read, with its final value.
#[derive(Debug, Clone)]
pub struct ResolvedValue {
    /// What became of it.
    pub outcome: EntryOutcome,
    /// What the value was made of.
    pub lineage: Lineage,
    /// Where the value stands, or the key, if there is no value.
    pub place: Location,
}

/// All values of a target.
#[derive(Debug)]
pub struct ResolvedTarget {
    /// What they were resolved from.
    pub definition: Arc<Definition>,
    /// The entries in the order of definition.
    pub entries: IndexMap<EntryId, ResolvedValue>,
    /// The variables that were read, by path.
    pub variables: IndexMap<String, ResolvedValue>,
    /// Parts of `vars` that templates name which read secrets: which of them they read may follow from those.
    pub mentioned: BTreeSet<String>,
    /// Other objects of the app, in the order in which they are named.
    pub manifests: Vec<ManifestDocument>,
    /// There are others, of which nothing is known without a key.
    pub has_unknown_manifests: bool,
    /// What was asked of the disk for the entries, and nothing else.
    pub recorded_queries: BTreeSet<InputQuery>,
    /// The files of the project, with a record of what was asked for.
    pub files: Arc<ProjectFiles>,
}

/// Whether the manifests of an environment are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestMode {
    /// They are.
    Rendered,
    /// Nobody asks for them.
    Skipped,
}

/// Resolves every entry of a definition. Entries that fail are reported; what they read counts
/// all the same.
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::diagnostic::FailureKind;
    use crate::layer::{KeyAccess, LayerCache};
    use crate::project::Project;
    use crate::sops::{Identities, IdentitySources};

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
        only.environment.add_function("give_up", give_up);
        only.metered = steps::MeteredEnvironments::new(&only.environment);
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
