//! `names`: naming scheme of objects.

/// Part of an object's name besides its bundle's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Naming {
    /// Nothing: an object keeps its name when its values change.
    #[default]
    Plain,
    /// A hash of the values: as kustomize computes it for a ConfigMap, with a key for a Secret.
    Hashed,
    /// A hash of the values as kustomize computes it, also for a Secret.
    Kustomize,
}

impl Naming {
    /// Words of the field, in the order in which they are documented.
    pub(super) const WORDS: [&str; 3] = ["plain", "hashed", "kustomize"];

    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "plain" => Some(Self::Plain),
            "hashed" => Some(Self::Hashed),
            "kustomize" => Some(Self::Kustomize),
            _ => None,
        }
    }

    /// Whether the values are part of the name, so that an object with a given name never changes.
    pub fn has_suffix(self) -> bool {
        match self {
            Self::Plain => false,
            Self::Hashed | Self::Kustomize => true,
        }
    }
}
