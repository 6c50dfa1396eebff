//! A copy of kustomizations that names checkouts in the place of remote resources, so that kustomize needs no network.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::field_map::Text;
use super::fields::FILE_NAMES;
use super::graph::{KustomizationGraph, ResourceItem};
use super::key_values::parse_file_source;
use crate::diagnostic::Diagnostic;
use crate::files::FileKind;

/// Writes all files of the graph below `destination`, at their places below the bounds.
pub(super) fn copy_kustomizations(
    graph: &KustomizationGraph<'_>,
    remotes: &[(String, PathBuf)],
    destination: &Path,
) -> Result<(), Diagnostic> {
    let mut copied: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    for node in &graph.nodes {
        let directory = &node.content.directory;
        let mut text = node.content.source.text().to_owned();
        for (url, checkout) in remotes {
            text = text.replace(url.as_str(), &relative_path(directory, checkout));
        }
        copied.insert(directory.join(FILE_NAMES[0]), text.into_bytes());
        let mut paths: Vec<PathBuf> = Vec::new();
        for item in &node.resources {
            if let ResourceItem::File(path, _) = item {
                paths.push(path.clone());
            }
        }
        let named = |text: &Text| graph.locate(directory, text).ok();
        paths.extend(node.content.configurations.iter().chain(node.content.other_files()).filter_map(named));
        for patch in &node.content.patches {
            paths.extend(patch.path.iter().chain(&patch.text).filter_map(named));
        }
        for generator in &node.content.generators {
            paths.extend(generator.envs.iter().filter_map(named));
            let files = generator.files.iter().filter_map(|text| {
                let (_, path) = parse_file_source(&text.value)?;
                named(&Text { value: path.to_owned(), place: text.place.clone() })
            });
            paths.extend(files);
        }
        for path in paths {
            if let Ok(bytes) = graph.files.read_bytes(FileKind::Manifest, &path) {
                copied.entry(path).or_insert_with(|| bytes.to_vec());
            }
        }
    }
    let unwritable = |error: io::Error| Diagnostic::unwritable("a temporary directory", &io::Error::from(error.kind()));
    for (path, bytes) in copied {
        let Ok(below) = path.strip_prefix(graph.files.root()) else { continue };
        let path = destination.join(below);
        fs::create_dir_all(path.parent().unwrap_or(destination)).map_err(unwritable)?;
        fs::write(path, bytes).map_err(unwritable)?;
    }
    Ok(())
}

/// Path from a directory to another one.
fn relative_path(from: &Path, to: &Path) -> String {
    let shared = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(shared).map(|_| "..".to_owned());
    let down = to.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_from_one_directory_to_another() {
        assert_eq!(relative_path(Path::new("/r/a/b"), Path::new("/r/vendor/x")), "../../vendor/x");
        assert_eq!(relative_path(Path::new("/r"), Path::new("/r/vendor")), "vendor");
    }
}
