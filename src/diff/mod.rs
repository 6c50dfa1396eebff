//! Differences between two states of targets: two environments, two revisions, the layers and a cluster, or two
//! directories.
//!
//! Both sides are read into [`TargetSnapshot`]s, which contain no secret: of a value that must not leak they keep a
//! keyed digest, which says whether two values are equal and nothing else. The unit of a difference is the entry; an
//! object other than a ConfigMap or Secret differs by path.
//!
//! | module | purpose |
//! |---|---|
//! | `value` | what is known of a value, and whether two are equal |
//! | `node` | objects as trees, and where two trees differ |
//! | `snapshot` | a target, as resolved from its layers |
//! | `foreign`, `cluster` | objects that were read: of a cluster, of files, of standard input |
//! | `compare` | two snapshots |
//! | `surveyed`, `environments`, `sides`, `live` | apps of one state, of two, and of a cluster |
//! | `affected` | apps that a change between revisions concerns |
//! | `fold` | the same change in several environments |
//! | `matrix`, `matrix_fields` | more than two environments: keys; objects, rules and sources |
//! | `line`, `text`, `markdown`, `github`, `json` | what is printed |

mod affected;
mod change;
mod cluster;
mod compare;
mod environments;
mod fold;
mod foreign;
mod github;
mod json;
mod line;
mod live;
mod markdown;
mod matrix;
mod matrix_fields;
mod node;
mod pair;
mod sides;
mod snapshot;
mod surveyed;
mod text;
mod value;

pub use change::{Change, ChangeKind, ChangeSubject, DiffReport, FieldChange, RoutingChange, ShownValue};
pub use cluster::{Cluster, ClusterObjects};
pub use compare::compare_targets;
pub use environments::{MatrixReport, compare_environments, compare_many};
pub use fold::fold_changes;
pub use foreign::{ObjectAddress, ObjectForm, read_objects};
pub use github::to_github_diff;
pub use json::{ChangeRow, to_json_rows};
pub use live::{LiveObjects, compare_files, compare_with_objects};
pub use markdown::{MarkdownOptions, SMALLEST, to_markdown};
pub use matrix::{MatrixObject, MatrixRow, matrix_rows, to_matrix_text};
pub use pair::{DiffScope, DiffSide, ProjectPair};
pub use sides::compare_projects;
pub use snapshot::{SnapshotEntryState, TargetSnapshot};
pub use text::{stat_text, to_text};
pub use value::ValueMarker;
