//! Input of KRM functions and post-renderers.

use septum::layer::Tree;
use septum::neighbours::{DocumentStream, FunctionConfig, ResourceList};
use septum::span::Source;
use septum::value::OutputValue;

use super::yaml::meaning;
use crate::project::assert_placed;

/// Input: a list of a function, or the stream of a chart.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check_list(text);
    match DocumentStream::read(Source::new("input", text)) {
        Ok(stream) => {
            let written = stream.to_text(&[]);
            let is_same = written.strip_suffix('\n').unwrap_or(&written) == text.strip_suffix('\n').unwrap_or(text);
            assert!(is_same, "what nothing changes is another text:\n{}", *written);
        }
        Err(problems) => assert_placed(&problems),
    }
}

fn check_list(text: &str) {
    let list = match ResourceList::read(Source::new("input", text)) {
        Ok(list) => list,
        Err(problems) => {
            assert!(problems.has_errors(), "refused without an error");
            return assert_placed(&problems);
        }
    };
    if let Err(problems) = FunctionConfig::read(list.function_config.as_ref(), list.source()) {
        assert_placed(&problems);
    }
    let written = list.to_text(&[]);
    let again = ResourceList::read(Source::new("written", written.as_str()))
        .unwrap_or_else(|problems| panic!("unreadable: {problems:?}\n{}", *written));
    // JSON has the values that kubectl reads, and a configuration among the items is not one of them
    if text.trim_start().starts_with('{') {
        assert_eq!(items(&again).len(), items(&list).len(), "items were lost\n{}", *written);
    } else {
        assert!(items(&again) == items(&list), "other items:\n{}", *written);
    }
}

fn items(list: &ResourceList) -> Vec<OutputValue<'static>> {
    let nodes = list.items.iter().filter_map(|item| item.node());
    nodes.map(|node| meaning(Tree::from_node(node.clone(), list.source()).to_value()).into_owned()).collect()
}
