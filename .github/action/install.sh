#!/usr/bin/env bash
# Installs septum for the action, and puts it on the PATH of later steps.
#
# A release is installed only if its archive has the checksum in checksums.txt.
set -euo pipefail

fail() {
  echo "::error title=septum::$1"
  exit 1
}

use() {
  echo "$1" >>"$GITHUB_PATH"
  "$1/septum" --version
}

target() {
  case "$RUNNER_OS-$RUNNER_ARCH" in
    Linux-X64) echo x86_64-unknown-linux-musl ;;
    Linux-ARM64) echo aarch64-unknown-linux-musl ;;
    macOS-X64) echo x86_64-apple-darwin ;;
    macOS-ARM64) echo aarch64-apple-darwin ;;
    Windows-X64) echo x86_64-pc-windows-msvc ;;
    *) fail "there is no archive for $RUNNER_OS on $RUNNER_ARCH: omit the version to build from source" ;;
  esac
}

digest() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

install_release() {
  local version=${1#v} target expected archive url found
  [[ $version =~ ^[0-9A-Za-z.+-]+$ ]] || fail "the version is not valid: expected one such as 0.2.0"
  target=$(target)
  expected=$(awk -v version="$version" -v target="$target" '$1 == version && $2 == target { print $3 }' \
    "$GITHUB_ACTION_PATH/.github/action/checksums.txt")
  [ -n "$expected" ] || fail "release $version for $target is not in checksums.txt of this action: update the action, or omit the version"
  case $target in
    *-windows-*) archive=septum-$version-$target.zip ;;
    *) archive=septum-$version-$target.tar.gz ;;
  esac
  url=${SEPTUM_DOWNLOADS:-$GITHUB_SERVER_URL/$GITHUB_ACTION_REPOSITORY/releases/download/v$version}/$archive
  mkdir -p "$RUNNER_TEMP/septum/bin"
  curl --fail --silent --show-error --location --retry 3 --output "$RUNNER_TEMP/septum/$archive" "$url" ||
    fail "the archive of release $version could not be downloaded"
  found=$(digest "$RUNNER_TEMP/septum/$archive")
  if [ "$found" != "$expected" ]; then
    rm -f "$RUNNER_TEMP/septum/$archive"
    fail "the archive of release $version has another checksum than in checksums.txt: it is not installed"
  fi
  case $archive in
    *.zip) unzip -q -o "$RUNNER_TEMP/septum/$archive" -d "$RUNNER_TEMP/septum/bin" ;;
    *) tar -xzf "$RUNNER_TEMP/septum/$archive" -C "$RUNNER_TEMP/septum/bin" ;;
  esac
  use "$RUNNER_TEMP/septum/bin"
}

if [ -n "${VERSION:-}" ]; then
  install_release "$VERSION"
elif command -v septum >/dev/null; then
  septum --version
else
  command -v cargo >/dev/null || fail "there is no septum on the PATH, and no cargo to build it: specify a version"
  cargo install --locked --quiet --root "$RUNNER_TEMP/septum" --path "$GITHUB_ACTION_PATH"
  use "$RUNNER_TEMP/septum/bin"
fi
