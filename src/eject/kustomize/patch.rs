//! Differences of two objects as operations of JSON Patch (RFC 6902).

use std::borrow::Cow;

use crate::value::OutputValue;

/// Number of operations above which an object is written as a whole.
const MOST: usize = 12;

/// Operations that turn one object into another; `None` if they are many.
pub(super) fn patch_between<'a>(from: &OutputValue<'a>, to: &OutputValue<'a>) -> Option<Vec<OutputValue<'a>>> {
    let mut operations = Vec::new();
    collect(from, to, "", &mut operations);
    (operations.len() <= MOST).then_some(operations)
}

fn collect<'a>(from: &OutputValue<'a>, to: &OutputValue<'a>, path: &str, found: &mut Vec<OutputValue<'a>>) {
    match (from, to) {
        (from, to) if from == to => {}
        (OutputValue::Map(from), OutputValue::Map(to)) => {
            for (key, value) in from {
                let path = child_path(path, key);
                match field(to, key) {
                    Some(other) => collect(value, other, &path, found),
                    None => found.push(operation("remove", path, None)),
                }
            }
            for (key, value) in to.iter().filter(|(key, _)| field(from, key).is_none()) {
                found.push(operation("add", child_path(path, key), Some(value.clone())));
            }
        }
        (OutputValue::List(from), OutputValue::List(to)) if from.len() <= to.len() && !from.is_empty() => {
            for (index, (from, other)) in from.iter().zip(to).enumerate() {
                collect(from, other, &format!("{path}/{index}"), found);
            }
            for item in to.iter().skip(from.len()) {
                found.push(operation("add", format!("{path}/-"), Some(item.clone())));
            }
        }
        (_, to) => found.push(operation("replace", path.to_owned(), Some(to.clone()))),
    }
}

fn field<'v, 'a>(pairs: &'v [(Cow<'a, str>, OutputValue<'a>)], name: &str) -> Option<&'v OutputValue<'a>> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Path of a field. A slash in a key is escaped (RFC 6901).
fn child_path(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn operation<'a>(name: &'static str, path: String, value: Option<OutputValue<'a>>) -> OutputValue<'a> {
    let fields = [("op", OutputValue::text(name)), ("path", OutputValue::text(path))];
    OutputValue::map(fields.into_iter().chain(value.map(|value| ("value", value))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::write::write_document;

    fn text(value: &'static str) -> OutputValue<'static> {
        OutputValue::text(value)
    }

    #[test]
    fn operations_name_what_differs() {
        let from = OutputValue::map([
            ("a/b", text("1")),
            ("gone", text("x")),
            ("list", OutputValue::List(vec![text("p"), text("q")])),
        ]);
        let to = OutputValue::map([
            ("a/b", text("2")),
            ("list", OutputValue::List(vec![text("p"), text("r"), text("s")])),
            ("new", OutputValue::Literal("3".into())),
        ]);
        let operations = patch_between(&from, &to).expect("few differences");
        let expected = "- op: replace\n  path: \"/a~1b\"\n  value: \"2\"\n- op: remove\n  path: /gone\n- op: replace\n  path: \
                        /list/1\n  value: r\n- op: add\n  path: /list/-\n  value: s\n- op: add\n  path: /new\n  value: 3\n";
        assert_eq!(write_document(&OutputValue::List(operations)), expected);
    }

    #[test]
    fn many_differences_are_no_patch() {
        let wide = |value: &'static str| OutputValue::map((0..20).map(|index| (format!("k{index}"), text(value))));
        assert!(patch_between(&wide("a"), &wide("b")).is_none());
    }
}
