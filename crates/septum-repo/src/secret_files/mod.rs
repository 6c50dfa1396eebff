//! Files with secrets at rest: the implementation of the commands on them, without the command line.
//!
//! A file is read ([`SecretFile`]), compared with its rule in `.sops.yaml`, and changed as a whole or not at all:
//! whatever changes one goes through [`write_all`], which locks it and finds what others changed meanwhile. Many
//! files are worked on side by side ([`try_par_map`](crate::parallel::try_par_map)), and nothing is written before all of them are in order.

mod change;
pub mod edit;
mod encrypt;
mod entry;
mod file;
mod generate;
mod layer;
mod lock;
mod login;
pub mod merge;
mod redaction_mark;
mod rekey;
mod rewrite;
mod search;
mod text;
pub mod textconv;
mod variable;

pub use change::{EditableFile, ValueChange, entry_value, file_with, not_found};
pub use encrypt::{
    EncryptionOutcome, RecipientOptions, encrypt_content, encrypt_secret_file, encrypt_typed, no_recipients, no_rule,
    plan_encryption,
};
pub use entry::{EntryQuery, SecretEntry};
pub use file::{FileContent, SecretFile, StagedWrite, conflict_in};
pub use generate::{RandomKind, RandomValue};
pub use layer::ChangedLayer;
pub use lock::WaitCallback;
pub use redaction_mark::{is_redaction_mark, refuse_marked_json, refuse_marked_value};
pub use rekey::{ComparedFile, RekeyOutcome, Rotation};
pub use rewrite::{ContentBefore, FileRewrite, RewriteOutcome, change_files, remove_unchanged, write_all};
pub use search::ruled_files;
pub use text::{TextValueKind, ValueProblem, parse_typed};
pub use variable::VariableQuery;
