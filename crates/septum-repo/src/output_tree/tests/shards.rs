//! Runs that share the work.

use proptest::prelude::*;

use super::*;

const FIRST: Option<Shard> = Some(Shard { index: 1, count: 2 });
const SECOND: Option<Shard> = Some(Shard { index: 2, count: 2 });

/// Whether a target belongs to the first of two shards.
fn is_first(target: &str) -> bool {
    target.bytes().map(usize::from).sum::<usize>() % 2 == 0
}

/// Renders the targets of a shard, and removes those of its own that no longer exist.
fn shard(site: &TreeSite, part: Option<Shard>, all: &TargetSet) -> ChangeSummary {
    let mine = |target: &str| is_first(target) == (part == FIRST);
    let own: TargetSet =
        all.iter().filter(|(name, _)| mine(name)).map(|(name, files)| (name.clone(), files.clone())).collect();
    let tree = site.open(part).unwrap();
    let plan =
        tree.plan(rendered(&own), Coverage { is_gone: &|target| mine(target.as_str()), is_beside: &|_| true }).unwrap();
    tree.apply(plan, &Meter::default()).unwrap()
}

fn names(site: &TreeSite) -> Vec<String> {
    site.everything().into_keys().filter(|path| path.starts_with(OWN)).collect()
}

#[test]
fn shards_keep_their_own_inventories_and_a_whole_run_makes_one_of_them() {
    let site = TreeSite::new();
    let all = set("prod/a: x.yaml=1; prod/b: x.yaml=2");
    assert!(is_first("prod/a") != is_first("prod/b"));
    shard(&site, FIRST, &all);
    let first = site.everything();
    shard(&site, SECOND, &all);
    assert_eq!(names(&site), [".septum/inventory.1-of-2.json", ".septum/inventory.2-of-2.json"]);
    for (path, text) in &first {
        assert_eq!(site.everything().get(path), Some(text), "{path}");
    }
    assert_eq!(site.open(FIRST).unwrap().inventories.targets().len(), 2);
    assert_eq!(site.try_all(&all).unwrap().unchanged, 2);
    assert_eq!(names(&site), [".septum/inventory.json"]);
    // a file that is already recorded need not be recorded twice
    let before = site.everything();
    shard(&site, FIRST, &all);
    shard(&site, SECOND, &all);
    assert_eq!(site.everything(), before);
}

#[test]
fn a_shard_removes_what_is_gone_without_touching_the_record_of_others() {
    let site = TreeSite::new();
    site.all("prod/a: x.yaml=1; prod/b: x.yaml=2");
    let whole = fs::read(site.dir().join(".septum/inventory.json")).unwrap();
    for part in [FIRST, SECOND] {
        shard(&site, part, &set("prod/b: x.yaml=3"));
    }
    assert_eq!(site.files(), "prod/b/x.yaml=3");
    assert_eq!(fs::read(site.dir().join(".septum/inventory.json")).unwrap(), whole);
    assert!(site.open(None).unwrap().is_intact(&target("prod/b")));
    let after = site.everything();
    for part in [FIRST, SECOND] {
        assert_eq!(shard(&site, part, &set("prod/b: x.yaml=3")).removed, 0);
    }
    assert_eq!(site.everything(), after);
    site.all("prod/b: x.yaml=3");
    assert_eq!(names(&site), [".septum/inventory.json"]);
}

#[test]
fn another_number_of_shards_finds_what_the_former_wrote() {
    let site = TreeSite::new();
    let all = set("prod/a: x.yaml=1; prod/b: x.yaml=2; dev/a: x.yaml=3");
    for part in [FIRST, SECOND] {
        shard(&site, part, &all);
    }
    let changed = set("prod/a: x.yaml=4; prod/b: y.yaml=5");
    for (index, target) in [(1, "prod/a"), (2, "prod/b"), (3, "dev/a")] {
        let tree = site.open(Some(Shard { index, count: 3 })).unwrap();
        let own: TargetSet =
            changed.iter().filter(|(name, _)| *name == target).map(|(a, b)| (a.clone(), b.clone())).collect();
        let plan = tree
            .plan(rendered(&own), Coverage { is_gone: &|name| name.as_str() == target, is_beside: &|_| false })
            .unwrap();
        tree.apply(plan, &Meter::default()).unwrap();
    }
    assert_eq!(site.files(), "prod/a/x.yaml=4 prod/b/y.yaml=5");
    site.try_all(&changed).unwrap();
    assert_eq!(site.files(), "prod/a/x.yaml=4 prod/b/y.yaml=5");
    assert_eq!(names(&site), [".septum/inventory.json"]);
}

#[test]
fn shards_run_at_the_same_time() {
    let site = TreeSite::new();
    let all: TargetSet = many(200, "x.yaml=1 y.yaml=1");
    std::thread::scope(|scope| {
        for part in [FIRST, SECOND] {
            let (site, all) = (&site, &all);
            scope.spawn(move || shard(site, part, all));
        }
    });
    let whole = TreeSite::new();
    whole.try_all(&all).unwrap();
    assert_eq!(site.files(), whole.files());
    assert!(!site.dir().join(".septum/tmp").exists());
}

fn sets() -> impl Strategy<Value = TargetSet> {
    let name = prop::sample::select(vec!["prod/a", "prod/b", "dev/a", "dev/b", "stage/long-name"]);
    let file = prop::sample::select(vec!["x.yaml", "y.yaml", "z.yaml"]);
    let files = prop::collection::btree_map(file.prop_map(str::to_owned), "[a-c]", 0..3);
    prop::collection::btree_map(name.prop_map(str::to_owned), files, 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_union_of_two_shards_is_the_whole(
        before in sets(), after in sets(), begins_whole: bool, apart: bool, second_first: bool,
    ) {
        let (whole, shared) = (TreeSite::new(), TreeSite::new());
        whole.try_all(&before).unwrap();
        whole.try_all(&after).unwrap();
        if begins_whole {
            shared.try_all(&before).unwrap();
        } else {
            shard(&shared, FIRST, &before);
            shard(&shared, SECOND, &before);
        }
        let order = if second_first { [SECOND, FIRST] } else { [FIRST, SECOND] };
        if apart {
            // each machine has a copy, and changes on both are merged, as Git does
            let base = shared.everything();
            let copies = order.map(|part| {
                let copy = TreeSite::new();
                for (path, text) in &base {
                    copy.write(path, text);
                }
                shard(&copy, part, &after);
                copy.everything()
            });
            for copy in copies {
                for path in base.keys().filter(|path| !copy.contains_key(*path)) {
                    let _ = fs::remove_file(shared.dir().join(path));
                }
                for (path, text) in copy.iter().filter(|(path, text)| base.get(*path) != Some(text)) {
                    shared.write(path, text);
                }
            }
        } else {
            for part in order {
                shard(&shared, part, &after);
            }
        }
        prop_assert_eq!(shared.files(), whole.files());
        shared.try_all(&after).unwrap();
        // an empty inventory may exist or not
        let holds = |(path, text): &(String, String)| !path.ends_with('/') && !text.contains("\"targets\": {}");
        let files = |site: &TreeSite| site.everything().into_iter().filter(holds).collect::<Vec<_>>();
        prop_assert_eq!(files(&shared), files(&whole));
    }
}
