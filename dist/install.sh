#!/bin/sh
# Installs a release of Septum: `sh install.sh [--to DIR]`, without root.
#
# The archive is downloaded from the release, or taken from a directory (SEPTUM_ARCHIVES=DIR), and
# installed only if it has the checksum below. Links the plugin of kubectl, writes manual pages
# and completions below ~/.local/share, and prints what is left to do. Nothing else is changed.
set -eu

version="@VERSION@"
downloads="@DOWNLOADS@"
checksums="@CHECKSUMS@"

fail() {
  echo "septum: $1" >&2
  exit 1
}

prefix=${XDG_BIN_HOME:-$HOME/.local/bin}
share=${XDG_DATA_HOME:-$HOME/.local/share}
while [ $# -gt 0 ]; do
  case $1 in
    --to) [ $# -ge 2 ] || fail "\`--to\` requires a directory"; prefix=$2; shift 2 ;;
    --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "unknown argument \`$1\`: the only option is \`--to DIR\`" ;;
  esac
done

case $(uname -s)-$(uname -m) in
  Linux-x86_64) target=x86_64-unknown-linux-musl ;;
  Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-musl ;;
  Darwin-x86_64) target=x86_64-apple-darwin ;;
  Darwin-arm64) target=aarch64-apple-darwin ;;
  *) fail "there is no archive for $(uname -s) on $(uname -m): build it with \`cargo install --locked\`" ;;
esac
archive=septum-$version-$target.tar.gz
expected=$(printf '%s\n' "$checksums" | awk -v name="$archive" '$2 == name { print $1 }')
[ -n "$expected" ] || fail "this installer knows no checksum of $archive"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
if [ -n "${SEPTUM_ARCHIVES:-}" ]; then
  cp "$SEPTUM_ARCHIVES/$archive" "$work/$archive" || fail "there is no $archive in SEPTUM_ARCHIVES"
elif command -v curl >/dev/null; then
  curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --retry 3 --output "$work/$archive" "$downloads/v$version/$archive" ||
    fail "$archive could not be downloaded"
elif command -v wget >/dev/null; then
  wget --quiet --output-document="$work/$archive" "$downloads/v$version/$archive" || fail "$archive could not be downloaded"
else
  fail "neither curl nor wget is installed"
fi

if command -v sha256sum >/dev/null; then
  found=$(sha256sum "$work/$archive")
else
  found=$(shasum -a 256 "$work/$archive")
fi
[ "${found%% *}" = "$expected" ] || fail "$archive has another checksum than expected: it is not installed"

mkdir "$work/files"
tar -xzf "$work/$archive" -C "$work/files"
mkdir -p "$prefix" "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
# a program that runs is replaced, not written over
cp "$work/files/septum" "$prefix/.septum.new"
chmod 755 "$prefix/.septum.new"
mv -f "$prefix/.septum.new" "$prefix/septum"
ln -sf septum "$prefix/kubectl-septum"
cp "$work/files/man/"*.1 "$share/man/man1/"
cp "$work/files/completions/septum.bash" "$share/bash-completion/completions/septum"
cp "$work/files/completions/_septum" "$share/zsh/site-functions/_septum"
cp "$work/files/completions/septum.fish" "$share/fish/vendor_completions.d/septum.fish"

echo "installed $("$prefix/septum" --version) in $prefix"
case :$PATH: in
  *":$prefix:"*) ;;
  *) echo "$prefix is not on the PATH: add it, for example with: export PATH=\"$prefix:\$PATH\"" ;;
esac
