//! Trees of YAML texts, and what their scalars mean.

use granit_parser::{Event, Parser, ScalarStyle};
use septum::span::Span;
use septum::yaml::node::{Key, Kind, Mapping, Node, Scalar, Style};

type Events<'a> = std::iter::Peekable<Box<dyn Iterator<Item = (Event<'a>, Option<std::ops::Range<usize>>)> + 'a>>;

/// The documents of a text.
pub(crate) fn documents(text: &str) -> Vec<Node> {
    let events: Box<dyn Iterator<Item = _>> = Box::new(
        Parser::new_from_str(text)
            .map(|event| event.expect("valid YAML"))
            .map(|(event, span)| (event, span.byte_range()))
            .filter(|(event, _)| !matches!(event, Event::Comment(..))),
    );
    let mut builder = Builder { text, events: events.peekable(), anchors: Vec::new() };
    let mut documents = Vec::new();
    while let Some((event, _)) = builder.events.next() {
        if let Event::DocumentStart(..) = event {
            documents.push(builder.node());
        }
    }
    documents
}

/// The only document of a text.
pub(crate) fn document(text: &str) -> Node {
    documents(text).into_iter().next().expect("a document")
}

struct Builder<'a> {
    text: &'a str,
    events: Events<'a>,
    anchors: Vec<(usize, Node)>,
}

impl Builder<'_> {
    fn node(&mut self) -> Node {
        let (event, range) = self.events.next().expect("an event");
        let range = range.unwrap_or_default();
        let (kind, anchor) = match event {
            Event::Alias(id) => return self.anchors.iter().find(|(known, _)| *known == id).expect("anchor").1.clone(),
            Event::Scalar(value, style, anchor, tag) => {
                let tag = tag.as_ref().map(|tag| tag.suffix().to_owned());
                let blank = style == ScalarStyle::Plain && tag.is_none() && range.is_empty();
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted => Style::SingleQuoted,
                    ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                };
                let mut scalar = Scalar::new(value, style);
                (scalar.tag, scalar.blank) = (tag, blank);
                (Kind::Scalar(scalar), anchor)
            }
            Event::SequenceStart(_, anchor, _) => (Kind::List(self.list()), anchor),
            Event::MappingStart(_, anchor, _) => (Kind::Map(self.map()), anchor),
            other => panic!("unexpected {other:?}"),
        };
        let node = Node { span: Span::locate(self.text, range.start, range.end), kind };
        if anchor > 0 {
            self.anchors.push((anchor, node.clone()));
        }
        node
    }

    fn list(&mut self) -> Vec<Node> {
        let mut items = Vec::new();
        while !matches!(self.events.peek(), Some((Event::SequenceEnd, _))) {
            items.push(self.node());
        }
        self.events.next();
        items
    }

    fn map(&mut self) -> Mapping {
        let mut map = Mapping::new();
        while !matches!(self.events.peek(), Some((Event::MappingEnd, _))) {
            let key = self.node();
            let text = key.as_scalar().expect("a scalar key").text().to_owned();
            map.insert(Key { text, span: key.span }, self.node());
        }
        self.events.next();
        map
    }
}

/// What a tree means, whoever wrote it: numbers by value, texts by text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meaning {
    Null,
    Text(String),
    Number(String),
    Bool(bool),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

/// The meaning of a tree.
pub(crate) fn meaning(node: &Node) -> Meaning {
    match &node.kind {
        Kind::Scalar(scalar) => scalar_meaning(scalar),
        Kind::List(items) => Meaning::List(items.iter().map(meaning).collect()),
        Kind::Map(map) => Meaning::Map(map.iter().map(|(key, value)| (key.text.clone(), meaning(value))).collect()),
    }
}

fn scalar_meaning(scalar: &Scalar) -> Meaning {
    let text = scalar.text();
    if scalar.blank || scalar.is_null() {
        return Meaning::Null;
    }
    if scalar.style != Style::Plain || scalar.tag.is_some() {
        return Meaning::Text(text.to_owned());
    }
    match text {
        "true" => Meaning::Bool(true),
        "false" => Meaning::Bool(false),
        ".inf" | "-.inf" | ".nan" => Meaning::Number(text.to_owned()),
        _ if !text.starts_with(|char: char| char.is_ascii_digit() || char == '-') => Meaning::Text(text.to_owned()),
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(int), _) => Meaning::Number(int.to_string()),
            (_, Ok(float)) if float.is_finite() => Meaning::Number(float.to_string()),
            _ => Meaning::Text(text.to_owned()),
        },
    }
}
