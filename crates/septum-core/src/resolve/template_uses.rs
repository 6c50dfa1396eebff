//! Reads of an entry's templates, as they name them.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::machinery::Token;

use super::engine::Engine;
use super::literal::named_paths;
use super::{ResolvedTarget, TemplateRead};
use crate::files::FileKind;
use crate::layer::{EntrySource, Tree, TreeKind};
use crate::name::{BundleName, EntryId};
use crate::template_tokens::{LexedTemplate, lex_template, literal_text};

/// Reads of an entry's templates, as they name them: sorted, each once.
pub fn template_uses(resolved: &ResolvedTarget, id: &EntryId) -> Vec<String> {
    let definition = &*resolved.definition;
    let Some(source) = definition.entry(id).and_then(|entry| entry.source.as_ref()) else { return Vec::new() };
    let is_read = resolved
        .entries
        .get(id)
        .is_some_and(|value| !value.lineage.reads.is_empty() || !value.lineage.declassified.is_empty());
    if !is_read {
        return Vec::new();
    }
    let mut texts = Vec::new();
    match &source.value {
        EntrySource::Value(scalar) => texts.push(scalar.text().to_owned()),
        EntrySource::Content(tree) | EntrySource::Registries(tree) => {
            tree.leaves("", &mut |_, _, scalar| texts.push(scalar.text().to_owned()));
        }
        EntrySource::Template(path) => {
            texts.extend(resolved.files.read_text(FileKind::Template, path).map(|source| source.text().to_owned()));
        }
        EntrySource::File(_) | EntrySource::Ref(_) => {}
    }
    let is_own = matches!(source.value, EntrySource::Registries(_));
    let bundle = if is_own { definition.own_bundle() } else { id.bundle.clone() };
    let named = NamedReads { resolved, bundle, engine: Engine::new(Arc::clone(&resolved.files)) };
    let mut found = BTreeSet::new();
    for text in &texts {
        named.collect(text, &mut found);
    }
    let is_known = |read: &TemplateRead| named.is_found(read, &found);
    let lineage = resolved.entries.get(id).map(|value| &value.lineage);
    // reads named in another file, or by a computed name
    let is_hidden = lineage.is_some_and(|lineage| !lineage.reads.iter().all(is_known));
    let is_elsewhere = texts.iter().any(|text| lex_template(text).uses_others());
    found.extend((is_hidden && is_elsewhere && !lineage.is_some_and(|lineage| lineage.secret)).then(|| "…".to_owned()));
    found.into_iter().collect()
}

struct NamedReads<'r> {
    resolved: &'r ResolvedTarget,
    bundle: BundleName,
    engine: Arc<Engine>,
}

impl NamedReads<'_> {
    fn collect(&self, text: &str, found: &mut BTreeSet<String>) {
        let lexed = &lex_template(text);
        let definition = &*self.resolved.definition;
        for path in named_paths(self.engine.environment(), text) {
            let mut steps = path.split('.');
            match (steps.next(), steps.next(), steps.next()) {
                (Some("data"), key, _) => self.entry(&self.bundle, key, "data", lexed, found),
                (Some("bundles"), Some(bundle), key) => {
                    self.entry(&bundle.into(), key, &format!("bundles.{bundle}"), lexed, found);
                }
                (Some("bundles"), None, _) => drop(found.insert("bundles[…]".to_owned())),
                (Some("vars"), _, _) => {
                    let below = path.strip_prefix("vars").unwrap_or_default().trim_start_matches('.');
                    if let Some(tree) = definition.vars.as_ref().and_then(|vars| part_at(vars, below)) {
                        collect_structure(tree, &path, lexed, found);
                    }
                }
                _ => {}
            }
        }
    }

    /// Adds an entry, or the entries of a bundle that occur in brackets.
    fn entry(
        &self,
        bundle: &BundleName,
        key: Option<&str>,
        path: &str,
        lexed: &LexedTemplate<'_>,
        found: &mut BTreeSet<String>,
    ) {
        let definition = &*self.resolved.definition;
        let Some(entries) = definition.bundles.get(bundle).map(|bundle| &bundle.entries) else { return };
        let label = |key: &str| definition.label(&EntryId { bundle: bundle.clone(), key: key.into() });
        match key {
            Some(key) => found.extend(entries.contains_key(key).then(|| label(key))),
            None => {
                let keys = entries.keys().map(crate::name::KeyName::as_str);
                let mut named = keys.filter(|key| in_brackets(lexed, path, key)).map(label).peekable();
                match named.peek() {
                    Some(_) => found.extend(named),
                    None => drop(found.insert(format!("{path}[…]"))),
                }
            }
        }
    }

    fn is_found(&self, read: &TemplateRead, found: &BTreeSet<String>) -> bool {
        let label = match read {
            TemplateRead::Entry(id) => self.resolved.definition.label(id),
            TemplateRead::Variable(path) => format!("vars.{path}"),
        };
        found.contains(&label)
    }
}

/// Part of a structure that a path of keys leads to, or the value it ends at.
fn part_at<'t>(tree: &'t Tree, path: &str) -> Option<&'t Tree> {
    path.split('.').filter(|step| !step.is_empty()).try_fold(tree, |tree, step| tree.get(step))
}

/// Adds a variable, or the parts of a structure that occur in brackets, or the structure if it is read as a whole.
fn collect_structure(tree: &Tree, path: &str, lexed: &LexedTemplate<'_>, found: &mut BTreeSet<String>) {
    let TreeKind::Map(map) = &tree.kind else {
        let is_list = matches!(tree.kind, TreeKind::List(_));
        found.insert(if is_list { format!("{path}[…]") } else { path.to_owned() });
        return;
    };
    let mut named = map.iter().filter(|(key, _)| in_brackets(lexed, path, key)).peekable();
    if named.peek().is_none() {
        found.insert(format!("{path}[…]"));
    }
    for (key, below) in named {
        collect_structure(below, &crate::layer::tree::join_path(path, key), lexed, found);
    }
}

/// Whether a template contains `path["key"]`.
fn in_brackets(lexed: &LexedTemplate<'_>, path: &str, key: &str) -> bool {
    lexed.find_paths(path).any(|(_, rest)| match rest {
        [open, inside, close, ..] => {
            let is_closed = matches!((&open.token, &close.token), (Token::BracketOpen, Token::BracketClose));
            is_closed && literal_text(&inside.token) == Some(key)
        }
        _ => false,
    })
}
