//! What the papers show is what the program does: examples parse, shown output is printed, commands
//! exist, links resolve, and every rule has an entry.
//!
//! Conventions: a YAML block whose first line is a comment with a path (`# base.yaml`) is a layer.
//! A `console` block after `<!-- run: FOLDER -->` is run in that directory of the repository, one
//! after `<!-- run: the files above -->` among the layers that its page showed last under each
//! path. `<!-- run: a new repository -->` begins a repository of Git with a home of its own, in which the blocks after
//! `<!-- run: the same repository -->` continue, and to which the block after `<!-- file: PATH -->` is written. What
//! the commands print is compared with what the page says.

#![cfg_attr(not(unix), allow(dead_code, reason = "what runs a shell"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;
use septum::diagnostic::Diagnostics;
use septum::diagnostic::Rule;
use septum::layer::{Layer, LayerRole};
use septum::span::Source;

use crate::support::help::commands;

/// A paper: its path in the repository and its text.
struct Page {
    path: PathBuf,
    text: String,
}

/// A fenced block.
struct Block {
    language: String,
    /// The comment before it: `run: …`.
    run: Option<String>,
    /// The comment before it: `file: …`.
    file: Option<String>,
    text: String,
    line: usize,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below `directory` whose name ends so, sorted.
fn files(directory: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn pages() -> Vec<Page> {
    let mut paths: Vec<_> = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(PathBuf::from).into();
    for directory in ["docs", "examples"] {
        let found = files(&root().join(directory), ".md");
        paths.extend(found.iter().map(|path| path.strip_prefix(root()).unwrap().to_path_buf()));
    }
    paths.into_iter().map(|path| Page { text: read(&root().join(&path)), path }).collect()
}

impl Page {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let (mut run, mut file) = (None, None);
        let mut lines = self.text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            if let Some(language) = line.strip_prefix("```") {
                let inside: Vec<_> =
                    lines.by_ref().map(|(_, line)| line).take_while(|line| !line.starts_with("```")).collect();
                let text = inside.iter().flat_map(|line| [*line, "\n"]).collect();
                blocks.push(Block {
                    language: language.to_owned(),
                    run: run.take(),
                    file: file.take(),
                    text,
                    line: number + 2,
                });
            } else {
                let comment = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                let after = |word: &str| comment.and_then(|comment| comment.strip_prefix(word)).map(str::to_owned);
                (run, file) = (after("run: ").or(run), after("file: ").or(file));
            }
        }
        blocks
    }

    fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }

    /// The text outside of blocks.
    fn prose(&self) -> String {
        self.text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n")
    }
}

impl Block {
    /// The path in the first line, if this is a layer.
    fn layer(&self) -> Option<&str> {
        let first = self.text.lines().next().and_then(|line| line.strip_prefix("# "));
        let is_path = |path: &&str| Path::new(path).extension().is_some_and(|end| end == "yaml") && !path.contains(' ');
        first.filter(is_path).filter(|_| self.language == "yaml")
    }

    /// The commands of a session, each with what it printed.
    fn session(&self) -> Vec<(&str, String)> {
        let mut session: Vec<(&str, String)> = Vec::new();
        for line in self.text.lines() {
            match (line.strip_prefix("$ "), session.last_mut()) {
                (Some(command), _) => session.push((command, String::new())),
                (None, Some((_, output))) => output.extend([line, "\n"]),
                (None, None) => {}
            }
        }
        session
    }
}

fn septum(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_septum")).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn yaml_blocks_parse_and_layers_are_layers() {
    let mut layers = 0;
    for page in pages() {
        for block in page.blocks().iter().filter(|block| block.language == "yaml") {
            let place = page.place(block.line);
            let source = Source::new(place.as_str(), block.text.as_str());
            let tree = septum::yaml::read::read_document(&source).unwrap_or_else(|error| panic!("{place}: {error:?}"));
            let Some(path) = block.layer() else { continue };
            let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".yaml");
            let role = if name == "base" { LayerRole::Base } else { LayerRole::Environment };
            let mut problems = Diagnostics::new();
            Layer::read(name.into(), role, source, PathBuf::new(), tree, &mut problems);
            let problems: Vec<_> = problems.into_sorted().into_iter().map(|problem| problem.message).collect();
            assert!(problems.is_empty(), "{place}: {problems:?}");
            layers += 1;
        }
    }
    assert!(layers > 5, "only {layers} layers");
}

#[cfg(unix)]
#[test]
fn sessions_print_what_the_page_shows() {
    let mut sessions = 0;
    for page in pages() {
        let mut shown: BTreeMap<String, String> = BTreeMap::new();
        let mut repository = None;
        for block in page.blocks() {
            if let Some(path) = &block.file {
                let repository: &PageRepository = repository.as_ref().expect("a repository above");
                repository.write(path, &block.text);
            }
            if let Some(path) = block.layer() {
                // a new base begins a new project
                if path.ends_with("base.yaml") {
                    shown.clear();
                }
                shown.insert(path.to_owned(), block.text.clone());
            }
            let Some(run) = &block.run else { continue };
            if run.ends_with(" repository") {
                if run == "a new repository" {
                    repository = Some(PageRepository::new());
                }
                let repository = repository.as_ref().expect("a repository above");
                for (command, expected) in block.session() {
                    assert_eq!(repository.run(command), expected, "{}: {command}", page.place(block.line));
                    sessions += 1;
                }
                continue;
            }
            let temporary = tempfile::tempdir().unwrap();
            let directory = if run == "the files above" {
                write(temporary.path(), &shown);
                temporary.path().to_path_buf()
            } else {
                root().join(run)
            };
            for (command, expected) in block.session() {
                let printed = shell(command, &directory);
                assert_eq!(printed, expected, "{}: {command}", page.place(block.line));
                sessions += 1;
            }
        }
    }
    assert!(sessions > 5, "only {sessions} sessions");
}

/// A repository that the blocks of a page share, beside a home without keys.
struct PageRepository(tempfile::TempDir);

impl PageRepository {
    fn new() -> Self {
        let repository = Self(tempfile::tempdir().unwrap());
        for name in ["home", "shop"] {
            fs::create_dir(repository.0.path().join(name)).unwrap();
        }
        let config = "[user]\n name = A\n email = a@example.org\n[init]\n defaultBranch = main\n";
        fs::write(repository.0.path().join("home/.gitconfig"), config).unwrap();
        assert_eq!(repository.run("git init --quiet"), "");
        repository
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join("shop").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Output of a command on both streams, with `~` for the home and without what differs from run to run.
    fn run(&self, command: &str) -> String {
        let program = Path::new(env!("CARGO_BIN_EXE_septum")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{{ {command}\n}} 2>&1")]).current_dir(self.0.path().join("shop")).env_clear();
        shell.env("PATH", path).env("HOME", self.0.path().join("home")).env("EDITOR", "true").env("NO_COLOR", "1");
        let printed = String::from_utf8(shell.output().unwrap().stdout).unwrap();
        let printed = printed.replace(&self.0.path().join("home").display().to_string(), "~");
        let printed = Regex::new("age1[02-9ac-hj-np-z]{58}").unwrap().replace_all(&printed, "age1…").into_owned();
        Regex::new(r"\bin \d+(?:\.\d+)? m?s\b").unwrap().replace_all(&printed, "in 12 ms").into_owned()
    }
}

fn write(directory: &Path, layers: &BTreeMap<String, String>) {
    for (path, text) in layers {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    // a page that needs no environment shows none
    let base = layers.keys().find(|path| path.ends_with("base.yaml")).expect("a base above");
    let environment = directory.join(base).with_file_name("prod.yaml");
    if !environment.exists() {
        fs::write(environment, "").unwrap();
    }
}

/// What a command prints on both streams, with the demo's key.
fn shell(command: &str, directory: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_septum")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(directory)
        .env("PATH", format!("{}:{path}", program.display()))
        .env("SOPS_AGE_KEY_FILE", root().join("examples/demo-age-key.txt"))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// What the program says of its commands.
struct Commands {
    help: BTreeMap<String, String>,
    call: Regex,
}

impl Commands {
    fn of_program() -> Self {
        let help = commands().into_iter().map(|name| (name.clone(), septum(&[&name, "--help"]))).collect();
        let call = Regex::new(r"(?:\bseptum|cargo run[^\n`]*? --) ([a-z][a-z-]*)([^\n`|>;]*)").unwrap();
        Self { help, call }
    }

    /// Whether each call of the program in a text is one, and how many there are.
    fn check(&self, place: &str, text: &str) -> usize {
        for found in self.call.captures_iter(text) {
            let (command, rest) = (&found[1], &found[2]);
            let help = self.help.get(command).unwrap_or_else(|| panic!("{place}: `{text}`"));
            for option in rest.split_whitespace().filter(|word| word.starts_with('-') && *word != "-") {
                // `--option=value`
                let option = option.split('=').next().unwrap_or(option);
                assert!(help.contains(option), "{place}: `{option}` in `{text}`");
            }
        }
        self.call.captures_iter(text).count()
    }
}

#[test]
fn commands_and_their_options_exist() {
    let commands = Commands::of_program();
    let inline = Regex::new("`((?:septum|cargo run) [^`]+)`").unwrap();
    for page in pages() {
        let mut texts: Vec<String> = inline.captures_iter(&page.prose()).map(|found| found[1].to_owned()).collect();
        for block in page.blocks() {
            match block.language.as_str() {
                "sh" => texts.push(block.text),
                "console" => texts.extend(block.session().iter().map(|(command, _)| (*command).to_owned())),
                _ => {}
            }
        }
        for text in &texts {
            commands.check(&page.path.display().to_string(), text);
        }
    }
}

/// The texts that somebody else's program runs: of hooks, of workflows and of jobs.
fn scripts(yaml: &serde_yaml::Value, is_script: bool, found: &mut Vec<String>) {
    match yaml {
        serde_yaml::Value::Mapping(map) => {
            for (key, value) in map {
                let is_script = matches!(key.as_str(), Some("run" | "entry" | "script" | "before_script"));
                scripts(value, is_script, found);
            }
        }
        serde_yaml::Value::Sequence(list) => list.iter().for_each(|item| scripts(item, is_script, found)),
        serde_yaml::Value::String(text) if is_script => found.push(text.clone()),
        _ => {}
    }
}

#[test]
fn hooks_workflows_and_jobs_call_what_exists() {
    let commands = Commands::of_program();
    for (path, calls) in [
        (".pre-commit-hooks.yaml", 5),
        ("examples/ci/github.yml", 3),
        ("examples/ci/gitlab.yml", 4),
        ("src/cli/init/workflow.yaml", 2),
    ] {
        let text = read(&root().join(path));
        let source = Source::new(path, text.as_str());
        septum::yaml::read::read_document(&source).unwrap_or_else(|error| panic!("{path}: {error:?}"));
        let mut found = Vec::new();
        scripts(&serde_yaml::from_str(&text).unwrap(), false, &mut found);
        let count: usize = found.iter().map(|text| commands.check(path, text)).sum();
        assert_eq!(count, calls, "{path}: {found:?}");
    }
}

#[test]
fn the_hook_names_a_program_of_this_package() {
    let hooks: serde_yaml::Value = serde_yaml::from_str(&read(&root().join(".pre-commit-hooks.yaml"))).unwrap();
    for hook in hooks.as_sequence().unwrap() {
        let entry = hook["entry"].as_str().unwrap();
        assert_eq!(entry.split(' ').next(), Some(env!("CARGO_PKG_NAME")));
        assert_eq!((hook["pass_filenames"].as_bool(), hook["always_run"].as_bool()), (Some(false), Some(true)));
        for field in ["id", "name", "language"] {
            assert!(hook[field].is_string(), "{field}");
        }
    }
}

#[test]
fn relative_links_resolve() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    for page in pages() {
        for found in link.captures_iter(&page.prose()) {
            let target = &found[1];
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() {
                root().join(&page.path)
            } else {
                root().join(page.path.parent().unwrap()).join(file)
            };
            assert!(path.exists(), "{}: {target}", page.path.display());
            assert!(anchor.is_empty() || anchors(&read(&path)).contains(anchor), "{}: {target}", page.path.display());
        }
    }
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    headings
        .map(|heading| {
            let kept = heading.to_lowercase().replace(' ', "-");
            kept.chars().filter(|char| char.is_alphanumeric() || matches!(char, '-' | '_')).collect()
        })
        .collect()
}

#[test]
fn the_tables_of_messages_are_those_of_the_registry() {
    let path = root().join("docs/errors.md");
    let page = with_rows(&read(&path), "| rule | severity | means | do |", |section| {
        let rules = Rule::SECTIONS.iter().find(|(name, _)| *name == section).map_or(&[][..], |(_, rules)| rules);
        let row = |rule: &Rule| {
            let info = rule.info();
            format!("| `{rule}` | {} | {} | {} |", info.severity, info.meaning, info.action)
        };
        rules.iter().map(row).collect()
    });
    expect_test::expect_file![path].assert_eq(&page);
    for (section, _) in Rule::SECTIONS {
        assert!(page.contains(&format!("\n## {section}\n")), "docs/errors.md has no section `{section}`");
    }
}

#[test]
fn the_table_of_findings_is_that_of_the_registry() {
    let path = root().join("docs/check.md");
    let page = with_rows(&read(&path), "| rule | severity | means |", |_| {
        let rules = Rule::ALL.iter().filter(|rule| rule.info().is_acceptable);
        rules.map(|rule| format!("| `{rule}` | {} | {} |", rule.info().severity, rule.info().meaning)).collect()
    });
    let page = page.replace("](check.md#", "](#");
    expect_test::expect_file![path].assert_eq(&page);
}

/// A page in which the rows of each table with this heading are made anew; `rows` gets the section that it is in.
fn with_rows(page: &str, heading: &str, rows: impl Fn(&str) -> Vec<String>) -> String {
    let (mut out, mut section, mut in_table) = (String::new(), "", false);
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        section = line.strip_prefix("## ").unwrap_or(section);
        if in_table && line.starts_with('|') {
            continue;
        }
        in_table = line == heading;
        out += line;
        out.push('\n');
        if in_table {
            out += lines.next().expect("the line below the heading");
            out.push('\n');
            for row in rows(section) {
                out += &row;
                out.push('\n');
            }
        }
    }
    out
}

#[test]
fn every_detector_has_an_entry() {
    let name = Regex::new(r#"name: "([a-z0-9-]+)""#).unwrap();
    let page = read(&root().join("docs/routing.md"));
    for path in files(&root().join("crates/septum-detect/src/values"), ".rs") {
        for found in name.captures_iter(&read(&path)) {
            assert!(page.contains(&format!("\n| `{}` |", &found[1])), "docs/routing.md lacks `{}`", &found[1]);
        }
    }
}
