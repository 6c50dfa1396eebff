//! The kinds of files that a repository can name.

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Declares [`FileKind`] with its list, so that no kind is missing from it.
macro_rules! file_kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident: $noun:literal, $limit:expr;)+) => {
        /// A kind of file that a repository can name. Every file is read as one of these: see [`ProjectFiles`](super::ProjectFiles).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FileKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl FileKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The name of the kind in messages.
            pub fn noun(self) -> &'static str {
                match self {
                    $(Self::$kind => $noun,)+
                }
            }

            /// The size of the largest file of the kind that is read, in bytes.
            pub fn limit(self) -> u64 {
                match self {
                    $(Self::$kind => $limit,)+
                }
            }
        }
    };
}

file_kinds! {
    /// `septum.yaml`
    ProjectFile: "project file", MIB;
    /// A layer, encrypted or not: `base.yaml`, `prod.secrets.yaml`.
    Layer: "layer", MIB;
    /// The file of an entry. Kubernetes accepts 1 MiB in one ConfigMap or Secret (`MaxSecretSize` in
    /// kubernetes/pkg/apis/core/validation).
    EntryFile: "entry file", MIB;
    /// The template file of an entry.
    Template: "template", MIB;
    /// A file that a template includes.
    Include: "included template", MIB;
    /// A file of manifests. The definitions of an operator's custom resources have several megabytes, and no server
    /// accepts an object of more than 3 (etcd's limit of a request is less).
    Manifest: "manifest file", 16 * MIB;
    /// The certificate that Secrets are sealed for.
    Certificate: "certificate", MIB;
    /// `.sops.yaml`
    SopsConfig: "rules file", MIB;
    /// `.septum-baseline.yaml`
    Baseline: "baseline", MIB;
    /// Rules in the format of gitleaks.
    CustomRules: "rules file", MIB;
    /// A file whose values are encrypted at rest, or are to be.
    SecretFile: "file", GIB;
    /// The inventory of a tree.
    Inventory: "inventory", 64 * MIB;
    /// A file of a tree.
    Output: "rendered file", 64 * MIB;
    /// A file that `check` searches for a Kustomization of Flux. A larger one is not one.
    Kustomization: "file", 256 * KIB;
    /// `.gitignore`
    IgnoreRules: "ignore file", MIB;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_bounded_and_has_a_name() {
        for kind in FileKind::ALL {
            assert!((KIB..=GIB).contains(&kind.limit()) && !kind.noun().is_empty(), "{kind:?}");
        }
    }
}
