//! `names`: how objects are named.

/// What the name of an object says besides its bundle's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Naming {
    /// Nothing: an object keeps its name when its values change.
    #[default]
    Plain,
    /// A hash of the values, in kustomize's way for a ConfigMap, made with a key for a Secret.
    Hashed,
    /// A hash of the values in kustomize's way, also for a Secret.
    Kustomize,
}

impl Naming {
    /// The words, in the order in which they are explained.
    pub(super) const WORDS: [&str; 3] = ["plain", "hashed", "kustomize"];

    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "plain" => Some(Self::Plain),
            "hashed" => Some(Self::Hashed),
            "kustomize" => Some(Self::Kustomize),
            _ => None,
        }
    }

    /// Whether the values are part of the name, so that an object never changes under it.
    pub fn has_suffix(self) -> bool {
        match self {
            Self::Plain => false,
            Self::Hashed | Self::Kustomize => true,
        }
    }
}
