//! The action for GitHub: its scripts, with the environment that a runner gives them and a server in place of its API.

#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value as Json, json};
use serde_yaml::Value as Yaml;

use super::jobs::{git, path_with_septum};
use crate::support::messages::record;
use crate::support::peers::peer;
use crate::support::samples::repository;
use crate::support::sandbox::{CANARY, Run, Sandbox};

const TOKEN: &str = "ghs_dummy-of-the-test";

/// A server that answers as the API of GitHub does, as far as the action asks.
#[derive(Default)]
struct GithubState {
    comments: Vec<Json>,
    uploads: Vec<Json>,
    /// Requests that change something: method and path.
    changes: Vec<String>,
    is_read_only: bool,
}

struct Github {
    address: String,
    state: Arc<Mutex<GithubState>>,
}

impl Github {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(GithubState::default()));
        let shared = Arc::clone(&state);
        // ends with the process of the tests
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &shared);
            }
        });
        Self { address, state }
    }

    fn with<T>(&self, action: impl FnOnce(&mut GithubState) -> T) -> T {
        action(&mut self.state.lock().unwrap())
    }
}

fn answer(stream: TcpStream, state: &Mutex<GithubState>) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| head.iter().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let length = header("Content-Length: ").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request = head[0].clone();
    let (method, path) = request.split_once(' ').unwrap();
    let path = path.split_once(' ').unwrap().0.strip_prefix("/repos/octo/shop/").unwrap();
    assert_eq!(header("Authorization: "), Some(format!("Bearer {TOKEN}")));
    let (status, result) = respond(&mut state.lock().unwrap(), method, path, &body);
    let text = result.to_string();
    let mut stream = reader.into_inner();
    write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len()).unwrap();
}

fn respond(state: &mut GithubState, method: &str, path: &str, body: &[u8]) -> (u16, Json) {
    if method == "GET" {
        let page: usize = path.rsplit_once("&page=").unwrap().1.parse().unwrap();
        let comments: Vec<_> = state.comments.iter().skip((page - 1) * 100).take(100).cloned().collect();
        return (200, Json::Array(comments));
    }
    if state.is_read_only {
        return (403, json!({ "message": "Resource not accessible by integration" }));
    }
    state.changes.push(format!("{method} {path}"));
    let body: Json = serde_json::from_slice(body).unwrap();
    match path.strip_prefix("issues/comments/") {
        Some(id) => {
            let id: u64 = id.parse().unwrap();
            let comment = state.comments.iter_mut().find(|comment| comment["id"] == id).unwrap();
            comment["body"] = body["body"].clone();
            (200, json!({}))
        }
        None if path == "code-scanning/sarifs" => {
            state.uploads.push(body);
            (202, json!({}))
        }
        None => {
            let id = state.comments.len() + 1;
            state.comments.push(json!({ "id": id, "user": { "type": "Bot" }, "body": body["body"] }));
            (201, json!({}))
        }
    }
}

/// A repository with an open pull request, checked out as GitHub does: at the commit that would merge it.
struct PullRequest {
    sandbox: Sandbox,
    github: Github,
}

const BASE: &str = "app: shop\ndata:\n  HOST: localhost\n  PASSWORD: { sensitive: true }\n";

impl PullRequest {
    /// With this overlay of prod instead of `HOST: old`.
    fn with_prod(prod: &str) -> Self {
        let sandbox = Sandbox::with_identities();
        sandbox.write("environments/base.yaml", BASE);
        sandbox.write("environments/prod.yaml", "data: { HOST: old }\n");
        sandbox.encrypted("environments/prod.secrets.yaml", format!("data: {{ PASSWORD: {CANARY} }}\n"));
        let root = sandbox.root();
        git(&root, &["init", "--quiet"]);
        sandbox.write(".git/info/exclude", "/*.txt\n/home\n/runner\n");
        git(&root, &["add", "--all"]);
        git(&root, &["commit", "--quiet", "--message", "base"]);
        git(&root, &["checkout", "--quiet", "-b", "change"]);
        let pull_request = Self { sandbox, github: Github::start() };
        pull_request.push(prod);
        pull_request.sandbox.write("runner/event.json", r#"{ "pull_request": { "number": 7 } }"#);
        pull_request
    }

    /// Commits another overlay of prod to the branch, and checks out the merge.
    fn push(&self, prod: &str) {
        let root = self.sandbox.root();
        git(&root, &["checkout", "--quiet", "change"]);
        self.sandbox.write("environments/prod.yaml", prod);
        git(&root, &["add", "--all"]);
        git(&root, &["commit", "--quiet", "--allow-empty", "--message", "change"]);
        git(&root, &["checkout", "--quiet", "--detach", "main"]);
        git(&root, &["merge", "--quiet", "--no-ff", "--message", "merge", "change"]);
    }

    fn run(&self, inputs: &[(&str, &str)]) -> Run {
        for file in ["output", "summary"] {
            self.sandbox.write(&format!("runner/{file}"), "");
        }
        let mut command = Command::new(repository().join(".github/action/run.sh"));
        command.current_dir(self.sandbox.root()).env_clear().env("PATH", path_with_septum());
        command.env("HOME", self.sandbox.path("home")).env("RUNNER_TEMP", self.sandbox.path("runner"));
        for (name, file) in
            [("GITHUB_OUTPUT", "output"), ("GITHUB_STEP_SUMMARY", "summary"), ("GITHUB_EVENT_PATH", "event.json")]
        {
            command.env(name, self.sandbox.path("runner").join(file));
        }
        command.envs([
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_REPOSITORY", "octo/shop"),
            ("GITHUB_API_URL", self.github.address.as_str()),
            ("GITHUB_TOKEN", TOKEN),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_SHA", "0123456789012345678901234567890123456789"),
        ]);
        let run = Run::from(command.envs(inputs.iter().copied()).output().unwrap());
        let said = run.stdout.clone() + &run.stderr + &self.sandbox.read("runner/summary");
        assert!(!said.contains(TOKEN) && !said.contains(CANARY), "{said}");
        run
    }

    fn output(&self, name: &str) -> Option<String> {
        let outputs = self.sandbox.read("runner/output");
        outputs.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).map(str::to_owned)
    }

    fn changes(&self) -> Vec<String> {
        self.github.with(|state| std::mem::take(&mut state.changes))
    }
}

/// Whether the programs of a runner are here.
fn has_programs() -> bool {
    ["bash", "curl", "jq", "git"].iter().all(|program| peer(program).is_some())
}

#[test]
fn a_pull_request_gets_one_comment_that_later_runs_edit() {
    if !has_programs() {
        return;
    }
    let pull_request = PullRequest::with_prod("data: { HOST: new }\n");
    // whatever others write is theirs
    let foreign = json!({ "id": 1, "user": { "type": "User" }, "body": "<!-- septum:diff -->\nmine" });
    let many = (0..150).map(|_| foreign.clone());
    pull_request.github.with(|state| state.comments.extend(many));
    let run = pull_request.run(&[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(pull_request.changes(), ["POST code-scanning/sarifs", "POST issues/7/comments"]);
    let body = || pull_request.github.with(|state| state.comments.last().unwrap()["body"].as_str().unwrap().to_owned());
    assert!(
        body().starts_with("<!-- septum:diff -->") && body().contains("old") && body().contains("new"),
        "{}",
        body()
    );
    assert_eq!(pull_request.output("changed").as_deref(), Some("true"));
    assert_eq!(pull_request.output("findings").as_deref(), Some("0"));
    assert!(fs::read_to_string(pull_request.output("report").unwrap()).unwrap().contains("HOST"));
    assert_eq!(pull_request.sandbox.read("runner/summary"), "");

    pull_request.run(&[("SARIF", "false")]);
    assert_eq!(pull_request.changes(), [""; 0], "nothing is new");
    pull_request.push("data: { HOST: newer }\n");
    pull_request.run(&[("SARIF", "false")]);
    assert_eq!(pull_request.changes(), ["PATCH issues/comments/151"]);
    assert!(body().contains("newer"));
    pull_request.push("data: { HOST: old }\n");
    pull_request.run(&[("SARIF", "false")]);
    assert_eq!(pull_request.changes(), ["PATCH issues/comments/151"], "the differences are gone");
    assert!(!body().contains("newer"));
    assert!(pull_request.github.with(|state| state.comments[0] == foreign));
}

#[test]
fn without_differences_there_is_no_comment_unless_one_is_wanted() {
    if !has_programs() {
        return;
    }
    for (wanted, changes) in [("on-change", 0), ("false", 0), ("true", 1)] {
        let pull_request = PullRequest::with_prod("data: { HOST: old } # the same\n");
        let run = pull_request.run(&[("COMMENT", wanted), ("SARIF", "false")]);
        assert_eq!((run.code, pull_request.changes().len()), (0, changes), "{wanted}: {}", run.stderr);
        assert_eq!(pull_request.output("changed").as_deref(), Some("false"));
    }
    let pull_request = PullRequest::with_prod("data: { HOST: new }\n");
    pull_request.run(&[("COMMENT", "false"), ("SARIF", "false")]);
    assert_eq!(pull_request.changes(), [""; 0]);
    assert_eq!(pull_request.output("changed").as_deref(), Some("true"));
}

#[test]
fn where_the_token_may_only_read_the_differences_are_in_the_summary() {
    if !has_programs() {
        return;
    }
    let pull_request = PullRequest::with_prod("data: { HOST: new }\n");
    pull_request.github.with(|state| state.is_read_only = true);
    let run = pull_request.run(&[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(pull_request.sandbox.read("runner/summary").contains("<!-- septum:diff -->"));
    record(&run.stdout);
}

#[test]
fn findings_fail_the_step_and_are_counted() {
    if !has_programs() {
        return;
    }
    let pull_request = PullRequest::with_prod("data: { HSOT: new }\n");
    let run = pull_request.run(&[]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("::error file=environments/prod.yaml,line=1,"), "{}", run.stdout);
    assert_eq!(pull_request.output("findings").as_deref(), Some("1"));
    let upload = pull_request.github.with(|state| state.uploads[0].clone());
    assert!(upload["sarif"].as_str().is_some_and(|text| text.starts_with("H4sI")), "{upload}");
    assert!(pull_request.sandbox.read("runner/summary").contains("unknown-key"));
}

#[test]
fn another_command_fails_the_step_too() {
    if !has_programs() {
        return;
    }
    let pull_request = PullRequest::with_prod("data: { HOST: new }\n");
    assert_eq!(pull_request.run(&[("SEPTUM_COMMAND", "explain prod NOTHING"), ("COMMENT", "false")]).code, 2);
    assert_eq!(pull_request.run(&[("SEPTUM_COMMAND", "rekey --check"), ("ENVIRONMENTS", "prod")]).code, 0);
}

#[test]
fn a_release_is_installed_only_with_the_checksum_that_is_listed() {
    if !has_programs() || peer("tar").is_none() {
        return;
    }
    let files = Sandbox::new([("downloads/septum", "#!/bin/sh\necho septum 9.9.9\n"), ("path", "")]);
    let archive = "septum-9.9.9-x86_64-unknown-linux-musl.tar.gz";
    let shell = |script: &str| {
        let mut shell = Command::new("bash");
        shell.args(["-euc", script]).current_dir(files.root());
        let output = shell.output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let digest = shell(&format!(
        "cd downloads; chmod +x septum; tar -czf {archive} septum; sha256sum {archive} | cut -d ' ' -f 1"
    ));
    let install = |version: &str, listed: &str| {
        let action = files.path("action/.github/action");
        fs::create_dir_all(&action).unwrap();
        fs::write(action.join("checksums.txt"), format!("9.9.9 x86_64-unknown-linux-musl {listed}\n")).unwrap();
        files.write("path", "");
        let mut script = Command::new(repository().join(".github/action/install.sh"));
        script.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("VERSION", version);
        script.envs([("RUNNER_OS", "Linux"), ("RUNNER_ARCH", "X64")]);
        script.env("GITHUB_ACTION_PATH", files.path("action")).env("RUNNER_TEMP", files.path("temp"));
        script.env("GITHUB_PATH", files.path("path"));
        script.env("SEPTUM_DOWNLOADS", format!("file://{}", files.path("downloads").display()));
        Run::from(script.output().unwrap())
    };
    for version in ["9.9.9", "v9.9.9"] {
        let run = install(version, digest.trim());
        assert_eq!((run.code, run.stdout.as_str()), (0, "septum 9.9.9\n"), "{}", run.stderr);
        assert!(files.path(files.read("path").trim()).join("septum").is_file());
    }
    let other = "0".repeat(64);
    for (version, listed) in [("9.9.9", other.as_str()), ("9.9.8", digest.trim()), ("../9", digest.trim())] {
        let run = install(version, listed);
        assert_eq!(run.code, 1, "{version}");
        assert!(run.stdout.starts_with("::error "), "{}", run.stdout);
        assert_eq!(files.read("path"), "");
    }
}

#[test]
fn the_action_passes_inputs_by_the_environment() {
    let action: Yaml = serde_yaml::from_str(&fs::read_to_string(repository().join("action.yml")).unwrap()).unwrap();
    let inputs = action["inputs"].as_mapping().unwrap();
    let steps = action["runs"]["steps"].as_sequence().unwrap();
    for step in steps {
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "an expression in a script is code: {script}");
        let file = script.trim_matches('"').strip_prefix("$GITHUB_ACTION_PATH/").unwrap();
        assert!(repository().join(file).is_file(), "{file}");
        assert_eq!(step["shell"].as_str(), Some("bash"));
    }
    let used: String = steps.iter().map(|step| serde_yaml::to_string(&step["env"]).unwrap()).collect();
    for (name, input) in inputs {
        let name = name.as_str().unwrap();
        assert!(used.contains(&format!("${{{{ inputs.{name} }}}}")), "`{name}` is used");
        assert!(input["description"].is_string() && input.get("default").is_some(), "{name}");
    }
}
