//! The `sops` block of a file (format, section 1.7).

use sha2::{Digest as _, Sha256};

use crate::crypto::mac::MacScope;
use crate::document::pattern::GoRegex;
use crate::document::selector::Selector;
use crate::metadata::error::{DecryptionError, MetadataFault, MetadataProblem};
use crate::metadata::selector_origin::SelectorOrigin;
use crate::recipients::foreign::{ForeignKey, SERVICES};
use crate::recipients::group::SpannedText;
use crate::recipients::group::{AgeRecipient, ForeignRecipient, KeyGroup};
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean};
use septum_base::span::{Location, Source, Span};
use septum_base::time::Timestamp;
use septum_base::yaml::node::{Mapping, Scalar, YamlKind, YamlNode};

/// The newest supported major version of the format.
const MAJOR: u64 = 3;

/// The names of the fields of a block, in addition to those of the services that hold keys.
const FIELDS: [&str; 13] = [
    "age",
    "key_groups",
    "shamir_threshold",
    "lastmodified",
    "mac",
    "mac_only_encrypted",
    "version",
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
];

/// Whether a block may have a field of this name.
pub(crate) fn is_field(name: &str) -> bool {
    name == CONFLICT_FIELD || FIELDS.contains(&name) || SERVICES.contains(&name)
}

/// The field that marks an unfinished merge.
pub(crate) const CONFLICT_FIELD: &str = "septum_conflict";

/// Mapping of the metadata.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MetadataLevel {
    /// The block itself.
    Block,
    /// One of several key groups.
    Group,
    /// An age recipient.
    Age,
}

impl MetadataLevel {
    fn fields(self) -> impl Iterator<Item = &'static str> {
        let own: &[&str] = match self {
            Self::Block => &FIELDS,
            Self::Group => &["age"],
            Self::Age => &["recipient", "enc", "created_at"],
        };
        let services = if self == Self::Age { [].as_slice() } else { SERVICES.as_slice() };
        own.iter().chain(services).copied()
    }

    /// Whether a field of this name is known. Very old files have a text for users named `attention`.
    fn knows_field(self, name: &str) -> bool {
        self == Self::Block && ["attention", CONFLICT_FIELD].contains(&name) || self.fields().any(|known| known == name)
    }
}

/// Encryption metadata of a file, in plaintext.
///
/// None of it is authenticated, except for the time of the last change (format, section 8): anyone who can write the
/// file can relabel recipients and narrow the selector.
#[derive(Debug, Clone)]
pub struct SopsMetadata {
    /// Recipients that can decrypt the file. If there are several groups, each has a share of the data key.
    pub groups: Vec<KeyGroup>,
    /// Number of required groups, if the file gives it and has several; see
    /// [`SopsMetadata::needed_groups`].
    pub threshold: Option<usize>,
    /// Time of the last encryption.
    pub last_modified: Timestamp,
    /// The encrypted checksum, if there is one.
    pub mac: Option<SpannedText>,
    /// Selector of encrypted values.
    pub selector: Selector,
    /// Values covered by the checksum.
    pub mac_scope: MacScope,
    /// Origin of the selector, where the rule has none.
    pub selector_origin: SelectorOrigin,
    /// Location of the block.
    pub place: Location,
    /// The block as it was read, unknown fields included.
    pub block: YamlNode,
}

impl SopsMetadata {
    /// Hash by which a change of the wrapped data key is noticed: it changes if the data key or its recipients do.
    pub fn hash_wrapped_keys(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for entry in self.groups.iter().flat_map(|group| &group.age) {
            hash.update((entry.wrapped.text.len() as u64).to_le_bytes());
            hash.update(&entry.wrapped.text);
        }
        hash.finalize().into()
    }

    /// Whether a value holds both sides of an unfinished merge, as far as the metadata show it.
    pub fn has_conflict(&self) -> bool {
        self.block.as_map().is_some_and(|fields| fields.get(CONFLICT_FIELD).is_some())
    }

    /// Warnings about unknown fields. sops ignores them too, and omits them when it writes the file.
    pub fn unknown_fields(&self) -> Diagnostics {
        let mut found = Diagnostics::new();
        if let Some(fields) = self.block.as_map() {
            self.collect_unknown(fields, "sops", MetadataLevel::Block, &mut found);
        }
        found
    }

    fn collect_unknown(&self, fields: &Mapping, path: &str, level: MetadataLevel, found: &mut Diagnostics) {
        for (key, node) in fields {
            let name = key.text.as_str();
            let items = match &node.kind {
                YamlKind::List(items) => items.as_slice(),
                YamlKind::Scalar(_) | YamlKind::Map(_) => &[],
            };
            let path = format!("{path}.{name}");
            match (level, name) {
                (MetadataLevel::Block | MetadataLevel::Group, "age") => {
                    self.collect_of_items(items, &path, MetadataLevel::Age, found);
                }
                (MetadataLevel::Block, "key_groups") => {
                    self.collect_of_items(items, &path, MetadataLevel::Group, found);
                }
                _ if level.knows_field(name) => {}
                _ => found.push(
                    Diagnostic::warning(
                        Rule::SopsMetadata,
                        format!("unknown metadata field `{path}`, which is ignored"),
                    )
                    .at(self.place_of([key.span, node.span]))
                    .maybe_hint(did_you_mean(name, level.fields()))
                    .hint("remove it, or restore the `sops` block from Git: the field has no effect"),
                ),
            }
        }
    }

    /// The first of some spans that is in the file. What is put together from the names of flat keys has none, and the
    /// block is its place.
    fn place_of(&self, spans: [Span; 2]) -> Location {
        let known = spans.into_iter().find(|span| *span != Span::default());
        known.map_or_else(|| self.place.clone(), |span| self.place.source.place(span))
    }

    fn collect_of_items(&self, items: &[YamlNode], path: &str, level: MetadataLevel, found: &mut Diagnostics) {
        for (index, fields) in items.iter().enumerate() {
            if let Some(fields) = fields.as_map() {
                self.collect_unknown(fields, &format!("{path}[{index}]"), level, found);
            }
        }
    }

    /// Reads a block. `place` is the location of messages about the block as a whole.
    pub fn read_block(block: YamlNode, place: Location) -> Result<Self, DecryptionError> {
        let Some(fields) = block.as_map() else {
            return Err(DecryptionError::Metadata(vec![MetadataProblem {
                place,
                problem: MetadataFault::NotAMapping,
            }]));
        };
        let mut reader = MetadataReader { source: &place.source, block: &place, problems: Vec::new() };
        let groups = reader.groups(fields);
        let threshold = reader.threshold(fields, groups.len());
        let last_modified = reader.last_modified(fields);
        let selector = reader.selector(fields);
        let mac_scope = reader.mac_scope(fields);
        reader.check_version(fields);
        let mac = field_text(fields, "mac").map(|(text, span)| SpannedText { text: text.to_owned(), span });
        let problems = reader.problems;
        let (Some(last_modified), Some(selector), true) = (last_modified, selector, problems.is_empty()) else {
            return Err(DecryptionError::Metadata(problems));
        };
        let selector_origin = SelectorOrigin::Rule;
        Ok(Self { groups, threshold, last_modified, mac, selector, mac_scope, selector_origin, place, block })
    }

    /// The same, of a file whose documents have these keys at their top.
    pub(crate) fn beside<'k, K: IntoIterator<Item = &'k str>>(self, documents: impl IntoIterator<Item = K>) -> Self {
        Self { selector_origin: SelectorOrigin::of(&self.selector, documents), ..self }
    }
}

/// Reads fields and collects their problems.
struct MetadataReader<'a> {
    source: &'a Source,
    block: &'a Location,
    problems: Vec<MetadataProblem>,
}

impl MetadataReader<'_> {
    fn report_problem(&mut self, place: Location, problem: MetadataFault) {
        self.problems.push(MetadataProblem { place, problem });
    }

    fn report_invalid(&mut self, span: Span, field: &'static str, expected: &'static str) {
        // what is put together from the names of flat keys has no place of its own
        let place = if span == Span::default() { self.block.clone() } else { self.source.place(span) };
        self.report_problem(place, MetadataFault::Invalid { field, expected });
    }

    fn report_missing(&mut self, field: &'static str) {
        self.report_problem(self.block.clone(), MetadataFault::Missing { field });
    }

    fn age(&mut self, fields: &Mapping) -> Vec<AgeRecipient> {
        let Some(node) = fields.get("age").filter(|node| !is_empty(node)) else { return Vec::new() };
        let YamlKind::List(entries) = &node.kind else {
            self.report_invalid(node.span, "age", "a list of mappings");
            return Vec::new();
        };
        entries.iter().filter_map(|entry| self.age_entry(entry)).collect()
    }

    fn age_entry(&mut self, entry: &YamlNode) -> Option<AgeRecipient> {
        let field = |name| entry.as_map().and_then(|fields| field_text(fields, name));
        let (Some((recipient, _)), Some((wrapped, span))) = (field("recipient"), field("enc")) else {
            self.report_invalid(entry.span, "age", "a mapping with the strings `recipient` and `enc`");
            return None;
        };
        let wrapped = SpannedText { text: wrapped.to_owned(), span };
        Some(AgeRecipient { recipient: recipient.to_owned(), wrapped })
    }

    /// The lists at the top are one group; key groups count only where there are none, as in sops.
    fn groups(&mut self, fields: &Mapping) -> Vec<KeyGroup> {
        let whole = self.group(fields);
        if !whole.is_empty() || !self.problems.is_empty() {
            return vec![whole];
        }
        let Some((key, node)) = fields.get_key_value("key_groups").filter(|(_, node)| !is_empty(node)) else {
            self.report_problem(self.block.clone(), MetadataFault::NoRecipients);
            return Vec::new();
        };
        let YamlKind::List(entries) = &node.kind else {
            self.report_invalid(key.span, "key_groups", "a list of mappings");
            return Vec::new();
        };
        let mut groups = Vec::with_capacity(entries.len());
        for entry in entries {
            let group = entry.as_map().map(|fields| self.group(fields)).unwrap_or_default();
            if group.is_empty() && self.problems.is_empty() {
                self.report_invalid(key.span, "key_groups", "a list of mappings, each with recipients in it");
            }
            groups.push(group);
        }
        groups
    }

    fn group(&mut self, fields: &Mapping) -> KeyGroup {
        KeyGroup { age: self.age(fields), foreign: read_foreign_entries(fields) }
    }

    fn threshold(&mut self, fields: &Mapping, groups: usize) -> Option<usize> {
        let (text, span) = field_text(fields, "shamir_threshold").filter(|(text, _)| groups > 1 && *text != "0")?;
        let threshold = text.parse().ok().filter(|threshold| (2..=groups).contains(threshold));
        if threshold.is_none() {
            self.report_invalid(span, "shamir_threshold", "a number from 2 to the number of key groups");
        }
        threshold
    }

    fn last_modified(&mut self, fields: &Mapping) -> Option<Timestamp> {
        let Some((text, span)) = field_text(fields, "lastmodified") else {
            self.report_missing("lastmodified");
            return None;
        };
        let time = Timestamp::parse_rfc3339(text);
        if time.is_none() {
            self.report_invalid(span, "lastmodified", "a timestamp like `2026-05-22T20:16:23Z`");
        }
        time
    }

    fn selector(&mut self, fields: &Mapping) -> Option<Selector> {
        type Make = fn(GoRegex) -> Selector;
        let patterns: [(&str, Make); 4] = [
            ("unencrypted_regex", Selector::UnencryptedRegex),
            ("encrypted_regex", Selector::EncryptedRegex),
            ("unencrypted_comment_regex", Selector::UnencryptedCommentRegex),
            ("encrypted_comment_regex", Selector::EncryptedCommentRegex),
        ];
        let suffix =
            |name, make: fn(String) -> Selector| field_text(fields, name).map(|(suffix, _)| make(suffix.to_owned()));
        let mut found: Vec<Selector> = [
            suffix("unencrypted_suffix", Selector::UnencryptedSuffix),
            suffix("encrypted_suffix", Selector::EncryptedSuffix),
        ]
        .into_iter()
        .flatten()
        .collect();
        for (name, make) in patterns {
            let Some((pattern, span)) = field_text(fields, name) else { continue };
            match GoRegex::parse(pattern) {
                Ok(pattern) => found.push(make(pattern)),
                Err(reason) => {
                    self.report_problem(self.source.place(span), MetadataFault::Pattern { field: name, reason });
                }
            }
        }
        if found.len() > 1 {
            let fields = found.iter().map(Selector::field_name).collect();
            self.report_problem(self.block.clone(), MetadataFault::SeveralSelectors { fields });
        }
        found.pop().or_else(|| Some(Selector::default()))
    }

    fn mac_scope(&mut self, fields: &Mapping) -> MacScope {
        // flat formats hold only texts, so texts are accepted as well as booleans
        match field_text(fields, "mac_only_encrypted") {
            None | Some(("false" | "False" | "FALSE", _)) => MacScope::All,
            Some(("true" | "True" | "TRUE", _)) => MacScope::Encrypted,
            Some((_, span)) => {
                self.report_invalid(span, "mac_only_encrypted", "`true` or `false`");
                MacScope::All
            }
        }
    }

    fn check_version(&mut self, fields: &Mapping) {
        let Some((text, span)) = field_text(fields, "version") else {
            return self.report_problem(self.block.clone(), MetadataFault::NoVersion);
        };
        let place = self.source.place(span);
        match parse_major(text) {
            None => self.report_problem(place, MetadataFault::InvalidVersion),
            Some(major) if major > MAJOR => {
                self.report_problem(place, MetadataFault::NewVersion { version: text.to_owned() });
            }
            Some(_) => {}
        }
    }
}

/// The major number of a semantic version.
fn parse_major(version: &str) -> Option<u64> {
    let core = version.split(['-', '+']).next()?;
    let mut numbers = core.split('.').map(|number| {
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| number.parse::<u64>().ok()).flatten()
    });
    let (major, _, _) = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(major)
}

/// The text of a field; none if it is missing, null or empty, which sops treats alike.
fn field_text<'a>(fields: &'a Mapping, name: &str) -> Option<(&'a str, Span)> {
    let node = fields.get(name).filter(|node| !is_empty(node))?;
    node.as_scalar().map(|scalar| (scalar.text(), node.span))
}

/// Whether a field is empty: old files have `kms: []` and `age: null` where new ones omit it.
fn is_empty(node: &YamlNode) -> bool {
    match &node.kind {
        YamlKind::Scalar(scalar) => is_nothing(scalar),
        YamlKind::List(list) => list.is_empty(),
        YamlKind::Map(map) => map.is_empty(),
    }
}

fn is_nothing(scalar: &Scalar) -> bool {
    scalar.blank || scalar.is_null() || scalar.text().is_empty()
}

fn read_foreign_entries(fields: &Mapping) -> Vec<ForeignRecipient> {
    let entries = |service: &'static str| {
        let list = match fields.get(service).map(|node| &node.kind) {
            Some(YamlKind::List(list)) => list.as_slice(),
            _ => &[],
        };
        list.iter()
            .map(move |entry| ForeignRecipient { key: ForeignKey::of_entry(service, entry), entry: entry.clone() })
    };
    SERVICES.into_iter().flat_map(entries).collect()
}

impl SopsMetadata {
    /// Number of groups needed to decrypt the file.
    pub fn needed_groups(&self) -> usize {
        if self.groups.len() < 2 { self.groups.len() } else { self.threshold.unwrap_or(self.groups.len()) }
    }

    /// All age recipients with their wrapped keys, group after group.
    pub fn age_recipients(&self) -> impl Iterator<Item = &AgeRecipient> {
        self.groups.iter().flat_map(|group| &group.age)
    }
}
