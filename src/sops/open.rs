//! Decrypts a document of any format.

use zeroize::Zeroizing;

use super::cipher::{Ciphertext, DataKey, Type};
use super::document::{Comment, Document, Leaf, Site};
use super::error::{Fault, Finding};
use super::mac::Mac;
use super::metadata::Metadata;
use super::path::KeyPath;
use super::scalar::Value;
use super::selector::{Selection, Selector};
use super::stash::{Kept, Stash};
use super::store::{Change, Format, Unfit};
use super::way::{Visit, Way, visit};
use crate::span::{Source, Span};

/// What became of a document that was decrypted.
pub(super) struct Opened {
    pub(super) mac: Mac,
    pub(super) findings: Vec<Finding>,
    /// How many values are encrypted, those included that do not decrypt.
    pub(super) encrypted: usize,
    pub(super) stash: Stash,
    /// What makes the text one in plaintext.
    pub(super) changes: Vec<Change>,
    /// A value that the format cannot hold in plaintext.
    pub(super) unfit: Option<(KeyPath, Unfit)>,
}

/// Purpose of a decrypted document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It may be changed, and written again with the ciphertexts that it had.
    Change,
    /// Its values are read, and its text in plaintext.
    Read,
    /// It is compared with another one.
    Verify,
}

/// Decrypts a document in place.
pub(super) fn open(
    document: &mut Document,
    source: &Source,
    format: Format,
    metadata: &Metadata,
    key: &DataKey,
    purpose: Purpose,
) -> Opened {
    // a binary file has one value, which is encrypted whatever the metadata say
    let selector = if format == Format::Binary { Selector::default() } else { metadata.selector.clone() };
    let opened = Opened {
        mac: Mac::new(metadata.mac_scope),
        findings: Vec::new(),
        encrypted: 0,
        stash: Stash::default(),
        changes: Vec::new(),
        unfit: None,
    };
    let mut opener = Opener { last: String::new(), source, format, purpose, key, selector: &selector, opened };
    visit(document, &selector, &mut opener);
    opener.opened
}

struct Opener<'a> {
    /// Associated data of the ciphertext before.
    last: String,
    source: &'a Source,
    format: Format,
    purpose: Purpose,
    key: &'a DataKey,
    selector: &'a Selector,
    opened: Opened,
}

impl Visit for Opener<'_> {
    fn comment(&mut self, comment: &mut Comment, way: &Way<'_>) {
        // one that does not decrypt is taken as it is: sops does so, and it is no value
        let is_encrypted = Ciphertext::parse(comment.text.trim()).is_ok_and(|it| it.kind == Type::Comment);
        if !is_encrypted || way.comment_selection() == Selection::Plain {
            return;
        }
        let token = comment.text.trim().to_owned();
        let Some((plaintext, associated)) = self.bound(&token, &way.path().associated_data()) else { return };
        if let Some(text) = self.comment_text(&plaintext, &associated, &token, comment.site.span) {
            comment.text = text;
        }
    }

    fn leaf(&mut self, leaf: &mut Leaf, way: &Way<'_>) -> Option<Comment> {
        let encrypted = match (self.selector, &leaf.value) {
            // go-yaml and we may differ on which value a comment is of; the checksum knows
            (Selector::UnencryptedCommentRegex(_) | Selector::EncryptedCommentRegex(_), value) => {
                token(value).is_some_and(|token| Ciphertext::parse(token).is_ok())
            }
            _ => way.selection() == Selection::Encrypted,
        };
        if !encrypted {
            if let Some(bytes) = leaf.value.bytes() {
                self.opened.mac.add_plain(&bytes);
            }
            return None;
        }
        match &mut leaf.value {
            Value::Text(text) if text.is_empty() && self.format == Format::Binary => {
                let span = leaf.site.span;
                let text = self.source.text().get(span.start + 1..span.end.saturating_sub(1)).unwrap_or_default();
                self.text(leaf, text.as_bytes(), way)
            }
            // never encrypted, whatever the selector says
            Value::Null => None,
            Value::Text(text) => {
                let text = std::mem::take(text);
                self.text(leaf, &text, way)
            }
            _ => self.plaintext(leaf.site.span, way),
        }
    }
}

/// The text of a value, which is all that a ciphertext can be.
fn token(value: &Value) -> Option<&str> {
    match value {
        Value::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

impl Opener<'_> {
    /// The text of a comment, and what its ciphertext is bound to. Of which map or list a comment is hangs on what
    /// stands around it, and sops itself takes some that it wrote for those of another: any map or list that the
    /// comment may end, or lie in, will do.
    fn bound(&self, token: &str, own: &str) -> Option<(Zeroizing<Vec<u8>>, String)> {
        let ends = |path: &'_ str| path.match_indices(':').map(|(at, _)| at + 1).collect::<Vec<_>>();
        let around = [own, self.last.as_str()]
            .into_iter()
            .flat_map(|path| ends(path).into_iter().rev().filter_map(move |end| path.get(..end)));
        around.chain([":"]).find_map(|associated| {
            let plaintext = self.key.open(Ciphertext::parse(token).ok()?, associated)?;
            Some((plaintext, associated.to_owned()))
        })
    }

    fn text(&mut self, leaf: &mut Leaf, text: &[u8], way: &Way<'_>) -> Option<Comment> {
        if text.is_empty() {
            // never encrypted either
            return None;
        }
        if Ciphertext::is_one(text) {
            return self.ciphertext(leaf, text, way);
        }
        leaf.value = Value::Text(text.to_vec().into());
        self.plaintext(leaf.site.span, way)
    }

    fn plaintext(&mut self, span: Span, way: &Way<'_>) -> Option<Comment> {
        let selector = self.selector.to_string();
        self.finding(span, way, Fault::Plaintext { selector });
        None
    }

    fn ciphertext(&mut self, leaf: &mut Leaf, text: &[u8], way: &Way<'_>) -> Option<Comment> {
        let Ok(token) = std::str::from_utf8(text) else { return self.plaintext(leaf.site.span, way) };
        let associated = way.path().associated_data();
        let token = token.trim_end();
        let parsed = Ciphertext::parse(token);
        let opened = parsed.map_err(Fault::Malformed).and_then(|ciphertext| {
            let kind = ciphertext.kind;
            Ok((kind, self.key.open(ciphertext, &associated).ok_or(Fault::Altered)?))
        });
        let (kind, plaintext) = match opened {
            Ok(opened) => opened,
            Err(fault) => {
                self.opened.encrypted += 1;
                self.finding(leaf.site.span, way, fault);
                return None;
            }
        };
        if kind == Type::Comment {
            return self.list_comment(leaf, &plaintext, &associated, token, way);
        }
        self.opened.encrypted += 1;
        self.last.clone_from(&associated);
        match Value::decrypted(kind, plaintext) {
            Some(value) => self.value(leaf, value, &associated, token, way),
            None => self.finding(leaf.site.span, way, Fault::NotOfItsType(kind.to_string())),
        }
        None
    }

    fn value(&mut self, leaf: &mut Leaf, value: Value, associated: &str, token: &str, way: &Way<'_>) {
        let span = leaf.site.span;
        if let (Some(bytes), Some(kind)) = (value.bytes(), value.kind()) {
            self.opened.mac.add_encrypted(&bytes);
            // a binary file has one value: if that is the same, so is the file
            if self.format != Format::Binary {
                self.keep(kind, associated, &bytes, token, span.start..span.end);
            }
        }
        if self.format != Format::Binary && self.purpose != Purpose::Verify {
            match self.format.leaf(&value, leaf.site) {
                Ok(text) => self.opened.changes.push(Change::fitted(span.start..span.end, text)),
                // no matter, as long as nobody asks for the text
                Err(unfit) => drop(self.opened.unfit.get_or_insert((way.path().clone(), unfit))),
            }
        }
        leaf.value = value;
    }

    /// A comment of a list, which sops writes as an item of it (format, section 1.9.4).
    fn list_comment(
        &mut self,
        leaf: &Leaf,
        plaintext: &[u8],
        associated: &str,
        token: &str,
        way: &Way<'_>,
    ) -> Option<Comment> {
        let span = leaf.site.span;
        let before = self.source.text().get(..span.start).unwrap_or_default().trim_end_matches(' ');
        if !(self.format == Format::Yaml && way.in_list() && !leaf.site.flow && before.ends_with('-')) {
            self.finding(span, way, Fault::Comment);
            return None;
        }
        let site = Site { span: Span { start: before.len() - 1, ..span }, ..Site::default() };
        let text = self.comment_text(plaintext, associated, token, site.span)?;
        // at the column of the key it would be one of the map that the key is in
        if let Some(change) = self.opened.changes.last_mut().filter(|_| leaf.site.flat) {
            change.text.insert(0, ' ');
        }
        Some(Comment { text, site, inline: false, as_item: true })
    }

    fn comment_text(
        &mut self,
        plaintext: &[u8],
        associated: &str,
        token: &str,
        span: Span,
    ) -> Option<Zeroizing<String>> {
        let text = Zeroizing::new(std::str::from_utf8(plaintext).ok()?.to_owned());
        let written = self.format.comment(&text)?;
        self.keep(Type::Comment, associated, plaintext, token, span.start..span.end);
        if self.purpose != Purpose::Verify {
            self.opened.changes.push(Change { at: span.start..span.end, text: written });
        }
        Some(text)
    }

    fn keep(&mut self, kind: Type, associated: &str, plaintext: &[u8], token: &str, at: std::ops::Range<usize>) {
        if self.purpose == Purpose::Change {
            self.opened.stash.put(kind, associated, plaintext, Kept::new(self.source, at, token));
        }
    }

    fn finding(&mut self, span: Span, way: &Way<'_>, fault: Fault) {
        let place = self.source.place(span);
        self.opened.findings.push(Finding { place, path: way.path().clone(), fault });
    }
}
