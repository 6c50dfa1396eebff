//! Promotion: what the own layer of one environment sets is copied to that of another, with its comments and style.
//!
//! A file is edited as text, and an encrypted one as its plaintext, whose values are encrypted again. Nothing that is in
//! an encrypted file of the source goes to a plain one of the target, and a literal value that is routed to a Secret
//! goes to the encrypted one. Without a key for that one, they are left in an incoming file, which is not a layer, and
//! which somebody with a key merges.
//!
//! | module | purpose |
//! |---|---|
//! | `item` | what is promoted as a whole, by name |
//! | `excerpt`, `extent`, `draft`, `tree_edit` | the text of an item, and a layer that is edited as text |
//! | `entry` | values of entries apart from their rules |
//! | `own_file` | files of an environment's own layer, plain and encrypted |
//! | `sealed` | what may be readable in a file that is written |
//! | `history` | former promotions, as commits record them |
//! | `request` | selection of what is promoted |
//! | `target_drafts` | the new contents of the files, and decisions that change them |
//! | `plan`, `outcome` | what becomes of each item, and the new bytes |
//! | `incoming` | values that wait for somebody with a key of the target |
//! | `merge` | what becomes of them then |
//! | `unpromoted` | what of a layer is not promoted |
//! | `verify` | the effect of the new bytes: differences and findings |

mod draft;
mod entry;
mod excerpt;
mod extent;
mod history;
mod incoming;
mod inherited;
mod item;
mod merge;
mod outcome;
mod own_file;
mod plan;
mod request;
mod sealed;
mod target_drafts;
mod tree_edit;
mod unpromoted;
mod verify;

pub use history::{PromotionHistory, TRAILER, trailer_line};
pub use inherited::InheritedValue;
pub use item::PromotedItem;
pub use merge::{find_source, plan_merge};
pub use outcome::{AppPromotion, MergedFile, PromotionOutcome, PromotionRow, PromotionSource, SkipReason};
pub use own_file::StagedFile;
pub use plan::plan_promotion;
pub use request::PromotionRequest;
pub use unpromoted::{UnpromotedField, UnpromotedReason};
pub use verify::{PromotionEffect, verify_promotion};
