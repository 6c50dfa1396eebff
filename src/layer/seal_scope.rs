//! `delivery.scope`: where a sealed value can be decrypted.

/// Metadata that the ciphertext of a SealedSecret is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SealScope {
    /// Its name and namespace.
    #[default]
    Strict,
    /// Its namespace.
    NamespaceWide,
    /// Nothing.
    ClusterWide,
}

impl SealScope {
    /// Words of the field, in the order in which they are documented.
    pub const WORDS: [&str; 3] = ["strict", "namespace-wide", "cluster-wide"];

    /// Scope named by this word.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "strict" => Some(Self::Strict),
            "namespace-wide" => Some(Self::NamespaceWide),
            "cluster-wide" => Some(Self::ClusterWide),
            _ => None,
        }
    }
}
