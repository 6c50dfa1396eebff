//! Writing of an import: everything or nothing, and nothing that exists.
//!
//! The files are written to a directory beside the destination, proven there, and moved into place. Until then, layers
//! of secrets are encrypted for an identity that exists only in memory: the proof needs no key of the user.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::environment_names::check_environment_names;
use super::layer_text::list_field;
use super::plan::{ImportPlan, PlannedFile};
use super::proof::{ImportProof, prove_plan, render_json};
use crate::atomic::{self, Access, NewDirectory};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::disk::Disk;
use crate::parallel;
use crate::project::PROJECT_FILE;
use crate::secret_files::{RecipientOptions, encrypt_content, plan_encryption};
use crate::sops::{
    EncryptionPlan, GoRegex, HostSystem, Identities, IdentityKind, IdentitySources, NewIdentity, Recipient, Recipients,
    Selector, SopsConfig, SopsConfigCache, SopsFormat, Timestamp, ValuePath,
};
use crate::sort::CollectSorted;
use crate::span::Source;
use crate::value::OutputValue;
use crate::yaml::node::{YamlKind, YamlNode};
use crate::yaml::read::read_document;
use crate::yaml::write::write_document;

/// Name of a file of rules.
const SOPS_CONFIG: &str = ".sops.yaml";

/// Number of files from which threads are worth their cost.
const FEW: usize = 32;

/// Destination of an import.
pub struct ImportTarget<'a> {
    /// Directory for the layers: absolute, without links. It does not exist, or is empty.
    pub directory: &'a Path,
    /// Name of the directory in messages.
    pub shown: &'a str,
}

impl ImportTarget<'_> {
    /// Name in messages of a file below the directory; without the directory, if that is not shown.
    fn file_name(&self, path: &str) -> String {
        if self.shown == "DIR" { path.to_owned() } else { format!("{}/{path}", self.shown) }
    }
}

/// Means of encrypting the layers of secrets.
pub struct EncryptionSetup<'a> {
    /// Recipients named by the user, for files without a rule.
    pub recipients: RecipientOptions,
    /// Rules for the files.
    pub rules: SopsConfigCache,
    /// Identities of the user, and one more in the form of `SOPS_AGE_KEY`.
    pub identities: &'a dyn Fn(&str) -> Identities,
    /// Content of a new `.sops.yaml`, called if there is none and secrets are written.
    pub new_rule: &'a dyn Fn() -> Result<NewRule, Diagnostics>,
    /// Time of the encryption.
    pub now: Timestamp,
}

/// New file of rules for a recipient.
pub struct NewRule {
    /// Its recipient.
    pub recipient: Recipient,
    /// Content of the file.
    pub text: String,
    /// Lines about the recipient's key, for the user.
    pub description: Vec<String>,
    /// Stores the recipient's private key, if it is new; called before any file is written.
    pub store_key: Box<dyn FnOnce() -> Result<(), Diagnostics>>,
}

/// Result of an import.
pub struct ImportOutcome {
    /// Comparison with what was read.
    pub proof: ImportProof,
    /// Files beside the directory that were created: `.sops.yaml`, `septum.yaml`.
    pub created: Vec<PathBuf>,
    /// Lines about the key of a new file of rules.
    pub key: Vec<String>,
    /// Warnings of the encryption.
    pub warnings: Diagnostics,
}

/// Files of a plan, proven, with secrets encrypted for their recipients. Nothing is written.
pub struct ProvenImport {
    /// Comparison with what was read.
    pub proof: ImportProof,
    /// The files, by their paths below the destination.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Warnings of the encryption.
    pub warnings: Diagnostics,
}

/// Refuses a destination of a command that exists and is not an empty directory.
pub fn check_destination(target: &ImportTarget<'_>, command: &str) -> Result<(), Diagnostic> {
    let shown = target.shown;
    let taken = |what: &str| {
        Diagnostic::error(Rule::Usage, format!("`{shown}` is {what}, and `{command}` never overwrites files"))
            .hint("use another directory: `--out DIR`")
    };
    match Disk::default().list(target.directory) {
        Ok(listed) if listed.is_empty() => Ok(()),
        Ok(_) => Err(taken("not empty")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(taken("a file")),
        Err(error) => Err(Diagnostic::unreadable(shown, &error)),
    }
}

/// Encrypts, writes and proves a plan. Invalid input is an error, and nothing is written; differences are part of the
/// outcome, and the files are written.
pub fn write_import(
    plan: &ImportPlan,
    target: &ImportTarget<'_>,
    setup: &EncryptionSetup<'_>,
) -> Result<ImportOutcome, Diagnostics> {
    check_destination(target, "import")?;
    let above = target.directory.parent().unwrap_or(Path::new("/"));
    let name = target.directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let settings = settings_text(plan, &name);
    if settings.is_some() && Disk::default().has(&above.join(PROJECT_FILE)) {
        return Err(settings_exist(&above.join(PROJECT_FILE)).into());
    }
    let mut warnings = Diagnostics::new();
    let encryption = FinalEncryption::prepare(plan, target, setup, &mut warnings)?;
    let unwritable = |error: io::Error| Diagnostic::unwritable(target.shown, &io::Error::from(error.kind()));
    let directory = NewDirectory::create_beside(target.directory).map_err(unwritable)?;
    let own = stage_files(plan, &directory, settings.as_deref(), setup.now)?;
    let proof = prove_plan(plan, &directory.path(), (setup.identities)(&own), setup.now)?;
    for (path, bytes) in &encryption.files {
        directory.write_file(path, bytes).map_err(unwritable)?;
    }
    let (mut created, mut key) = (Vec::new(), Vec::new());
    if let Some(rule) = encryption.new_rule {
        // the key first: files that nobody can decrypt are worse than a key without files
        (rule.store_key)()?;
        let path = above.join(SOPS_CONFIG);
        atomic::create_new(&path, rule.text.as_bytes(), Access::Usual)
            .map_err(|error| Diagnostic::unwritable(SOPS_CONFIG, &error))?;
        created.push(path);
        key = rule.description;
    }
    if let Some(text) = settings {
        let path = above.join(PROJECT_FILE);
        atomic::create_new(&path, text.as_bytes(), Access::Usual)
            .map_err(|error| Diagnostic::unwritable(PROJECT_FILE, &error))?;
        created.push(path);
    }
    directory.publish().map_err(unwritable)?;
    Ok(ImportOutcome { proof, created, key, warnings })
}

/// Encrypts and proves the layers of a plan, for a command that writes them itself, under rules that exist or are
/// planned.
pub fn prove_import(
    plan: &ImportPlan,
    target: &ImportTarget<'_>,
    setup: &EncryptionSetup<'_>,
) -> Result<ProvenImport, Diagnostics> {
    let mut warnings = Diagnostics::new();
    let encryption = FinalEncryption::prepare(plan, target, setup, &mut warnings)?;
    let proof = in_temporary_directory(plan, setup.now, |directory, own| {
        prove_plan(plan, directory, (setup.identities)(own), setup.now)
    })?;
    let plain = plan.files.iter().filter_map(|(path, file)| match file {
        PlannedFile::Plain(bytes) => Some((path.clone(), bytes.clone())),
        _ => None,
    });
    Ok(ProvenImport { proof, files: plain.chain(encryption.files).collect_map(), warnings })
}

/// Objects that the files of a plan render to, by environment. Nothing is written to the destination.
pub fn render_plan(plan: &ImportPlan, now: Timestamp) -> Result<BTreeMap<String, Vec<Json>>, Diagnostics> {
    in_temporary_directory(plan, now, |directory, own| {
        let sources = IdentitySources::of(HostSystem::current(), |name| (name == "SOPS_AGE_KEY").then(|| own.into()));
        render_json(directory, Identities::new(sources), now)
    })
}

/// Stages the files of a plan in a temporary directory, for a function that also gets the identity that decrypts them.
fn in_temporary_directory<T>(
    plan: &ImportPlan,
    now: Timestamp,
    read: impl FnOnce(&Path, &str) -> Result<T, Diagnostics>,
) -> Result<T, Diagnostics> {
    const NAME: &str = "environments";
    let unwritable = |error: io::Error| Diagnostic::unwritable("a temporary directory", &io::Error::from(error.kind()));
    let staging = tempfile::Builder::new().prefix("septum-import-").tempdir().map_err(unwritable)?;
    let real = crate::disk::canonical_path(staging.path()).map_err(unwritable)?;
    let directory = NewDirectory::create_beside(&real.join(NAME)).map_err(unwritable)?;
    let own = stage_files(plan, &directory, settings_text(plan, NAME).as_deref(), now)?;
    read(&directory.path(), &own)
}

/// Text of `septum.yaml`, if the plan needs one.
fn settings_text(plan: &ImportPlan, name: &str) -> Option<String> {
    if plan.apps.is_empty() && plan.references.is_none() {
        return None;
    }
    let apps = if plan.apps.is_empty() {
        vec![name.to_owned()]
    } else {
        plan.apps.iter().map(|app| format!("{name}/{app}")).collect()
    };
    let mut text = write_document(&OutputValue::map([("apps", list_field(apps))]));
    if let Some(references) = &plan.references {
        text.push_str("references:\n");
        text.push_str(references);
    }
    Some(text)
}

fn settings_exist(path: &Path) -> Diagnostic {
    Diagnostic::error(Rule::Usage, format!("`{}` exists, and the import needs one of its own", path.display()))
        .hint("import to a directory without one with `--out DIR/environments`, and merge the two files")
}

/// Writes all files, secrets encrypted for an identity that is returned and kept nowhere.
fn stage_files(
    plan: &ImportPlan,
    directory: &NewDirectory,
    settings: Option<&str>,
    now: Timestamp,
) -> Result<String, Diagnostics> {
    let names: Vec<_> = plan.expected.iter().map(|environment| environment.name.as_str()).collect();
    check_environment_names(&names, "choose another name: `ENV=FILE`")?;
    let own = NewIdentity::generate(IdentityKind::X25519).ok_or_else(Diagnostic::no_randomness)?;
    let recipient = Recipient::parse(own.recipient()).map_err(|_| Diagnostic::no_randomness())?;
    let encryption = EncryptionPlan::new(Recipients::from_age(vec![recipient]));
    let unwritable = |path: &str, error: &io::Error| Diagnostic::unwritable(path, error);
    if let Some(text) = settings {
        let beside = directory.path().with_file_name(PROJECT_FILE);
        fs::write(beside, text).map_err(|error| unwritable(PROJECT_FILE, &error))?;
    }
    let write = |(path, file): (&String, &PlannedFile)| -> Result<(), Diagnostics> {
        let write = |bytes: &[u8]| directory.write_file(path, bytes).map_err(|error| unwritable(path, &error));
        match file {
            PlannedFile::Plain(bytes) => write(bytes)?,
            PlannedFile::Secret(text)
            | PlannedFile::SecretManifest(text)
            | PlannedFile::Encrypted { staged: text, .. } => {
                let (bytes, _) = encrypt_content(path, text.to_vec(), SopsFormat::Yaml, &encryption, now)?;
                write(&bytes)?;
            }
        }
        Ok(())
    };
    parallel::par_map(plan.files.iter().collect(), FEW, write).into_iter().collect::<Result<(), _>>()?;
    Ok(own.identity().expose().clone())
}

/// Layers of secrets, encrypted for their recipients.
struct FinalEncryption {
    files: Vec<(String, Vec<u8>)>,
    new_rule: Option<NewRule>,
}

impl FinalEncryption {
    fn prepare(
        plan: &ImportPlan,
        target: &ImportTarget<'_>,
        setup: &EncryptionSetup<'_>,
        warnings: &mut Diagnostics,
    ) -> Result<Self, Diagnostics> {
        let (mut files, mut new_rule) = (Vec::new(), None);
        let rules = &setup.rules;
        for (path, file) in &plan.files {
            let (text, is_manifest) = match file {
                PlannedFile::Secret(text) => (text, false),
                PlannedFile::SecretManifest(text) => (text, true),
                PlannedFile::Encrypted { bytes, .. } => {
                    files.push((path.clone(), bytes.clone()));
                    continue;
                }
                PlannedFile::Plain(_) => continue,
            };
            let full = target.directory.join(path);
            let name = target.file_name(path);
            let is_planned = rules.find_rule(&full)?.is_some() || !setup.recipients.usual.is_empty();
            let encryption = if is_planned {
                plan_encryption(rules, &full, &name, &setup.recipients)?
            } else if !plan.recipients.is_empty() {
                let is_reported = warnings.iter().any(|warning| warning.rule == Rule::NoRule);
                warnings.extend(rules.find_nearest(&full).filter(|_| !is_reported).map(|at| without_rule(&at, &name)));
                EncryptionPlan::new(Recipients::from_age(plan.recipients.clone()))
            } else if rules.find_nearest(&full).is_some() {
                plan_encryption(rules, &full, &name, &setup.recipients)?
            } else {
                if new_rule.is_none() {
                    new_rule = Some((setup.new_rule)()?);
                }
                let recipient = new_rule.iter().map(|rule| rule.recipient.clone()).collect();
                let all = EncryptionPlan::new(Recipients::from_age(recipient));
                if is_manifest { with_values_alone(all, new_rule.as_mut()) } else { all }
            };
            check_selected(&name, text, &encryption, is_manifest)?;
            let (bytes, done) = encrypt_content(&name, text.to_vec(), SopsFormat::Yaml, &encryption, setup.now)?;
            warnings.extend(done.warnings);
            files.push((path.clone(), bytes));
        }
        warnings.extend(rules.warnings());
        Ok(Self { files, new_rule })
    }
}

/// Warning: a file is encrypted for the recipients of the files it is from, and no rule says so.
fn without_rule(config: &Path, name: &str) -> Diagnostic {
    let shown = SopsConfig::display_path(config);
    let message = format!("no rule specifies the recipients of `{name}`: it has those of the files that were read");
    Diagnostic::warning(Rule::NoRule, message)
        .note("without a rule, `septum set` creates no file beside it, and `septum rekey` does not change it")
        .hint(format!(
            "add an item to `creation_rules` in `{shown}`: `- {{ path_regex: '\\.secrets\\.yaml$', age: age1… }}`"
        ))
}

/// Selector of the values of Secrets: the rest of the object stays readable.
const VALUES: &str = "^(data|stringData)$";

/// The plan for manifests of Secrets, with a rule of their own in the new file of rules.
fn with_values_alone(plan: EncryptionPlan, rule: Option<&mut NewRule>) -> EncryptionPlan {
    let Ok(selector) = GoRegex::parse(VALUES) else { return plan };
    if let Some(rule) = rule.filter(|rule| !rule.text.contains(VALUES)) {
        let own = format!(
            "creation_rules:\n  # of Secrets among the manifests, the values alone\n  - path_regex: (manifests|as-built)/.*\\.secrets\\.yaml$\n    encrypted_regex: {VALUES}\n    age: {}\n",
            rule.recipient.as_str()
        );
        rule.text = rule.text.replacen("creation_rules:\n", &own, 1);
    }
    EncryptionPlan { selector: Selector::EncryptedRegex(selector), ..plan }
}

/// Refuses a rule that would leave a value in plaintext; of manifests, a value of a Secret.
fn check_selected(name: &str, text: &[u8], plan: &EncryptionPlan, is_manifest: bool) -> Result<(), Diagnostics> {
    let source = Source::new(name, String::from_utf8_lossy(text));
    let mut document = read_document(&source)?;
    if let YamlKind::Map(map) = &mut document.kind
        && is_manifest
    {
        map.retain(|key, _| matches!(key.text.as_str(), "data" | "stringData"));
    }
    let mut path = ValuePath::default();
    match find_plain(&document, &mut path, plan) {
        None => Ok(()),
        Some(path) => Err(Diagnostic::error(
            Rule::PlainValue,
            format!("`{path}` would stay in plaintext in `{name}`: `{}` does not encrypt it", plan.selector),
        )
        .hint("change the selector in `.sops.yaml`")
        .into()),
    }
}

/// Path of a value that the selector leaves in plaintext.
fn find_plain(node: &YamlNode, path: &mut ValuePath, plan: &EncryptionPlan) -> Option<ValuePath> {
    match &node.kind {
        YamlKind::Map(map) => map.iter().find_map(|(key, value)| {
            path.enter_key(&key.text);
            let found = find_plain(value, path, plan);
            path.leave_step();
            found
        }),
        YamlKind::List(items) => items.iter().enumerate().find_map(|(index, item)| {
            path.enter_index(index);
            let found = find_plain(item, path, plan);
            path.leave_step();
            found
        }),
        YamlKind::Scalar(_) => (!plan.selector.encrypts_path(path)).then(|| path.clone()),
    }
}
