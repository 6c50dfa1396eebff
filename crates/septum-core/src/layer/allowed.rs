//! Findings that layers accept.

use crate::span::Located;

/// Finding that the team accepts, with its reason.
#[derive(Debug, Clone)]
pub struct AllowedFinding {
    /// Rule or detector that is silenced.
    pub rule: Located<String>,
    /// Key it is silenced for.
    pub key: Located<String>,
    /// Bundle of the key, if it is named.
    pub bundle: Option<Located<String>>,
    /// Reason for accepting it.
    pub reason: Located<String>,
    /// Expiry date (`YYYY-MM-DD`), if any.
    pub until: Option<Located<String>>,
}
