//! Programs that let Septum change their objects on the way: KRM functions of kustomize and kpt, post-renderers of Helm,
//! and values for charts of Helm.
//!
//! Objects that are not to be changed pass as the text that they came as, with all annotations. Those that a directive
//! of Septum names are wired as the manifests of an app are ([`crate::manifest`]).

mod app_objects;
mod chart_values;
mod document_stream;
mod function;
mod function_config;
mod generation;
mod item;
mod list_item;
mod placement;
mod resource_list;
mod results;

pub use app_objects::{AddedObject, AppObjects, BuiltParts, NeighbourTarget};
pub use chart_values::{ValueMapping, chart_schema, chart_values, files_in_values, map_option_label};
pub use document_stream::DocumentStream;
pub use function::{check_target, project_directory, run_function};
pub use function_config::{FunctionConfig, FunctionMode};
pub use item::{INPUT, ItemIdentity, wire_tree};
pub use resource_list::ResourceList;
pub use results::FunctionResult;
