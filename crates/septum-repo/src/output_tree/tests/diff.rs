//! Diffs of a plan.

use std::collections::BTreeSet;

use super::super::hide::redact_versions;
use super::*;

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n";

/// The diff of one file.
fn diff(name: &str, old: Option<&str>, new: Option<&str>) -> String {
    let site = TreeSite::new();
    let wanted = |text: Option<&str>| -> TargetSet {
        let files = text.map(|text| (name.to_owned(), text.to_owned())).into_iter();
        [("prod/a".to_owned(), files.chain([("z.yaml".to_owned(), "z".to_owned())]).collect())].into()
    };
    site.try_all(&wanted(old)).unwrap();
    let diff = site.plan(None, &wanted(new)).unwrap().diff();
    let own = format!("+++ rendered/prod/a/{name}\n");
    match diff.split_once(&own) {
        Some((_, rest)) => own + rest.split("--- ").next().unwrap(),
        None => diff.split("+++ /dev/null\n").nth(1).map(|rest| rest.split("--- ").next().unwrap().to_owned()).unwrap(),
    }
}

#[test]
fn a_change_is_a_unified_diff() {
    let site = TreeSite::new();
    site.all("prod/a: x.yaml=1");
    let plan = site.open(None).unwrap().plan(rendered(&set("prod/b: x.yaml=2")), ALL).unwrap();
    let diff = plan.diff();
    let expected = [
        "--- rendered/prod/a/kustomization.yaml\n+++ /dev/null\n@@ -1,4 +0,0 @@\n-apiVersion: kustomize",
        "--- rendered/prod/a/x.yaml\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n\\ No newline at end of file\n",
        "--- /dev/null\n+++ rendered/prod/b/x.yaml\n@@ -0,0 +1 @@\n+2\n\\ No newline at end of file\n",
    ];
    for part in expected {
        assert!(diff.contains(part), "{part}\n{diff}");
    }
    assert!(!plan.is_clean() && !plan.is_current());
    assert!(!diff.contains("inventory"), "it follows from the rest");
    let clean = site.plan(None, &set("prod/a: x.yaml=1")).unwrap();
    assert_eq!((clean.diff().as_str(), clean.is_clean()), ("", true));
}

#[test]
fn a_lost_inventory_is_a_change_but_no_change_of_outputs() {
    let site = TreeSite::new();
    site.all("prod/a: x.yaml=1");
    fs::remove_dir_all(site.dir().join(OWN)).unwrap();
    let plan = site.plan(None, &set("prod/a: x.yaml=1")).unwrap();
    assert_eq!((plan.is_clean(), plan.is_current()), (false, true));
    assert_eq!(plan.diff(), "");
}

#[test]
fn values_of_secrets_are_hidden() {
    let old = format!("{SECRET}  A: b2xk\n  B: c2FtZQ==\n");
    let new = format!("{SECRET}  A: bmV3\n  B: c2FtZQ==\n  C: YWRkZWQ=\n");
    assert_eq!(
        diff("secret-a.yaml", Some(&old), Some(&new)),
        "+++ rendered/prod/a/secret-a.yaml\n@@ -3,5 +3,6 @@\n metadata:\n   name: a\n data:\n-  A: \"[secret]\"\n+  A: \"[secret, changed]\"\n   B: \"[secret]\"\n+  C: \"[secret]\"\n"
    );
}

#[test]
fn no_value_is_shown_whatever_the_old_file_looks_like() {
    let new = format!("{SECRET}  A: bmV3aHVudGVy\n");
    for (case, old) in [
        ("plain", format!("{SECRET}  A: hunter2\n")),
        ("a comment", format!("# was: hunter2\n{SECRET}  A: x # hunter2\n")),
        ("no YAML", format!("{SECRET}  A: [hunter2\n")),
        ("a text", "hunter2".to_owned()),
        ("another field", format!("{SECRET}  A: x\nnotes: hunter2\ndata2: {{a: hunter2}}\n")),
        ("no kind", "apiVersion: v1\ndata:\n  A: hunter2\n".to_owned()),
        ("another kind", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  A: hunter2\n".to_owned()),
        ("stringData", "kind: Secret\nstringData:\n  A: |\n    hunter2\n    more\n".to_owned()),
        ("last applied", format!("{SECRET}  A: x\n").replace(
            "  name: a",
            "  name: a\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: '{\"data\":\"hunter2\"}'",
        )),
        ("documents", format!("{SECRET}  A: x\n---\nmore: hunter2\n")),
        ("an anchor", "a: &a hunter2\nkind: Secret\ndata:\n  A: *a\n".to_owned()),
        ("a list", "- kind: Secret\n  data: {A: hunter2}\n- hunter2\n".to_owned()),
        ("a key of its own", "kind: Secret\ndata: hunter2\n".to_owned()),
        ("a merge key", "x: &x {A: hunter2}\nkind: Secret\ndata:\n  <<: *x\n".to_owned()),
    ] {
        for name in ["secret-a.yaml", "other.yaml"] {
            for (old, new) in [(&old, &new), (&new, &old)] {
                let shown = diff(name, Some(old), Some(new));
                assert!(!shown.contains("hunter") && !shown.contains("bmV3"), "{case}: {shown}");
                assert!(shown.contains("secret]") || shown.contains("differs"), "{case}: {shown}");
            }
            assert!(!diff(name, None, Some(&new)).contains("bmV3"), "{case}");
        }
        let alone = redact_versions(Some(&old), None, Sensitivity::Sensitive, &BTreeSet::new()).map(|sides| sides.old);
        assert!(!alone.unwrap_or_default().contains("hunter"), "{case}");
    }
}

#[test]
fn ciphertext_is_shortened() {
    let sealed = |text: &str| {
        format!(
            "kind: SealedSecret\nmetadata:\n  name: a\nspec:\n  encryptedData:\n    A: {text}\n    B: AgSame\n  template:\n    type: Opaque\n"
        )
    };
    let shown = diff("sealedsecret-a.yaml", Some(&sealed("AgOld")), Some(&sealed("AgNew")));
    assert!(
        shown.contains("-    A: \"[ciphertext]\"\n+    A: \"[ciphertext, changed]\"\n     B: \"[ciphertext]\"\n"),
        "{shown}"
    );
    assert!(shown.contains("     type: Opaque"), "{shown}");
    let sops = |text: &str, time: &str| {
        format!(
            "{SECRET}  A: ENC[AES256_GCM,data:{text},type:str]\nsops:\n  lastmodified: \"{time}\"\n  mac: ENC[AES256_GCM,data:mac{text}]\n"
        )
    };
    let shown = diff("secret-a.yaml", Some(&sops("old", "1")), Some(&sops("new", "2")));
    assert!(shown.contains("-  A: \"[ciphertext]\"\n+  A: \"[ciphertext, changed]\"\n"), "{shown}");
    assert!(shown.contains("+  lastmodified: \"2\"\n+  mac: \"[ciphertext, changed]\"\n"), "{shown}");
    assert!(!shown.contains("AES256"), "{shown}");
}

#[test]
fn plain_files_are_shown_as_they_are() {
    let map = |value: &str| format!("# by hand\nkind: ConfigMap\ndata:\n  A: '{value}'\n");
    assert_eq!(
        diff("configmap-a.yaml", Some(&map("1")), Some(&map("2"))),
        "+++ rendered/prod/a/configmap-a.yaml\n@@ -1,4 +1,4 @@\n # by hand\n kind: ConfigMap\n data:\n-  A: '1'\n+  A: '2'\n"
    );
    let layout = diff("secret-a.yaml", Some(&format!("{SECRET}  A: x\n")), Some(&format!("{SECRET}  A: 'x' # y\n")));
    assert!(layout.ends_with("differs only in formatting or comments\n"), "{layout}");
}
