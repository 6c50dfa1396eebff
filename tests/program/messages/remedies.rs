//! Mistakes that people make, each with the remedy that is said: what brings them on, not just that it is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::too_many_lines, reason = "tables")]

use crate::support::messages::{note_case, record};
use crate::support::sandbox::Sandbox;

const BASE: &str = "app: shop
vars: { domain: example.com }
data:
  LOG_LEVEL: info
  DATABASE_HOST: localhost
  HOST: \"{{ vars.domain }}\"
bundles:
  a-b: { data: { X: one } }
";

fn shop() -> Sandbox {
    Sandbox::read_only()
        .file("environments/base.yaml", BASE)
        .file("environments/dev.yaml", "")
        .file("environments/prod.yaml", "")
        .file("environments/regions/eu.yaml", "")
}

/// Records what is printed about a mistake.
#[track_caller]
fn says(name: &str, project: &Sandbox, arguments: &[&str]) {
    let run = project.run(arguments);
    note_case(name);
    assert_ne!(run.code, 0, "{name}: nothing was said");
    record(run.stdout + &run.stderr);
}

#[test]
fn a_layer_that_is_written_as_for_another_tool_is_told_how_it_is_written_here() {
    for overlay in [
        "data:\n<<<<<<< HEAD\n  LOG_LEVEL: a\n=======\n  LOG_LEVEL: b\n>>>>>>> x\n",
        "data:\n  LOG_LEVEL:warn\n",
        "data:\n  DATABASE_HOST: x\n  LOG_LEVEL:warn\n  HOST: 1\n",
        "data: { LOG_LEVEL:warn }\n",
        "LOG_LEVEL:warn\n",
        "vars:\n  domain:x\n",
        "data:\n\u{a0}\u{a0}LOG_LEVEL: warn\n",
        "data:\n  \u{3000}LOG_LEVEL: warn\n",
        "data:\n  server:\n    port: 80\n",
        "data:\n  server: { port: 80, tls: { on: x } }\n",
        "extends: regions/eu, regions/us\n",
        "extends: regions/eu regions/us\n",
        "extends: [regions/eu.yaml]\n",
        "extends: ./regions/eu.yml\n",
        "extends: regions\\eu\n",
        "LOG_LEVEL: warn\n",
        "stringData:\n  LOG_LEVEL: warn\n",
        "env:\n  LOG_LEVEL: warn\n",
        "resources: [x.yaml]\n",
        "data:\n  - LOG_LEVEL: warn\n",
        "data:\n  - name: LOG_LEVEL\n    value: warn\n",
        "data: { LOG_LEVEL: { value: 1, type: int } }\n",
        "data: { LOG_LEVEL: { value: 1, type: str } }\n",
        "data: { LOG_LEVEL: { value: 1, sensitive: yes } }\n",
        "data: { LOG_LEVEL: { value: 1, required: Off } }\n",
        "data: { LOG_LEVEL: { value: 1, type: secret } }\n",
        "data: { LOG_LEVEL: { value: , type: integer } }\n",
        "data: { LOG_LEVEL: { default: y } }\n",
        "data: { LOG_LEVEL: { optional: true } }\n",
        "data: { LOG_LEVEL: { secret: true } }\n",
        "data: { LOG_LEVEL: { value: a, encrypted: true } }\n",
        "data: { LOG_LEVEL: { value: a, public: true } }\n",
        "data: { LOG_LEVEL: { from: HOST } }\n",
        "data: { LOG_LEVEL: { env: HOME } }\n",
        "data: { LOG_LEVEL: { prod: a, dev: b } }\n",
        "data: { LOG_LEVEL: { valueFrom: { secretKeyRef: { name: a, key: b } } } }\n",
        "data: { LOG_LEVEL: { value: a, min: 3 } }\n",
        "data: { LOG_LEVEL: { value: a, choices: [a] } }\n",
        "data: { LOG_LEVEL: { value: a, regex: a } }\n",
        "data: { LOG_LEVEL: { template: \"x {{ vars.domain }}\" } }\n",
        "data: { LOG_LEVEL: { file: \"a\\nb\" } }\n",
        "data:\n  LOG_LEVEL=b\n",
        "data:\n  LOG_LEVEL = b\n",
        "data:\n  export LOG_LEVEL=b\n",
        "LOG_LEVEL=b\n",
        "data: { LOG_LEVEL=b }\n",
        "data:\n  LOG_LEVEL=b\n  HOST: c\n",
        "data:\n  HOST: c\n  LOG_LEVEL=b\n",
        "vars: { domian: x }\n",
        "vars:\n  domian: x\n",
        "vars: { sub: null }\n",
        "labels: { a: \"{{ env.name }}\" }\n",
        "annotations: { a: \"{{ env.name }}\" }\n",
        "namespace: \"{{ env.name }}\"\n",
        "bundles: { a-b: { labels: { a: \"{{ env.name }}\" } } }\n",
        "delivery: { secrets: sops, recipients: [age1abc] }\n",
    ] {
        says(overlay, &shop().file("environments/prod.yaml", overlay), &["check"]);
    }
}

#[test]
fn a_pointer_where_nothing_resolves_it_is_said() {
    let content = BASE
        .replace("  HOST:", "  app.yaml: { content: { a: [{ ref: \"x/y#z\" }], b: { ref: { key: x } } } }\n  HOST:");
    says("in content", &shop().file("environments/base.yaml", &content), &["check"]);
    let other =
        BASE.replace("  HOST:", "  app.yaml: { content: { a: { ref: main }, b: { ref: \"x#y\", url: z } } }\n  HOST:");
    let run = shop().file("environments/base.yaml", &other).run(&["check"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let logins =
        format!("{BASE}  reg:\n    registries: {{ ghcr.io: {{ username: u, password: {{ ref: \"x#y\" }} }} }}\n");
    says("in registries", &shop().file("environments/base.yaml", &logins), &["check"]);
}

#[test]
fn a_missing_required_value_is_one_error_with_the_command_that_sets_it() {
    let base =
        "data:\n  PW: { required: true, sensitive: true }\n  URL: \"x{{ data.PW }}\"\n  U2: \"x{{ data.URL }}\"\n";
    for arguments in [&["check"][..], &["render", "dev"]] {
        let run = shop().file("environments/base.yaml", base).run(arguments);
        let said = run.stdout + &run.stderr;
        let errors = said.lines().filter(|line| line.starts_with("error")).count();
        assert_eq!(errors, 1, "{said}");
        record(&said);
    }
    let bundle = "bundles: { db: { data: { PW: { required: true, sensitive: true } } } }\n";
    says("a bundle", &shop().file("environments/base.yaml", bundle), &["check"]);
    let plain = "data: { HOST: { required: true } }\n";
    says("plain", &shop().file("environments/base.yaml", plain), &["check"]);
}

#[test]
fn templates_of_other_tools_and_slips_in_ours_are_named() {
    for template in [
        "{{ .Values.x }}",
        "{{ include \"x\" . }}",
        "{{ if x }}a{{ end }}",
        "{{ DATABASE_HOST }}",
        "{{ X }}",
        "{{ domain }}",
        "{{ bundles.a-b.X }}",
        "{{ data.X }}",
        "{{ bundles[\"a-b\"].LOG_LEVEL }}",
        "{{ data.LOG_LEVL }}",
        "{% if vars.domain %}x",
        "{% for x in [1] %}{% if x %}y{% endif %}",
        "{{ vars.domain | upcase }}",
        "{{ vars.domain | b64enc }}",
        "{{ vars.domain | indent(foo=2) }}",
        "{{ vars.domain | replace(\"a\") }}",
        "{{ vars.domain | round }}",
        "{{ vars.domain | int }}",
        "{{ vars.domain | float }}",
        "{{ \"\" | int }}",
        "{% for x in [{\"a\": 1}] %}{{ x.b }}{% endfor %}",
        "{{ env.HOME }}",
        "{{ environment }}",
        "{% if vars.domain == \"b\" && true %}x{% endif %}",
        "{{ vars.domain || \"x\" }}",
        "{% if !vars.domain %}x{% endif %}",
        "{% if vars.domain = \"y\" %}x{% endif %}",
        "{% if vars.domain === \"y\" %}x{% endif %}",
        "{% if vars.domain eq \"y\" %}x{% endif %}",
        "{{ vars.domain ?? \"x\" }}",
        "{{ vars.domain ? \"a\" : \"b\" }}",
        "{% if vars.domain %}x{% end %}",
        "{% if vars.domain %}x{% else if vars.domain %}y{% endif %}",
        "{% if vars.domain %}x{% elsif vars.domain %}y{% endif %}",
        "{% unless vars.domain %}x{% endunless %}",
        "{% assign x = 1 %}",
        "{% foreach x in vars %}x{% endforeach %}",
        "{% endif %}",
        "{{ data.DATABASE_HOST | default: \"x\" }}",
        "{{ data.DATABASE_HOST if false }}",
        "{{ data.DATABASE_HOST }",
        "{{{ data.DATABASE_HOST }}}",
        "{{ }}",
        "{{inputs.parameters.x}}",
        "{{workflow.name}}",
        "${{ secrets.X }}",
        "${{ github.sha }}",
        "{{ ansible_host }}",
        "{{#if x}}a{{/if}}",
        "{{- range }}",
        "{{ env \"HOME\" }}",
        "{{ local.x }}",
        "{{ null }}",
    ] {
        let overlay = format!("data:\n  LOG_LEVEL: '{template}'\n");
        says(template, &shop().file("environments/prod.yaml", &overlay), &["check"]);
    }
}

#[test]
fn a_manifest_of_helm_is_called_one() {
    let base = format!("{BASE}manifests: [\"w/*.yaml\"]\n");
    for manifest in [
        "kind: Deployment\nspec: { replicas: {{ .Values.replicas }} }\n",
        "metadata:\n  labels:\n    {{- include \"x.labels\" . | nindent 4 }}\n",
        "apiVersion: v1\nkind: Service\nmetadata: { name: \"{{ .Release.Name }}\" }\n",
        "apiVersion: v1\nkind: Service\nmetadata: { name: \"{{ .Values.x | default \"y\" }}\" }\n",
    ] {
        let project = shop().file("environments/base.yaml", &base).file("environments/w/d.yaml", manifest);
        says(manifest, &project, &["check"]);
    }
}

#[test]
fn a_manifest_with_templates_of_another_program_names_it() {
    let base = format!("{BASE}manifests: [\"w/*.yaml\"]\n");
    for value in ["{{inputs.parameters.x}}", "${{ secrets.X }}", "{{ vars.domain && true }}", "{% if vars.domain %}x"] {
        let manifest =
            format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: x, annotations: {{ a: '{value}' }} }}\n");
        let project = shop().file("environments/base.yaml", &base).file("environments/w/d.yaml", &manifest);
        says(value, &project, &["check"]);
    }
}

/// A template without quotes is the reason for some mistakes in YAML, and not for others beside it.
#[test]
fn a_manifest_with_a_template_is_told_to_quote_it_only_where_that_helps() {
    let base = format!("{BASE}manifests: [\"w/*.yaml\"]\n");
    for annotations in ["{ a: '{{ vars.domain }}', b: 1, b: 2, c: !port 80 }", "{ a: {{ vars.domain }} }"] {
        let manifest = format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: x, annotations: {annotations} }}\n");
        let project = shop().file("environments/base.yaml", &base).file("environments/w/d.yaml", &manifest);
        says(annotations, &project, &["check"]);
    }
}

#[test]
fn quotes_of_a_template_within_those_of_the_value_are_said() {
    let overlay = "data:\n  LOG_LEVEL: \"{{ vars.domain | default(\"x\") }}\"\n";
    says(overlay, &shop().file("environments/prod.yaml", overlay), &["check"]);
}

#[test]
fn an_annotation_that_follows_a_secret_has_a_remedy_that_restarts_pods() {
    let base = "data: { PW: { sensitive: true, value: changeme } }\nmanifests: [\"w/*.yaml\"]\n";
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: a, annotations: { checksum/secret: \"{{ data.PW | sha256 }}\" } }\n";
    let project = shop().file("environments/base.yaml", base).file("environments/w/d.yaml", deployment);
    says("checksum", &project, &["check"]);
}

#[test]
fn commands_and_options_of_other_tools_lead_to_those_of_this_one() {
    for arguments in [
        &["lint"][..],
        &["validate"],
        &["template", "dev"],
        &["updatekeys", "x"],
        &["render", "dev", "-o", "json"],
        &["render", "-o", "out", "dev"],
        &["list", "-o", "json"],
        &["render", "--env", "prod"],
        &["render", "--env=prod"],
        &["explain", "LOG_LEVEL", "prod"],
        &["get", "LOG_LEVEL", "prod"],
        &["render", "environments/prod.yaml"],
        &["check", "prod.yaml"],
        &["explain", "prod.secrets.yaml", "X"],
        &["get", "prod.yaml", "LOG_LEVEL"],
        &["render", "all"],
        &["decrypt", "prod"],
        &["encrypt", "dev"],
        &["rekey", "prod"],
        &["rotate", "prod"],
        &["keygen", "prod"],
        &["set", "prod", "K=V"],
        &["set", "prod", "LOG_LEVEL", "v"],
        &["get", "prod"],
        &["list", "LOG_LEVEL"],
        &["render", "dev", "--app", "x"],
        &["get", "--app", "x", "prod", "LOG_LEVEL"],
        &["get", "--bundle", "x", "prod", "LOG_LEVEL"],
        &["-C", "environments/base.yaml", "check"],
    ] {
        says(&arguments.join(" "), &shop(), arguments);
    }
}

#[test]
fn a_tree_that_is_not_there_is_one_error() {
    let run = shop().run(&["check", "--rendered", "nodir"]);
    assert_eq!(run.stderr.matches("error").count(), 1, "{}", run.stderr);
}

#[test]
fn a_rule_that_is_missing_is_an_item_of_those_that_there_are() {
    let rules = "creation_rules:\n  - { path_regex: other, age: age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z }\n";
    let project = shop().file("environments/prod.secrets.yaml", "data: {}\n").file(".sops.yaml", rules);
    let arguments = ["encrypt", "environments/prod.secrets.yaml"];
    says("rule", &project, &arguments);
}

#[test]
fn a_reload_of_a_pod_belongs_on_its_workload() {
    let base = format!("{BASE}manifests: [\"w/*.yaml\"]\n");
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: a }\nspec: { template: { metadata: { annotations: { septum.dev/reload: \"true\" } }, spec: { containers: [] } } }\n";
    let project = shop().file("environments/base.yaml", &base).file("environments/w/d.yaml", deployment);
    says("reload", &project, &["check"]);
}

#[test]
fn a_path_in_vault_is_no_name_of_an_object() {
    let base = format!("{BASE}names: hashed\nmanifests: [\"w/*.yaml\"]\n");
    let annotations = "vault.hashicorp.com/agent-inject-secret-shop: shop, vault.security.banzaicloud.io/secret: shop";
    let deployment = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: a }}\nspec: {{ template: {{ metadata: {{ annotations: {{ {annotations} }} }}, spec: {{ containers: [] }} }} }}\n"
    );
    let project = shop().file("environments/base.yaml", &base).file("environments/w/d.yaml", &deployment);
    let run = project.run(&["check"]);
    assert!(!run.stdout.contains("unknown-reference"), "{}", run.stdout);
    let project = project.file("environments/w/d.yaml", deployment.replace("vault.hashicorp.com", "example.com"));
    says("another domain", &project, &["check"]);
}

#[test]
fn the_encrypted_file_of_an_environment_is_the_one_that_is_named() {
    let project = shop().file("environments/prod.secrets.yaml", "data: {}\n");
    says("decrypt", &project, &["decrypt", "prod"]);
}

#[test]
fn a_file_that_is_not_there_ends_every_command_with_the_same_code() {
    for arguments in [
        &["decrypt", "none.yaml"][..],
        &["encrypt", "none.yaml"],
        &["rekey", "none.yaml"],
        &["rotate", "none.yaml"],
        &["edit", "none/x.yaml"],
        &["set", "none.yaml", "a"],
        &["get", "none.yaml", "a"],
        &["unset", "none.yaml", "a"],
        &["check", "--rules", "none.toml"],
        &["keygen", "-y", "none.txt"],
        &["git-textconv", "none.yaml"],
        &["-C", "none", "check"],
    ] {
        let run = shop().run(arguments);
        assert_eq!(run.code, 4, "{arguments:?}: {}", run.stderr);
    }
}

/// The hints that name a command, each as it would be pasted.
fn commands(said: &str) -> Vec<String> {
    let parts = said.split("`septum ").skip(1);
    parts.filter_map(|part| Some(part.split('`').next()?.to_owned())).collect()
}

#[test]
fn a_command_in_a_hint_works_where_the_program_was_started() {
    let base = "app: shop\ndata: { PW: { required: true, sensitive: true } }\n";
    let project = Sandbox::read_only()
        .file("app/environments/base.yaml", base)
        .file("app/environments/prod.yaml", "data: { PW: changeme-now-4kd9 }\n")
        .file("app/environments/dev.yaml", "")
        .file("app/environments/dev.secrets.yaml", "data: {}\n")
        .file("other/x", "");
    for (directory, expected) in [("", "-C app "), ("other", "-C ../app ")] {
        let start = if directory.is_empty() { "app" } else { "../app" };
        let run = project.run_in(directory, &["-C", start, "check"]);
        let found = commands(&(run.stdout + &run.stderr));
        assert!(found.len() > 2, "{found:?}");
        for command in found {
            assert!(command.starts_with(expected), "{command} from `{directory}`");
        }
    }
    let run = project.run_in("app", &["check"]);
    for command in commands(&(run.stdout + &run.stderr)) {
        assert!(!command.contains("-C"), "{command}");
    }
    let run = project.run_in("app/environments", &["check"]);
    let found = commands(&(run.stdout + &run.stderr));
    let of_file = found.iter().filter(|command| command.contains(".yaml"));
    assert!(of_file.clone().count() > 0, "{found:?}");
    for command in of_file {
        assert!(command.starts_with("-C .. "), "{command}");
    }
}

#[test]
fn an_unknown_argument_is_called_by_its_name_in_the_help() {
    let project = Sandbox::demo();
    for arguments in [
        &["explain", "prod", "qqqqqqqq"][..],
        &["explain", "qqqqqqqq", "LOG_LEVEL"],
        &["explain", "prod", "LOG_LEVEL", "--bundle", "qqqqqqqq"],
        &["explain", "prod", "LOG_LEVEL", "--bundle=checkout-files"],
        &["diff", "qqqqqqqq", "prod"],
        &["diff", "prod", "qqqqqqqq"],
        &["promote", "prod", "qqqqqqqq"],
        &["list", "--app", "qqqqqqqq"],
        &["render", "qqqqqqqq"],
        &["encrypt", "qqqqqqqq"],
        &["decrypt", "qqqqqqqq"],
        &["gc", "qqqqqqqq"],
        &["import", "dotenv", "qqqqqqqq"],
        &["rename", "qqqqqqqq", "NEW"],
        &["exposure", "qqqqqqqq"],
        &["-C", ".", "set", "prod", "KEY", "qqqqqqqq"],
        &["import", "dotenv", "a", "--qqqqqqqq"],
    ] {
        let run = project.run(arguments);
        assert!(run.code != 0 && !run.stderr.contains("qqqqqqqq"), "{}", run.stderr);
        run.record();
    }
}
