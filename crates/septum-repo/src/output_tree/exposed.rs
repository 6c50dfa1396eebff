//! Check that Secrets in plaintext are not committed to Git.

use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::name::FileName;
use super::output::RenderedTarget;
use super::request::RenderRequest;
use crate::diagnostic::{Diagnostic, FailureKind, Rule, shown_path};
use crate::disk::real_named;
use crate::git::{GitConfiguration, GitRepository, SafeGit};
use crate::route::Sensitivity;

/// Number of files that are named.
const MOST: usize = 5;

/// Error: Secrets in plaintext would be committed to Git: the tree is in a work tree, and is not ignored.
pub(super) fn find_exposed(targets: &[RenderedTarget], wish: &RenderRequest<'_>) -> Option<Diagnostic> {
    let secrets = targets
        .iter()
        .flat_map(|target| plain_secrets(target).map(|file| PathBuf::from(target.name.as_str()).join(file.as_str())));
    let secrets: Vec<_> = secrets.map(|path| wish.dir.join(path)).collect();
    if secrets.is_empty() {
        return None;
    }
    let ignored = repositories_of(wish.dir).ok().and_then(|repositories| not_ignored(repositories, &secrets));
    // without Git, all of them: they exist already, and it may know them
    let (is_known, exposed) = (ignored.is_some(), ignored.unwrap_or(secrets));
    if exposed.is_empty() {
        return None;
    }
    let count = exposed.len();
    let what = if count == 1 { "a Secret".to_owned() } else { format!("{count} Secrets") };
    let error =
        Diagnostic::error(Rule::PlaintextOutput, format!("{what} would be written in plaintext into a Git work tree"))
            .with_failure(FailureKind::Invalid);
    let shown = exposed.iter().take(MOST).map(|path| format!("`{}`", shown_path(path)));
    let error = shown.fold(error, Diagnostic::note);
    let error = if count > MOST { error.note(format!("and {} more", count - MOST)) } else { error };
    let error = if is_known { error } else { error.note("Git could not be asked whether it ignores them") };
    let ignore = format!("add `{}` to `.gitignore`", shown_path(wish.dir));
    Some(
        error
            .hint("encrypt them: `delivery: { secrets: sops }` in the layers, or `sealed-secret`")
            .hint(if is_known {
                format!("or {ignore}")
            } else {
                format!("or {ignore}, and install Git, which reads it")
            })
            .hint("or, if anyone may read them, use `--allow-plaintext`"),
    )
}

/// The files with a Secret in plaintext in them.
fn plain_secrets(target: &RenderedTarget) -> impl Iterator<Item = &FileName> {
    let files = target.rendered().map_or(&[][..], |rendered| &rendered.files);
    files.iter().filter(|file| file.sensitivity == Sensitivity::Sensitive).map(|file| &file.name)
}

/// The repositories that may commit a directory: the one around it, and the one that the variables of Git name for the
/// work tree that it is in.
fn repositories_of(directory: &Path) -> io::Result<Vec<GitRepository>> {
    let mut found = Vec::from_iter(GitRepository::find(directory)?);
    // Git refuses variables that name no repository
    if let Ok(Some(named)) = GitRepository::of_hook(|name| env::var_os(name)) {
        let directory = real_named(directory);
        if directory.starts_with(&named.root) && !found.contains(&named) {
            found.push(named);
        }
    }
    Ok(found)
}

/// Those of some paths that Git does not ignore in some repository. None if Git cannot be run.
fn not_ignored(repositories: Vec<GitRepository>, paths: &[PathBuf]) -> Option<Vec<PathBuf>> {
    let absolute: Vec<_> =
        paths.iter().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone())).collect();
    let mut exposed = vec![false; paths.len()];
    for repository in repositories {
        let ignored = ignored_paths(repository, &absolute)?;
        for (exposed, path) in exposed.iter_mut().zip(&absolute) {
            *exposed |= !ignored.contains(path);
        }
    }
    Some(paths.iter().zip(exposed).filter(|(_, exposed)| *exposed).map(|(path, _)| path.clone()).collect())
}

/// Whether variables replace the configuration of the user, or add to it.
fn is_configured_otherwise() -> bool {
    env::vars_os().any(|(name, _)| name.as_encoded_bytes().starts_with(b"GIT_CONFIG"))
}

fn ignored_paths(repository: GitRepository, paths: &[PathBuf]) -> Option<Vec<PathBuf>> {
    let is_replaced = repository.may_replace_excludes().ok()? || is_configured_otherwise();
    let safe = SafeGit::new(repository, GitConfiguration::UserSettings).ok()?;
    let mut git = safe.command("check-ignore").ok()?;
    if is_replaced {
        // the patterns of the user may not count, and those in their place are not read: they are no evidence
        git.envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "core.excludesFile"), ("GIT_CONFIG_VALUE_0", "")]);
    }
    let mut git = git.args(["--stdin", "-z"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let asked: Vec<u8> = paths.iter().flat_map(|path| [path.as_os_str().as_encoded_bytes(), b"\0"].concat()).collect();
    let mut stdin = git.stdin.take()?;
    // written from the side, so that neither waits for the other
    let writer = std::thread::Builder::new().spawn(move || stdin.write_all(&asked));
    let output = git.wait_with_output().ok()?;
    writer.ok()?.join().ok()?.ok()?;
    // 0: some are ignored, 1: none, all else: it does not know
    if !matches!(output.status.code(), Some(0 | 1)) {
        return None;
    }
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect())
}
