//! Inputs that are small and ask for much: each ends with a message and an exit code, within a bound of memory.
//!
//! Nothing here looks at a clock. What a run does is counted by the program itself (`-v`), and memory is
//! bounded by the system.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::format_collect, reason = "a test")]

use std::process::{Command, Stdio};
use std::time::SystemTime;

use crate::support::messages::{note_case, note_line, record};
use crate::support::sandbox::Sandbox;
use septum::check::{CheckScope, check_apps};
use septum::diagnostic::FailureKind;
use septum::pipeline::Pipeline;
use septum::sops::{Identities, IdentitySources, Timestamp};
use septum::test_hook::counted_work;

/// Address space of a run in KiB. The allocator reserves one GiB of it, and threads their stacks, before anything
/// is asked for.
const ADDRESS_SPACE: u64 = 3 << 20;

/// What the bounds are divided by: a debug build is slow, and meets the end of a smaller budget in the same way.
const DIVISOR: &str = "50";

/// A hostile project.
struct Row {
    name: &'static str,
    project: fn() -> Sandbox,
    arguments: &'static [&'static str],
    code: i32,
}

const CHECK: &[&str] = &["check", "--keyless", "-v"];
const RENDER: &[&str] = &["render", "dev", "-v"];

const ROWS: &[Row] = &[
    Row {
        name: "fifteen times any directories, in manifests",
        project: || deep(&format!("data: {{ A: b }}\nmanifests: [\"{}*.yaml\"]\n", "**/".repeat(15))),
        arguments: CHECK,
        code: 1,
    },
    Row {
        name: "fifteen times any directories and one, in manifests",
        project: || deep(&format!("data: {{ A: b }}\nmanifests: [\"{}x.yaml\"]\n", "**/*/".repeat(15))),
        arguments: CHECK,
        code: 1,
    },
    Row {
        name: "fifteen times any directories, in apps",
        project: || deep("").file("septum.yaml", format!("apps: [\"{}none\"]\n", "**/".repeat(15))),
        arguments: CHECK,
        code: 2,
    },
    Row {
        name: "a long pattern",
        project: || deep(&format!("data: {{ A: b }}\nmanifests: [\"{}.yaml\"]\n", "*a".repeat(5000))),
        arguments: CHECK,
        code: 1,
    },
    Row {
        name: "thousands of patterns",
        project: || {
            let patterns: Vec<_> = (0..400).map(|index| format!("{index}[a-z]*.yaml")).collect();
            deep(&format!("data: {{ A: b }}\nmanifests: [\"{}\"]\n", patterns.join("\", \"")))
        },
        arguments: CHECK,
        code: 2,
    },
    Row {
        name: "an indentation of gigabytes",
        project: || template("{{ [1]|tojson(indent=8000000000) }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "an indentation of gigabytes by name",
        project: || template("{{ 'a\nb'|indent(width=8000000000) }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "one text many times, joined",
        project: || template("{{ (['x'*900000]*9000)|join|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "one text many times, as JSON",
        project: || template("{{ (['x'*900000]*9000)|tojson|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "one text many times, as YAML",
        project: || template("{{ (['x'*900000]*9000)|toyaml|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a list as a text",
        project: || template("{{ (['x'*900000]*9000)|upper|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a list that `~` would print",
        project: || template("{{ (['x'*900000]*9000) ~ '' }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a list that `~` would print, by `*` alone",
        project: || template("{{ '' ~ ['x'*900000] * 9000 }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a separator that is long",
        project: || template("{{ range(90000)|join('x'*900000)|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "long texts, `min`",
        project: || template("{{ (['x'*900000]*9000)|min|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "long texts, `max`",
        project: || template("{{ (['x'*900000]*9000)|max|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "long texts, `sort`",
        project: || template("{{ (['x'*900000]*9000)|sort|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "long texts, `unique`",
        project: || template("{{ (['x'*900000]*9000)|unique|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "long texts, `groupby('a')`",
        project: || template("{{ (['x'*900000]*9000)|groupby('a')|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a long option of `max`",
        project: || template("{{ range(90000)|max(attribute='x'*900000)|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a long option of `unique`",
        project: || template("{{ range(90000)|unique(attribute='x'*900000)|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a long text to begin a sum with",
        project: || template("{{ ('x'*900000)|sum(start='x'*900000)|length }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a list that `startingwith` would print",
        project: || template("{{ (['x'*900000]*9000) is startingwith('x') }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a list that `endingwith` would print",
        project: || template("{{ 'x' is endingwith(['x'*900000]*9000) }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "lists in lists, compared",
        project: || template("{{ ([['x'*900000]*9000]*9000) is eq([['x'*900000]*9000]*9000) }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "lists in lists, by `==`",
        project: || template(&format!("{{{{ {0} == {0} }}}}", nested())),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "lists in lists, by `<`",
        project: || template(&format!("{{{{ {0} < {0} }}}}", nested())),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "lists in lists, by `in`",
        project: || template(&format!("{{{{ {0} in [{0}] }}}}", nested())),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "lists in lists, as a key",
        project: || template(&format!("{{{{ {{{}: 1}} }}}}", nested())),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "lists in lists, as a subscript",
        project: || template(&format!("{{{{ {{1: 1, 2: 2, 3: 3}}[{}] }}}}", nested())),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "lists in lists, by a macro that doubles them",
        project: || {
            template("{% macro m(a, n) %}{{ m([a, a], n - 1) if n else a == [a] }}{% endmacro %}{{ m([1, 2], 60) }}")
        },
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a list that a macro adds to itself",
        project: || template("{% macro m(a, n) %}{{ m(a + a, n - 1) if n else 1 }}{% endmacro %}{{ m([1], 60) }}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a mapping that a macro chains with itself",
        project: || {
            template(
                "{% macro m(a, n) %}{{ m(a | chain(a), n - 1) if n else a | length }}{% endmacro %}{{ m({'a': 1}, 60) }}",
            )
        },
        arguments: RENDER,
        code: 0,
    },
    Row {
        name: "a long list that is unpacked",
        project: || template("{% for a, b in [[1] * 90000000] %}{% endfor %}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "the last of a long list, many times",
        project: || template("{% for i in range(60000) %}{% if range(90000)[-1] %}{% endif %}{% endfor %}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a large mapping of the layers, compared many times",
        project: || {
            let keys = numbered("    k", ": v\n", 500);
            Sandbox::of(&format!("vars:\n  big:\n{keys}data: {{ A: {{ template: a.j2 }} }}\n"), "")
                .file("a.j2", "{% for i in range(60000) %}{% if vars.big == vars.big %}{% endif %}{% endfor %}")
        },
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a long name of a template, many times",
        project: || template("{% include ['x'*900000]*9000 ignore missing %}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a cycle of nothing",
        project: || template("{% for a in [1] %}{{ loop.cycle() }}{% endfor %}"),
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "loops just below the bound, in each of thousands of keys",
        project: || {
            let key = |index| format!("  K{index}: \"{{% for i in range(60000) %}}{{% endfor %}}\"\n");
            Sandbox::of(&format!("data:\n{}", (0..30).map(key).collect::<String>()), "")
        },
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a thousand unknown keys against a thousand known ones",
        project: || {
            let of =
                |name: &str| format!("data:\n{}", numbered(&format!("  {name}_KEY_OF_SOME_LENGTH_"), ": x\n", 1000));
            Sandbox::of(&of("KNOWN"), &of("UNKNOWN"))
        },
        arguments: CHECK,
        code: 1,
    },
    Row {
        name: "more mistakes than anybody reads, on one line",
        project: || Sandbox::of("data: { A: 1 }\n", &format!("data: {{ {} }}\n", numbered("k", ": 1, ", 12_000))),
        arguments: CHECK,
        code: 1,
    },
    Row {
        name: "one key many times on one line",
        project: || Sandbox::of(&format!("data: {{ {} }}\n", "a: 1, ".repeat(12_000)), ""),
        arguments: CHECK,
        code: 2,
    },
    Row {
        name: "labels times bundles",
        project: || {
            let labels = numbered("  l", ": v\n", 300);
            let bundles = numbered("  b", ": { data: { A: x } }\n", 300);
            Sandbox::of(&format!("labels:\n{labels}bundles:\n{bundles}"), "")
        },
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "one file in many keys",
        project: || {
            let keys = numbered("  k", ": { file: big.txt }\n", 40);
            Sandbox::of(&format!("data:\n{keys}"), "").file("big.txt", "x".repeat(100_000))
        },
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "keys times environments",
        project: || {
            let project = Sandbox::of(&format!("data:\n{}", numbered("  k", ": v\n", 200)), "");
            (0..100).fold(project, |project, index| project.file(&format!("e{index}.yaml"), ""))
        },
        arguments: RENDER,
        code: 2,
    },
    Row {
        name: "a template of many documents",
        project: || Sandbox::of("data: { A: b }\nmanifests: [m.j2]\n", "").file("m.j2", "---\n".repeat(20_000)),
        arguments: RENDER,
        code: 0,
    },
    Row {
        name: "patterns of values that are large together",
        project: || {
            let key = |index| format!("  K{index}: {{ value: x, pattern: '(\\pL{{100}}){{{index}}}' }}\n");
            Sandbox::of(&format!("data:\n{}", (10..40).map(key).collect::<String>()), "")
        },
        arguments: CHECK,
        code: 1,
    },
    Row {
        name: "a pattern that looks ahead and refers back",
        project: || {
            let value = "a".repeat(40_000);
            Sandbox::of(&format!("data: {{ K: {{ value: {value}, pattern: '^(?=(a+)+b)(a*)\\1$' }} }}\n"), "")
        },
        arguments: CHECK,
        code: 1,
    },
    Row {
        name: "patterns that are large together",
        project: || {
            let key = |index| format!("  K{index}: {{ value: x, pattern: '\\p{{L}}{{{}}}x' }}\n", 8 + index);
            Sandbox::of(&format!("data:\n{}", (0..4).map(key).collect::<String>()), "")
        },
        arguments: CHECK,
        code: 1,
    },
    Row {
        name: "rules that are large together",
        project: || {
            let rule = |index| format!("[[rules]]\nid = \"r{index}\"\nregex = '''x\\pL{{{}}}'''\n", 100 + index % 90);
            Sandbox::of("data: { A: b }\n", "").file("rules.toml", (0..4).map(rule).collect::<String>())
        },
        arguments: &["check", "--keyless", "--rules", "rules.toml"],
        code: 2,
    },
    Row {
        name: "expressions of .sops.yaml that are large together",
        project: || {
            let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
            let rule = |index| format!("  - {{ path_regex: '\\pL{{{}}}', age: {recipient} }}\n", 100 + index);
            let rules: String = (0..4).map(rule).collect();
            Sandbox::of("data: { A: b }\n", "").file(".sops.yaml", format!("creation_rules:\n{rules}"))
        },
        arguments: &["encrypt", "dev.yaml"],
        code: 2,
    },
];

#[test]
fn small_inputs_that_ask_for_much_end_with_a_message() {
    for row in ROWS {
        let (code, said) = run(&(row.project)(), row.arguments);
        assert_eq!(code, Some(row.code), "{}: {said:.600}", row.name);
        let errors = said.lines().filter(|line| line.starts_with("error"));
        note_case(row.name);
        record(errors.take(3).collect::<Vec<_>>().join("\n"));
        for (unit, done, limit) in work(&said) {
            assert!(done <= limit, "{}: {done} of {limit} {unit}", row.name);
        }
    }
}

/// Accepts a finding of each key.
fn allowed(count: usize) -> String {
    let entries = numbered("  K", "_PASSWORD: hunter2canary\n", count);
    let allows = numbered("  - { rule: plaintext-secret, key: K", "_PASSWORD, reason: a test }\n", count);
    format!("data:\n{entries}allow:\n{allows}")
}

/// Makes a layer with so many parts.
type LayerOfSize = fn(usize) -> String;

/// Layers of any size, of which `check` must not look at each part once for each other one.
const GROWING: &[(&str, LayerOfSize)] = &[
    ("each finding is accepted", allowed),
    ("nothing is accepted", |count| allowed(count).replace("_PASSWORD", "_HOST")),
    ("nothing is accepted, and all is declared", |count| {
        allowed(count).replace("_PASSWORD: hunter2canary", "_HOST: { value: x, sensitive: false, reason: r }")
    }),
    ("all that is accepted was so until a day", |count| {
        allowed(count).replace("reason:", "until: 2020-01-01, reason:")
    }),
    ("one key is accepted by many rules", |count| {
        format!("data: {{ A: b }}\nallow:\n{}", numbered("  - { rule: r", ", key: A, reason: a test }\n", count))
    }),
];

#[test]
fn the_work_of_a_check_grows_with_what_it_reads() {
    for (name, layer) in GROWING {
        let work = |count| work_of_check(&Sandbox::of(&layer(count), ""));
        let (some, many) = (work(100), work(800));
        assert!(many <= 10 * some, "{name}: {some} for 100, {many} for 800");
    }
}

/// Mixins, each of which extends the next.
fn chain_of_mixins(count: usize) -> Sandbox {
    let link = |project: Sandbox, number: usize| {
        let next = if number + 1 < count { format!("extends: [m/x{}]\n", number + 1) } else { String::new() };
        project.file(&format!("m/x{number}.yaml"), format!("{next}data: {{ A: c }}\n"))
    };
    (0..count).fold(Sandbox::of("data: { A: b }\n", "extends: [m/x0]\n"), link)
}

#[test]
fn the_work_of_a_chain_of_mixins_grows_with_its_files() {
    let (some, many) = (work_of_check(&chain_of_mixins(50)), work_of_check(&chain_of_mixins(400)));
    assert!(many <= 10 * some, "{some} for 50, {many} for 400");
}

#[test]
fn a_chain_of_mixins_may_be_as_long_as_a_repository() {
    work_on_stack(&chain_of_mixins(3_000), 1 << 20);
}

#[test]
fn the_work_of_ages_grows_with_the_values() {
    let aged = |count: usize| {
        let entries = (0..count).map(|number| format!("  K{number}: {{ value: x, rotateEvery: 90d }}\n"));
        let project = Sandbox::of(&format!("data:\n{}", entries.collect::<String>()), "");
        crate::diff::git(&project, &["init", "--quiet"]);
        crate::diff::commit(&project);
        project
    };
    let (some, many) = (work_of_check(&aged(50)), work_of_check(&aged(400)));
    assert!(many <= 10 * some, "{some} for 50, {many} for 400");
}

#[test]
fn patches_images_and_replicas_cost_what_they_select() {
    let of = |count: usize| {
        let each = |line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
        let image = "spec: { template: { spec: { containers: [{ name: c, image";
        let object = |name: String| format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{ name: {name} }}\n");
        let objects = each(&|index| {
            let removed = object(format!("x{index}"));
            format!("---\n{}{image}: 'i{index}:1' }}] }} }} }}\n---\n{removed}", object(format!("w{index}")))
        });
        let patch = each(&|index| format!("---\n{}spec: {{ paused: true }}\n", object(format!("w{index}"))));
        let targets = each(&|index| {
            format!(
                "  - {{ target: {{ name: w{index} }}, patch: '[{{ op: add, path: /spec/a, value: 1 }}]' }}\n  - {{ target: \
                 {{ kind: Deployment, name: w{index}|v{index} }}, patch: '[{{ op: replace, path: /metadata/name, value: \
                 v{index} }}]' }}\n  - {{ target: {{ name: x{index} }}, patch: '{{ kind: Deployment, metadata: {{ name: \
                 any }}, $patch: delete }}' }}\n"
            )
        });
        let replicas = each(&|index| format!("w{index}: 2, "));
        let images = each(&|index| format!("i{index}: {{ newTag: v2 }}, "));
        let base = format!(
            "manifests: [w/all.yaml]\nreplicas: {{ {replicas} }}\nimages: {{ {images} }}\npatches:\n  - path: \
             p/all.yaml\n{targets}"
        );
        Sandbox::of(&base, "data: {}\n").file("w/all.yaml", objects).file("p/all.yaml", patch)
    };
    let (some, many) = (work_of_check(&of(20)), work_of_check(&of(160)));
    assert!(many <= 10 * some, "{some} for 20, {many} for 160");
}

/// The steps and bytes that the check of a project counts. All of it is done by one thread.
fn work_of_check(project: &Sandbox) -> usize {
    work_on_stack(project, 32 << 20)
}

fn work_on_stack(project: &Sandbox, stack: usize) -> usize {
    let run = || {
        let project = septum::project::Project::discover(&project.root()).unwrap();
        let pipeline = Pipeline::new(&project, Identities::new(IdentitySources::default()));
        let scope = CheckScope {
            apps: &project.apps.iter().collect::<Vec<_>>(),
            environments: &project.apps[0].environments,
            is_whole: true,
            rendered: None,
            rules: &[],
            baseline: None,
            today: "2030-01-31".parse().ok(),
            now: Timestamp::from_system_time(SystemTime::UNIX_EPOCH),
            only: None,
        };
        let before = counted_work();
        let report = check_apps(&pipeline, &scope);
        assert!(report.findings.iter().all(|finding| finding.failure() != FailureKind::Invalid), "{report:?}");
        counted_work() - before
    };
    rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(stack).build().unwrap().install(run)
}

#[test]
fn suggestions_are_made_where_they_are_few() {
    let run = Sandbox::of("data: { LOG_LEVEL: info }\n", "data: { LOG_LEVL: debug }\n").run(&["render", "dev"]);
    run.refused();
}

/// The counts of a run: what, how much of it, and the bound.
fn work(said: &str) -> Vec<(String, u64, u64)> {
    let line = |line: &str| {
        let (done, rest) = line.strip_prefix("work: ")?.split_once(" of ")?;
        let (limit, unit) = rest.split_once(' ')?;
        Some((unit.to_owned(), done.parse().ok()?, limit.parse().ok()?))
    };
    said.lines().filter_map(line).collect()
}

/// Runs the program with a bound of its address space. The exit code is none if a signal ended it.
fn run(project: &Sandbox, arguments: &[&str]) -> (Option<i32>, String) {
    let script = format!("ulimit -v {ADDRESS_SPACE} && exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_septum")]).args(arguments).current_dir(project.root());
    command
        .env_clear()
        .env("HOME", project.root().parent().unwrap())
        .env("NO_COLOR", "1")
        .env("SEPTUM_TEST_BUDGETS", DIVISOR)
        .stdin(Stdio::null());
    note_line(&format!("septum {}", arguments.join(" ")));
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

/// A project with directories that lie in each other.
fn deep(base: &str) -> Sandbox {
    let path: String = (0..25).map(|index| format!("d{index}/")).collect();
    let project = Sandbox::of(base, "").file(&format!("t/{path}x.yaml"), "a: b\n");
    (0..20).fold(project, |project, index| project.file(&format!("u{index}/v/x.yaml"), "a: b\n"))
}

fn template(text: &str) -> Sandbox {
    Sandbox::of("data: { A: { template: a.j2 } }\n", "").file("a.j2", text)
}

/// A list that holds a list nine times, which holds one nine times, and so on: more than anybody can count.
fn nested() -> String {
    format!("({}'x'{})", "[".repeat(28), "] * 9".repeat(28))
}

fn numbered(before: &str, after: &str, count: usize) -> String {
    (0..count).map(|index| format!("{before}{index}{after}")).collect()
}
