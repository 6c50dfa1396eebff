//! Encryption of files in plaintext.

use crate::config::rules::CreationRule;
use crate::crypto::cipher::{Ciphertext, DataKey, PlaintextType};
use crate::crypto::ciphertext_cache::CiphertextCache;
use crate::crypto::mac::{Mac, MacScope};
use crate::data_key::wrap::{self, Recipients, SealError};
use crate::document::scalar::TypedValue;
use crate::document::selector::{Selection, Selector};
use crate::document::traversal::{DocumentVisitor, TraversalState, visit_document};
use crate::document::tree::{Leaf, SopsComment, SopsDocument, SopsMap, SopsTree};
use crate::files::fingerprint::DocumentFingerprint;
use crate::files::lossy::{LossyValue, find_lossy_values};
use crate::files::plain::{parse_plaintext, read_text, seal_mac, without_returns};
use crate::files::seal::{DocumentEncryptor, EncryptedDocument, SealProblem};
use crate::files::verify::check_written;
use crate::files::write_error::WriteError;
use crate::recipients::group::{KeyGroup, recipient_fields};
use crate::store::layout::StoreLayout;
use crate::store::{ParsedFile, SopsFormat, split_text};
use septum_base::diagnostic::Rule;
use septum_base::span::{Location, Source, Span};
use septum_base::time::Timestamp;
use septum_base::value_path::{ValuePath, ValuePathStep};
use zeroize::Zeroizing;

/// The written version of the format.
const VERSION: &str = "3.13.1";

/// Associated data of the only value of a binary file: its path.
const ASSOCIATED: &str = "data:";

/// Encryption settings of a new file.
#[derive(Debug, Clone)]
pub struct EncryptionPlan {
    /// Recipients that can decrypt it.
    pub recipients: Recipients,
    /// Selector of encrypted values.
    pub selector: Selector,
    /// Values covered by the checksum.
    pub mac_scope: MacScope,
    /// Indentation of the metadata.
    pub layout: StoreLayout,
}

impl EncryptionPlan {
    /// Encrypts all values for these recipients: the default of sops.
    pub fn new(recipients: Recipients) -> Self {
        Self { recipients, selector: Selector::default(), mac_scope: MacScope::All, layout: StoreLayout::default() }
    }

    /// Returns the plan that a rule specifies.
    pub fn of_rule(rule: &CreationRule) -> Self {
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
pub struct EncryptedOutput {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The number of encrypted values.
    pub values: usize,
    /// The number of encrypted comments.
    pub comments: usize,
    /// Values whose text changes once they are decrypted.
    pub reworded: Vec<LossyValue>,
    /// Values that stay in plaintext and that the caller classifies as secret.
    pub exposed: Vec<ExposedValue>,
    /// Whether its line ends changed.
    pub new_line_ends: bool,
}

/// A value that stays in plaintext.
#[derive(Debug)]
pub struct ExposedValue {
    /// Its path.
    pub path: ValuePath,
    /// Its place.
    pub place: Location,
}

/// Encrypts a file. Everything but the values stays as it was written, unless aliases or an unusual shape require a
/// rewrite of the file in the form of sops.
pub fn encrypt_file(
    name: &str,
    bytes: Vec<u8>,
    format: SopsFormat,
    plan: &EncryptionPlan,
    now: Timestamp,
) -> Result<EncryptedOutput, WriteError> {
    encrypt_judged(name, bytes, format, plan, &|_, _| false, now)
}

/// Encrypts a file. `is_secret` is called for every text that stays in plaintext, with its key.
pub fn encrypt_judged(
    name: &str,
    bytes: Vec<u8>,
    format: SopsFormat,
    plan: &EncryptionPlan,
    is_secret: &dyn Fn(&str, &str) -> bool,
    now: Timestamp,
) -> Result<EncryptedOutput, WriteError> {
    let key = DataKey::generate();
    let no_randomness = || WriteError::Value {
        place: Source::new(name, "").place(Span::default()),
        problem: SealProblem::NoRandomness,
    };
    let key = key.ok_or_else(no_randomness)?;
    if format == SopsFormat::Binary {
        let bytes = encrypt_binary(name, bytes, plan, &key, now)?;
        return Ok(EncryptedOutput {
            bytes,
            values: 1,
            comments: 0,
            reworded: Vec::new(),
            exposed: Vec::new(),
            new_line_ends: false,
        });
    }
    let source = read_text(name, bytes).map_err(WriteError::Read)?;
    let (source, new_line_ends) = without_returns(source, format);
    let (source, ParsedFile { mut document, ends, .. }) = parse_plaintext(source, format, &plan.selector)?;
    let exposed = find_exposed_values(&mut document, &source, &plan.selector, is_secret);
    let reworded = find_lossy_values(&mut document, &source, &plan.selector);
    let (selector, scope, stash) = (&plan.selector, plan.mac_scope, CiphertextCache::default());
    let sealer = DocumentEncryptor { format, key: &key, selector, scope, stash };
    let EncryptedDocument { mac, values, plain: left, new, mut changes, problem } =
        sealer.encrypt_document(&mut document);
    let place = || source.place(Span::locate(source.text(), 0, 0));
    if let Some(problem) = problem {
        return Err(WriteError::Value { place: place(), problem });
    }
    if values == 0 && left > 0 {
        return Err(WriteError::NothingSelected { place: place(), selector: plan.selector.to_string() });
    }
    let mac = seal_mac(&key, &mac.finish(), now).ok_or_else(no_randomness)?;
    let mut fields =
        build_metadata_fields(plan, &key, &mac, now).map_err(|problem| WriteError::Wrap { place: place(), problem })?;
    put_rule(&mut fields, plan);
    let indent = plan.layout.indent(format);
    for end in ends {
        changes.push(end..end, &[&format.write_block(&fields, split_text(source.text(), end), indent)]);
    }
    // each part is dropped as soon as it is not needed: a file may be big
    let expected = DocumentFingerprint::of(&mut document);
    drop(document);
    let mut out = changes.apply(source.text());
    drop(source);
    let bytes = std::mem::take(&mut *out).into_bytes();
    let bytes = check_written(name, bytes, format, &key, expected)
        .map_err(|problem| WriteError::Unfaithful { place: Source::new(name, "").place(Span::default()), problem })?;
    Ok(EncryptedOutput { bytes, values, comments: new - values, reworded, exposed, new_line_ends })
}

/// The values that a selector leaves in plaintext, and that the caller classifies as secret.
fn find_exposed_values(
    document: &mut SopsDocument,
    source: &Source,
    selector: &Selector,
    is_secret: &dyn Fn(&str, &str) -> bool,
) -> Vec<ExposedValue> {
    let mut search = ExposureSearch { source, is_secret, found: Vec::new() };
    visit_document(document, selector, &mut search);
    search.found
}

struct ExposureSearch<'a> {
    source: &'a Source,
    is_secret: &'a dyn Fn(&str, &str) -> bool,
    found: Vec<ExposedValue>,
}

impl DocumentVisitor for ExposureSearch<'_> {
    fn visit_comment(&mut self, _: &mut SopsComment, _: &TraversalState<'_>) {}

    fn visit_leaf(&mut self, leaf: &mut Leaf, way: &TraversalState<'_>) -> Option<SopsComment> {
        let TypedValue::Text(bytes) = &leaf.value else { return None };
        let text = std::str::from_utf8(bytes).ok().filter(|text| !text.is_empty())?;
        if way.selection() != Selection::Encrypted && (self.is_secret)(key_of(way.path()), text) {
            self.found.push(ExposedValue { path: way.path().clone(), place: self.source.place(leaf.site.span) });
        }
        None
    }
}

/// The last key on a path.
fn key_of(path: &ValuePath) -> &str {
    let keys =
        path.steps().iter().rev().filter_map(|step| if let ValuePathStep::Key(key) = step { Some(key) } else { None });
    keys.map(String::as_str).next().unwrap_or_default()
}

/// Encrypts the whole file as one value, whatever the selector is (format, section 1.13).
fn encrypt_binary(
    name: &str,
    bytes: Vec<u8>,
    plan: &EncryptionPlan,
    key: &DataKey,
    now: Timestamp,
) -> Result<Vec<u8>, WriteError> {
    let bytes = Zeroizing::new(bytes);
    let source = Source::new(name, "");
    if is_envelope(&bytes) {
        return Err(WriteError::AlreadyEncrypted(source.place(Span::default())));
    }
    let place = || source.place(Span::default());
    let no_randomness = || WriteError::Value { place: place(), problem: SealProblem::NoRandomness };
    let mut mac = Mac::new(plan.mac_scope);
    // each reads all of it, and neither needs the other
    let ((), sealed) = septum_base::parallel::par_join(
        true,
        || mac.add_encrypted(&bytes),
        || key.encrypt_bytes(bytes.to_vec(), PlaintextType::Str, ASSOCIATED),
    );
    let is_empty = bytes.is_empty();
    drop(bytes);
    if sealed.is_none() && !is_empty {
        return Err(no_randomness());
    }
    let mac = seal_mac(key, &mac.finish(), now).ok_or_else(no_randomness)?;
    let mut fields =
        build_metadata_fields(plan, key, &mac, now).map_err(|problem| WriteError::Wrap { place: place(), problem })?;
    if plan.mac_scope == MacScope::Encrypted {
        fields.put_value("mac_only_encrypted", SopsTree::of(TypedValue::Bool(true)));
    }
    let indent = plan.layout.json_binary;
    let block = SopsFormat::Binary.write_block(&fields, ("", ","), indent);
    let mut out = String::with_capacity(sealed.as_ref().map_or(0, Ciphertext::length) + block.len() + 32);
    out.extend(["{\n", &indent.first_level(), "\"data\": \""]);
    if let Some(ciphertext) = sealed {
        ciphertext.write_token(&mut out);
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
        && match SopsFormat::Json.parse(&Source::new("", text)) {
            Ok(parsed) => parsed.blocks.iter().any(Option::is_some),
            // one that someone changed is none to encrypt again
            Err(found) => found.iter().any(|found| found.rule == Rule::DuplicateKey),
        }
}

fn build_metadata_fields(
    plan: &EncryptionPlan,
    key: &DataKey,
    mac: &str,
    now: Timestamp,
) -> Result<SopsMap, SealError> {
    let Recipients { groups, threshold } = &plan.recipients;
    Ok(fields_of(&wrap::wrap_data_key(key.bytes(), groups, *threshold)?, *threshold, mac, now))
}

/// The metadata of a file whose data key is wrapped already.
pub(crate) fn metadata_fields(plan: &EncryptionPlan, groups: &[KeyGroup], mac: &str, now: Timestamp) -> SopsMap {
    let mut fields = fields_of(groups, plan.recipients.threshold, mac, now);
    put_rule(&mut fields, plan);
    fields
}

fn fields_of(groups: &[KeyGroup], threshold: Option<usize>, mac: &str, now: Timestamp) -> SopsMap {
    let mut fields = SopsMap::default();
    for (key, node) in recipient_fields(groups, threshold) {
        fields.put_value(&key.text, SopsTree::of_node(&node));
    }
    fields.put_value("lastmodified", SopsTree::from_text(now.to_seconds()));
    fields.put_value("mac", SopsTree::from_text(mac));
    fields.put_value("version", SopsTree::from_text(VERSION));
    fields
}

fn put_rule(fields: &mut SopsMap, plan: &EncryptionPlan) {
    fields.put_value(plan.selector.field_name(), SopsTree::from_text(plan.selector.argument()));
    if plan.mac_scope == MacScope::Encrypted {
        fields.put_value("mac_only_encrypted", SopsTree::of(TypedValue::Bool(true)));
    }
}
