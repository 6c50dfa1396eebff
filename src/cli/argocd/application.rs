//! Environment that an Application names, in each of the ways in which Argo CD passes it.

use std::ffi::OsString;

use serde::Deserialize;
use serde_json::Value as Json;

use super::super::output::invalid_usage;
use septum::diagnostic::{Diagnostic, Diagnostics, did_you_mean};

/// The parameter.
const PARAMETER: &str = "environment";

/// Hint at the field in which an Application names its environment.
pub(super) const HOW: &str = "set it once: `spec.source.plugin.parameters: [{ name: environment, string: NAME }]`";

/// Parameter of an Application, as JSON of `ARGOCD_APP_PARAMETERS`. Only those that it sets are passed.
#[derive(Debug, Deserialize)]
struct ApplicationParameter {
    #[serde(default)]
    name: String,
    string: Option<String>,
    array: Option<Json>,
    map: Option<Json>,
}

/// The environment that the Application names; none if it names none. Its parameters and its variables must agree.
///
/// A value is never repeated in a message: it may have been typed in the wrong place.
pub(super) fn find_requested_environment(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<String>, Diagnostics> {
    let mut problems = Diagnostics::new();
    let text = |name: &'static str| match variable(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(Err(_)) => Err(invalid_usage(format!("`{name}` is not UTF-8 text"))),
    };
    let parameters = problems.take(text("ARGOCD_APP_PARAMETERS")).flatten();
    let parameters = parameters.map(|text| read_parameters(&text).map_err(|found| problems.extend(found)));
    let from_parameters = parameters.and_then(Result::ok).flatten();
    let mut found = Vec::new();
    found.extend(from_parameters.map(|value| ("ARGOCD_APP_PARAMETERS", value)));
    for name in ["PARAM_ENVIRONMENT", "ARGOCD_ENV_ENVIRONMENT"] {
        found.extend(problems.take(text(name)).flatten().map(|value| (name, value)));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if let [(first, value), rest @ ..] = found.as_slice()
        && let Some((other, _)) = rest.iter().find(|(_, other)| other != value)
    {
        return Err(invalid_usage(format!("`{first}` and `{other}` name different environments")).hint(HOW).into());
    }
    Ok(found.into_iter().next().map(|(_, value)| value))
}

/// The parameter `environment` among those of an Application; none if it is not set, or empty.
fn read_parameters(text: &str) -> Result<Option<String>, Diagnostics> {
    let parsed: Result<Option<Vec<ApplicationParameter>>, _> = serde_json::from_str(text);
    // the message of the parser may repeat a value
    let parameters = parsed.map_err(|error| {
        let place = if error.column() == 0 { String::new() } else { format!("; wrong at column {}", error.column()) };
        invalid_usage("`ARGOCD_APP_PARAMETERS` is not a valid list of parameters".to_owned())
            .note(format!("expected JSON such as `[{{\"name\": \"environment\", \"string\": \"prod\"}}]`{place}"))
    })?;
    let (mut problems, mut found) = (Diagnostics::new(), None);
    for (index, parameter) in parameters.unwrap_or_default().into_iter().enumerate() {
        if parameter.name != PARAMETER {
            problems.push(unknown_parameter(index + 1, &parameter.name));
            continue;
        }
        if parameter.array.is_some() || parameter.map.is_some() || parameter.string.is_none() {
            problems.push(invalid_usage("expected a string for the parameter `environment`".to_owned()).hint(HOW));
        }
        if found.replace(parameter.string.unwrap_or_default()).is_some() {
            problems.push(invalid_usage("the parameter `environment` is given more than once".to_owned()).hint(HOW));
        }
    }
    if problems.is_empty() { Ok(found.filter(|value| !value.is_empty())) } else { Err(problems) }
}

fn unknown_parameter(number: usize, name: &str) -> Diagnostic {
    invalid_usage(format!("parameter {number} of the Application is unknown"))
        .note("the only parameter is `environment`")
        .maybe_hint(did_you_mean(name, [PARAMETER]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(variables: &[(&str, &str)]) -> Result<Option<String>, Vec<String>> {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        find_requested_environment(variable).map_err(|found| found.into_iter().map(|problem| problem.message).collect())
    }

    #[test]
    fn every_way_names_the_environment() {
        let parameters = r#"[{"name":"environment","string":"prod"}]"#;
        let prod = || Ok(Some("prod".to_owned()));
        assert_eq!(requested(&[]), Ok(None));
        assert_eq!(requested(&[("ARGOCD_APP_PARAMETERS", "null"), ("PARAM_ENVIRONMENT", "")]), Ok(None));
        assert_eq!(requested(&[("ARGOCD_APP_PARAMETERS", "[]"), ("ARGOCD_ENV_ENVIRONMENT", "prod")]), prod());
        assert_eq!(requested(&[("ARGOCD_APP_PARAMETERS", parameters), ("PARAM_ENVIRONMENT", "prod")]), prod());
        assert_eq!(requested(&[("PARAM_ENVIRONMENT", "prod")]), prod());
        // a field of a later version
        let more = r#"[{"name":"environment","string":"prod","array":null,"more":1}]"#;
        assert_eq!(requested(&[("ARGOCD_APP_PARAMETERS", more)]), prod());
    }

    #[test]
    fn malformed_parameters_are_refused() {
        for (text, expected) in [
            ("hunter2", "is not a valid list"),
            ("{}", "is not a valid list"),
            (r#"[{"name":"environment","name":"environment","string":"a"}]"#, "is not a valid list"),
            (r#"[{"name":"environment","string":1}]"#, "is not a valid list"),
            (r#"[{"name":"environment"}]"#, "expected a string"),
            (r#"[{"name":"environment","array":["a"]}]"#, "expected a string"),
            (r#"[{"name":"environment","map":{"a":"b"}}]"#, "expected a string"),
            (r#"[{"name":"environment","string":"a"},{"name":"environment","string":"a"}]"#, "more than once"),
            (r#"[{"name":"enviroment","string":"a"}]"#, "parameter 1 of the Application is unknown"),
            (r#"[{"string":"a"}]"#, "is unknown"),
        ] {
            let found = requested(&[("ARGOCD_APP_PARAMETERS", text)]).unwrap_err();
            assert!(found.len() == 1 && found[0].contains(expected), "{text}: {found:?}");
            assert!(!found[0].contains("hunter2"), "{found:?}");
        }
        let both = [("PARAM_ENVIRONMENT", "prod"), ("ARGOCD_ENV_ENVIRONMENT", "dev")];
        assert!(requested(&both).unwrap_err()[0].contains("different environments"));
    }
}
