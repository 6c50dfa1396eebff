//! Names of environments, before their layers are written.

use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::project::unlikely_environment;

/// Refuses names whose layers would not be taken for environments. Error: `invalid-name`.
pub(super) fn check_environment_names(names: &[&str], hint: &str) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::new();
    for name in names.iter().copied() {
        if let Some(why) = unlikely_environment(name, names.iter().copied().filter(|other| *other != name)) {
            let message = format!("`{name}` cannot be the name of an environment: {why}");
            problems.push(Diagnostic::error(Rule::InvalidName, message).hint(hint));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
