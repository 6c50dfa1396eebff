//! Plaintext files on their way to encrypted ones.

use std::path::Path;

use super::RuleBook;
use super::file::{SecretFile, Staged};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::sops::{self, Format, Plan, Recipient, Recipients, Rules, Timestamp};

/// What somebody asks for beside what the rule says.
#[derive(Debug, Default)]
pub struct Wish {
    /// Recipients in place of those of the rule; none leaves it to the rule.
    pub recipients: Vec<Recipient>,
}

impl RuleBook {
    /// How a file is to be encrypted, which need not exist.
    pub fn plan(&self, path: &Path, name: &str, wish: &Wish) -> Result<Plan, Diagnostics> {
        let rule = self.rule(path)?;
        let plan = rule.as_ref().map(Plan::of_rule);
        if !wish.recipients.is_empty() {
            let recipients = Recipients::age(wish.recipients.clone());
            return Ok(match plan {
                Some(plan) => Plan { recipients, ..plan },
                None => Plan::new(recipients),
            });
        }
        match (plan, rule) {
            (Some(plan), _) if !plan.recipients.groups.is_empty() => Ok(plan),
            (_, Some(rule)) => Err(Diagnostic::error("no-rule", format!("the rule for `{name}` names no recipients"))
                .at(rule.place)
                .hint("add `age: age1…` to the rule, or say `--age age1…`")
                .into()),
            (_, None) => Err(no_rule(path, name)),
        }
    }
}

/// That nothing says for whom a file is to be encrypted.
fn no_rule(path: &Path, name: &str) -> Diagnostics {
    let error = Diagnostic::error("no-rule", format!("no rule says for whom `{name}` is to be encrypted"));
    let error = match Rules::nearest(path) {
        Ok(Some(config)) => error.note(format!("no `path_regex` in `{}` matches it", Rules::shown(&config))),
        _ => error.note("there is no `.sops.yaml` in the file's folder or above it"),
    };
    error.hint("add a rule with `path_regex` and `age` to `.sops.yaml`, or say `--age age1…`").into()
}

/// Encrypts a file by a plan.
pub fn encrypt(file: SecretFile, plan: &Plan, now: Timestamp) -> Result<Staged, Diagnostics> {
    let SecretFile { path, name, format, bytes } = file;
    let bytes = encrypted(&name, bytes, format, plan, now)?;
    Ok(Staged { path, name, bytes })
}

/// Encrypts the content of a file.
pub fn encrypted(name: &str, bytes: Vec<u8>, format: Format, plan: &Plan, now: Timestamp) -> Result<Vec<u8>, Diagnostics> {
    sops::encrypt(name, bytes, format, plan, now).map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))
}
