//! `septum render --format helm-values` and its schema.

use serde_json::{Value as Json, json};

use super::project;
use crate::support::sandbox::CANARY;

const VALUES: [&str; 4] = ["render", "prod", "--format", "helm-values"];
const SCHEMA: [&str; 4] = ["render", "prod", "--format", "helm-values-schema"];

fn values(text: &str) -> Json {
    serde_yaml::from_str(text).unwrap()
}

#[test]
fn values_have_their_types_and_places() {
    let site = project();
    let all = values(&site.run(&VALUES).ok());
    assert_eq!(
        all,
        json!({
            "data": { "LEVEL": "warn", "PORT": 8080, "PASSWORD": CANARY },
            "bundles": { "features": { "A": "on" } },
        })
    );
    let maps = ["--map", "data=env", "--map", "data.PORT=server.port"];
    let mapped = values(&site.run(&[&VALUES[..], &maps].concat()).ok());
    assert_eq!(mapped, json!({ "env": { "LEVEL": "warn", "PASSWORD": CANARY }, "server": { "port": 8080 } }));
}

#[test]
fn the_schema_is_closed_and_needs_no_key() {
    let site = project().env("SOPS_AGE_KEY_FILE", "");
    let text = site.run(&SCHEMA).ok();
    assert!(!text.contains(CANARY));
    let schema: Json = serde_json::from_str(&text).unwrap();
    assert_eq!(schema["properties"]["data"]["properties"]["PORT"], json!({ "type": "integer", "minimum": 1 }));
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let with_key = project();
    assert!(validator.is_valid(&values(&with_key.run(&VALUES).ok())));
    for wrong in [json!({ "data": { "LEVLE": "x" } }), json!({ "date": {} }), json!({ "data": { "PORT": "x" } })] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn a_mapping_that_is_wrong_is_refused() {
    let site = project();
    for map in ["data.LEVLE=x", "dta=x", "data.LEVEL", "data.LEVEL=", "data.LEVEL=a[0]", "bundles.featrues=x"] {
        site.run(&[&VALUES[..], &["--map", map]].concat()).refused();
    }
    site.run(&[&VALUES[..], &["--map", "data.LEVEL=a", "--map", "data.PORT=a"]].concat()).refused();
    site.run(&[&VALUES[..], &["--map", "data.LEVEL=a", "--map", "data.PORT=a.b"]].concat()).refused();
    site.run(&["render", "prod", "--map", "data=x"]).refused();
    site.run(&["render", "prod", "dev", "--format", "helm-values"]).refused();
    site.run(&["render", "prod", "--placeholders", "--format", "helm-values"]).refused();
}
