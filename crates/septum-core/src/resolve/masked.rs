//! Templates of whole manifest files, rendered again without their secrets.
//!
//! A rendered text does not show which value went where. So a template that reads a secret is rendered again with a
//! placeholder for every expression that did, printed or kept in a variable (see [`super::masking`]). That rendering
//! reveals nothing about the values of its placeholders, unless a secret was read elsewhere, in a condition or a loop,
//! which is an error by itself. The renderings with two different placeholders, and the one with the secrets, must be
//! equal except for the values under `data` and `stringData` of Secrets: so everything else does not depend on secrets.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use minijinja::Environment;

use super::frame::{self, RenderFrame, RenderMask, RenderSubject};
use super::masking::{self, MaskFault};
use super::prepare::prepare_masked;
use super::renderer::TemplateRenderer;
use super::steps::StepError;
use super::{TemplateRead, literal};
use crate::layer::tree::join_path;
use crate::layer::{Tree, TreeKind};
use crate::parallel;
use crate::span::Source;
use crate::template_tokens::lex_template;
use crate::yaml::node::{Scalar, YamlStyle};
use crate::yaml::read::{MergeKeys, read_stream};

/// Texts that are valid in YAML, base64 and object names, and that no template prints by itself.
const PLACEHOLDERS: [&str; 2] = ["septumplaceholderone", "septumplaceholdertwo"];

/// Maximum number of attempts to find all names that hide a secret.
const MOST_TRIES: usize = 16;

/// Template of a whole file, or of a document of it, that read something.
pub struct TextTemplate {
    renderer: TemplateRenderer,
    /// The template; its lines are those of the file.
    template: Source,
    subject: String,
    /// Rendered documents, if known.
    documents: Option<Vec<Tree>>,
    checked: OnceLock<Result<(), SecretUse>>,
}

/// Use of a secret for something other than a value of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretUse {
    /// A tag reads it, or an included template.
    Deciding(TemplateRead),
    /// A tag uses a variable or a macro of this name, which contains one.
    DecidingName(String),
    /// Something other than a value depends on it: the path, if it may be shown.
    Outside(Option<String>),
    /// The template fails without the secrets.
    Failing,
    /// The templates of the run take too many steps together.
    Exhausted,
}

impl fmt::Debug for TextTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextTemplate").field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl TextTemplate {
    pub(super) fn new(
        renderer: &TemplateRenderer,
        template: &Source,
        subject: String,
        documents: Option<Vec<Tree>>,
    ) -> Arc<Self> {
        let (renderer, template) = (renderer.clone(), template.clone());
        Arc::new(Self { renderer, template, subject, documents, checked: OnceLock::new() })
    }

    /// Checks that nothing but values of Secrets depends on reads outside `plain`. `None` if this was already checked.
    pub fn check_once(&self, plain: &BTreeSet<TemplateRead>) -> Option<Result<(), SecretUse>> {
        let mut is_new = false;
        let checked = self.checked.get_or_init(|| {
            is_new = true;
            parallel::on_known_stack(|| self.check(plain))
        });
        is_new.then(|| checked.clone())
    }

    /// Whether the check found that nothing else depends on them.
    pub fn is_clean(&self) -> bool {
        matches!(self.checked.get(), Some(Ok(())))
    }

    fn check(&self, plain: &BTreeSet<TemplateRead>) -> Result<(), SecretUse> {
        let plain = Arc::new(plain.clone());
        let mut renderings = Vec::new();
        for placeholder in PLACEHOLDERS {
            renderings.push(self.render(&plain, placeholder)?);
        }
        renderings.extend(self.documents.clone());
        let Some((first, others)) = renderings.split_first() else { return Ok(()) };
        for other in others {
            if let Some(path) = difference_of_all(first, other) {
                // keys may be computed too
                let lexed = lex_template(self.template.text());
                return Err(SecretUse::Outside(
                    Some(path).filter(|path| path.split('.').all(|part| lexed.prints_key(part))),
                ));
            }
        }
        Ok(())
    }

    /// Renders with all hidden names, which are found one after the other: a use of one may be hidden too.
    fn render(&self, plain: &Arc<BTreeSet<TemplateRead>>, placeholder: &'static str) -> Result<Vec<Tree>, SecretUse> {
        let mut hidden = BTreeSet::new();
        for _ in 0..MOST_TRIES {
            masking::check_masking(&lex_template(self.template.text()), &hidden).map_err(|fault| match fault {
                MaskFault::Deciding(name) => SecretUse::DecidingName(name),
                MaskFault::Unspecified => SecretUse::Failing,
            })?;
            let (documents, found) = self.render_hiding(plain, placeholder, &hidden)?;
            if found.is_subset(&hidden) {
                return documents;
            }
            hidden.extend(found);
        }
        Err(SecretUse::Failing)
    }

    #[expect(clippy::type_complexity, reason = "the names count even if there are no documents")]
    fn render_hiding(
        &self,
        plain: &Arc<BTreeSet<TemplateRead>>,
        placeholder: &'static str,
        hidden: &BTreeSet<String>,
    ) -> Result<(Result<Vec<Tree>, SecretUse>, BTreeSet<String>), SecretUse> {
        let own = self.renderer.context.definition.own_bundle();
        let mask = RenderMask { placeholder, plain: Arc::clone(plain) };
        let frame = RenderFrame::masked(RenderSubject::Manifest(self.subject.clone()), own, mask);
        let name = self.template.name();
        let prepared = prepare_masked(self.template.text(), hidden).map_err(|_| SecretUse::Failing)?;
        frame.name_template(name, literal::included_templates(self.template.text()));
        let run =
            |engine: &Environment<'static>| engine.render_named_str(name, &prepared.text, self.renderer.scope.clone());
        let entered = frame::enter_frame(&frame, || parallel::catch_panic(|| self.renderer.context.engine.run(run)));
        let rendered = match entered {
            Ok(Ok(Ok(text))) if frame.raised().is_none() => Ok(text),
            Ok(Ok(Err(StepError::Exhausted))) => return Err(SecretUse::Exhausted),
            _ => Err(SecretUse::Failing),
        };
        if let Some(read) = frame.lineage().reads.into_iter().find(|read| !plain.contains(read)) {
            return Err(SecretUse::Deciding(read));
        }
        let documents = rendered.and_then(|text| {
            let source = Source::new(name, text);
            let stream = read_stream(&source, MergeKeys::Apply).map_err(|_| SecretUse::Outside(None))?;
            Ok(stream.documents.into_iter().map(|document| Tree::from_node(document, &source)).collect())
        });
        Ok((documents, frame.hidden()))
    }
}

/// Path at which documents differ in more than the values of Secrets; empty if their number differs.
fn difference_of_all(ours: &[Tree], theirs: &[Tree]) -> Option<String> {
    if ours.len() != theirs.len() {
        return Some(String::new());
    }
    ours.iter().zip(theirs).find_map(|(ours, theirs)| difference_of_objects(ours, theirs, ""))
}

fn difference_of_objects(ours: &Tree, theirs: &Tree, path: &str) -> Option<String> {
    let text = |tree: &Tree, key: &str| tree.get(key).and_then(Tree::as_text).map(str::to_owned);
    let kind = text(ours, "kind").unwrap_or_default();
    let is_secret = kind == "Secret" && text(ours, "apiVersion").as_deref() == Some("v1");
    find_difference(ours, theirs, path, &|key| match key {
        "data" | "stringData" if is_secret => FieldContent::Values,
        "items" if kind.ends_with("List") => FieldContent::Objects,
        _ => FieldContent::Anything,
    })
}

/// Content of a field of an object.
#[derive(Clone, Copy)]
enum FieldContent {
    Anything,
    Objects,
    /// Texts by key, which may differ.
    Values,
}

fn find_difference(ours: &Tree, theirs: &Tree, path: &str, within: &dyn Fn(&str) -> FieldContent) -> Option<String> {
    let here = || Some(path.to_owned());
    match (&ours.kind, &theirs.kind) {
        (TreeKind::Leaf(ours), TreeKind::Leaf(theirs)) if is_same(ours, theirs) => None,
        (TreeKind::List(ours), TreeKind::List(theirs)) if ours.len() == theirs.len() => {
            let mut pairs = ours.iter().zip(theirs).enumerate();
            pairs.find_map(|(index, (ours, theirs))| {
                find_difference(ours, theirs, &format!("{path}[{index}]"), &|_| FieldContent::Anything)
            })
        }
        (TreeKind::Map(ours), TreeKind::Map(theirs)) if ours.keys().eq(theirs.keys()) => {
            ours.iter().zip(theirs.values()).find_map(|((key, ours), theirs)| {
                let path = join_path(path, key);
                match within(key) {
                    FieldContent::Anything => find_difference(ours, theirs, &path, &|_| FieldContent::Anything),
                    FieldContent::Objects => difference_of_items(ours, theirs, &path),
                    FieldContent::Values => difference_of_values(ours, theirs, &path),
                }
            })
        }
        _ => here(),
    }
}

fn difference_of_items(ours: &Tree, theirs: &Tree, path: &str) -> Option<String> {
    let (Some(items), Some(others)) = (ours.as_list(), theirs.as_list()) else {
        return find_difference(ours, theirs, path, &|_| FieldContent::Anything);
    };
    if items.len() != others.len() {
        return Some(path.to_owned());
    }
    let mut pairs = items.iter().zip(others).enumerate();
    pairs.find_map(|(index, (ours, theirs))| difference_of_objects(ours, theirs, &format!("{path}[{index}]")))
}

fn difference_of_values(ours: &Tree, theirs: &Tree, path: &str) -> Option<String> {
    let (TreeKind::Map(values), TreeKind::Map(others)) = (&ours.kind, &theirs.kind) else {
        return find_difference(ours, theirs, path, &|_| FieldContent::Anything);
    };
    if !values.keys().eq(others.keys()) {
        return Some(path.to_owned());
    }
    let is_value = |tree: &Tree| matches!(tree.kind, TreeKind::Leaf(_));
    let mut pairs = values.iter().zip(others.values());
    pairs.find(|((_, ours), theirs)| !is_value(ours) || !is_value(theirs)).map(|((key, _), _)| join_path(path, key))
}

fn is_same(ours: &Scalar, theirs: &Scalar) -> bool {
    let is_plain = |scalar: &Scalar| scalar.style == YamlStyle::Plain;
    ours.text() == theirs.text() && is_plain(ours) == is_plain(theirs) && ours.tag == theirs.tag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Tree> {
        let source = Source::new("x.yaml", text);
        let stream = read_stream(&source, MergeKeys::Apply).unwrap_or_else(|found| panic!("{text}: {found:?}"));
        stream.documents.into_iter().map(|document| Tree::from_node(document, &source)).collect()
    }

    #[test]
    fn only_values_of_secrets_may_differ() {
        let secret = |rest: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{ name: a }}\n{rest}");
        let list =
            |rest: &str| format!("apiVersion: v1\nkind: List\nitems:\n- {{ apiVersion: v1, kind: Secret, {rest} }}\n");
        for (name, ours, theirs, expected) in [
            ("values", secret("data: { A: x }\n"), secret("data: { A: y }\n"), None),
            ("values as texts", secret("stringData: { A: x }\n"), secret("stringData: { A: 12 }\n"), None),
            ("items", list("data: { A: x }"), list("data: { A: y }"), None),
            ("a key", secret("data: { A: x }\n"), secret("data: { B: x }\n"), Some("data")),
            ("one more", secret("data: { A: x }\n"), secret("data: { A: x, B: y }\n"), Some("data")),
            ("a value that is none", secret("data: { A: x }\n"), secret("data: { A: { b: c } }\n"), Some("data.A")),
            ("both none", secret("data: { A: [x] }\n"), secret("data: { A: [y] }\n"), Some("data.A")),
            ("a type", secret("type: x\n"), secret("type: y\n"), Some("type")),
            ("a type of the type", secret("immutable: true\n"), secret("immutable: 'true'\n"), Some("immutable")),
            (
                "deeper data",
                secret("metadata: { data: { A: x } }\n").replace("metadata: { name: a }\n", ""),
                secret("metadata: { data: { A: y } }\n").replace("metadata: { name: a }\n", ""),
                Some("metadata.data.A"),
            ),
            (
                "an item's label",
                list("metadata: { name: a }"),
                list("metadata: { name: b }"),
                Some("items[0].metadata.name"),
            ),
            (
                "another kind",
                secret("data: { A: x }\n").replace("Secret", "ConfigMap"),
                secret("data: { A: y }\n").replace("Secret", "ConfigMap"),
                Some("data.A"),
            ),
            (
                "another group",
                secret("data: { A: x }\n").replace("v1", "x/v1"),
                secret("data: { A: y }\n").replace("v1", "x/v1"),
                Some("data.A"),
            ),
            ("kind itself", secret(""), secret("").replace("Secret", "Pod"), Some("kind")),
        ] {
            let found = difference_of_all(&read(&ours), &read(&theirs));
            assert_eq!(found, expected.map(str::to_owned), "{name}");
        }
        let (one, two) = (secret(""), format!("{}---\n{}", secret(""), secret("")));
        assert_eq!(difference_of_all(&read(&one), &read(&two)), Some(String::new()));
    }
}
