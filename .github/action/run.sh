#!/usr/bin/env bash
# Checks the project, compares it with the base of the pull request or push, and reports both to GitHub.
#
# Fails if the check or the other command does. What GitHub does not allow, as for pull requests from forks, is said
# in the log, and is no failure.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

out=$RUNNER_TEMP/septum-report
mkdir -p "$out"
cd "${DIRECTORY:-.}"
# names of environments have no characters with a meaning in globs or for the shell
set -f
# shellcheck disable=SC2206 # separated by spaces on purpose
environments=(${ENVIRONMENTS:-})
# shellcheck disable=SC2206
command=(${SEPTUM_COMMAND:-})

set_output() { printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; }

# Commit to compare with: what the merge commit of a pull request merges into, its base, or the commit before a push.
# Prints nothing if there is none.
base_commit() {
  local base
  case "${GITHUB_EVENT_NAME:-}" in
    pull_request | pull_request_target)
      if git rev-parse --verify --quiet HEAD^2 >/dev/null; then
        git rev-parse HEAD^1
        return
      fi
      base=$(jq -r '.pull_request.base.sha // empty' "$GITHUB_EVENT_PATH")
      ;;
    push) base=$(jq -r '.before // empty' "$GITHUB_EVENT_PATH") ;;
    *) return ;;
  esac
  [[ $base =~ ^[0-9a-f]{40,64}$ && ! $base =~ ^0+$ ]] || return 0
  # a checkout of one commit does not have it
  git cat-file -e "$base^{commit}" 2>/dev/null || git fetch --quiet --no-tags --depth=1 origin "$base" 2>/dev/null || true
  if git cat-file -e "$base^{commit}" 2>/dev/null; then
    echo "$base"
  else
    echo "septum: the commit to compare with is not in this clone: use \`fetch-depth: 0\` of actions/checkout" >&2
  fi
}

status=0
septum check --keyless --format github ${environments[@]+"${environments[@]}"} || status=$?
septum check --keyless --format json ${environments[@]+"${environments[@]}"} >"$out/check.json" 2>/dev/null || true
set_output findings "$(jq '.findings | length' "$out/check.json" 2>/dev/null || true)"

if [ "${SARIF:-true}" = true ]; then
  septum check --keyless --format sarif ${environments[@]+"${environments[@]}"} >"$out/septum.sarif" 2>/dev/null || true
  if [ -s "$out/septum.sarif" ]; then "$here/upload-sarif.sh" "$out/septum.sarif"; fi
fi

changed=
: >"$out/diff.md"
base=$(base_commit)
if [ -n "$base" ]; then
  difference=0
  septum diff ${environments[@]+"${environments[@]}"} --rev "$base..HEAD" --format markdown >"$out/diff.md" || difference=$?
  case $difference in
    0) changed=false ;;
    1) changed=true ;;
    # an invalid base must not block the change that fixes it
    *) echo "::warning title=septum::the differences could not be determined" ;;
  esac
fi
set_output changed "$changed"
set_output report "$out/diff.md"
if [ -n "$changed" ] && [ "${COMMENT:-on-change}" != false ]; then "$here/comment.sh" "$out/diff.md" "$changed"; fi

if [ "${#command[@]}" -gt 0 ]; then
  septum "${command[@]}" || { other=$?; [ "$status" -ne 0 ] || status=$other; }
fi
exit "$status"
