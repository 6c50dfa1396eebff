//! Steps of templates, counted for the whole run.
//!
//! The engine bounds the steps of each template. Thousands of templates just below the bound add up, and the engine
//! does not report the steps of a template that failed. So a template is tried with few steps first, which are free,
//! and with more only if it runs out of them; its further steps are charged before it takes them.

use minijinja::{Environment, Error, ErrorKind};

use crate::budget::{BudgetExhausted, TEMPLATE_STEPS};

/// Step limits that a template is tried with, one after the other. A template of a thousand loop turns takes about ten
/// thousand steps.
const AMOUNTS: [u64; 4] = [2_000, 20_000, 150_000, FUEL];

/// Maximum steps of one template; an infinite one is stopped within a fraction of a second.
const FUEL: u64 = 1_000_000;

/// Bytes of a result that one step pays for.
pub(super) const BYTES_A_STEP: usize = 64;

/// Environments that differ in their step limit, from low to high.
#[derive(Debug)]
pub(super) struct MeteredEnvironments([Environment<'static>; AMOUNTS.len()]);

/// Reason why there is no result.
pub(super) enum StepError {
    /// The template failed.
    Failed(Error),
    /// The run's budget of steps is exhausted.
    Exhausted,
}

impl MeteredEnvironments {
    pub(super) fn new(environment: &Environment<'static>) -> Self {
        Self(AMOUNTS.map(|steps| {
            let mut environment = environment.clone();
            environment.set_fuel(Some(steps));
            environment
        }))
    }

    /// Runs a template with as many steps as it needs.
    pub(super) fn run<T>(&self, run: impl Fn(&Environment<'static>) -> Result<T, Error>) -> Result<T, StepError> {
        let mut last = None;
        for (index, (environment, steps)) in self.0.iter().zip(AMOUNTS).enumerate() {
            if index > 0 {
                TEMPLATE_STEPS.spend(steps).map_err(|BudgetExhausted| StepError::Exhausted)?;
            }
            match run(environment) {
                Err(error) if is_out_of_steps(&error) => last = Some(error),
                result => return result.map_err(StepError::Failed),
            }
        }
        Err(StepError::Failed(last.unwrap_or_else(|| ErrorKind::OutOfFuel.into())))
    }
}

/// Whether a template, or one that it includes, ran out of steps.
fn is_out_of_steps(error: &Error) -> bool {
    let mut error: &(dyn std::error::Error + 'static) = error;
    loop {
        if error.downcast_ref::<Error>().is_some_and(|error| error.kind() == ErrorKind::OutOfFuel) {
            return true;
        }
        match error.source() {
            Some(source) => error = source,
            None => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str) -> Result<String, bool> {
        let metered = MeteredEnvironments::new(&Environment::new());
        let result = metered.run(|environment| environment.render_str(template, ()));
        result.map_err(|error| matches!(error, StepError::Failed(error) if is_out_of_steps(&error)))
    }

    #[test]
    fn a_template_has_as_many_steps_as_one_may_take_and_no_more() {
        for turns in [10, 1_000, 20_000, 90_000] {
            let text = "{% for i in range(TURNS) %}{% endfor %}x".replace("TURNS", &turns.to_string());
            assert_eq!(render(&text), Ok("x".to_owned()), "{turns}");
        }
        assert_eq!(render("{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"), Err(true));
        assert_eq!(render("{{ nothing() }}"), Err(false));
    }
}
