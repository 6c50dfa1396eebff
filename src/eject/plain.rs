//! Objects as files of manifests: `ENV/[APP/]KIND-NAME.yaml`.

use zeroize::Zeroizing;

use super::plan::{BuildSource, EjectBuild, EjectPlan, EjectedFile};
use super::target::{EjectTarget, EjectedObject, object_files};
use crate::object::Reveal;
use crate::secret::Wiping;
use crate::sops::SopsFormat;
use crate::yaml;

/// Plans a file for each object. `has_apps` adds a directory for each app.
pub fn plan_plain(targets: &[EjectTarget], has_apps: bool) -> EjectPlan {
    let mut plan = EjectPlan::default();
    for (index, target) in targets.iter().enumerate() {
        let environment = target.environment.as_str();
        let directory = if has_apps { format!("{environment}/{}", target.app) } else { environment.to_owned() };
        let objects: Vec<_> = target.objects.iter().collect();
        let mut paths = Vec::with_capacity(objects.len());
        for (object, name) in objects.iter().zip(object_files(&objects)) {
            let path = format!("{directory}/{name}");
            plan.files.insert(path.clone(), object_file(object, None));
            paths.push(path);
        }
        let (environment, input) = (environment.to_owned(), BuildSource::Files(paths));
        plan.builds.push(EjectBuild { environment, input, target: index });
    }
    let example = targets.iter().rev().map(|target| target.environment.as_str()).next().unwrap_or("prod");
    plan.add_text("README.md", read_me(example));
    plan
}

/// File of an object, encrypted if it is a Secret.
pub(super) fn object_file(object: &EjectedObject, decrypted: Option<String>) -> EjectedFile {
    let mut text = Wiping::new(String::new());
    yaml::write::append_document(&mut text, &object.object.to_value(Reveal::Values));
    match &object.encryption {
        None => EjectedFile::Plain(text.as_bytes().to_vec()),
        Some(encryption) => EjectedFile::Secret {
            text: Zeroizing::new(text.as_bytes().to_vec()),
            format: SopsFormat::Yaml,
            encryption: encryption.clone(),
            decrypted,
        },
    }
}

/// Instructions for a reader without Septum.
fn read_me(environment: &str) -> String {
    format!(
        "\
# Kubernetes manifests

A directory for each environment, and a file for each object. Files of Secrets are encrypted with
[SOPS](https://github.com/getsops/sops); `sops FILE` edits one.

To apply an environment with an identity for its Secrets:

```sh
for file in $(find {environment} -name '*.yaml'); do
  echo ---
  if grep -q '^sops:$' \"$file\"; then sops -d \"$file\"; else cat \"$file\"; fi
done | kubectl apply -f -
```
"
    )
}
