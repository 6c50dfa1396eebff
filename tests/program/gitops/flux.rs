//! What Flux does with the output, and what `check` says of it.

use serde_json::Value as Json;

use crate::check::rules::{Case, assert_all};
use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

const FLUX: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: { name: apps }\nspec:\n  path: ./apps\n";
const DECRYPTION: &str = "  decryption: { provider: sops, secretRef: { name: sops-age } }\n";
const CIPHERTEXT: &str = "A: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops:\n  mac: ENC[AES256_GCM,data:x]\n";
const BASE: (&str, &str) = ("base.yaml", "data: { A: 1 }");

#[test]
fn substitution_without_variables_is_found_where_it_always_happens() {
    let base = ("base.yaml", "data:\n  nginx.conf: 'listen ${PORT};'\n");
    let told: &[&str] = &["substitution base.yaml:2 nginx.conf"];
    let with = |build: &str| format!("{FLUX}  postBuild: {build}\n");
    let (always, weak) = (with("{ substituteStrategy: Always }"), with("{ substituteStrategy: WithVariables }"));
    let (none, from) = (with("{ substitute: {} }"), with("{ substituteFrom: [{ kind: ConfigMap, name: vars }] }"));
    assert_all(&[
        ("always", &[base, ("flux/a.yaml", &always)], told),
        ("only with variables, of which there are none", &[base, ("flux/a.yaml", &weak)], &[]),
        ("no variable", &[base, ("flux/a.yaml", &none)], &[]),
        ("variables of the cluster", &[base, ("flux/a.yaml", &from)], told),
        ("the second file", &[base, ("flux/a.yaml", &none), ("flux/b.yaml", &always)], told),
    ]);
    let annotated = ("base.yaml", "annotations: { note: '${NOTE}' }\ndata: { A: 1 }\n");
    assert_all(&[("an annotation", &[annotated, ("flux/a.yaml", &always)], &["substitution base.yaml:1"])]);
    // what looks like a name in a secret is a part of it
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: { name: x }\nstringData: { a: 'pa${hunter2_canary}x' }\n";
    let project = Sandbox::new([
        ("base.yaml", "manifests: [m/a.yaml]\n"),
        ("dev.yaml", ""),
        ("m/a.yaml", secret),
        ("flux/a.yaml", &always),
    ]);
    let run = project.run(&["check"]);
    assert!(run.stdout.contains("substitution") && !run.stdout.contains("hunter2_canary"), "{}", run.stdout);
    let project = Sandbox::new([base, ("dev.yaml", ""), ("flux/a.yaml", &always)]);
    let run = project.run(&["check"]);
    assert!(run.stdout.contains("`substituteStrategy: Always`"), "{}", run.stdout);
}

#[test]
fn templates_of_a_resource_set_are_found_where_the_output_is_one() {
    let on = "delivery: { flux: { resourceSet: true } }\n";
    let base = |text: &str| format!("{on}{text}");
    let script = base("data:\n  run.sh: \"cat << EOF\"\n");
    let escaped = base("data:\n  run.sh: 'cat << \"<<\" >> EOF'\n");
    let off = "delivery: { flux: { resourceSet: false } }\ndata:\n  run.sh: \"cat << EOF\"\n";
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\ndata:\n  a: \"<< inputs.b >>\"\n";
    let manifest = base("manifests: [m/a.yaml]\n");
    let annotated = base("annotations: { example.org/a: \"x << y\" }\ndata: { A: 1 }\n");
    let secret = base("data:\n  run.sh: { value: \"cat << EOF\", sensitive: true }\n");
    let cases: &[Case<'_>] = &[
        ("a here-document", &[("base.yaml", &script)], &["resource-set-template base.yaml:3 run.sh"]),
        ("escaped", &[("base.yaml", &escaped)], &[]),
        ("no template", &[("base.yaml", off)], &[]),
        ("not set", &[("base.yaml", "data: { run.sh: 'cat << EOF' }")], &[]),
        ("in base64", &[("base.yaml", &secret)], &["plaintext-secret base.yaml:3 run.sh"]),
        ("in a manifest", &[("base.yaml", &manifest), ("m/a.yaml", object)], &["resource-set-template m/a.yaml:5"]),
        ("in an annotation", &[("base.yaml", &annotated)], &["resource-set-template base.yaml:2"]),
    ];
    assert_all(cases);
}

#[test]
fn encrypted_files_that_flux_does_not_decrypt_are_found() {
    let flux = format!("{FLUX}{DECRYPTION}");
    let flux = ("flux/a.yaml", flux.as_str());
    let sealed = ("apps/a.enc.yaml", CIPHERTEXT);
    let at = |line: usize| format!("flux-decryption apps/kustomization.yaml:{line}");
    let (first, second) = (at(1), at(2));
    let of_map = "configMapGenerator: [{ name: a, files: [a.enc.yaml] }]\n";
    let of_map_by_key = "configMapGenerator: [{ name: a, files: [config.yaml=a.enc.yaml] }]\n";
    let of_map_env = "kind: Kustomization\nconfigMapGenerator: [{ name: a, envs: [a.enc.yaml] }]\n";
    let of_secret = "secretGenerator: [{ name: a, files: [config.yaml=a.enc.yaml] }]\n";
    let other_key = "secretGenerator: [{ name: a, files: [config=a.enc.yaml] }]\n";
    let old_patch = "patchesStrategicMerge: [a.enc.yaml]\n";
    let plain = ("apps/a.enc.yaml", "A: 1\n");
    let hidden = "kind: ENC[AES256_GCM,data:x]\napiVersion: v1\nsops:\n  mac: ENC[AES256_GCM,data:x]\n";
    let kustomization = |text| ("apps/kustomization.yaml", text);
    assert_all(&[
        ("a ConfigMap", &[BASE, flux, sealed, kustomization(of_map)], &[&first]),
        ("a ConfigMap, with a key", &[BASE, flux, sealed, kustomization(of_map_by_key)], &[&first]),
        ("variables of a ConfigMap", &[BASE, flux, sealed, kustomization(of_map_env)], &[&second]),
        ("plain files of a ConfigMap", &[BASE, flux, plain, kustomization(of_map)], &[]),
        ("a Secret", &[BASE, flux, sealed, kustomization(of_secret)], &[]),
        ("a Secret whose key has another format", &[BASE, flux, sealed, kustomization(other_key)], &[&first]),
        ("a patch of the old kind", &[BASE, flux, sealed, kustomization(old_patch)], &[&first]),
        (
            "values of a chart",
            &[BASE, flux, sealed, kustomization("helmCharts: [{ name: a, valuesFile: a.enc.yaml }]\n")],
            &[&first],
        ),
        ("a configuration", &[BASE, flux, sealed, kustomization("configurations: [a.enc.yaml]\n")], &[&first]),
        ("a patch", &[BASE, flux, sealed, kustomization("patches: [{ path: a.enc.yaml }]\n")], &[]),
        (
            "an object without a kind",
            &[BASE, flux, ("apps/a.enc.yaml", hidden), kustomization("resources: [a.enc.yaml]\n")],
            &[&first],
        ),
        ("nobody decrypts", &[BASE, ("flux/a.yaml", FLUX), sealed, kustomization(of_map)], &[]),
        (
            "another provider",
            &[BASE, ("flux/a.yaml", &flux.1.replace("sops,", "other,")), sealed, kustomization(of_map)],
            &[],
        ),
    ]);
}

#[cfg(unix)]
#[test]
fn links_large_files_and_those_outside_are_found() {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;
    let flux = format!("{FLUX}{DECRYPTION}");
    let text = "secretGenerator:\n- name: a\n  files:\n  - link.yaml\n  - big.bin\n  - ../../out.yaml\n  - small.yaml\n  - missing.yaml\n";
    let project = Sandbox::new([BASE, ("dev.yaml", ""), ("flux/a.yaml", &flux), ("apps/kustomization.yaml", text)]);
    let project = project.file("apps/small.yaml", "A: 1\n");
    fs::write(project.root().parent().unwrap().join("out.yaml"), "A: 1\n").unwrap();
    symlink("small.yaml", project.path("apps/link.yaml")).unwrap();
    File::create(project.path("apps/big.bin")).unwrap().set_len((5 << 20) + 1).unwrap();
    let run = project.run(&["check", "--format", "json"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let report: Json = serde_json::from_str(&run.stdout).unwrap();
    let found: Vec<_> = report["findings"].as_array().unwrap().iter().map(|finding| finding["line"].clone()).collect();
    assert_eq!(found, [4, 5, 6], "{}", run.stdout);
    // exactly 5 MiB are decrypted
    File::create(project.path("apps/big.bin")).unwrap().set_len(5 << 20).unwrap();
    let text = project.run(&["check"]);
    assert!(text.stdout.contains(":4:") && !text.stdout.contains(":5:"), "{}", text.stdout);
    assert!(text.stdout.contains("`flux/a.yaml`"), "{}", text.stdout);
}

#[test]
fn an_annotation_that_disables_decryption_is_found_with_encrypted_secrets() {
    let annotation = "annotations: { kustomize.toolkit.fluxcd.io/decrypt: Disabled }\ndata: { A: 1 }\n";
    let encrypted = format!("delivery: {{ secrets: sops }}\n{annotation}");
    let other = encrypted.replace("Disabled", "Enabled");
    assert_all(&[
        ("encrypted", &[("base.yaml", &encrypted)], &["flux-decryption base.yaml:2"]),
        ("enabled", &[("base.yaml", &other)], &[]),
        ("not encrypted", &[("base.yaml", annotation)], &[]),
    ]);
}

#[test]
fn watched_objects_have_the_label_of_flux() {
    let base = "app: shop\ndelivery: { flux: { watch: true }, refs: external-secret, store: vault }\n\
        data:\n  LEVEL: info\n  PASSWORD: { value: hunter2-canary, sensitive: true }\n\
        bundles:\n  keys: { data: { KEY: { ref: \"a#b\" } } }\n  own: { labels: { reconcile.fluxcd.io/watch: Disabled }, data: { A: 1 } }\n";
    let objects = Sandbox::of(base, "").dev();
    let label = |object: &Json| object["metadata"]["labels"]["reconcile.fluxcd.io/watch"].clone();
    let mut seen = 0;
    for object in &objects.0 {
        let expected = if object["metadata"]["name"] == "own" { "Disabled" } else { "Enabled" };
        assert_eq!(label(object), expected, "{object}");
        // without a template, the operator gives the Secret the labels of the ExternalSecret
        if object["kind"] == "ExternalSecret" {
            assert!(object["spec"]["target"].get("template").is_none(), "{object}");
        }
        seen += 1;
    }
    assert_eq!(seen, 4);
    let off = base.replace("watch: true", "watch: false");
    assert!(Sandbox::of(&off, "").dev().0.iter().all(|object| label(object) != "Enabled"));
    // an environment can switch it off, and a layer can remove the label
    let reset = Sandbox::of(base, "delivery: { flux: null }").dev();
    assert!(reset.0.iter().all(|object| label(object) != "Enabled"));
    let removed = Sandbox::of(base, "labels: { reconcile.fluxcd.io/watch: null }").dev();
    assert!(removed.0.iter().all(|object| label(object) != "Enabled"), "{removed:?}");
}

#[test]
fn settings_for_flux_are_read_strictly() {
    for setting in ["{ watch: yes }", "{ wach: true }", "true", "{ watch: true, resourceset: true }"] {
        Sandbox::of(&format!("delivery: {{ flux: {setting} }}\ndata: {{ A: 1 }}\n"), "")
            .run(&["render", "dev"])
            .refused();
    }
}

#[test]
fn a_variable_that_a_kustomization_sets_may_be_meant() {
    let build = |build: &str| {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{ name: apps, namespace: flux-system }}\nspec:\n  path: ./rendered/prod\n  postBuild: {build}\n"
        )
    };
    for postbuild in [
        "{ substitute: { cluster: prod } }",
        "{ substituteFrom: [{ kind: ConfigMap, name: vars }] }",
        "{ substitute: { x: y } }",
    ] {
        let site = Sandbox::new([
            ("base.yaml", "app: shop\ndata: { HOST: 'shop.${cluster}.example.com' }\n"),
            ("prod.yaml", ""),
            ("clusters/prod/apps.yaml", &build(postbuild)),
        ]);
        record(site.run(&["check"]).stdout);
    }
}
