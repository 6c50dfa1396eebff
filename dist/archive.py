#!/usr/bin/env python3
"""Builds the archive of a release.

    dist/archive.py                                   for this machine
    dist/archive.py --target x86_64-unknown-linux-musl --out target/archives

    dist/archive.py --pack DIR --to FILE --time N     packs files that are there already

The same commit gives the same bytes in whatever directory it is built: paths of the machine are
replaced, all times are that of the commit, and the compiler is the one in rust-toolchain.toml.
The list of components requires `cargo install --locked cargo-cyclonedx`; `--no-components` leaves it out.
What the program itself writes (completions, manual pages) requires that it runs here; a program of another
processor is run by what cargo would run it with (CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUNNER=qemu-aarch64).
"""

import argparse
import datetime
import gzip
import hashlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

sys.dont_write_bytecode = True
import licences  # noqa: E402 - beside this file

ROOT = Path(__file__).resolve().parent.parent
SHELLS = {"bash": "septum.bash", "zsh": "_septum", "fish": "septum.fish", "elvish": "septum.elv", "powershell": "septum.ps1"}
PAPERS = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"]
LICENSE = "Septum is licensed under either of the MIT licence (LICENSE-MIT) or the Apache licence 2.0 (LICENSE-APACHE), at your choice.\n"


def run(*command, **options):
    """Runs a command in the repository, and returns what it printed."""
    done = subprocess.run(command, cwd=ROOT, check=True, encoding="utf-8", stdout=subprocess.PIPE, **options)
    return done.stdout


def commit():
    """Name, day and time of the commit; its files must not differ from it."""
    if run("git", "status", "--porcelain", "--untracked-files=no").strip():
        sys.exit("archive: tracked files differ from the commit: commit or stash them")
    name, day, time = run("git", "log", "-1", "--format=%H %cs %ct").split()
    return name[:12], day, int(time)


def build(target, name, day, time, features):
    """Builds the program, and returns its path."""
    metadata = json.loads(run("cargo", "metadata", "--format-version=1", "--no-deps"))
    cargo_home = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    # of several that fit, the last one decides
    places = {str(ROOT): "/septum", metadata["target_directory"]: "/septum/target", cargo_home: "/cargo"}
    flags = [f"--remap-path-prefix={place}={name}" for place, name in places.items()]
    if target.endswith("-musl"):
        flags += ["-C", "target-feature=+crt-static"]
        # the linker of the toolchain, which folds equal functions and packs relocations: a fortieth of the size
        flags += ["-C", "linker=rust-lld", "-C", "link-arg=--icf=all", "-C", "link-arg=-zpack-relative-relocs"]
    environment = dict(
        os.environ,
        CARGO_ENCODED_RUSTFLAGS="\x1f".join(flags),
        # C files of the allocator name themselves
        CFLAGS=" ".join(f"-ffile-prefix-map={place}={name}" for place, name in places.items()) if "msvc" not in target else "",
        SEPTUM_COMMIT=f"{name} {day}",
        SOURCE_DATE_EPOCH=str(time),
    )
    command = ["cargo", "build", "--locked", "--profile", "dist", "--bin", "septum", "--target", target, *features]
    print("archive:", " ".join(command), file=sys.stderr)
    subprocess.run(command, cwd=ROOT, check=True, env=environment)
    suffix = ".exe" if "windows" in target else ""
    program = Path(metadata["target_directory"]) / target / "dist" / f"septum{suffix}"
    if "linux" in target and b"\0.symtab\0" in program.read_bytes():
        sys.exit("archive: the program has symbols, a fifth of its size: see `strip` of the profile `dist` in Cargo.toml")
    return program


def components(target, time):
    """The list of components, as CycloneDX."""
    # the file is written beside the manifest of each package, of which the first one is of interest
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "septum"
        copy.mkdir()
        files = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["tar", "-x", "-C", copy], input=files, check=True)
        environment = dict(os.environ, SOURCE_DATE_EPOCH=str(time))
        command = ["cargo", "cyclonedx", "--format", "json", "--spec-version", "1.5", "--target", target, "--override-filename", "septum.cdx", "--quiet"]
        subprocess.run(command, cwd=copy, check=True, env=environment)
        text = (copy / "septum.cdx.json").read_text(encoding="utf-8")
    # paths of the machine, and a number of this very run
    text = text.replace(f"path+file://{copy}", "path+file:///septum")
    text = re.sub(r'"serialNumber": "[^"]*",\s*', "", text)
    return text.encode()


def runner(target):
    """The program that runs programs of a target, as for cargo."""
    return shlex.split(os.environ.get(f"CARGO_TARGET_{target.upper().replace('-', '_')}_RUNNER", ""))


def files_of(program, target, time, features, with_components):
    """Names, contents and modes of the files of the archive."""
    suffix = program.suffix
    septum = [*runner(target), program]
    files = {f"septum{suffix}": (program.read_bytes(), 0o755)}
    for name in PAPERS:
        files[name] = ((ROOT / name).read_bytes(), 0o644)
    # what kubectl's index of plugins asks for
    files["LICENSE"] = (LICENSE.encode(), 0o644)
    for shell, name in SHELLS.items():
        files[f"completions/{name}"] = (run(*septum, "completions", shell).encode(), 0o644)
    page = run(*septum, "man")
    files["man/septum.1"] = (page.encode(), 0o644)
    for command in re.findall(r"^\\fBseptum\\-(.+)\\fR\(1\)$", page, re.MULTILINE):
        command = command.replace("\\", "")
        files[f"man/septum-{command}.1"] = (run(*septum, "man", command).encode(), 0o644)
    files["THIRD-PARTY-LICENCES.md"] = (licences.document(target, *features).encode(), 0o644)
    if with_components:
        files["septum.cdx.json"] = (components(target, time), 0o644)
    return files


def files_in(directory):
    """Names, contents and modes of the files of a directory, whatever the mask of whoever made them."""
    paths = [path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()]
    return {
        path.relative_to(directory).as_posix(): (path.read_bytes(), 0o755 if path.stat().st_mode & 0o100 else 0o644)
        for path in paths
    }


def write_tar(path, files, time):
    # without a link for the plugin of kubectl: krew unpacks files alone, and each channel makes the link itself
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, (content, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), mode, time
            archive.addfile(entry, io.BytesIO(content))
    with open(path, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(raw.getvalue())


def write_zip(path, files, time):
    moment = datetime.datetime.fromtimestamp(time, datetime.timezone.utc).timetuple()[:6]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        # krew makes no directory that is not named
        for name in sorted({f"{Path(name).parent}/" for name in files if "/" in name}):
            entry = zipfile.ZipInfo(name, moment)
            entry.external_attr = (0o40755 << 16) | 0x10
            archive.writestr(entry, b"")
        for name, (content, mode) in sorted(files.items()):
            entry = zipfile.ZipInfo(name, moment)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, mode << 16
            archive.writestr(entry, content)


def write(path, files, time):
    """Writes an archive, and its checksum beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    (write_zip if path.suffix == ".zip" else write_tar)(path, files, time)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")
    print(f"{digest}  {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    host = re.search(r"^host: (.+)$", run("rustc", "-vV"), re.MULTILINE).group(1)
    parser.add_argument("--target", default=host, help="target of Rust [default: this machine]")
    parser.add_argument("--out", type=Path, default=ROOT / "target" / "archives", help="directory [default: target/archives]")
    parser.add_argument("--no-components", action="store_true", help="without the list of components")
    parser.add_argument("--no-allocator", action="store_true", help="without the allocator, which needs a C compiler")
    parser.add_argument("--pack", type=Path, metavar="DIR", help="pack the files of a directory, and build nothing")
    parser.add_argument("--to", type=Path, metavar="FILE", help="archive that `--pack` writes")
    parser.add_argument("--time", type=int, metavar="SECONDS", help="time of the files that `--pack` packs")
    arguments = parser.parse_args()
    if arguments.pack:
        if arguments.to is None or arguments.time is None:
            parser.error("`--pack` requires `--to` and `--time`")
        return write(arguments.to, files_in(arguments.pack), arguments.time)

    name, day, time = commit()
    features = ["--no-default-features"] if arguments.no_allocator else []
    program = build(arguments.target, name, day, time, features)
    shown = run(*runner(arguments.target), program, "--version").strip()
    version = shown.split()[1]
    if f"({name} {day})" not in shown:
        sys.exit(f"archive: the program says `{shown}`, and the commit is {name} of {day}")
    files = files_of(program, arguments.target, time, features, not arguments.no_components)
    suffix = "zip" if "windows" in arguments.target else "tar.gz"
    write(arguments.out / f"septum-{version}-{arguments.target}.{suffix}", files, time)


main()
