//! Dialects of dotenv files: there is no standard, and each reader has rules of its own.

/// Reader whose rules a file follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DotenvDialect {
    /// dotenv and dotenvx of Node.
    Node,
    /// python-dotenv
    Python,
    /// `docker run --env-file`
    Docker,
    /// Docker Compose.
    Compose,
    /// `envs` of kustomize.
    Kustomize,
    /// A shell that sources the file.
    Shell,
}

impl DotenvDialect {
    /// All dialects.
    pub const ALL: [Self; 6] = [Self::Node, Self::Python, Self::Docker, Self::Compose, Self::Kustomize, Self::Shell];

    /// Name on the command line and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
            Self::Docker => "docker",
            Self::Compose => "compose",
            Self::Kustomize => "kustomize",
            Self::Shell => "shell",
        }
    }

    /// Reader that has these rules.
    pub fn reader(self) -> &'static str {
        match self {
            Self::Node => "dotenv and dotenvx of Node",
            Self::Python => "python-dotenv",
            Self::Docker => "`docker run --env-file`",
            Self::Compose => "Docker Compose",
            Self::Kustomize => "`envs` of kustomize",
            Self::Shell => "A shell that sources the file",
        }
    }

    /// Whether everything after the `=` is the value, as it is.
    pub(super) fn is_verbatim(self) -> bool {
        matches!(self, Self::Docker | Self::Kustomize)
    }
}
