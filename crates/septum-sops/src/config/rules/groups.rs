//! The recipients of a rule, in every spelling (format, section 2.1).

use super::RecipientGroup;
use super::fields::{GroupFields, NameList, RuleFields};
use super::read::SopsConfigReader;
use crate::recipients::foreign::{self, ForeignKey};
use crate::recipients::recipient::{self, InvalidRecipient, Recipient};
use septum_base::diagnostic::{Diagnostic, Rule};
use septum_base::span::Span;
use septum_base::yaml::node::{Mapping, YamlKind, YamlNode};

/// The groups of a rule: its `key_groups`, or all its other recipients as one group.
pub(super) fn read_groups(
    fields: &RuleFields,
    map: &Mapping,
    reader: &mut SopsConfigReader<'_>,
) -> Vec<RecipientGroup> {
    let Some(key_groups) = fields.key_groups.as_ref().filter(|groups| !groups.is_empty()) else {
        let mut group = read_flat_group(fields, map, reader);
        return if group.is_empty() { Vec::new() } else { vec![std::mem::take(&mut group)] };
    };
    let nodes = match map.get("key_groups").map(|node| &node.kind) {
        Some(YamlKind::List(nodes)) => nodes.as_slice(),
        _ => &[],
    };
    let mut groups: Vec<RecipientGroup> = Vec::new();
    for (index, (fields, node)) in key_groups.iter().zip(nodes).enumerate() {
        let mut group = RecipientGroup::default();
        let complete = collect_group(fields, node, &mut group, reader);
        if complete && group.is_empty() {
            reader.report_error(
                node.span,
                format!("key group {} is empty, so its share could not be decrypted", index + 1),
            );
        } else if let Some(first) = groups.iter().position(|known| complete && *known == group) {
            reader.report_error(
                node.span,
                format!(
                    "key groups {} and {} are identical, so each of their recipients has two shares",
                    first + 1,
                    index + 1
                ),
            );
        }
        groups.push(group);
    }
    groups
}

/// The keys in the rule itself.
fn read_flat_group(fields: &RuleFields, map: &Mapping, reader: &mut SopsConfigReader<'_>) -> RecipientGroup {
    let mut group = RecipientGroup::default();
    for text in split_names(fields.age.as_ref()) {
        let span = map.get("age").map_or_else(Span::default, |node| find_text(node, &text).unwrap_or(node.span));
        add_age(&text, span, &mut group, reader);
    }
    let lists: [(&'static str, Option<&NameList>); 6] = [
        ("pgp", fields.pgp.as_ref()),
        ("kms", fields.kms.as_ref()),
        ("gcp_kms", fields.gcp_kms.as_ref()),
        ("hckms", fields.hckms.as_ref()),
        ("azure_kv", fields.azure_keyvault.as_ref()),
        ("hc_vault", fields.hc_vault_transit_uri.as_ref()),
    ];
    for (service, list) in lists {
        for name in split_names(list) {
            add_foreign(service, &name, &mut group);
        }
    }
    group
}

fn split_names(names: Option<&NameList>) -> Vec<String> {
    names.map(NameList::split_names).unwrap_or_default()
}

/// The keys of a group, those of the groups that it merges first. False if one is not valid.
fn collect_group(
    fields: &GroupFields,
    node: &YamlNode,
    group: &mut RecipientGroup,
    reader: &mut SopsConfigReader<'_>,
) -> bool {
    let field = |name: &str| node.as_map().and_then(|map| map.get(name));
    let mut complete = true;
    let merged = match field("merge").map(|node| &node.kind) {
        Some(YamlKind::List(nodes)) => nodes.as_slice(),
        _ => &[],
    };
    for (fields, node) in fields.merge.iter().zip(merged) {
        complete &= collect_group(fields, node, group, reader);
    }
    for text in &fields.age {
        let span = field("age").map_or(node.span, |list| find_text(list, text).unwrap_or(list.span));
        for text in text.split(',') {
            complete &= add_age(text.trim(), span, group, reader);
        }
    }
    for name in &fields.pgp {
        add_foreign("pgp", name, group);
    }
    for key in &fields.kms {
        add_foreign("kms", &foreign::aws_key_name(&key.arn, &key.role), group);
    }
    for key in &fields.gcp_kms {
        add_foreign("gcp_kms", &key.resource_id, group);
    }
    for key in &fields.hckms {
        add_foreign("hckms", &key.key_id, group);
    }
    for key in &fields.azure_keyvault {
        add_foreign("azure_kv", &foreign::azure_key_name(&key.vault_url, &key.key, &key.version), group);
    }
    for uri in &fields.hc_vault {
        add_foreign("hc_vault", uri, group);
    }
    complete
}

/// Adds an age recipient, each once.
fn add_age(text: &str, span: Span, group: &mut RecipientGroup, reader: &mut SopsConfigReader<'_>) -> bool {
    match Recipient::parse(text) {
        Ok(recipient) => {
            if !group.age.contains(&recipient) {
                group.age.push(recipient);
            }
            true
        }
        // its beginning shows its kind, and is not private
        Err(reason @ InvalidRecipient::Damaged) => {
            let message = format!("`{}` {reason}", recipient::shorten_recipient(text));
            reader.recipient_error(Diagnostic::error(Rule::SopsRules, message).at(reader.place(span)));
            false
        }
        Err(reason) => {
            let message = format!("an entry of `age` {reason}");
            reader.recipient_error(Diagnostic::error(Rule::SopsRules, message).at_masked(reader.place(span)));
            false
        }
    }
}

/// Adds a key of another service, each once, by its name in sops.
fn add_foreign(service: &'static str, name: &str, group: &mut RecipientGroup) {
    let name = match service {
        "pgp" => foreign::strip_blanks(name),
        "azure_kv" | "hc_vault" => name.trim().trim_end_matches('/').to_owned(),
        _ => name.trim().to_owned(),
    };
    let key = ForeignKey { service, name };
    if !key.name.is_empty() && !group.foreign.contains(&key) {
        group.foreign.push(key);
    }
}

/// The location of the scalar that contains a text.
fn find_text(node: &YamlNode, text: &str) -> Option<Span> {
    match &node.kind {
        YamlKind::Scalar(scalar) => scalar.text().contains(text).then_some(node.span),
        YamlKind::List(items) => items.iter().find_map(|item| find_text(item, text)),
        YamlKind::Map(_) => None,
    }
}
