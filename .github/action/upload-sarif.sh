#!/usr/bin/env bash
# Uploads a SARIF file to code scanning: upload-sarif.sh FILE
#
# Not every repository has code scanning, and no pull request from a fork may upload: then the log says so.
set -euo pipefail
# shellcheck source=.github/action/api.sh
. "$(dirname "${BASH_SOURCE[0]}")/api.sh"
body=$RUNNER_TEMP/septum-report/sarif.json
gzip --stdout "$1" | base64 | tr -d '\n' >"$body.text"
jq -n --rawfile sarif "$body.text" --arg commit "$GITHUB_SHA" --arg ref "$GITHUB_REF" \
  '{ commit_sha: $commit, ref: $ref, sarif: $sarif, tool_name: "septum" }' >"$body"
api POST code-scanning/sarifs "$body"
case $api_status in
  200 | 201 | 202) ;;
  *) echo "septum: findings were not uploaded to code scanning: GitHub answered $api_status" ;;
esac
