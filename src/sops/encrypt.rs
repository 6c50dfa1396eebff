//! Encrypts files that are in plaintext.

use super::cipher::{Ciphertext, DataKey, Type};
use super::content::Fingerprint;
use super::document::{Comment, Document, Leaf, Map, Tree};
use super::group::{KeyGroup, recipient_fields};
use super::layout::Layout;
use super::mac::{Mac, MacScope};
use super::path::{KeyPath, Step};
use super::plain::{plain, seal_mac, text, without_returns};
use super::reworded::{Reworded, reworded};
use super::rules::Rule;
use super::scalar::Value;
use super::seal::{Encrypted, SealProblem, Sealer};
use super::selector::{Selection, Selector};
use super::stash::Stash;
use super::store::{Change, Format, Parsed, apply};
use super::time::Timestamp;
use super::verified::check_written;
use super::way::{Visit, Way, visit};
use super::wrap::{self, Recipients, SealError};
use super::write_error::WriteError;
use crate::span::{Place, Source, Span};
use zeroize::Zeroizing;

/// The version of the format that is written.
const VERSION: &str = "3.13.1";

/// What the only value of a binary file is bound to: its path.
const ASSOCIATED: &str = "data:";

/// How a new file is encrypted.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who can decrypt it.
    pub recipients: Recipients,
    /// Which values are encrypted.
    pub selector: Selector,
    /// Which values the checksum covers.
    pub mac_scope: MacScope,
    /// How the metadata are indented.
    pub layout: Layout,
}

impl Plan {
    /// All values, for these recipients: what sops does if nothing else is said.
    pub fn new(recipients: Recipients) -> Self {
        Self { recipients, selector: Selector::default(), mac_scope: MacScope::All, layout: Layout::default() }
    }

    /// What a rule says.
    pub fn of_rule(rule: &Rule) -> Self {
        Self {
            recipients: Recipients::of_rule(rule),
            selector: rule.effective_selector(),
            mac_scope: rule.mac_scope,
            layout: rule.layout,
        }
    }
}

/// A file that was encrypted.
#[derive(Debug)]
pub struct Written {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The number of encrypted values.
    pub values: usize,
    /// The number of encrypted comments.
    pub comments: usize,
    /// Values whose text will be another one once they are decrypted.
    pub reworded: Vec<Reworded>,
    /// Values that stay in plaintext and that the caller takes for secrets.
    pub exposed: Vec<Exposed>,
    /// Whether its lines end otherwise than before.
    pub new_line_ends: bool,
}

/// A value that stays in plaintext.
#[derive(Debug)]
pub struct Exposed {
    /// Its path.
    pub path: KeyPath,
    /// Its place.
    pub place: Place,
}

/// Encrypts a file. All but the values stays as it was written, unless aliases or an unusual shape
/// make it necessary to write the file anew, as sops does.
pub fn encrypt(name: &str, bytes: Vec<u8>, format: Format, plan: &Plan, now: Timestamp) -> Result<Written, WriteError> {
    encrypt_judged(name, bytes, format, plan, &|_, _| false, now)
}

/// The same. `is_secret` is asked about every text that stays in plaintext, by its key.
pub fn encrypt_judged(
    name: &str,
    bytes: Vec<u8>,
    format: Format,
    plan: &Plan,
    is_secret: &dyn Fn(&str, &str) -> bool,
    now: Timestamp,
) -> Result<Written, WriteError> {
    let key = DataKey::generate();
    let no_randomness = || WriteError::Value {
        place: Source::new(name, "").place(Span::default()),
        problem: SealProblem::NoRandomness,
    };
    let key = key.ok_or_else(no_randomness)?;
    if format == Format::Binary {
        let bytes = binary(name, bytes, plan, &key, now)?;
        return Ok(Written {
            bytes,
            values: 1,
            comments: 0,
            reworded: Vec::new(),
            exposed: Vec::new(),
            new_line_ends: false,
        });
    }
    let source = text(name, bytes).map_err(WriteError::Read)?;
    let (source, new_line_ends) = without_returns(source, format);
    let (source, Parsed { mut document, ends, .. }) = plain(source, format, &plan.selector)?;
    let exposed = exposed(&mut document, &source, &plan.selector, is_secret);
    let reworded = reworded(&mut document, &source, &plan.selector);
    let (selector, scope, stash) = (&plan.selector, plan.mac_scope, Stash::default());
    let sealer = Sealer { format, key: &key, selector, scope, stash };
    let Encrypted { mac, values, plain: left, new, mut changes, problem } = sealer.seal(&mut document);
    let place = || source.place(Span::locate(source.text(), 0, 0));
    if let Some(problem) = problem {
        return Err(WriteError::Value { place: place(), problem });
    }
    if values == 0 && left > 0 {
        return Err(WriteError::NothingSelected { place: place(), selector: plan.selector.to_string() });
    }
    let mac = seal_mac(&key, &mac.finish(), now).ok_or_else(no_randomness)?;
    let mut fields = fields(plan, &key, &mac, now).map_err(|problem| WriteError::Wrap { place: place(), problem })?;
    put_rule(&mut fields, plan);
    let indent = plan.layout.indent(format);
    for end in ends {
        changes.push(Change::new(end..end, format.block(&fields, source.text(), end, indent)));
    }
    // each thing goes as soon as it is not needed: a file may be big
    let expected = Fingerprint::of(&document);
    drop(document);
    let mut out = apply(source.text(), changes);
    drop(source);
    let bytes = std::mem::take(&mut *out).into_bytes();
    let bytes = check_written(name, bytes, format, &key, expected)
        .map_err(|problem| WriteError::Unfaithful { place: Source::new(name, "").place(Span::default()), problem })?;
    Ok(Written { bytes, values, comments: new - values, reworded, exposed, new_line_ends })
}

/// The values that a selector leaves in plaintext, and that somebody takes for secrets.
fn exposed(
    document: &mut Document,
    source: &Source,
    selector: &Selector,
    is_secret: &dyn Fn(&str, &str) -> bool,
) -> Vec<Exposed> {
    let mut search = Search { source, is_secret, found: Vec::new() };
    visit(document, selector, &mut search);
    search.found
}

struct Search<'a> {
    source: &'a Source,
    is_secret: &'a dyn Fn(&str, &str) -> bool,
    found: Vec<Exposed>,
}

impl Visit for Search<'_> {
    fn comment(&mut self, _: &mut Comment, _: &Way<'_>) {}

    fn leaf(&mut self, leaf: &mut Leaf, way: &Way<'_>) -> Option<Comment> {
        let Value::Text(bytes) = &leaf.value else { return None };
        let text = std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())?;
        if way.selection() != Selection::Encrypted && (self.is_secret)(key_of(way.path()), text) {
            self.found.push(Exposed { path: way.path().clone(), place: self.source.place(leaf.site.span) });
        }
        None
    }
}

/// The last key on a path.
fn key_of(path: &KeyPath) -> &str {
    let keys = path.steps().iter().rev().filter_map(|step| if let Step::Key(key) = step { Some(key) } else { None });
    keys.map(String::as_str).next().unwrap_or_default()
}

/// The whole file as one value, whatever the selector says (format, section 1.13).
fn binary(name: &str, bytes: Vec<u8>, plan: &Plan, key: &DataKey, now: Timestamp) -> Result<Vec<u8>, WriteError> {
    let bytes = Zeroizing::new(bytes);
    let source = Source::new(name, "");
    if is_envelope(&bytes) {
        return Err(WriteError::AlreadyEncrypted(source.place(Span::default())));
    }
    let place = || source.place(Span::default());
    let no_randomness = || WriteError::Value { place: place(), problem: SealProblem::NoRandomness };
    let mut mac = Mac::new(plan.mac_scope);
    // each reads all of it, and neither needs the other
    let ((), sealed) = crate::parallel::both(
        true,
        || mac.add_encrypted(&bytes),
        || key.encrypt(bytes.to_vec(), Type::Str, ASSOCIATED),
    );
    let is_empty = bytes.is_empty();
    drop(bytes);
    if sealed.is_none() && !is_empty {
        return Err(no_randomness());
    }
    let mac = seal_mac(key, &mac.finish(), now).ok_or_else(no_randomness)?;
    let mut fields = fields(plan, key, &mac, now).map_err(|problem| WriteError::Wrap { place: place(), problem })?;
    if plan.mac_scope == MacScope::Encrypted {
        fields.put("mac_only_encrypted", Tree::of(Value::Bool(true)));
    }
    let indent = plan.layout.json_binary;
    let block = Format::Binary.block(&fields, ",", 0, indent);
    let mut out = String::with_capacity(sealed.as_ref().map_or(0, Ciphertext::length) + block.len() + 32);
    out.extend(["{\n", &indent.first(), "\"data\": \""]);
    if let Some(ciphertext) = sealed {
        ciphertext.write(&mut out);
    }
    out.extend(["\"", &block, "\n}\n"]);
    Ok(out.into_bytes())
}

/// Whether the bytes are a binary file that was encrypted.
fn is_envelope(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    if !start.starts_with(b"{") {
        return false;
    }
    let Ok(text) = std::str::from_utf8(start) else { return false };
    text.contains("\"mac\": \"ENC[")
        && Format::Json.parse(&Source::new("", text)).is_ok_and(|parsed| parsed.blocks.iter().any(Option::is_some))
}

fn fields(plan: &Plan, key: &DataKey, mac: &str, now: Timestamp) -> Result<Map, SealError> {
    let Recipients { groups, threshold } = &plan.recipients;
    Ok(fields_of(&wrap::seal(key.bytes(), groups, *threshold)?, *threshold, mac, now))
}

/// The metadata of a file whose data key is wrapped already.
pub(super) fn metadata_fields(plan: &Plan, groups: &[KeyGroup], mac: &str, now: Timestamp) -> Map {
    let mut fields = fields_of(groups, plan.recipients.threshold, mac, now);
    put_rule(&mut fields, plan);
    fields
}

fn fields_of(groups: &[KeyGroup], threshold: Option<usize>, mac: &str, now: Timestamp) -> Map {
    let mut fields = Map::default();
    for (key, node) in recipient_fields(groups, threshold) {
        fields.put(&key.text, Tree::of_node(&node));
    }
    fields.put("lastmodified", Tree::text(now.to_seconds()));
    fields.put("mac", Tree::text(mac));
    fields.put("version", Tree::text(VERSION));
    fields
}

fn put_rule(fields: &mut Map, plan: &Plan) {
    fields.put(plan.selector.field(), Tree::text(plan.selector.argument()));
    if plan.mac_scope == MacScope::Encrypted {
        fields.put("mac_only_encrypted", Tree::of(Value::Bool(true)));
    }
}
