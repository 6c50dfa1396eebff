//! Fields of a bundle in the base and in the layers of every environment.

use std::collections::BTreeMap;

use super::bundles::{ImportedBundle, split_common};
use super::entries::EntryDraft;
use super::layer_text::text_scalar;
use super::plan::ImportPlan;
use crate::map::IndexSet;
use crate::value::OutputValue;

/// Fields of a mapping, in order.
type Fields<'a> = Vec<(&'a str, OutputValue<'a>)>;

/// Bundle as it is in each environment.
pub(super) struct BundleDraft<'d, 'a> {
    /// Name of the app's own bundle.
    pub(super) app: &'a str,
    pub(super) name: &'a str,
    pub(super) found: &'d [Option<&'a ImportedBundle>],
    pub(super) environments: &'d [&'a str],
    /// Prefix of the paths of files.
    pub(super) prefix: &'d str,
}

/// Fields of a bundle for the base and for each environment: its layer, and its layer of secrets.
pub(super) struct WrittenBundle<'a> {
    pub(super) base: OutputValue<'a>,
    pub(super) layers: Vec<(Option<OutputValue<'a>>, Option<OutputValue<'a>>)>,
}

/// Entries of a bundle: those of the base, and for each environment the plain ones and the secrets.
struct WrittenData<'a> {
    base: Fields<'a>,
    environments: Vec<(Fields<'a>, Fields<'a>)>,
}

impl<'a> BundleDraft<'_, 'a> {
    /// Writes the bundle. What all environments have in common is in the base, but for secrets.
    pub(super) fn write(&self, allowed: &mut Vec<OutputValue<'a>>, plan: &mut ImportPlan) -> WrittenBundle<'a> {
        let present: Vec<&ImportedBundle> = self.present().collect();
        let labels: Vec<_> = present.iter().map(|bundle| &bundle.labels).collect();
        let annotations: Vec<_> = present.iter().map(|bundle| &bundle.annotations).collect();
        let (common_labels, own_labels) = split_common(&labels);
        let (common_annotations, own_annotations) = split_common(&annotations);
        let mut base = Vec::new();
        base.extend(self.secret_type().map(|kind| ("type", OutputValue::text(kind))));
        let is_immutable = present.iter().all(|bundle| bundle.is_immutable);
        base.extend(is_immutable.then_some(("immutable", OutputValue::Bool(true))));
        push_map(&mut base, "labels", texts(common_labels));
        push_map(&mut base, "annotations", texts(common_annotations));
        let mut data = WrittenData {
            base: Vec::new(),
            environments: self.found.iter().map(|_| (Vec::new(), Vec::new())).collect(),
        };
        self.add_values(&mut data, allowed, plan);
        self.add_refs(&mut data);
        push_map(&mut base, "data", OutputValue::map(data.base));
        let mut layers = Vec::new();
        let (mut own_labels, mut own_annotations) = (own_labels.into_iter(), own_annotations.into_iter());
        for (bundle, (plain, secret)) in self.found.iter().zip(data.environments) {
            let mut fields = Vec::new();
            if let Some(bundle) = bundle {
                let is_own = bundle.is_immutable && !is_immutable;
                fields.extend(is_own.then_some(("immutable", OutputValue::Bool(true))));
                push_map(&mut fields, "labels", own_labels.next().map_or(OutputValue::Null, texts));
                push_map(&mut fields, "annotations", own_annotations.next().map_or(OutputValue::Null, texts));
            }
            push_map(&mut fields, "data", OutputValue::map(plain));
            let secret = (!secret.is_empty()).then(|| OutputValue::map([("data", OutputValue::map(secret))]));
            layers.push(((!fields.is_empty()).then(|| OutputValue::map(fields)), secret));
        }
        WrittenBundle { base: OutputValue::map(base), layers }
    }

    fn present(&self) -> impl Iterator<Item = &'a ImportedBundle> {
        self.found.iter().flatten().copied()
    }

    fn secret_type(&self) -> Option<&'a str> {
        self.present().find_map(|bundle| bundle.secret_type.as_deref())
    }

    fn add_values(&self, data: &mut WrittenData<'a>, allowed: &mut Vec<OutputValue<'a>>, plan: &mut ImportPlan) {
        let keys: IndexSet<&str> = self.present().flat_map(|bundle| bundle.values.keys().map(String::as_str)).collect();
        for key in keys {
            let values: Vec<_> =
                self.found.iter().map(|bundle| bundle.and_then(|bundle| bundle.values.get(key))).collect();
            let draft = EntryDraft {
                app: self.app,
                bundle: self.name,
                key,
                values: &values,
                environments: self.environments,
                prefix: self.prefix,
                is_typed: self.secret_type().is_some(),
            };
            let written = draft.write(allowed, plan);
            data.base.push((key, written.base));
            for ((plain, secret), own) in data.environments.iter_mut().zip(written.environments) {
                match own {
                    Some((value, true)) => secret.push((key, value)),
                    Some((value, false)) => plain.push((key, value)),
                    None => {}
                }
            }
        }
    }

    fn add_refs(&self, data: &mut WrittenData<'a>) {
        let keys: IndexSet<&str> = self.present().flat_map(|bundle| bundle.refs.keys().map(String::as_str)).collect();
        for key in keys {
            let refs: Vec<_> = self.found.iter().map(|bundle| bundle.and_then(|bundle| bundle.refs.get(key))).collect();
            let first = refs.first().copied().flatten();
            if let Some(first) = first.filter(|first| refs.iter().all(|found| *found == Some(*first))) {
                data.base.push((key, first.to_field()));
                continue;
            }
            data.base.push((key, OutputValue::map::<&str>([])));
            for ((plain, _), found) in data.environments.iter_mut().zip(refs) {
                plain.extend(found.map(|found| (key, found.to_field())));
            }
        }
    }
}

fn texts<'a>(texts: BTreeMap<&'a str, &'a str>) -> OutputValue<'a> {
    OutputValue::map(texts.into_iter().map(|(key, value)| (key, text_scalar(value))))
}

/// Adds a mapping, unless it is empty.
fn push_map<'a>(fields: &mut Fields<'a>, name: &'a str, value: OutputValue<'a>) {
    if matches!(&value, OutputValue::Map(pairs) if !pairs.is_empty()) {
        fields.push((name, value));
    }
}
