//! Language server: answers editors about open documents, with the same stages as the command line.
//!
//! Open documents replace files of the disk; nothing is decrypted and nothing is written. [`LanguageServer`] takes
//! messages and gives messages; it knows no streams. A message never contains a value of a secret: of encrypted files,
//! only keys are known here.

mod actions;
mod address;
mod answers;
mod complete;
mod cursor;
mod documents;
mod edits;
mod findings;
mod focus;
mod hover;
mod navigate;
mod position;
mod project;
mod protocol;
mod renaming;
mod request;
mod server;
mod subject;
mod symbols;
mod workspace;
mod written_names;

pub use documents::{DocumentStore, OpenDocument};
pub use position::{ColumnUnit, PositionMap};
pub use project::{ChangedFiles, OpenProject};
pub use protocol::{DocumentUri, Position, TextRange};
pub use server::{LanguageServer, ServerExit, ServerFlow};
pub use workspace::EditorWorkspace;
