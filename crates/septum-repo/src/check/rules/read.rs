//! From a file to rules. Unsupported syntax is rejected: a rule that silently means something else is worse than
//! none.

use std::ops::Range;

use aho_corasick::AhoCorasick;
use regex::Regex;

use super::allowlist::{Allowlist, AllowlistCondition, AllowlistTarget};
use super::rule::CustomRule;
use super::toml::{self, TomlField, TomlKind, TomlNode};
use super::{RuleKeywords, UserRules};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule, did_you_mean};
use crate::go_regex::{RegexError, compile_for_text};
use crate::sort::sort;
use crate::span::{Location, Source};

/// The known fields of a file. `minVersion` is about versions of gitleaks.
const FILE: &[&str] = &["title", "description", "extend", "rules", "allowlist", "allowlists", "minVersion"];

const EXTEND: &[&str] = &["useDefault", "path", "url", "disabledRules"];

const RULE: &[&str] = &[
    "id",
    "description",
    "regex",
    "secretGroup",
    "entropy",
    "keywords",
    "path",
    "tags",
    "allowlist",
    "allowlists",
    "required",
    "skipReport",
];

/// The known fields of an allowlist; the last one is allowed only in an allowlist of the whole file.
const ALLOWLIST: &[&str] =
    &["description", "condition", "commits", "paths", "regexTarget", "regexes", "stopwords", "targetRules"];

/// Largest entropy of a byte, in bits.
const MOST_ENTROPY: f64 = 8.0;

pub(super) fn read_rules(source: &Source) -> Result<UserRules, Diagnostics> {
    let root = toml::parse_toml(source)?;
    let mut reader = RuleFileReader { source, problems: Diagnostics::new(), ids: Vec::new() };
    let rules = reader.file(&root);
    if reader.problems.is_empty() { rules.ok_or(reader.problems) } else { Err(reader.problems) }
}

struct RuleFileReader<'s> {
    source: &'s Source,
    problems: Diagnostics,
    /// The ids of rules, invalid ones included, and their locations.
    ids: Vec<(String, Range<usize>)>,
}

/// The known fields of a table, by their names as gitleaks documents them.
struct RuleTable<'t> {
    range: Range<usize>,
    list: Vec<(&'static str, &'t TomlField)>,
}

impl<'t> RuleTable<'t> {
    fn get(&self, name: &str) -> Option<&'t TomlField> {
        self.list.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }
}

/// An allowlist, and the rules that it applies to, if they are others than the enclosing ones.
struct ScopedAllowlist {
    allowlist: Allowlist,
    targets: Vec<(String, Range<usize>)>,
}

/// Visibility of the text of an error: an allowed text may be a former secret.
#[derive(Clone, Copy)]
enum MistakeVisibility {
    Open,
    Hidden,
}

impl RuleFileReader<'_> {
    fn file(&mut self, root: &TomlNode) -> Option<UserRules> {
        let fields = self.fields(root, "a rules file", FILE)?;
        for name in ["title", "description", "minVersion"] {
            self.text(fields.get(name));
        }
        self.check_extend(&fields);
        let (mut rules, mut words) = (Vec::new(), Vec::new());
        let before = self.problems.len();
        let tables = self.tables(fields.get("rules"));
        if tables.is_empty() && self.problems.len() == before {
            let message = format!("`{}` contains no rules, so it finds nothing", self.source.name());
            let mistake = self.mistake_at(&(0..0), message).hint("add `[[rules]]` with an `id` and a `regex`");
            self.problems.push(mistake);
        }
        for table in tables {
            if let Some((rule, keywords)) = self.rule(table) {
                words.extend(keywords.iter().map(|word| (word.to_lowercase(), rules.len())));
                rules.push((rule, keywords.is_empty()));
            }
        }
        let allowlists = self.allowlists(&fields, "an allowlist", ALLOWLIST);
        let keywords = self.keywords(words, &rules)?;
        let mut rules: Vec<_> = rules.into_iter().map(|(rule, _)| rule).collect();
        let allowlists = self.assign_allowlists(allowlists, &mut rules);
        Some(UserRules { name: self.source.name().to_owned(), rules, allowlists, keywords })
    }

    /// Checks the base of a file. The built-in detectors always apply.
    fn check_extend(&mut self, fields: &RuleTable<'_>) {
        let Some(field) = fields.get("extend") else { return };
        let Some(extend) = self.fields(&field.value, "`extend`", EXTEND) else { return };
        self.read_bool(extend.get("useDefault"));
        for name in ["path", "url"] {
            let Some(field) = extend.get(name) else { continue };
            let message = format!("`{name}` refers to another file, but a rules file cannot include others");
            let mistake =
                self.mistake_at(&field.range, message).hint("pass that file as well: `--rules FILE --rules FILE`");
            self.problems.push(mistake);
        }
        if let Some(field) = extend.get("disabledRules") {
            let mistake = self
                .mistake_at(&field.range, "`disabledRules` is not supported: built-in detectors cannot be disabled")
                .hint("remove it; accept single findings with `allow` and a reason");
            self.problems.push(mistake);
        }
    }

    /// A rule and its keywords.
    fn rule(&mut self, table: &TomlNode) -> Option<(CustomRule, Vec<String>)> {
        let fields = self.fields(table, "a rule", RULE)?;
        let id = self.id(&fields);
        let name = id.as_ref().map_or_else(|| "a rule".to_owned(), |id| format!("the rule `{id}`"));
        let description = self.read_filled_text(fields.get("description")).map(|(text, _)| text.to_owned());
        let (given, path) = (self.read_filled_text(fields.get("regex")), fields.get("path"));
        let regex = given.and_then(|(text, node)| self.regex(text, node, MistakeVisibility::Open));
        let has_path = self.read_filled_text(path);
        let path = has_path.and_then(|(text, node)| self.regex(text, node, MistakeVisibility::Open));
        if given.is_none() && has_path.is_none() {
            let mistake = self
                .mistake_at(&fields.range, format!("{name} has neither `regex` nor `path`, so it finds nothing"))
                .hint("add a `regex`; the default rules of gitleaks cannot be extended here, but can be copied");
            self.problems.push(mistake);
        }
        let group = self.group(fields.get("secretGroup"), regex.as_ref());
        let entropy = self.entropy(fields.get("entropy"));
        let keywords = self.texts(fields.get("keywords"));
        self.texts(fields.get("tags"));
        self.refuse_dependencies(&fields);
        let listed = self.allowlists(&fields, "an allowlist of a rule", ALLOWLIST.split_last()?.1);
        let allowlists = listed.into_iter().map(|listed| listed.allowlist).collect();
        let keywords = keywords.into_iter().map(|(word, _)| word.to_owned()).collect();
        Some((CustomRule { id: id?, description, regex, group, entropy, path, allowlists }, keywords))
    }

    /// The id of a rule, which must be unique.
    fn id(&mut self, fields: &RuleTable<'_>) -> Option<String> {
        let before = self.problems.len();
        let Some((id, node)) = self.read_filled_text(fields.get("id")).filter(|(id, _)| !id.trim().is_empty()) else {
            if self.problems.len() == before {
                let mistake =
                    self.mistake_at(&fields.range, "a rule has no `id`").hint("give it an `id`: findings refer to it");
                self.problems.push(mistake);
            }
            return None;
        };
        match self.ids.iter().find(|(known, _)| known == id) {
            Some((_, first)) => {
                let mistake = self
                    .mistake_at(&node.range, format!("two rules have the `id` `{id}`"))
                    .at_with(self.place(first), "first defined here")
                    .hint("change the `id` of one of them");
                self.problems.push(mistake);
            }
            None => self.ids.push((id.to_owned(), node.range.clone())),
        }
        Some(id.to_owned())
    }

    /// Refuses fields that make a rule depend on others.
    fn refuse_dependencies(&mut self, fields: &RuleTable<'_>) {
        if let Some(field) = fields.get("required") {
            let mistake = self
                .mistake_at(
                    &field.range,
                    "`required` is not supported: it depends on matches of other rules nearby, but each value is checked alone",
                )
                .hint("write a `regex` that matches the secret itself");
            self.problems.push(mistake);
        }
        let skip = fields.get("skipReport");
        if let (Some(true), Some(field)) = (self.read_bool(skip), skip) {
            let mistake = self
                .mistake_at(&field.range, "a rule with `skipReport` reports none of its findings")
                .hint("remove the field or the rule");
            self.problems.push(mistake);
        }
    }

    fn group(&mut self, field: Option<&TomlField>, regex: Option<&Regex>) -> usize {
        let Some(field) = field else { return 0 };
        let TomlKind::Integer(number) = field.value.kind else {
            return self.report_type(field, "an integer").unwrap_or_default();
        };
        let Some(regex) = regex else { return 0 };
        let most = regex.captures_len() - 1;
        let found = usize::try_from(number).ok().filter(|group| *group <= most);
        if found.is_none() {
            let message = match most {
                0 => "`secretGroup` refers to a group, but the `regex` has none".to_owned(),
                most => format!("`secretGroup` expects one of the groups of the `regex`, 1 to {most}, found {number}"),
            };
            let mistake = self.mistake_at(&field.value.range, message).hint("put `(…)` around the secret");
            self.problems.push(mistake);
        }
        found.unwrap_or_default()
    }

    fn entropy(&mut self, field: Option<&TomlField>) -> Option<f64> {
        let field = field?;
        let number = match field.value.kind {
            TomlKind::Integer(number) => i32::try_from(number).map_or(f64::INFINITY, f64::from),
            TomlKind::Float(number) => number,
            _ => return self.report_type(field, "a number"),
        };
        if !(0.0..=MOST_ENTROPY).contains(&number) {
            return self.report_unknown(&field.value, "`entropy` must be a number from 0 to 8 (bits per character)");
        }
        // to gitleaks, 0 is none
        (number > 0.0).then_some(number)
    }

    fn allowlists(&mut self, fields: &RuleTable<'_>, of: &str, known: &'static [&'static str]) -> Vec<ScopedAllowlist> {
        let (former, current) = (fields.get("allowlist"), fields.get("allowlists"));
        if let (Some(former), Some(_)) = (former, current) {
            let mistake = self
                .mistake_at(&former.range, "`allowlist` is the old name of `allowlists`; both are given here")
                .hint("write each as `[[allowlists]]`, or `[[rules.allowlists]]`");
            self.problems.push(mistake);
        }
        let tables = former.map(|field| &field.value).into_iter().chain(self.tables(current));
        tables.filter_map(|table| self.allowlist(table, of, known)).collect()
    }

    fn allowlist(&mut self, table: &TomlNode, of: &str, known: &'static [&'static str]) -> Option<ScopedAllowlist> {
        let fields = self.fields(table, of, known)?;
        self.text(fields.get("description"));
        let condition = match self.read_filled_text(fields.get("condition")) {
            None => AllowlistCondition::Or,
            Some((text, node)) => match text.to_uppercase().as_str() {
                "OR" | "||" => AllowlistCondition::Or,
                "AND" | "&&" => AllowlistCondition::And,
                // the file is refused, and the rest of the list is checked
                _ => self.report_unknown(node, "`condition` must be `AND` or `OR`").unwrap_or(AllowlistCondition::Or),
            },
        };
        let target = match self.read_filled_text(fields.get("regexTarget")) {
            None | Some(("secret", _)) => AllowlistTarget::Secret,
            Some(("match", _)) => AllowlistTarget::Match,
            Some(("line", _)) => AllowlistTarget::Line,
            Some((_, node)) => self
                .report_unknown(node, "`regexTarget` must be `secret`, `match` or `line`")
                .unwrap_or(AllowlistTarget::Secret),
        };
        let [paths, regexes] = ["paths", "regexes"].map(|name| {
            let texts = self.texts(fields.get(name)).into_iter();
            texts.filter_map(|(text, node)| self.regex(text, node, MistakeVisibility::Hidden)).collect::<Vec<_>>()
        });
        let stopwords: Vec<_> =
            self.texts(fields.get("stopwords")).iter().map(|(word, _)| word.to_lowercase()).collect();
        let has_commits = !self.texts(fields.get("commits")).is_empty();
        let is_listed = |field: &TomlField| !matches!(&field.value.kind, TomlKind::List(items) if items.is_empty());
        if !["paths", "regexes", "stopwords", "commits"].iter().filter_map(|name| fields.get(name)).any(is_listed) {
            let mistake = self
                .mistake_at(&fields.range, format!("{of} allows nothing"))
                .hint("add `regexes`, `stopwords` or `paths`, or remove it");
            self.problems.push(mistake);
        }
        let stopwords = self.words(&stopwords).filter(|_| !stopwords.is_empty());
        let targets = self.texts(fields.get("targetRules")).into_iter();
        let targets = targets.map(|(id, node)| (id.to_owned(), node.range.clone())).collect();
        Some(ScopedAllowlist {
            allowlist: Allowlist { condition, has_commits, paths, target, regexes, stopwords },
            targets,
        })
    }

    /// Adds allowlists to the rules that they name; the others apply to all.
    fn assign_allowlists(&mut self, listed: Vec<ScopedAllowlist>, rules: &mut [CustomRule]) -> Vec<Allowlist> {
        let mut general = Vec::new();
        for ScopedAllowlist { allowlist, targets } in listed {
            if targets.is_empty() {
                general.push(allowlist);
                continue;
            }
            for (id, range) in targets {
                if self.ids.iter().all(|(known, _)| *known != id) {
                    let mistake = self
                        .mistake_at(&range, format!("unknown rule `{id}` in `{}`", self.source.name()))
                        .maybe_hint(did_you_mean(&id, self.ids.iter().map(|(known, _)| known.as_str())));
                    self.problems.push(mistake);
                }
                let targeted = rules.iter_mut().filter(|rule| rule.id == id);
                targeted.for_each(|rule| rule.allowlists.push(allowlist.clone()));
            }
        }
        general
    }

    fn keywords(&mut self, pairs: Vec<(String, usize)>, rules: &[(CustomRule, bool)]) -> Option<RuleKeywords> {
        let mut words: Vec<String> = pairs.iter().map(|(word, _)| word.clone()).collect();
        sort(&mut words);
        words.dedup();
        let mut owners = vec![Vec::new(); words.len()];
        for (word, rule) in pairs {
            if let Some(owners) = words.binary_search(&word).ok().and_then(|at| owners.get_mut(at)) {
                owners.push(rule);
            }
        }
        let wordless =
            rules.iter().enumerate().filter(|(_, (_, is_wordless))| *is_wordless).map(|(at, _)| at).collect();
        Some(RuleKeywords { words: self.words(&words)?, owners, wordless })
    }

    fn words(&mut self, words: &[String]) -> Option<AhoCorasick> {
        let built = AhoCorasick::new(words).map_err(|error| {
            self.mistake_at(&(0..0), format!("cannot build the keyword search of `{}`: {error}", self.source.name()))
        });
        self.problems.take(built)
    }
}

/// Reads fields and their values. A value of another type is reported, and then treated as missing.
impl RuleFileReader<'_> {
    fn place(&self, range: &Range<usize>) -> Location {
        self.source.place(self.source.locate(range.start, range.end))
    }

    fn mistake_at(&self, range: &Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(Rule::RulesFile, message).at(self.place(range))
    }

    /// The fields of a table. Their names are case-insensitive, as in gitleaks.
    fn fields<'t>(&mut self, node: &'t TomlNode, of: &str, known: &'static [&'static str]) -> Option<RuleTable<'t>> {
        let TomlKind::Table(all) = &node.kind else {
            let message = format!("expected a table for {of}, found {}", node.kind.noun());
            self.problems.push(self.mistake_at(&node.range, message));
            return None;
        };
        let mut fields = RuleTable { range: node.range.clone(), list: Vec::new() };
        for field in all {
            let Some(name) = known.iter().find(|name| name.eq_ignore_ascii_case(&field.name)) else {
                let mistake = self
                    .mistake_at(&field.range, format!("unknown field `{}` in {of}", field.name))
                    .maybe_hint(did_you_mean(&field.name, known.iter().copied()));
                self.problems.push(mistake);
                continue;
            };
            if let Some(first) = fields.get(name) {
                let mistake = self
                    .mistake_at(&field.range, format!("duplicate field `{}`", field.name))
                    .at_with(self.place(&first.range), "first defined here");
                self.problems.push(mistake);
                continue;
            }
            fields.list.push((name, field));
        }
        Some(fields)
    }

    fn report_type<T>(&mut self, field: &TomlField, expected: &str) -> Option<T> {
        let message = format!("expected {expected} for `{}`, found {}", field.name, field.value.kind.noun());
        self.problems.push(self.mistake_at(&field.value.range, message));
        None
    }

    fn report_unknown<T>(&mut self, node: &TomlNode, message: &str) -> Option<T> {
        self.problems.push(self.mistake_at(&node.range, message));
        None
    }

    fn text<'t>(&mut self, field: Option<&'t TomlField>) -> Option<(&'t str, &'t TomlNode)> {
        let field = field?;
        match &field.value.kind {
            TomlKind::Text(text) => Some((text, &field.value)),
            _ => self.report_type(field, "a string"),
        }
    }

    /// A text that is not empty: gitleaks treats an empty one as missing.
    fn read_filled_text<'t>(&mut self, field: Option<&'t TomlField>) -> Option<(&'t str, &'t TomlNode)> {
        self.text(field).filter(|(text, _)| !text.is_empty())
    }

    fn read_bool(&mut self, field: Option<&TomlField>) -> Option<bool> {
        let field = field?;
        match &field.value.kind {
            TomlKind::Truth(truth) => Some(*truth),
            _ => self.report_type(field, "`true` or `false`"),
        }
    }

    /// Texts that are not empty: an empty one matches every text.
    fn texts<'t>(&mut self, field: Option<&'t TomlField>) -> Vec<(&'t str, &'t TomlNode)> {
        let Some(field) = field else { return Vec::new() };
        let TomlKind::List(items) = &field.value.kind else {
            return self.report_type(field, "a list of strings").unwrap_or_default();
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.kind {
                TomlKind::Text(text) if text.is_empty() => {
                    let message = format!("`{}` contains an empty string, which matches everything", field.name);
                    self.problems.push(self.mistake_at(&item.range, message).hint("remove it"));
                }
                TomlKind::Text(text) => texts.push((text.as_str(), item)),
                kind => {
                    let message = format!("expected strings in `{}`, found {}", field.name, kind.noun());
                    self.problems.push(self.mistake_at(&item.range, message));
                }
            }
        }
        texts
    }

    fn tables<'t>(&mut self, field: Option<&'t TomlField>) -> &'t [TomlNode] {
        let Some(field) = field else { return &[] };
        match &field.value.kind {
            TomlKind::List(items) => items,
            _ => self.report_type(field, "a list of tables").unwrap_or_default(),
        }
    }

    fn regex(&mut self, text: &str, node: &TomlNode, shown: MistakeVisibility) -> Option<Regex> {
        compile_for_text(text)
            .map_err(|mistake| self.problems.push(self.regex_mistake(text, node, mistake, shown)))
            .ok()
    }

    fn regex_mistake(&self, text: &str, node: &TomlNode, mistake: RegexError, shown: MistakeVisibility) -> Diagnostic {
        let RegexError { at, reason, hint } = mistake;
        // offsets in a text with escapes of TOML are unknown
        let written = self.source.text().get(node.range.clone()).and_then(|written| written.find(text));
        let range = match (written, at) {
            (Some(start), Some((from, to))) => {
                let start = node.range.start + start;
                start + from..start + to
            }
            _ => node.range.clone(),
        };
        let message = format!("invalid or unsupported regular expression: {reason}");
        let error = Diagnostic::error(Rule::RulesFile, message);
        let error = match shown {
            MistakeVisibility::Open => error.at(self.place(&range)),
            MistakeVisibility::Hidden => error.at_masked(self.place(&range)),
        };
        error.maybe_hint(hint.map(str::to_owned))
    }
}
