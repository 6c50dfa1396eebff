//! What the standard library compiles anew for each type, at 6 KB each, is not called where `septum_base::sort` does as
//! well. `clippy.toml` forbids its sorts; a `collect` that sorts is seen in the text alone, where the type is near.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use regex::Regex;

use super::architecture::{Line, lines};

/// Such collects of a file: those that name their type, and functions that end with one.
fn sorting_collects(text: &str) -> Vec<String> {
    let tree = r"(?:\w+::)*BTree(?:Map|Set)<";
    let typed =
        Regex::new(&format!(r"collect::<{tree}[^(]*|let (?:mut )?\w+: {tree}[^=;]*=[^;]*\.collect\(\);")).unwrap();
    let returns = Regex::new(&format!(r"(?m)^( *)(?:.*\bfn .*|\)) -> {tree}.*\{{$")).unwrap();
    let mut found: Vec<_> = typed.find_iter(text).map(|found| found.as_str().to_owned()).collect();
    for function in returns.captures_iter(text) {
        let whole = function.get(0).unwrap();
        let body = text[whole.end()..].split(&format!("\n{}}}\n", &function[1])).next().unwrap();
        if body.ends_with(".collect()") {
            found.push(whole.as_str().trim().to_owned());
        }
    }
    found
}

#[test]
fn maps_and_sets_are_collected_without_a_sort() {
    let mut wrong = Vec::new();
    let is_test = |line: &Line| line.file.components().any(|part| part.as_os_str() == "tests");
    let lines: Vec<_> = lines().into_iter().filter(|line| !is_test(line)).collect();
    for file in lines.chunk_by(|one, other| one.file == other.file) {
        let text: String = file.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect();
        let name = file.first().unwrap().file.display();
        wrong.extend(sorting_collects(&text).into_iter().map(|found| format!("{name}: {found}")));
    }
    assert!(wrong.is_empty(), "use `collect_map` and `collect_set` of `sort::CollectSorted`:\n{}", wrong.join("\n"));
}

#[test]
fn a_sort_is_found_wherever_its_type_is_near() {
    let text = "
fn one() -> BTreeSet<u8> {
    let other = name.bytes().collect();
    of(other).collect()
}

    pub fn two(
        name: &str,
    ) -> std::collections::BTreeMap<String, u8> {
        pairs.collect()
    }

fn three() -> BTreeSet<u8> {
    let bytes: Vec<u8> = text.bytes().collect();
    let bytes: BTreeSet<_> = bytes.into_iter().collect();
    bytes.iter().collect::<BTreeSet<_>>().into_iter().copied().collect_set()
}
";
    assert_eq!(sorting_collects(text).len(), 4, "{:#?}", sorting_collects(text));
}
