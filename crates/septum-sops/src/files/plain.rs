//! Files in plaintext, and how metadata is added to them and removed again.

use zeroize::Zeroizing;

use crate::BLOCK;
use crate::crypto::cipher::{DataKey, PlaintextType};
use crate::document::selector::Selector;
use crate::document::tree::SopsDocument;
use crate::files::aliases::refuse_shared;
use crate::files::content::find_difference;
use crate::files::readable::refuse_unreadable;
use crate::files::selection::{collect_selected, selects_alike};
use crate::files::write_error::{UnfaithfulOutput, WriteError};
use crate::store::{ParsedFile, SopsFormat, dotenv_has_returns};
use septum_base::diagnostic::{Diagnostic, Diagnostics, Rule};
use septum_base::span::{Source, Span};
use septum_base::time::Timestamp;

/// The text of a file.
pub(crate) fn read_text(name: &str, bytes: Vec<u8>) -> Result<Source, Diagnostics> {
    String::from_utf8(bytes).map(|text| Source::new(name, text)).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        let mut found = Diagnostics::new();
        found.push(
            Diagnostic::error(Rule::NotUtf8, format!("`{name}` is not UTF-8 text"))
                .hint("a file that is not text can be encrypted in the binary format"),
        );
        found
    })
}

/// Reads a plaintext; one whose values do not each have a location of their own is rewritten.
pub(crate) fn parse_plaintext(
    source: Source,
    format: SopsFormat,
    selector: &Selector,
) -> Result<(Source, ParsedFile), WriteError> {
    let source = without_mark(source, format);
    let mut parsed = format.parse(&source).map_err(WriteError::Read)?;
    if let Some(block) = parsed.blocks.iter().flatten().next() {
        // a mere key of that name is not metadata yet
        let is_metadata = ["lastmodified", "mac"].iter().any(|field| block.fields.get(field).is_some());
        let place = source.place(block.key);
        return Err(if is_metadata { WriteError::AlreadyEncrypted(place) } else { WriteError::Reserved(place) });
    }
    for branch in &parsed.document.branches {
        if let Some((key, _)) = branch.values().find(|(key, _)| format.reserves_key(&key.text)) {
            return Err(WriteError::Reserved(source.place(key.span)));
        }
    }
    refuse_unreadable(&source, &parsed.document, format).map_err(WriteError::Read)?;
    if parsed.in_place && !ends_with_open_block(&source, &mut parsed.document, format, selector) {
        return Ok((source, parsed));
    }
    refuse_shared(&parsed.document, &source, selector)?;
    let place = || source.place(Span::locate(source.text(), 0, 0));
    let text = format.emit_open(&parsed.document).map_err(|unfit| WriteError::Unfit { place: place(), unfit })?;
    let anew = Source::new(source.name(), text.as_str());
    let again = format.parse(&anew).map_err(WriteError::Read)?;
    let unfaithful = |problem| WriteError::Unfaithful { place: place(), problem };
    match find_difference(&parsed.document, &again.document) {
        None if selects_alike(&parsed.document, &again.document, selector) => Ok((anew, again)),
        None => Err(unfaithful(UnfaithfulOutput::Selection)),
        Some(path) => Err(unfaithful(UnfaithfulOutput::Different(path))),
    }
}

/// Whether the text ends within a block that stays in plaintext: the metadata behind it would give it a line break.
fn ends_with_open_block(source: &Source, document: &mut SopsDocument, format: SopsFormat, selector: &Selector) -> bool {
    if format != SopsFormat::Yaml || source.text().ends_with('\n') {
        return false;
    }
    let ended = Source::new(source.name(), [source.text(), "\n"].concat());
    let is_open = format.parse(&ended).map_or(true, |ended| find_difference(document, &ended.document).is_some());
    // one that is encrypted is no block any more
    is_open && collect_selected(document, selector).last().is_some_and(|(_, is_selected)| !is_selected)
}

/// A text without its byte-order mark: for sops it makes JSON invalid, and is part of the first key in line formats.
fn without_mark(source: Source, format: SopsFormat) -> Source {
    match source.text().strip_prefix('\u{feff}') {
        Some(text) if format != SopsFormat::Yaml => Source::new(source.name(), text),
        _ => source,
    }
}

/// A text with LF where CRLF ends its lines, and whether it was changed so: in dotenv, sops has CR in the values, and
/// refuses it on a line by itself.
pub(crate) fn without_returns(source: Source, format: SopsFormat) -> (Source, bool) {
    let text = source.text();
    if format != SopsFormat::Dotenv || !text.contains('\r') {
        return (source, false);
    }
    let is_ending = dotenv_has_returns(text);
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    for line in text.split_inclusive('\n') {
        match line.strip_suffix("\r\n").filter(|line| is_ending || line.is_empty()) {
            Some(line) => out.extend([line, "\n"]),
            None => out.push_str(line),
        }
    }
    (Source::new(source.name(), out.as_str()), is_ending)
}

/// The encrypted checksum, bound to the time of the last change.
pub(crate) fn seal_mac(key: &DataKey, mac: &str, now: Timestamp) -> Option<String> {
    key.encrypt_to_text(mac.as_bytes(), PlaintextType::Str, &now.to_seconds())
}

impl SopsFormat {
    /// Whether a key at the root is reserved for metadata. sops takes `sops` in dotenv, where the metadata are keys that
    /// begin with `sops_`; in the tree of a file, that is the name of all of them.
    pub(crate) fn reserves_key(self, key: &str) -> bool {
        key == BLOCK || self == Self::Dotenv && key.starts_with("sops_")
    }

    /// A block of metadata that was removed, written again at `end`.
    pub(crate) fn join_block(self, text: &str, end: usize, block: &str) -> String {
        let (before, after) = text.split_at_checked(end).unwrap_or((text, ""));
        if self == Self::Json {
            let body = block.trim_start_matches(',');
            let comma = if before.trim_end().ends_with('{') { "" } else { "," };
            return format!("{comma}{body}");
        }
        let lead = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        let trail = if after.is_empty() || block.ends_with('\n') { "" } else { "\n" };
        format!("{lead}{block}{trail}")
    }
}
