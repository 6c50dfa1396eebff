//! Mistakes that people make, each with the remedy that is said: what brings them on, not just that it is wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::too_many_lines, reason = "tables")]

use crate::support::sandbox::Project;

const BASE: &str = "app: shop
vars: { domain: example.com }
data:
  LOG_LEVEL: info
  DATABASE_HOST: localhost
  HOST: \"{{ vars.domain }}\"
bundles:
  a-b: { data: { X: one } }
";

fn shop() -> Project {
    Project::new()
        .file("environments/base.yaml", BASE)
        .file("environments/dev.yaml", "")
        .file("environments/prod.yaml", "")
        .file("environments/regions/eu.yaml", "")
}

/// The overlay `prod.yaml`, and a part of each line that is to be printed about it.
#[track_caller]
fn says(name: &str, project: &Project, arguments: &[&str], lines: &[&str]) {
    let run = project.run(arguments);
    assert_ne!(run.code, 0, "{name}: nothing was said");
    let said = run.stdout + &run.stderr;
    for line in lines {
        assert!(said.contains(line), "{name}: nothing says {line:?}:\n{said}");
    }
}

#[test]
fn a_layer_that_is_written_as_for_another_tool_is_told_how_it_is_written_here() {
    for (overlay, lines) in [
        (
            "data:\n<<<<<<< HEAD\n  LOG_LEVEL: a\n=======\n  LOG_LEVEL: b\n>>>>>>> x\n",
            &["unresolved Git merge", "`<<<<<<<`"][..],
        ),
        ("data:\n  LOG_LEVEL:warn\n", &["prod.yaml:2:12", "missing space after the `:`"]),
        ("data:\n  DATABASE_HOST: x\n  LOG_LEVEL:warn\n  HOST: 1\n", &["prod.yaml:3:3", "space after the `:`"]),
        ("data: { LOG_LEVEL:warn }\n", &["prod.yaml:1:18", "missing space after this `:`"]),
        ("LOG_LEVEL:warn\n", &["prod.yaml:1:10", "missing space after the `:`"]),
        ("vars:\n  domain:x\n", &["prod.yaml:2:9", "missing space after the `:`"]),
        ("data:\n\u{a0}\u{a0}LOG_LEVEL: warn\n", &["prod.yaml:2:1", "U+00A0", "ordinary spaces"]),
        ("data:\n  \u{3000}LOG_LEVEL: warn\n", &["prod.yaml:2:3", "U+3000"]),
        ("data:\n  server:\n    port: 80\n", &["`server` is a structure", "server.yaml: { content:"]),
        ("data:\n  server: { port: 80, tls: { on: x } }\n", &["`server` is a structure"]),
        ("extends: regions/eu, regions/us\n", &["extends: [regions/eu, regions/us]"]),
        ("extends: regions/eu regions/us\n", &["extends: [regions/eu, regions/us]"]),
        ("LOG_LEVEL: warn\n", &["unknown field `LOG_LEVEL` in a layer", "indent it under `data`"]),
        ("stringData:\n  LOG_LEVEL: warn\n", &["put its keys under `data`", "`sensitive: true`"]),
        ("env:\n  LOG_LEVEL: warn\n", &["put its keys under `data`"]),
        ("resources: [x.yaml]\n", &["`manifests`"]),
        ("data:\n  - LOG_LEVEL: warn\n", &["found a list", "without the `- `"]),
        ("data:\n  - name: LOG_LEVEL\n    value: warn\n", &["`NAME: value`"]),
        ("data: { LOG_LEVEL: { value: 1, type: int } }\n", &["did you mean `integer`?"]),
        ("data: { LOG_LEVEL: { value: 1, type: str } }\n", &["did you mean `string`?"]),
        ("data: { LOG_LEVEL: { value: 1, sensitive: yes } }\n", &["write `true`"]),
        ("data: { LOG_LEVEL: { value: 1, required: Off } }\n", &["write `false`"]),
        ("data: { LOG_LEVEL: { value: 1, type: secret } }\n", &["write `sensitive: true`"]),
        (
            "data: { LOG_LEVEL: { default: y } }\n",
            &["prod.yaml:1:22", "unknown field `default`", "is the default: write `value: …`"],
        ),
        ("data: { LOG_LEVEL: { optional: true } }\n", &["unknown field `optional`", "unless it has `required: true`"]),
        ("data: { LOG_LEVEL: { secret: true } }\n", &["unknown field `secret`", "write `sensitive: true`"]),
        ("data: { LOG_LEVEL: { value: a, encrypted: true } }\n", &["write `sensitive: true`"]),
        ("data: { LOG_LEVEL: { value: a, public: true } }\n", &["write `sensitive: false`"]),
        ("data: { LOG_LEVEL: { from: HOST } }\n", &["`value: \"{{ data.KEY }}\"`"]),
        ("data: { LOG_LEVEL: { env: HOME } }\n", &["variables of the machine are not read"]),
        ("data: { LOG_LEVEL: { prod: a, dev: b } }\n", &["in its layer, such as"]),
        ("data: { LOG_LEVEL: { valueFrom: { secretKeyRef: { name: a, key: b } } } }\n", &["`ref: { key: …"]),
        ("data: { LOG_LEVEL: { value: a, min: 3 } }\n", &["`minimum`"]),
        ("data: { LOG_LEVEL: { value: a, choices: [a] } }\n", &["write `enum: [ … ]`"]),
        ("data: { LOG_LEVEL: { value: a, regex: a } }\n", &["write `pattern: …`"]),
        (
            "data: { LOG_LEVEL: { template: \"x {{ vars.domain }}\" } }\n",
            &["`template` requires a file path, but this is a template", "`value: …`"],
        ),
        ("data: { LOG_LEVEL: { file: \"a\\nb\" } }\n", &["`file` requires a file path", "`value: …`"]),
        ("data:\n  LOG_LEVEL=b\n", &["prod.yaml:2:12", "`: ` instead of `=`"]),
        ("data:\n  LOG_LEVEL = b\n", &["prod.yaml:2:13", "`: ` instead of `=`"]),
        ("data:\n  export LOG_LEVEL=b\n", &["`: ` instead of `=`"]),
        ("LOG_LEVEL=b\n", &["prod.yaml:1:10", "`: ` instead of `=`"]),
        ("data: { LOG_LEVEL=b }\n", &["prod.yaml:1:18", "`: ` instead of `=`"]),
        ("data:\n  LOG_LEVEL=b\n  HOST: c\n", &["`KEY: value` instead of `KEY=value`"]),
        ("data:\n  HOST: c\n  LOG_LEVEL=b\n", &["`KEY: value` instead of `KEY=value`"]),
        ("vars: { domian: x }\n", &["prod.yaml:1:9", "did you mean `domain`?"]),
        ("vars:\n  domian: x\n", &["prod.yaml:2:3", "did you mean `domain`?"]),
        ("vars: { sub: null }\n", &["prod.yaml:1:9", "remove the line"]),
        ("labels: { a: \"{{ env.name }}\" }\n", &["`labels.a` contains a template", "in the layer of each"]),
        ("annotations: { a: \"{{ env.name }}\" }\n", &["`annotations.a` contains a template"]),
        ("namespace: \"{{ env.name }}\"\n", &["`namespace` contains a template"]),
        ("bundles: { a-b: { labels: { a: \"{{ env.name }}\" } } }\n", &["`labels.a` contains a template"]),
        (
            "delivery: { secrets: sops, recipients: [age1abc] }\n",
            &["`delivery.recipients` is not a valid recipient", "`age1…`"],
        ),
    ] {
        says(overlay, &shop().file("environments/prod.yaml", overlay), &["check"], lines);
    }
}

#[test]
fn a_pointer_where_nothing_resolves_it_is_said() {
    let content = BASE
        .replace("  HOST:", "  app.yaml: { content: { a: [{ ref: \"x/y#z\" }], b: { ref: { key: x } } } }\n  HOST:");
    says(
        "in content",
        &shop().file("environments/base.yaml", &content),
        &["check"],
        &["warning[ref-in-content]", "`app.yaml`"],
    );
    let other =
        BASE.replace("  HOST:", "  app.yaml: { content: { a: { ref: main }, b: { ref: \"x#y\", url: z } } }\n  HOST:");
    let run = shop().file("environments/base.yaml", &other).run(&["check"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let logins =
        format!("{BASE}  reg:\n    registries: {{ ghcr.io: {{ username: u, password: {{ ref: \"x#y\" }} }} }}\n");
    says(
        "in registries",
        &shop().file("environments/base.yaml", &logins),
        &["check"],
        &["{ .dockerconfigjson: { ref: … } }", "invalid-field"],
    );
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
        assert!(said.contains("`septum set dev PW`"), "{said}");
    }
    let bundle = "bundles: { db: { data: { PW: { required: true, sensitive: true } } } }\n";
    says("a bundle", &shop().file("environments/base.yaml", bundle), &["check"], &["`septum set dev PW --bundle db`"]);
    let plain = "data: { HOST: { required: true } }\n";
    says(
        "plain",
        &shop().file("environments/base.yaml", plain),
        &["check"],
        &["set `HOST` under `data` in `dev.yaml`"],
    );
}

#[test]
fn templates_of_other_tools_and_slips_in_ours_are_named() {
    for (template, lines) in [
        ("{{ .Values.x }}", &["looks like a template of Helm", "`template: false`"][..]),
        ("{{ include \"x\" . }}", &["looks like a template of Helm"]),
        ("{{ if x }}a{{ end }}", &["looks like a template of Helm"]),
        ("{{ DATABASE_HOST }}", &["did you mean `data.DATABASE_HOST`?"]),
        ("{{ X }}", &["did you mean `bundles[\"a-b\"].X`?"]),
        ("{{ domain }}", &["did you mean `vars.domain`?"]),
        ("{{ bundles.a-b.X }}", &["`-` is a subtraction", "`bundles[\"a-b\"].X`"]),
        ("{{ data.X }}", &["it is a key of the bundle `a-b`: write `bundles[\"a-b\"].X`"]),
        ("{{ bundles[\"a-b\"].LOG_LEVEL }}", &["the app's own bundle: `data.LOG_LEVEL`"]),
        ("{{ data.LOG_LEVL }}", &["did you mean `LOG_LEVEL`?"]),
        ("{% if vars.domain %}x", &["`{% if … %}` opens here is not closed", "add `{% endif %}`", "prod.yaml:2:15"]),
        ("{% for x in [1] %}{% if x %}y{% endif %}", &["`{% for … %}` opens here", "`{% endfor %}`"]),
        ("{{ vars.domain | upcase }}", &["unknown filter `upcase`", "did you mean `upper`?"]),
        ("{{ vars.domain | b64enc }}", &["did you mean `b64encode`?"]),
        ("{{ vars.domain | indent(foo=2) }}", &["`indent` has an unknown argument", "indent(width"]),
        ("{{ vars.domain | replace(\"a\") }}", &["missing argument of `replace`", "replace(from, to)"]),
        ("{{ vars.domain | round }}", &["`round` cannot be used here: expected a number"]),
        ("{{ env.HOME }}", &["Environment variables of the machine are not available"]),
        ("{{ environment }}", &["`env.name`"]),
        ("{% if vars.domain == \"b\" && true %}x{% endif %}", &["`&&` is not an operator", "write `and`"]),
        ("{{ vars.domain || \"x\" }}", &["`||` is not an operator", "write `or`", "| default("]),
        ("{% if !vars.domain %}x{% endif %}", &["`!` is not an operator", "write `not`"]),
        ("{% if vars.domain = \"y\" %}x{% endif %}", &["`=` is not a comparison", "write `==`"]),
        ("{% if vars.domain === \"y\" %}x{% endif %}", &["`===` is not an operator", "write `==`"]),
        ("{% if vars.domain eq \"y\" %}x{% endif %}", &["`eq` is not an operator", "`a == b`"]),
        ("{{ vars.domain ?? \"x\" }}", &["`??` is not an operator", "| default("]),
        ("{{ vars.domain ? \"a\" : \"b\" }}", &["`?` is not an operator", "`a if condition else b`"]),
        ("{% if vars.domain %}x{% end %}", &["closed by the matching `end` statement", "`{% endif %}`"]),
        ("{% if vars.domain %}x{% else if vars.domain %}y{% endif %}", &["`{% elif condition %}`"]),
        ("{% if vars.domain %}x{% elsif vars.domain %}y{% endif %}", &["`{% elif condition %}`"]),
        ("{% unless vars.domain %}x{% endunless %}", &["`{% if not condition %}"]),
        ("{% assign x = 1 %}", &["`{% set name = value %}`"]),
        ("{% foreach x in vars %}x{% endforeach %}", &["`{% for item in list %}"]),
        ("{% endif %}", &["no matching open block"]),
        ("{{ data.DATABASE_HOST | default: \"x\" }}", &["`| name(argument)`"]),
        ("{{ data.DATABASE_HOST if false }}", &["this `if` has no `else`", "`a if condition else \"\"`"]),
        ("{{ data.DATABASE_HOST }", &["a single brace cannot close `{`", "`}}`"]),
        ("{{{ data.DATABASE_HOST }}}", &["triple braces", "`{{ data.KEY }}`"]),
        ("{{ }}", &["the expression is empty"]),
        ("{{inputs.parameters.x}}", &["a template of Argo Workflows", "`template: false`"]),
        ("{{workflow.name}}", &["a template of Argo Workflows", "`template: false`"]),
        ("${{ secrets.X }}", &["a template of GitHub Actions", "`template: false`"]),
        ("${{ github.sha }}", &["a template of GitHub Actions", "`template: false`"]),
        ("{{ ansible_host }}", &["a template of Ansible", "`template: false`"]),
        ("{{#if x}}a{{/if}}", &["Mustache or Handlebars", "`template: false`"]),
        ("{{- range }}", &["looks like a template of Helm", "`template: false`"]),
        ("{{ env \"HOME\" }}", &["looks like a template of Helm"]),
        ("{{ local.x }}", &["for variables, write `vars.x`"]),
        ("{{ null }}", &["write `none`"]),
    ] {
        let overlay = format!("data:\n  LOG_LEVEL: '{template}'\n");
        says(template, &shop().file("environments/prod.yaml", &overlay), &["check"], lines);
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
        says(manifest, &project, &["check"], &["looks like a template of Helm", "{ path: …, template: false }"]);
    }
}

#[test]
fn a_manifest_with_templates_of_another_program_names_it() {
    let base = format!("{BASE}manifests: [\"w/*.yaml\"]\n");
    for (value, program) in [
        ("{{inputs.parameters.x}}", "Argo Workflows"),
        ("${{ secrets.X }}", "GitHub Actions"),
        ("{{ vars.domain && true }}", "write `and`"),
        ("{% if vars.domain %}x", "add `{% endif %}`"),
    ] {
        let manifest =
            format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: x, annotations: {{ a: '{value}' }} }}\n");
        let project = shop().file("environments/base.yaml", &base).file("environments/w/d.yaml", &manifest);
        says(value, &project, &["check"], &[program, "{ path: …, template: false }"]);
    }
}

#[test]
fn quotes_of_a_template_within_those_of_the_value_are_said() {
    let overlay = "data:\n  LOG_LEVEL: \"{{ vars.domain | default(\"x\") }}\"\n";
    says(overlay, &shop().file("environments/prod.yaml", overlay), &["check"], &["`\"{{ … | default('x') }}\"`"]);
}

#[test]
fn an_annotation_that_follows_a_secret_has_a_remedy_that_restarts_pods() {
    let base = "data: { PW: { sensitive: true, value: changeme } }\nmanifests: [\"w/*.yaml\"]\n";
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: a, annotations: { checksum/secret: \"{{ data.PW | sha256 }}\" } }\n";
    let project = shop().file("environments/base.yaml", base).file("environments/w/d.yaml", deployment);
    says("checksum", &project, &["check"], &["`septum.dev/reload: \"true\"`"]);
}

#[test]
fn commands_and_options_of_other_tools_lead_to_those_of_this_one() {
    for (arguments, line) in [
        (&["lint"][..], "`septum check`"),
        (&["validate"], "`septum check`"),
        (&["template", "dev"], "`septum render ENV`"),
        (&["diff", "dev", "prod"], "`septum list` compares environments"),
        (&["updatekeys", "x"], "`septum rekey`"),
        (&["render", "dev", "-o", "json"], "`--format yaml|json|kyaml`"),
        (&["render", "-o", "out", "dev"], "`--out DIR`"),
        (&["list", "-o", "json"], "`--format`"),
        (&["render", "--env", "prod"], "as an argument"),
        (&["render", "--env=prod"], "as an argument"),
        (&["explain", "LOG_LEVEL", "prod"], "specify the environment first: `prod KEY`"),
        (&["get", "LOG_LEVEL", "prod"], "specify the environment first: `prod KEY`"),
        (&["render", "environments/prod.yaml"], "by its name, not by its file: `prod`"),
        (&["check", "prod.yaml"], "by its name, not by its file: `prod`"),
        (&["explain", "prod.secrets.yaml", "X"], "by its name, not by its file: `prod`"),
        (&["get", "prod.yaml", "LOG_LEVEL"], "by its name, not by its file: `prod`"),
        (&["render", "all"], "`--all`"),
        (
            &["decrypt", "prod"],
            "`prod` is an environment, and this command requires a file: its layer is `environments/prod.yaml`",
        ),
        (&["encrypt", "dev"], "its layer is `environments/dev.yaml`"),
        (&["rekey", "prod"], "`prod` is an environment"),
        (&["rotate", "prod"], "`prod` is an environment"),
        (&["keygen", "prod"], "`septum keygen` requires no argument"),
        (&["set", "prod", "K=V"], "values are never arguments, which"),
        (&["set", "prod", "LOG_LEVEL", "v"], "values are never arguments, which"),
        (&["get", "prod"], "the environment first, then the key"),
        (&["explain", "LOG_LEVEL"], "the environment first, then the key"),
        (&["list", "LOG_LEVEL"], "`septum explain ENV KEY`"),
        (&["render", "dev", "--app", "x"], "the apps are `shop`"),
        (&["get", "--app", "x", "prod", "LOG_LEVEL"], "the apps are `shop`"),
        (&["get", "--bundle", "x", "prod", "LOG_LEVEL"], "the bundles are `a-b`, `shop`"),
        (&["-C", "environments/base.yaml", "check"], "`-C` requires a directory"),
    ] {
        says(&arguments.join(" "), &shop(), arguments, &[line]);
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
    says("rule", &project, &arguments, &["add an item to `creation_rules` in `.sops.yaml`", "`- { path_regex: 'prod"]);
}

#[test]
fn a_reload_of_a_pod_belongs_on_its_workload() {
    let base = format!("{BASE}manifests: [\"w/*.yaml\"]\n");
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: a }\nspec: { template: { metadata: { annotations: { septum.dev/reload: \"true\" } }, spec: { containers: [] } } }\n";
    let project = shop().file("environments/base.yaml", &base).file("environments/w/d.yaml", deployment);
    says("reload", &project, &["check"], &["`septum.dev/reload` has no effect here", "`metadata.annotations`"]);
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
    let project = project.file("environments/w/d.yaml", &deployment.replace("vault.hashicorp.com", "example.com"));
    says("another domain", &project, &["check"], &["unknown-reference"]);
}

#[test]
fn the_encrypted_file_of_an_environment_is_the_one_that_is_named() {
    let project = shop().file("environments/prod.secrets.yaml", "data: {}\n");
    says("decrypt", &project, &["decrypt", "prod"], &["its encrypted file is `environments/prod.secrets.yaml`"]);
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
    let project = Project::new()
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
