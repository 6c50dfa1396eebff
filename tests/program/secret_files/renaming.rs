//! `septum rename`: all files or none, and nothing changes but the name.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

const BASE: &str = "app: shop
# the settings
data:
  LOG_LEVEL: info   # loud or not
  DB_PASSWORD: { sensitive: true, required: true }
  URL: \"db:{{ data.DB_PASSWORD | urlencode }}@{{ data['LOG_LEVEL'] }}\"
  app.ini: { template: files/app.ini.j2 }
  raw: { value: '{{ data.DB_PASSWORD }}', template: false }
vars: { v: '{{ data.LOG_LEVEL }}' }
bundles:
  extra:
    data:
      LOG_LEVEL: other
      COPY: '{{ bundles.shop.LOG_LEVEL }}{{ data.LOG_LEVEL }}{{ vars.v | default(1) }}'
manifests: [w/*.yaml]
allow: [{ rule: undeclared-secret, key: DB_PASSWORD, reason: why }]
";

const POD: &str = "apiVersion: v1
kind: Pod
metadata: { name: web }
spec:
  containers:
  - name: web
    image: nginx
    env:
    - { name: A, valueFrom: { secretKeyRef: { name: shop, key: DB_PASSWORD } } }
    - { name: B, value: '{{ data.LOG_LEVEL }}' }
    - { name: C, valueFrom: { configMapKeyRef: { name: extra, key: LOG_LEVEL } } }
    volumeMounts:
    - { name: all, mountPath: /p, subPath: DB_PASSWORD }
  volumes:
  - { name: some, secret: { secretName: shop, items: [{ key: DB_PASSWORD, path: p }] } }
  - { name: all, secret: { secretName: shop } }
  - { name: both, projected: { sources: [{ secret: { name: shop, items: [{ key: DB_PASSWORD, path: p }] } }] } }
";

const SECRETS: &str =
    "# never in plaintext\ndata:\n  # of the database\n  DB_PASSWORD: hunter2-canary\n  OTHER: second-secret\n";

fn project() -> Sandbox {
    let project = Sandbox::with_identities()
        .file("base.yaml", BASE.replace("  raw:", "  OTHER: { sensitive: true }\n  raw:"))
        .file("dev.yaml", "data: { LOG_LEVEL: debug }\n")
        .file("prod.yaml", "")
        .file("files/app.ini.j2", "[db]\np={{ data[\"DB_PASSWORD\"] }}\n{% include \"more.j2\" %}")
        .file("files/more.j2", "{% if data.LOG_LEVEL == 'debug' %}d{% endif %}")
        .file("w/pod.yaml", POD);
    project.encrypted("dev.secrets.yaml", SECRETS);
    project.encrypted("prod.secrets.yaml", SECRETS);
    project
}

/// The objects of all environments, with another name of a key.
fn rendered(project: &Sandbox, from: &str, to: &str) -> String {
    let both = [project.run(&["render", "dev"]).succeeds(), project.run(&["render", "prod"]).succeeds()];
    let mut lines: Vec<String> = both.concat().lines().map(|line| line.replace(from, to)).collect();
    // keys are sorted by name
    lines.sort();
    lines.join("\n")
}

#[test]
fn a_secret_is_renamed_in_all_files_and_nothing_else_changes() {
    let project = project();
    let (before, files) = (rendered(&project, "DB_PASSWORD", "DATABASE_PASSWORD"), project.all());
    let dry = project.run(&["rename", "DB_PASSWORD", "DATABASE_PASSWORD", "--dry-run"]);
    assert_eq!(project.all(), files, "a dry run writes nothing");
    let run = project.run(&["rename", "DB_PASSWORD", "DATABASE_PASSWORD"]);
    assert_eq!((run.code, &run.stdout), (0, &dry.stdout));
    record(&run.stdout);
    run.record();
    assert_eq!(
        rendered(&project, "DB_PASSWORD", "DATABASE_PASSWORD"),
        before
            .replace("data.DATABASE_PASSWORD", "data.DB_PASSWORD")
            .replace("data.DB_PASSWORD }}", "data.DATABASE_PASSWORD }}")
    );
    let renamed = |text: &str| text.replace("DB_PASSWORD", "DATABASE_PASSWORD");
    // a literal text is not a template
    let base = renamed(std::str::from_utf8(&files["base.yaml"]).unwrap());
    let base = base.replace("raw: { value: '{{ data.DATABASE_PASSWORD", "raw: { value: '{{ data.DB_PASSWORD");
    assert_eq!(project.read("base.yaml"), base);
    assert_eq!(project.read("w/pod.yaml"), renamed(POD));
    let plain = project.run(&["decrypt", "dev.secrets.yaml"]).ok();
    assert_eq!(plain, renamed(SECRETS));
    // all other values keep their ciphertext
    let line = |text: &str| text.lines().find(|line| line.contains("OTHER")).unwrap().to_owned();
    assert_eq!(
        line(&project.read("prod.secrets.yaml")),
        line(std::str::from_utf8(&files["prod.secrets.yaml"]).unwrap())
    );
    if let Some(run) = project.sops("alice.txt", &["decrypt", "dev.secrets.yaml"]) {
        assert!(run.ok().contains("DATABASE_PASSWORD"));
    }
    let after = project.all();
    project.run(&["rename", "DB_PASSWORD", "DATABASE_PASSWORD"]).record();
    assert_eq!(project.all(), after, "a second run changes nothing");
}

#[test]
fn a_key_is_renamed_in_its_own_bundle_alone() {
    let project = project();
    let before = rendered(&project, "", "");
    project.run(&["rename", "LOG_LEVEL", "VERBOSITY"]).refused();
    let run = project.run(&["rename", "shop/LOG_LEVEL", "log-level.txt"]);
    record(run.succeeds());
    let base = project.read("base.yaml");
    for line in [
        "  log-level.txt: info   # loud or not",
        "@{{ data['log-level.txt'] }}\"",
        "      LOG_LEVEL: other",
        "{{ bundles.shop[\"log-level.txt\"] }}{{ data.LOG_LEVEL }}",
    ] {
        assert!(base.contains(line), "{line}: {base}");
    }
    assert_eq!(project.read("dev.yaml"), "data: { log-level.txt: debug }\n");
    assert_eq!(project.read("files/more.j2"), "{% if data[\"log-level.txt\"] == 'debug' %}d{% endif %}");
    let after = rendered(&project, "", "");
    assert_eq!(before.replace("LOG_LEVEL: debug", "log-level.txt: debug").lines().count(), after.lines().count());
    project.run(&["rename", "extra/LOG_LEVEL", "LEVEL", "--dry-run"]).succeeds();
}

#[test]
fn logins_of_registries_read_the_bundle_of_the_app() {
    let base = "app: shop
data: { TOKEN: { value: dummy, sensitive: true } }
bundles:
  pull:
    data: { TOKEN: { value: other, sensitive: true } }
    type: kubernetes.io/dockerconfigjson
    registries: { ghcr.io: { username: robot, password: '{{ data.TOKEN }}' } }
";
    for (key, expected) in [
        ("shop/TOKEN", base.replacen("TOKEN", "LOGIN", 1).replace("data.TOKEN", "data.LOGIN")),
        ("pull/TOKEN", base.replace("data: { TOKEN: { value: other", "data: { LOGIN: { value: other")),
    ] {
        let project = Sandbox::new([("base.yaml", base), ("dev.yaml", "")]);
        project.run(&["rename", key, "LOGIN"]).succeeds();
        assert_eq!(project.read("base.yaml"), expected, "{key}");
    }
}

#[test]
fn a_value_stays_encrypted_under_its_new_name() {
    let table = [
        ("encrypted_regex: ^DB_", "PASSWORD", false),
        ("encrypted_regex: ^DB_", "DB_SECRET", true),
        ("encrypted_regex: ^data$", "PASSWORD", true),
        ("unencrypted_regex: ^PUB", "PUB_PASSWORD", false),
        ("encrypted_suffix: _PASSWORD", "PASS", false),
        ("unencrypted_suffix: _open", "password_open", false),
        ("unencrypted_suffix: _open", "PASSWORD", true),
        ("encrypted_comment_regex: sops:enc", "PASSWORD", true),
    ];
    for (selector, name, is_fine) in table {
        let project = Sandbox::with_identities()
            .file("base.yaml", "app: shop\ndata: { DB_PASSWORD: { sensitive: true }, PLAIN: x }\n")
            .file("dev.yaml", "")
            .file("dev.secrets.yaml", "data:\n  # sops:enc\n  DB_PASSWORD: hunter2-canary\n");
        project.rules(&format!("creation_rules: [{{ path_regex: secrets, age: ALICE, {selector} }}]"));
        project.run(&["encrypt", "dev.secrets.yaml"]).succeeds();
        let before = project.all();
        let run = project.run(&["rename", "DB_PASSWORD", name]);
        if is_fine {
            run.succeeds();
            assert_eq!(project.run(&["get", "dev", name]).ok(), "hunter2-canary", "{selector}");
        } else {
            run.fails(2);
            assert_eq!(project.all(), before, "{selector}: {name}");
        }
        assert!(!project.read("dev.secrets.yaml").contains("canary"), "{selector}: {name}");
    }
}

#[test]
fn an_edit_that_takes_a_value_out_of_the_encryption_is_told() {
    let project = Sandbox::with_identities()
        .env("EDITOR", "sed -i s/password/login/")
        .file("app.enc.yaml", "password: hunter2-canary\nuser: me\nnot: x\n");
    project.rules("creation_rules: [{ age: ALICE, encrypted_regex: ^password }]");
    project.run(&["encrypt", "app.enc.yaml"]).succeeds();
    let run = project.run(&["edit", "app.enc.yaml"]);
    assert_eq!(run.code, 0);
    run.record();
    // values that stay encrypted, and new ones in plaintext, are no finding
    let project = project.env("EDITOR", "sed -i s/not/also/");
    assert_eq!(project.run(&["edit", "app.enc.yaml"]).ok(), "");
}

#[test]
fn values_that_wait_for_an_environment_are_renamed() {
    let project = Sandbox::with_identities()
        .file("base.yaml", "app: shop\ndata: { API_KEY: { sensitive: true, promote: always } }\n")
        .file("dev.yaml", "")
        .file("prod.yaml", "");
    project.rules("creation_rules: [{ path_regex: prod, age: BOB }, { path_regex: secrets, age: ALICE }]");
    project.give("hunter2-canary", &["set", "dev", "API_KEY"]).succeeds();
    project.give("hunter2-former", &["set", "prod", "API_KEY"]).succeeds();
    project.run(&["promote", "dev", "prod", "--stage", "--yes"]).succeeds();
    let before = project.all();
    project.run(&["rename", "API_KEY", "TOKEN"]).fails(3);
    assert_eq!(project.all(), before);
    let both = [project.read("alice.txt"), project.read("bob.txt")].concat();
    let path = project.path("both.txt");
    let project = project.file("both.txt", both).env("SOPS_AGE_KEY_FILE", path);
    record(project.run(&["rename", "API_KEY", "TOKEN"]).succeeds());
    project.run(&["promote", "prod", "--staged", "--yes"]).succeeds();
    assert_eq!(project.run(&["get", "prod", "TOKEN"]).ok(), "hunter2-canary");
}

#[test]
fn without_the_key_nothing_is_changed() {
    let project = project();
    let before = project.all();
    project.run_as_bob(&["rename", "DB_PASSWORD", "DATABASE_PASSWORD"]).fails(3);
    project.run_without_key(&["rename", "DB_PASSWORD", "DATABASE_PASSWORD"]).fails(3);
    assert_eq!(project.all(), before);
    // what the encrypted files do not set can be renamed, but for the templates in them
    let run = project.run_without_key(&["rename", "shop/URL", "DATABASE_URL"]);
    assert_eq!(run.code, 0);
    run.record();
}

#[test]
fn what_cannot_be_renamed_safely_is_refused_at_its_place() {
    for (name, text) in [
        ("computed", "data: { A: a, B: \"{{ data['A' ~ ''] }}\" }\n"),
        ("all keys", "data: { A: a, B: '{% for k in data %}{{ k }}{% endfor %}' }\n"),
        ("a bundle as a whole", "bundles: { b: { data: { A: a, C: '{{ bundles.b | length }}' } } }\ndata: { X: x }\n"),
        ("escapes", "data: { A: a, B: \"{{ data[\\\"A\\\"] }}\" }\n"),
        ("a secret by its name", "data: { A: a, DB_PASSWORD: Xk29fjw0Pq }\n"),
        ("an existing key", "data: { A: a, NEW: b }\n"),
    ] {
        let project = Sandbox::of(text, "");
        let before = project.all();
        let old = if name == "a secret by its name" { "DB_PASSWORD" } else { "A" };
        project.run(&["rename", old, "NEW"]).refused();
        assert_eq!(project.all(), before, "{name}");
    }
    let project = Sandbox::of("data: { A: a }\nmanifests: ['w/*.j2']\n", "").file(
        "w/pod.j2",
        "apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec:\n  containers:\n  - name: web\n    image: nginx\n    env: [{ name: A, valueFrom: { configMapKeyRef: { name: app, key: A } } }]\n",
    );
    let before = project.all();
    project.run(&["rename", "A", "NEW"]).refused();
    assert_eq!(project.all(), before);
    for arguments in [["rename", "NONE", "B"], ["rename", "A", "A"], ["rename", "A", "a b"]] {
        project.run(&arguments).refused();
    }
}

/// Kubernetes expands `$(KEY)` of variables that it takes from whole objects, and files of projected volumes have the names
/// of keys.
#[test]
fn variables_that_kubernetes_expands_and_projected_files_are_renamed() {
    let pod = |metadata: &str, container: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{ name: web{metadata} }}\nspec:\n  containers:\n  - name: web\n    image: nginx\n    \
             command: [sh, -c, \"x $(LOG_LEVEL) $$(LOG_LEVEL) $(LOG_LEVELS)\"]\n    args: [--l=$(P_LOG_LEVEL)]\n    \
             volumeMounts: [{{ name: v, mountPath: /l, subPath: LOG_LEVEL }}]\n{container}  \
             volumes: [{{ name: v, projected: {{ sources: [{{ configMap: {{ name: shop }} }}] }} }}]\n"
        )
    };
    let (wired, own) =
        (", annotations: { septum.dev/env-from: 'extra, shop' }", "    env: [{ name: LOG_LEVEL, value: x }]\n");
    let from = |object: &str| format!("    envFrom: [{object}]\n    env: [{{ name: E, value: 'v$(LOG_LEVEL)' }}]\n");
    let (whole, prefixed) =
        (from("{ configMapRef: { name: shop } }"), from("{ prefix: P_, configMapRef: { name: shop } }"));
    let other = from("{ configMapRef: { name: extra } }");
    for (name, metadata, container, expected) in [
        (
            "an object",
            "",
            whole.as_str(),
            &["x $(LEVEL) $$(LOG_LEVEL) $(LOG_LEVELS)", "--l=$(P_LOG_LEVEL)", "v$(LEVEL)"][..],
        ),
        ("a prefix", "", &prefixed, &["x $(LOG_LEVEL) $$(", "--l=$(P_LEVEL)", "v$(LOG_LEVEL)"]),
        ("a directive", wired, "", &["x $(LEVEL) $$(LOG_LEVEL)", "--l=$(P_LOG_LEVEL)"]),
        ("another object", "", &other, &["x $(LOG_LEVEL) $$(", "--l=$(P_LOG_LEVEL)", "v$(LOG_LEVEL)"]),
        ("a variable of its own", wired, own, &["x $(LOG_LEVEL) $$(", "--l=$(P_LOG_LEVEL)"]),
    ] {
        let sandbox = Sandbox::new([
            (
                "base.yaml",
                "app: shop\ndata: { LOG_LEVEL: info }\nbundles: { extra: { data: { A: b, LOG_LEVEL: x } } }\nmanifests: [w/*.yaml]\n",
            ),
            ("prod.yaml", ""),
            ("w/pod.yaml", &pod(metadata, container)),
        ]);
        sandbox.run(&["rename", "shop/LOG_LEVEL", "LEVEL"]).succeeds();
        let text = sandbox.read("w/pod.yaml");
        assert!(text.contains("subPath: LEVEL"), "{name}: {text}");
        for part in expected {
            assert!(text.contains(part), "{name}: {part}: {text}");
        }
    }
}

#[test]
fn a_variable_is_not_renamed_and_its_readers_are_shown() {
    let project = project();
    for variable in ["vars.v", "vars.nothing"] {
        project.run(&["rename", variable, "w"]).fails(2);
    }
    let hint = project.run(&["explain", "vars.v"]).ok();
    assert!(hint.contains("base.yaml"), "{hint}");
}

#[test]
fn a_reference_in_a_template_of_a_manifest_is_named_with_the_way_to_go_on() {
    let project = project();
    let name = project.path("w/pod.yaml.j2");
    std::fs::rename(project.path("w/pod.yaml"), name).unwrap();
    project.replace("base.yaml", "w/*.yaml", "w/*");
    project.run(&["rename", "DB_PASSWORD", "PASSWORD"]).fails(2);
    for old in ["key: DB_PASSWORD", "subPath: DB_PASSWORD"] {
        let text = project.read("w/pod.yaml.j2").replace(old, &old.replace("DB_PASSWORD", "PASSWORD"));
        project.write("w/pod.yaml.j2", text);
    }
    project.run(&["rename", "DB_PASSWORD", "PASSWORD"]).succeeds();
    assert!(project.run(&["render", "prod"]).succeeds().contains("subPath: PASSWORD"));
}

#[test]
fn a_reference_in_the_text_of_a_patch_is_renamed() {
    let reference = "{ name: D, valueFrom: { secretKeyRef: { name: shop, key: DB_PASSWORD } } }";
    let operations = format!("[{{ op: add, path: /spec/containers/0/env/-, value: {reference} }}]");
    let merge = format!(
        "spec:\n      containers:\n      - name: web\n        # é DB_PASSWORD\n        env:\n        - {reference}"
    );
    for (patch, is_renamed) in [
        (format!("|\n    {operations}"), true),
        (format!("|-\n\n    kind: Pod\n    metadata: {{ name: any }}\n    {merge}"), true),
        (format!("'{operations}'"), true),
        (format!("\"{}\"", operations.replace("op:", "\\u006Fp:")), false),
        (format!(">\n    {}", operations.replace(", value", ",\n    value")), false),
    ] {
        let project = project().file("prod.yaml", format!("patches:\n- target: {{ kind: Pod }}\n  patch: {patch}\n"));
        let run = project.run(&["rename", "DB_PASSWORD", "PASSWORD"]);
        if is_renamed {
            run.succeeds();
        } else {
            run.fails(2);
            project.replace("prod.yaml", "key: DB_PASSWORD", "key: PASSWORD");
            project.run(&["rename", "DB_PASSWORD", "PASSWORD"]).succeeds();
        }
        let patch = project.read("prod.yaml");
        assert_eq!(patch.matches("key: PASSWORD").count(), 1, "{patch}");
        assert!(!patch.contains("key: DB_"), "{patch}");
        project.run(&["render", "prod"]).succeeds();
    }
}

#[test]
fn a_renaming_that_the_base_has_begun_is_completed() {
    let project = Sandbox::with_identities()
        .file("base.yaml", "app: shop\ndata: { NEW: { sensitive: true, renamedFrom: OLD } }\n")
        .file("dev.yaml", "data: { OLD: { expires: 2027-01-01 } }\n");
    project.encrypted("dev.secrets.yaml", "data: { OLD: hunter2-canary }\n");
    record(project.run(&["rename", "OLD", "NEW"]).succeeds());
    assert_eq!(project.read("dev.yaml"), "data: { NEW: { expires: 2027-01-01 } }\n");
    assert_eq!(project.run(&["get", "dev", "NEW"]).ok(), "hunter2-canary");
    project.run(&["rename", "OLD", "NEW"]).record();
}

#[test]
fn a_key_of_a_shared_layer_is_renamed_in_all_apps() {
    let project = Sandbox::new([
        ("septum.yaml", "apps: [apps/*]\nshared: shared\n"),
        ("shared/base.yaml", "data: { REGION: eu }\n"),
        ("apps/a/base.yaml", "data: { X: '{{ data.REGION }}' }\n"),
        ("apps/a/dev.yaml", "data: { REGION: us }\n"),
        ("apps/b/base.yaml", "data: { REGION: de, Y: '1' }\n"),
        ("apps/b/dev.yaml", ""),
        ("apps/c/base.yaml", "data: { Y: '1' }\n"),
        ("apps/c/dev.yaml", ""),
    ]);
    let before = project.all();
    project.run(&["rename", "REGION", "AREA", "--app", "a"]).refused();
    project.run(&["rename", "Y", "Z"]).refused();
    assert_eq!(project.all(), before);
    record(project.run(&["rename", "REGION", "AREA"]).succeeds());
    project.run(&["render", "dev"]).ok();
    record(project.run(&["rename", "Y", "Z", "--app", "b"]).succeeds());
}

/// It may be a file of another program, and so it is not changed.
#[test]
fn a_mixin_that_no_layer_extends_is_named_and_left_alone() {
    let project = Sandbox::with_identities()
        .file("base.yaml", "app: shop\ndata: { OLD: 1 }\n")
        .file("dev.yaml", "data: { OLD: 2 }\n")
        .file("regions/eu.yaml", "data:\n  OLD: hunter2-canary\n  X: '{{ data.OLD }}'\n")
        .file("regions/us.yaml", "data: { OLDER: 3 }\n");
    let before = project.read("regions/eu.yaml");
    let run = project.run(&["rename", "OLD", "NEW"]);
    run.record();
    assert_eq!(run.code, 0);
    assert!(!run.stderr.contains("canary"));
    assert_eq!(project.read("regions/eu.yaml"), before);
    assert_eq!(project.read("dev.yaml"), "data: { NEW: 2 }\n");
}

#[test]
fn an_allow_is_renamed_with_the_key_of_its_bundle() {
    let base = |keys: [&str; 3], data: &str, other: &str| {
        let allow = ["", "bundle: app, ", "bundle: other, "].into_iter().zip(keys);
        let allow = allow.map(|(bundle, key)| format!("- {{ rule: unused-entry, {bundle}key: {key}, reason: x }}\n"));
        let allow: String = allow.collect();
        format!("data: {{ {data}: a }}\nbundles: {{ other: {{ data: {{ {other}: b }} }} }}\nallow:\n{allow}")
    };
    for (bundle, keys, data, other) in [("app", ["B", "B", "A"], "B", "A"), ("other", ["A", "A", "B"], "A", "B")] {
        let project = Sandbox::of(&base(["A"; 3], "A", "A"), "");
        project.run(&["rename", "A", "B", "--bundle", bundle]).succeeds();
        assert_eq!(project.read("base.yaml"), base(keys, data, other), "{bundle}");
    }
}
