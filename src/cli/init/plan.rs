//! Files of a new project, and the part of each that is missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::rules::{self, ExistingRules};
use septum::atomic::{self, Access};
use septum::diagnostic::{Diagnostic, Rule, shell_path};
use septum::disk::{BoundedRoot, DirEntryKind, Disk};
use septum::editor_schema::{layer_schema, to_text};
use septum::files::{FileKind, read_named, refuse_file};
use septum::git::GitRepository;
use septum::sops::SopsConfig;

/// The layers, in the order in which they are written: with the base, the project is complete.
const LAYERS: [(&str, &str); 3] = [
    ("dev.yaml", include_str!("dev.yaml")),
    ("prod.yaml", include_str!("prod.yaml")),
    ("base.yaml", include_str!("base.yaml")),
];

/// Schema of layers, at the root of the project: a directory with `.septum` is one of output.
const SCHEMA: &str = ".septum-layer.schema.json";
const ATTRIBUTES: &str = ".gitattributes";
const WORKFLOW: &str = ".github/workflows/septum.yaml";
const IGNORED: &str = ".gitignore";

/// Directories of a new project.
pub(super) struct ProjectPlace {
    /// Directory of the project, without links.
    pub(super) directory: PathBuf,
    /// Root of the repository, or the directory itself where there is none.
    pub(super) top: PathBuf,
    /// Directory of the layers.
    pub(super) layers: PathBuf,
    /// Whether the directory is in a repository.
    pub(super) is_in_git: bool,
    /// The file that lists the apps of a repository, above the directory.
    pub(super) settings: Option<PathBuf>,
}

/// A file of the project.
pub(super) struct InitFile {
    /// Its path.
    pub(super) path: PathBuf,
    /// Outcome for it.
    pub(super) change: PlannedChange,
}

/// Outcome for a file of the project.
pub(super) enum PlannedChange {
    /// It is created with this content.
    Create(Vec<u8>),
    /// It is replaced by this text, which begins with its own.
    Append(Vec<u8>),
    /// It is kept as it is.
    Keep,
}

impl ProjectPlace {
    /// The place of a project in a directory without links, which need not exist.
    pub(super) fn of(directory: PathBuf) -> Result<Self, Diagnostic> {
        let repository = GitRepository::find(&directory)
            .map_err(|error| Diagnostic::error(Rule::Git, format!("cannot find the Git repository: {error}")))?;
        let root = repository.map(|repository| repository.root).filter(|root| directory.starts_with(root));
        let is_in_git = root.is_some();
        let top = root.unwrap_or_else(|| directory.clone());
        let disk = Disk::default();
        let above = directory.ancestors().skip(1).take_while(|above| above.starts_with(&top));
        let settings = above.map(|above| above.join("septum.yaml")).find(|file| disk.has(file));
        let layers = if settings.is_some() { directory.clone() } else { directory.join("environments") };
        Ok(Self { directory, top, layers, is_in_git, settings })
    }

    /// The file that makes the directory a project already.
    fn existing_project(&self) -> Option<PathBuf> {
        let names = ["septum.yaml", "base.yaml", "environments/base.yaml"];
        names.into_iter().map(|name| self.directory.join(name)).find(|file| Disk::default().has(file))
    }

    /// The layers. Files of others in their place are refused: beside a base they would be layers.
    pub(super) fn plan_layers(&self, app: &str) -> Result<Vec<InitFile>, Diagnostic> {
        if let Some(path) = self.existing_project() {
            return Ok(vec![InitFile { path, change: PlannedChange::Keep }]);
        }
        let mut planned = Vec::new();
        for (name, template) in LAYERS {
            let text = self.modeline() + &template.replace("APP", app);
            planned.push(self.plan_layer(name, text.into_bytes())?);
        }
        Ok(planned)
    }

    /// The layers of an import, in place of those of a new project.
    pub(super) fn plan_imported(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<InitFile>, Diagnostic> {
        // with the base, the project is complete
        let (base, others): (Vec<_>, Vec<_>) = files.iter().partition(|(name, _)| *name == "base.yaml");
        let plan = |(name, bytes): (&String, &Vec<u8>)| {
            // a comment in an encrypted file would be encrypted, too
            let modeline = if name.ends_with(".secrets.yaml") { String::new() } else { self.modeline() };
            self.plan_layer(name, [modeline.as_bytes(), bytes.as_slice()].concat())
        };
        others.into_iter().chain(base).map(plan).collect()
    }

    /// Refuses a directory that is a project already.
    pub(super) fn require_new(&self) -> Result<(), Diagnostic> {
        let Some(path) = self.existing_project() else { return Ok(()) };
        let message = format!("`{}` exists, and `init --from` creates a new project", SopsConfig::display_path(&path));
        Err(Diagnostic::error(Rule::Usage, message)
            .hint("import to a directory of its own: `septum import dotenv FILE --out DIR`"))
    }

    /// The schema of layers, by which editors complete and check fields.
    pub(super) fn plan_schema(&self) -> InitFile {
        let path = self.schema_root().join(SCHEMA);
        let exists = Disk::default().has(&path);
        let text = to_text(&layer_schema());
        InitFile { path, change: if exists { PlannedChange::Keep } else { PlannedChange::Create(text.into_bytes()) } }
    }

    /// Directory with the schema of layers: that of the project.
    fn schema_root(&self) -> &Path {
        self.settings.as_deref().and_then(Path::parent).unwrap_or(&self.directory)
    }

    /// The first line of a layer, which names the schema to editors.
    fn modeline(&self) -> String {
        let below = self.layers.strip_prefix(self.schema_root()).map_or(0, |below| below.components().count());
        format!("# yaml-language-server: $schema={}{SCHEMA}\n", "../".repeat(below))
    }

    fn plan_layer(&self, name: &str, bytes: Vec<u8>) -> Result<InitFile, Diagnostic> {
        let path = self.layers.join(name);
        let change = match read_existing(&path, FileKind::Layer)? {
            None => PlannedChange::Create(bytes),
            Some(known) if known == bytes => PlannedChange::Keep,
            Some(_) => {
                let message = format!("`{}` exists, but there is no `base.yaml`", SopsConfig::display_path(&path));
                return Err(Diagnostic::error(Rule::Usage, message)
                    .note("`init` never overwrites files")
                    .hint("use another directory: `septum init DIR`"));
            }
        };
        Ok(InitFile { path, change })
    }

    /// The rules: a new file, or a rule for the recipients at the end of theirs, if the layout of the file allows it.
    pub(super) fn plan_rules(&self, existing: Option<&ExistingRules>, recipients: Option<&str>) -> InitFile {
        let Some(existing) = existing else {
            let text = rules::new_rules(recipients.unwrap_or_default());
            return InitFile { path: self.top.join(rules::FILE), change: PlannedChange::Create(text.into_bytes()) };
        };
        let text = recipients.and_then(|recipients| existing.with_rule(&self.secrets_file(), recipients));
        let change = text.map_or(PlannedChange::Keep, |text| PlannedChange::Append(text.into_bytes()));
        InitFile { path: existing.path.clone(), change }
    }

    /// The encrypted layer of the environment that needs one.
    pub(super) fn secrets_file(&self) -> PathBuf {
        self.layers.join("prod.secrets.yaml")
    }

    /// The attributes that name the drivers of Git.
    pub(super) fn plan_attributes(&self) -> Result<InitFile, Diagnostic> {
        let path = self.top.join(ATTRIBUTES);
        if Disk::default().kind(&path).ok().flatten() == Some(DirEntryKind::Link) {
            let message = format!("`{}` is a symbolic link, which Git ignores", SopsConfig::display_path(&path));
            return Err(Diagnostic::error(Rule::Usage, message).hint("replace the link with a file"));
        }
        let is_ours = |line: &str| line.split_whitespace().skip(1).any(|word| word == "diff=septum");
        plan_lines(path, include_str!("gitattributes"), is_ours)
    }

    /// The workflow.
    pub(super) fn plan_workflow(&self) -> InitFile {
        let path = self.top.join(WORKFLOW);
        let below = self.directory.strip_prefix(&self.top).unwrap_or(Path::new(""));
        let at = if below.as_os_str().is_empty() { String::new() } else { format!(" -C {}", shell_path(below)) };
        let exists = Disk::default().has(&path);
        let text = include_str!("workflow.yaml").replace("run: septum ", &format!("run: septum{at} "));
        InitFile { path, change: if exists { PlannedChange::Keep } else { PlannedChange::Create(text.into_bytes()) } }
    }

    /// A line of `.gitignore` for a private key in the repository; none for a key elsewhere.
    pub(super) fn plan_ignored(&self, key_file: &Path) -> Result<Option<InitFile>, Diagnostic> {
        let Ok(below) = key_file.strip_prefix(&self.top) else { return Ok(None) };
        let escaped = |char: char| if "\\*?[".contains(char) { format!("\\{char}") } else { char.to_string() };
        let names = below.iter().map(|name| name.to_string_lossy().chars().map(escaped).collect::<String>());
        let line: String = names.flat_map(|name| ["/".to_owned(), name]).collect();
        plan_lines(self.top.join(IGNORED), &format!("{line}\n"), |known| known == line).map(Some)
    }
}

impl InitFile {
    /// Refuses to write through a link out of a directory. Returns the path without links.
    pub(super) fn check_links(&mut self, top: &Path) -> Result<(), Diagnostic> {
        let Ok(root) = BoundedRoot::new(Disk::default(), top) else { return Ok(()) };
        let name = self.path.strip_prefix(top).unwrap_or(&self.path).display().to_string();
        let resolved = root.resolve_new(&self.path);
        self.path = resolved.map_err(|refusal| refuse_file(&refusal, FileKind::Layer, &name))?;
        Ok(())
    }

    /// Text that it will have, if it is written.
    pub(super) fn planned_text(&self) -> Option<&str> {
        match &self.change {
            PlannedChange::Create(bytes) | PlannedChange::Append(bytes) => std::str::from_utf8(bytes).ok(),
            PlannedChange::Keep => None,
        }
    }

    /// Writes the file.
    pub(super) fn write(&self, shown: &str) -> Result<(), Diagnostic> {
        let written = match &self.change {
            PlannedChange::Create(bytes) => super::key::create_directory(&self.path)
                .and_then(|()| atomic::create_new(&self.path, bytes, Access::Usual)),
            PlannedChange::Append(bytes) => atomic::replace_file(&self.path, bytes),
            PlannedChange::Keep => Ok(()),
        };
        written.map_err(|error| Diagnostic::unwritable(shown, &error))
    }
}

impl PlannedChange {
    /// The word for it in the output.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Create(_) => "created",
            Self::Append(_) => "appended",
            Self::Keep => "kept",
        }
    }
}

/// A file that needs certain lines, which are appended if no line is as they are.
fn plan_lines(path: PathBuf, lines: &str, is_there: impl Fn(&str) -> bool) -> Result<InitFile, Diagnostic> {
    let Some(mut bytes) = read_existing(&path, FileKind::IgnoreRules)? else {
        return Ok(InitFile { path, change: PlannedChange::Create(lines.as_bytes().to_vec()) });
    };
    let text = String::from_utf8_lossy(&bytes);
    if text.lines().any(|line| is_there(line.trim())) {
        return Ok(InitFile { path, change: PlannedChange::Keep });
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    let added = format!("{gap}{}", lines.replace('\n', end));
    bytes.extend_from_slice(added.as_bytes());
    Ok(InitFile { path, change: PlannedChange::Append(bytes) })
}

/// The bytes of a file, if there is one.
fn read_existing(path: &Path, kind: FileKind) -> Result<Option<Vec<u8>>, Diagnostic> {
    if !Disk::default().has(path) {
        return Ok(None);
    }
    read_named(kind, path, &SopsConfig::display_path(path)).map(Some)
}
