//! Texts of an XML file, which are searched for credentials.

use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Value as Json};

/// Maximum number of nodes, those of entities included.
const MOST_NODES: u32 = 65_536;

/// Attributes that name the value of their element, as in `<add key="a" value="b"/>`.
const NAMES: [&str; 2] = ["name", "key"];

/// Parses the texts of an XML file: an element is a mapping of its attributes and children, a list if there are several
/// of a name, or a text if it has nothing else. Nothing if the file is invalid, nested deeper than `deepest`, or a page of
/// HTML, whose forms name passwords and contain none.
pub(crate) fn parse_xml_texts(source: &str, deepest: usize) -> Option<Json> {
    if nesting(source) > deepest {
        return None;
    }
    let options = ParsingOptions { allow_dtd: true, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(source, options).ok()?;
    let root = document.root_element();
    if root.tag_name().name().eq_ignore_ascii_case("html") {
        return None;
    }
    let mut texts = Map::new();
    add_element(&mut texts, root);
    Some(Json::Object(texts))
}

/// Largest number of elements that may be open at a time: a bound for the recursion of the parser, and of its readers.
fn nesting(source: &str) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for tag in source.split('<').skip(1) {
        let ends = tag.split_once('>').is_some_and(|(inside, _)| inside.ends_with('/'));
        match tag.bytes().next() {
            Some(b'/') => open = open.saturating_sub(1),
            Some(b'!' | b'?') | None => {}
            Some(_) => {
                deepest = deepest.max(open + 1);
                open += usize::from(!ends);
            }
        }
    }
    deepest
}

fn add_element(parent: &mut Map<String, Json>, element: Node<'_, '_>) {
    let mut fields = Map::new();
    for attribute in element.attributes() {
        let name = if NAMES.contains(&attribute.name()) { "name" } else { attribute.name() };
        add(&mut fields, name, Json::String(attribute.value().to_owned()));
    }
    element.children().filter(Node::is_element).for_each(|child| add_element(&mut fields, child));
    let name = element.tag_name().name();
    let text: String = element.children().filter(Node::is_text).filter_map(|node| node.text()).collect();
    let text = text.trim();
    if !text.is_empty() {
        if fields.contains_key("name") {
            add(&mut fields, "value", Json::String(text.to_owned()));
        } else {
            add(parent, name, Json::String(text.to_owned()));
        }
    }
    if !fields.is_empty() {
        add(parent, name, Json::Object(fields));
    }
}

/// Adds a value beside those of the same name.
fn add(fields: &mut Map<String, Json>, name: &str, value: Json) {
    match fields.get_mut(name) {
        None => drop(fields.insert(name.to_owned(), value)),
        Some(Json::Array(values)) => values.push(value),
        Some(first) => {
            let before = first.take();
            *first = Json::Array(vec![before, value]);
        }
    }
}
