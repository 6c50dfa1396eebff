//! Files with secrets at rest: what the commands do with them, without the command line.
//!
//! A file is read once ([`SecretFile`]), compared with its rule in `.sops.yaml`, and changed as a whole or
//! not at all. Many files are worked on side by side ([`each`]), and nothing is written before all of
//! them are in order ([`Staged`]).

mod change;
mod draft;
mod edit;
mod editor;
mod encrypt;
mod entry;
mod file;
mod private_folder;
mod rekey;
mod search;
#[cfg(unix)]
pub mod signals;
#[cfg(not(unix))]
#[path = "no_signals.rs"]
pub mod signals;
mod system;
mod text;
mod together;

pub use change::{Changing, entry_value, file_with, not_found};
pub use draft::Draft;
pub use edit::{Answer, Author, edit};
pub use editor::Editor;
pub use encrypt::{Wish, encrypt, encrypted, plan};
pub use entry::{Slot, Wanted};
pub use file::{SecretFile, Staged, write_all};
pub use private_folder::{PrivateFolder, Storage, Temporary};
pub use rekey::{Compared, Rekeyed, Rotation};
pub use search::ruled_files;
pub use text::{Kind, ValueProblem, typed};
pub use together::each;
