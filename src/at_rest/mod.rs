//! Files with secrets at rest: what the commands do with them, without the command line.
//!
//! A file is read ([`SecretFile`]), compared with its rule in `.sops.yaml`, and changed as a whole or not at all:
//! whatever changes one goes through [`write_all`], which locks it and finds what others changed meanwhile. Many
//! files are worked on side by side ([`each`]), and nothing is written before all of them are in order.

mod change;
pub mod edit;
mod encrypt;
mod entry;
mod file;
mod layer;
mod lock;
pub mod merge;
mod rekey;
mod rewrite;
mod search;
mod text;
pub mod textconv;
mod together;

pub use change::{Changing, ValueChange, entry_value, file_with, not_found};
pub use encrypt::{Encryption, Wish, encrypt, encrypt_typed, encrypted, no_recipients, no_rule, plan};
pub use entry::{Slot, Wanted};
pub use file::{FileContent, SecretFile, Staged, conflict_in};
pub use layer::ChangedLayer;
pub use lock::Waiting;
pub use rekey::{Compared, Rekeyed, Rotation};
pub use rewrite::{Before, Made, Rewrite, change_files, write_all};
pub use search::ruled_files;
pub use text::{Kind, ValueProblem, typed};
pub use together::each;
