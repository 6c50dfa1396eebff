//! Structures: from the merged tree of a `content` entry, or a value of a template, to the structure that is written.

use std::borrow::Cow;

use super::context::ErrorReported;
use super::failure::TemplateOrigin;
use super::frame::RenderFrame;
use super::prepare::{lone_expression, prepare};
use super::renderer::TemplateRenderer;
use super::structure::from_template;
use super::tagged;
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
    pub(super) renderer: &'s TemplateRenderer,
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
        if scalar.broken {
            return Err(self.renderer.context.follow_reported(&self.frame.subject));
        }
        if scalar.encrypted {
            self.frame.record_encrypted();
        }
        if scalar.locked {
            self.locked = true;
            return Ok(OutputValue::text(scalar.text()));
        }
        let text = scalar.text();
        if scalar.tag_name() == Some("binary") {
            return Err(self.renderer.context.report(tagged::binary_in_structure(&tree.place)));
        }
        if !self.may_render || !is_template(text) {
            return Ok(match self.leaves {
                LeafMode::Texts if !scalar.is_null() => OutputValue::text(text),
                LeafMode::Typed | LeafMode::Texts => scalar.to_value(),
            });
        }
        let name = tree.place.source.name();
        let is_typed = self.leaves == LeafMode::Typed;
        // a tag says what the text of the template is
        let expression = Some(text).filter(|_| is_typed && scalar.tag.is_none()).and_then(lone_expression);
        let Some(expression) = expression else {
            let rendered =
                self.renderer.render(name, text, &TemplateOrigin::Scalar { scalar, place: &tree.place, shift: 0 })?;
            let rendered = rendered.expose();
            tagged::check_rendered(&self.renderer.context, self.frame, scalar, rendered, &tree.place)?;
            return Ok(if is_typed { tagged::value(scalar, rendered) } else { OutputValue::text(rendered.clone()) });
        };
        // a lone expression keeps its type, so that a port can be a number
        let whole = TemplateOrigin::Scalar { scalar, place: &tree.place, shift: 0 };
        let prepared = prepare(text).map_err(|fault| {
            self.renderer.context.mention_all(text, name);
            self.renderer.report_failure(&fault.into_error(), &whole)
        })?;
        // insertions are inside the expression
        let end = expression.end + prepared.text.len() - text.len();
        let source = prepared.text.get(expression.start..end).unwrap_or_default();
        let origin = TemplateOrigin::Scalar { scalar, place: &tree.place, shift: expression.start };
        let evaluated = self
            .renderer
            .run(&origin, |environment| environment.compile_expression(source)?.eval(self.renderer.scope.clone()));
        self.renderer.context.mention(text, name);
        if evaluated.is_err() {
            self.renderer.context.mention_all(text, name);
        }
        let value = evaluated?;
        if value.is_undefined() {
            // an expression may be undefined; rendering it as a template reports the location
            self.renderer.render(name, text, &whole)?;
        }
        from_template(&value).map_err(|error| self.renderer.report_failure(&error, &origin))
    }
}
