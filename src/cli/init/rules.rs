//! Rule of `.sops.yaml` for the encrypted files of a new project.

use std::path::{Path, PathBuf};

use septum::diagnostic::Diagnostics;
use septum::files::{FileKind, read_named};
use septum::sops::SopsConfig;
use septum::span::Source;

/// Name of the file of rules.
pub(super) const FILE: &str = ".sops.yaml";

/// Rules that a repository already has.
pub(super) struct ExistingRules {
    /// Path of the file.
    pub(super) path: PathBuf,
    text: String,
    config: SopsConfig,
}

impl ExistingRules {
    /// The rules that are nearest to a file, if they are below a directory.
    pub(super) fn find(top: &Path, file: &Path) -> Result<Option<Self>, Diagnostics> {
        let Some(path) = SopsConfig::find_nearest(file)?.filter(|path| path.starts_with(top)) else { return Ok(None) };
        let config = SopsConfig::read(&path)?;
        let bytes = read_named(FileKind::SopsConfig, &path, &SopsConfig::display_path(&path))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Some(Self { path, text, config }))
    }

    /// Whether a rule names the recipients of a file.
    pub(super) fn names_recipients(&self, file: &Path) -> Result<bool, Diagnostics> {
        has_recipients(&self.config, file)
    }

    /// The recipients on which all rules agree.
    pub(super) fn common_recipients(&self) -> Option<String> {
        self.config.common_recipients().map(|recipients| recipients.join(","))
    }

    /// The text with a rule at its end that applies to a file; none if its layout does not allow it.
    pub(super) fn with_rule(&self, file: &Path, recipients: &str) -> Option<String> {
        let mut lines = self.text.lines().skip_while(|line| !line.starts_with("creation_rules:")).skip(1);
        let first = lines.clone().find(|line| line.trim_start().starts_with("- "))?;
        let is_inside = |line: &str| line.is_empty() || line.starts_with([' ', '-', '#']);
        if !lines.all(is_inside) {
            return None;
        }
        let indent = first.get(..first.len() - first.trim_start().len())?;
        let end = if self.text.ends_with('\n') { "" } else { "\n" };
        let text = format!("{}{end}{}", self.text, rule_text(indent, recipients));
        let directory = self.path.parent()?;
        let config = SopsConfig::parse(&Source::new(FILE, text.as_str()), directory).ok()?;
        has_recipients(&config, file).ok()?.then_some(text)
    }
}

fn has_recipients(config: &SopsConfig, file: &Path) -> Result<bool, Diagnostics> {
    Ok(config.first_match(file)?.is_some_and(|rule| !rule.groups.is_empty()))
}

/// A file with one rule.
pub(in crate::cli) fn new_rules(recipients: &str) -> String {
    let rule = rule_text("  ", recipients);
    format!("# Recipients of encrypted files; sops reads this file too.\ncreation_rules:\n{rule}")
}

/// The rule, as an item of a list.
pub(super) fn rule_text(indent: &str, recipients: &str) -> String {
    format!("{indent}- path_regex: \\.secrets\\.yaml$\n{indent}  age: {recipients}\n")
}
