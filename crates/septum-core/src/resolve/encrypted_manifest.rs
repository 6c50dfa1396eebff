//! Encrypted manifest files: decrypted like layers, or with placeholders where no key is used.

use std::sync::Arc;

use super::context::ErrorReported;
use super::engine::ParsedManifests;
use super::renderer::TemplateRenderer;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::layer::{ManifestSeal, Tree};
use crate::sops;
use crate::span::Source;
use crate::visibility::KeyAccess;
use crate::yaml::node::YamlNode;
use crate::yaml::read::{MergeKeys, read_stream};

impl TemplateRenderer {
    /// Parses a file whose documents may be encrypted.
    pub(super) fn parse_file(&self, file: &Source) -> Result<ParsedManifests, ErrorReported> {
        let is_encrypted = || {
            let stream = read_stream(file, MergeKeys::Keep).ok()?;
            stream.documents.iter().any(sops::is_encrypted).then_some(stream.documents)
        };
        let has_block = file.text().contains("sops");
        let Some(documents) = has_block.then(is_encrypted).flatten() else {
            return self.parse_documents(file);
        };
        let opened = self.open_documents(documents, file).map_err(|problems| {
            for problem in problems {
                self.context.report(problem);
            }
            ErrorReported
        })?;
        let (documents, seals) = opened;
        let trees = documents.into_iter().map(|mut document| {
            document.apply_merge_keys();
            Tree::from_node(document, file)
        });
        Ok(ParsedManifests { trees: trees.collect(), seals, problems: Diagnostics::new() })
    }

    fn open_documents(
        &self,
        documents: Vec<YamlNode>,
        file: &Source,
    ) -> Result<(Vec<YamlNode>, Vec<Arc<ManifestSeal>>), Diagnostics> {
        let mut opened = Vec::new();
        let mut seals = Vec::new();
        for group in group_documents(documents) {
            let Some(first) = group.first().filter(|first| sops::is_encrypted(first)) else {
                opened.extend(group);
                continue;
            };
            let metadata = sops::read_metadata(first, file).map_err(all_diagnostics)?;
            for document in &group {
                let stray = sops::in_encrypted_file(document, file, &metadata.selector);
                if let Some(stray) = stray {
                    return Err(stray.into());
                }
                sops::refuse_ambiguous_keys(document, file, &metadata.selector)?;
            }
            let keys = &self.context.engine.keys;
            let identities = keys.identities.as_ref().filter(|_| keys.access == KeyAccess::Decrypt);
            let mut naming_key = None;
            match identities {
                Some(identities) => {
                    let found = sops::decrypt_documents(group, file, identities).map_err(all_diagnostics)?;
                    naming_key = Some(found.naming_key);
                    opened.extend(found.tree);
                }
                None => opened.extend(group.into_iter().map(sops::lock_values)),
            }
            seals.push(Arc::new(ManifestSeal { source: file.clone(), metadata, naming_key }));
        }
        Ok((opened, seals))
    }
}

/// Groups of documents that were encrypted together: sops writes the same checksum into all documents of a file. Those
/// that were encrypted before they were put into one file have checksums of their own.
fn group_documents(documents: Vec<YamlNode>) -> Vec<Vec<YamlNode>> {
    let mut groups: Vec<(Option<String>, Vec<YamlNode>)> = Vec::new();
    for document in documents {
        let block = document.as_map().and_then(|map| map.get("sops")).filter(|_| sops::is_encrypted(&document));
        let checksum = block.and_then(|block| block.as_map()?.get("mac")?.as_scalar());
        let checksum = checksum.map(|scalar| scalar.text().to_owned());
        match groups.last_mut() {
            Some((known, group)) if *known == checksum => group.push(document),
            _ => groups.push((checksum, vec![document])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn all_diagnostics(error: sops::DecryptionError) -> Diagnostics {
    Diagnostics::from_iter::<Vec<Diagnostic>>(error.into_diagnostics())
}
