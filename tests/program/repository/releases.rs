//! What a release consists of: the installer, the channels, the workflows.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use regex::Regex;
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Archives of this version with a program that only prints its name, and what the channels make of them.
struct Release {
    directory: TempDir,
}

impl Release {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let files = directory.path().join("files");
        fs::create_dir_all(files.join("man")).unwrap();
        fs::create_dir_all(files.join("completions")).unwrap();
        fs::write(files.join("septum"), "#!/bin/sh\necho \"septum as ${0##*/}\"\n").unwrap();
        fs::set_permissions(files.join("septum"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("septum", files.join("kubectl-septum")).unwrap();
        for name in ["man/septum.1", "completions/septum.bash", "completions/_septum", "completions/septum.fish"] {
            fs::write(files.join(name), name).unwrap();
        }
        let release = Self { directory };
        fs::create_dir(release.path("archives")).unwrap();
        for target in ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl", "aarch64-apple-darwin"] {
            let name = format!("archives/septum-{}-{target}.tar.gz", env!("CARGO_PKG_VERSION"));
            let done = Command::new("tar").arg("-czf").arg(release.path(&name)).arg("-C").arg(&files).arg(".").status();
            assert!(done.unwrap().success());
        }
        let done = Command::new("python3")
            .arg(Path::new(ROOT).join("dist/channels.py"))
            .args([release.path("archives"), "--out".into(), release.path("channels")])
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        release
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn channel(&self, name: &str) -> String {
        fs::read_to_string(self.path("channels").join(name)).unwrap()
    }

    /// Runs the installer, in a home of its own.
    fn install(&self, arguments: &[&str]) -> Output {
        Command::new("sh")
            .arg(self.path("channels/install.sh"))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("SEPTUM_ARCHIVES", self.path("archives"))
            .output()
            .unwrap()
    }
}

#[test]
fn the_installer_puts_the_program_and_its_pages_into_the_home_of_a_user() {
    let release = Release::new();
    let done = release.install(&[]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for name in [".local/bin/septum", ".local/bin/kubectl-septum"] {
        let ran = Command::new(release.path("home").join(name)).output().unwrap();
        let expected = format!("septum as {}\n", name.rsplit('/').next().unwrap());
        assert_eq!(String::from_utf8(ran.stdout).unwrap(), expected);
    }
    for name in ["man/man1/septum.1", "bash-completion/completions/septum", "zsh/site-functions/_septum"] {
        assert!(release.path("home/.local/share").join(name).is_file(), "{name}");
    }
    // again, over what is there
    assert!(release.install(&["--to", release.path("other").to_str().unwrap()]).status.success());
    assert!(release.path("other/septum").is_file());
}

#[test]
fn an_archive_with_another_checksum_is_not_installed() {
    let release = Release::new();
    for entry in fs::read_dir(release.path("archives")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        bytes.push(0);
        fs::write(path, bytes).unwrap();
    }
    let done = release.install(&[]);
    assert_eq!(done.status.code(), Some(1));
    assert!(!release.path("home/.local/bin").exists());
    let unknown = release.install(&["--force"]);
    assert_eq!(unknown.status.code(), Some(1));
}

#[test]
fn every_channel_names_the_archives_with_their_checksums() {
    let release = Release::new();
    let sums = release.channel("SHA256SUMS");
    assert_eq!(sums.lines().count(), 3);
    for line in sums.lines() {
        let (digest, name) = line.split_once("  ").unwrap();
        for channel in ["septum.yaml", "septum.rb", "install.sh"] {
            let text = release.channel(channel);
            assert!(text.contains(digest) && (channel == "install.sh" || text.contains(name)), "{channel}: {line}");
        }
        assert!(release.channel("checksums.txt").contains(digest));
    }
    let registry: serde_json::Value = serde_yaml::from_str(&release.channel("registry.yaml")).unwrap();
    assert_eq!(registry["packages"][0]["type"], "github_release");
}

#[test]
fn the_manifest_for_krew_has_the_shape_that_krew_checks() {
    let manifest: serde_json::Value = serde_yaml::from_str(&Release::new().channel("septum.yaml")).unwrap();
    assert_eq!(manifest["apiVersion"], "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!((&manifest["kind"], &manifest["metadata"]["name"]), (&"Plugin".into(), &"septum".into()));
    let spec = &manifest["spec"];
    assert_eq!(spec["version"].as_str().unwrap(), format!("v{}", env!("CARGO_PKG_VERSION")));
    let short = spec["shortDescription"].as_str().unwrap();
    assert!((1..=50).contains(&short.len()) && !short.ends_with('.'), "{short}");
    for field in ["homepage", "description", "caveats"] {
        assert!(!spec[field].as_str().unwrap().trim().is_empty(), "{field}");
    }
    let platforms = spec["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), 3);
    for platform in platforms {
        let uri = platform["uri"].as_str().unwrap();
        assert!(uri.starts_with("https://") && uri.contains(spec["version"].as_str().unwrap()), "{uri}");
        assert_eq!(platform["sha256"].as_str().unwrap().len(), 64);
        assert_eq!(platform["bin"], "kubectl-septum");
        assert_eq!(platform["files"][0]["from"], "*", "the licence with the rest");
    }
}

/// A tag can be moved to other code, and permissions that are not named are more than are needed.
#[test]
fn workflows_pin_actions_by_commit_and_start_without_permissions() {
    let uses = Regex::new(r"(?m)^\s*(?:- )?uses: (\S+)(.*)$").unwrap();
    let pinned = Regex::new(r"^[\w./-]+@[0-9a-f]{40}$").unwrap();
    let mut found = 0;
    for entry in fs::read_dir(Path::new(ROOT).join(".github/workflows")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("\npermissions: {}\n"), "{}", path.display());
        for action in uses.captures_iter(&text) {
            assert!(pinned.is_match(&action[1]) && action[2].contains("# v"), "{}: {}", path.display(), &action[0]);
            found += 1;
        }
        let jobs = text.matches("    runs-on: ").count();
        assert_eq!(text.matches("    permissions:\n").count(), jobs, "{}: each job has its own", path.display());
    }
    assert!(found > 5);
}
