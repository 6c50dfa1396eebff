//! Stacks of layers, against the model that is written from docs/layers.md.

use std::sync::LazyLock;

use septum::diagnostic::Diagnostics;
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::visibility::OnMissingKey;
use septum::{Delivered, ManifestFormat, Reveal, write_objects};
use serde_json::Value as Json;

use self::model::{Directory, ENVIRONMENTS, MIXINS, Random, directory, expected, found};
use crate::project::{Files, MemoryRoot, assert_placed, demo_identities};

#[allow(dead_code, reason = "the tests use other parts of it")]
#[path = "../../../tests/support/layer_model.rs"]
mod model;

static ROOT: LazyLock<MemoryRoot> = LazyLock::new(|| {
    MemoryRoot::new("layers", &["shared/m", "shared/n", "apps/a0/m", "apps/a0/n", "apps/a1/m", "apps/a1/n"])
});

/// Input: the choices of which the layers are made.
pub(crate) fn check(data: &[u8]) {
    let mut random = Random::of_choices(data);
    let shared = directory(&mut random, true, &MIXINS);
    let apps: Vec<Directory> = (0..2).map(|_| directory(&mut random, false, &MIXINS)).collect();
    let mut files = Files::from([("septum.yaml".to_owned(), b"apps: [\"apps/*\"]\nshared: shared\n".to_vec())]);
    for (path, directory) in [("shared", &shared), ("apps/a0", &apps[0]), ("apps/a1", &apps[1])] {
        for (name, layer) in directory {
            let text = serde_json::to_string_pretty(layer).expect("JSON");
            files.insert(format!("{path}/{name}.yaml"), text.into_bytes());
        }
    }
    let project = ROOT.open(files).unwrap_or_else(|problems| panic!("no project: {problems:?}"));
    let pipeline = Pipeline::new(&project, demo_identities());
    assert_eq!(project.apps.len(), apps.len());
    for (app, directory) in project.apps.iter().zip(&apps) {
        let mut problems = Diagnostics::new();
        let survey = pipeline.survey(app, SurveyOptions::decrypting(&app.environments), &mut problems);
        let survey = survey.unwrap_or_else(|| panic!("layers with errors: {problems:?}"));
        for name in ENVIRONMENTS {
            let environment = project.environment(name).expect("an environment");
            let objects = pipeline.objects(&survey, &environment, OnMissingKey::Fail, &mut problems);
            let objects: Vec<_> = objects.whole.into_iter().map(Delivered::plain).collect();
            let text = write_objects(&objects, ManifestFormat::Json, Reveal::Values).to_string();
            let rendered: Json = serde_json::from_str(&text).expect("JSON");
            let rendered = rendered["items"].as_array().unwrap_or_else(|| panic!("no list: {text}"));
            assert_eq!(rendered.len(), 1, "{problems:?}");
            assert_eq!(found(&rendered[0]), expected(&shared, directory, name));
        }
        assert_placed(&problems);
    }
}
