//! `septum init`

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::help::{CommandHelp, HelpTopic};
use super::output::{OutputStreams, invalid_usage};
use super::{GlobalArgs, argument};
use crate::atomic::{self, Access};
use crate::diagnostic::{Diagnostic, Diagnostics, StyledText};
use crate::disk::{BoundedRoot, Disk};
use crate::files::{FileKind, refuse_file, resolve_writable};
use crate::sops::{HostSystem, IdentityKind, IdentitySources, NewIdentity};

/// Create a small project to start from
///
/// Writes a base, three environments, `.sops.yaml` with a new recipient, `.gitattributes` and a GitHub workflow to
/// DIR. Existing files are never overwritten. The new private key is appended to the key file.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct InitArgs {
    /// Directory of the project; created if it does not exist
    #[arg(value_name = "DIR", default_value = ".", hide_default_value = true)]
    project_directory: PathBuf,
    /// File for the new private key [default: the user's `sops/age/keys.txt`]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// Help of `septum init`.
pub(super) const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Create a project in the directory shop", "septum init shop"),
        ("Write the private key to a file of its own", "septum init api --key-file api-key.txt"),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project, HelpTopic::Recipients, HelpTopic::Identities, HelpTopic::Git],
};

/// The files of the project; `APP` and `RECIPIENT` are filled in.
const FILES: [(&str, &str); 7] = [
    ("environments/base.yaml", include_str!("init/base.yaml")),
    ("environments/dev.yaml", include_str!("init/dev.yaml")),
    ("environments/staging.yaml", include_str!("init/staging.yaml")),
    ("environments/prod.yaml", include_str!("init/prod.yaml")),
    (".sops.yaml", include_str!("init/sops.yaml")),
    (".gitattributes", include_str!("init/gitattributes")),
    (".github/workflows/septum.yaml", include_str!("init/workflow.yaml")),
];

impl InitArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        let named = global.directory.join(&self.project_directory);
        let shown = argument::shown_path(&global.directory, &self.project_directory, "DIR");
        let directory = resolve_writable(&named, &shown)?;
        let taken: Vec<_> =
            FILES.iter().map(|(path, _)| directory.join(path)).filter(|path| Disk::default().has(path)).collect();
        if !taken.is_empty() {
            let mut error = invalid_usage("files already exist, and `init` never overwrites files".to_owned());
            for path in &taken {
                let below = path.strip_prefix(&directory).unwrap_or(path);
                error = error.note(format!("`{}` exists", Path::new(&shown).join(below).display()));
            }
            return Err(error.hint("use another directory: `septum init DIR`").into());
        }
        check_directories(&directory)?;
        let keys = self.key_file()?;
        let shown_keys = self
            .key_file
            .as_ref()
            .map_or_else(|| keys.display().to_string(), |file| argument::shown_path(Path::new(""), file, "FILE"));
        let identity = NewIdentity::generate(IdentityKind::X25519).ok_or_else(Diagnostic::no_randomness)?;
        let recipient = identity.recipient();
        let app = app_name(&directory);
        // the key first: a project whose key was lost is worse than a key without a project
        append_key(&keys, &app, recipient, identity.identity().expose())
            .map_err(|error| Diagnostic::unwritable(&shown_keys, &error))?;
        for (path, template) in FILES {
            let text = template.replace("APP", &app).replace("RECIPIENT", recipient);
            write_new(&directory.join(path), text.as_bytes())
                .map_err(|error| Diagnostic::unwritable(&Path::new(&shown).join(path).display().to_string(), &error))?;
        }
        let mut text = StyledText::new();
        let place = if shown == "DIR" { "the new directory" } else { &shown };
        text.push_line(format!("created in {place}"));
        for (path, _) in FILES {
            text.push_line(format!("  {path}"));
        }
        text.end_line();
        text.push_line(format!("The private key of {recipient}"));
        text.push_line(format!(
            "was added to {shown_keys}. Keep a backup: without it, files encrypted for this recipient cannot be decrypted."
        ));
        text.end_line();
        let at = if shown == "." { String::new() } else { format!("-C {shown} ") };
        text.push_line(format!("Next: septum {at}render dev, then septum {at}set prod DATABASE_PASSWORD"));
        output.print_text(&text)
    }

    fn key_file(&self) -> Result<PathBuf, Diagnostic> {
        let default = || {
            IdentitySources::of(HostSystem::current(), |name| std::env::var_os(name)).user_key_files.into_iter().next()
        };
        match &self.key_file {
            Some(file) => resolve_writable(file, &argument::shown_path(Path::new(""), file, "FILE")),
            None => default().ok_or_else(|| {
                invalid_usage("no home directory found for the new private key".to_owned())
                    .hint("specify a file: `--key-file FILE`")
            }),
        }
    }
}

/// Refuses to write through a directory that is a link out of the named one.
fn check_directories(directory: &Path) -> Result<(), Diagnostic> {
    let Ok(root) = BoundedRoot::new(Disk::default(), directory) else { return Ok(()) };
    for (path, _) in FILES {
        root.resolve_new(&root.path().join(path)).map_err(|refusal| refuse_file(&refusal, FileKind::Layer, path))?;
    }
    Ok(())
}

/// The directory's name, as far as Kubernetes takes it as one.
fn app_name(directory: &Path) -> String {
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_path_buf());
    let name = absolute.components().next_back().map(|part| part.as_os_str().to_string_lossy().to_lowercase());
    let name: String = name
        .unwrap_or_default()
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() { char } else { '-' })
        .take(63)
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "app".to_owned() } else { name.to_owned() }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    atomic::create_new(path, bytes, Access::Usual)
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
    let text = zeroize::Zeroizing::new(format!("# for the project {app}\n# public key: {recipient}\n{identity}\n"));
    options.open(path)?.write_all(text.as_bytes())
}
