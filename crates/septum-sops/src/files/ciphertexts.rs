//! The encrypted values of a file, and those that are not, without any key.

use crate::document::scalar::TypedValue;
use crate::document::tree::{Leaf, SopsItem, SopsMap, SopsTree};
use crate::files::plain::read_text;
use crate::files::sealed::EncryptedFile;
use crate::store::SopsFormat;
use septum_base::diagnostic::Diagnostics;
use septum_base::value_path::ValuePath;

/// An encrypted value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedValue {
    /// Document of the file, counted from 0.
    pub document: usize,
    /// Path of the value.
    pub path: ValuePath,
    /// Its ciphertext, which changes whenever the value or the data key does.
    pub ciphertext: String,
}

impl EncryptedFile {
    /// The encrypted values in the order of the file.
    pub fn encrypted_values(&self) -> Vec<EncryptedValue> {
        let mut found = Vec::new();
        for (document, branch) in self.parsed.document.branches.iter().enumerate() {
            visit_map(branch, &mut ValuePath::default(), &mut |path, leaf| {
                if let TypedValue::Text(text) = &leaf.value
                    && let Some(text) = std::str::from_utf8(text).ok().filter(|text| is_value(text))
                {
                    found.push(EncryptedValue { document, path: path.clone(), ciphertext: text.to_owned() });
                }
            });
        }
        found
    }
}

/// Documents and paths of the values in plaintext: of a file that is not encrypted, all. Empty values are left out.
pub fn plaintext_values(
    name: &str,
    bytes: Vec<u8>,
    format: SopsFormat,
) -> Result<Vec<(usize, ValuePath)>, Diagnostics> {
    let source = read_text(name, bytes)?;
    let parsed = format.parse(&source)?;
    let mut found = Vec::new();
    for (document, branch) in parsed.document.branches.iter().enumerate() {
        visit_map(branch, &mut ValuePath::default(), &mut |path, leaf| {
            if is_plaintext(leaf) {
                found.push((document, path.clone()));
            }
        });
    }
    Ok(found)
}

fn is_plaintext(leaf: &Leaf) -> bool {
    match &leaf.value {
        TypedValue::Null | TypedValue::Comment => false,
        TypedValue::Text(text) => !text.is_empty() && !std::str::from_utf8(text).is_ok_and(is_value),
        TypedValue::Int(_) | TypedValue::Float(_) | TypedValue::Bool(_) | TypedValue::Time(_) => true,
    }
}

fn visit_map(map: &SopsMap, path: &mut ValuePath, visit: &mut impl FnMut(&ValuePath, &Leaf)) {
    for (key, value) in map.values() {
        path.enter_key(&key.text);
        visit_tree(value, path, visit);
        path.leave_step();
    }
}

/// The depth of a document is bounded by the reader, so recursion is safe here.
fn visit_tree(tree: &SopsTree, path: &mut ValuePath, visit: &mut impl FnMut(&ValuePath, &Leaf)) {
    match tree {
        SopsTree::Map(map) => visit_map(map, path, visit),
        SopsTree::List(list) => {
            for (index, item) in list.items.iter().enumerate() {
                if let SopsItem::Value(_, value) = item {
                    path.enter_index(index);
                    visit_tree(value, path, visit);
                    path.leave_step();
                }
            }
        }
        SopsTree::Leaf(leaf) => visit(path, leaf),
    }
}

/// Whether a text is the ciphertext of a value, of whatever type; a comment in a list is not one.
fn is_value(text: &str) -> bool {
    text.starts_with("ENC[AES256_GCM,") && text.ends_with(']') && !text.ends_with(",type:comment]")
}
