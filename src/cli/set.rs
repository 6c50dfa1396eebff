//! `septum set` and `septum unset`

use std::path::Path;

use clap::Args;
use zeroize::Zeroizing;

use super::files::{self, read_value};
use super::help::{CommandHelp, HelpTopic};
use super::output::{OutputStreams, invalid_usage, print_result};
use super::target::{ValueArg, ValueTarget};
use super::{GlobalArgs, user_identities};
use septum::atomic::Access;
use septum::diagnostic::{Diagnostic, Diagnostics, Rule, shell_word};
use septum::disk::Disk;
use septum::files::FileKind;
use septum::name::EnvironmentName;
use septum::pipeline::Pipeline;
use septum::project::Project;
use septum::route::Sensitivity;
use septum::secret_files::{
    EditableFile, FileRewrite, RandomKind, RandomValue, RecipientOptions, SecretEntry, SecretFile, StagedWrite,
    TextValueKind, ValueChange, encrypt_content, entry_value, file_with, parse_typed, plan_encryption,
    refuse_marked_json, refuse_marked_value, write_all,
};
use septum::sops::{Identities, Selector, SopsConfigCache, SopsFormat, SopsTree, TypedValue, ValuePath, ValuePathStep};

/// Set a value in an encrypted file
///
/// Reads the value from standard input, or from a hidden prompt on a terminal. It is never an argument, because other
/// users can see those and shells store them. `--generate` makes a random one.
///
/// With an environment, KEY is a key or a variable as `septum list` shows it. The value is checked against the base and written to
/// the environment's `.secrets.yaml`, which is created by its rule in `.sops.yaml` if it does not exist. With a file,
/// KEY is a path such as `data.hosts[0]`. Only the value, the time and the checksum of the file change.
#[derive(Debug, Args)]
#[command(after_help = SET_HELP.to_text())]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(super) struct SetArgs {
    #[command(flatten)]
    spot: ValueArg,
    /// Parse the value as JSON: a number, a list, a map
    #[arg(long)]
    json: bool,
    /// Set an empty value
    #[arg(long, conflicts_with_all = ["json", "template"])]
    empty: bool,
    /// Allow a value that the file's selector leaves in plaintext
    #[arg(long)]
    plain: bool,
    /// Generate the value, which is not shown: LENGTH letters and digits, hex:BYTES, base64:BYTES, uuid, or age, an
    /// identity whose recipient is printed
    #[arg(long, value_name = "LENGTH|KIND", conflicts_with_all = ["json", "empty", "template", "plain"])]
    generate: Option<RandomKind>,
    /// Allow a value that is a template
    #[arg(long, conflicts_with = "json")]
    template: bool,
}

/// Help of `septum set`.
pub(super) const SET_HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Type a value at a hidden prompt", "septum set prod DATABASE_PASSWORD"),
        ("Set a random value of 32 letters and digits", "septum set prod DATABASE_PASSWORD --generate 32"),
        (
            "Set a value in any encrypted file",
            "openssl rand -hex 16 | septum set environments/prod.secrets.yaml data.DATABASE_PASSWORD",
        ),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project, HelpTopic::Recipients, HelpTopic::Identities],
};

/// Remove a value from an encrypted file
///
/// With an environment, KEY is a key or a variable as `septum list` shows it, and the file is the environment's
/// `.secrets.yaml`. With a file, KEY is a path such as `data.hosts[0]`.
#[derive(Debug, Args)]
#[command(after_help = UNSET_HELP.to_text())]
pub(super) struct UnsetArgs {
    #[command(flatten)]
    spot: ValueArg,
}

/// Help of `septum unset`.
pub(super) const UNSET_HELP: CommandHelp = CommandHelp {
    examples: &[
        ("Remove the value of one environment", "septum unset staging DATABASE_PASSWORD"),
        (
            "Remove a value from any encrypted file",
            "septum unset environments/prod.secrets.yaml data.DATABASE_PASSWORD",
        ),
    ],
    exit_codes: &[],
    topics: &[HelpTopic::Project, HelpTopic::Recipients, HelpTopic::Identities],
};

impl SetArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        match self.spot.find_target(global)? {
            ValueTarget::Environment(project, environment) => self.in_environment(&project, &environment, output),
            ValueTarget::File(file) => self.in_file(global, &file, output),
        }
    }

    fn in_environment(
        &self,
        project: &Project,
        environment: &EnvironmentName,
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        if self.json || self.spot.document().is_some() {
            let flag = if self.json { "--json" } else { "--document" };
            return Err(
                invalid_usage(format!("`{flag}` requires a file; the value of an environment is a string")).into()
            );
        }
        let pipeline = Pipeline::new(project, user_identities());
        let slot = self.spot.locate(&pipeline, project, environment, output)?;
        slot.check_name()?;
        project.files.writable_path(FileKind::Layer, &slot.file)?;
        // without write access, no value need be requested
        let identities = user_identities();
        let place = SecretDestination::for_slot(&slot, &identities)?;
        if self.generate.is_some() && slot.sensitivity == Sensitivity::Plain {
            let message = format!("`{}` is not a secret, so no value is generated for it", slot.label);
            return Err(Diagnostic::error(Rule::PlainValue, message)
                .hint("declare `sensitive: true` in `base.yaml` first")
                .into());
        }
        let RandomValue { value: bytes, recipient } =
            self.read_value(&format!("{} in {environment}", self.spot.key))?;
        refuse_marked_value(&format!("`{}`", slot.label), &bytes)?;
        slot.check_value(&bytes, self.template)?;
        let tree = parse_typed(&bytes, slot.value_kind()).map_err(|problem| invalid_usage(problem.to_string()))?;
        let rewrite = place.set(&slot, tree, &identities)?;
        write_rewrite(rewrite, &format!("set `{}`", slot.label), "it already has that value", &slot.name, output)?;
        output.print_findings(encryption_consequences(&slot));
        print_recipient(recipient.as_deref())
    }

    /// The value. An empty one is rarely meant: the command that was to print it has failed.
    fn read_value(&self, of: &str) -> Result<RandomValue, Diagnostics> {
        if let Some(kind) = self.generate {
            return Ok(kind.generate().ok_or_else(Diagnostic::no_randomness)?);
        }
        let value = if self.empty { Zeroizing::default() } else { read_value(of)? };
        if value.is_empty() && !self.empty {
            return Err(invalid_usage(format!("empty value for {of}"))
                .hint("to remove a value, use `septum unset`; to set an empty one, use `--empty`")
                .into());
        }
        Ok(RandomValue { value, recipient: None })
    }

    fn in_file(&self, global: &GlobalArgs, file: &Path, output: &OutputStreams) -> Result<(), Diagnostics> {
        if self.spot.app.is_some() || self.spot.bundle.is_some() || self.template {
            return Err(invalid_usage("`--app`, `--bundle` and `--template` require an environment".to_owned()).into());
        }
        let path = self.spot.path()?;
        let file = SecretFile::read(&global.directory, file, None)?;
        let (book, identities) = (SopsConfigCache::default(), user_identities());
        let file = EditableFile::open(file, &book, &identities)?;
        output.print_findings(book.warnings());
        output.print_findings(file.sealed.metadata().unknown_fields());
        output.print_findings(file.sealed.altered_comments());
        let document = self.spot.document();
        let name = file.name.clone();
        if !self.plain {
            encrypted_there(&file, document, &path)?;
        }
        let is_entry = check_key(&file, document, &path)?;
        let shown = shown_location(&file, document, &path, is_entry);
        let RandomValue { value: bytes, recipient } = self.read_value(&format!("{shown} in {name}"))?;
        refuse_marked_value(&shown, &bytes)?;
        if self.json {
            refuse_marked_json(&shown, &bytes)?;
        }
        let kind = match file.value(document, &path) {
            _ if self.json => TextValueKind::Json,
            // a value that was a number stays one, as long as it is one
            Some(TypedValue::Int(_) | TypedValue::Float(_) | TypedValue::Bool(_)) => TextValueKind::Scalar,
            _ => TextValueKind::Text,
        };
        let tree = parse_typed(&bytes, kind).map_err(|problem| invalid_usage(problem.to_string()))?;
        output.print_findings(file.check_layer(document, &path, &tree)?);
        let what = format!("set {shown}");
        let change = ValueChange { document, path, is_entry: false, value: Some(tree) };
        write_rewrite(
            file.rewrite_value(change, &identities, files::current_time())?,
            &what,
            "it already has that value",
            &name,
            output,
        )?;
        print_recipient(recipient.as_deref())
    }
}

/// Prints the public part of a value.
fn print_recipient(recipient: Option<&str>) -> Result<(), Diagnostics> {
    recipient.map_or(Ok(()), |recipient| print_result(&format!("{recipient}\n")))
}

/// Name of a place in messages. The place of a new key may contain a value by mistake, so that it is shown only if it
/// is known: it is an entry of the base, or below an existing map.
fn shown_location(file: &EditableFile, document: Option<usize>, path: &ValuePath, is_entry: bool) -> String {
    let parent: ValuePath = path.steps().iter().take(path.steps().len().saturating_sub(1)).cloned().collect();
    let has_parent =
        || !parent.steps().is_empty() && matches!(file.sealed.find_value(document, &parent), Ok((_, SopsTree::Map(_))));
    if is_entry || file.sealed.find_value(document, path).is_ok() || has_parent() {
        return format!("`{path}`");
    }
    "a new key".to_owned()
}

/// Rules of a key that is not one of a layer.
const OF_KEYS: [Rule; 2] = [Rule::UnknownField, Rule::UnknownKey];

/// Checks that a key of a layer may have a value, before the user types one. Returns whether it is a new entry that
/// the base defines.
fn check_key(file: &EditableFile, document: Option<usize>, path: &ValuePath) -> Result<bool, Diagnostics> {
    let is_new = file.sealed.find_value(document, path).is_err();
    let is_wrong = |path: &ValuePath| match file.check_layer(document, path, &SopsTree::from_text("x")) {
        Ok(_) => false,
        Err(found) => found.iter().any(|problem| OF_KEYS.contains(&problem.rule)),
    };
    if !is_new {
        return Ok(false);
    }
    if !is_wrong(path) {
        // a name that is wrong shows that it was looked for
        let Some((_, parent)) = path.steps().split_last() else { return Ok(false) };
        let other = parent.iter().cloned().chain([ValuePathStep::Key("\u{1}".to_owned())]).collect();
        return Ok(!parent.is_empty() && is_wrong(&other));
    }
    let below: ValuePath =
        [ValuePathStep::Key("data".to_owned())].into_iter().chain(path.steps().iter().cloned()).collect();
    let error = Diagnostic::error(Rule::UnknownKey, format!("unknown key for the layer `{}`", file.name));
    Err(if is_wrong(&below) {
        error
            .hint("entries of the app are `data.KEY`, those of another bundle `bundles.NAME.data.KEY`; `septum list` shows all keys")
            .hint("to add a new entry, define it in `base.yaml` first")
    } else {
        error.hint(format!("`septum set {} '{below}'` sets the entry of that name", shell_word(&file.name)))
    }
    .into())
}

/// Checks that a value will be encrypted at its place: a hidden value must not become readable.
fn encrypted_there(file: &EditableFile, document: Option<usize>, path: &ValuePath) -> Result<(), Diagnostics> {
    let found = file.sealed.find_value(document, path);
    let shown = shown_location(file, document, path, false);
    let document = found.map_or(document.unwrap_or(0), |(document, _)| document);
    if file.sealed.encrypts_path(document, path) {
        return Ok(());
    }
    Err(left_readable(&file.name, &shown, &file.sealed.metadata().selector)
        .hint("if it is not a secret, use `--plain` or `septum edit`")
        .into())
}

fn left_readable(name: &str, shown: &str, selector: &Selector) -> Diagnostic {
    let message = format!("{shown} would stay in plaintext in `{name}`: its `{selector}` does not encrypt it");
    Diagnostic::error(Rule::PlainValue, message)
        .hint("move it below an encrypted key, or change the selector in `.sops.yaml` and run `septum rekey`")
}

/// Destination of a value of an environment.
enum SecretDestination {
    /// An existing file.
    Existing(Box<EditableFile>),
    /// A new file.
    NewFile,
}

impl SecretDestination {
    fn for_slot(slot: &SecretEntry, identities: &Identities) -> Result<Self, Diagnostics> {
        slot.check_single_value()?;
        let book = SopsConfigCache::default();
        if !Disk::default().has(&slot.file) {
            let plan = plan_encryption(&book, &slot.file, &slot.name, &RecipientOptions::default())?;
            if !plan.selector.encrypts_path(&slot.path) {
                return Err(left_readable(&slot.name, &format!("`{}`", slot.label), &plan.selector).into());
            }
            return Ok(Self::NewFile);
        }
        let file = SecretFile::read_as(slot.file.clone(), slot.name.clone(), SopsFormat::Yaml)?;
        let file = EditableFile::open(file, &book, identities)?;
        let path = entry_value(&file.sealed, &slot.path);
        if !file.sealed.encrypts_path(0, &path) {
            return Err(
                left_readable(&slot.name, &format!("`{}`", slot.label), &file.sealed.metadata().selector).into()
            );
        }
        Ok(Self::Existing(Box::new(file)))
    }

    fn set<'a>(
        self,
        slot: &SecretEntry,
        value: SopsTree,
        identities: &'a Identities,
    ) -> Result<FileRewrite<'a, bool>, Diagnostics> {
        let change =
            ValueChange { document: Some(0), path: slot.path.clone(), is_entry: true, value: Some(value.clone()) };
        match self {
            Self::Existing(file) => file.rewrite_value(change, identities, files::current_time()),
            Self::NewFile => {
                // by the current rules: the prompt for the value may have taken long
                let plan =
                    plan_encryption(&SopsConfigCache::default(), &slot.file, &slot.name, &RecipientOptions::default())?;
                let text = file_with(&slot.name, SopsFormat::Yaml, &slot.path, value, plan.layout)?;
                let (bytes, _) = encrypt_content(&slot.name, text, SopsFormat::Yaml, &plan, files::current_time())?;
                let new =
                    StagedWrite { path: slot.file.clone(), name: slot.name.clone(), bytes, access: Access::Usual };
                Ok(change.rewrite_new(new, identities, files::current_time()))
            }
        }
    }
}

impl UnsetArgs {
    pub(super) fn run(&self, global: &GlobalArgs, output: &OutputStreams) -> Result<(), Diagnostics> {
        match self.spot.find_target(global)? {
            ValueTarget::Environment(project, environment) => self.in_environment(&project, &environment, output),
            ValueTarget::File(file) => {
                let path = self.spot.path()?;
                let file = SecretFile::read(&global.directory, &file, None)?;
                let identities = user_identities();
                let file = EditableFile::open(file, &SopsConfigCache::default(), &identities)?;
                remove_value(file, self.spot.document(), path, &identities, output)
            }
        }
    }

    fn in_environment(
        &self,
        project: &Project,
        environment: &EnvironmentName,
        output: &OutputStreams,
    ) -> Result<(), Diagnostics> {
        let pipeline = Pipeline::new(project, user_identities());
        let slot = self.spot.locate(&pipeline, project, environment, output)?;
        slot.check_name()?;
        project.files.writable_path(FileKind::Layer, &slot.file)?;
        if Disk::default().has(&slot.file) {
            let file = SecretFile::read_as(slot.file.clone(), slot.name.clone(), SopsFormat::Yaml)?;
            let identities = user_identities();
            let file = EditableFile::open(file, &SopsConfigCache::default(), &identities)?;
            if file.sealed.get(0, &slot.path).is_some() {
                return remove_value(file, Some(0), slot.path, &identities, output);
            }
        }
        let error = Diagnostic::error(Rule::SopsPath, format!("`{}` is not set in `{}`", slot.label, slot.name));
        Err(match &slot.in_force {
            Some(place) => error.note(format!("its value is set in {place}")),
            None => error.note("it has no value"),
        }
        .into())
    }
}

fn remove_value(
    file: EditableFile,
    document: Option<usize>,
    path: ValuePath,
    identities: &Identities,
    output: &OutputStreams,
) -> Result<(), Diagnostics> {
    let (name, what) = (file.name.clone(), format!("removed `{path}`"));
    output.print_findings(file.sealed.metadata().unknown_fields());
    output.print_findings(file.sealed.altered_comments());
    let change = ValueChange { document, path, is_entry: false, value: None };
    write_rewrite(
        file.rewrite_value(change, identities, files::current_time())?,
        &what,
        "the value was already removed",
        &name,
        output,
    )
}

/// Writes the file and reports it, or the reason why there was nothing to write.
fn write_rewrite(
    rewrite: FileRewrite<'_, bool>,
    what: &str,
    why_not: &str,
    name: &str,
    output: &OutputStreams,
) -> Result<(), Diagnostics> {
    let changed = write_all(vec![rewrite], &|name| output.print_waiting(name))?;
    if changed.contains(&true) {
        output.print_note(&format!("septum: {what} in {name}"));
    } else {
        output.print_note(&format!("septum: `{name}` is unchanged: {why_not}"));
    }
    Ok(())
}

/// Warnings about the consequences of a value that is now encrypted.
fn encryption_consequences(slot: &SecretEntry) -> Diagnostics {
    let mut found = Diagnostics::new();
    for place in &slot.plain {
        found.push(
            Diagnostic::warning(
                Rule::ShadowedValue,
                format!("another value for `{}` is here in plaintext", slot.label),
            )
            .at_masked(place.clone())
            .hint("remove it: the encrypted value takes precedence; if the old value was a secret, rotate it"),
        );
    }
    if slot.sensitivity == Sensitivity::Plain {
        found.push(
            Diagnostic::warning(Rule::MovedKey, format!("`{}` moves from the ConfigMap to the Secret", slot.label))
                .note("its value is now encrypted, and a key is routed the same way in all environments")
                .hint("if it is a secret, declare `sensitive: true` in `base.yaml` to make this explicit")
                .hint("if not, run `septum unset` for it, and write the value in the layer of the environment"),
        );
    }
    found
}
