//! The encrypted values of a file, without any key.

use crate::document::scalar::TypedValue;
use crate::document::tree::{SopsItem, SopsMap, SopsTree};
use crate::files::sealed::EncryptedFile;
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
            collect_map(branch, document, &mut ValuePath::default(), &mut found);
        }
        found
    }
}

fn collect_map(map: &SopsMap, document: usize, path: &mut ValuePath, found: &mut Vec<EncryptedValue>) {
    for (key, value) in map.values() {
        path.enter_key(&key.text);
        collect_tree(value, document, path, found);
        path.leave_step();
    }
}

/// The depth of a document is bounded by the reader, so recursion is safe here.
fn collect_tree(tree: &SopsTree, document: usize, path: &mut ValuePath, found: &mut Vec<EncryptedValue>) {
    match tree {
        SopsTree::Map(map) => collect_map(map, document, path, found),
        SopsTree::List(list) => {
            for (index, item) in list.items.iter().enumerate() {
                if let SopsItem::Value(_, value) = item {
                    path.enter_index(index);
                    collect_tree(value, document, path, found);
                    path.leave_step();
                }
            }
        }
        SopsTree::Leaf(leaf) => {
            if let TypedValue::Text(text) = &leaf.value
                && let Some(text) = std::str::from_utf8(text).ok().filter(|text| is_value(text))
            {
                found.push(EncryptedValue { document, path: path.clone(), ciphertext: text.to_owned() });
            }
        }
    }
}

/// Whether a text is the ciphertext of a value, of whatever type; a comment in a list is not one.
fn is_value(text: &str) -> bool {
    text.starts_with("ENC[AES256_GCM,") && text.ends_with(']') && !text.ends_with(",type:comment]")
}
