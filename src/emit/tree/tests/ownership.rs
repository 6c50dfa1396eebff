//! What is written, what is removed, and what is left alone.

use proptest::prelude::*;

use super::*;

#[test]
fn a_file_in_the_way_is_adopted_if_it_is_the_same_and_refused_otherwise() {
    let site = Site::new();
    let wanted = set("prod/a: x.yaml=1 y.yaml=2; prod/b: x.yaml=3");
    site.write("prod/a/x.yaml", "mine");
    site.write("prod/b/x.yaml", "3");
    site.write("prod/b/kustomization.yaml", "mine too");
    site.write("README.md", "unrelated");
    let before = site.everything();
    let error = site.try_all(&wanted).unwrap_err();
    assert_eq!(messages(&error), "foreign-file: 2 files in `rendered` are in the way: septum did not write them");
    let notes = &error.iter().next().unwrap().notes;
    assert_eq!(notes[..2], ["`rendered/prod/a/x.yaml`", "`rendered/prod/b/kustomization.yaml`"]);
    assert_eq!(site.everything(), before);
    for path in ["prod/a/x.yaml", "prod/b/kustomization.yaml"] {
        fs::remove_file(site.dir().join(path)).unwrap();
    }
    assert_eq!(site.try_all(&wanted).unwrap().created, 4);
    // what was adopted is Septum's now, and what is unrelated stays
    site.all("");
    assert_eq!(site.files(), "README.md=unrelated");
}

#[test]
fn what_is_in_the_place_of_a_folder_or_file_is_named() {
    let wanted = set("prod/a: x.yaml=1");
    for (case, make, expected) in [
        ("a file as environment", "prod", "foreign-file: `rendered/prod` is in the way: it is no folder"),
        ("a file as app", "prod/a", "foreign-file: `rendered/prod/a` is in the way: it is no folder"),
        ("a folder as file", "prod/a/x.yaml/inside", "foreign-file: `rendered/prod/a/x.yaml` is in the way"),
        ("a file as own folder", ".septum", "foreign-file: `rendered/.septum` is in the way: it is no folder"),
    ] {
        let site = Site::new();
        site.write(make, "mine");
        let error = site.try_all(&wanted).unwrap_err();
        let told = messages(&error).replace(site.dir().to_str().unwrap(), "rendered");
        assert!(told.starts_with(expected), "{case}: {told}");
        assert_eq!(site.everything().len(), 1, "{case}");
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_written_or_removed_through_a_link() {
    use std::os::unix::fs::symlink;
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(elsewhere.path().join("a")).unwrap();
    fs::write(elsewhere.path().join("a/x.yaml"), "1").unwrap();
    for (case, link) in [("environment", "prod"), ("app", "prod/a"), ("own", ".septum")] {
        let site = Site::new();
        site.all("prod/a: x.yaml=1; dev/a: x.yaml=1");
        let path = site.dir().join(link);
        fs::remove_dir_all(&path).unwrap();
        let to = if link == "prod/a" { elsewhere.path().join("a") } else { elsewhere.path().to_path_buf() };
        symlink(to, &path).unwrap();
        for wanted in ["prod/a: x.yaml=2; dev/a: x.yaml=1", "dev/a: x.yaml=1"] {
            let error = site.try_all(&set(wanted)).unwrap_err();
            assert!(messages(&error).contains("goes through a symbolic link"), "{case}: {}", messages(&error));
        }
        assert_eq!(fs::read_to_string(elsewhere.path().join("a/x.yaml")).unwrap(), "1", "{case}");
    }
    // a link in the place of a file is somebody's, even if what it leads to is the same
    let site = Site::new();
    site.all("prod/a: x.yaml=1");
    fs::remove_file(site.dir().join("prod/a/x.yaml")).unwrap();
    symlink(elsewhere.path().join("a/x.yaml"), site.dir().join("prod/a/x.yaml")).unwrap();
    assert!(messages(&site.try_all(&set("prod/a: x.yaml=1")).unwrap_err()).starts_with("foreign-file"));
    assert_eq!(site.all("").stale, 1);
    assert!(site.dir().join("prod/a/x.yaml").is_symlink());
}

#[test]
fn what_is_rendered_no_more_goes_unless_it_was_changed() {
    let site = Site::new();
    site.all("prod/a: x.yaml=1 y.yaml=2; prod/b: x.yaml=3; dev/a: x.yaml=4");
    site.write("prod/b/notes.txt", "mine");
    assert_eq!(site.all("prod/a: x.yaml=1").removed, 5);
    assert_eq!(site.files(), "prod/a/x.yaml=1 prod/b/notes.txt=mine");
    assert!(!site.dir().join("dev").exists());
    // changed: kept, named by each run, and gone once it is as it was
    site.write("prod/a/x.yaml", "changed");
    for round in 0..3 {
        let plan = site.open(Part::Whole).unwrap().plan(Vec::new(), &|_| true).unwrap();
        let expected = "stale-file: `rendered/prod/a/x.yaml` is rendered no more, and was kept";
        assert_eq!(messages(plan.warnings()), expected, "{round}");
        assert_eq!(plan.is_clean(), round > 0);
        assert_eq!(site.all("").stale, 1, "{round}");
        assert_eq!(site.files(), "prod/a/x.yaml=changed prod/b/notes.txt=mine", "{round}");
    }
    assert!(site.try_all(&set("prod/a: x.yaml=5")).is_err(), "whoever changed it may want it");
    site.write("prod/a/x.yaml", "1");
    assert_eq!(site.all("").removed, 1);
    assert_eq!(site.files(), "prod/b/notes.txt=mine");
}

#[test]
fn a_target_that_stays_names_and_removes_what_was_stale() {
    let site = Site::new();
    site.all("prod/a: x.yaml=1 y.yaml=2");
    site.write("prod/a/y.yaml", "changed");
    site.all("prod/a: x.yaml=1");
    let unchanged = || {
        let tree = site.open(Part::Whole).unwrap();
        assert!(tree.is_intact(&target("prod/a")));
        let target = RenderedTarget { name: target("prod/a"), outcome: Outcome::Unchanged };
        let plan = tree.plan(vec![target], &|_| true).unwrap();
        let warnings = plan.warnings().len();
        (warnings, tree.apply(plan, &Meter::default()).unwrap().removed)
    };
    assert_eq!(unchanged(), (1, 0));
    site.write("prod/a/y.yaml", "2");
    assert_eq!(unchanged(), (0, 1));
    assert_eq!(unchanged(), (0, 0));
    assert_eq!(site.files(), "prod/a/x.yaml=1");
}

#[test]
fn a_secret_in_plaintext_is_replaced_and_where_nobody_knows_it_never_removed() {
    let site = Site::new();
    let forget = || fs::remove_file(site.dir().join(OWN).join("local.json")).unwrap();
    site.all("prod/a: secret-x.yaml=old");
    assert_eq!(site.all("prod/a: secret-x.yaml=new").changed, 1);
    // the machine that wrote it
    assert_eq!(site.all("").removed, 2);
    site.all("prod/a: secret-x.yaml=new");
    forget();
    // the kustomization goes
    for removed in [1, 0, 0] {
        let summary = site.all("");
        assert_eq!((summary.removed, summary.stale), (removed, 1));
    }
    assert_eq!(site.files(), "prod/a/secret-x.yaml=new");
    site.all("prod/a: secret-x.yaml=newer");
    assert_eq!(site.files(), "prod/a/secret-x.yaml=newer");
    fs::remove_file(site.dir().join("prod/a/secret-x.yaml")).unwrap();
    assert_eq!(site.all("").stale, 0);
    assert_eq!(site.files(), "");
}

#[test]
fn what_was_changed_by_hand_is_rendered_again() {
    let site = Site::new();
    site.all("prod/a: x.yaml=1 y.yaml=2");
    site.write("prod/a/x.yaml", "changed");
    fs::remove_file(site.dir().join("prod/a/y.yaml")).unwrap();
    let summary = site.all("prod/a: x.yaml=1 y.yaml=2");
    assert_eq!((summary.changed, summary.created), (1, 1));
    assert_eq!(site.files(), "prod/a/x.yaml=1 prod/a/y.yaml=2");
}

#[test]
fn a_run_for_some_targets_leaves_the_others() {
    let site = Site::new();
    site.all("prod/a: x.yaml=1; dev/a: x.yaml=2");
    let before = site.open(Part::Whole).unwrap().inventory().targets[&target("dev/a")].clone();
    site.try_some(Part::Whole, &set("prod/a: x.yaml=3; prod/b: x.yaml=4")).unwrap();
    assert_eq!(site.files(), "dev/a/x.yaml=2 prod/a/x.yaml=3 prod/b/x.yaml=4");
    let tree = site.open(Part::Whole).unwrap();
    assert_eq!(tree.inventory().targets[&target("dev/a")], before);
    assert_eq!(tree.inventory().targets.len(), 3);
}

#[test]
fn what_is_kept_keeps_its_bytes_and_its_record() {
    let site = Site::new();
    let kept = |content, fingerprint: Option<&str>| {
        let file = OutputFile {
            name: file("sealedsecret-a.yaml"),
            content,
            sensitivity: Sensitivity::Plain,
            fingerprint: fingerprint.map(str::to_owned),
            object: Some("a-1".to_owned()),
        };
        let outcome = Outcome::Rendered { inputs: BTreeMap::new(), state: None, files: vec![file] };
        let tree = site.open(Part::Whole).unwrap();
        let plan = tree.plan(vec![RenderedTarget { name: target("prod/a"), outcome }], &|_| true)?;
        let is_clean = plan.is_clean();
        tree.apply(plan, &Meter::default()).map(|_| is_clean)
    };
    let bytes = Content::Bytes(Wiping::new(b"ciphertext".to_vec()));
    assert!(!kept(bytes, Some("f00d")).unwrap());
    assert!(kept(Content::Kept, None).unwrap());
    let tree = site.open(Part::Whole).unwrap();
    let record = &tree.inventory().targets[&target("prod/a")].outputs[&file("sealedsecret-a.yaml")];
    assert_eq!((record.fingerprint.as_deref(), record.object.as_deref()), (Some("f00d"), Some("a-1")));
    // the caller has seen what is there, and takes it
    site.write("prod/a/sealedsecret-a.yaml", "ciphertext # checked");
    assert!(!kept(Content::Kept, None).unwrap());
    assert!(site.open(Part::Whole).unwrap().is_intact(&target("prod/a")));
    fs::remove_file(site.dir().join("prod/a/sealedsecret-a.yaml")).unwrap();
    assert!(kept(Content::Kept, None).is_err());
}

#[test]
fn a_lost_inventory_is_made_again() {
    let site = Site::new();
    let wanted = set("prod/a: x.yaml=1; prod/b: x.yaml=2");
    site.try_all(&wanted).unwrap();
    let path = site.dir().join(".septum/inventory.json");
    let before = fs::read_to_string(&path).unwrap();
    site.write(".septum/inventory.json", &format!("<<<<<<< HEAD\n{before}"));
    assert!(messages(&site.try_all(&wanted).unwrap_err()).contains("conflict"));
    fs::remove_file(&path).unwrap();
    assert_eq!(site.try_all(&wanted).unwrap(), Summary { targets: 2, unchanged: 2, ..Summary::default() });
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
}

/// A step of somebody's day.
#[derive(Debug, Clone)]
enum Step {
    Render(Vec<(usize, usize, u8)>),
    Edit(usize, usize),
}

const TARGETS: [&str; 3] = ["prod/a", "prod/b", "dev/a"];
const FILES: [&str; 4] = ["x.yaml", "y.yaml", "secret-x.yaml", "z.yaml"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let render = prop::collection::vec((0..3usize, 0..4usize, 0..3u8), 0..6).prop_map(Step::Render);
    let edit = (0..3usize, 0..4usize).prop_map(|(target, file)| Step::Edit(target, file));
    prop::collection::vec(prop_oneof![render, edit], 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_somebody_wrote_is_never_removed_and_replaced_only_where_septum_wrote_before(steps in steps()) {
        let site = Site::new();
        // what is on disk by hand, and what the last sound run rendered
        let mut by_hand: BTreeMap<String, String> = BTreeMap::new();
        let mut current = Set::new();
        for (number, step) in steps.iter().enumerate() {
            match step {
                Step::Edit(target, file) => {
                    let (path, text) = (format!("{}/{}", TARGETS[*target], FILES[*file]), format!("hand{number}"));
                    site.write(&path, &text);
                    by_hand.insert(path, text);
                }
                Step::Render(picks) => {
                    let mut wanted = Set::new();
                    for (target, file, value) in picks {
                        let files = wanted.entry(TARGETS[*target].to_owned()).or_default();
                        files.insert(FILES[*file].to_owned(), format!("v{value}"));
                    }
                    let is_written = |set: &Set, path: &str| {
                        let (target, file) = path.rsplit_once('/').unwrap();
                        set.get(target).is_some_and(|files| files.contains_key(file))
                    };
                    let result = site.try_all(&wanted);
                    let after = site.everything();
                    if result.is_ok() {
                        // Septum's own, rendered again: the sources say what it holds. Of a Secret that was its
                        // own once nobody can tell
                        by_hand.retain(|path, _| {
                            !is_written(&wanted, path) || !(is_written(&current, path) || path.contains("secret-"))
                        });
                        current = wanted.clone();
                        for (target, files) in &wanted {
                            for (file, text) in files {
                                let path = format!("{target}/{file}");
                                prop_assert_eq!(after.get(&path), Some(text));
                            }
                        }
                    }
                    for (path, text) in &by_hand {
                        prop_assert_eq!(after.get(path), Some(text), "{}", path);
                    }
                }
            }
        }
    }
}
