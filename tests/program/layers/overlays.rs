//! Other objects of an app across its layers: `manifests` of each add to those before.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use crate::support::messages::record;
use crate::support::objects::text;
use crate::support::sandbox::Sandbox;
use serde_json::Value as Json;

const BASE: &str = "app: shop\ndata: { LOG_LEVEL: info }\nmanifests: [w/*.yaml]\n";

fn service(name: &str) -> String {
    format!("apiVersion: v1\nkind: Service\nmetadata: {{ name: {name} }}\n")
}

/// A base with the Service `a`, a mixin with `b`, and an environment with `c`.
fn project(dev: &str) -> Sandbox {
    Sandbox::of(BASE, dev)
        .file("m/more.yaml", "manifests: [more.d/*.yaml]\n")
        .file("w/a.yaml", service("a"))
        .file("m/more.d/b.yaml", service("b"))
        .file("x/c.yaml", service("c"))
}

/// The names of the Services.
fn services(project: &Sandbox) -> Vec<String> {
    let objects = project.dev().0;
    let services = objects.iter().filter(|object| object["kind"] == "Service");
    services.map(|object: &Json| text(&object["metadata"]["name"]).to_owned()).collect()
}

#[test]
fn manifests_of_a_later_layer_add_to_those_before() {
    for (dev, expected) in [
        ("", "a"),
        ("manifests: [x/c.yaml]\n", "a c"),
        ("extends: m/more\nmanifests: [x/c.yaml]\n", "a b c"),
        ("extends: m/more\nmanifests: []\n", "a b"),
        // a file counts once, however often it is listed
        ("extends: m/more\nmanifests: [x/*.yaml, 'x/c.yaml', 'w/*.yaml']\n", "a b c"),
        ("extends: m/more\nmanifests: { replace: [x/c.yaml] }\n", "c"),
        ("extends: m/more\nmanifests: { replace: [] }\n", ""),
        ("extends: m/more\nmanifests: { replace: [x/c.yaml, { path: w/a.yaml, template: false }] }\n", "a c"),
    ] {
        assert_eq!(services(&project(dev)).join(" "), expected, "{dev}");
    }
}

#[test]
fn a_directory_stands_for_the_manifests_in_it() {
    let with = |dev: &str| {
        project(dev)
            .file("w/b.yml", service("b"))
            .file("w/c.json", r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "c"}}"#)
            .file(
                "w/d.yaml.j2",
                "{% for name in ['d', 'e'] %}---\n".to_owned() + &service("{{ name }}") + "{% endfor %}",
            )
            .file("w/README.md", "# no manifest\n")
            .file("w/below/f.yaml", service("f"))
            .file("w/.hidden.yaml", service("h"))
    };
    for (dev, expected) in [
        ("manifests: [w]\n", "a b c d e"),
        ("manifests: { replace: [w/] }\n", "a b c d e"),
        ("manifests: { replace: [./w, { path: w/below }] }\n", "a b c d e f"),
        ("manifests: { replace: [w/below] }\n", "f"),
    ] {
        assert_eq!(services(&with(dev)).join(" "), expected, "{dev}");
    }
    // a new file is rendered, though nothing that was read has changed
    let project = with("manifests: { replace: [w/below] }\n");
    project.run(&["render", "dev", "--out", "out"]).succeeds();
    project.write("w/below/g.yaml", service("g"));
    assert_eq!(project.run(&["render", "dev", "--out", "out", "--check"]).code, 1);
    project.run(&["render", "dev", "--out", "out"]).succeeds();
    assert!(project.path("out/dev/shop/service-g.yaml").exists());
}

#[test]
fn a_directory_without_manifests_and_a_kustomization_are_refused() {
    let project = |manifests: &str| Sandbox::of("app: shop\n", &format!("manifests: {manifests}\n"));
    for (manifests, file) in [
        ("[w]", "w/README.md"),
        ("[w]", "w/below/a.yaml"),
        ("{ replace: [w/] }", "w/a.txt"),
        ("[w]", "w/kustomization.yaml"),
        ("{ replace: [w] }", "w/Kustomization"),
        ("[{ path: w/overlays/prod }]", "w/overlays/prod/kustomization.yml"),
        ("['w/*']", "w/below/a.yaml"),
        ("[.]", "w/below/a.yaml"),
    ] {
        project(manifests).file(file, service("a")).run(&["render", "dev"]).refused();
    }
}

#[test]
fn an_object_of_two_layers_is_refused_with_both_places() {
    let project = project("manifests: [x/*.yaml]\n").file("x/other.yaml", service("a"));
    let stderr = project.run(&["render", "dev"]).refused();
    assert!(stderr.contains("w/a.yaml:1:1") && stderr.contains("x/other.yaml:1:1"), "{stderr}");
    // the namespace of the app makes two objects one
    let namespaced = |namespace: &str| service("a").replace("{ name", &format!("{{ namespace: {namespace}, name"));
    let apart = self::project("manifests: [x/*.yaml]\n").file("x/other.yaml", namespaced("other"));
    assert_eq!(services(&apart), ["a", "c", "a"]);
    apart.file("base.yaml", format!("{BASE}namespace: one\n")).run(&["render", "dev"]).refused();
}

#[test]
fn manifests_that_are_not_a_list_are_refused() {
    for dev in [
        "manifests: x/c.yaml\n",
        "manifests: { add: [x/c.yaml] }\n",
        "manifests: { replace: x/c.yaml }\n",
        "manifests: { replace: [{ paht: x/c.yaml }] }\n",
    ] {
        project(dev).run(&["render", "dev"]).refused();
    }
}

/// As in kustomize, null in a field is no change; in a later layer, it removes the change of an earlier one.
#[test]
fn null_removes_a_field_of_an_image() {
    let pod =
        "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec: { containers: [{ name: a, image: 'nginx:1' }] }\n";
    for (base, dev, expected) in [
        ("{ newName: null, newTag: '2' }", "", "nginx:2"),
        ("{ newName: ~, newTag: null, digest: null }", "", "nginx:1"),
        ("{ newName: other, newTag: '2' }", "{ newName: null }", "nginx:2"),
        ("{ newName: other, newTag: '2' }", "{ newTag: null }", "other:1"),
        ("{ newName: other, digest: 'sha256:a' }", "{ digest: null, newTag: '3' }", "other:3"),
        ("{ newTag: '2' }", "{ newName: null, newTag: null, digest: null }", "nginx:1"),
    ] {
        let overlay = if dev.is_empty() { String::new() } else { format!("images: {{ nginx: {dev} }}\n") };
        let project = Sandbox::of(&format!("manifests: [w/p.yaml]\nimages: {{ nginx: {base} }}\n"), &overlay);
        let objects = project.file("w/p.yaml", pod).dev().0;
        let pod = objects.iter().find(|object| object["kind"] == "Pod").unwrap();
        assert_eq!(text(&pod["spec"]["containers"][0]["image"]), expected, "{base} {dev}");
    }
    Sandbox::of("images: { nginx: { newName: } }\n", "").run(&["render", "dev"]).refused();
}

/// An entry of a shared layer may match in one environment and not in another.
#[test]
fn what_matches_nothing_in_some_environments_names_them() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { selector: { matchLabels: { a: b } }, template: { metadata: { labels: { a: b } }, spec: { containers: [{ name: a, image: redis }] } } }\n";
    let base = "images: { redis: { newTag: '2' }, nowhere: { newTag: '1' } }\nreplicas: { web: 2 }\n";
    let project = Sandbox::of(base, "").file("stage.yaml", "").file("own.yaml", "images: { own: { newTag: '1' } }\n");
    let project = project.file("prod.yaml", "manifests: [w/web.yaml]\n").file("w/web.yaml", deployment);
    let run = project.run(&["check"]);
    record(&run.stdout);
    for (name, count) in [("`dev`, `own`, `stage`", 2), ("`nowhere`", 1), ("`own` is", 1)] {
        assert_eq!(run.stdout.matches(name).count(), count, "{name}: {}", run.stdout);
    }
}

#[test]
fn a_cycle_of_layers_is_reported_once_with_all_lines_that_close_it() {
    let project = Sandbox::of("", "extends: [m/a, m/a]\n");
    let project = project.file("m/a.yaml", "extends: [m/b]\n").file("m/b.yaml", "extends: [m/a, m/a]\n");
    // `check` reads mixins that no layer extends, too
    for (dev, checked, rendered) in
        [("extends: [m/a, m/a]\n", 1, 1), ("extends: [dev, dev]\n", 2, 1), ("extends: [dev, m/b]\n", 2, 2)]
    {
        project.write("dev.yaml", dev);
        for (arguments, count) in [(&["check"][..], checked), (&["render", "dev"], rendered)] {
            let run = project.run(arguments);
            let cycles = (run.stdout.clone() + &run.stderr).lines().filter(|line| line.contains(" → ")).count();
            assert_eq!((run.code, cycles), (2, count), "{dev}: {}{}", run.stdout, run.stderr);
        }
    }
    let project = Sandbox::of("", "extends: [dev, dev]\n");
    record(&project.run(&["check"]).stdout);
}
