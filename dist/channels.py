#!/usr/bin/env python3
"""Writes what each channel needs to know of the archives of a release.

    dist/channels.py ARCHIVES --out DIR    SHA256SUMS, install.sh, septum.rb (Homebrew), septum.yaml (krew),
                                           registry.yaml (aqua), checksums.txt (the action of this repository)
    dist/channels.py --notes               the part of CHANGELOG.md about this version
"""

import argparse
import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHORT = "Render ConfigMaps and Secrets per environment"
TARGETS = {
    "x86_64-unknown-linux-musl": ("linux", "amd64"),
    "aarch64-unknown-linux-musl": ("linux", "arm64"),
    "x86_64-apple-darwin": ("darwin", "amd64"),
    "aarch64-apple-darwin": ("darwin", "arm64"),
    "x86_64-pc-windows-msvc": ("windows", "amd64"),
}


def field(name):
    found = re.search(rf'^{name} = "([^"]+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    return found.group(1) if found else sys.exit(f"channels: Cargo.toml has no `{name}`")


def notes(version):
    text = (ROOT / "CHANGELOG.md").read_text()
    found = re.search(rf"^## \[{re.escape(version)}\].*?$(.*?)(?=^## \[|\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1).strip() + "\n" if found else sys.exit(f"channels: CHANGELOG.md has no part about {version}")


def krew(version, repository, archives):
    lines = [
        "apiVersion: krew.googlecontainertools.github.com/v1alpha2",
        "kind: Plugin",
        "metadata:",
        "  name: septum",
        "spec:",
        f'  version: "v{version}"',
        f"  homepage: {repository}",
        f"  shortDescription: {SHORT}",
        "  description: |",
        "    Renders the ConfigMaps, Secrets and manifests of an application for every environment from one definition,",
        "    and keeps what is computed from a secret out of ConfigMaps. Reads and writes files of sops with age.",
        "  caveats: |",
        "    Commands need a project: a directory with `septum.yaml` or `environments/base.yaml`. `kubectl septum init` makes one.",
        "    Hooks and drivers of Git run `septum`: link the plugin to that name to use them.",
        "  platforms:",
    ]
    for target, (name, digest) in archives.items():
        system, processor = TARGETS[target]
        suffix = ".exe" if system == "windows" else ""
        lines += [
            "    - selector:",
            "        matchLabels:",
            f"          os: {system}",
            f"          arch: {processor}",
            f"      uri: {repository}/releases/download/v{version}/{name}",
            f"      sha256: {digest}",
            f"      bin: septum{suffix}",
            "      files:",
            '        - from: "*"',
            '          to: "."',
        ]
    return "\n".join(lines) + "\n"


def homebrew(version, repository, archives):
    def block(system, processor):
        found = [it for target, it in archives.items() if TARGETS[target] == (system, processor)]
        if not found:
            return ""
        name, digest = found[0]
        condition = "on_arm" if processor == "arm64" else "on_intel"
        return (
            f"    {condition} do\n      url \"{repository}/releases/download/v{version}/{name}\"\n"
            f'      sha256 "{digest}"\n    end\n'
        )

    systems = [("macos", "darwin"), ("linux", "linux")]
    blocks = [(on, block(system, "arm64") + block(system, "amd64")) for on, system in systems]
    platforms = "".join(f"\n  on_{on} do\n{text}  end\n" for on, text in blocks if text)
    return f'''class Septum < Formula
  desc "{SHORT}"
  homepage "{repository}"
  version "{version}"
  license any_of: ["MIT", "Apache-2.0"]
{platforms}
  def install
    bin.install "septum"
    bin.install_symlink "septum" => "kubectl-septum"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/septum.bash" => "septum"
    zsh_completion.install "completions/_septum"
    fish_completion.install "completions/septum.fish"
  end

  test do
    (testpath/"base.yaml").write "app: shop\\ndata: {{ LEVEL: info }}\\n"
    (testpath/"dev.yaml").write ""
    assert_match "LEVEL: info", shell_output("#{{bin}}/septum render dev")
  end
end
'''


def aqua(version, repository, archives):
    owner, name = repository.rstrip("/").split("/")[-2:]
    environments = ", ".join(sorted({"/".join(TARGETS[target]) for target in archives}))
    return f"""packages:
  - type: github_release
    repo_owner: {owner}
    repo_name: {name}
    description: {SHORT}
    asset: septum-{{{{trimV .Version}}}}-{{{{.Arch}}}}-{{{{.OS}}}}.{{{{.Format}}}}
    format: tar.gz
    supported_envs: [{environments}]
    replacements:
      amd64: x86_64
      arm64: aarch64
      darwin: apple-darwin
      linux: unknown-linux-musl
      windows: pc-windows-msvc
    overrides:
      - goos: windows
        format: zip
    files:
      - name: septum
      - name: kubectl-septum
        src: septum
    checksum:
      type: github_release
      asset: SHA256SUMS
      algorithm: sha256
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archives", type=Path, nargs="?", help="directory with archives")
    parser.add_argument("--out", type=Path, help="directory to write to")
    parser.add_argument("--notes", action="store_true", help="print the notes of the release")
    arguments = parser.parse_args()
    version, repository = field("version"), field("repository")
    if arguments.notes:
        return sys.stdout.write(notes(version))
    if arguments.archives is None or arguments.out is None:
        parser.error("a directory with archives and `--out` are required")
    found = {}
    for path in sorted(arguments.archives.iterdir()):
        name = re.fullmatch(rf"septum-{re.escape(version)}-(.+?)\.(?:tar\.gz|zip)", path.name)
        if name and name.group(1) in TARGETS:
            found[name.group(1)] = (path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    if not found:
        sys.exit(f"channels: there is no archive of {version} in {arguments.archives}")
    sums = "".join(f"{digest}  {name}\n" for name, digest in found.values())
    installer = (ROOT / "dist" / "install.sh").read_text()
    installer = installer.replace("@VERSION@", version).replace("@DOWNLOADS@", f"{repository}/releases/download")
    files = {
        "SHA256SUMS": sums,
        "install.sh": installer.replace("@CHECKSUMS@", sums.strip()),
        "septum.yaml": krew(version, repository, found),
        "septum.rb": homebrew(version, repository, found),
        "registry.yaml": aqua(version, repository, found),
        "checksums.txt": "".join(f"{version} {target} {digest}\n" for target, (_, digest) in found.items()),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (arguments.out / name).write_text(text)
        print(f"channels: wrote {arguments.out / name}", file=sys.stderr)


main()
