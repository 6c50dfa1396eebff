//! Structures: from the merged tree of a `content` entry, or a value of a template, to the structure that is written.

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value as TemplateValue};

use super::failure::{TemplateOrigin, invalid_value};
use super::frame::RenderFrame;
use super::prepare::{lone_expression, prepare};
use super::scope;
use super::session::{ErrorReported, ResolveSession};
use crate::layer::{Tree, TreeKind};
use crate::template_tokens::is_template;
use crate::value::OutputValue;
use crate::yaml::node::Scalar;

/// Conversion of the scalars of a structure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafMode {
    /// Type as written: `8080` is a number, `"8080"` a text.
    Typed,
    /// Texts, whatever they look like; null is kept.
    Texts,
}

/// Builds the structure of an entry.
pub(super) struct ContentBuilder<'s> {
    pub(super) session: &'s Arc<ResolveSession>,
    pub(super) frame: &'s RenderFrame,
    pub(super) may_render: bool,
    pub(super) leaves: LeafMode,
    /// Whether a leaf is encrypted and was not decrypted.
    pub(super) locked: bool,
}

impl ContentBuilder<'_> {
    /// Renders the templates of the structure. All leaves are rendered, even after one failed, so that every mistake is
    /// found.
    pub(super) fn build<'t>(&mut self, tree: &'t Tree) -> Result<OutputValue<'t>, ErrorReported> {
        match &tree.kind {
            TreeKind::Leaf(scalar) => self.build_leaf(scalar, tree),
            TreeKind::List(items) => {
                let built: Vec<_> = items.iter().map(|item| self.build(item)).collect();
                Ok(OutputValue::List(built.into_iter().collect::<Result<_, _>>()?))
            }
            TreeKind::Map(map) => {
                let built: Vec<_> = map.iter().map(|(key, value)| (key, self.build(value))).collect();
                let pairs = built.into_iter().map(|(key, value)| Ok((Cow::from(key.as_str()), value?)));
                Ok(OutputValue::Map(pairs.collect::<Result<_, _>>()?))
            }
        }
    }

    /// Renders the template of a scalar; a lone expression keeps its type.
    pub(super) fn build_leaf<'t>(
        &mut self,
        scalar: &'t Scalar,
        tree: &'t Tree,
    ) -> Result<OutputValue<'t>, ErrorReported> {
        self.frame.start_template();
        if scalar.encrypted {
            self.frame.record_encrypted();
        }
        if scalar.locked {
            self.locked = true;
            return Ok(OutputValue::text(scalar.text()));
        }
        let text = scalar.text();
        if !self.may_render || !is_template(text) {
            return Ok(match self.leaves {
                LeafMode::Texts if !scalar.is_null() => OutputValue::text(text),
                LeafMode::Typed | LeafMode::Texts => scalar.to_value(),
            });
        }
        let name = tree.place.source.name();
        let expression = Some(text).filter(|_| self.leaves == LeafMode::Typed).and_then(lone_expression);
        let Some(expression) = expression else {
            let rendered =
                self.session.render(name, text, &TemplateOrigin::Scalar { scalar, place: &tree.place, shift: 0 })?;
            return Ok(OutputValue::text(rendered.expose().clone()));
        };
        // a lone expression keeps its type, so that a port can be a number
        let whole = TemplateOrigin::Scalar { scalar, place: &tree.place, shift: 0 };
        let prepared = prepare(text).map_err(|fault| {
            self.session.mention_all(text);
            self.session.report_failure(&fault.into_error(), &whole)
        })?;
        // insertions are inside the expression
        let end = expression.end + prepared.text.len() - text.len();
        let source = prepared.text.get(expression.start..end).unwrap_or_default();
        let origin = TemplateOrigin::Scalar { scalar, place: &tree.place, shift: expression.start };
        let evaluated = self
            .session
            .run(&origin, |environment| environment.compile_expression(source)?.eval(scope::root_scope(self.session)));
        self.session.mention(text);
        if evaluated.is_err() {
            self.session.mention_all(text);
        }
        let value = evaluated?;
        if value.is_undefined() {
            // an expression may be undefined; rendering it as a template reports the location
            self.session.render(name, text, &whole)?;
        }
        from_template(&value).map_err(|error| self.session.report_failure(&error, &origin))
    }
}

/// Converts a value of a template to a structure.
pub(super) fn from_template(value: &TemplateValue) -> Result<OutputValue<'static>, Error> {
    Ok(match value.kind() {
        ValueKind::None => OutputValue::Null,
        ValueKind::Bool => OutputValue::Bool(value.is_true()),
        ValueKind::Number => OutputValue::Literal(value.to_string().into()),
        ValueKind::String => OutputValue::text(value.to_string()),
        ValueKind::Seq | ValueKind::Iterable => {
            OutputValue::List(value.try_iter()?.map(|item| from_template(&item)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let keys = value.try_iter()?;
            let pairs = keys.map(|key| {
                let item = value.get_item(&key)?;
                Ok((Cow::from(key.to_string()), from_template(&item)?))
            });
            OutputValue::Map(pairs.collect::<Result<_, Error>>()?)
        }
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        _ => return Err(invalid_value("a binary value cannot stand in a structure")),
    })
}
