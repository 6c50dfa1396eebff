//! Files whose own selector applies, and not the default of a rule without one.

use septum_base::value_path::ValuePathStep;

use crate::document::selector::Selector;

/// Keys that every object of Kubernetes has, in plaintext.
const MANIFEST_KEYS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Keys of the values of a Secret.
const SECRET_KEYS: [&str; 2] = ["data", "stringData"];

/// Origin of the selector of a file whose rule has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelectorOrigin {
    /// The rule: all values, as sops has it.
    Rule,
    /// The file: it has objects of Kubernetes, and its own selector encrypts their values and leaves the rest readable.
    Manifest,
}

impl SelectorOrigin {
    /// The origin of the selector of a file whose documents have these keys at their top.
    pub(crate) fn of<'k, K>(selector: &Selector, documents: impl IntoIterator<Item = K>) -> Self
    where
        K: IntoIterator<Item = &'k str>,
    {
        let is_encrypted = |key: &str| {
            let path = [ValuePathStep::Key(key.to_owned())].into_iter().collect();
            selector.encrypts_path(&path)
        };
        // a narrowed selector would leave the values of a Secret readable
        let is_sound = |keys: Vec<&str>| {
            let is_there = |key: &&&str| keys.contains(*key);
            MANIFEST_KEYS.iter().all(|key| keys.contains(key) && !is_encrypted(key))
                && SECRET_KEYS.iter().filter(is_there).all(|key| is_encrypted(key))
        };
        let mut sound = documents.into_iter().map(|keys| is_sound(keys.into_iter().collect()));
        let is_manifest = sound.next().is_some_and(|first| first && sound.all(|is| is));
        if is_manifest { Self::Manifest } else { Self::Rule }
    }
}
