//! Structures: from the merged tree of a `content` entry, or a value of a template, to the
//! structure that is written.

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value as TemplateValue};

use super::failure::{Origin, invalid};
use super::frame::Frame;
use super::prepare::{lone_expression, prepare};
use super::scope;
use super::session::{Reported, Session};
use crate::layer::{Tree, TreeKind};
use crate::template_tokens::is_template;
use crate::value::Value;
use crate::yaml::node::Scalar;

/// What the scalars of a structure become.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    /// What they were written as: `8080` a number, `"8080"` a text.
    Typed,
    /// Texts, whatever they look like; null stays.
    Texts,
}

/// Builds the structure of an entry.
pub(super) struct Builder<'s> {
    pub(super) session: &'s Arc<Session>,
    pub(super) frame: &'s Frame,
    pub(super) may_render: bool,
    pub(super) leaves: Leaves,
    /// A leaf is encrypted, and nobody decrypted it.
    pub(super) locked: bool,
}

impl Builder<'_> {
    /// The structure with its templates rendered. All leaves are rendered, also after one failed,
    /// so that every mistake is found.
    pub(super) fn build<'t>(&mut self, tree: &'t Tree) -> Result<Value<'t>, Reported> {
        match &tree.kind {
            TreeKind::Leaf(scalar) => self.leaf(scalar, tree),
            TreeKind::List(items) => {
                let built: Vec<_> = items.iter().map(|item| self.build(item)).collect();
                Ok(Value::List(built.into_iter().collect::<Result<_, _>>()?))
            }
            TreeKind::Map(map) => {
                let built: Vec<_> = map.iter().map(|(key, value)| (key, self.build(value))).collect();
                let pairs = built.into_iter().map(|(key, value)| Ok((Cow::from(key.as_str()), value?)));
                Ok(Value::Map(pairs.collect::<Result<_, _>>()?))
            }
        }
    }

    /// A scalar with its template rendered; one expression by itself keeps its type.
    pub(super) fn leaf<'t>(&mut self, scalar: &'t Scalar, tree: &'t Tree) -> Result<Value<'t>, Reported> {
        self.frame.start_template();
        if scalar.encrypted {
            self.frame.record_encrypted();
        }
        if scalar.locked {
            self.locked = true;
            return Ok(Value::text(scalar.text()));
        }
        let text = scalar.text();
        if !self.may_render || !is_template(text) {
            return Ok(match self.leaves {
                Leaves::Texts if !scalar.is_null() => Value::text(text),
                Leaves::Typed | Leaves::Texts => scalar.to_value(),
            });
        }
        let name = tree.place.source.name();
        let expression = Some(text).filter(|_| self.leaves == Leaves::Typed).and_then(lone_expression);
        let Some(expression) = expression else {
            let rendered = self.session.render(name, text, &Origin::Scalar { scalar, place: &tree.place, shift: 0 })?;
            return Ok(Value::text(rendered.expose().clone()));
        };
        // one expression by itself keeps its type, so that a port can be a number
        let whole = Origin::Scalar { scalar, place: &tree.place, shift: 0 };
        let prepared = prepare(text).map_err(|fault| {
            self.session.mention_all(text);
            self.session.failed(&fault.into_error(), &whole)
        })?;
        // what is inserted lies within
        let end = expression.end + prepared.text.len() - text.len();
        let source = prepared.text.get(expression.start..end).unwrap_or_default();
        let origin = Origin::Scalar { scalar, place: &tree.place, shift: expression.start };
        let evaluated = self
            .session
            .run(&origin, |environment| environment.compile_expression(source)?.eval(scope::root(self.session)));
        self.session.mention(text);
        if evaluated.is_err() {
            self.session.mention_all(text);
        }
        let value = evaluated?;
        if value.is_undefined() {
            // an expression may be that; a template that prints it says where it comes from
            self.session.render(name, text, &whole)?;
        }
        from_template(&value).map_err(|error| self.session.failed(&error, &origin))
    }
}

/// A value of a template as a structure.
pub(super) fn from_template(value: &TemplateValue) -> Result<Value<'static>, Error> {
    Ok(match value.kind() {
        ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => Value::Literal(value.to_string().into()),
        ValueKind::String => Value::text(value.to_string()),
        ValueKind::Seq | ValueKind::Iterable => {
            Value::List(value.try_iter()?.map(|item| from_template(&item)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let keys = value.try_iter()?;
            let pairs = keys.map(|key| {
                let item = value.get_item(&key)?;
                Ok((Cow::from(key.to_string()), from_template(&item)?))
            });
            Value::Map(pairs.collect::<Result<_, Error>>()?)
        }
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        _ => return Err(invalid("a binary value cannot stand in a structure")),
    })
}
