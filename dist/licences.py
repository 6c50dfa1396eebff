#!/usr/bin/env python3
"""Prints the licences of what a program of a target contains: `dist/licences.py TARGET [ARGUMENTS OF CARGO METADATA]`.

The texts are those of the crates as cargo downloaded them, so nothing is asked of the network, and the same Cargo.lock gives
the same text. A crate that has no text of its licence gets the usual one; one whose licence is not known here is an error.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = re.compile(r"(LICEN[CS]E|COPYING|COPYRIGHT|NOTICE|UNLICENSE)([-._].*)?", re.IGNORECASE)
MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software
is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES
OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR
IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def dependencies(metadata):
    """The packages that are in the program: what it needs to run, not what builds or tests it."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    open_ids, seen = [metadata["resolve"]["root"]], set()
    while open_ids:
        found = open_ids.pop()
        if found in seen:
            continue
        seen.add(found)
        for dependency in nodes[found]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                open_ids.append(dependency["pkg"])
    own = set(metadata["workspace_members"])
    packages = [package for package in metadata["packages"] if package["id"] in seen - own]
    return sorted(packages, key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The texts of its licence, also of code of others in it."""
    directory = Path(package["manifest_path"]).parent
    files = {path for path in directory.rglob("*") if NAMES.fullmatch(path.name) and path.is_file()}
    if package["license_file"]:
        files.add(directory / package["license_file"])
    files = {path for path in files if path.suffix not in {".rs", ".toml", ".py", ".sh", ".c", ".h"}}
    found = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(files)]
    found = [text.replace("\r\n", "\n").strip("\n") for text in found]
    return [text for text in found if text.strip()] or [usual_text(package)]


def usual_text(package):
    """The text of a licence that the crate names and does not contain."""
    known = re.findall(r"[A-Za-z0-9.-]+", package["license"] or "")
    if "MIT" in known:
        holders = ", ".join(re.sub(r"\s*<[^>]*>", "", author) for author in package["authors"]) or f"the authors of {package['name']}"
        return f"Copyright (c) {holders}\n\n{MIT}".strip("\n")
    if "Apache-2.0" in known:
        return (ROOT / "LICENSE-APACHE").read_text(encoding="utf-8").strip("\n")
    sys.exit(f"licences: {package['name']} {package['version']} ({package['license']}) has no text of its licence")


def document(target, *arguments):
    """The licences of all dependencies, as Markdown."""
    command = ["cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={target}", *arguments]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, encoding="utf-8", stdout=subprocess.PIPE).stdout)
    packages = dependencies(metadata)
    lines = [
        "# Licences of what Septum contains",
        "",
        f"{len(packages)} crates, the standard library of Rust (MIT OR Apache-2.0)" + (", and musl (MIT)." if "musl" in target else "."),
        "The texts of their licences follow, each once.",
        "",
    ]
    users = {}

    def add(text, name):
        # crates differ in how they break the lines of a licence
        users.setdefault(" ".join(text.split()), (text, {}))[1][name] = None

    for package in packages:
        lines.append(f"* {package['name']} {package['version']}: {package['license']}{', ' + package['repository'] if package['repository'] else ''}")
        for text in texts(package):
            add(text, f"{package['name']} {package['version']}")
    add("Copyright (c) The Rust Project Contributors\n\n" + MIT.strip("\n"), "the standard library of Rust")
    if "musl" in target:
        add("Copyright (c) 2005-2020 Rich Felker, et al.\n\n" + MIT.strip("\n"), "musl")
    for text, names in sorted(users.values(), key=lambda item: (list(item[1]), item[0])):
        fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text) or [""]))
        lines += ["", f"## {', '.join(names)}", "", f"{fence}text", text, fence]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document(*sys.argv[1:]))
