//! Plaintext files on their way to encrypted ones.

use std::path::Path;

use super::file::{SecretFile, Staged};
use crate::atomic::Access;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::sops::{self, Format, Plan, Recipient, Recipients, Reworded, Rule, RuleBook, Rules, Timestamp};

/// For whom somebody wants files encrypted that no rule names recipients for.
#[derive(Debug, Default)]
pub struct Wish {
    /// Those who were named for this run.
    pub named: Vec<Recipient>,
    /// Those who are named for all runs, in the environment.
    pub usual: Vec<Recipient>,
}

/// How a file is to be encrypted, which need not exist. A rule that names recipients has the last
/// word: a file that differs from its rule could not be changed any more.
pub fn plan(book: &RuleBook, path: &Path, name: &str, wish: &Wish) -> Result<Plan, Diagnostics> {
    let rule = book.rule(path)?;
    let wanted = if wish.named.is_empty() { &wish.usual } else { &wish.named };
    let wanted = (!wanted.is_empty()).then(|| Recipients::age(wanted.clone()));
    match (rule, wanted) {
        (Some(rule), wanted) if !rule.groups.is_empty() => {
            let plan = Plan::of_rule(&rule);
            match wanted.filter(|wanted| !wish.named.is_empty() && !same(wanted, &plan.recipients)) {
                Some(_) => Err(otherwise(name, &rule)),
                None => Ok(plan),
            }
        }
        (Some(rule), Some(recipients)) => Ok(Plan { recipients, ..Plan::of_rule(&rule) }),
        (None, Some(recipients)) => Ok(Plan::new(recipients)),
        (Some(rule), None) => Err(Diagnostic::error("no-rule", format!("the rule for `{name}` names no recipients"))
            .at(rule.place)
            .hint("add `age: age1…` to the rule, or say `--age age1…`")
            .into()),
        (None, None) => Err(no_rule(path, name)),
    }
}

/// Whether two lists have the same recipients, in whatever order.
fn same(one: &Recipients, other: &Recipients) -> bool {
    let all = |recipients: &Recipients| {
        let mut all: Vec<_> =
            recipients.groups.iter().map(|group| (group.age.clone(), group.foreign.clone())).collect();
        for (age, _) in &mut all {
            age.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        }
        all
    };
    all(one) == all(other)
}

fn otherwise(name: &str, rule: &Rule) -> Diagnostics {
    Diagnostic::error("recipients-drift", format!("`--age` names other recipients for `{name}` than its rule"))
        .at(rule.place.clone())
        .note("the file would differ from its rule, and could not be changed any more")
        .hint("change the rule, or leave `--age` out")
        .into()
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

/// Encrypts a file by a plan; also what there is to say of it.
pub fn encrypt(file: SecretFile, plan: &Plan, now: Timestamp) -> Result<(Staged, Diagnostics), Diagnostics> {
    let SecretFile { path, name, format, bytes } = file;
    let (bytes, told) = encrypted(&name, bytes, format, plan, now)?;
    Ok((Staged { path, name, bytes, access: Access::Usual }, told))
}

/// Encrypts the content of a file; also what there is to say of it.
pub fn encrypted(
    name: &str,
    bytes: Vec<u8>,
    format: Format,
    plan: &Plan,
    now: Timestamp,
) -> Result<(Vec<u8>, Diagnostics), Diagnostics> {
    let ciphertext = sops::refuse_ciphertext(name, &bytes);
    // a file that is encrypted already holds ciphertext too, and that error says more
    let written = sops::encrypt(name, bytes, format, plan, now);
    let written = written.map_err(|error| Diagnostics::from_iter(error.into_diagnostics()))?;
    ciphertext?;
    Ok((written.bytes, written.reworded.into_iter().map(Reworded::into_diagnostic).collect()))
}
