//! Key groups of a file: the recipients and their shares of its data key (format, sections 1.7 and 1.8).

use crate::recipients::foreign::{ForeignKey, SERVICES};
use crate::recipients::recipient;
use septum_base::sort::sort_by_key;
use septum_base::span::Span;
use septum_base::yaml::node::{Mapping, Scalar, YamlKey, YamlKind, YamlNode, YamlStyle};

/// A text and its location.
#[derive(Debug, Clone)]
pub struct SpannedText {
    /// The text.
    pub text: String,
    /// Location in the file.
    pub span: Span,
}

/// Recipients that can decrypt a file, or, if it has several groups, one share of its data key.
#[derive(Debug, Clone, Default)]
pub struct KeyGroup {
    /// The age recipients, each with its copy.
    pub age: Vec<AgeRecipient>,
    /// Recipients of services that are not age: preserved, never used.
    pub foreign: Vec<ForeignRecipient>,
}

/// A recipient who can decrypt the file with an age identity.
#[derive(Debug, Clone)]
pub struct AgeRecipient {
    /// The recipient as it was written: `age1…`, `ssh-ed25519 …`. Only a label: the data key may be wrapped for
    /// another.
    pub recipient: String,
    /// The data key, or a share of it, wrapped for the recipient: an armored age file.
    pub wrapped: SpannedText,
}

/// A recipient who can decrypt the file with a key of another kind.
#[derive(Debug, Clone)]
pub struct ForeignRecipient {
    /// The key.
    pub key: ForeignKey,
    /// The entry as it was read, to be written unchanged.
    pub entry: YamlNode,
}

impl KeyGroup {
    /// Whether it has no recipients.
    pub fn is_empty(&self) -> bool {
        self.age.is_empty() && self.foreign.is_empty()
    }

    /// All its recipients, for messages.
    pub fn list_recipients(&self) -> Vec<String> {
        let age = self.age.iter().map(|entry| recipient::shorten_recipient(&entry.recipient));
        age.chain(self.foreign.iter().map(|entry| entry.key.to_string())).collect()
    }

    /// The entry of a recipient.
    pub(crate) fn entry_of(&self, text: &str) -> Option<&AgeRecipient> {
        let wanted = recipient::canonical_recipient(text);
        self.age.iter().find(|entry| recipient::canonical_recipient(&entry.recipient) == wanted)
    }

    /// The entry of a key of another service.
    pub(crate) fn foreign_entry_of(&self, key: &ForeignKey) -> Option<&ForeignRecipient> {
        self.foreign.iter().find(|entry| entry.key == *key)
    }

    /// The lists of its recipients. sops writes two of them empty in a group of several.
    fn to_lists(&self, nested: bool) -> Mapping {
        let mut lists: Vec<(&str, Vec<YamlNode>)> = vec![("age", self.age.iter().map(AgeRecipient::to_node).collect())];
        for service in SERVICES {
            let entries = self.foreign.iter().filter(|entry| entry.key.service == service);
            lists.push((service, entries.map(|entry| entry.entry.clone()).collect()));
        }
        lists.retain(|(name, list)| !list.is_empty() || (nested && matches!(*name, "age" | "hc_vault")));
        sort_by_key(&mut lists, |(name, _)| *name);
        lists.into_iter().map(|(name, list)| (synthetic_key(name), synthetic_node(YamlKind::List(list)))).collect()
    }
}

impl AgeRecipient {
    fn to_node(&self) -> YamlNode {
        let text = |text: &str, style| synthetic_node(YamlKind::Scalar(Scalar::new(text, style)));
        synthetic_node(YamlKind::Map(Mapping::from_iter([
            (synthetic_key("enc"), text(&self.wrapped.text, YamlStyle::Literal)),
            (synthetic_key("recipient"), text(&self.recipient, YamlStyle::Plain)),
        ])))
    }
}

/// The fields of the metadata for the recipients of a file, in the order in which sops writes them. `threshold`
/// counts with several groups only; none means all of them.
pub fn recipient_fields(groups: &[KeyGroup], threshold: Option<usize>) -> Mapping {
    match groups {
        [] => Mapping::default(),
        [group] => group.to_lists(false),
        groups => {
            let list = groups.iter().map(|group| synthetic_node(YamlKind::Map(group.to_lists(true)))).collect();
            let threshold = threshold.unwrap_or(groups.len()).to_string();
            Mapping::from_iter([
                (synthetic_key("key_groups"), synthetic_node(YamlKind::List(list))),
                (
                    synthetic_key("shamir_threshold"),
                    synthetic_node(YamlKind::Scalar(Scalar::new(threshold, YamlStyle::Plain))),
                ),
            ])
        }
    }
}

fn synthetic_key(text: &str) -> YamlKey {
    YamlKey { text: text.to_owned(), span: Span::default() }
}

fn synthetic_node(kind: YamlKind) -> YamlNode {
    YamlNode { span: Span::default(), kind }
}
