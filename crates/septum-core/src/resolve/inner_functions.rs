//! Names of the inner functions that are inserted into templates. No template can name one.

use std::borrow::Cow;

/// Prefix of the names of inner functions.
pub(super) const RESERVED: &str = "_septum_";

/// Records the number of reads before a call of `declassify`.
pub(super) const MARK: &str = "_septum_mark";
/// Bounds the value of a variable.
pub(super) const VALUE: &str = "_septum_value";
/// Bounds the value of a field of a namespace.
pub(super) const FIELD: &str = "_septum_field";

/// Bounds an operand of `~`.
pub(super) const OPERAND: &str = "_septum_operand";
/// Bounds an operand of a comparison.
pub(super) const COMPARED: &str = "_septum_compared";
/// Computes a sum or a product.
pub(super) const MADE: &str = "_septum_made";
/// Bounds a key.
pub(super) const HASHED: &str = "_septum_hashed";
/// Refuses an undefined value that the engine would take as empty.
pub(super) const DEFINED: &str = "_septum_defined";
/// Bounds a name of other templates.
pub(super) const NAMED: &str = "_septum_named";

/// Records the number of reads before an expression that may need masking.
pub(super) const BEGIN: &str = "_septum_begin";
/// Masks the value of such an expression.
pub(super) const MASKED: &str = "_septum_masked";
/// Replaces the value of an expression that uses a masked value.
pub(super) const HIDDEN: &str = "_septum_hidden";
/// Checks whether the text in a variable was masked.
pub(super) const KEPT: &str = "_septum_kept";

/// Name of the only function whose calls are marked.
pub(super) const DECLASSIFY: &str = "declassify";

/// Position of an insertion, and the inserted text.
pub(super) type Insertion = (usize, Cow<'static, str>);
