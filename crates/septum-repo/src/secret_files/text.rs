//! Texts given by users, as values of files.

use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use thiserror::Error;

use crate::sops::{SopsTree, TypedValue, holds_ciphertext};

/// Type that a text is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextValueKind {
    /// A text as it is.
    Text,
    /// An integer, number or boolean, if that keeps the text; else a text.
    Scalar,
    /// Type that results from parsing the text as JSON: any structure.
    Json,
}

/// Reason why a text cannot be converted to that type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ValueProblem {
    /// It is not JSON. The position of the error would reveal the content.
    #[error("the value is not valid JSON")]
    NotJson,
    /// A key occurs twice in a map, so that its value is ambiguous.
    #[error("the value has a duplicate key in a map")]
    Duplicate,
    /// It was copied from an encrypted file, and is not a value.
    #[error("the value contains SOPS ciphertext, which cannot be decrypted there: pass the value in plaintext")]
    Ciphertext,
    /// A number that sops could not read.
    #[error("the value contains an integer that does not fit into 64 signed bits, which sops rejects")]
    TooBig,
}

/// The value of a text.
pub fn parse_typed(text: &[u8], kind: TextValueKind) -> Result<SopsTree, ValueProblem> {
    if holds_ciphertext(text) {
        return Err(ValueProblem::Ciphertext);
    }
    match kind {
        TextValueKind::Text => Ok(SopsTree::of(TypedValue::Text(text.to_vec().into()))),
        TextValueKind::Scalar => Ok(SopsTree::of(parse_scalar(text))),
        TextValueKind::Json => {
            let parsed: Result<UniqueKeyJson, _> = serde_json::from_slice(text);
            match parsed {
                Ok(UniqueKeyJson(json)) => convert_json(&WipedJson(json).0),
                Err(error) if error.to_string().contains(DUPLICATE) => Err(ValueProblem::Duplicate),
                Err(_) => Err(ValueProblem::NotJson),
            }
        }
    }
}

/// A number or boolean is one only if it prints as the text: `0644` and `1.10` are texts.
fn parse_scalar(text: &[u8]) -> TypedValue {
    let as_it_is = || TypedValue::Text(text.to_vec().into());
    let Ok(words) = std::str::from_utf8(text) else { return as_it_is() };
    let float = words.parse().ok().filter(|float: &f64| float.is_finite());
    let numbers = [words.parse().ok().map(TypedValue::Int), float.map(TypedValue::Float)];
    let values = numbers.into_iter().chain([words.parse().ok().map(TypedValue::Bool)]).flatten();
    let same = |value: &TypedValue| match value {
        TypedValue::Bool(bool) => bool.to_string() == words,
        value => value.bytes().is_some_and(|bytes| *bytes == *text),
    };
    values.into_iter().find(same).unwrap_or_else(as_it_is)
}

fn convert_json(json: &Json) -> Result<SopsTree, ValueProblem> {
    Ok(match json {
        Json::Null => SopsTree::of(TypedValue::Null),
        Json::Bool(bool) => SopsTree::of(TypedValue::Bool(*bool)),
        Json::Number(number) => SopsTree::of(match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => TypedValue::Int(int),
            // an integer of more digits than a number has is read as one with a fraction
            (None, Some(float)) if !number.is_u64() && (float.fract() != 0.0 || float.abs() < 9.2e18) => {
                TypedValue::Float(float)
            }
            _ => return Err(ValueProblem::TooBig),
        }),
        Json::String(text) => SopsTree::from_text(text.as_str()),
        Json::Array(items) => SopsTree::from_list(items.iter().map(convert_json).collect::<Result<_, _>>()?),
        Json::Object(fields) => {
            let pairs = fields.iter().map(|(key, value)| Ok((key.clone(), convert_json(value)?)));
            SopsTree::from_pairs(pairs.collect::<Result<_, _>>()?)
        }
    })
}

/// Text of the error for a key that occurs twice.
const DUPLICATE: &str = "duplicate key";

/// JSON in whose maps each key occurs once.
struct UniqueKeyJson(Json);

impl<'de> Deserialize<'de> for UniqueKeyJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Json, E> {
        Ok(Json::Bool(bool))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(UniqueKeyJson(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut map = serde_json::Map::new();
        while let Some((key, UniqueKeyJson(value))) = entries.next_entry::<String, UniqueKeyJson>()? {
            if map.insert(key, value).is_some() {
                return Err(A::Error::custom(DUPLICATE));
            }
        }
        Ok(Json::Object(map))
    }
}

/// JSON whose texts are wiped.
struct WipedJson(Json);

impl Drop for WipedJson {
    fn drop(&mut self) {
        wipe_json(&mut self.0);
    }
}

fn wipe_json(json: &mut Json) {
    match json {
        Json::String(text) => zeroize::Zeroize::zeroize(text),
        Json::Array(items) => items.iter_mut().for_each(wipe_json),
        Json::Object(fields) => fields.values_mut().for_each(wipe_json),
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_one_only_if_it_keeps_its_text() {
        for (text, expected) in [
            ("8080", "int"),
            ("-7", "int"),
            ("9007199254740993", "int"),
            ("9223372036854775808", "text"),
            ("0644", "text"),
            ("+1", "text"),
            ("1.5", "float"),
            ("1.10", "text"),
            ("1e3", "text"),
            ("inf", "text"),
            ("NaN", "text"),
            ("true", "bool"),
            ("True", "text"),
            ("yes", "text"),
            ("", "text"),
        ] {
            let found = match parse_scalar(text.as_bytes()) {
                TypedValue::Int(_) => "int",
                TypedValue::Float(_) => "float",
                TypedValue::Bool(_) => "bool",
                TypedValue::Text(_) => "text",
                _ => "other",
            };
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn json_keeps_integers_and_tells_where_it_is_none() {
        let Ok(SopsTree::Map(map)) =
            parse_typed(br#"{"a": [9007199254740993, 1.0, null], "b": {}}"#, TextValueKind::Json)
        else {
            panic!("a map")
        };
        let Some(SopsTree::List(list)) = map.get("a") else { panic!("a list") };
        let kinds: Vec<_> = list
            .values()
            .map(|value| matches!(value, SopsTree::Leaf(leaf) if matches!(leaf.value, TypedValue::Int(9_007_199_254_740_993))))
            .collect();
        assert_eq!(kinds, [true, false, false]);
        let wrong = |text: &str| parse_typed(text.as_bytes(), TextValueKind::Json).expect_err("wrong");
        assert_eq!(wrong("[1,\n x]"), ValueProblem::NotJson);
        assert_eq!(wrong("18446744073709551615"), ValueProblem::TooBig);
    }
}
