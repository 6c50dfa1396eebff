//! Sources of entries: what of an entry is a value, and what is a rule.

use zeroize::Zeroizing;

use super::draft::{EditFailure, PromotionDraft};
use super::excerpt::{LayerExcerpt, is_same_content};
use super::item::PromotedItem;
use super::tree_edit::{DraftStep, node_at};
use crate::layer::ENTRY_SOURCES;
use crate::template_tokens::is_template;
use crate::yaml::node::{Mapping, Scalar, YamlKind, YamlNode};

/// Whether a field of an entry gives it a value; `template: false` is a rule.
fn is_source((name, node): (&str, &YamlNode)) -> bool {
    let is_rule =
        name == "template" && node.as_scalar().is_some_and(|scalar| matches!(scalar.text(), "true" | "false"));
    ENTRY_SOURCES.contains(&name) && !is_rule
}

fn sources(fields: &Mapping) -> impl Iterator<Item = &str> {
    fields.iter().map(|(key, node)| (key.text.as_str(), node)).filter(|field| is_source(*field)).map(|(name, _)| name)
}

/// Whether an item gives a value, and not only rules of one.
pub(super) fn has_source(item: &PromotedItem, node: &YamlNode) -> bool {
    match (item, &node.kind) {
        (_, YamlKind::Scalar(scalar)) => !scalar.is_null() && !scalar.blank,
        (PromotedItem::Entry(_), YamlKind::Map(fields)) => sources(fields).next().is_some(),
        _ => true,
    }
}

/// Whether an item removes what lower layers give.
pub(super) fn is_removal(node: &YamlNode) -> bool {
    node.as_scalar().is_some_and(Scalar::is_null)
}

/// Whether the value of an entry is in the layer itself, and not in a file, a template or a store.
pub(super) fn is_literal(node: &YamlNode, may_render: bool) -> bool {
    let is_text = |node: &YamlNode, may_render: bool| {
        node.as_scalar().is_none_or(|scalar| !(may_render && is_template(scalar.text())))
    };
    match &node.kind {
        YamlKind::Scalar(_) => is_text(node, may_render),
        YamlKind::Map(fields) => {
            let is_off =
                fields.get("template").and_then(YamlNode::as_scalar).is_some_and(|rule| rule.text() == "false");
            fields.contains_key("content")
                || fields.get("value").is_some_and(|value| is_text(value, may_render && !is_off))
        }
        YamlKind::List(_) => true,
    }
}

/// Whether an entry gives a structure, which is merged with that of other layers.
pub(super) fn is_content(node: &YamlNode) -> bool {
    node.as_map().is_some_and(|fields| fields.contains_key("content"))
}

/// A field of an entry in the long form, as it is written.
fn field_of(excerpt: &LayerExcerpt, key: &str, field: &str) -> Option<LayerExcerpt> {
    // the last line break belongs to a block that keeps those at its end
    let text = Zeroizing::new(format!("{}\n", excerpt.text.as_str()));
    let draft = PromotionDraft::read("entry", &text).ok()?;
    draft.excerpt(&[DraftStep::Key(key.to_owned()), DraftStep::Key(field.to_owned())])
}

/// The value of an entry without its rules.
pub(super) fn without_rules(key: &str, excerpt: LayerExcerpt) -> LayerExcerpt {
    let Some(fields) = excerpt.node.as_map() else { return excerpt };
    let comments = excerpt.comments.clone();
    let short = fields.get("value").filter(|value| value.as_scalar().is_some());
    if let (Some(_), Some(value)) = (short, field_of(&excerpt, key, "value")) {
        let comments = if comments.is_empty() { value.comments.clone() } else { comments };
        return LayerExcerpt { comments, ..value.renamed(key) };
    }
    let node = match short {
        Some(value) => value.clone(),
        None => {
            let kept = fields.iter().filter(|(key, node)| is_source((key.text.as_str(), node)));
            let kept = kept.map(|(key, node)| (key.clone(), node.clone())).collect();
            YamlNode { span: excerpt.node.span, kind: YamlKind::Map(kept) }
        }
    };
    LayerExcerpt { comments, ..LayerExcerpt::in_one_line(Some(key), &node) }
}

/// Puts an item at its path. Rules that a layer has for an entry stay, if the new entry has none, and so do comments
/// between its fields.
pub(super) fn put_item(
    draft: &mut PromotionDraft,
    item: &PromotedItem,
    path: &[DraftStep],
    excerpt: &LayerExcerpt,
) -> Result<(), EditFailure> {
    let known = node_at(draft.root(), path);
    if known.is_some_and(|known| is_same_content(known, &excerpt.node)) {
        return Ok(());
    }
    let (PromotedItem::Entry(id), Some(fields)) = (item, known.and_then(YamlNode::as_map)) else {
        return draft.put(path, excerpt);
    };
    let key = id.key.as_str();
    let has_rules = |fields: &Mapping| fields.len() > sources(fields).count();
    let keeps_rules = has_rules(fields) && !excerpt.node.as_map().is_some_and(has_rules);
    if keeps_rules {
        return put_source(draft, key, path, excerpt);
    }
    if draft.has_inner_comments(path) {
        // field by field, if the syntax allows it, which only edits show that are made
        if draft.collected_count().is_some() {
            return Err(EditFailure::Entangled);
        }
        let mut tried = draft.clone();
        let done = match &excerpt.node.kind {
            YamlKind::Map(new) => put_fields(&mut tried, key, path, excerpt, new),
            _ => put_source(&mut tried, key, path, excerpt),
        };
        if done.is_ok() {
            *draft = tried;
            return Ok(());
        }
    }
    draft.put(path, excerpt)
}

/// Gives an entry in the long form another value.
fn put_source(
    draft: &mut PromotionDraft,
    key: &str,
    path: &[DraftStep],
    excerpt: &LayerExcerpt,
) -> Result<(), EditFailure> {
    let fields = excerpt.node.as_map();
    let field = fields.and_then(|fields| sources(fields).next()).unwrap_or("value").to_owned();
    cut_sources(draft, path, Some(&field))?;
    let value = fields.and_then(|fields| fields.get(field.as_str())).unwrap_or(&excerpt.node);
    let at: Vec<_> = path.iter().cloned().chain([DraftStep::Key(field.clone())]).collect();
    if node_at(draft.root(), &at).is_some_and(|known| is_same_content(known, value)) {
        return Ok(());
    }
    let short = match fields {
        Some(_) => field_of(excerpt, key, &field).unwrap_or_else(|| LayerExcerpt::in_one_line(Some(&field), value)),
        None => excerpt.renamed(&field),
    };
    draft.put(&at, &short.without_comments())
}

/// Makes the fields of an entry those of another one, each as it is written there.
fn put_fields(
    draft: &mut PromotionDraft,
    key: &str,
    path: &[DraftStep],
    excerpt: &LayerExcerpt,
    fields: &Mapping,
) -> Result<(), EditFailure> {
    let at = |field: &str| path.iter().cloned().chain([DraftStep::Key(field.to_owned())]).collect::<Vec<_>>();
    let known = node_at(draft.root(), path).and_then(YamlNode::as_map);
    let gone: Vec<_> = known
        .into_iter()
        .flat_map(Mapping::keys)
        .map(|known| known.text.clone())
        .filter(|known| !fields.contains_key(known.as_str()))
        .collect();
    for (field, node) in fields {
        let at = at(&field.text);
        if node_at(draft.root(), &at).is_some_and(|known| is_same_content(known, node)) {
            continue;
        }
        let new = field_of(excerpt, key, &field.text);
        draft.put(&at, &new.unwrap_or_else(|| LayerExcerpt::in_one_line(Some(&field.text), node)))?;
    }
    for field in gone {
        draft.cut(&at(&field))?;
    }
    let is_done = node_at(draft.root(), path).is_some_and(|known| is_same_content(known, &excerpt.node));
    if is_done { Ok(()) } else { Err(EditFailure::Entangled) }
}

/// Removes the value that a layer gives an item; rules of an entry stay.
pub(super) fn cut_item(draft: &mut PromotionDraft, item: &PromotedItem, path: &[DraftStep]) -> Result<(), EditFailure> {
    let Some(node) = node_at(draft.root(), path) else { return Ok(()) };
    let has_rules = node.as_map().is_some_and(|fields| fields.len() > sources(fields).count());
    if matches!(item, PromotedItem::Entry(_)) && has_rules { cut_sources(draft, path, None) } else { draft.cut(path) }
}

fn cut_sources(draft: &mut PromotionDraft, path: &[DraftStep], kept: Option<&str>) -> Result<(), EditFailure> {
    let fields = node_at(draft.root(), path).and_then(YamlNode::as_map);
    let cut: Vec<String> =
        fields.into_iter().flat_map(sources).filter(|name| Some(*name) != kept).map(str::to_owned).collect();
    for field in cut {
        let at: Vec<_> = path.iter().cloned().chain([DraftStep::Key(field)]).collect();
        draft.cut(&at)?;
    }
    Ok(())
}
