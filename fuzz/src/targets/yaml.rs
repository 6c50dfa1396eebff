//! YAML: reader and writer.

use septum::layer::Tree;
use septum::span::{Source, Span};
use septum::value::OutputValue;
use septum::yaml::kubectl::json_scalar;
use septum::yaml::node::{YamlKind, YamlNode};
use septum::yaml::read::{MergeKeys, read_document, read_partial_document, read_stream};
use septum::yaml::scalar::{CoreType, core_type, locate_in_scalar, plain_type};
use septum::yaml::write::{push_quoted, write_document};

use crate::project::assert_placed;

/// Input: a file.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let source = Source::new("input.yaml", text);
    let single = match read_document(&source) {
        Ok(node) => Some(node),
        Err(problems) => {
            assert_placed(&problems);
            None
        }
    };
    check_partial(&source, single.is_some());
    for merge_keys in [MergeKeys::Apply, MergeKeys::Keep] {
        match read_stream(&source, merge_keys) {
            Ok(stream) => {
                stream.documents.iter().for_each(|document| check_node(document, text));
                for comment in &stream.comments {
                    let written = text.get(comment.span.start..comment.span.end);
                    assert_eq!(written.and_then(|written| written.strip_prefix('#')), Some(comment.text.as_str()));
                }
                if merge_keys == MergeKeys::Apply && single.is_some() {
                    assert!(stream.documents.len() <= 1, "two documents were read as one");
                }
            }
            Err(problems) => assert_placed(&problems),
        }
    }
    if let Some(node) = single {
        assert_reads_back(&Tree::from_node(node, &source).to_value());
    }
    // any text is a value, too
    assert_reads_back(&OutputValue::map([(text, OutputValue::text(text))]));
    let mut quoted = String::new();
    push_quoted(&mut quoted, text);
    assert!(!quoted.contains('\n'), "a quoted text is one line");
}

/// Holds that nothing is broken in a text that is valid, and that nothing else is valid for readers of whole texts.
fn check_partial(source: &Source, is_valid: bool) {
    let Ok(partial) = read_partial_document(source) else {
        assert!(!is_valid, "a valid text is not read in part");
        return;
    };
    assert_eq!(partial.problems.is_empty(), is_valid, "what is not valid is reported");
    assert!(!(is_valid && partial.root.has_broken()), "a part of a valid text is broken");
    assert_placed(&partial.problems);
    check_node(&partial.root, source.text());
    let tree = Tree::from_node(partial.root, source);
    tree.leaves("", &mut |_, _, scalar| assert!(!scalar.broken || scalar.locked, "a broken part has a value"));
}

/// Holds that a node and its parts are where they say.
fn check_node(node: &YamlNode, text: &str) {
    check_span(node.span, text);
    match &node.kind {
        YamlKind::Scalar(scalar) => {
            let _ = (core_type(scalar), json_scalar(scalar.text()), scalar.to_value());
            for (offset, _) in scalar.text().char_indices().step_by(7) {
                let found = locate_in_scalar(text, node.span, scalar, offset, 1);
                check_span(found, text);
                assert!(node.span.start <= found.start && found.end <= node.span.end.max(found.start), "outside");
            }
        }
        YamlKind::List(items) => items.iter().for_each(|item| check_node(item, text)),
        YamlKind::Map(map) => {
            for (key, value) in map {
                check_span(key.span, text);
                check_node(value, text);
            }
        }
    }
}

fn check_span(span: Span, text: &str) {
    assert!(text.get(span.start..span.end).is_some(), "{span:?} is not in the text");
    assert_eq!(Span::locate(text, span.start, span.end), span);
}

/// Holds that a value reads the same once it was written.
pub(crate) fn assert_reads_back(value: &OutputValue<'_>) {
    let written = assert_read(value);
    // a plain text of several lines is quoted at first, and a block from then on
    let again = assert_read(&written);
    assert_eq!(write_document(&again), write_document(&written), "written in another way");
}

fn assert_read(value: &OutputValue<'_>) -> OutputValue<'static> {
    let text = write_document(value);
    let source = Source::new("written.yaml", text.as_str());
    let node = read_document(&source).unwrap_or_else(|problems| panic!("unreadable: {problems:?}\n{text}"));
    let again = Tree::from_node(node, &source);
    assert!(meaning(again.to_value()) == meaning(value.clone()), "another value:\n{text}");
    again.to_value().into_owned()
}

/// A value with plain texts as texts.
pub(crate) fn meaning(value: OutputValue<'_>) -> OutputValue<'_> {
    match value {
        OutputValue::Literal(text) if plain_type(&text) == CoreType::String => OutputValue::String(text),
        OutputValue::List(items) => OutputValue::List(items.into_iter().map(meaning).collect()),
        OutputValue::Map(pairs) => {
            OutputValue::Map(pairs.into_iter().map(|(key, value)| (key, meaning(value))).collect())
        }
        other => other,
    }
}
