//! Rules for references, and external objects, that match nothing.

use super::check;
use crate::support::messages::record;
use crate::support::sandbox::Sandbox;

const POD: &str = "apiVersion: v1
kind: Pod
metadata: { name: web }
spec: { containers: [{ name: web, image: x, envFrom: [{ secretRef: { name: corp } }] }] }
";
const WIDGET: &str = "apiVersion: example.com/v1
kind: Widget
metadata: { name: w }
spec: { secret: corp }
";
const RULES: &str = "apps: [shop]
references:
- { kind: Widget, path: spec.secret, target: Secret }
- { kind: Widget, path: spec.secrets, target: Secret }
- { kind: Wigdet, path: spec.secret, target: Secret }
- { kind: Widget, group: example.org, path: '**.secret', target: Secret }
";

fn project(rules: &str, base: &str) -> Sandbox {
    Sandbox::new([
        ("septum.yaml", rules),
        ("shop/base.yaml", base),
        ("shop/dev.yaml", ""),
        ("shop/prod.yaml", ""),
        ("shop/w/pod.yaml", POD),
        ("shop/w/widget.yaml", WIDGET),
    ])
}

#[test]
fn what_matches_no_reference_is_reported_with_its_place() {
    let base = "manifests: [w/*.yaml]
external:
- { kind: Secret, name: corp }
- { kind: ConfigMap, name: corp }
- { kind: Secret, name: crop }
";
    let site = project(RULES, base);
    record(&site.run(&["check"]).stdout);
    // one environment, or one app, does not show what all need
    assert_eq!(site.run(&["check", "dev"]).code, 0);
}

#[test]
fn what_some_environment_needs_is_used() {
    let site = project("apps: [shop]\nreferences: [{ kind: Widget, path: spec.secret, target: Secret }]\n", "");
    let external = "external: [{ kind: Secret, name: corp }]\n";
    site.write("shop/base.yaml", external);
    // other programs have the objects
    assert!(check(&site).is_empty());
    site.write("shop/prod.yaml", "manifests: [w/*.yaml]\n");
    site.write("shop/dev.yaml", "manifests: [w/none.yaml]\n");
    site.write("shop/w/none.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: { name: x }\n");
    assert!(check(&site).is_empty());
}
