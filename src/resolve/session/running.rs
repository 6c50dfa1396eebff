//! Running the engine: a template gives a text, or a diagnostic.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::{Environment, Error};

use super::super::engine;
use super::super::failure::{self, TemplateOrigin};
use super::super::frame::{self, RenderSubject};
use super::super::literal;
use super::super::prepare::prepare;
use super::super::scope;
use super::super::steps::StepError;
use super::{ErrorReported, ResolveSession, lock_mutex};
use crate::budget::TEMPLATE_STEPS;
use crate::diagnostic::{Diagnostic, FailureKind, Rule};
use crate::files::FileKind;
use crate::parallel;
use crate::secret::Secret;

impl ResolveSession {
    /// Renders a template.
    pub(in crate::resolve) fn render(
        self: &Arc<Self>,
        name: &str,
        text: &str,
        origin: &TemplateOrigin<'_>,
    ) -> Result<Arc<Secret<String>>, ErrorReported> {
        let source = prepare(text).map_err(|fault| {
            self.mention_all(text);
            self.report_failure(&fault.into_error(), origin)
        })?;
        if let Some(frame) = frame::current_frame() {
            frame.name_template(name, literal::included_templates(text));
        }
        let rendered =
            self.run(origin, |environment| environment.render_named_str(name, &source.text, scope::root_scope(self)));
        self.mention(text);
        if rendered.is_err() {
            self.mention_all(text);
        }
        if frame::current_frame().is_some_and(|frame| frame.is_secret()) {
            self.query_included_files(text, name, &mut BTreeSet::new());
        }
        rendered.map(|text| Arc::new(Secret::new(text)))
    }

    /// Runs the engine, with as many steps as the template needs. A panic is reported, and rendering of the rest
    /// continues.
    pub(in crate::resolve) fn run<T>(
        &self,
        origin: &TemplateOrigin<'_>,
        run: impl Fn(&Environment<'static>) -> Result<T, Error>,
    ) -> Result<T, ErrorReported> {
        let frame = frame::current_frame();
        let done = parallel::catch_panic(|| self.engine.run(run));
        let line = match done {
            Ok(Ok(value)) if !frame.as_ref().is_some_and(|frame| frame.is_spoiled()) => return Ok(value),
            Ok(Err(StepError::Failed(error))) => return Err(self.report_failure(&error, origin)),
            Ok(Err(StepError::Exhausted)) => return Err(self.report_exhausted(origin)),
            Ok(Ok(_)) => None,
            Err(panic) => Some(panic.line),
        };
        // an error value was compared, which the engine does not treat as an error
        if let Some(raised) = frame.as_ref().and_then(|frame| frame.raised()) {
            return Err(self.report_failure(&raised, origin));
        }
        // the line may depend on a secret
        let line = line.filter(|_| !frame.is_some_and(|frame| frame.is_secret()));
        let at = line.map(|line| format!(", at {line}")).unwrap_or_default();
        let bug =
            Diagnostic::error(Rule::Bug, format!("this template makes septum panic{at}: that is a bug in septum"));
        Err(self
            .report(bug.at_masked(origin.place()).with_failure(FailureKind::Bug).hint("report it, with the template")))
    }

    /// Reports that the templates of the run take too many steps together.
    pub(in crate::resolve) fn report_exhausted(&self, origin: &TemplateOrigin<'_>) -> ErrorReported {
        if frame::current_frame().is_some_and(|frame| frame.is_locked()) {
            return ErrorReported;
        }
        let hint = "compute less: thousands of loop turns are more than a configuration needs";
        self.report(TEMPLATE_STEPS.budget_diagnostic().at_masked(origin.place()).hint(hint))
    }

    /// Queries all files named in a template that has read a secret, whether it included them or not: queries are
    /// recorded, and must not depend on the secret.
    fn query_included_files(&self, text: &str, name: &str, seen: &mut BTreeSet<String>) {
        for included in literal::included_templates(text) {
            let path = engine::join(&included, name);
            if !seen.insert(path.clone()) {
                continue;
            }
            if let Ok(source) = self.engine.files.read_text(FileKind::Include, &self.engine.files.root().join(&path)) {
                self.query_included_files(source.text(), &path, seen);
            }
        }
    }

    /// Records that a template may read any part of `vars`: it failed, and its further reads are unknown.
    /// [`mention`](Self::mention) does so for a template that has read a secret, since whether it fails may depend on
    /// the secret.
    pub(in crate::resolve) fn mention_all(&self, text: &str) {
        if is_always_rendered() && text.contains("vars") {
            lock_mutex(&self.mentioned).insert(String::new());
        }
    }

    /// Records the parts of `vars` that a template names, if it has read a secret, or may use a whole list or mapping
    /// without reading its parts: with a filter, an index or a loop.
    pub(in crate::resolve) fn mention(&self, text: &str) {
        let may_use_whole = || text.contains(['|', '[', '%', '(']) || text.contains(" in ");
        let is_secret = || frame::current_frame().is_some_and(|frame| frame.is_secret());
        if text.contains("vars") && (is_secret() || is_always_rendered() && may_use_whole()) {
            lock_mutex(&self.mentioned).extend(literal::named_variables(&self.engine, text));
        }
    }

    /// Reports why a template failed, unless that was already reported at its origin.
    pub(in crate::resolve) fn report_failure(&self, error: &Error, origin: &TemplateOrigin<'_>) -> ErrorReported {
        // an operation that rejects ciphertext may accept the plaintext
        if frame::current_frame().is_some_and(|frame| frame.is_locked()) {
            // but an undefined name is undefined with any key
            if let Some(problem) = failure::undefined_without_key(self, error, origin) {
                self.report(problem);
            }
            return ErrorReported;
        }
        if let Some(problem) = failure::diagnose_failure(self, error, origin) {
            self.report(problem);
        }
        ErrorReported
    }
}

/// Whether the current subject is rendered in every run, whatever the secrets are: variables are only rendered on
/// request, and the requester may have read a secret.
fn is_always_rendered() -> bool {
    frame::current_frame()
        .is_some_and(|frame| !frame.is_secret() && !matches!(frame.subject, RenderSubject::Variable(_)))
}
