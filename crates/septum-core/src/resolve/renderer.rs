//! Running the engine: a template gives a text, or a diagnostic.

use std::collections::BTreeSet;
use std::sync::Arc;

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
use crate::parallel;
use crate::secret::Secret;

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
            self.context.mention_all(text);
            self.report_failure(&fault.into_error(), origin)
        })?;
        if let Some(frame) = frame::current_frame() {
            frame.name_template(name, literal::included_templates(text));
        }
        let rendered =
            self.run(origin, |environment| environment.render_named_str(name, &source.text, self.scope.clone()));
        self.context.mention(text);
        if rendered.is_err() {
            self.context.mention_all(text);
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
        let frame = frame::current_frame();
        if let Some(frame) = &frame {
            frame.forget_raised();
        }
        let done = parallel::catch_panic(|| self.context.engine.run(run));
        let raised = frame.as_ref().and_then(|frame| frame.raised());
        let line = match done {
            Ok(Ok(value)) if raised.is_none() => return Ok(value),
            Ok(Err(StepError::Failed(error))) => return Err(self.report_failure(&error, origin)),
            Ok(Err(StepError::Exhausted)) => return Err(self.report_exhausted(origin)),
            Ok(Ok(_)) => None,
            Err(panic) => Some(panic.line),
        };
        // an error value was compared, passed through a filter, or only counted, and the engine raised no error
        if let Some(raised) = raised {
            return Err(self.report_failure(&raised, origin));
        }
        // the line may depend on a secret
        let line = line.filter(|_| !frame.is_some_and(|frame| frame.is_secret()));
        let at = line.map(|line| format!(", at {line}")).unwrap_or_default();
        let bug =
            Diagnostic::error(Rule::Bug, format!("this template makes septum panic{at}: this is a bug in septum"));
        Err(self.context.report(
            bug.at_masked(origin.place()).with_failure(FailureKind::Bug).hint("report it together with the template"),
        ))
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
        let problems = failure::diagnose_failure(&self.context, error, origin);
        if problems.is_empty() {
            self.context.report_failed(origin.text(), None);
        }
        for problem in problems {
            if failure::is_withheld(&problem) {
                self.context.report_failed(origin.text(), Some(problem));
            } else {
                self.context.report(problem);
            }
        }
        ErrorReported
    }
}
