//! Apps of which a command needs one, in its messages.

use super::LayerCache;
use crate::project::App;

/// Names of apps between which the user has to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppChoice {
    /// One for each app: its name, in backticks, and its directory where another one has the same name.
    pub labels: Vec<String>,
    /// Hint for the choice: `--app` cannot tell apps of one name from each other.
    pub hint: &'static str,
}

impl LayerCache<'_> {
    /// Labels for some apps, each different from the others. One whose base cannot be read has the name of its directory.
    pub fn choose_app<'a>(&self, apps: impl IntoIterator<Item = &'a App>) -> AppChoice {
        let named = |app: &'a App| {
            let name = self.app_name(app).map(|name| name.as_str().to_owned());
            (name.unwrap_or_else(|_| app.directory_name()), app)
        };
        let named: Vec<_> = apps.into_iter().map(named).collect();
        let is_shared = |name: &str| named.iter().filter(|(other, _)| other == name).count() > 1;
        let label = |(name, app): &(String, &App)| {
            let directory = self.project.files.name(&app.directory);
            if is_shared(name) { format!("`{name}` in `{directory}`") } else { format!("`{name}`") }
        };
        let is_ambiguous = named.iter().all(|(name, _)| is_shared(name));
        let hint = if is_ambiguous {
            "rename one of the apps: set `app: NAME` in its `base.yaml`"
        } else {
            "specify one: `--app NAME`"
        };
        AppChoice { labels: named.iter().map(label).collect(), hint }
    }
}
