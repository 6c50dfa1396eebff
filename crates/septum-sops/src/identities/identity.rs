//! The age identities of a run (format, section 2.3).
//!
//! Unprotected identities are read once, when the first file needs them. Costlier sources are left for files that
//! these do not decrypt, and each of them is queried once per run as well: `SOPS_AGE_KEY_CMD` for each recipient,
//! which it finds in `SOPS_AGE_RECIPIENT` (once for all, if its output is the same for two of them), then sources
//! that need a passphrase. The list of places and the result for each is kept: a user who cannot decrypt a file needs
//! to know which places were searched.

mod command;
mod content;
mod locked;
mod outcome;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use crate::identities::sources::IdentitySources;
use crate::recipients::passphrase::PassphraseProvider;
use crate::recipients::recipient;
use crate::recipients::ssh::{SshPrivateKey, read_private};

use command::KeyCommand;
use content::{IdentityContent, IdentityForm};
use locked::LockedIdentity;
pub use outcome::{LookupOutcome, SearchedSource};

/// Longest file with identities that is read; age has the same limit.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Passphrase provider, shared with plugins.
type SharedPassphrases = Arc<dyn PassphraseProvider>;

/// The identities of a run. Cheap to create: places are searched when the first file needs one.
pub struct Identities {
    places: IdentitySources,
    passphrases: Option<SharedPassphrases>,
    open: OnceLock<FoundIdentities>,
    command: KeyCommand,
}

/// An identity and its recipient.
pub(crate) struct LoadedIdentity {
    recipient: String,
    identity: Box<dyn age::Identity + Send + Sync>,
    /// Whether trying it runs a program, and may require touching a key.
    costly: bool,
}

/// Identities that are tried together.
pub(crate) struct IdentityBatch(Vec<Arc<LoadedIdentity>>);

/// Identities found without a prompt.
#[derive(Default)]
struct FoundIdentities {
    known: Vec<Arc<LoadedIdentity>>,
    locked: Vec<LockedIdentity>,
    searched: Vec<SearchedSource>,
    asked: Option<SharedPassphrases>,
}

/// Name of `SOPS_AGE_KEY_CMD` in messages and among the places.
const COMMAND: &str = "SOPS_AGE_KEY_CMD";

impl Identities {
    /// The identities in these places. Those that need a passphrase stay locked.
    pub fn new(places: IdentitySources) -> Self {
        let command = KeyCommand::new(places.age_key_cmd.clone());
        Self { places, passphrases: None, open: OnceLock::new(), command }
    }

    /// Sets the provider of passphrases.
    #[must_use]
    pub fn with_passphrases(mut self, passphrases: impl PassphraseProvider + 'static) -> Self {
        self.passphrases = Some(Arc::new(passphrases));
        self
    }

    /// The places that were searched, with the results so far.
    pub fn searched(&self) -> Vec<SearchedSource> {
        let found = self.found_identities();
        let mut searched = found.searched.clone();
        for place in &mut searched {
            if place.place == COMMAND {
                place.outcome = self.command.outcome();
            }
            if let Some(locked) = found.locked.iter().find(|locked| locked.place == place.place) {
                place.outcome = locked.outcome();
            }
        }
        searched
    }

    /// The identities for a file with these recipients, the cheapest first: a caller that succeeds with one batch
    /// never causes the next to be loaded.
    pub(crate) fn identity_batches<'a>(&'a self, recipients: &'a [String]) -> impl Iterator<Item = IdentityBatch> + 'a {
        let open = [false, true].into_iter().map(|costly| {
            let known = self.found_identities().known.iter().filter(|known| known.costly == costly);
            known.cloned().collect::<Vec<_>>()
        });
        let command = recipients.iter().map(|recipient| self.command.run_command(recipient, self.passphrases()));
        let locked = self
            .found_identities()
            .locked
            .iter()
            .map(|locked| locked.unlock_identities(recipients, self.passphrases()));
        open.chain(command).chain(locked).filter(|known| !known.is_empty()).map(IdentityBatch)
    }

    /// The identities that are available without a prompt or a command, if there are any.
    pub(crate) fn free_identities(&self) -> Option<IdentityBatch> {
        let known: Vec<_> = self.found_identities().known.iter().filter(|known| !known.costly).cloned().collect();
        (!known.is_empty()).then_some(IdentityBatch(known))
    }

    fn passphrases(&self) -> Option<&SharedPassphrases> {
        self.passphrases.as_ref()
    }

    fn found_identities(&self) -> &FoundIdentities {
        self.open.get_or_init(|| FoundIdentities::search_sources(&self.places, self.passphrases()))
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identities").field("places", &self.places).finish_non_exhaustive()
    }
}

impl IdentityBatch {
    /// Whether the identity of a recipient is among them.
    pub(crate) fn has_recipient(&self, recipient: &str) -> bool {
        let wanted = recipient::canonical_recipient(recipient);
        self.0.iter().any(|known| known.recipient == wanted)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|known| &*known.identity as &dyn age::Identity)
    }
}

impl FoundIdentities {
    fn search_sources(places: &IdentitySources, asked: Option<&SharedPassphrases>) -> Self {
        let mut found = Self { asked: asked.cloned(), ..Self::default() };
        match &places.age_key {
            Some(keys) => found.read_identities(
                "SOPS_AGE_KEY".to_owned(),
                IdentityForm::Words,
                Zeroizing::new(keys.as_bytes().to_vec()),
            ),
            None => found.record_outcome("SOPS_AGE_KEY", LookupOutcome::NotSet),
        }
        match &places.age_key_file {
            Some(file) => found.read_file("SOPS_AGE_KEY_FILE, ", file),
            None => found.record_outcome("SOPS_AGE_KEY_FILE", LookupOutcome::NotSet),
        }
        found.record_outcome(COMMAND, LookupOutcome::NotSet);
        for file in &places.user_key_files {
            found.read_file("", file);
        }
        found.read_ssh_keys(places);
        found
    }

    fn record_outcome(&mut self, place: impl Into<String>, outcome: LookupOutcome) {
        self.searched.push(SearchedSource { place: place.into(), outcome });
    }

    fn read_file(&mut self, variable: &str, path: &Path) {
        let place = format!("{variable}{}", path.display());
        match read_limited(path) {
            Ok(content) => self.read_identities(place, IdentityForm::Lines, content),
            Err(outcome) => self.record_outcome(place, outcome),
        }
    }

    fn read_identities(&mut self, place: String, form: IdentityForm, content: Zeroizing<Vec<u8>>) {
        if content::is_encrypted(&content) {
            self.locked.push(LockedIdentity::from_file(place.clone(), content));
            self.record_outcome(place, LookupOutcome::Locked);
        } else {
            let IdentityContent { known, outcome } = IdentityContent::read(form, &content, self.asked.as_ref());
            self.known.extend(known);
            self.record_outcome(place, outcome);
        }
    }

    fn read_ssh_keys(&mut self, places: &IdentitySources) {
        if let Some(command) = &places.ssh_key_cmd {
            let place = "SOPS_AGE_SSH_PRIVATE_KEY_CMD";
            match command::read_output(command, None) {
                Ok(content) => self.ssh_key(place.to_owned(), &content),
                Err(outcome) => self.record_outcome(place, outcome),
            }
        }
        if let Some(path) = &places.ssh_key_file {
            self.ssh_file("SOPS_AGE_SSH_PRIVATE_KEY_FILE, ", path);
        }
        for path in places.user_ssh_keys.iter().filter(|path| path.exists()) {
            self.ssh_file("", path);
        }
    }

    fn ssh_file(&mut self, variable: &str, path: &Path) {
        let place = format!("{variable}{}", path.display());
        match read_limited(path) {
            Ok(content) => self.ssh_key(place, &content),
            Err(outcome) => self.record_outcome(place, outcome),
        }
    }

    fn ssh_key(&mut self, place: String, content: &[u8]) {
        match read_private(content) {
            Some(SshPrivateKey::Ed25519(identity)) => {
                let recipient = identity.recipient().text();
                self.record_outcome(
                    place,
                    LookupOutcome::Found { recipients: vec![recipient.clone()], unsupported: Vec::new() },
                );
                self.known.push(Arc::new(LoadedIdentity { recipient, identity: Box::new(identity), costly: false }));
            }
            Some(SshPrivateKey::Locked(key)) => {
                self.record_outcome(place.clone(), LookupOutcome::Locked);
                self.locked.push(LockedIdentity::from_ssh(place, key));
            }
            Some(SshPrivateKey::Unsupported(what)) => self.record_outcome(place, LookupOutcome::Unsupported(what)),
            None => self.record_outcome(place, LookupOutcome::NotAnSshKey),
        }
    }
}

/// The recipients of all identities in a content, which is decrypted with a passphrase if necessary.
pub(crate) fn read_recipients(
    name: &str,
    content: &[u8],
    asked: &SharedPassphrases,
) -> Result<Vec<String>, LookupOutcome> {
    let IdentityContent { known, outcome } = if content::is_encrypted(content) {
        let passphrase = asked.ask_passphrase(name).ok_or(LookupOutcome::Locked)?;
        IdentityContent::unlock_content(content, &passphrase, Some(asked))
    } else {
        IdentityContent::read(IdentityForm::Lines, content, Some(asked))
    };
    match &outcome {
        // only the plugin knows what it holds
        LookupOutcome::Found { unsupported, .. }
            if unsupported.is_empty() && known.iter().all(|known| !known.costly) => {}
        _ => return Err(outcome),
    }
    if known.is_empty() { Err(outcome) } else { Ok(known.iter().map(|known| known.recipient.clone()).collect()) }
}

/// Reads a file into one buffer that is wiped, and never moved while it grows.
fn read_limited(path: &Path) -> Result<Zeroizing<Vec<u8>>, LookupOutcome> {
    let content = || {
        let file = File::open(path)?;
        let length = usize::try_from(file.metadata()?.len().min(LONGEST)).unwrap_or(0);
        let mut content = Zeroizing::new(Vec::with_capacity(length + 1));
        file.take(LONGEST + 1).read_to_end(&mut content)?;
        if content.len() as u64 > LONGEST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(content) }
    };
    content().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => LookupOutcome::Missing,
        kind => LookupOutcome::Unreadable(kind),
    })
}

#[cfg(test)]
mod tests;
