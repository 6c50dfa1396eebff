//! What holds for promotions in random projects.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use septum::project::Project;
use septum::promote::{AppPromotion, PromotionHistory, PromotionRequest, plan_merge, plan_promotion};
use septum::sops::{
    DecryptedFile, EncryptionPlan, GoRegex, HostSystem, Identities, IdentityKind, IdentitySources, NewIdentity,
    Recipient, Recipients, Selector, SopsFormat, Timestamp, encrypt_file,
};
use septum::span::Source;
use septum::yaml::node::YamlNode;
use septum::yaml::read::read_document;
use septum::{Diagnostics, Pipeline};

/// The published key, and its recipient.
const KEY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo-age-key.txt");

/// Number of random projects.
const CASES: u64 = 1_000;

/// Number of projects at a time.
const THREADS: u64 = 4;

/// Keys of the base: of the app, and of a bundle.
const KEYS: [&str; 8] = ["A", "B", "C", "D", "E", "F", "b/G", "b/H"];

/// A selector of values by their keys, which leaves comments in plaintext.
const LEAF_KEYS: &str = "^[A-H]$";

/// What the base says of a key.
const RULES: [&str; 6] = [
    "x",
    "x",
    "{ value: x, promote: never }",
    "{ sensitive: true }",
    "{ sensitive: true, promote: always }",
    "{ sensitive: true, promote: always }",
];

/// Numbers that depend on a seed alone.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// A value that must be in no plain file.
fn canary(random: &mut Random) -> String {
    format!("canary-{:016x}", random.below(u64::MAX))
}

/// An entry of a block, in a random style, with comments.
fn entry(random: &mut Random, key: &str, value: &str, note: &str, indent: &str) -> String {
    let mut text = String::new();
    for _ in 0..random.below(3) {
        let _ = writeln!(text, "{indent}# {note} of {key}");
    }
    // a removal that is encrypted has comments of its own
    if let Some(canary) = value.strip_prefix("null ") {
        let _ = writeln!(text, "{indent}# {canary} above\n{indent}{key}: null  # {canary} behind");
        return text;
    }
    if value == "null" {
        let _ = writeln!(text, "{indent}{key}: null");
        return text;
    }
    let _ = match random.below(9) {
        0 => writeln!(text, "{indent}{key}: {value}"),
        1 => writeln!(text, "{indent}{key}: '{value}'  # {note} behind"),
        2 => writeln!(text, "{indent}{key}: \"{value}\\n\""),
        3 => writeln!(text, "{indent}{key}: |\n{indent}  {value}\n\n{indent}    more"),
        4 => writeln!(text, "{indent}{key}: >-\n{indent}   {value}\n{indent}   more"),
        5 => writeln!(text, "{indent}{key}: {{ value: {value} }}"),
        6 => writeln!(text, "{indent}{key}: |+  # {note} keeps\n{indent}  {value}\n\n{indent}    more\n\n"),
        7 => writeln!(text, "{indent}{key}:\n{indent}  # {note} inner\n{indent}  value: >+\n{indent}    {value}\n\n"),
        _ => writeln!(text, "{indent}{key}:\n{indent}  # {note} inner\n{indent}  value: \"{value}\""),
    };
    if random.below(4) == 0 {
        text.push('\n');
    }
    text
}

/// A layer with entries for some keys. Returns it with the text of each entry.
fn layer(
    random: &mut Random,
    keys: &[(&str, String)],
    is_secret: bool,
    note: Option<&str>,
) -> (String, BTreeMap<String, String>) {
    let mut parts = BTreeMap::new();
    let mut text = if random.below(2) == 0 { "# head\n".to_owned() } else { String::new() };
    let own: Vec<_> = keys.iter().filter(|(key, _)| !key.contains('/')).collect();
    let others: Vec<_> = keys.iter().filter(|(key, _)| key.contains('/')).collect();
    let indent = random.one(&["  ", "    "]);
    if !own.is_empty() && random.below(5) == 0 && !is_secret {
        let flow: Vec<_> = own.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        let _ = writeln!(text, "data: {{ {} }}", flow.join(", "));
    } else if !own.is_empty() {
        text.push_str("data:\n");
        for (key, value) in own {
            let entry = entry(random, key, value, note.unwrap_or(value), indent);
            text.push_str(&entry);
            parts.insert((*key).to_owned(), entry.trim_end().to_owned());
        }
    }
    if !others.is_empty() {
        let _ = write!(text, "bundles:\n{indent}b:\n{indent}{indent}data:\n");
        for (key, value) in others {
            let entry = entry(random, key.split_once('/').unwrap().1, value, note.unwrap_or(value), &indent.repeat(3));
            text.push_str(&entry);
            parts.insert((*key).to_owned(), entry.trim_end().to_owned());
        }
    }
    (text, parts)
}

/// Values of an environment's own layer by key: those of its encrypted file precede.
fn own_values(texts: &[String]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for text in texts {
        let root = read_document(&Source::new("x", text.as_str())).unwrap();
        let data = |node: Option<&YamlNode>, prefix: &str, found: &mut BTreeMap<String, String>| {
            for (key, value) in node.and_then(YamlNode::as_map).into_iter().flatten() {
                let value = value.as_map().map_or(Some(value), |fields| fields.get("value"));
                let text = value.and_then(YamlNode::as_scalar).map(|scalar| scalar.text().to_owned());
                found.extend(text.map(|text| (format!("{prefix}{}", key.text), text)));
            }
        };
        let Some(fields) = root.as_map() else { continue };
        data(fields.get("data"), "", &mut found);
        let bundle = fields.get("bundles").and_then(YamlNode::as_map).and_then(|bundles| bundles.get("b")?.as_map());
        data(bundle.and_then(|bundle| bundle.get("data")), "b/", &mut found);
    }
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Keys with which a project is promoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// The key of `x`, and that of `y` unless it is divided.
    Source,
    /// The key of `y` in a divided project.
    Target,
    /// Both.
    Both,
}

/// An identity that is in no file.
static TARGET: LazyLock<NewIdentity> = LazyLock::new(|| NewIdentity::generate(IdentityKind::X25519).unwrap());

fn identities(holder: Holder) -> Identities {
    Identities::new(IdentitySources::of(HostSystem::current(), |name| match name {
        "SOPS_AGE_KEY_FILE" if holder != Holder::Target => Some(KEY_FILE.into()),
        "SOPS_AGE_KEY" if holder != Holder::Source => Some(TARGET.identity().expose().into()),
        _ => None,
    }))
}

fn decrypted(path: &Path) -> String {
    let Ok(bytes) = fs::read(path) else { return String::new() };
    let file = DecryptedFile::decrypt_bytes("x", bytes, SopsFormat::Yaml, &identities(Holder::Both)).unwrap();
    String::from_utf8(file.plaintext().unwrap().to_vec()).unwrap()
}

fn start() -> Timestamp {
    Timestamp::from_system_time(std::time::SystemTime::UNIX_EPOCH)
}

/// Promotes from `x` to `y` and writes the result, or merges what waits for `y`. Returns the names that were copied,
/// and the number of files.
fn promote(root: &Path, holder: Holder, deletions: bool, is_merge: bool) -> (Vec<String>, usize) {
    let project = Project::discover(root).unwrap();
    let pipeline = Pipeline::new(&project, identities(holder));
    let (from, to) = ("x".into(), "y".into());
    let history = PromotionHistory::read(&project, ("x", "y"), None).unwrap();
    let identities = identities(holder);
    let request = PromotionRequest {
        from: &from,
        to: &to,
        keys: &[],
        ours: &[],
        theirs: &[],
        deletions,
        stage: true,
        identities: &identities,
        now: start(),
    };
    let shown = |problems: &Diagnostics| problems.iter().map(|problem| problem.message.clone()).collect::<Vec<_>>();
    let plan = if is_merge { plan_merge } else { plan_promotion };
    let planned = plan(&pipeline, &project.apps[0], &request, &history);
    let Some(planned) = planned.unwrap_or_else(|problems| panic!("{:?}", shown(&problems))) else {
        return (Vec::new(), 0);
    };
    let AppPromotion { rows, staged, merged, .. } = planned;
    let copied = rows.iter().filter(|row| row.is_change()).map(|row| row.name.clone()).collect();
    let count = staged.len();
    for file in staged {
        fs::write(&file.path, &file.bytes).unwrap();
    }
    if let Some(file) = merged {
        fs::remove_file(&file.path).unwrap();
    }
    (copied, count)
}

#[test]
fn promotions_are_repeatable_exact_and_keep_secrets() {
    let counts = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..THREADS).map(|part| scope.spawn(move || promote_some(part))).collect();
        parts.into_iter().map(|part| part.join().unwrap()).sum::<usize>()
    });
    assert!(counts > 1_000, "{counts} values were copied");
}

/// Promotes in every nth project. Returns the number of copied values.
fn promote_some(part: u64) -> usize {
    let text = read(Path::new(KEY_FILE));
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let cases = (1..=CASES).filter(|case| case % THREADS == part);
    cases.map(|case| RandomProject::new(case, recipient).promote()).sum()
}

/// A project with the environments `x` and `y`.
struct RandomProject {
    case: u64,
    directory: tempfile::TempDir,
    /// Keys with what the base says of them.
    rules: Vec<(&'static str, &'static str)>,
    /// Values that must be in no plain file.
    canaries: Vec<String>,
    /// Texts of the plain entries of `y`.
    parts: BTreeMap<String, String>,
    /// Whether `y` has recipients of its own.
    is_divided: bool,
    /// Whether the rule of `y` leaves comments in plaintext.
    is_by_leaf_keys: bool,
    /// Whether removals are promoted.
    deletions: bool,
}

/// Texts of the own layer of an environment, in plaintext: of the plain file, and of the encrypted one.
type OwnTexts = [String; 2];

impl RandomProject {
    fn new(case: u64, recipient: &str) -> Self {
        let mut random = Random(case.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let rules: Vec<_> = KEYS.iter().map(|key| (*key, random.one(&RULES))).collect();
        let directory = tempfile::tempdir().unwrap();
        let (is_divided, deletions) = (random.below(2) == 0, random.below(2) == 0);
        let is_by_leaf_keys = random.below(3) == 0;
        let (canaries, parts) = (Vec::new(), BTreeMap::new());
        let mut project = Self { case, directory, rules, canaries, parts, is_divided, is_by_leaf_keys, deletions };
        let target = if is_divided { TARGET.recipient().to_owned() } else { recipient.to_owned() };
        let selector = if is_by_leaf_keys { format!(", encrypted_regex: '{LEAF_KEYS}'") } else { String::new() };
        let rule = format!(
            "creation_rules: [{{ path_regex: 'y\\.secrets\\.yaml$', age: {target}{selector} }}, {{ path_regex: '\\.secrets\\.yaml$', age: {recipient} }}]\n"
        );
        fs::write(project.at(".sops.yaml"), rule).unwrap();
        fs::write(project.at("base.yaml"), project.base()).unwrap();
        for name in ["x", "y"] {
            project.add_environment(&mut random, name, if name == "y" { &target } else { recipient });
        }
        project
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn base(&self) -> String {
        let list = |is_of_bundle: bool| {
            let keys = self.rules.iter().filter(|(key, _)| key.contains('/') == is_of_bundle);
            let lines = keys.map(|(key, rule)| format!("{}: {rule}", key.rsplit('/').next().unwrap()));
            lines.collect::<Vec<_>>().join(", ")
        };
        format!("app: app\ndata: {{ {} }}\nbundles: {{ b: {{ data: {{ {} }} }} }}\n", list(false), list(true))
    }

    fn add_environment(&mut self, random: &mut Random, name: &str, recipient: &str) {
        let (mut plain, mut secret) = (Vec::new(), Vec::new());
        for (key, rule) in &self.rules {
            let is_secret = rule.contains("sensitive") && random.below(2) == 0;
            match random.below(5) {
                0 | 1 => plain.push((*key, format!("v{:x}", random.below(1 << 30)))),
                // removed there
                2 if name == "x" && !is_secret => plain.push((*key, "null".to_owned())),
                _ => {}
            }
            let is_plain = plain.last().is_some_and(|(known, _)| known == key);
            match random.below(4) {
                0 if is_secret && name == "x" && !is_plain => secret.push((*key, format!("null {}", canary(random)))),
                _ if is_secret => secret.push((*key, canary(random))),
                _ => {}
            }
        }
        let (text, parts) = layer(random, &plain, false, None);
        fs::write(self.at(&format!("{name}.yaml")), text).unwrap();
        self.parts = parts;
        if !secret.is_empty() {
            // comments that the rule leaves in plaintext are not secret
            let is_by_leaf_keys = self.is_by_leaf_keys && name == "y";
            let (text, _) = layer(random, &secret, true, is_by_leaf_keys.then_some("a note"));
            let mut plan = EncryptionPlan::new(Recipients::from_age(vec![Recipient::parse(recipient).unwrap()]));
            if is_by_leaf_keys {
                plan.selector = Selector::EncryptedRegex(GoRegex::parse(LEAF_KEYS).unwrap());
            }
            let written = encrypt_file("x", text.into_bytes(), SopsFormat::Yaml, &plan, start()).unwrap();
            fs::write(self.at(&format!("{name}.secrets.yaml")), written.bytes).unwrap();
        }
        self.canaries.extend(secret.into_iter().map(|(_, value)| value.trim_start_matches("null ").to_owned()));
    }

    fn texts(&self, name: &str) -> OwnTexts {
        [read(&self.at(&format!("{name}.yaml"))), decrypted(&self.at(&format!("{name}.secrets.yaml")))]
    }

    /// Promotes twice. Returns the number of values that were copied.
    fn promote(&self) -> usize {
        let (source, before) = (self.texts("x"), self.texts("y"));
        let files = || ["base.yaml", "x.secrets.yaml"].map(|name| read(&self.at(name)));
        let (untouched, closed) = (files(), read(&self.at("y.secrets.yaml")));

        let run = |holder, is_merge| promote(self.directory.path(), holder, self.deletions, is_merge);
        let (mut copied, _) = run(Holder::Source, false);
        self.check_plaintext("promoted");
        if self.at("y.incoming.secrets.yaml").exists() {
            assert!(self.is_divided && !closed.is_empty(), "case {}", self.case);
            assert_eq!(read(&self.at("y.secrets.yaml")), closed, "case {}", self.case);
            let waiting = || decrypted(&self.at("y.incoming.secrets.yaml"));
            let first = waiting();
            // again: the same waits
            run(Holder::Source, false);
            assert_eq!(waiting(), first, "case {}", self.case);
            copied.extend(run(Holder::Target, true).0);
            copied.sort();
            copied.dedup();
        } else {
            assert_eq!(run(Holder::Target, true), (Vec::new(), 0), "case {}", self.case);
        }

        let after = self.texts("y");
        let context = format!(
            "case {} ({} {}): {copied:?}\n--- base\n{}--- x\n{}\n--- y before\n{}\n--- y after\n{}",
            self.case,
            self.is_divided,
            self.deletions,
            self.base(),
            source.join("---\n"),
            before.join("---\n"),
            after.join("---\n"),
        );
        assert_eq!((self.texts("x"), files()), (source.clone(), untouched), "{context}");
        self.check_values(&copied, [&source, &before, &after], &context);
        self.check_others(&copied, &after, &closed, &context);
        self.check_comments(&copied, &after, &context);
        self.check_plaintext(&context);
        assert_eq!(run(Holder::Both, false), (Vec::new(), 0), "{context}");
        assert_eq!(self.texts("y"), after, "{context}");
        copied.len()
    }

    /// No file has a secret in plaintext.
    fn check_plaintext(&self, context: &str) {
        for entry in fs::read_dir(self.directory.path()).unwrap() {
            let text = read(&entry.unwrap().path());
            assert!(self.canaries.iter().all(|canary| !text.contains(canary.as_str())), "{context}");
        }
    }

    /// Comments above a plain value that was replaced are still there.
    fn check_comments(&self, copied: &[String], after: &OwnTexts, context: &str) {
        let is_plain = |key: &str| self.rules.iter().any(|(known, rule)| *known == key && !rule.contains("sensitive"));
        for (_, part) in self.parts.iter().filter(|(key, _)| copied.contains(key) && is_plain(key)) {
            for comment in part.lines().map(str::trim).take_while(|line| line.starts_with('#')) {
                assert!(after[0].lines().any(|line| line.trim() == comment), "{comment} {context}");
            }
        }
    }

    /// What is promoted is the same in both, and nothing else changes.
    fn check_values(&self, copied: &[String], [source, before, after]: [&OwnTexts; 3], context: &str) {
        let (wanted, was, is) = (own_values(source), own_values(before), own_values(after));
        let plain = own_values(&after[..1]);
        for (key, rule) in &self.rules {
            let is_promoted = !rule.contains("never") && (!rule.contains("sensitive") || rule.contains("always"));
            if is_promoted && let Some(value) = wanted.get(*key).filter(|value| self.deletions || *value != "null") {
                assert_eq!(is.get(*key), Some(value), "{key} {context}");
                // a secret is in the encrypted file alone
                let is_readable = plain.get(*key).is_some_and(|value| value != "null");
                assert!(!rule.contains("sensitive") || !is_readable, "{key} {context}");
            } else {
                assert_eq!(is.get(*key), was.get(*key), "{key} {context}");
            }
            assert!(is_promoted || !copied.iter().any(|name| name == key), "{key} {context}");
        }
    }

    /// The texts of other entries are as they were, and so are their ciphertexts.
    fn check_others(&self, copied: &[String], after: &OwnTexts, closed: &str, context: &str) {
        for (_, part) in self.parts.iter().filter(|(key, _)| !copied.contains(key)) {
            assert!(after[0].contains(part.as_str()), "{part} {context}");
        }
        let names: Vec<_> = copied.iter().map(|name| format!("{}:", name.rsplit('/').next().unwrap())).collect();
        let is_of_copied = |line: &str| names.iter().any(|name| line.starts_with(name.as_str()));
        let open = read(&self.at("y.secrets.yaml"));
        for line in closed.lines().filter(|line| line.contains("ENC[") && !line.contains("type:comment")) {
            let key = line.trim_start();
            let is_other = !is_of_copied(key) && !key.starts_with("mac:") && !key.starts_with("value:");
            let ciphertext = line.split_once("ENC[").and_then(|(_, rest)| rest.split_once(']')).unwrap().0;
            assert!(!is_other || open.contains(ciphertext), "{line} {context}");
        }
    }
}
