#!/usr/bin/env bash
# Packs a rendered environment for `flux push artifact` or `oras push`: equal files give equal bytes, whoever checked
# them out, and when. Requires GNU tar (`gtar` on macOS).
#
#   ./artifact.sh rendered/prod prod.tgz
#
# Prints the digest of the files. It is a good tag: an environment that did not change has been pushed already.
set -euo pipefail
[ $# = 2 ] || { echo "usage: artifact.sh DIRECTORY FILE.tgz" >&2; exit 2; }
directory=$1 file=$2
[ -f "$(find "$directory" -name kustomization.yaml -print -quit)" ] || {
  echo "artifact.sh: $directory has no kustomization.yaml: is it the directory of an environment?" >&2
  exit 2
}
# Flux follows no link, and a link to a file elsewhere would make the archive depend on that
if [ -n "$(find "$directory" ! -type f ! -type d -print -quit)" ]; then
  echo "artifact.sh: $directory contains something that is neither a file nor a directory" >&2
  exit 2
fi
tar=$(command -v gtar || command -v tar)
archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
# names in the order of bytes, no dates, no owners, the same permissions
LC_ALL=C "$tar" --create --file "$archive" --directory "$directory" --format=ustar --sort=name \
  --mtime='@0' --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' .
gzip --no-name --best --stdout "$archive" >"$file"
sha256sum "$archive" | cut -c 1-64
