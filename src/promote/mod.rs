//! Promotion: what the own layer of one environment sets is copied to that of another, with its comments and style.
//!
//! A file is edited as text, and an encrypted one as its plaintext, whose values are encrypted again. Nothing that is in
//! an encrypted file of the source goes to a plain one of the target, and a literal value that is routed to a Secret
//! goes to the encrypted one.
//!
//! | module | purpose |
//! |---|---|
//! | `item` | what is promoted as a whole, by name |
//! | `excerpt`, `draft`, `tree_edit` | the text of an item, and a layer that is edited as text |
//! | `entry` | values of entries apart from their rules |
//! | `own_file` | files of an environment's own layer, plain and encrypted |
//! | `history` | former promotions, as commits record them |
//! | `request` | selection of what is promoted |
//! | `plan` | what becomes of each item, and the new bytes |
//! | `verify` | the effect of the new bytes: differences and findings |

mod draft;
mod entry;
mod excerpt;
mod history;
mod item;
mod own_file;
mod plan;
mod request;
mod tree_edit;
mod verify;

pub use history::{PromotionHistory, TRAILER, trailer_line};
pub use item::PromotedItem;
pub use own_file::StagedFile;
pub use plan::{AppPromotion, PromotionOutcome, PromotionRow, SkipReason, plan_promotion};
pub use request::PromotionRequest;
pub use verify::{PromotionEffect, verify_promotion};
