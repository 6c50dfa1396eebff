//! Circles of files: files that cannot be read one after the other, since each uses the others.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::support::sources::{SourceFile, rust_sources};

/// Circles that are left, by their first file, and why.
const CIRCLES: &[(&str, &str)] = &[
    ("detect/assignments.rs", "a value may hold a file, a file assignments, and an assignment a value"),
    ("sops/config/rules/groups.rs", "a part of the reader of rules"),
    ("sops/store/yaml/comments.rs", "a part of the reader of YAML"),
];

/// Path of a module: `["resolve", "frame"]`.
type ModulePath = Vec<String>;

/// Names that a module imports, and the path of each.
type Imports = BTreeMap<String, Vec<String>>;

#[derive(Default)]
struct Module {
    file: String,
    /// Names from `use`, of which a file uses those that it does not only hand on.
    imports: Imports,
    exports: Imports,
    /// All paths in the code.
    paths: Vec<Vec<String>>,
}

fn module_path(file: &Path) -> ModulePath {
    let mut path: ModulePath = file.with_extension("").iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if path.last().is_some_and(|last| last == "mod" || last == "lib") {
        path.pop();
    }
    path
}

/// Paths of a tree of `use`, each with the name that it gets.
fn expand(prefix: &[String], tree: &str, found: &mut Imports) {
    let tree = tree.trim();
    if let Some((before, list)) = tree.split_once('{') {
        let prefix: Vec<_> = prefix.iter().cloned().chain(segments(before)).collect();
        let list = list.rsplit_once('}').unwrap().0;
        let (mut depth, mut start) = (0, 0);
        for (at, char) in list.char_indices().chain([(list.len(), ',')]) {
            match char {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    expand(&prefix, &list[start..at], found);
                    start = at + 1;
                }
                _ => {}
            }
        }
        return;
    }
    let (path, name) = tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name.to_owned())));
    let mut path: Vec<_> = prefix.iter().cloned().chain(segments(path)).collect();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    if let Some(last) = path.last().cloned() {
        found.insert(name.unwrap_or(last), path);
    }
}

fn segments(path: &str) -> impl Iterator<Item = String> {
    path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned)
}

/// Statements that import, and paths in other code.
static PATTERNS: LazyLock<[Regex; 2]> = LazyLock::new(|| {
    [r"(?m)^[ \t]*(pub(?:\([^)]*\))? )?use ([^;]+);", r"(?:^|[^\w:.])((?:\w+::)+\w+)"]
        .map(|pattern| Regex::new(pattern).unwrap())
});

fn read_module(source: &SourceFile) -> Module {
    let [uses, paths] = &*PATTERNS;
    let program = source.text.lines().take_while(|line| *line != "#[cfg(test)]");
    let code: Vec<_> = program.filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut module = Module { file: source.name.to_str().unwrap().to_owned(), ..Module::default() };
    for found in uses.captures_iter(&code) {
        let into = if found.get(1).is_some() { &mut module.exports } else { &mut module.imports };
        expand(&[], &found[2], into);
    }
    let rest = uses.replace_all(&code, "");
    module.paths = paths.captures_iter(&rest).map(|found| segments(&found[1]).collect()).collect();
    module.paths.extend(module.imports.values().cloned());
    module
}

/// Module that a path leads to, as far as it is one of ours: through names that others hand on.
fn resolve(
    modules: &BTreeMap<ModulePath, Module>,
    from: &ModulePath,
    path: &[String],
    depth: usize,
) -> Option<ModulePath> {
    let crates = ["detect", "sops"];
    let root =
        || from.iter().take(usize::from(from.first().is_some_and(|first| crates.contains(&first.as_str())))).cloned();
    let (head, mut rest) = path.split_first()?;
    let mut at = match head.as_str() {
        "crate" => root().collect(),
        "self" => from.clone(),
        "super" => from[..from.len().checked_sub(1)?].to_vec(),
        _ => {
            rest = path;
            from.clone()
        }
    };
    let mut is_ours = matches!(head.as_str(), "crate" | "self" | "super");
    while let Some((step, after)) = rest.split_first() {
        let below: ModulePath = at.iter().cloned().chain([step.clone()]).collect();
        if step == "super" {
            at.pop();
        } else if modules.contains_key(&below) {
            (at, is_ours) = (below, true);
        } else {
            let module = modules.get(&at)?;
            let named = module.exports.get(step).or_else(|| module.imports.get(step)).filter(|_| depth < 9);
            let Some(named) = named.filter(|named| named.as_slice() != path) else { break };
            let longer: Vec<_> = named.iter().chain(after).cloned().collect();
            return resolve(modules, &at, &longer, depth + 1);
        }
        rest = after;
    }
    is_ours.then_some(at)
}

#[test]
fn files_do_not_use_each_other_in_a_circle() {
    let is_test =
        |source: &SourceFile| source.name.ends_with("tests.rs") || source.name.iter().any(|part| part == "tests");
    let sources = rust_sources();
    // of the roots, which give one another's modules their names, the one that says where items of the stages are
    let is_other_root = |source: &SourceFile| {
        source.name == Path::new("lib.rs") && source.path != Path::new("crates/septum-core/src/lib.rs")
    };
    let modules: BTreeMap<_, _> = sources
        .iter()
        .filter(|source| !is_test(source) && !is_other_root(source))
        .map(|source| (module_path(&source.name), read_module(source)))
        .collect();
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (own, module) in &modules {
        let found = module.paths.iter().filter_map(|path| resolve(&modules, own, path, 0));
        // a file is a part of those above it, and may use them
        let others = found.filter(|other| !own.starts_with(other)).filter_map(|other| modules.get(&other));
        uses.insert(&module.file, others.map(|other| other.file.as_str()).collect());
    }
    assert!(uses.values().map(BTreeSet::len).sum::<usize>() > 1500, "the uses were found");
    let mut reached: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for start in uses.keys() {
        let (mut seen, mut open) = (BTreeSet::new(), vec![*start]);
        while let Some(next) = open.pop() {
            open.extend(uses[next].iter().filter(|other| seen.insert(**other)));
        }
        reached.insert(start, seen);
    }
    let mut circles: Vec<BTreeSet<&str>> = Vec::new();
    for (own, below) in &reached {
        let circle: BTreeSet<_> = below.iter().copied().filter(|other| reached[other].contains(own)).collect();
        if circle.len() > 1 && !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    let first: BTreeSet<_> = circles.iter().filter_map(|circle| circle.first().copied()).collect();
    let left: BTreeSet<_> = CIRCLES.iter().map(|(file, _)| *file).collect();
    assert_eq!(first, left, "files use each other in circles: {circles:#?}");
}
