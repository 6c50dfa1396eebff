//! What a release consists of: the installer, the channels, the workflows.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use regex::Regex;
use tempfile::TempDir;

use crate::support::sandbox::files;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Shells that `install.sh` is run by, as far as they are here.
const SHELLS: &[&[&str]] = &[&["sh"], &["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// Archives of this version with a program that only prints its version, and what the channels make of them.
struct Release {
    directory: TempDir,
    shell: &'static [&'static str],
}

impl Release {
    fn new() -> Self {
        // a path with a space goes everywhere
        let directory = TempDir::with_prefix("a release ").unwrap();
        let files = directory.path().join("files");
        fs::create_dir(directory.path().join("home")).unwrap();
        fs::create_dir_all(files.join("man")).unwrap();
        fs::create_dir_all(files.join("completions")).unwrap();
        script(&files.join("septum"), &format!("echo 'septum {}'", env!("CARGO_PKG_VERSION")));
        for name in ["man/septum.1", "completions/septum.bash", "completions/_septum", "completions/septum.fish"] {
            fs::write(files.join(name), name).unwrap();
        }
        let release = Self { directory, shell: SHELLS[0] };
        let archive =
            |target: &str| release.path(&format!("archives/septum-{}-{target}.tar.gz", env!("CARGO_PKG_VERSION")));
        let [first, others @ ..] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl", "aarch64-apple-darwin"];
        pack(&files, &archive(first));
        for other in others {
            fs::copy(archive(first), archive(other)).unwrap();
        }
        let done = dist("channels.py", &[&release.path("archives"), "--out".as_ref(), &release.path("channels")]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        release
    }

    /// The same for each shell that is here.
    fn in_each_shell(check: impl Fn(&Self)) {
        let is_here =
            |shell: &&&[&str]| Command::new(shell[0]).args(&shell[1..]).args(["-c", "exit 0"]).output().is_ok();
        for shell in SHELLS.iter().filter(is_here) {
            check(&Self { shell, ..Self::new() });
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn channel(&self, name: &str) -> String {
        fs::read_to_string(self.path("channels").join(name)).unwrap()
    }

    /// The installer, in a home of its own.
    fn installer(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.shell[0]);
        command
            .args(&self.shell[1..])
            .arg(self.path("channels/install.sh"))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.temporary())
            .env("SEPTUM_ARCHIVES", self.path("archives"));
        command
    }

    fn temporary(&self) -> PathBuf {
        let path = self.path("tmp");
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Asserts that the installer fails with this message, and leaves the home and the temporary directory as they were.
    #[track_caller]
    fn refuses(&self, command: &mut Command, expected: &str) {
        let before = files(&self.path("home"));
        let done = command.output().unwrap();
        let message = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(message.contains(expected), "{:?}: {message}", self.shell);
        assert_eq!(done.status.code(), Some(1), "{message}");
        assert_eq!(files(&self.path("home")), before, "{:?}: {message}", self.shell);
        assert_eq!(fs::read_dir(self.temporary()).unwrap().count(), 0, "{:?}: {message}", self.shell);
    }

    /// A search path with the programs that the installer needs, and no others.
    fn tools(&self, names: &[&str]) -> PathBuf {
        let tools = self.path(&format!("tools-{}", names.join("-")));
        fs::create_dir_all(&tools).unwrap();
        let usual = [
            "uname",
            "awk",
            "cat",
            "chmod",
            "cp",
            "dirname",
            "gzip",
            "ln",
            "mkdir",
            "mktemp",
            "mv",
            "rm",
            "sha256sum",
            "tar",
        ];
        for name in usual.iter().chain(self.shell.first()).chain(names) {
            let link = tools.join(name);
            if let (Some(found), false) = (in_path(name), link.exists()) {
                symlink(found, link).unwrap();
            }
        }
        tools
    }
}

fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn in_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|directory| directory.join(name)).find(|path| path.is_file())
}

/// Runs a script of `dist/`.
fn dist(name: &str, arguments: &[&Path]) -> Output {
    Command::new("python3").arg(Path::new(ROOT).join("dist").join(name)).args(arguments).output().unwrap()
}

/// Packs a directory as `dist/archive.py` does.
fn pack(directory: &Path, archive: &Path) {
    let arguments = ["--pack".as_ref(), directory, "--to".as_ref(), archive, "--time".as_ref(), "1790000000".as_ref()];
    let done = dist("archive.py", &arguments);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_installer_puts_the_program_and_its_pages_into_the_home_of_a_user() {
    Release::in_each_shell(|release| {
        for arguments in [&[][..], &["--to", release.path("other place").to_str().unwrap()], &[]] {
            let done = release.installer(arguments).output().unwrap();
            assert!(done.status.success(), "{:?}: {}", release.shell, String::from_utf8_lossy(&done.stderr));
        }
        for name in ["home/.local/bin/septum", "home/.local/bin/kubectl-septum", "other place/kubectl-septum"] {
            let ran = Command::new(release.path(name)).output().unwrap();
            assert_eq!(String::from_utf8(ran.stdout).unwrap(), format!("septum {}\n", env!("CARGO_PKG_VERSION")));
        }
        let expected = [
            ".local/bin/kubectl-septum",
            ".local/bin/septum",
            ".local/share/bash-completion/completions/septum",
            ".local/share/fish/vendor_completions.d/septum.fish",
            ".local/share/man/man1/septum.1",
            ".local/share/zsh/site-functions/_septum",
        ];
        assert_eq!(files(&release.path("home")).keys().map(String::as_str).collect::<Vec<_>>(), expected);
        assert_eq!(fs::read_dir(release.temporary()).unwrap().count(), 0);
    });
}

#[test]
fn what_the_installer_cannot_do_is_said_and_nothing_is_written() {
    Release::in_each_shell(|release| {
        let archives = |name: &str| {
            let directory = release.path(name);
            fs::create_dir_all(&directory).unwrap();
            for entry in fs::read_dir(release.path("archives")).unwrap() {
                let entry = entry.unwrap();
                fs::copy(entry.path(), directory.join(entry.file_name())).unwrap();
            }
            directory
        };
        release.refuses(release.installer(&[]).env("SEPTUM_ARCHIVES", release.path("none")), "(SEPTUM_ARCHIVES)");
        for (name, change) in [("changed", 1), ("truncated", -100)] {
            let directory = archives(name);
            for entry in fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                let mut bytes = fs::read(&path).unwrap();
                let length = bytes.len().checked_add_signed(change).unwrap();
                bytes.resize(length, 0);
                fs::write(path, bytes).unwrap();
            }
            release.refuses(
                release.installer(&[]).env("SEPTUM_ARCHIVES", directory),
                "has another checksum than expected",
            );
        }
        release.refuses(&mut release.installer(&["--unknown"]), "unknown argument `--unknown`");
        release.refuses(&mut release.installer(&["--to"]), "`--to` requires a directory");
        release.refuses(release.installer(&[]).env_remove("HOME"), "HOME is not set");
        fs::write(release.path("file"), "").unwrap();
        let below = release.path("file/bin");
        release.refuses(&mut release.installer(&["--to", below.to_str().unwrap()]), "is not a directory");
        release.refuses(release.installer(&[]).env("XDG_DATA_HOME", release.path("file/share")), "is not a directory");
    });
}

#[test]
fn another_program_and_a_newer_version_are_replaced_only_on_demand() {
    Release::in_each_shell(|release| {
        let program = release.path("home/.local/bin/septum");
        for (text, message) in [
            ("echo 'septum 99.0.0 (1a2b3c4d5e6f 2026-01-01)'", "is 99.0.0, which is newer than"),
            ("echo something else", "is not Septum"),
        ] {
            script(&program, text);
            release.refuses(&mut release.installer(&[]), message);
            assert!(release.installer(&["--force"]).status().unwrap().success());
        }
        script(&program, "echo 'septum 0.0.9'");
        assert!(release.installer(&[]).status().unwrap().success());
        assert!(!fs::read_to_string(&program).unwrap().contains("0.0.9"));
    });
}

#[test]
fn an_archive_is_downloaded_with_curl_or_wget_and_an_interrupted_download_leaves_nothing() {
    Release::in_each_shell(|release| {
        let with = |tools: PathBuf| {
            let mut command = release.installer(&[]);
            command.env("PATH", tools).env_remove("SEPTUM_ARCHIVES");
            command
        };
        // the shell of busybox has a wget of its own
        let is_busybox = release.shell[0] == "busybox";
        if !is_busybox {
            release.refuses(&mut with(release.tools(&[])), "neither curl nor wget is installed");
        }
        for (name, option) in [("curl", "--output"), ("wget", "-O")].into_iter().take(if is_busybox { 1 } else { 2 }) {
            let tools = release.tools(&[]);
            let fake = |text: &str| {
                let tools = release.path(&format!("tools-{name}"));
                let _ = fs::remove_file(tools.join(name));
                script(&tools.join(name), text);
                tools
            };
            // both are called with the address last, and the file after an option
            let parse = format!("while [ $# -gt 1 ]; do [ \"$1\" = {option} ] && out=$2; shift; done");
            let half = fake(&format!("{parse}; echo half > \"$out\"; exit 18"));
            let path = |first: PathBuf| std::env::join_paths([first, tools.clone()]).unwrap();
            release
                .refuses(with(tools.clone()).env("PATH", path(half)), "could not be downloaded: nothing was installed");
            let killed = fake(&format!("{parse}; echo half > \"$out\"; kill -TERM $PPID; exit 1"));
            release.refuses(with(tools.clone()).env("PATH", path(killed)), "");
            let from = release.path("archives");
            let whole = fake(&format!("{parse}; cp \"{}/${{1##*/}}\" \"$out\"", from.display()));
            let done = with(tools.clone()).env("PATH", path(whole)).output().unwrap();
            assert!(done.status.success(), "{:?} {name}: {}", release.shell, String::from_utf8_lossy(&done.stderr));
        }
    });
}

#[test]
fn a_directory_that_cannot_be_written_to_is_refused_before_anything_is_downloaded() {
    let release = Release::new();
    let closed = release.path("closed");
    fs::create_dir_all(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(closed.join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write anywhere");
        return;
    }
    let to = closed.join("bin");
    release.refuses(&mut release.installer(&["--to", to.to_str().unwrap()]), "cannot be written to");
}

/// The whole of it, two builds of a commit in two directories, is a step of the nightly workflow: `dist/reproduce`.
#[test]
fn equal_files_make_equal_archives_wherever_and_whenever_they_are_packed() {
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name);
    let mut archives = Vec::new();
    for (place, mask, moment) in
        [("one", "022", "200001010000"), ("another place with a longer name", "077", "202602030405")]
    {
        let stage = at(place);
        let text = format!(
            "umask {mask}; mkdir -p man completions; for name in man/b.1 man/a.1 completions/x LICENSE; do echo $name > $name; done; \
             echo program > septum; chmod u+x septum; find . -exec touch -t {moment} {{}} +"
        );
        fs::create_dir_all(&stage).unwrap();
        assert!(Command::new("sh").args(["-c", &text]).current_dir(&stage).status().unwrap().success());
        for kind in ["tar.gz", "zip"] {
            if kind == "zip" {
                fs::rename(stage.join("septum"), stage.join("septum.exe")).unwrap();
            }
            let archive = at(&format!("{place}.{kind}"));
            pack(&stage, &archive);
            archives.push((kind, fs::read(archive).unwrap()));
        }
    }
    assert!(archives[0] == archives[2] && archives[1] == archives[3]);
    let list = Command::new("tar").arg("-tvzf").arg(at("one.tar.gz")).arg("--numeric-owner").output().unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    let modes: Vec<_> = list.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(modes, ["-rw-r--r--", "-rw-r--r--", "-rw-r--r--", "-rw-r--r--", "-rwxr-xr-x"], "{list}");
    assert!(list.lines().all(|line| line.contains(" 0/0 ")), "{list}");
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
        // krew links it as `kubectl-septum`
        assert_eq!(platform["bin"], "septum");
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
