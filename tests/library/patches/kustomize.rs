//! Random patches give what kustomize gives.

use std::panic;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::build::{build, build_with_kustomize, first_difference};
use super::random::RandomCase;
use crate::support::peers::peer;
use serde_json::json;

/// Cases, unless `SEPTUM_PATCH_CASES` says how many.
const CASES: u64 = 40;

#[test]
fn random_patches_give_what_kustomize_gives() {
    let Some(program) = peer("kustomize") else { return };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let cases = number("SEPTUM_PATCH_CASES").unwrap_or(CASES);
    let first = number("SEPTUM_PATCH_FIRST").unwrap_or(0);
    let next = AtomicU64::new(first);
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let built = AtomicU64::new(0);
    let differences: Vec<String> = thread::scope(|scope| {
        let work = || {
            let directory = tempfile::tempdir().unwrap();
            let mut found = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= first + cases {
                    return found;
                }
                found.extend(compare(&program, directory.path(), seed, &built));
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(differences.is_empty(), "{} of {cases}:\n{}", differences.len(), differences.join("\n"));
    let built = built.into_inner();
    assert!(built > cases / 4, "{built} of {cases} cases are more than refusals");
}

/// Difference of one case, if there is any.
fn compare(program: &Path, directory: &Path, seed: u64, built: &AtomicU64) -> Option<String> {
    let (objects, kustomization) = RandomCase::with_seed(seed).generate();
    let theirs = build_with_kustomize(program, directory, &objects, &kustomization);
    let ours = panic::catch_unwind(|| build(&objects, &kustomization)).unwrap_or_else(|_| Err("panic".to_owned()));
    built.fetch_add(u64::from(ours.is_ok() && theirs.is_ok()), Ordering::Relaxed);
    let difference = match (&ours, &theirs) {
        (Err(ours), _) if ours == "panic" => "panic".to_owned(),
        (Err(_), Err(_)) => return None,
        // stricter on purpose: an empty selection, and what kustomize loses
        (Err(ours), Ok(_)) if STRICTER.iter().any(|rule| ours.contains(rule)) => return None,
        (Ok(_), Err(theirs)) if LENIENT.iter().any(|text| theirs.contains(text)) => return None,
        (Ok(_), Err(theirs)) => format!("built what kustomize refuses: {theirs}"),
        (_, Ok(theirs)) => first_difference(ours.clone(), Some(theirs)),
    };
    (!difference.is_empty()).then(|| format!("{seed}: {difference}\n  {kustomization}"))
}

/// Operations at the edges of RFC 6902 on one object, and whether both apply them.
const OPERATIONS: [(&str, bool); 52] = [
    ("{ op: copy, from: '', path: /spec/x }", false),
    ("{ op: move, from: '', path: /spec/x }", false),
    ("{ op: copy, path: /spec/x }", false),
    ("{ op: copy, from: [/spec], path: /spec/x }", false),
    ("{ op: copy, from: /spec/missing, path: /spec/x }", true),
    ("{ op: move, from: /spec/missing, path: /spec/x }", false),
    ("{ op: copy, from: /spec/list/7, path: /spec/x }", false),
    ("{ op: move, from: /spec/list/0, path: /spec/list/1 }", true),
    ("{ op: move, from: /spec/list/0, path: /spec/list/2 }", false),
    ("{ op: move, from: /spec/list, path: /spec/list/0 }", false),
    ("{ op: add, path: '', value: { apiVersion: v1, kind: Thing, metadata: { name: a } } }", false),
    ("{ op: replace, path: '', value: { apiVersion: v1, kind: Thing, metadata: { name: a }, spec: { b: c } } }", true),
    ("{ op: replace, path: '', value: 5 }", false),
    ("{ op: replace, path: '', value: [1] }", false),
    ("{ op: replace, path: '', value: null }", false),
    ("{ op: remove, path: '' }", false),
    ("{ op: test, path: '', value: { a: b } }", false),
    ("{ op: test, path: /spec/list, value: [1, 2.0] }", true),
    ("{ op: test, path: /spec/list, value: [1, 3] }", false),
    ("{ op: test, path: /spec/list, value: [1] }", false),
    ("{ op: test, path: /spec/list, value: { a: b } }", false),
    ("{ op: test, path: /spec/map, value: { q: [true], p: null } }", true),
    ("{ op: test, path: /spec/map, value: { q: [true] } }", false),
    ("{ op: test, path: /spec/map/p, value: null }", true),
    ("{ op: test, path: /spec/missing, value: null }", true),
    ("{ op: test, path: /spec/missing/below, value: null }", false),
    ("{ op: test, path: /spec/count, value: 1.0 }", true),
    ("{ op: test, path: /spec/count, value: '1' }", false),
    ("{ op: test, path: /spec/count, value: !!str 1 }", false),
    ("{ op: test, path: /spec/count }", false),
    ("{ op: add, path: /spec/list/-1, value: 3 }", true),
    ("{ op: add, path: /spec/list/3, value: 3 }", false),
    ("{ op: add, path: /spec/count/x, value: 3 }", false),
    ("{ op: add, path: /spec/, value: 3 }", true),
    ("{ op: replace, path: /spec/missing, value: 3 }", true),
    ("{ op: replace, path: /spec/list/-, value: 3 }", false),
    ("{ op: replace, path: /spec/count/x, value: 3 }", false),
    ("{ op: remove, path: /spec/count/x }", false),
    ("{ op: remove, path: /spec/list/-1 }", true),
    ("{ op: [add], path: /spec/x, value: 1 }", false),
    // kustomize keeps notes of its own in the annotations: they are always there
    ("{ op: add, path: /metadata/annotations/a, value: b }", true),
    ("{ op: add, path: /metadata/annotations/a~1b, value: b }", true),
    ("{ op: add, path: /metadata/annotations, value: { a: b } }", true),
    ("{ op: replace, path: /metadata/annotations/a, value: b }", true),
    ("{ op: remove, path: /metadata/annotations }", true),
    ("{ op: remove, path: /metadata/annotations/a }", false),
    ("{ op: test, path: /metadata/annotations/a, value: null }", true),
    ("{ op: test, path: /metadata/annotations/a, value: b }", false),
    ("{ op: add, path: /metadata/annotations/a/b, value: c }", false),
    ("{ op: add, path: /metadata/labels/a, value: b }", false),
    ("{ op: replace, path: /metadata/labels/a, value: b }", false),
    ("{ op: remove, path: /metadata/labels }", false),
];

#[test]
fn single_operations_do_what_they_do_in_kustomize() {
    let Some(program) = peer("kustomize") else { return };
    let directory = tempfile::tempdir().unwrap();
    let spec = json!({ "count": 1, "list": [1, 2], "map": { "p": null, "q": [true] } });
    let objects = [json!({ "apiVersion": "v1", "kind": "Thing", "metadata": { "name": "a" }, "spec": spec })];
    for (operation, is_applied) in OPERATIONS {
        let patch = json!({ "target": { "kind": "Thing" }, "patch": format!("- {operation}\n") });
        let kustomization = json!({ "patches": [patch] });
        let ours = build(&objects, &kustomization);
        let theirs = build_with_kustomize(&program, directory.path(), &objects, &kustomization);
        assert_eq!((ours.is_ok(), theirs.is_ok()), (is_applied, is_applied), "{operation}: {ours:?} {theirs:?}");
        if let Ok(theirs) = &theirs {
            assert_eq!(first_difference(ours, Some(theirs)), "", "{operation}");
        }
    }
}

/// Refusals of Septum where kustomize builds.
const STRICTER: [&str; 2] = [
    "unmatched-patch",
    // of the items without a key, kustomize keeps the last one
    "merged by",
];

/// Refusals of kustomize for reasons that are not of patches.
const LENIENT: [&str; 4] = [
    "already registered id",
    // other transformers than those of patches
    "updating name reference",
    "considering field",
    // an annotation with a number as key
    "map[interface {}]interface {}",
];
