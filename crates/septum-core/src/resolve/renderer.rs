//! Running the engine: a template gives a text, or a diagnostic.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::machinery::Token;
use minijinja::{Environment, Error, Value};

use super::context::{ErrorReported, ResolveContext};
use super::engine;
use super::failure::{self, TemplateOrigin};
use super::frame;
use super::literal;
use super::prepare::prepare;
use super::steps::StepError;
use crate::budget::TEMPLATE_STEPS;
use crate::diagnostic::{Diagnostic, FailureKind, Rule};
use crate::files::FileKind;
use crate::map::HashSet;
use crate::parallel;
use crate::secret::Secret;
use crate::span::Location;
use crate::template_tokens::{TagKind, TagToken, lex_template};

/// Maximum number of expressions of a failed template that are rendered by themselves.
const MOST_EXPRESSIONS: usize = 64;

/// Reason why the engine gave no value.
enum RenderFailure {
    Error(Error),
    /// The run takes too many steps.
    Exhausted,
    /// It panicked, at a line of the source.
    Panic(String),
}

/// Renders templates over the scope of a target.
#[derive(Clone)]
pub(super) struct TemplateRenderer {
    pub(super) context: Arc<ResolveContext>,
    /// Root of the scope.
    pub(super) scope: Value,
}

impl TemplateRenderer {
    /// Renders a template.
    pub(super) fn render(
        &self,
        name: &str,
        text: &str,
        origin: &TemplateOrigin<'_>,
    ) -> Result<Arc<Secret<String>>, ErrorReported> {
        let source = prepare(text).map_err(|fault| {
            self.context.mention_all(text, name);
            self.report_failure(&fault.into_error(), origin)
        })?;
        if let Some(frame) = frame::current_frame() {
            frame.name_template(name, literal::included_templates(text));
        }
        let rendered =
            self.run(origin, |environment| environment.render_named_str(name, &source.text, self.scope.clone()));
        self.context.mention(text, name);
        if rendered.is_err() {
            self.context.mention_all(text, name);
        }
        if frame::current_frame().is_some_and(|frame| frame.is_secret()) {
            self.query_included_files(text, name, &mut BTreeSet::new());
        }
        rendered.map(|text| Arc::new(Secret::new(text)))
    }

    /// Runs the engine, with as many steps as the template needs. A panic is reported, and rendering of the rest
    /// continues.
    pub(super) fn run<T>(
        &self,
        origin: &TemplateOrigin<'_>,
        run: impl Fn(&Environment<'static>) -> Result<T, Error>,
    ) -> Result<T, ErrorReported> {
        let line = match self.attempt(run) {
            Ok(value) => return Ok(value),
            Err(RenderFailure::Error(error)) => return Err(self.report_failure(&error, origin)),
            Err(RenderFailure::Exhausted) => return Err(self.report_exhausted(origin)),
            Err(RenderFailure::Panic(line)) => line,
        };
        // the line may depend on a secret
        let line = Some(line).filter(|_| !frame::current_frame().is_some_and(|frame| frame.is_secret()));
        let at = line.map(|line| format!(", at {line}")).unwrap_or_default();
        let bug =
            Diagnostic::error(Rule::Bug, format!("this template makes septum panic{at}: this is a bug in septum"));
        Err(self.context.report(
            bug.at_masked(origin.place()).with_failure(FailureKind::Bug).hint("report it together with the template"),
        ))
    }

    /// Runs the engine, and reports nothing.
    fn attempt<T>(&self, run: impl Fn(&Environment<'static>) -> Result<T, Error>) -> Result<T, RenderFailure> {
        let frame = frame::current_frame();
        if let Some(frame) = &frame {
            frame.forget_raised();
        }
        let done = parallel::catch_panic(|| self.context.engine.run(run));
        // an error value may be compared, passed through a filter, or only counted, and the engine raises no error
        let raised = frame.as_ref().and_then(|frame| frame.raised());
        match (done, raised) {
            (Ok(Ok(value)), None) => Ok(value),
            (Ok(Err(StepError::Failed(error))), _) => Err(RenderFailure::Error(error)),
            (Ok(Err(StepError::Exhausted)), _) => Err(RenderFailure::Exhausted),
            (Ok(Ok(_)) | Err(_), Some(raised)) => Err(RenderFailure::Error(raised)),
            (Err(panic), None) => Err(RenderFailure::Panic(panic.line)),
        }
    }

    /// Reports that the templates of the run take too many steps together.
    pub(super) fn report_exhausted(&self, origin: &TemplateOrigin<'_>) -> ErrorReported {
        if frame::current_frame().is_some_and(|frame| frame.is_locked()) {
            return ErrorReported;
        }
        let hint = "reduce the computation: a configuration does not need thousands of loop iterations";
        self.context.report(TEMPLATE_STEPS.budget_diagnostic().at_masked(origin.place()).hint(hint))
    }

    /// Queries all files named in a template that has read a secret, whether it included them or not: queries are
    /// recorded, and must not depend on the secret.
    fn query_included_files(&self, text: &str, name: &str, seen: &mut BTreeSet<String>) {
        for included in literal::included_templates(text) {
            let path = engine::join(&included, name);
            if !seen.insert(path.clone()) {
                continue;
            }
            if let Ok(source) =
                self.context.engine.files.read_text(FileKind::Include, &self.context.engine.files.root().join(&path))
            {
                self.query_included_files(source.text(), &path, seen);
            }
        }
    }

    /// Reports why a template failed, unless that was already reported at its origin.
    pub(super) fn report_failure(&self, error: &Error, origin: &TemplateOrigin<'_>) -> ErrorReported {
        // an operation that rejects ciphertext may accept the plaintext
        if frame::current_frame().is_some_and(|frame| frame.is_locked()) {
            // but an undefined name is undefined with any key
            for problem in failure::undefined_without_key(&self.context, error, origin) {
                self.context.report(problem);
            }
            return ErrorReported;
        }
        let mut problems = failure::diagnose_failure(&self.context, error, origin);
        if problems.is_empty() {
            self.context.report_failed(origin.text(), None);
        }
        self.add_failures_beside(origin, &mut problems);
        for problem in problems {
            if failure::is_withheld(&problem) {
                self.context.report_failed(origin.text(), Some(problem));
            } else {
                self.context.report(problem);
            }
        }
        ErrorReported
    }

    /// Adds the failures of the other expressions of a template that failed: each that is evaluated whenever the
    /// template is, and uses no name that the template itself gives a value, is rendered by itself. Nothing is
    /// certain once a secret was read.
    fn add_failures_beside(&self, origin: &TemplateOrigin<'_>, problems: &mut Vec<Diagnostic>) {
        let Some(frame) = frame::current_frame() else { return };
        // nor is a text that is not a template at all made of expressions
        if problems.iter().any(|problem| problem.rule == Rule::TemplateSyntax) {
            return;
        }
        let (lexed, none) = (lex_template(origin.text()), HashSet::default());
        let bound = failure::bound_names(&lexed);
        let is_bound = |found: &TagToken<'_>| matches!(found.token, Token::Ident(name) if bound.contains(name));
        let straight = failure::straight_tags(&lexed, &none)
            .filter(|tag| tag.kind == TagKind::Expression && tag.is_closed && !tag.tokens.iter().any(is_bound));
        for tag in straight.take(MOST_EXPRESSIONS) {
            let part = TemplateOrigin::Part { whole: origin, range: tag.range.clone() };
            let is_known = |problems: &[Diagnostic], place: &Location| {
                let overlaps = |known: &Location| {
                    known.source.name() == place.source.name()
                        && known.span.start < place.span.end
                        && place.span.start < known.span.end
                };
                problems.iter().filter_map(|known| known.labels.first()).any(|label| overlaps(&label.place))
            };
            if frame.is_secret() || problems.iter().any(failure::is_withheld) {
                return;
            }
            if is_known(problems, &part.place()) {
                continue;
            }
            let Ok(source) = prepare(part.text()) else { continue };
            let scope = || self.scope.clone();
            let done = self.attempt(|environment| environment.render_named_str(part.name(), &source.text, scope()));
            let Err(RenderFailure::Error(error)) = done else { continue };
            if frame.is_secret() || frame.is_locked() {
                return;
            }
            let found = failure::diagnose_failure(&self.context, &error, &part);
            let is_same = |known: &Diagnostic, found: &Diagnostic| {
                let file = |it: &Diagnostic| it.labels.first().map(|label| label.place.source.name().to_owned());
                known.message == found.message && file(known) == file(found)
            };
            // undefined names are found in the text, except those that another program may mean
            let is_required = tag.tokens.iter().any(|found| matches!(found.token, Token::Ident("required")));
            let is_new = |found: &Diagnostic| {
                if found.rule == Rule::Undefined && !is_required {
                    return false;
                }
                let place = found.labels.first().map(|label| &label.place);
                place.is_some_and(|place| !is_known(problems, place))
                    && !problems.iter().any(|known| is_same(known, found))
            };
            let found: Vec<_> = found.into_iter().filter(is_new).collect();
            problems.extend(found);
        }
    }
}
