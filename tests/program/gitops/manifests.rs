//! Examples for Argo CD and for OCI artifacts, used as their pages say.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_yaml::Value as Yaml;

use crate::support::peers::peer;
use crate::support::samples::repository;
use crate::support::sandbox::files;

fn yaml(path: &str) -> Yaml {
    serde_yaml::from_str(&fs::read_to_string(repository().join(path)).unwrap()).unwrap()
}

#[test]
fn the_plugin_calls_commands_that_exist() {
    let plugin = yaml("examples/argocd-plugin/plugin.yaml");
    assert_eq!(plugin["kind"], "ConfigManagementPlugin");
    let spec = &plugin["spec"];
    // with a version, an Application would have to name it
    assert!(spec.get("version").is_none());
    let command = |yaml: &Yaml| -> Vec<String> {
        yaml["command"].as_sequence().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    for (found, kind) in [
        (command(&spec["generate"]), "generate"),
        (command(&spec["discover"]["find"]), "discover"),
        (command(&spec["parameters"]["dynamic"]), "parameters"),
    ] {
        assert_eq!(found, ["septum", "argocd", kind]);
    }
    // the static announcement is the dynamic one, without the environments
    let announced = Command::new(env!("CARGO_BIN_EXE_septum"))
        .args(["argocd", "parameters"])
        .current_dir(repository().join("examples/monorepo"))
        .output()
        .unwrap();
    let mut announced: serde_json::Value = serde_json::from_slice(&announced.stdout).unwrap();
    announced[0].as_object_mut().unwrap().remove("tooltip");
    assert_eq!(serde_json::to_value(&spec["parameters"]["static"]).unwrap(), announced);
    assert_eq!((&spec["preserveFileMode"], &spec["provideGitCreds"]), (&Yaml::Bool(false), &Yaml::Bool(false)));
}

#[test]
fn kustomize_adds_the_sidecar() {
    let Some(kustomize) = peer("kustomize") else { return };
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    fs::create_dir(directory.path().join("plugin")).unwrap();
    for (name, bytes) in files(&repository().join("examples/argocd-plugin")) {
        fs::write(directory.path().join("plugin").join(name), bytes).unwrap();
    }
    // the part of Argo CD's own manifest that the patch refers to
    write(
        "server.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: argocd-repo-server }\nspec:\n  template:\n    spec:\n      containers: [{ name: argocd-repo-server, image: argocd }]\n      volumes: [{ name: var-files, emptyDir: {} }, { name: plugins, emptyDir: {} }]\n",
    );
    write(
        "kustomization.yaml",
        "kind: Kustomization\nnamespace: argocd\nresources: [server.yaml]\ncomponents: [plugin]\n",
    );
    let built = Command::new(kustomize).arg("build").arg(directory.path()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let text = String::from_utf8(built.stdout).unwrap();
    let objects: Vec<Yaml> = text.split("---\n").map(|text| serde_yaml::from_str::<Yaml>(text).unwrap()).collect();
    let server = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let config = objects.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
    let pod = &server["spec"]["template"]["spec"];
    let containers = pod["containers"].as_sequence().unwrap();
    assert_eq!(containers.len(), 2, "{text}");
    let sidecar = containers.iter().find(|container| container["name"] == "septum").unwrap();
    assert_eq!(sidecar["command"][0], "/var/run/argocd/argocd-cmp-server");
    assert_eq!(sidecar["securityContext"]["runAsUser"], 999);
    let volumes: Vec<&str> =
        pod["volumes"].as_sequence().unwrap().iter().map(|volume| volume["name"].as_str().unwrap()).collect();
    let mounts = sidecar["volumeMounts"].as_sequence().unwrap();
    for (name, path) in [
        ("var-files", "/var/run/argocd"),
        ("plugins", "/home/argocd/cmp-server/plugins"),
        ("septum-plugin", "/home/argocd/cmp-server/config/plugin.yaml"),
        ("septum-tmp", "/tmp"),
    ] {
        assert!(mounts.iter().any(|mount| mount["name"] == name && mount["mountPath"] == path), "{name}");
        assert!(volumes.contains(&name), "{name}");
    }
    let generated = config["metadata"]["name"].as_str().unwrap();
    assert!(text.contains(&format!("name: {generated}\n")), "the volume has the name with its hash");
    assert!(config["data"]["plugin.yaml"].as_str().unwrap().contains("septum, argocd, generate"));
}

/// Packs a directory as the example does, and returns the digest that it prints.
fn pack(directory: &Path, file: &Path) -> String {
    let script = repository().join("examples/flux-oci/artifact.sh");
    let output = Command::new("bash").arg(script).arg(directory).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// A copy of a rendered environment, whose files are created in some order.
fn copy(directory: &Path, backward: bool) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let mut all: Vec<_> = files(directory).into_iter().collect();
    if backward {
        all.reverse();
    }
    for (name, bytes) in all {
        let path = copy.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    copy
}

#[test]
fn equal_trees_are_equal_artifacts() {
    use std::os::unix::fs::PermissionsExt as _;
    let rendered = repository().join("examples/gitops-flux/rendered/prod");
    let (one, other) = (copy(&rendered, false), copy(&rendered, true));
    let outputs = tempfile::tempdir().unwrap();
    // another date, other permissions: of another checkout
    let touched = other.path().join("mailer/kustomization.yaml");
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    fs::File::options().append(true).open(&touched).unwrap().set_modified(long_ago).unwrap();
    fs::set_permissions(&touched, fs::Permissions::from_mode(0o600)).unwrap();
    let (first, second) = (outputs.path().join("a.tgz"), outputs.path().join("b.tgz"));
    let digest = pack(one.path(), &first);
    assert_eq!(pack(other.path(), &second), digest);
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    // everything is in it, and nothing else
    let unpacked = tempfile::tempdir().unwrap();
    let tar = Command::new("tar").arg("-xzf").arg(&first).arg("-C").arg(unpacked.path()).status().unwrap();
    assert!(tar.success());
    assert_eq!(files(unpacked.path()), files(&rendered));
    // one other byte is another artifact
    fs::write(&touched, "x").unwrap();
    assert_ne!(pack(other.path(), &second), digest);
}

#[test]
fn a_tree_with_a_link_is_no_artifact() {
    let tree = copy(&repository().join("examples/gitops-flux/rendered/prod"), false);
    let file = tree.path().join("out.tgz");
    std::os::unix::fs::symlink("/etc/hostname", tree.path().join("mailer/x.yaml")).unwrap();
    let script = repository().join("examples/flux-oci/artifact.sh");
    for directory in [tree.path(), Path::new("/nonexistent"), tempfile::tempdir().unwrap().path()] {
        let output = Command::new("bash").arg(&script).arg(directory).arg(&file).output().unwrap();
        assert!(!output.status.success(), "{}", directory.display());
        assert!(!file.exists());
    }
}
