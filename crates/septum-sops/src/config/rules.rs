//! `.sops.yaml`: the recipients of each file, and the values of it that are encrypted (format, section 2.1).
//!
//! The file is the one that sops reads, and is read as sops reads it, with three exceptions: it is looked for from
//! the *file* upward, not from the working directory; paths have `/` between their directories on every system; and
//! what sops silently ignores (an unknown field, an empty key group) is an error with its location.
//! `destination_rules` are not evaluated.

mod book;
mod fields;
mod glob;
mod groups;
mod mistakes;
mod read;

use std::io;
use std::path::{Component, Path, PathBuf};

use septum_base::diagnostic::shown_path;

use crate::crypto::mac::MacScope;
use crate::document::pattern::GoRegex;
use crate::document::selector::Selector;
use crate::recipients::foreign::ForeignKey;
use crate::recipients::private_key::refuse_private_key;
use crate::recipients::recipient::Recipient;
use crate::store::layout::StoreLayout;
use septum_base::diagnostic::{Diagnostic, Diagnostics, FailureKind, Rule, Severity};
use septum_base::disk::Disk;
use septum_base::files::{FileKind, SOPS_CONFIG, read_sops_config, refuse_file};
use septum_base::span::{Location, Source};

pub use book::SopsConfigCache;
use read::{RuleEntry, RuleList};

/// A file name that sops warns about and does not read.
const OTHER_NAME: &str = ".sops.yml";

/// Number of directories searched upward, as in sops.
const HIGHEST: usize = 100;

/// All rules of a file, in its order.
#[derive(Debug, Clone)]
pub struct SopsConfig {
    directory: PathBuf,
    list: RuleList,
}

/// Encryption settings for the files that the rule matches.
#[derive(Debug, Clone)]
pub struct CreationRule {
    /// Location of the rule.
    pub place: Location,
    /// Pattern of the files that the rule applies to; without one, it applies to all of them.
    pub path_regex: Option<GoRegex>,
    /// Recipients of the files. More than one group split the data key. None at all: the rule leaves it to the
    /// command line.
    pub groups: Vec<RecipientGroup>,
    /// Number of groups needed to decrypt; none means all of them.
    pub threshold: Option<usize>,
    /// Selector of encrypted values; none means the default, [`Selector::default`].
    pub selector: Option<Selector>,
    /// Values covered by the checksum.
    pub mac_scope: MacScope,
    /// Layout of files.
    pub layout: StoreLayout,
}

/// Recipients each of which can decrypt the whole file, or, where there are several groups, one
/// share of its data key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecipientGroup {
    /// The age recipients.
    pub age: Vec<Recipient>,
    /// Keys of other services.
    pub foreign: Vec<ForeignKey>,
}

impl SopsConfig {
    /// The rule for a file, which need not exist: the first that matches, in the nearest `.sops.yaml` from the file's
    /// directory upward.
    ///
    /// `None` is both "no `.sops.yaml`" and "no rule of it matches"; [`SopsConfig::read_nearest`] distinguishes them.
    pub fn find_rule(file: &Path) -> Result<Option<CreationRule>, Diagnostics> {
        let Some(rules) = Self::read_nearest(file)? else { return Ok(None) };
        Ok(rules.first_match(file)?.cloned())
    }

    /// The nearest `.sops.yaml` from a file's directory upward, read and checked.
    pub fn read_nearest(file: &Path) -> Result<Option<Self>, Diagnostics> {
        match Self::find_nearest(file)? {
            Some(config) => Self::read(&config).map(Some),
            None => Ok(None),
        }
    }

    /// Finds the nearest `.sops.yaml` from a file's directory upward.
    pub fn find_nearest(file: &Path) -> Result<Option<PathBuf>, Diagnostic> {
        discover_config(&Disk::default(), &make_absolute(file)?)
    }

    /// Reads a file of rules. All problems in it are reported together.
    pub fn read(config: &Path) -> Result<Self, Diagnostics> {
        Self::read_on(&Disk::default(), config)
    }

    fn read_on(disk: &Disk, config: &Path) -> Result<Self, Diagnostics> {
        let config = make_absolute(config)?;
        let text = text_of(disk, &config)?;
        let directory = config.parent().unwrap_or(Path::new("/")).to_owned();
        Self::parse(&Source::new(path_text(&config), text), directory)
    }

    /// Parses rules that are in a directory.
    pub fn parse(source: &Source, directory: impl Into<PathBuf>) -> Result<Self, Diagnostics> {
        refuse_private_key(source)?;
        let list = read::read_rule_list(source)?;
        Ok(Self { directory: directory.into(), list })
    }

    /// The first rule that matches a file. An invalid rule is an error of its files alone.
    pub fn first_match(&self, file: &Path) -> Result<Option<&CreationRule>, Diagnostics> {
        let file = make_absolute(file)?;
        // what waits for a file has the readers of that file
        let path = self.path_of(file_of_incoming(&file).as_deref().unwrap_or(&file));
        for entry in &self.list.entries {
            match entry {
                RuleEntry::Sound(rule) if rule.matches_path(&path) => return Ok(Some(rule)),
                RuleEntry::Broken { path_regex, problems }
                    if path_regex.as_ref().is_none_or(|pattern| pattern.is_match(&path)) =>
                {
                    return Err(problems.clone());
                }
                RuleEntry::Sound(_) | RuleEntry::Broken { .. } => {}
            }
        }
        Ok(None)
    }

    /// The age recipients that every rule names, in one group and in the same order; none if the rules differ or name
    /// other keys.
    pub fn common_recipients(&self) -> Option<Vec<&str>> {
        let recipients = |entry| match entry {
            &RuleEntry::Sound(CreationRule { ref groups, .. }) => match groups.as_slice() {
                [RecipientGroup { age, foreign }] if foreign.is_empty() => {
                    Some(age.iter().map(Recipient::as_str).collect::<Vec<_>>())
                }
                _ => None,
            },
            RuleEntry::Broken { .. } => None,
        };
        let (first, others) = self.list.entries.split_first()?;
        let common = recipients(first).filter(|common| !common.is_empty())?;
        others.iter().all(|entry| recipients(entry).as_ref() == Some(&common)).then_some(common)
    }

    /// Problems of the file that affect only the files of single rules.
    pub fn warnings(&self) -> Diagnostics {
        let broken = self.list.entries.iter().filter_map(|entry| match entry {
            RuleEntry::Broken { problems, .. } => Some(problems.clone()),
            RuleEntry::Sound(_) => None,
        });
        let broken = broken.flatten().map(|problem| {
            Diagnostic { severity: Severity::Warning, ..problem }
                .note("the rule is not used; files that it matches cannot be encrypted or changed")
        });
        broken.chain(self.list.warnings.clone()).collect()
    }

    /// A path as messages show it: from the working directory, if it is below it.
    pub fn display_path(path: &Path) -> String {
        path_text(path)
    }

    /// Text that `path_regex` is matched against: the path from the directory of the rules, with `/`; the
    /// whole path of a file outside of it.
    fn path_of(&self, file: &Path) -> String {
        shown_path(file.strip_prefix(&self.directory).unwrap_or(file))
    }
}

impl CreationRule {
    /// Whether the rule is for a path, relative to its file, with `/` between directories.
    fn matches_path(&self, path: &str) -> bool {
        self.path_regex.as_ref().is_none_or(|pattern| pattern.is_match(path))
    }

    /// Selector of encrypted values that applies.
    pub fn effective_selector(&self) -> Selector {
        self.selector.clone().unwrap_or_default()
    }
}

impl RecipientGroup {
    /// Whether it has no recipients.
    pub fn is_empty(&self) -> bool {
        self.age.is_empty() && self.foreign.is_empty()
    }
}

/// Ending of the name of an incoming file: its values wait to be merged into the encrypted file whose name lacks the
/// word `incoming`, and it has the rule of that file.
pub const INCOMING: &str = ".incoming.secrets.yaml";

/// The encrypted file that the values of an incoming file are for: `prod.secrets.yaml` of `prod.incoming.secrets.yaml`.
pub fn file_of_incoming(file: &Path) -> Option<PathBuf> {
    let name = file.file_name()?.to_str()?.strip_suffix(INCOMING).filter(|name| !name.is_empty())?;
    Some(file.with_file_name(format!("{name}.secrets.yaml")))
}

/// The nearest file of rules above a file.
fn discover_config(disk: &Disk, file: &Path) -> Result<Option<PathBuf>, Diagnostic> {
    let directories = || file.ancestors().skip(1).take(HIGHEST);
    // any entry of the name: reading it shows whether it is a file
    let existing = |name: &str| directories().map(|directory| directory.join(name)).find(|path| disk.has(path));
    if let Some(config) = existing(SOPS_CONFIG) {
        return Ok(Some(config));
    }
    match existing(OTHER_NAME) {
        Some(other) => {
            Err(Diagnostic::error(Rule::SopsRules, format!("`{}` is not read by septum or sops", path_text(&other)))
                .hint(format!("rename it to `{SOPS_CONFIG}`")))
        }
        None => Ok(None),
    }
}

/// The absolute path without `.` and `..`, as sops makes it: links are not followed.
fn make_absolute(path: &Path) -> Result<PathBuf, Diagnostic> {
    let whole = std::path::absolute(path).map_err(|error| unreadable_config(path, &error))?;
    let mut clean = PathBuf::new();
    for component in whole.components() {
        match component {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => clean.push(component),
        }
    }
    Ok(clean)
}

/// The path as messages show it: from the working directory, if it is below it.
fn path_text(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    shown_path(here.as_deref().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path))
}

fn text_of(disk: &Disk, path: &Path) -> Result<String, Diagnostic> {
    let bytes = read_sops_config(disk, path);
    let bytes = bytes.map_err(|refusal| refuse_file(&refusal, FileKind::SopsConfig, &path_text(path)))?;
    String::from_utf8(bytes).map_err(|_| unreadable_config(path, &io::ErrorKind::InvalidData.into()))
}

fn unreadable_config(path: &Path, error: &io::Error) -> Diagnostic {
    Diagnostic::error(Rule::SopsRules, format!("cannot read `{}`: {}", path_text(path), error.kind()))
        .with_failure(FailureKind::Io)
}

#[cfg(test)]
mod tests;
