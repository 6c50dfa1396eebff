//! Conversion of existing configuration to layers, with a proof that they render to the same.
//!
//! A kind of input gives an [`ImportPlan`]: files in memory, what was decided, and what every environment must render
//! to. [`write_import`] renders the plan through the pipeline in a directory beside the destination, compares, and
//! moves it into place. Nothing that exists is changed, and no plaintext of a secret is ever in a file.

mod app_layers;
mod bundle_layers;
mod bundles;
mod compare;
mod dotenv;
mod entries;
mod environment_names;
mod external_secrets;
mod helm_values;
mod kustomize;
mod layer_text;
mod manifest_files;
mod manifests;
mod plan;
mod proof;
mod references;
mod sops_files;
mod source;
mod write;

pub use compare::{StructuralDifference, find_differences, to_stored};
pub use dotenv::{DotenvDialect, DotenvInput, plan_dotenv};
pub use helm_values::{HelmInput, ValuesFile, plan_helm_values};
pub use kustomize::{KustomizeProgram, KustomizeRequest, find_roots, plan_kustomize};
pub use layer_text::{
    LayerText, entry_field, escape_template_tags, file_word, is_plain_scalar, list_field, text_field, text_scalar,
    without_default_labels,
};
pub use manifests::{ManifestInput, plan_manifests};
pub use plan::{
    ExpectedEnvironment, ExpectedKey, ExpectedStructure, ExpectedValue, ImportNote, ImportPlan, PlannedFile,
};
pub use proof::{DifferenceWords, ImportProof, ProofDifference};
pub use references::{MissingObject, find_missing_objects};
pub use sops_files::{SopsInput, plan_sops};
pub use source::{SourceObject, SourceObjects, split_documents, texts_of_documents};
pub use write::{
    EncryptionSetup, ImportOutcome, ImportTarget, NewRule, ProvenImport, check_destination, prove_import, render_plan,
    write_import,
};
