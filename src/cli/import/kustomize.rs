//! `septum import kustomize`

use std::path::{Path, PathBuf};

use clap::Args;

use super::super::help::{CommandHelp, HelpTopic};
use super::super::output::{OutputStreams, invalid_usage};
use super::super::{GlobalArgs, argument};
use super::ImportOptions;
use crate::cli::files::current_time;
use septum::diagnostic::{Diagnostic, Diagnostics};
use septum::disk::{Disk, normalize_path, real_named};
use septum::import::{KustomizeRequest, find_roots, plan_kustomize};

/// Convert kustomizations: base and overlays to a base and environments
///
/// `kustomize`, or `kubectl`, builds each overlay, and the layers that were written render to the same objects.
/// Bases that all overlays share become the base, components become mixins, generators become bundles with the same
/// names, and patches, images, replicas, prefixes and labels stay what they are. What has no equivalent is taken as
/// built, and named with its reason. Of one DIR, the environments
/// are the directories in `overlays`, in it or beside it, or those beside `base` in it.
#[derive(Debug, Args)]
#[command(after_help = HELP.to_text())]
pub(super) struct KustomizeArgs {
    #[command(flatten)]
    options: ImportOptions,
    /// Directories of overlays; each is the environment of its name
    #[arg(value_name = "DIR", required_unless_present = "environments", conflicts_with = "environments")]
    directories: Vec<PathBuf>,
    /// An environment and the directory of its overlay; repeatable
    #[arg(long = "env", value_name = "NAME=DIR")]
    environments: Vec<String>,
    /// A checkout that is read in place of a remote resource; repeatable
    #[arg(long = "remote", value_name = "URL=DIR")]
    remotes: Vec<String>,
}

/// Help of `septum import kustomize`.
const HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Convert the overlays of an app", "septum import kustomize apps/web"),
        ("Name the environments", "septum import kustomize --env prod=clusters/main --env test=clusters/lab"),
    ],
    exit_codes: super::HELP.exit_codes,
    topics: &[HelpTopic::Project, HelpTopic::Recipients],
};

impl KustomizeArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        self.options.run(global, output, |app| {
            let here = real_directory(&global.directory)?;
            let pairs = |texts: &[String], form: &str| -> Result<Vec<(String, PathBuf)>, Diagnostic> {
                let split = |text: &String| match text.rsplit_once('=') {
                    Some((name, path)) if !name.is_empty() && !path.is_empty() => {
                        Ok((name.to_owned(), normalize_path(&here.join(path))))
                    }
                    _ => Err(invalid_usage(format!("expected `{form}`, found no `=` between two parts"))),
                };
                texts.iter().map(split).collect()
            };
            let named = pairs(&self.environments, "NAME=DIR")?;
            let remotes = pairs(&self.remotes, "URL=DIR")?;
            let directories: Vec<_> = self.directories.iter().map(|path| normalize_path(&here.join(path))).collect();
            for directory in named.iter().map(|(_, directory)| directory).chain(&directories) {
                real_directory(directory)?;
            }
            let roots = find_roots(&named, &directories)?;
            let all = roots.iter().map(|(_, directory)| directory);
            let bounds = bounds_of(&here, all.chain(remotes.iter().map(|(_, directory)| directory)));
            plan_kustomize(&KustomizeRequest { app, roots, bounds, remotes, now: current_time() })
        })
    }
}

/// A directory without links.
fn real_directory(path: &Path) -> Result<PathBuf, Diagnostic> {
    let shown = argument::shown_path(Path::new(""), path, "DIR");
    if argument::is_directory(path) {
        Ok(real_named(path))
    } else {
        Err(invalid_usage(format!("`{shown}` is not an existing directory")))
    }
}

/// Directory that contains all files: the repository of the overlays, or the nearest directory above all of them.
fn bounds_of<'p>(here: &Path, directories: impl Iterator<Item = &'p PathBuf>) -> PathBuf {
    let directories: Vec<_> = directories.collect();
    let contains = |above: &Path| directories.iter().all(|directory| directory.starts_with(above));
    let repository =
        directories.first().and_then(|directory| Disk::default().repository_of(directory).map(Path::to_path_buf));
    if let Some(repository) = repository.filter(|repository| contains(repository)) {
        return repository;
    }
    here.ancestors().find(|above| contains(above)).unwrap_or(here).to_path_buf()
}
