//! The plugin, started as Argo CD starts it.

use serde_json::json;

use crate::support::objects::Objects;
use crate::support::sandbox::{CANARY, Run, Sandbox};

/// Variables of a sidecar that Argo CD sets for every command, as its documentation and `argocd-cmp-server` have them.
fn application(repository: Sandbox, path: &str) -> Sandbox {
    let variables = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("ARGOCD_EXEC_TIMEOUT", "90s"),
        ("ARGOCD_APP_NAME", "shop-prod"),
        ("ARGOCD_APP_NAMESPACE", "shop"),
        ("ARGOCD_APP_PROJECT_NAME", "default"),
        ("ARGOCD_APP_REVISION", "b6e0d1d6e3a8c3a5ee7d1a6b1f2a7c8d9e0f1a2b"),
        ("ARGOCD_APP_REVISION_SHORT", "b6e0d1d"),
        ("ARGOCD_APP_REVISION_SHORT_8", "b6e0d1d6"),
        ("ARGOCD_APP_SOURCE_PATH", path),
        ("ARGOCD_APP_SOURCE_REPO_URL", "https://git.example.com/shop/config.git"),
        ("ARGOCD_APP_SOURCE_TARGET_REVISION", "main"),
        ("KUBE_VERSION", "1.34"),
        ("KUBE_API_VERSIONS", "v1,apps/v1,batch/v1"),
    ];
    variables.into_iter().fold(repository, |repository, (name, value)| repository.env(name, value))
}

/// The same with the parameter `environment`, which arrives in two variables.
fn with_environment(repository: Sandbox, name: &str) -> Sandbox {
    let parameters = json!([{ "name": "environment", "string": name }]).to_string();
    repository.env("ARGOCD_APP_PARAMETERS", parameters).env("PARAM_ENVIRONMENT", name)
}

/// A repository of two apps with shared layers, and without `.git`: Argo CD packs it without.
fn repository() -> Sandbox {
    Sandbox::new([
        ("septum.yaml", "apps: [services/*]\nshared: environments\noutput: rendered\n"),
        ("environments/base.yaml", "namespace: shop\ndata: { REGION: eu }\n"),
        ("environments/prod.yaml", ""),
        ("services/checkout/base.yaml", "data: { LEVEL: info }\n"),
        ("services/checkout/dev.yaml", ""),
        ("services/checkout/prod.yaml", "data: { LEVEL: warn }\n"),
        ("services/mailer/base.yaml", "data: { FROM: a@example.org }\n"),
        ("services/mailer/prod.yaml", ""),
        ("rendered/prod/checkout/configmap-checkout.yaml", "apiVersion: v1\nkind: ConfigMap\n"),
        ("docs/README.md", "# Docs\n"),
    ])
}

#[track_caller]
fn generate(repository: &Sandbox, path: &str) -> Run {
    repository.run_in(path, &["argocd", "generate"])
}

#[test]
fn an_application_gets_the_objects_of_its_environment() {
    for (path, names) in [
        ("services/checkout", &["checkout"][..]),
        ("services/mailer", &["mailer"]),
        ("services", &["checkout", "mailer"]),
        ("", &["checkout", "mailer"]),
    ] {
        let repository = with_environment(application(repository(), path), "prod");
        let objects = generate(&repository, path).objects();
        let found: Vec<_> = objects.0.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect();
        assert_eq!(found, names, "{path}");
        assert!(objects.0.iter().all(|object| object["metadata"]["namespace"] == "shop"));
    }
    // as `render` prints them
    let repository = with_environment(application(repository(), "services"), "prod");
    assert_eq!(generate(&repository, "services").ok(), repository.run(&["render", "prod"]).ok());
}

#[test]
fn the_environment_may_be_named_in_each_way_of_argo_cd() {
    let named = |variables: &[(&str, &str)]| {
        let repository = application(repository(), "services/checkout");
        let repository = variables.iter().fold(repository, |repository, (name, value)| repository.env(name, *value));
        generate(&repository, "services/checkout")
    };
    let parameters = r#"[{"name":"environment","string":"dev"}]"#;
    for variables in [
        &[("ARGOCD_APP_PARAMETERS", parameters), ("PARAM_ENVIRONMENT", "dev")][..],
        &[("ARGOCD_APP_PARAMETERS", parameters)],
        &[("ARGOCD_APP_PARAMETERS", "null"), ("ARGOCD_ENV_ENVIRONMENT", "dev")],
        &[("ARGOCD_APP_PARAMETERS", "[]"), ("ARGOCD_ENV_ENVIRONMENT", "dev")],
    ] {
        assert_eq!(named(variables).objects().texts("ConfigMap/checkout")["LEVEL"], "info", "{variables:?}");
    }
    for variables in [
        &[][..],
        &[("ARGOCD_APP_PARAMETERS", "null")],
        &[("ARGOCD_APP_PARAMETERS", parameters), ("ARGOCD_ENV_ENVIRONMENT", "prod")],
        // the announced default is not sent, and an empty text is none
        &[("ARGOCD_APP_PARAMETERS", r#"[{"name":"environment","string":""}]"#), ("PARAM_ENVIRONMENT", "")],
    ] {
        named(variables).refused();
    }
}

#[test]
fn hostile_parameters_are_refused_without_repeating_them() {
    let prod = r#"{"name":"environment","string":"prod"}"#;
    let deep = "[".repeat(5000);
    for text in [
        CANARY,
        "{}",
        "[1]",
        r#"[{"name":"environment","string":"hunter2-canary"}]"#,
        r#"[{"name":"hunter2-canary","string":"prod"}]"#,
        r#"[{"name":"environment","string":["prod"]}]"#,
        r#"[{"name":"environment","array":["prod"]}]"#,
        r#"[{"name":"environment","map":{"prod":"hunter2-canary"}}]"#,
        r#"[{"name":"environment","string":"dev","string":"prod"}]"#,
        r#"[{"name":"environment","string":"../../prod"}]"#,
        "[{\"name\":\"environment\",\"string\":\"prod\\u0000\"}]",
        "[{\"name\":\"environment\",\"string\":\"prod\\n\\u001b[2J\"}]",
        &format!("[{prod},{prod}]"),
        &format!("[{prod}"),
        &deep,
    ] {
        let repository = application(repository(), "services/checkout").env("ARGOCD_APP_PARAMETERS", text);
        let message = generate(&repository, "services/checkout").refused();
        assert!(!message.contains('\u{1b}'), "{message}");
    }
    let near = r#"[{"name":"environment","string":"prd"}]"#;
    let repository = application(repository(), "services/checkout").env("ARGOCD_APP_PARAMETERS", near);
    assert!(generate(&repository, "services/checkout").refused().contains("`prod`?"));
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_refused() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;
    let repository = application(repository(), "services/checkout");
    let repository = repository.env("PARAM_ENVIRONMENT", OsString::from_vec(b"pro\xffd".to_vec()));
    generate(&repository, "services/checkout").refused();
}

#[test]
fn nothing_is_an_error() {
    // an Application with an empty output and `prune` loses its objects
    let empty = || Sandbox::new([("base.yaml", ""), ("prod.yaml", "")]);
    generate(&with_environment(application(empty(), "."), "prod"), "").refused();
    // what would be the only object is left out
    let secret =
        Sandbox::new([("base.yaml", "data: { P: { value: hunter2-canary, sensitive: true } }"), ("prod.yaml", "")]);
    let secret = with_environment(application(secret, "."), "prod");
    secret.run(&["argocd", "generate", "--keyless"]).refused();
    // an environment that only another app has
    let repository = with_environment(application(repository(), "services/mailer"), "dev");
    generate(&repository, "services/mailer").refused();
    // a path without an app
    generate(&with_environment(application(self::repository(), "docs"), "prod"), "docs").refused();
    // no project at all
    let none = Sandbox::new([("README.md", "# Nothing\n")]);
    let run = generate(&with_environment(application(none, "."), "prod"), "");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
}

/// A project with a Secret, in some form, whose value is in the layer.
fn with_secret(delivery: &str) -> Sandbox {
    let base = format!(
        "app: shop\ndelivery: {{ {delivery} }}\ndata:\n  LEVEL: info\n  PASSWORD: {{ value: hunter2-canary, sensitive: true }}\n"
    );
    Sandbox::new([("base.yaml", base.as_str()), ("prod.yaml", "")])
}

#[test]
fn a_secret_is_refused_with_the_words_of_argo_cd() {
    let repository = with_environment(application(with_secret("secrets: manifest"), "."), "prod");
    let message = generate(&repository, "").refused();
    assert!(message.contains("`Secret/shop`") && message.contains("Redis"), "{message}");
    // a setting of the sidecar, which an Application cannot make
    for (name, value, is_allowed) in [
        ("SEPTUM_ALLOW_ARGOCD_SECRETS", "1", true),
        ("SEPTUM_ALLOW_ARGOCD_SECRETS", "0", false),
        ("SEPTUM_ALLOW_ARGOCD_SECRETS", "", false),
        ("ARGOCD_ENV_SEPTUM_ALLOW_ARGOCD_SECRETS", "1", false),
        ("PARAM_SEPTUM_ALLOW_ARGOCD_SECRETS", "1", false),
    ] {
        let repository = with_environment(application(with_secret("secrets: manifest"), "."), "prod").env(name, value);
        let run = generate(&repository, "");
        assert_eq!(run.code == 0, is_allowed, "{name}={value}: {}", run.stderr);
        assert_eq!(run.stdout.is_empty(), !is_allowed);
    }
    let kept = repository.run(&["argocd", "generate", "--keyless"]);
    assert_eq!((kept.code, kept.stderr.lines().count()), (0, 1), "{}", kept.stderr);
    assert!(!kept.stdout.contains("kind: Secret"), "{}", kept.stdout);
}

#[test]
fn nothing_is_decrypted_unless_the_sidecar_allows_it() {
    let repository = || {
        let repository = Sandbox::with_identities();
        repository.write("base.yaml", "app: shop\ndata:\n  LEVEL: info\n  PASSWORD: { sensitive: true }\n");
        repository.write("prod.yaml", "");
        repository.encrypted("prod.secrets.yaml", "data: { PASSWORD: hunter2-canary }\n");
        with_environment(application(repository, "."), "prod")
    };
    // the key is there, and is not used
    let message = generate(&repository(), "").refused();
    assert!(message.contains("`Secret/shop`") && message.contains("Redis"), "{message}");
    let keyless = repository().run(&["argocd", "generate", "--keyless"]);
    assert_eq!(keyless.code, 0, "{}", keyless.stderr);
    let objects = Objects::read(&keyless.stdout);
    assert_eq!(objects.0.len(), 1);
    assert_eq!(objects.texts("ConfigMap/shop")["LEVEL"], "info");
    let allowed = repository().env("SEPTUM_ALLOW_ARGOCD_SECRETS", "1");
    assert_eq!(generate(&allowed, "").objects().texts("Secret/shop")["PASSWORD"], CANARY);
    // `--keyless` is stronger
    let both = allowed.run(&["argocd", "generate", "--keyless"]);
    assert!(!both.stdout.contains("Secret"), "{}", both.stdout);
    // allowed, and without a key
    let without = repository().env("SEPTUM_ALLOW_ARGOCD_SECRETS", "1").env("SOPS_AGE_KEY_FILE", "/dev/null");
    let run = generate(&without, "");
    assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{}", run.stderr);
}

#[test]
fn an_object_that_depends_on_a_secret_is_refused() {
    let repository = Sandbox::with_identities();
    repository.write(
        "base.yaml",
        "app: shop\nnames: hashed\nmanifests: [w/web.yaml]\ndata:\n  LEVEL: info\n  PASSWORD: { sensitive: true }\n",
    );
    repository.write("prod.yaml", "");
    repository.encrypted("prod.secrets.yaml", "data: { PASSWORD: hunter2-canary }\n");
    repository.write(
        "w/web.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec:\n  containers: [{ name: a, image: a, envFrom: [{ secretRef: { name: shop } }, { configMapRef: { name: shop } }] }]\n",
    );
    let repository = with_environment(application(repository, "."), "prod");
    // its name depends on the values, so that the pod cannot be written without them
    let message = repository.run(&["argocd", "generate", "--keyless"]).refused();
    assert!(message.contains("`Pod/web`"), "{message}");
}

#[test]
fn secrets_for_flux_are_no_secrets_for_argo_cd() {
    for allowed in ["0", "1"] {
        let repository = Sandbox::with_identities();
        let base = "app: shop\ndelivery: { secrets: sops, recipients: [ALICE] }\ndata: { P: { value: hunter2-canary, sensitive: true } }\n";
        repository.write("base.yaml", base.replace("ALICE", &repository.alice));
        repository.write("prod.yaml", "");
        let repository = with_environment(application(repository, "."), "prod");
        let repository = repository.env("SEPTUM_ALLOW_ARGOCD_SECRETS", allowed);
        let message = generate(&repository, "").refused();
        assert!(message.contains("`Secret/shop`") && message.contains("SOPS"), "{message}");
    }
}

#[test]
fn pointers_and_sealed_secrets_need_no_permission() {
    let base = "app: shop\ndelivery: { refs: external-secret, store: vault }\ndata: { PASSWORD: { ref: \"shop#password\" } }\n";
    let pointers = Sandbox::new([("base.yaml", base), ("prod.yaml", "")]);
    let objects = generate(&with_environment(application(pointers, "."), "prod"), "").objects();
    assert_eq!(objects.0[0]["kind"], "ExternalSecret");

    let certificate = include_str!("../../../examples/sealed-secrets/certs/prod.pem");
    let sealed = with_secret("secrets: sealed-secret, certificate: prod.pem").file("prod.pem", certificate);
    let sealed = sealed.edited("base.yaml", "app: shop\n", "app: shop\nnamespace: shop\n");
    let run = generate(&with_environment(application(sealed, "."), "prod"), "");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("kind: SealedSecret") && !run.stdout.contains("kind: Secret\n"), "{}", run.stdout);

    // one that is committed as it is
    let manifest = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: { name: a }\nspec: { encryptedData: { P: AgB= } }\n";
    let committed = Sandbox::new([("base.yaml", "manifests: [m/*.yaml]\n"), ("prod.yaml", ""), ("m/a.yaml", manifest)]);
    assert_eq!(generate(&with_environment(application(committed, "."), "prod"), "").objects().0.len(), 1);
}

#[test]
fn a_repository_is_discovered_if_an_app_is_at_the_path() {
    for (path, expected) in [
        ("services/checkout", true),
        ("services", true),
        (".", true),
        // plain files, and a rendered tree, are for Argo CD itself
        ("docs", false),
        ("rendered/prod/checkout", false),
        ("rendered/prod", false),
        // a path that leads out is none: what is left is the repository
        ("../app/docs", true),
        ("/etc", true),
    ] {
        let repository = application(repository(), path);
        let run = repository.run(&["argocd", "discover"]);
        let stdout = if expected { ".\n" } else { "" };
        let code = i32::from(!expected);
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (code, stdout, ""), "{path}");
    }
    // where the command starts at the path
    let at_path = application(repository(), "services/checkout");
    assert_eq!(at_path.run_in("services/checkout", &["argocd", "discover"]).ok(), ".\n");
}

/// An app at the root of the repository has everything below it, but not what is for another tool.
#[test]
fn what_is_for_another_tool_is_not_claimed_by_an_app_around_it() {
    let repository = || {
        let project = Sandbox::new([("base.yaml", "app: shop\ndata: { A: 1 }\n"), ("prod.yaml", "")]);
        let project = project.file("chart/Chart.yaml", "name: x\n").file("extra/kustomization.yaml", "");
        project.run(&["render", "--all", "--out", "rendered"]).succeeds();
        project
    };
    for (path, expected) in
        [(".", true), ("rendered/prod/shop", false), ("rendered", false), ("chart", false), ("extra", false)]
    {
        let run = application(repository(), path).run(&["argocd", "discover"]);
        assert_eq!((run.code == 0, run.stdout.is_empty()), (expected, !expected), "{path}: {}", run.stderr);
    }
}

#[test]
fn without_a_path_a_project_anywhere_is_discovered() {
    for (file, expected) in [
        ("septum.yaml", Some(".")),
        ("environments/base.yaml", Some(".")),
        ("teams/a/septum.yaml", Some("teams/a")),
        ("teams/b/environments/base.yaml", Some("teams/b")),
        ("teams/b/base.yaml", None),
        ("kustomization.yaml", None),
        ("a/environments/prod.yaml", None),
    ] {
        let run = Sandbox::new([(file, "")]).run(&["argocd", "discover"]);
        let stdout = expected.map(|name| format!("{name}\n")).unwrap_or_default();
        assert_eq!((run.code == 0, run.stdout, run.stderr.as_str()), (expected.is_some(), stdout, ""), "{file}");
    }
    // one that cannot be read is one: its layers are no objects
    let broken = Sandbox::new([("septum.yaml", "apps: [\n"), ("services/a/base.yaml", "x: [")]);
    assert_eq!(broken.run(&["argocd", "discover"]).ok(), ".\n");
    let broken = application(broken, "services/a");
    assert_eq!(broken.run(&["argocd", "discover"]).ok(), ".\n");
}

#[test]
fn parameters_are_announced_with_the_environments_of_the_apps() {
    let announced = |path: &str| application(repository(), path).run_in(path, &["argocd", "parameters"]).json();
    let expected = json!([{
        "name": "environment",
        "title": "Environment",
        "tooltip": "One of: dev, prod",
        "required": true,
        "collectionType": "string",
        "string": "",
    }]);
    assert_eq!(announced("services"), expected);
    assert_eq!(announced("services/mailer")[0]["tooltip"], "One of: prod");
    application(repository(), "docs").run_in("docs", &["argocd", "parameters"]).refused();
}
