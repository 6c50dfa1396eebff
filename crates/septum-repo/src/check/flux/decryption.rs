//! Encrypted files that Flux does not decrypt, or cannot.
//!
//! Before it builds a directory, Flux decrypts the files of `secretGenerator` and those of `patches[].path`, and
//! afterwards every object in the format of SOPS. Other encrypted files are used as they are: a ConfigMap with ciphertext
//! is applied without an error.

use std::ffi::OsStr;
use std::path::Path;

use memchr::memmem;

use super::super::unencrypted::is_of_tree;
use super::{GROUP, find_flux_file, open_repository, read_kustomization};
use crate::diagnostic::{Diagnostic, Diagnostics, PublicReason, Rule};
use crate::disk::{BoundedRoot, DirEntryKind, FileReadError, find_named, normalize_path};
use crate::files::{FileKind, ProjectFiles, refuse_file};
use crate::layer::{SecretForm, Tree};
use crate::resolve::ResolvedTarget;
use crate::sops::SopsFormat;
use crate::span::Source;
use crate::yaml::read::{MergeKeys, read_stream};

/// The annotation by which Flux does not decrypt an object, if it is `Disabled`.
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/decrypt";

/// Largest file that Flux decrypts: 5 MiB (`maxEncryptedFileSize` of kustomize-controller).
const LARGEST: u64 = 5 << 20;

/// Names of the file by which kustomize knows a directory.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Begin of a value in the format of SOPS.
const CIPHERTEXT: &str = "ENC[AES256_GCM,";

/// Annotations that keep Flux from decrypting the Secrets that are encrypted for it.
pub(in crate::check) fn find_disabled_decryption(resolved: &ResolvedTarget) -> Vec<Diagnostic> {
    let definition = &resolved.definition;
    if definition.delivery.secrets() != SecretForm::Sops {
        return Vec::new();
    }
    let of_bundles = definition.bundles.values().map(|bundle| &bundle.annotations);
    let switches = std::iter::once(&definition.annotations).chain(of_bundles).filter_map(|texts| texts.get(SWITCH));
    let disabled = switches.filter(|switch| switch.value.eq_ignore_ascii_case("disabled"));
    let warning = |place| {
        let message = format!("`{SWITCH}` keeps Flux from decrypting the Secrets of `delivery.secrets: sops`");
        Diagnostic::warning(Rule::FluxDecryption, message)
            .at(place)
            .note("the API server rejects them: ciphertext is not valid base64")
            .hint("remove the annotation")
    };
    disabled.map(|switch| warning(switch.place.clone())).collect()
}

/// Files that the kustomizations of a repository name, where Flux decrypts, and that it does not decrypt or cannot.
pub(in crate::check) fn find_undecrypted_files(files: &ProjectFiles) -> Result<Diagnostics, Diagnostic> {
    let nothing = Diagnostics::new();
    let disk = files.disk();
    // a snapshot has what is about to be committed, of which only layers are checked
    if disk.snapshot().is_some() {
        return Ok(nothing);
    }
    let bounds = open_repository(files)?;
    let is_wanted = |name: &OsStr| NAMES.iter().any(|known| name == *known);
    let paths = find_named(disk, bounds.path(), FileKind::IgnoreRules.limit(), &is_wanted);
    let paths =
        paths.map_err(|(path, refusal)| refuse_file(&refusal, FileKind::IgnoreRules, &path.display().to_string()))?;
    let mut found = Diagnostics::new();
    // those of rendered trees only list objects
    for path in paths.into_iter().filter(|path| !is_of_tree(&bounds, path)) {
        found.extend(check_kustomization(files, &bounds, &path));
    }
    if found.is_empty() {
        return Ok(nothing);
    }
    let Some((file, ())) = find_flux_file(files, &decrypts)? else { return Ok(nothing) };
    let note = format!("`{file}` has a Kustomization with `decryption`");
    Ok(found.into_iter().map(|finding| finding.note(note.clone())).collect())
}

/// Whether a file of YAML contains a Kustomization of Flux that decrypts.
fn decrypts(bytes: &[u8]) -> Option<()> {
    let has = |text: &str| memmem::find(bytes, text.as_bytes()).is_some();
    let text = std::str::from_utf8(bytes).ok().filter(|_| has("decryption") && has(GROUP))?;
    let source = Source::new("kustomization", text);
    let stream = read_stream(&source, MergeKeys::Apply).ok()?;
    let provider = |spec: &Tree| {
        let is_sops = spec.at(&["decryption", "provider"]).and_then(Tree::as_text) == Some("sops");
        is_sops.then_some(())
    };
    stream.documents.into_iter().find_map(|document| read_kustomization(&Tree::from_node(document, &source), &provider))
}

fn check_kustomization(files: &ProjectFiles, bounds: &BoundedRoot, path: &Path) -> Vec<Diagnostic> {
    let read = bounds.resolve(path).and_then(|path| bounds.read(&path, FileKind::Kustomization.limit()));
    // what cannot be read is applied by nobody
    let Some(text) = read.ok().and_then(|bytes| String::from_utf8(bytes).ok()) else { return Vec::new() };
    let source = Source::new(files.name(path).as_str(), text.as_str());
    let Ok(stream) = read_stream(&source, MergeKeys::Apply) else { return Vec::new() };
    let directory = path.parent().unwrap_or(path);
    let mut found = Vec::new();
    for document in stream.documents {
        let tree = Tree::from_node(document, &source);
        for named in named_files(&tree) {
            found.extend(named.check(bounds, directory));
        }
    }
    found
}

/// Treatment of a file by Flux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileTreatment {
    /// It is decrypted before the build.
    Decrypted,
    /// It is used as it is.
    Used,
    /// Its objects are decrypted after the build.
    Object,
}

/// File that a kustomization names.
struct NamedFile<'t> {
    field: &'static str,
    /// The scalar that names it.
    at: &'t Tree,
    path: &'t str,
    /// Key of the Secret that it becomes, if it has one.
    key: Option<&'t str>,
    treatment: FileTreatment,
}

/// The files that a kustomization names, as far as encrypted ones can be among them.
fn named_files(tree: &Tree) -> Vec<NamedFile<'_>> {
    use FileTreatment::{Decrypted, Object, Used};
    let list = |field: &str| tree.get(field).and_then(Tree::as_list).unwrap_or_default();
    let mut found = Vec::new();
    for (field, treatment) in [("configMapGenerator", Used), ("secretGenerator", Decrypted)] {
        for generator in list(field) {
            let items = |name: &str| generator.get(name).and_then(Tree::as_list).unwrap_or_default();
            for at in items("files") {
                let Some(text) = at.as_text() else { continue };
                let (key, path) = match text.split_once('=') {
                    Some((key, path)) => (key, path),
                    None => (text.rsplit('/').next().unwrap_or(text), text),
                };
                found.push(NamedFile { field, at, path, key: Some(key), treatment });
            }
            for at in items("envs").iter().chain(generator.get("env")) {
                found.extend(at.as_text().map(|path| NamedFile { field, at, path, key: None, treatment }));
            }
        }
    }
    for (field, treatment) in [("patches", Decrypted), ("patchesJson6902", Used), ("replacements", Used)] {
        let paths = list(field).iter().filter_map(|item| item.get("path"));
        found.extend(
            paths.filter_map(|at| at.as_text().map(|path| NamedFile { field, at, path, key: None, treatment })),
        );
    }
    let charts = list("helmCharts").iter().flat_map(|chart| {
        let more = chart.get("additionalValuesFiles").and_then(Tree::as_list).unwrap_or_default();
        chart.get("valuesFile").into_iter().chain(more)
    });
    found.extend(charts.filter_map(|at| {
        let path = at.as_text()?;
        Some(NamedFile { field: "helmCharts", at, path, key: None, treatment: Used })
    }));
    let used = ["configurations", "crds", "generators", "transformers", "validators", "patchesStrategicMerge"];
    for (field, treatment) in used.map(|field| (field, Used)).into_iter().chain([("resources", Object)]) {
        let texts = list(field).iter().filter_map(|at| Some((at, at.as_text()?)));
        let paths = texts.filter(|(_, text)| !text.contains(['\n', ':']));
        found.extend(paths.map(|(at, path)| NamedFile { field, at, path, key: None, treatment }));
    }
    found
}

impl NamedFile<'_> {
    fn check(&self, bounds: &BoundedRoot, directory: &Path) -> Option<Diagnostic> {
        let path = normalize_path(&directory.join(self.path));
        match self.treatment {
            FileTreatment::Decrypted => self.check_decrypted(bounds, &path),
            FileTreatment::Used => {
                let hint = match self.field {
                    "configMapGenerator" => "make it a file of `secretGenerator`, which Flux decrypts",
                    _ => "move the patch to `patches`, whose files Flux decrypts",
                };
                let message = format!("Flux does not decrypt files of `{}`", self.field);
                is_encrypted(&read_file(bounds, &path)?).then(|| self.finding(message).hint(hint))
            }
            FileTreatment::Object => self.check_objects(bounds, &path),
        }
    }

    fn check_decrypted(&self, bounds: &BoundedRoot, path: &Path) -> Option<Diagnostic> {
        if matches!(bounds.disk().kind(path), Ok(Some(DirEntryKind::Link))) {
            let message = format!("Flux follows no symbolic link in `{}`", self.field);
            return Some(self.finding(message).hint("name the file itself"));
        }
        let read = bounds.resolve(path).and_then(|real| bounds.read(&real, LARGEST));
        match read {
            Err(FileReadError::Outside | FileReadError::LinkOut) => {
                let message = format!("a file of `{}` is outside of the repository, where Flux reads none", self.field);
                Some(self.finding(message).hint("move it into the repository"))
            }
            Err(FileReadError::TooBig(_)) => {
                let message = format!("a file of `{}` is larger than 5 MiB, which Flux does not decrypt", self.field);
                Some(self.finding(message).hint("split it into several files"))
            }
            // a missing file is an error of kustomize
            Err(_) => None,
            Ok(bytes) => {
                let key = self.key.filter(|_| is_encrypted(&bytes))?;
                let (of_key, of_file) = (SopsFormat::of_path(Path::new(key)), SopsFormat::of_path(path));
                (of_key != of_file).then(|| {
                    let message = format!("Flux knows the format of this file by its key `{key}`, which has another");
                    self.finding(message).hint("give the key the extension of the file")
                })
            }
        }
    }

    /// Objects whose kind is ciphertext: Flux cannot tell that they are objects.
    fn check_objects(&self, bounds: &BoundedRoot, path: &Path) -> Option<Diagnostic> {
        let bytes = read_file(bounds, path).filter(|bytes| is_encrypted(bytes))?;
        let text = String::from_utf8(bytes).ok()?;
        let source = Source::new("object", text.as_str());
        let stream = read_stream(&source, MergeKeys::Apply).ok()?;
        let hidden = |document| {
            let tree = Tree::from_node(document, &source);
            let fields: [&[&str]; 3] = [&["apiVersion"], &["kind"], &["metadata", "name"]];
            let is_hidden = |field: &&[&str]| {
                tree.at(field).and_then(Tree::as_text).is_some_and(|text| text.starts_with(CIPHERTEXT))
            };
            fields.into_iter().find(is_hidden).map(|field| field.join("."))
        };
        let field = stream.documents.into_iter().find_map(hidden)?;
        let message = format!("an object has an encrypted `{field}`, so Flux cannot decrypt it");
        Some(
            self.finding(message)
                .hint("encrypt only the values: `encrypted_regex: ^(data|stringData)$` in `.sops.yaml`"),
        )
    }

    fn finding(&self, message: String) -> Diagnostic {
        let place = self.at.place.clone();
        Diagnostic::warning(Rule::FluxDecryption, message).at_public(place, PublicReason::Path)
    }
}

fn read_file(bounds: &BoundedRoot, path: &Path) -> Option<Vec<u8>> {
    bounds.resolve(path).and_then(|real| bounds.read(&real, LARGEST)).ok()
}

fn is_encrypted(bytes: &[u8]) -> bool {
    memmem::find(bytes, CIPHERTEXT.as_bytes()).is_some()
}
