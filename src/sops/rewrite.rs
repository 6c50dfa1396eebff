//! The way of a changed file back to its bytes.

use super::cipher::DataKey;
use super::document::{Comment, Document, Item, Leaf, Map, Tree};
use super::foreign::SERVICES;
use super::group::recipient_fields;
use super::mac::MacScope;
use super::path::KeyPath;
use super::plain::seal_mac;
use super::scalar::Value;
use super::seal::{Encrypted, SealProblem, Sealer};
use super::sealed::Sealed;
use super::selector::{Selection, Selector};
use super::stash::Stash;
use super::store::{Block, Change, Format, Parsed, apply};
use super::time::Timestamp;
use super::way::{Visit, Way, visit};
use super::wrap::{self, Recipients};
use super::write_error::WriteError;

impl Sealed {
    /// Who shall be able to decrypt the file. Those who already are keep their entries as they are.
    ///
    /// Somebody who is left out still knows the data key: [`rotate`](Self::rotate) gives it a new one.
    pub fn set_recipients(&mut self, recipients: Recipients) {
        self.renewal.recipients = Some(recipients);
    }

    /// Which values shall be encrypted, and which the checksum covers. That an encrypted value would
    /// lie open is found when the file is written, and refused.
    pub fn set_selection(&mut self, selector: Selector, mac_scope: MacScope) {
        self.renewal.selection = Some((selector, mac_scope));
    }

    /// Takes a new data key: all is encrypted anew.
    pub fn rotate(&mut self) -> Result<(), WriteError> {
        self.key = DataKey::generate().ok_or_else(|| self.no_randomness())?;
        self.stash = Stash::default();
        self.renewal.rotated = true;
        Ok(())
    }

    /// The bytes of the file: those it had, if nothing changed.
    pub fn write(mut self, now: Timestamp) -> Result<Vec<u8>, WriteError> {
        if !self.is_changed() {
            return Ok(self.source.text().as_bytes().to_vec());
        }
        let same = !self.renewal.rotated && self.renewal.selection.is_none() && self.hash() == self.first;
        // whoever can decrypt the file is no part of what the checksum is over
        let now = (!same).then_some(now);
        if self.format == Format::Binary {
            let parsed = self.format.parse(&self.source).map_err(WriteError::Read)?;
            let mut document = std::mem::take(&mut self.document);
            let encrypted = self.seal(&mut document);
            let text = self.source.text().to_owned();
            return self.finish(&text, &parsed.blocks, encrypted, now);
        }
        let Parsed { mut document, blocks, .. } = self.parsed()?;
        if let Some((selector, _)) = &self.renewal.selection {
            self.stays_closed(&mut document, selector)?;
        }
        let encrypted = self.seal(&mut document);
        let text = std::mem::take(&mut self.text);
        self.finish(&text, &blocks, encrypted, now)
    }

    pub(super) fn is_renewed(&self) -> bool {
        self.renewal.rotated || self.renewal.recipients.is_some() || self.renewal.selection.is_some()
    }

    /// The selector and the scope of the checksum that are written.
    fn selection(&self) -> (Selector, MacScope) {
        let (selector, scope) = match &self.renewal.selection {
            Some((selector, scope)) => (selector.clone(), *scope),
            None => (self.metadata.selector.clone(), self.metadata.mac_scope),
        };
        // a binary file has one value, which is encrypted whatever the metadata say
        if self.format == Format::Binary { (Selector::default(), scope) } else { (selector, scope) }
    }

    fn seal(&mut self, document: &mut Document) -> Encrypted {
        let (selector, scope) = self.selection();
        let stash = std::mem::take(&mut self.stash);
        Sealer { format: self.format, key: &self.key, selector: &selector, scope, stash }.seal(document)
    }

    /// That nothing is encrypted now that a selector would leave in plaintext.
    fn stays_closed(&self, document: &mut Document, selector: &Selector) -> Result<(), WriteError> {
        let before = selected(document, &self.metadata.selector);
        let after = selected(document, selector);
        let exposed = before.into_iter().zip(after).filter(|(before, after)| before.1 && !after.1);
        let paths: Vec<KeyPath> = exposed.map(|(before, _)| before.0).collect();
        if paths.is_empty() {
            return Ok(());
        }
        Err(WriteError::Exposed { place: self.place(), selector: selector.to_string(), paths })
    }

    fn finish(
        &self,
        text: &str,
        blocks: &[Option<Block>],
        encrypted: Encrypted,
        now: Option<Timestamp>,
    ) -> Result<Vec<u8>, WriteError> {
        let Encrypted { mac, mut changes, problem, values } = encrypted;
        if let Some(problem) = problem {
            return Err(WriteError::Value { place: self.place(), problem });
        }
        if let Some((selector, _)) = self.renewal.selection.as_ref().filter(|_| values == 0) {
            return Err(WriteError::NothingSelected { place: self.place(), selector: selector.to_string() });
        }
        let seal = |now| Ok((seal_mac(&self.key, &mac.finish(), now).ok_or_else(|| self.no_randomness())?, now));
        let mac = now.map(seal).transpose()?;
        let fields = if self.is_renewed() { Some(self.recipient_fields()?) } else { None };
        for block in blocks.iter().flatten() {
            match &fields {
                Some(fields) => changes.push(self.new_block(text, block, fields, mac.as_ref())),
                None => changes.extend(mac.iter().flat_map(|(mac, now)| self.resealed(block, mac, *now))),
            }
        }
        let mut out = apply(text, changes);
        Ok(std::mem::take(&mut *out).into_bytes())
    }

    /// The two fields of the metadata that any change changes.
    fn resealed(&self, block: &Block, mac: &str, now: Timestamp) -> Vec<Change> {
        let leaf = |name: &str| match block.fields.get(name) {
            Some(Tree::Leaf(leaf)) => Some(leaf.site),
            _ => None,
        };
        let time = Value::text(&now.to_seconds());
        let time = leaf("lastmodified").and_then(|site| {
            let text = self.format.leaf(&time, site).ok()?;
            Some(Change { at: site.span.start..site.span.end, text })
        });
        let mac = leaf("mac").map(|site| Change::new(site.span.start..site.span.end, self.format.token(mac, site)));
        time.into_iter().chain(mac).collect()
    }

    /// The fields that say who can decrypt the file.
    fn recipient_fields(&self) -> Result<Map, WriteError> {
        let recipients = match &self.renewal.recipients {
            Some(recipients) => recipients.clone(),
            None => Recipients::of_file(&self.metadata)
                .map_err(|problem| WriteError::Recipient { place: self.metadata.place.clone(), problem })?,
        };
        let Recipients { groups, threshold } = &recipients;
        let groups = if self.renewal.rotated {
            wrap::seal(self.key.bytes(), groups, *threshold)
        } else {
            wrap::rewrap(&self.unlocked, &self.metadata, groups, *threshold)
        };
        let groups = groups.map_err(|problem| WriteError::Wrap { place: self.place(), problem })?;
        let mut fields = Map::default();
        for (key, node) in recipient_fields(&groups, *threshold) {
            fields.put(&key.text, Tree::of_node(&node));
        }
        Ok(fields)
    }

    /// The metadata with other recipients or another selector; fields that are not known here stay.
    fn new_block(&self, text: &str, block: &Block, recipients: &Map, mac: Option<&(String, Timestamp)>) -> Change {
        let mut fields = block.fields.clone();
        fields.items.retain(|item| matches!(item, Item::Value(..)));
        for name in SERVICES.into_iter().chain(["age", "key_groups", "shamir_threshold"]) {
            // an empty list of an old file means nothing, and stays
            if recipients.get(name).is_none() && fields.get(name).is_some_and(|value| !is_empty(value)) {
                fields.remove(name);
            }
        }
        for (key, value) in recipients.values() {
            fields.put(&key.text, value.clone());
        }
        if let Some((selector, scope)) = &self.renewal.selection {
            fields.remove(self.metadata.selector.field());
            fields.put(selector.field(), Tree::text(selector.argument()));
            fields.remove("mac_only_encrypted");
            if *scope == MacScope::Encrypted {
                fields.put("mac_only_encrypted", Tree::of(Value::Bool(true)));
            }
        }
        if let Some((mac, now)) = mac {
            fields.put("lastmodified", Tree::text(now.to_seconds()));
            fields.put("mac", Tree::text(mac));
        }
        let start = block.whole.start;
        let rest = text.get(block.whole.end..).unwrap_or_default();
        let head = format!("{}{rest}", text.get(..start).unwrap_or_default());
        Change::new(block.whole.clone(), self.format.block(&fields, &head, start))
    }

    fn no_randomness(&self) -> WriteError {
        WriteError::Value { place: self.place(), problem: SealProblem::NoRandomness }
    }
}

fn is_empty(value: &Tree) -> bool {
    match value {
        Tree::Leaf(leaf) => matches!(leaf.value, Value::Null),
        Tree::List(list) => list.items.is_empty(),
        Tree::Map(map) => map.items.is_empty(),
    }
}

/// Every value and comment on the way through a document, and whether a selector has it encrypted.
fn selected(document: &mut Document, selector: &Selector) -> Vec<(KeyPath, bool)> {
    struct Look(Vec<(KeyPath, bool)>);
    impl Visit for Look {
        fn comment(&mut self, _: &mut Comment, way: &Way<'_>) {
            self.0.push((way.path().clone(), way.comment_selection() == Selection::Encrypted));
        }

        fn leaf(&mut self, leaf: &mut Leaf, way: &Way<'_>) -> Option<Comment> {
            // nulls and empty texts are never encrypted
            let something = leaf.value.bytes().is_some_and(|bytes| !bytes.is_empty());
            self.0.push((way.path().clone(), something && way.selection() == Selection::Encrypted));
            None
        }
    }
    let mut look = Look(Vec::new());
    visit(document, selector, &mut look);
    look.0
}
