//! Random stacks of layers against the model of `tests/support/layer_model.rs`, which is that of the fuzzing target
//! `layers` too.
//!
//! `SEPTUM_LAYER_STACKS` is the number of stacks (400 by default).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::layer_model::{ENVIRONMENTS, MIXINS, Random, directory, expected, found};
use crate::support::sandbox::{Sandbox, run};
use serde_json::Value as Json;

/// Apps of a project; each has two environments.
const APPS: usize = 50;
/// Apps of a project whose layers are held to their schemas.
const SCHEMAS: usize = 5;

#[test]
fn random_stacks_of_layers_are_what_the_documentation_says() {
    let stacks = std::env::var("SEPTUM_LAYER_STACKS").ok().and_then(|text| text.parse().ok()).unwrap_or(400_usize);
    for seed in 1..=stacks.div_ceil(APPS * ENVIRONMENTS.len()) as u64 {
        let mut random = Random::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let shared = directory(&mut random, true, &MIXINS);
        let apps: Vec<_> = (0..APPS).map(|_| directory(&mut random, false, &MIXINS)).collect();
        let mut project = Sandbox::new([("septum.yaml", "apps: [\"apps/*\"]\nshared: shared\n")]);
        for (path, directory) in std::iter::once(("shared".to_owned(), &shared))
            .chain(apps.iter().enumerate().map(|(index, app)| (format!("apps/a{index}"), app)))
        {
            for (name, layer) in directory {
                project = project.file(&format!("{path}/{name}.yaml"), serde_json::to_string_pretty(layer).unwrap());
            }
        }
        // an editor accepts what is rendered
        let any: Json = run(&project.root(), &["schema", "--layers"], &[]).json();
        let any = jsonschema::draft7::new(&any).unwrap();
        for (index, app) in apps.iter().enumerate().take(SCHEMAS) {
            let overlays = run(&project.root(), &["schema", "--app", &format!("a{index}")], &[]).json();
            let overlays = jsonschema::draft7::new(&overlays).unwrap();
            for (name, layer) in app {
                let layer = Json::Object(layer.clone());
                assert!(any.is_valid(&layer), "seed {seed}: {name} of a{index}");
                let is_overlay = ENVIRONMENTS.contains(&name.as_str());
                assert!(!is_overlay || overlays.is_valid(&layer), "seed {seed}: {name} of a{index} among its keys");
            }
        }
        for environment in ENVIRONMENTS {
            let rendered = run(&project.root(), &["render", environment, "--format", "json"], &[]).json();
            let objects = rendered["items"].as_array().unwrap();
            assert_eq!(objects.len(), APPS, "seed {seed}");
            for object in objects {
                let name = object["metadata"]["name"].as_str().unwrap();
                let app = &apps[name[1..].parse::<usize>().unwrap()];
                assert_eq!(found(object), expected(&shared, app, environment), "seed {seed}, {name} in {environment}");
            }
        }
    }
}
