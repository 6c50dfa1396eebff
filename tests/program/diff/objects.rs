//! Objects that were read: of a cluster, of directories, of standard input.

use std::fs;
use std::path::Path;

use super::shop;
use crate::support::messages::record;
use crate::support::sandbox::{Sandbox, files};

/// What the layers of `shop` render, with differences of each kind.
fn live(project: &Sandbox) -> String {
    let objects = project.run(&["render", "dev", "--delivery", "manifest"]).ok();
    objects.replace("LEVEL: info", "LEVEL: trace").replace("  LIMIT: \"5\"\n", "  OLD: x\n")
}

#[test]
fn standard_input_is_compared_with_what_is_rendered() {
    let project = shop();
    let run = project.give(live(&project), &["diff", "dev", "-"]);
    record(&run.stdout);
    assert_eq!(run.code, 1);
    let same = project.run(&["render", "dev"]).ok();
    let run = project.give(same, &["diff", "dev", "-"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
}

#[test]
fn a_secret_of_the_input_is_compared_and_never_printed() {
    let project = shop();
    let objects = project.run(&["render", "prod"]).ok();
    let other = base64_of("hunter2-canary-else");
    let password = objects.lines().find(|line| line.trim_start().starts_with("PASSWORD:")).unwrap();
    let objects = objects.replace(password, &format!("  PASSWORD: {other}"));
    for format in ["text", "json", "markdown", "github-diff"] {
        let run = project.give(&objects, &["diff", "prod", "-", "--format", format]);
        assert_eq!(run.code, 1);
        assert!(run.stdout.contains("PASSWORD"));
        assert!(!run.stdout.contains("canary") && !run.stdout.contains(&other), "{}", run.stdout);
    }
}

/// People put credentials into ConfigMaps before there are layers.
#[test]
fn a_credential_in_a_config_map_of_the_input_is_not_shown() {
    let base = "app: shop\ndata:\n  LEVEL: info\n  DEMO: { value: \"https://demo:public-new@h\", sensitive: false, reason: demo }\n\
        allow: [{ rule: url-password, key: DEMO, reason: demo }]\n";
    let project = Sandbox::of(base, "");
    let object = |name: &str, pass: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata:\n  LEVEL: postgres://u:{pass}@h/db\n  \
             OLD_URL: postgres://u:{pass}@h/db\n  ADMIN_PASSWORD: {pass}-S3cr3t!\n  DEMO: https://demo:public-old@h\n  \
             app.ini: |\n    [db]\n    url = postgres://u:{pass}@h/db\n  PLAIN: shown-{name}\n---\n"
        )
    };
    let old = object("shop", "hunter2canary") + &object("other", "hunter2canary");
    let new = object("shop", "hunter3canary") + &object("more", "hunter3canary");
    let (left, right) = (project.outside().join("old.yaml"), project.outside().join("new.yaml"));
    fs::create_dir_all(project.outside()).unwrap();
    fs::write(&left, &old).unwrap();
    fs::write(&right, new).unwrap();
    for format in ["text", "json", "markdown", "github-diff"] {
        let given = project.give(&old, &["diff", "dev", "-", "--format", format]);
        let files =
            project.run(&["diff", "--files", left.to_str().unwrap(), right.to_str().unwrap(), "--format", format]);
        for run in [&given, &files] {
            assert_eq!(run.code, 1, "{}", run.stderr);
            assert!(run.stdout.contains("ADMIN_PASSWORD") && run.stdout.contains("shown-other"), "{}", run.stdout);
            assert!(!run.stdout.contains("canary"), "{}", run.stdout);
        }
        assert!(given.stdout.contains("public-old") && given.stdout.contains("public-new"), "{}", given.stdout);
    }
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn a_secret_of_the_input_is_not_shown_where_it_is_repeated() {
    let project = shop();
    let object = |kind: &str, name: &str, value: &str| {
        format!("apiVersion: v1\nkind: {kind}\nmetadata: {{ name: {name}, namespace: shop }}\n{value}\n---\n")
    };
    let secret = format!("data: {{ EXTRA: {} }}", base64_of("hunter2-canary-live"));
    let plain = "data: { LEVEL: at-hunter2-canary-live, OTHER: hunter2-canary-text }";
    let secrets =
        object("Secret", "other", &secret) + &object("Secret", "text", "stringData: { A: hunter2-canary-text }");
    let live = object("ConfigMap", "shop", plain) + &secrets;
    fs::create_dir_all(project.outside().join("old")).unwrap();
    fs::create_dir_all(project.outside().join("new")).unwrap();
    fs::write(project.outside().join("old/all.yaml"), &live).unwrap();
    fs::write(project.outside().join("new/all.yaml"), live.replace("at-hunter2", "by-hunter2")).unwrap();
    let (old, new) = (project.outside().join("old"), project.outside().join("new"));
    for format in ["text", "json", "markdown", "github-diff"] {
        let given = project.give(&live, &["diff", "dev", "-", "--format", format]);
        let files = project.run(&["diff", "--files", old.to_str().unwrap(), new.to_str().unwrap(), "--format", format]);
        for run in [given, files] {
            assert_eq!(run.code, 1);
            assert!(run.stdout.contains("LEVEL") && !run.stdout.contains("canary"), "{}", run.stdout);
        }
    }
}

#[test]
fn directories_are_compared_as_kubectl_has_them() {
    let project = shop();
    for (directory, text) in [("live", live(&project)), ("merged", project.run(&["render", "dev"]).ok())] {
        fs::create_dir_all(project.outside().join(directory)).unwrap();
        fs::write(project.outside().join(directory).join("v1.ConfigMap.shop.shop"), text).unwrap();
    }
    let (old, new) = (project.outside().join("live"), project.outside().join("merged"));
    let run = project.run(&["diff", "--files", old.to_str().unwrap(), new.to_str().unwrap()]);
    record(&run.stdout);
    assert_eq!(run.code, 1);
    // kubectl puts its directories before the words of the user
    let called = project.run(&[old.to_str().unwrap(), new.to_str().unwrap(), "diff", "--files"]);
    assert_eq!((called.code, &called.stdout), (1, &run.stdout));
    let same = project.run(&["diff", "--files", new.to_str().unwrap(), new.to_str().unwrap()]);
    assert_eq!((same.code, same.stdout.as_str()), (0, ""));
}

#[test]
fn what_is_not_a_set_of_objects_is_refused() {
    let project = shop();
    let twice = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n";
    for text in ["a: [", "a: b", twice, "\u{0}"] {
        project.give(text, &["diff", "dev", "-"]).fails(2);
    }
    fs::create_dir(project.path("none")).unwrap();
    project.run(&["diff", "--files", "nowhere", "none"]).fails(4);
}

/// A kubectl that answers from files: `TYPE.json` for `get TYPE`.
#[cfg(unix)]
fn with_kubectl(project: Sandbox) -> Sandbox {
    use std::os::unix::fs::PermissionsExt as _;
    let bin = project.outside().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let script = "#!/bin/sh\necho \"$@\" >> \"$0.log\"\nfor word; do\n  case $word in\n    Secret|ConfigMap|pods) cat \"$(dirname \"$0\")/$word.json\" 2>/dev/null; exit 0;;\n  esac\ndone\n";
    fs::write(bin.join("kubectl"), script).unwrap();
    fs::set_permissions(bin.join("kubectl"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    project.env("PATH", path)
}

#[test]
#[cfg(unix)]
fn of_a_cluster_only_the_named_objects_are_read() {
    let project = with_kubectl(shop().edited("base.yaml", "namespace: shop\n", "namespace: shop\nnames: kustomize\n"));
    let bin = project.outside().join("bin");
    let objects = project.run(&["render", "dev", "--format", "json"]).json();
    let items =
        objects.get("items").and_then(|items| items.as_array()).cloned().unwrap_or_else(|| vec![objects.clone()]);
    let map = items.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
    let mut live = map.clone();
    live["metadata"]["uid"] = "0".into();
    live["metadata"]["annotations"] = serde_json::json!({ "controller/x": "y" });
    fs::write(bin.join("ConfigMap.json"), live.to_string()).unwrap();
    let pod = serde_json::json!({ "items": [{ "metadata": { "name": "web-1", "namespace": "shop", "ownerReferences": [{ "controller": true, "kind": "ReplicaSet", "name": "web" }] },
        "spec": { "containers": [{ "name": "c", "image": "i", "envFrom": [{ "configMapRef": { "name": "shop-abcdefghij" } }] }] } }] });
    fs::write(bin.join("pods.json"), pod.to_string()).unwrap();
    let run = project.run(&["diff", "dev", "--cluster", "--context", "test"]);
    record(&run.stdout);
    run.record();
    assert_eq!(run.code, 1);
    // the ConfigMap is the same, the Secret is not there
    assert!(!run.stdout.contains("LEVEL") && run.stdout.contains("+ Secret"), "{}", run.stdout);
    let log = fs::read_to_string(bin.join("kubectl.log")).unwrap();
    for line in log.lines().filter(|line| !line.contains("pods")) {
        assert!(
            line.starts_with("--context=test --namespace=shop get --ignore-not-found -o json ")
                && line.contains(" -- shop-"),
            "{line}"
        );
    }
}

/// A kubectl that runs these lines of a shell.
#[cfg(unix)]
fn with_script(project: Sandbox, lines: &str) -> Sandbox {
    let project = with_kubectl(project);
    fs::write(project.outside().join("bin/kubectl"), format!("#!/bin/sh\n{lines}\n")).unwrap();
    project
}

/// Around the line that says why kubectl failed, there may be logs of other requests and warnings.
#[test]
#[cfg(unix)]
fn why_kubectl_failed_is_found_among_its_logs() {
    let log =
        r#"echo "E1130 11:00:00.000000 7 memcache.go:287] couldn't get resource list for metrics.k8s.io/v1beta1" >&2"#;
    for (name, lines, code, expected) in [
        ("an unknown kind", "echo \"error: the server doesn't have a resource type\" >&2; exit 1", 1, "doesn't have a"),
        (
            "forbidden",
            "echo 'Warning: x is deprecated' >&2; echo 'Error from server (Forbidden): no' >&2; exit 1",
            4,
            ": no",
        ),
        (
            "no server",
            "echo 'The connection to the server was refused' >&2; echo 'Warning: y' >&2; exit 1",
            4,
            "refused",
        ),
        ("no reason", "exit 1", 4, "memcache.go:287"),
        ("nothing to read", "exit 0", 1, ""),
        ("not a list", "echo '<html>'; exit 0", 4, "could not be parsed"),
        ("not an object", "echo '{}'; exit 0", 4, "could not be parsed"),
        ("cut off", "echo '{\"kind\": \"List\", \"items\": ['; exit 0", 4, "could not be parsed"),
    ] {
        let project = with_script(shop(), &format!("{log}\n{lines}"));
        let run = project.run(&["diff", "dev", "--cluster"]);
        assert_eq!(run.code, code, "{name}: {}", run.stderr);
        assert!(run.stderr.contains(expected), "{name}: {}", run.stderr);
    }
}

/// The controller of a SealedSecret owns the Secret that it makes of it.
#[test]
#[cfg(unix)]
fn what_a_controller_makes_is_compared_where_the_layers_have_it() {
    let owned = |name: &str, value: &str| {
        serde_json::json!({ "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": { "name": name, "namespace": "shop", "ownerReferences":
                [{ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": name, "controller": true }] },
            "data": { "PASSWORD": base64_of(value) } })
    };
    let project = with_kubectl(shop());
    fs::write(project.outside().join("bin/Secret.json"), owned("shop", "hunter2-canary-live").to_string()).unwrap();
    let run = project.run(&["diff", "dev", "--cluster"]);
    record(&run.stdout);
    assert!(run.stdout.contains("~ PASSWORD"), "{}", run.stdout);
    let list = |items: &[serde_json::Value]| serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let objects = list(&[owned("shop", "hunter2-canary-live"), owned("other", "hunter2-canary-live")]).to_string();
    let run = project.give(&objects, &["diff", "dev", "-"]);
    assert!(run.stdout.contains("~ PASSWORD") && !run.stdout.contains("other"), "{}", run.stdout);
    let (old, new) = (project.outside().join("old.json"), project.outside().join("new.json"));
    fs::write(&old, &objects).unwrap();
    fs::write(&new, list(&[owned("shop", "hunter2-else")]).to_string()).unwrap();
    let run = project.run(&["diff", "--files", old.to_str().unwrap(), new.to_str().unwrap()]);
    assert!(run.stdout.contains("~ shop/shop/PASSWORD"), "{}", run.stdout);
    assert!(!run.stdout.contains("other") && !run.stdout.contains("canary"), "{}", run.stdout);
}

/// `kubectl get -o yaml` prints defaults, and what controllers add.
#[test]
fn objects_of_a_cluster_on_standard_input_have_fields_of_others() {
    let project = shop();
    let objects = project.run(&["render", "dev", "--delivery", "manifest"]).ok();
    let added = objects.replace("  name: shop\n", "  name: shop\n  annotations: { controller/x: y }\n");
    let run = project.give(&added, &["diff", "dev", "-"]);
    assert!(run.code == 1 && run.stdout.contains("controller/x"), "{}", run.stdout);
    let live = added.replace("  name: shop\n", "  name: shop\n  uid: 4711\n");
    let run = project.give(&live, &["diff", "dev", "-"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
}

#[test]
fn a_key_that_moves_from_an_object_has_the_reasons_of_the_layers() {
    let project = shop();
    let objects = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: shop, namespace: shop }\ndata: { PASSWORD: hunter2-canary }\n";
    let run = project.give(objects, &["diff", "dev", "-"]);
    let at = run.stdout.find("! PASSWORD: ConfigMap → Secret").unwrap_or_else(|| panic!("{}", run.stdout));
    assert!(run.stdout[at..].lines().nth(1).unwrap().contains("(base.yaml:"), "{}", run.stdout);
}

/// The records and the kustomizations of a tree are no objects, and its encrypted Secrets are compared as they are.
#[test]
fn rendered_trees_are_compared() {
    let copied = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gitops-flux"));
    let sandbox = Sandbox::read_only();
    let project = copied.iter().fold(sandbox, |sandbox, (name, bytes)| sandbox.file(name, bytes));
    let run = project.run(&["diff", "--files", "rendered/staging", "rendered/prod"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    record(&run.stdout);
    let whole = project.run(&["diff", "--files", "rendered", "rendered"]);
    assert_eq!((whole.code, whole.stdout.as_str()), (0, ""), "{}", whole.stderr);
}
