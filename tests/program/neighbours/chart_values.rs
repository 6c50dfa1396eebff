//! `septum render --format helm-values` and its schema.

use serde_json::{Value as Json, json};

use super::project;
use crate::support::sandbox::{CANARY, Sandbox};

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
    for maps in [["data.LEVEL", "data.PORT=p", "data.LEVEL=a[0]"], ["data.LEVLE=x", "data.PORT=p", "dta=x"]] {
        let maps: Vec<&str> = maps.into_iter().flat_map(|map| ["--map", map]).collect();
        site.run(&[&VALUES[..], &maps].concat()).refused();
    }
    site.run(&[&VALUES[..], &["--map", "data.LEVEL=a", "--map", "data.PORT=a"]].concat()).refused();
    site.run(&[&VALUES[..], &["--map", "data.LEVEL=a", "--map", "data.PORT=a.b"]].concat()).refused();
    site.run(&[&VALUES[..], &["--map", "data.LEVEL=a", "--map", "data.LEVEL=a.b"]].concat()).refused();
    site.run(&[&VALUES[..], &["--map", "data.LEVEL=global"]].concat()).refused();
    site.run(&[&SCHEMA[..], &["--map", "data.LEVEL=global"]].concat()).refused();
    site.run(&[&SCHEMA[..], &["--map", "data.LEVEL=a.b", "--map", "data.PORT=a"]].concat()).refused();
    site.run(&["render", "prod", "--map", "data=x"]).refused();
    site.run(&["render", "prod", "dev", "--format", "helm-values"]).refused();
    site.run(&["render", "prod", "--placeholders", "--format", "helm-values"]).refused();
}

#[test]
fn an_entry_has_all_places_that_it_is_mapped_to() {
    let site = project();
    let maps =
        ["--map", "data.LEVEL=a", "--map", "data.LEVEL=b.c", "--map", "data.LEVEL=a", "--map", "bundles.features=d"];
    let more = ["--map", "bundles.features=e"];
    let all = values(&site.run(&[&VALUES[..], &maps, &more].concat()).ok());
    assert_eq!(all, json!({ "a": "warn", "b": { "c": "warn" }, "d": { "A": "on" }, "e": { "A": "on" } }));
    let schema: Json = serde_json::from_str(&site.run(&[&SCHEMA[..], &maps, &more].concat()).ok()).unwrap();
    assert!(jsonschema::draft7::new(&schema).unwrap().is_valid(&all), "{schema}");
}

#[test]
fn numbers_lists_and_global_values_pass_their_schema() {
    let site = Sandbox::of(
        "app: shop\ndata:\n  HALF: { value: \".5\", type: number }\n  PLUS: { value: \"+5\", type: integer }\n  \
         BOND: { value: \"007\", type: integer, enum: [7, 8] }\n  WHOLE: { value: \"5.\", type: number }\n  \
         YES: { value: true, type: boolean, const: true }\n  \
         NAME: { value: abc, pattern: \"^[a-z]+$\", required: true }\n",
        "",
    );
    let maps = ["--map", "data=env", "--map", "data.NAME=global.name"];
    let of = |call: [&str; 4]| site.run(&[&["render", "dev"], &call[2..], &maps].concat()).ok();
    let all = values(&of(VALUES));
    assert_eq!(
        all,
        json!({
            "env": { "HALF": 0.5, "PLUS": 5, "BOND": 7, "WHOLE": 5, "YES": true },
            "global": { "name": "abc" },
        })
    );
    let schema: Json = serde_json::from_str(&of(SCHEMA)).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    assert!(validator.is_valid(&all), "{schema}");
    for (pointer, value, expected) in [
        ("/env/BOND", json!(9), false),
        ("/env/BOND", json!(8), true),
        ("/env/YES", json!(false), false),
        ("/env/HALF", json!(".5"), false),
        ("/global/name", json!("ABC"), false),
        ("/global", json!({}), false),
        // of another chart
        ("/global", json!({ "name": "abc", "other": 1 }), true),
    ] {
        let mut changed = all.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        assert_eq!(validator.is_valid(&changed), expected, "{pointer}: {changed}");
    }
}

#[test]
fn a_values_file_that_a_chart_would_not_read_is_told() {
    let base = "app: shop\nbundles: { shop-values: { data: { values.yaml: { content: { replicas: 2 } }, other.yaml: { content: { a: b } } } } }\n";
    let site = Sandbox::new([("base.yaml", base), ("prod.yaml", "")]);
    let run = site.run(&VALUES);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.record();
    // who says where it goes means the text
    let mapped = [&VALUES[..], &["--map", "bundles.shop-values.\"values.yaml\"=file"]].concat();
    assert_eq!(site.run(&mapped).stderr, "");
}
