//! The entries that accepted findings are about.

use super::allowed::AllowedFinding;
use super::definition::Definition;
use crate::map::HashMap;
use crate::test_hook;

/// Bundle of the key that an `allow` names, in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowScope<'d> {
    /// The bundle that it names, that of `data` if the key is there, or else the only one that has the key.
    Bundle(&'d str),
    /// No bundle has the key.
    Undefined,
    /// Several bundles have the key, and none is named.
    Ambiguous(Vec<&'d str>),
}

impl AllowScope<'_> {
    /// Whether a finding about the key in this bundle is accepted.
    pub fn has_bundle(&self, bundle: &str) -> bool {
        match self {
            Self::Bundle(own) => *own == bundle,
            Self::Undefined => true,
            Self::Ambiguous(_) => false,
        }
    }
}

/// Accepted findings of an environment by rule and key, in their order.
#[derive(Default)]
pub struct AllowIndex<'d>(HashMap<(&'d str, &'d str), Vec<AllowIndexItem<'d>>>);

/// Accepted finding of an environment.
struct AllowIndexItem<'d> {
    /// Its number.
    at: usize,
    /// Bundle of its key.
    scope: AllowScope<'d>,
    /// As a layer writes it.
    allow: &'d AllowedFinding,
}

impl<'d> AllowIndex<'d> {
    /// Accepted findings of a definition, of those that are valid.
    pub fn of(definition: &'d Definition, is_valid: impl Fn(&AllowedFinding) -> bool) -> Self {
        if definition.allow.is_empty() {
            return Self::default();
        }
        let bundles = KeyBundles::of(definition);
        let mut index: HashMap<_, Vec<_>> = HashMap::default();
        for (at, allow) in definition.allow.iter().enumerate().filter(|(_, allow)| is_valid(allow)) {
            test_hook::count_work(1);
            let items = index.entry((allow.rule.value.as_str(), allow.key.value.as_str())).or_default();
            let scope = bundles.scope_of(allow);
            // the first of several about the same
            if !items.iter().any(|item: &AllowIndexItem<'_>| item.scope == scope) {
                items.push(AllowIndexItem { at, scope, allow });
            }
        }
        Self(index)
    }

    /// The first `allow` with one of these rules for the key of a bundle, or for a variable if there is none.
    pub fn find<'r>(
        &self,
        rules: impl IntoIterator<Item = &'r str>,
        key: &str,
        bundle: Option<&str>,
    ) -> Option<&'d AllowedFinding> {
        test_hook::count_work(1);
        let items = rules.into_iter().filter_map(|rule| self.0.get(&(rule, key))).flatten();
        let is_about = |item: &&AllowIndexItem<'_>| match bundle {
            Some(bundle) => item.scope.has_bundle(bundle),
            None => item.allow.bundle.is_none(),
        };
        items.filter(is_about).min_by_key(|item| item.at).map(|item| item.allow)
    }
}

/// Bundles of the keys of a definition.
pub struct KeyBundles<'d> {
    own: &'d str,
    bundles: HashMap<&'d str, Vec<&'d str>>,
}

impl<'d> KeyBundles<'d> {
    /// Index of a definition.
    pub fn of(definition: &'d Definition) -> Self {
        let mut bundles: HashMap<_, Vec<_>> = HashMap::default();
        for (name, bundle) in &definition.bundles {
            test_hook::count_work(bundle.entries.len());
            for key in bundle.entries.keys() {
                bundles.entry(key.as_str()).or_default().push(name.as_str());
            }
        }
        Self { own: definition.app.as_str(), bundles }
    }

    /// Scope of an accepted finding.
    pub fn scope_of(&self, allow: &'d AllowedFinding) -> AllowScope<'d> {
        if let Some(bundle) = &allow.bundle {
            return AllowScope::Bundle(&bundle.value);
        }
        match self.bundles.get(allow.key.value.as_str()).map(Vec::as_slice) {
            None | Some([]) => AllowScope::Undefined,
            Some([bundle]) => AllowScope::Bundle(bundle),
            Some(bundles) if bundles.contains(&self.own) => AllowScope::Bundle(self.own),
            Some(bundles) => AllowScope::Ambiguous(bundles.to_vec()),
        }
    }
}
