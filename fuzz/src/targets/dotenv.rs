//! Imports of dotenv files in all dialects.

use std::sync::LazyLock;

use septum::diagnostic::Diagnostics;
use septum::import::{DotenvDialect, DotenvInput, ExpectedKey, ImportPlan, PlannedFile, plan_dotenv};
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::span::Source;

use crate::input::parts;
use crate::project::{Files, MemoryRoot, assert_placed, demo_identities};

static ROOT: LazyLock<MemoryRoot> = LazyLock::new(|| MemoryRoot::new("dotenv", &["environments"]));

/// Input: a byte that chooses the dialect to prove, then a file for the base, and others for environments.
pub(crate) fn check(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let files = parts(text);
    // one rule cannot be for a value that reads others and one that only looks as if; the command's own proof says so
    let is_mixed = files.len() > 1 && files.iter().any(|text| ["{{", "{%", "{#"].iter().any(|tag| text.contains(tag)));
    let dialects = DotenvDialect::ALL.into_iter().map(Some).chain([None]);
    for (index, dialect) in dialects.enumerate() {
        let environments = [None, Some("dev"), Some("prod")];
        let inputs: Vec<_> = files
            .iter()
            .zip(environments)
            .map(|(text, environment)| DotenvInput {
                environment: environment.map(str::to_owned),
                source: Source::new(".env", text.as_str()),
            })
            .collect();
        match plan_dotenv("app", &inputs, dialect) {
            Ok(plan) => {
                assert_placed(&plan.findings);
                if index == usize::from(*choice) % 7 && !is_mixed {
                    prove(plan);
                }
            }
            Err(problems) => {
                assert!(problems.has_errors(), "refused without an error");
                assert_placed(&problems);
            }
        }
    }
}

/// Holds that the layers render the values that were read.
fn prove(plan: ImportPlan) {
    let files = plan.files.into_iter().map(|(name, file)| {
        let bytes = match file {
            PlannedFile::Plain(bytes) => bytes,
            PlannedFile::Secret(bytes) | PlannedFile::SecretManifest(bytes) => bytes.to_vec(),
            PlannedFile::Encrypted { .. } => panic!("an encrypted file of a dotenv file"),
        };
        (format!("environments/{name}"), bytes)
    });
    let files: Files = files.collect();
    let shown = || files.iter().map(|(name, bytes)| format!("{name}\n{}", String::from_utf8_lossy(bytes)));
    let shown: String = shown().collect();
    let project = ROOT.open(files).unwrap_or_else(|problems| panic!("no project: {problems:?}\n{shown}"));
    let pipeline = Pipeline::new(&project, demo_identities());
    let app = &project.apps[0];
    let mut problems = Diagnostics::new();
    let survey = pipeline.survey(app, SurveyOptions::decrypting(&app.environments), &mut problems);
    let survey = survey.unwrap_or_else(|| panic!("layers with errors: {problems:?}\n{shown}"));
    for expected in &plan.expected {
        let environment = project.environment(&expected.name).expect("an environment of the plan");
        let resolved = survey.environment(&environment).expect("surveyed");
        for value in &expected.values {
            let ExpectedKey::Entry(id) = &value.key else { panic!("a variable of a dotenv file") };
            let found = resolved.entries.get(id).and_then(|found| found.outcome.known());
            let found = found.map(septum::resolve::ResolvedBytes::bytes);
            assert!(found == Some(value.bytes.as_slice()), "{id:?} has another value: {problems:?}\n{shown}");
        }
    }
}
