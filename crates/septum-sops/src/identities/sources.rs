//! Places searched for identities (format, section 2.3).

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

/// The system whose conventions define the location of a user's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostSystem {
    /// Linux and all others.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl HostSystem {
    /// The system that the program was built for.
    pub fn current() -> Self {
        if cfg!(target_os = "macos") {
            Self::MacOs
        } else if cfg!(windows) {
            Self::Windows
        } else {
            Self::Linux
        }
    }
}

/// Environment settings for the places of identities. The program fills them from its variables; no code below reads
/// those, so that a test defines all settings.
#[derive(Clone, Default)]
pub struct IdentitySources {
    /// `SOPS_AGE_KEY`: identities.
    pub age_key: Option<Zeroizing<String>>,
    /// `SOPS_AGE_KEY_FILE`: a file with identities.
    pub age_key_file: Option<PathBuf>,
    /// `SOPS_AGE_KEY_CMD`: a command that prints identities.
    pub age_key_cmd: Option<String>,
    /// `SOPS_AGE_SSH_PRIVATE_KEY_FILE`: a file with an SSH key.
    pub ssh_key_file: Option<PathBuf>,
    /// `SOPS_AGE_SSH_PRIVATE_KEY_CMD`: a command that prints an SSH key.
    pub ssh_key_cmd: Option<String>,
    /// The user's files `sops/age/keys.txt`; on macOS there may be two.
    pub user_key_files: Vec<PathBuf>,
    /// The user's own SSH keys.
    pub user_ssh_keys: Vec<PathBuf>,
}

/// Prefixes of the variables with identities: all that [`IdentitySources::of`] reads, and those of later versions of
/// sops.
const IDENTITY_VARIABLES: [&str; 2] = ["SOPS_AGE_KEY", "SOPS_AGE_SSH_"];

/// Whether a variable of a process contains identities, or a way to get them. Other programs must not inherit it.
pub fn is_identity_variable(name: &str) -> bool {
    IDENTITY_VARIABLES.iter().any(|prefix| name.starts_with(prefix))
}

impl IdentitySources {
    /// The places named by the variables of a process: `IdentitySources::of(HostSystem::current(), std::env::var_os)`
    /// in the program. An empty variable counts as not set.
    pub fn of(system: HostSystem, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).map(|value| value.to_string_lossy().into_owned());
        let path = |name: &str| set(name).map(PathBuf::from);
        let absolute = |name: &str| path(name).filter(|path| path.is_absolute() || system == HostSystem::Windows);
        let home = path(if system == HostSystem::Windows { "USERPROFILE" } else { "HOME" });
        let below_home = |directory: &str| home.as_ref().map(|home| home.join(directory));
        let directories = match system {
            HostSystem::Linux => vec![absolute("XDG_CONFIG_HOME").or_else(|| below_home(".config"))],
            // sops searches the second only where the first is not set, contrary to expectation
            HostSystem::MacOs => vec![absolute("XDG_CONFIG_HOME"), below_home("Library/Application Support")],
            HostSystem::Windows => vec![absolute("APPDATA")],
        };
        let keys_file = |directory: PathBuf| directory.join("sops").join("age").join("keys.txt");
        let ssh_key = |name: &str| home.as_ref().map(|home| home.join(".ssh").join(name));
        Self {
            age_key: text("SOPS_AGE_KEY").map(Zeroizing::new),
            age_key_file: path("SOPS_AGE_KEY_FILE"),
            age_key_cmd: text("SOPS_AGE_KEY_CMD"),
            ssh_key_file: path("SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
            ssh_key_cmd: text("SOPS_AGE_SSH_PRIVATE_KEY_CMD"),
            user_key_files: directories.into_iter().flatten().map(keys_file).collect(),
            user_ssh_keys: ["id_ed25519", "id_rsa"].into_iter().filter_map(ssh_key).collect(),
        }
    }
}

// a command line may contain a password as well as a variable does
impl fmt::Debug for IdentitySources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Places");
        fields.field("age_key_file", &self.age_key_file).field("user_key_files", &self.user_key_files);
        fields.finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn key_files(system: HostSystem, variables: &[(&str, &str)]) -> Vec<String> {
        let places = IdentitySources::of(system, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        });
        places.user_key_files.iter().map(|path| path.to_string_lossy().replace('\\', "/")).collect()
    }

    #[cfg(unix)] // its paths have no drive
    #[test]
    fn the_users_file_is_where_the_system_has_it() {
        let home = ("HOME", "/home/u");
        let xdg = ("XDG_CONFIG_HOME", "/xdg");
        for (system, variables, expected) in [
            (HostSystem::Linux, &[home][..], &["/home/u/.config/sops/age/keys.txt"][..]),
            (HostSystem::Linux, &[home, xdg], &["/xdg/sops/age/keys.txt"]),
            (HostSystem::Linux, &[home, ("XDG_CONFIG_HOME", "")], &["/home/u/.config/sops/age/keys.txt"]),
            (HostSystem::Linux, &[home, ("XDG_CONFIG_HOME", "rel")], &["/home/u/.config/sops/age/keys.txt"]),
            (HostSystem::Linux, &[], &[]),
            (HostSystem::MacOs, &[home], &["/home/u/Library/Application Support/sops/age/keys.txt"]),
            (
                HostSystem::MacOs,
                &[home, xdg],
                &["/xdg/sops/age/keys.txt", "/home/u/Library/Application Support/sops/age/keys.txt"],
            ),
            (
                HostSystem::Windows,
                &[home, ("APPDATA", "C:/Users/u/AppData")],
                &["C:/Users/u/AppData/sops/age/keys.txt"],
            ),
            (HostSystem::Windows, &[home], &[]),
        ] {
            assert_eq!(key_files(system, variables), expected, "{system:?} {variables:?}");
        }
    }

    #[test]
    fn debug_output_has_no_key_and_no_command() {
        let places = IdentitySources {
            age_key: Some(Zeroizing::new("AGE-SECRET-KEY-1X".to_owned())),
            age_key_cmd: Some("pass --token hunter2".to_owned()),
            ..IdentitySources::default()
        };
        let text = format!("{places:?}");
        assert!(!text.contains("SECRET") && !text.contains("hunter2"), "{text}");
    }
}
