# Calls the API of GitHub: `api METHOD PATH [BODY-FILE]`. Sets `api_status`, and writes the answer to $api_answer.
# The token is passed on standard input, so that no list of processes shows it.
# shellcheck shell=bash disable=SC2034 # the callers read what is set

api_answer=$RUNNER_TEMP/septum-report/answer.json
api_status=

api() {
  local method=$1 path=$2 body=${3:-}
  local options=(--silent --show-error --request "$method" --output "$api_answer" --write-out '%{http_code}'
    --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28' --config -)
  if [ -n "$body" ]; then options+=(--header 'Content-Type: application/json' --data-binary "@$body"); fi
  api_status=$(printf 'header = "Authorization: Bearer %s"\n' "$GITHUB_TOKEN" |
    curl "${options[@]}" "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/$path") || api_status=000
}
