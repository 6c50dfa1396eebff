#!/bin/sh
# Installs a release of Septum for one user. `sh install.sh --help` shows what it does.
#
# All of it is in functions, so that a script that arrived in part does nothing.
set -eu

version="@VERSION@"
downloads="@DOWNLOADS@"
checksums="@CHECKSUMS@"

usage() {
  cat <<END
Installs Septum $version for this user: sh install.sh [--to DIR] [--force]

The archive is downloaded from the release, and installed only if it has the checksum in this script. What is written: the
program and a link to it, the plugin of kubectl, in DIR (XDG_BIN_HOME, else ~/.local/bin); manual pages and completions below
XDG_DATA_HOME, else ~/.local/share. Nothing is written unless all of it can be.

  --to DIR   directory of the program
  --force    also in place of a newer version

SEPTUM_ARCHIVES=DIR takes the archive from a directory, and SEPTUM_DOWNLOADS=URL from a mirror with the directories of releases.
END
}

fail() {
  echo "septum: $1" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# The target of this machine.
find_target() {
  system=$(uname -s) processor=$(uname -m)
  # a shell for Intel on a processor of Apple
  if [ "$system" = Darwin ] && [ "$(sysctl -n hw.optional.arm64 2>/dev/null || true)" = 1 ]; then processor=arm64; fi
  case $system-$processor in
    Linux-x86_64) echo x86_64-unknown-linux-musl ;;
    Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-musl ;;
    Darwin-x86_64) echo x86_64-apple-darwin ;;
    Darwin-arm64) echo aarch64-apple-darwin ;;
    *) fail "there is no archive for $system on $processor: build it with \`cargo install --locked septum\`" ;;
  esac
}

# Fails unless a directory can be written to, or made.
require_writable() {
  directory=$1
  while [ ! -e "$directory" ]; do directory=$(dirname "$directory"); done
  [ -d "$directory" ] || fail "\`$directory\` is not a directory: choose another one with \`--to DIR\`, or set XDG_DATA_HOME"
  [ -w "$directory" ] || fail "\`$directory\` cannot be written to: choose another one with \`--to DIR\`, or set XDG_DATA_HOME"
}

# Whether the first version is newer than the second, by their numbers. A version with a suffix is older than without.
is_newer() {
  printf '%s %s\n' "$1" "$2" | awk '{
    pre_a = sub(/[-+].*/, "", $1); pre_b = sub(/[-+].*/, "", $2)
    split($1, a, "."); split($2, b, ".")
    for (i = 1; i <= 3; i++) if (a[i] + 0 != b[i] + 0) exit !(a[i] + 0 > b[i] + 0)
    exit !(pre_b && !pre_a)
  }'
}

refuse_newer() {
  [ -e "$1" ] || return 0
  installed=$("$1" --version 2>/dev/null | awk 'NR == 1 && $1 == "septum" { print $2 }') || installed=
  [ -n "$installed" ] || fail "\`$1\` is there and is not Septum: remove it, or use \`--force\` to replace it"
  if is_newer "$installed" "$version"; then
    fail "\`$1\` is $installed, which is newer than $version: use \`--force\` to replace it"
  fi
}

download() {
  if [ -n "${SEPTUM_ARCHIVES:-}" ]; then
    [ -f "$SEPTUM_ARCHIVES/$1" ] || fail "there is no $1 in \`$SEPTUM_ARCHIVES\` (SEPTUM_ARCHIVES)"
    cp "$SEPTUM_ARCHIVES/$1" "$2" || fail "$1 could not be read from \`$SEPTUM_ARCHIVES\`"
    return
  fi
  address=${SEPTUM_DOWNLOADS:-$downloads}/v$version/$1
  # what a mirror is reached by is for who runs it to say: the checksum decides
  protocols='=https'
  [ -z "${SEPTUM_DOWNLOADS:-}" ] || protocols='=https,http,file'
  if has curl; then
    curl --proto "$protocols" --fail --silent --show-error --location --retry 3 --output "$2" "$address" ||
      fail "$address could not be downloaded: nothing was installed"
  elif has wget; then
    wget -q -O "$2" "$address" || fail "$address could not be downloaded: nothing was installed"
  else
    fail "neither curl nor wget is installed: install one, or download $address and set SEPTUM_ARCHIVES to its directory"
  fi
}

digest() {
  if has sha256sum; then sha256sum "$1"; elif has shasum; then shasum -a 256 "$1"; else openssl dgst -r -sha256 "$1"; fi |
    awk '{ print $1 }'
}

# Copies a file beside its destination, from where `commit` renames it.
stage() {
  printf '%s\n' "$2" >>"$work/staged"
  if ! { mkdir -p "$(dirname "$2")" && rm -f "$2.septum-new" && cp "$1" "$2.septum-new"; }; then
    fail "\`$2\` could not be written: nothing was installed"
  fi
}

commit() {
  while IFS= read -r path; do
    # a program that runs is replaced, not written over
    mv -f "$path.septum-new" "$path" || fail "\`$path\` could not be replaced"
  done <"$work/staged"
}

clean() {
  if [ -f "$work/staged" ]; then
    while IFS= read -r path; do rm -f "$path.septum-new"; done <"$work/staged"
  fi
  rm -rf "$work"
}

main() {
  prefix='' force=
  while [ $# -gt 0 ]; do
    case $1 in
      --to) if [ $# -lt 2 ] || [ -z "$2" ]; then fail "\`--to\` requires a directory"; fi; prefix=$2; shift 2 ;;
      --force) force=1; shift ;;
      --help | -h) usage; exit 0 ;;
      *) fail "unknown argument \`$1\`: \`--help\` lists the options" ;;
    esac
  done
  [ -n "${HOME:-}" ] || { [ -n "$prefix" ] && [ -n "${XDG_DATA_HOME:-}" ]; } || fail "HOME is not set: set it, or XDG_DATA_HOME and \`--to DIR\`"
  prefix=${prefix:-${XDG_BIN_HOME:-$HOME/.local/bin}}
  share=${XDG_DATA_HOME:-$HOME/.local/share}
  case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac

  target=$(find_target)
  archive=septum-$version-$target.tar.gz
  expected=$(printf '%s\n' "$checksums" | awk -v name="$archive" '$2 == name { print $1 }')
  [ -n "$expected" ] || fail "this installer has no checksum of $archive: this release has no archive for this machine"
  has sha256sum || has shasum || has openssl || fail "none of sha256sum, shasum and openssl is installed, so the checksum cannot be checked"
  for program in tar gzip; do has "$program" || fail "\`$program\` is not installed"; done
  require_writable "$prefix"
  require_writable "$share"
  for name in septum kubectl-septum; do
    [ ! -d "$prefix/$name" ] || fail "\`$prefix/$name\` is a directory"
  done
  [ -n "$force" ] || refuse_newer "$prefix/septum"

  work=$(mktemp -d) || fail "no temporary directory could be made"
  trap clean EXIT
  trap 'exit 1' HUP INT TERM
  download "$archive" "$work/$archive"
  found=$(digest "$work/$archive")
  [ "$found" = "$expected" ] ||
    fail "$archive has another checksum than expected: nothing was installed
  expected $expected
  found    $found
It may have arrived in part: try again. If it happens again, do not use it, and report it."

  mkdir "$work/files"
  tar -xzf "$work/$archive" -C "$work/files" || fail "$archive could not be unpacked: nothing was installed"
  chmod 755 "$work/files/septum"
  stage "$work/files/septum" "$prefix/septum"
  shown=$("$prefix/septum.septum-new" --version 2>&1) || fail "the program does not run on this machine, so nothing was installed: $shown"
  for page in "$work/files/man/"*.1; do stage "$page" "$share/man/man1/${page##*/}"; done
  stage "$work/files/completions/septum.bash" "$share/bash-completion/completions/septum"
  stage "$work/files/completions/_septum" "$share/zsh/site-functions/_septum"
  stage "$work/files/completions/septum.fish" "$share/fish/vendor_completions.d/septum.fish"
  commit
  ln -sf septum "$prefix/kubectl-septum"

  echo "installed $shown in $prefix"
  case :$PATH: in
    *":$prefix:"*)
      first=$(command -v septum || true)
      [ "$first" = "$prefix/septum" ] || echo "\`septum\` is another program so far, which comes first on the PATH: $first"
      ;;
    *) echo "$prefix is not on the PATH: add it, for example with: export PATH=\"$prefix:\$PATH\"" ;;
  esac
}

main "$@"
