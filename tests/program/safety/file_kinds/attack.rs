//! What somebody puts in the place of a file.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use septum::files::FileKind;

use super::site::{LOOT, Site, Spot};

/// Something else than a regular file inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attack {
    LinkOut,
    LinkToLoot,
    LinkToNothingOutside,
    AbsoluteLinkOut,
    ChainOfLinks,
    LinkedDirectory,
    LinkToEnvironment,
    LinkToDevice,
    LinkToNothing,
    LinkToItself,
    Circle,
    Pipe,
    LinkToPipe,
    Socket,
    Device,
    Directory,
    TooBig,
    ParentPath,
    AbsolutePath,
}

impl Attack {
    pub(crate) const ALL: &'static [Self] = &[
        Self::LinkOut,
        Self::LinkToLoot,
        Self::LinkToNothingOutside,
        Self::AbsoluteLinkOut,
        Self::ChainOfLinks,
        Self::LinkedDirectory,
        Self::LinkToEnvironment,
        Self::LinkToDevice,
        Self::LinkToNothing,
        Self::LinkToItself,
        Self::Circle,
        Self::Pipe,
        Self::LinkToPipe,
        Self::Socket,
        Self::Device,
        Self::Directory,
        Self::TooBig,
        Self::ParentPath,
        Self::AbsolutePath,
    ];

    /// The name by which a refusal calls the file.
    pub(crate) fn name(self, spot: &Spot) -> &'static str {
        match self {
            Self::ParentPath | Self::AbsolutePath => "outside/valid",
            Self::LinkedDirectory => spot.path.rsplit_once('/').map_or(spot.path, |(directory, _)| directory),
            _ => spot.path,
        }
    }

    /// Puts it in the place of a file; none if there is no such thing of this kind, or on this machine.
    pub(crate) fn make(self, site: &Site, kind: FileKind, spot: &Spot) -> Option<()> {
        let path = site.root().join(spot.path);
        let up = "../".repeat(spot.path.matches('/').count() + 1) + "outside";
        fs::write(site.beside("valid"), spot.valid).unwrap();
        fs::write(site.beside("loot"), LOOT).unwrap();
        // a layer is named without its ending
        fs::write(site.beside("valid.yaml"), spot.valid).unwrap();
        let by_name = |to: &str| -> Option<()> {
            let (file, text) = spot.named?;
            let file = site.root().join(file);
            let before = fs::read_to_string(&file).unwrap();
            assert!(before.contains(text), "{before}");
            fs::write(file, before.replacen(text, to, 1)).unwrap();
            Some(())
        };
        match self {
            Self::ParentPath => {
                let (file, _) = spot.named?;
                return by_name(&("../".repeat(file.matches('/').count() + 1) + "outside/valid"));
            }
            Self::AbsolutePath => return by_name(&site.beside("valid").display().to_string()),
            _ => {}
        }
        if self == Self::LinkedDirectory {
            let directory = path.parent().filter(|directory| *directory != site.root())?.to_path_buf();
            let there = site.beside("directory");
            fs::rename(&directory, &there).unwrap();
            fs::write(there.join(path.file_name().unwrap()), spot.valid).unwrap();
            symlink(there, directory).unwrap();
            return Some(());
        }
        fs::remove_file(&path).unwrap();
        match self {
            Self::LinkOut => symlink(format!("{up}/valid"), &path).unwrap(),
            Self::LinkToLoot => symlink(format!("{up}/loot"), &path).unwrap(),
            Self::LinkToNothingOutside => {
                fs::remove_file(site.beside("valid")).unwrap();
                symlink(format!("{up}/valid"), &path).unwrap();
            }
            Self::AbsoluteLinkOut => symlink(site.beside("valid"), &path).unwrap(),
            Self::ChainOfLinks => {
                symlink(format!("{up}/valid"), path.with_file_name("first")).unwrap();
                symlink("first", path.with_file_name("second")).unwrap();
                symlink("second", &path).unwrap();
            }
            Self::LinkToEnvironment => symlink("/proc/self/environ", &path).unwrap(),
            Self::LinkToDevice => symlink("/dev/zero", &path).unwrap(),
            Self::LinkToNothing => symlink("nothing", &path).unwrap(),
            Self::LinkToItself => symlink(path.file_name().unwrap(), &path).unwrap(),
            Self::Circle => {
                symlink("second", path.with_file_name("first")).unwrap();
                symlink("first", path.with_file_name("second")).unwrap();
                symlink("first", &path).unwrap();
            }
            Self::Pipe => make_pipe(&path),
            Self::LinkToPipe => {
                make_pipe(&path.with_file_name("pipe"));
                symlink("pipe", &path).unwrap();
            }
            Self::Socket => drop(UnixListener::bind(&path).ok()?),
            // only the superuser can make one
            Self::Device => {
                let made = Command::new("mknod").arg(&path).args(["c", "1", "5"]).output().ok()?;
                made.status.success().then_some(())?;
            }
            Self::Directory => fs::create_dir(&path).unwrap(),
            // a hole, which takes no room
            Self::TooBig => File::create(&path).unwrap().set_len(kind.limit() + 1).unwrap(),
            Self::LinkedDirectory | Self::ParentPath | Self::AbsolutePath => return None,
        }
        Some(())
    }
}

pub(crate) fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}
