//! Key of a new project: one that is there, or a new one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use septum::diagnostic::{Diagnostic, Rule};
use septum::sops::{
    HostSystem, Identities, IdentityKind, IdentitySources, LookupOutcome, NewIdentity, SearchedSource, short_recipient,
};

/// Key for which the files of a project are encrypted.
pub(in crate::cli) enum ProjectKey {
    /// The recipients of the rules that the repository has.
    Shared(String),
    /// An identity that was found.
    Found {
        /// Its recipient.
        recipient: String,
        /// Place of the identity, for messages.
        place: String,
    },
    /// A new identity, and the file that it is added to.
    New(NewIdentity, PathBuf),
}

impl ProjectKey {
    /// The recipients, separated by commas.
    pub(in crate::cli) fn recipients(&self) -> &str {
        match self {
            Self::Shared(recipients) => recipients,
            Self::Found { recipient, .. } => recipient,
            Self::New(identity, _) => identity.recipient(),
        }
    }

    /// Lines about the key, for the user; none for recipients that the rules name already.
    pub(in crate::cli) fn describe(&self, key_name: &str) -> Vec<String> {
        let secrets = "Secrets are encrypted for";
        match self {
            Self::Shared(recipients) => {
                let short: Vec<_> = recipients.split(',').map(short_recipient).collect();
                let line = format!("{secrets} the recipients of the other rules: {}", short.join(", "));
                [Some(line), missing_identity(recipients)].into_iter().flatten().collect()
            }
            Self::Found { recipient, place } => {
                vec![format!("{secrets} {recipient},"), format!("whose private key was found: {place}")]
            }
            Self::New(..) => vec![
                format!("{secrets} {}.", self.recipients()),
                format!("Its new private key was added to {key_name}. Keep a backup:"),
                "without it, nobody can decrypt them.".to_owned(),
            ],
        }
    }

    /// Name of the file of a new key of the user.
    pub(in crate::cli) fn new_file(&self) -> String {
        match self {
            Self::New(_, file) => file.display().to_string(),
            Self::Shared(_) | Self::Found { .. } => String::new(),
        }
    }

    /// The identity in a file; a new one if it has none.
    pub(super) fn in_file(file: PathBuf, shown: &str) -> Result<Self, Diagnostic> {
        let sources = IdentitySources { age_key_file: Some(file.clone()), ..IdentitySources::default() };
        let searched = searched_files(sources);
        match find_recipient(&searched) {
            Some((recipient, _)) => Ok(Self::Found { recipient, place: shown.to_owned() }),
            None => Self::new_in(file, shown, &searched),
        }
    }

    /// The first identity of the user; a new one if there is none.
    pub(in crate::cli) fn of_user() -> Result<Self, Diagnostic> {
        let sources = IdentitySources::of(HostSystem::current(), |name| std::env::var_os(name));
        let file = sources.user_key_files.first().cloned();
        let searched = searched_files(sources);
        if let Some((recipient, place)) = find_recipient(&searched) {
            return Ok(Self::Found { recipient, place });
        }
        let file = file.ok_or_else(|| {
            Diagnostic::error(Rule::Usage, "no home directory found for the new private key")
                .hint("specify a file: `--key-file FILE`")
        })?;
        let shown = file.display().to_string();
        Self::new_in(file, &shown, &searched)
    }

    /// A new identity for a file, which may have other lines.
    fn new_in(file: PathBuf, shown: &str, searched: &[SearchedSource]) -> Result<Self, Diagnostic> {
        let name = file.display().to_string();
        let outcome = searched.iter().rev().find(|source| source.place.ends_with(&name)).map(|source| &source.outcome);
        match outcome {
            None | Some(LookupOutcome::Missing | LookupOutcome::Found { .. }) => {
                let identity = NewIdentity::generate(IdentityKind::X25519).ok_or_else(Diagnostic::no_randomness)?;
                Ok(Self::New(identity, file))
            }
            Some(outcome) => {
                let why = match outcome {
                    LookupOutcome::Locked => "it is encrypted with a passphrase".to_owned(),
                    outcome => outcome.to_string(),
                };
                let message = format!("no private key can be added to `{shown}`: {why}");
                Err(Diagnostic::error(Rule::IdentityFile, message).hint("specify another file: `--key-file FILE`"))
            }
        }
    }

    /// Adds a new identity to its file.
    pub(in crate::cli) fn save(&self, app: &str) -> io::Result<()> {
        match self {
            Self::New(identity, file) => append_key(file, app, identity.recipient(), identity.identity().expose()),
            Self::Shared(_) | Self::Found { .. } => Ok(()),
        }
    }
}

/// The places of age identities, without those that need a command.
fn searched_files(sources: IdentitySources) -> Vec<SearchedSource> {
    let sources = IdentitySources {
        age_key_cmd: None,
        ssh_key_file: None,
        ssh_key_cmd: None,
        user_ssh_keys: Vec::new(),
        ..sources
    };
    Identities::new(sources).searched()
}

/// Line that says that no identity of the user is that of one of these recipients; none if one may be.
pub(super) fn missing_identity(recipients: &str) -> Option<String> {
    let sources = IdentitySources::of(HostSystem::current(), |name| std::env::var_os(name));
    let has_command = sources.age_key_cmd.is_some() || sources.ssh_key_cmd.is_some();
    // an identity of SSH or of a plugin does not show its recipient here
    let are_keys = recipients.split(',').all(|recipient| recipient.trim().starts_with("age1"));
    let is_own = |source: &SearchedSource| match &source.outcome {
        LookupOutcome::Found { recipients: own, unsupported } => {
            !unsupported.is_empty() || own.iter().any(|own| recipients.split(',').any(|known| known.trim() == own))
        }
        LookupOutcome::Locked => true,
        _ => false,
    };
    let is_missing = are_keys && !has_command && !searched_files(sources).iter().any(is_own);
    is_missing.then(|| {
        "None of the private keys found here decrypts them: add yours to the recipients, or get the one of the project.".to_owned()
    })
}

/// The recipient of the first identity, and its place.
fn find_recipient(searched: &[SearchedSource]) -> Option<(String, String)> {
    searched.iter().find_map(|source| match &source.outcome {
        LookupOutcome::Found { recipients, .. } => Some((recipients.first()?.clone(), source.place.clone())),
        _ => None,
    })
}

/// Creates the directory of a file.
pub(super) fn create_directory(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), fs::create_dir_all)
}

/// Adds a key in the format of `age-keygen`, to a file that only its owner can read.
fn append_key(path: &Path, app: &str, recipient: &str, identity: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    let mut directories = fs::DirBuilder::new();
    directories.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        options.mode(0o600);
        directories.mode(0o700);
    }
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        directories.create(directory)?;
    }
    let mut file = options.open(path)?;
    // the last line may have no end
    let gap = if file.metadata()?.len() > 0 { "\n" } else { "" };
    let lines = format!("{gap}# for the project {app}\n# public key: {recipient}\n{identity}\n");
    file.write_all(zeroize::Zeroizing::new(lines).as_bytes())
}
