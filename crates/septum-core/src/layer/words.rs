//! Fields of a layer that contain one of a set of words: each enum and its words are declared here, once.

/// A value that a layer gives as a word.
pub trait LayerWord: Copy + 'static {
    /// All values, in the order in which messages list their words.
    const ALL: &'static [Self];

    /// The word of the value.
    fn word(self) -> &'static str;

    /// The words of all values, in the order of messages.
    fn words() -> Vec<&'static str> {
        Self::ALL.iter().map(|value| value.word()).collect()
    }

    /// The value of a word.
    fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.word() == word)
    }
}

macro_rules! layer_words {
    ($($(#[$meta:meta])+ $name:ident { $($(#[$doc:meta])+ $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$meta])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])+ $variant,)+
        }

        impl LayerWord for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    )+};
}

layer_words! {
    /// Whether a value is copied from one environment to another: `promote`.
    Promotion {
        /// It is never copied.
        Never = "never",
        /// It is copied, also if it is sensitive.
        Always = "always",
    }

    /// The form of Secrets whose values are known: `delivery.secrets`.
    #[derive(Default)]
    SecretForm {
        /// A Secret, in plaintext.
        #[default]
        Manifest = "manifest",
        /// A Secret that is encrypted in the format of SOPS.
        Sops = "sops",
        /// A SealedSecret, which a controller in the cluster decrypts.
        SealedSecret = "sealed-secret",
    }

    /// The form of entries whose values stay in a store: `delivery.refs`.
    RefForm {
        /// An ExternalSecret, from which an operator creates a Secret.
        ExternalSecret = "external-secret",
        /// A SecretProviderClass: a driver mounts the values, and no Secret is created.
        Csi = "csi",
    }

    /// Provider of the store that a driver mounts from: `delivery.provider`.
    CsiProvider {
        /// `HashiCorp` Vault.
        Vault = "vault",
        /// Secrets Manager and Parameter Store.
        Aws = "aws",
        /// Key Vault.
        Azure = "azure",
        /// Secret Manager.
        Gcp = "gcp",
    }

    /// The identity that the ciphertext of a SealedSecret is bound to: `delivery.scope`.
    #[derive(Default)]
    SealScope {
        /// Its name and namespace.
        #[default]
        Strict = "strict",
        /// Its namespace.
        NamespaceWide = "namespace-wide",
        /// Nothing.
        ClusterWide = "cluster-wide",
    }

    /// The fate of objects that are no longer applied, because their values are in an object of another name:
    /// `delivery.prune`.
    #[derive(Default)]
    Pruning {
        /// The controller that applied them decides.
        #[default]
        Controller = "controller",
        /// They stay, until `gc` names them.
        Keep = "keep",
    }

    /// The part of an object's name that follows from its values: `names`.
    #[derive(Default)]
    Naming {
        /// Nothing: an object keeps its name when its values change.
        #[default]
        Plain = "plain",
        /// A hash of the values, in kustomize's way for a ConfigMap, made with a key for a Secret.
        Hashed = "hashed",
        /// A hash of the values in kustomize's way, also for a Secret.
        Kustomize = "kustomize",
    }
}

impl Naming {
    /// Whether the values are part of the name, so that an object never changes under it.
    pub fn has_suffix(self) -> bool {
        match self {
            Self::Plain => false,
            Self::Hashed | Self::Kustomize => true,
        }
    }
}
