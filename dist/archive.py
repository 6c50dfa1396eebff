#!/usr/bin/env python3
"""Builds the archive of a release.

    dist/archive.py                                   for this machine
    dist/archive.py --target x86_64-unknown-linux-musl --out target/archives

The same commit gives the same bytes in whatever directory it is built: paths of the machine are
replaced, all times are that of the commit, and the compiler is the one in rust-toolchain.toml.
Requires cargo-about and cargo-cyclonedx (`cargo install --locked cargo-about cargo-cyclonedx`);
`--no-papers` builds without the licences of the dependencies and the list of components.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHELLS = {"bash": "septum.bash", "zsh": "_septum", "fish": "septum.fish", "elvish": "septum.elv", "powershell": "septum.ps1"}
PAPERS = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"]
LICENSE = "Septum is licensed under either of the MIT licence (LICENSE-MIT) or the Apache licence 2.0 (LICENSE-APACHE), at your choice.\n"


def run(*command, **options):
    """Runs a command in the repository, and returns what it printed."""
    done = subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE, **options)
    return done.stdout


def commit():
    """Name, day and time of the commit; its files must not differ from it."""
    if run("git", "status", "--porcelain", "--untracked-files=no").strip():
        sys.exit("archive: tracked files differ from the commit: commit or stash them")
    name, day, time = run("git", "log", "-1", "--format=%H %cs %ct").split()
    return name[:12], day, int(time)


def build(target, name, day, time, features):
    """Builds the program, and returns its path."""
    cargo_home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    flags = [f"--remap-path-prefix={cargo_home}=/cargo", f"--remap-path-prefix={ROOT}=/septum"]
    if target.endswith("-musl"):
        flags += ["-C", "target-feature=+crt-static"]
    environment = dict(
        os.environ,
        CARGO_ENCODED_RUSTFLAGS="\x1f".join(flags),
        # C files of the allocator name themselves
        CFLAGS=f"-ffile-prefix-map={cargo_home}=/cargo -ffile-prefix-map={ROOT}=/septum" if "windows-msvc" not in target else "",
        SEPTUM_COMMIT=f"{name} {day}",
        SOURCE_DATE_EPOCH=str(time),
    )
    command = ["cargo", "build", "--locked", "--profile", "dist", "--bin", "septum", "--target", target, *features]
    print("archive:", " ".join(command), file=sys.stderr)
    subprocess.run(command, cwd=ROOT, check=True, env=environment)
    suffix = ".exe" if "windows" in target else ""
    metadata = json.loads(run("cargo", "metadata", "--format-version=1", "--no-deps"))
    return Path(metadata["target_directory"]) / target / "dist" / f"septum{suffix}"


def licences(target):
    """The licences of all dependencies."""
    return run("cargo", "about", "generate", "--locked", "--fail", "--target", target, "dist/licences.hbs").encode()


def components(target, time):
    """The list of components, as CycloneDX."""
    # the file is written beside the manifest of each package, of which the first one is of interest
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "septum"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("target", ".git", "tests", "fuzz"))
        environment = dict(os.environ, SOURCE_DATE_EPOCH=str(time))
        command = ["cargo", "cyclonedx", "--format", "json", "--target", target, "--override-filename", "septum.cdx", "--quiet"]
        subprocess.run(command, cwd=copy, check=True, env=environment)
        text = (copy / "septum.cdx.json").read_text()
    # paths of the machine, and a number of this very run
    text = text.replace(f"path+file://{copy}", "path+file:///septum")
    text = re.sub(r'"serialNumber": "[^"]*",\s*', "", text)
    return text.encode()


def files_of(program, target, time, papers):
    """Names, contents and modes of the files of the archive."""
    suffix = program.suffix
    files = {f"septum{suffix}": (program.read_bytes(), 0o755)}
    for name in PAPERS:
        files[name] = ((ROOT / name).read_bytes(), 0o644)
    # what kubectl's index of plugins asks for
    files["LICENSE"] = (LICENSE.encode(), 0o644)
    for shell, name in SHELLS.items():
        files[f"completions/{name}"] = (run(program, "completions", shell).encode(), 0o644)
    page = run(program, "man")
    files["man/septum.1"] = (page.encode(), 0o644)
    for command in sorted(set(re.findall(r"septum\\?-([a-z]+(?:\\?-[a-z]+)*)", page))):
        command = command.replace("\\", "")
        files[f"man/septum-{command}.1"] = (run(program, "man", command).encode(), 0o644)
    if papers:
        files["THIRD-PARTY-LICENCES.md"] = (licences(target), 0o644)
        files["septum.cdx.json"] = (components(target, time), 0o644)
    return files


def write_tar(path, files, time):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, (content, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), mode, time
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("kubectl-septum")
        link.type, link.linkname, link.mode, link.mtime = tarfile.SYMTYPE, "septum", 0o777, time
        archive.addfile(link)
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(raw.getvalue())


def write_zip(path, files, time):
    import datetime

    moment = datetime.datetime.fromtimestamp(time, datetime.timezone.utc).timetuple()[:6]
    # a link is no file of Windows
    files = dict(files, **{"kubectl-septum.exe": files["septum.exe"]})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (content, mode) in sorted(files.items()):
            entry = zipfile.ZipInfo(name, moment)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, mode << 16
            archive.writestr(entry, content)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    host = re.search(r"^host: (.+)$", run("rustc", "-vV"), re.MULTILINE).group(1)
    parser.add_argument("--target", default=host, help="target of Rust [default: this machine]")
    parser.add_argument("--out", type=Path, default=ROOT / "target" / "archives", help="directory [default: target/archives]")
    parser.add_argument("--no-papers", action="store_true", help="without licences and components of dependencies")
    parser.add_argument("--no-allocator", action="store_true", help="without the allocator, which needs a C compiler")
    arguments = parser.parse_args()

    name, day, time = commit()
    features = ["--no-default-features", "--features", "schema"] if arguments.no_allocator else []
    program = build(arguments.target, name, day, time, features)
    version = re.search(r"septum (\S+)", run(program, "--version")).group(1)
    files = files_of(program, arguments.target, time, not arguments.no_papers)
    is_windows = "windows" in arguments.target
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"septum-{version}-{arguments.target}.{'zip' if is_windows else 'tar.gz'}"
    (write_zip if is_windows else write_tar)(path, files, time)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (arguments.out / f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
    print(f"{digest}  {path}")


main()
