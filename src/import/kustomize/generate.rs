//! Generators of ConfigMaps and Secrets as bundles.

use zeroize::Zeroizing;

use super::assemble::{BASE_LAYER, LayerAssembly};
use super::draft::{PlannedBundle, PlannedEntry};
use super::field_map::Text;
use super::fields::{GeneratorBehavior, GeneratorField, Kustomization, place_text};
use super::key_values::{GeneratedEntry, parse_env_file, parse_file_source, parse_literal};
use crate::diagnostic::Diagnostic;
use crate::files::FileKind;
use crate::import::PlannedFile;
use crate::map::{HashSet, IndexMap, IndexSet};
use crate::route::detect::{Certainty, TextKind, classify};

/// Bundle that a layer other than the base sets: its name, its type, and its entries.
type DeclaredBundle = (String, Option<String>, Vec<(String, PlannedEntry)>);

impl LayerAssembly<'_, '_> {
    /// Adds a generator to a layer as the bundle `name`. One that cannot be a bundle is left to the built objects, with a
    /// note.
    pub(super) fn add_generator(
        &mut self,
        content: &Kustomization,
        generator: &GeneratorField,
        name: &str,
        layer: &str,
    ) {
        let entries = match self.read_entries(content, generator) {
            Ok(entries) => entries,
            Err(why) => return self.note(&generator.place, format!("taken as built: {why}")),
        };
        if let Some(namespace) =
            generator.namespace.as_ref().filter(|text| self.namespace.as_ref() != Some(&text.value))
        {
            return self.note(&namespace.place, "taken as built: a bundle has the namespace of the app");
        }
        if generator.is_secret && entries.iter().any(|entry| std::str::from_utf8(&entry.value).is_err()) {
            return self
                .note(&generator.place, format!("taken as built: the Secret `{name}` has values that are not text"));
        }
        let options = generator.options.completed_by(&content.generator_options);
        let mut bundle = PlannedBundle::default();
        if generator.is_secret {
            bundle.secret_type.clone_from(&generator.secret_type);
        }
        bundle.is_plain = options.is_plain.then_some(true);
        bundle.immutable = options.immutable.then_some(true);
        let texts = |pairs: &[(String, String)]| -> IndexMap<String, Option<String>> {
            pairs.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect()
        };
        bundle.labels = texts(&options.labels);
        bundle.annotations = texts(&options.annotations);
        let known = self.layers.get(BASE_LAYER).and_then(|base| base.bundles.get(name));
        let known = known.filter(|_| generator.behavior == GeneratorBehavior::Create);
        let keys: HashSet<_> = entries.iter().map(|entry| entry.key.as_str()).collect();
        if known.is_some_and(|known| !known.may_join(&bundle, &keys, generator.is_secret)) {
            return self.note(&generator.place, format!("taken as built: two generators are named `{name}`"));
        }
        let below: IndexSet<_> = self
            .layers
            .values()
            .filter_map(|layer| layer.bundles.get(name))
            .flat_map(|known| known.keys_of(generator.is_secret).map(str::to_owned))
            .collect();
        if generator.behavior == GeneratorBehavior::Replace {
            for key in below {
                bundle.data.insert(key, PlannedEntry::Removed);
            }
        }
        for entry in entries {
            self.add_entry((name, &mut bundle), entry, content, generator, layer);
        }
        let draft = self.layer(layer).bundles.entry(name.to_owned()).or_default();
        draft.absorb(bundle);
    }

    fn add_entry(
        &mut self,
        (name, bundle): (&str, &mut PlannedBundle),
        entry: GeneratedEntry,
        content: &Kustomization,
        generator: &GeneratorField,
        layer: &str,
    ) {
        let GeneratedEntry { key, value, file } = entry;
        let text = std::str::from_utf8(&value).ok();
        if generator.is_secret {
            bundle.secrets.insert(key.clone(), Zeroizing::new(text.unwrap_or_default().to_owned()));
            bundle.data.insert(key, PlannedEntry::Sensitive);
            return;
        }
        let detection = classify(&key, text, TextKind::Literal);
        let is_plain = detection.is_sensitive();
        if is_plain {
            self.note(
                &generator.place,
                format!(
                    "`{key}` of the ConfigMap `{}` looks like a secret ({}); to move it to a Secret, write `{key}: {{ sensitive: true }}` in `{BASE_LAYER}.yaml`, and set it with `septum set`",
                    generator.name,
                    detection.reasons().join("; ")
                ),
            );
        }
        if detection.by_value.as_ref().is_some_and(|hit| hit.certainty == Certainty::Certain) {
            let allowed = ("plaintext-secret".to_owned(), Some(name.to_owned()), key.clone());
            let base = self.layer(BASE_LAYER);
            if !base.allow.contains(&allowed) {
                base.allow.push(allowed);
            }
        }
        let draft = match (file, text) {
            (None, Some(text)) => PlannedEntry::Text { value: text.to_owned(), is_plain },
            (file, _) => {
                let source = content.directory.join(file.unwrap_or_else(|| key.clone()));
                let source = crate::disk::normalize_path(&source);
                let placed = self.place_file("files", &source, &content.directory, layer);
                self.files.insert(placed.path, PlannedFile::Plain(value.to_vec()));
                PlannedEntry::File { path: placed.reference, is_plain }
            }
        };
        bundle.data.insert(key, draft);
    }

    /// Entries of a generator in kustomize's order: `envs`, `literals`, `files`.
    fn read_entries(
        &mut self,
        content: &Kustomization,
        generator: &GeneratorField,
    ) -> Result<Vec<GeneratedEntry>, String> {
        let mut found = Vec::new();
        for env in &generator.envs {
            let bytes = self.read_source(content, env).map_err(|problem| problem.message)?;
            let text = String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", place_text(&env.place)))?;
            let file = parse_env_file(&text);
            let entry = |(key, value): &(&str, &str)| GeneratedEntry {
                key: (*key).to_owned(),
                value: Zeroizing::new(value.as_bytes().to_vec()),
                file: None,
            };
            found.extend(file.pairs.iter().map(entry));
            let (comments, lost) = (file.comments, file.lost_from);
            if comments > 0 {
                self.note(&env.place, format!("the comments of `{}` are not copied", env.value));
            }
            if let Some(line) = lost {
                self.note(&env.place, format!("line {line} of `{}` is longer than kustomize reads: it and the lines after it are lost, as in its builds", env.value));
            }
        }
        for literal in &generator.literals {
            let (key, value) = parse_literal(&literal.value).ok_or("a literal is not `key=value`")?;
            found.push(GeneratedEntry {
                key: key.to_owned(),
                value: Zeroizing::new(value.as_bytes().to_vec()),
                file: None,
            });
        }
        for file in &generator.files {
            let (key, path) = parse_file_source(&file.value).ok_or("a file is not `[key=]path`")?;
            let named = Text { value: path.to_owned(), place: file.place.clone() };
            let value = Zeroizing::new(self.read_source(content, &named).map_err(|problem| problem.message)?);
            found.push(GeneratedEntry { key: key.to_owned(), value, file: Some(path.to_owned()) });
        }
        Ok(found)
    }

    fn read_source(&self, content: &Kustomization, text: &Text) -> Result<Vec<u8>, Diagnostic> {
        let path = self.graph.locate(&content.directory, text)?;
        self.graph.files.read_bytes(FileKind::EntryFile, &path).map(|bytes| bytes.to_vec())
    }

    /// Defines in the base what other layers set: entries that no layer defines are errors.
    pub(super) fn declare_bundles(&mut self) {
        let mut declared: Vec<DeclaredBundle> = Vec::new();
        for (name, layer) in self.layers.iter_mut().filter(|(name, _)| *name != BASE_LAYER) {
            let _ = name;
            for (bundle, draft) in &mut layer.bundles {
                let mut keys = Vec::new();
                for (key, entry) in &mut draft.data {
                    match entry {
                        PlannedEntry::Text { is_plain, .. } | PlannedEntry::File { is_plain, .. } => {
                            keys.push((key.clone(), PlannedEntry::Declared { is_plain: std::mem::take(is_plain) }));
                        }
                        PlannedEntry::Sensitive => keys.push((key.clone(), PlannedEntry::Sensitive)),
                        PlannedEntry::Declared { .. } | PlannedEntry::Removed => {}
                    }
                }
                draft.data.retain(|_, entry| !matches!(entry, PlannedEntry::Sensitive));
                declared.push((bundle.clone(), draft.secret_type.take(), keys));
            }
        }
        let base = self.layer(BASE_LAYER);
        for (name, secret_type, keys) in declared {
            let bundle = base.bundles.entry(name).or_default();
            if bundle.secret_type.is_none() {
                bundle.secret_type = secret_type;
            }
            for (key, entry) in keys {
                match bundle.data.get_mut(&key) {
                    None => {
                        bundle.data.insert(key, entry);
                    }
                    Some(
                        PlannedEntry::Text { is_plain, .. }
                        | PlannedEntry::File { is_plain, .. }
                        | PlannedEntry::Declared { is_plain },
                    ) => {
                        *is_plain |= matches!(entry, PlannedEntry::Declared { is_plain: true });
                    }
                    Some(PlannedEntry::Sensitive | PlannedEntry::Removed) => {}
                }
            }
        }
        self.choose_names();
    }

    /// Chooses between names with suffixes for all bundles, and none at all.
    fn choose_names(&mut self) {
        let is_hashed = self
            .layers
            .values()
            .any(|layer| layer.bundles.values().any(|bundle| bundle.is_plain.is_none() && !bundle.is_empty()));
        if is_hashed {
            self.layer(BASE_LAYER).hashed = true;
        } else {
            self.layers
                .values_mut()
                .flat_map(|layer| layer.bundles.values_mut())
                .for_each(|bundle| bundle.is_plain = None);
        }
    }
}

impl PlannedBundle {
    /// Whether it has no entries.
    pub(super) fn is_empty(&self) -> bool {
        self.data.is_empty() && self.secrets.is_empty()
    }

    /// Keys of its Secret, or of its ConfigMap.
    fn keys_of(&self, is_secret: bool) -> impl Iterator<Item = &str> {
        let is_of = move |entry: &PlannedEntry| matches!(entry, PlannedEntry::Sensitive) == is_secret;
        self.data.iter().filter(move |(_, entry)| is_of(entry)).map(|(key, _)| key.as_str())
    }

    /// Whether a generator of the same name makes the other object of this bundle: its Secret beside its ConfigMap.
    fn may_join(&self, other: &Self, keys: &HashSet<&str>, is_secret: bool) -> bool {
        let options =
            |bundle: &Self| (bundle.labels.clone(), bundle.annotations.clone(), bundle.is_plain, bundle.immutable);
        let is_free =
            self.keys_of(is_secret).next().is_none() && !self.data.keys().any(|key| keys.contains(key.as_str()));
        // a type has keys of its own
        let is_untyped = |bundle: &Self| bundle.secret_type.as_deref().is_none_or(|name| name == "Opaque");
        let is_alike = options(self) == options(other) && is_untyped(self) && is_untyped(other);
        self.is_empty() || (is_free && is_alike)
    }

    /// Adds what another generator of the same layer and name says.
    fn absorb(&mut self, other: Self) {
        let Self { secret_type, labels, annotations, is_plain, immutable, data, secrets } = other;
        self.secret_type = secret_type.or_else(|| self.secret_type.take());
        self.labels.extend(labels);
        self.annotations.extend(annotations);
        self.is_plain = is_plain.or(self.is_plain);
        self.immutable = immutable.or(self.immutable);
        for (key, entry) in data {
            let is_removed = matches!(entry, PlannedEntry::Removed);
            // removing what the layer itself defines leaves nothing to say
            if is_removed && self.data.contains_key(&key) {
                self.data.shift_remove(&key);
                self.secrets.shift_remove(&key);
            } else {
                self.data.insert(key, entry);
            }
        }
        self.secrets.extend(secrets);
    }
}
