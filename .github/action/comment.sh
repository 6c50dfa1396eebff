#!/usr/bin/env bash
# Writes the differences into one comment of the pull request, which later runs edit: comment.sh FILE CHANGED
#
# Where the token may not comment, as for pull requests from forks, they go to the summary of the job.
set -euo pipefail
# shellcheck source=.github/action/api.sh
. "$(dirname "${BASH_SOURCE[0]}")/api.sh"
file=$1 changed=$2
marker='<!-- septum:diff -->'

to_summary() {
  echo "septum: no comment: $1; the differences are in the summary of the job"
  cat "$file" >>"$GITHUB_STEP_SUMMARY"
}

number=$(jq -r '.pull_request.number // empty' "$GITHUB_EVENT_PATH")
if [ -z "$number" ]; then
  [ "$changed" = false ] || cat "$file" >>"$GITHUB_STEP_SUMMARY"
  exit 0
fi

id='' page=1
while :; do
  api GET "issues/$number/comments?per_page=100&page=$page"
  [ "$api_status" = 200 ] || { to_summary "GitHub answered $api_status"; exit 0; }
  # anyone can write the marker: only a comment of a bot is ours
  id=$(jq -r --arg marker "$marker" \
    'map(select(.user.type == "Bot" and (.body | startswith($marker))))[0].id // empty' "$api_answer")
  [ -z "$id" ] || break
  [ "$(jq length "$api_answer")" -eq 100 ] || break
  page=$((page + 1))
done

if [ -n "$id" ]; then
  # GitHub stores comments without the last line break
  if jq -e --argjson id "$id" --rawfile new "$file" \
    'map(select(.id == $id))[0].body | gsub("\r"; "") | rtrimstr("\n") == ($new | rtrimstr("\n"))' "$api_answer" >/dev/null; then
    exit 0
  fi
  method=PATCH path=issues/comments/$id
elif [ "$changed" = true ] || [ "${COMMENT:-on-change}" = true ]; then
  method=POST path=issues/$number/comments
else
  exit 0
fi
jq -n --rawfile body "$file" '{ body: $body }' >"$RUNNER_TEMP/septum-report/comment.json"
api "$method" "$path" "$RUNNER_TEMP/septum-report/comment.json"
case $api_status in
  200 | 201) ;;
  *) to_summary "GitHub answered $api_status" ;;
esac
