//! What an operator makes of a template is what Septum makes of it where the value is known.
//!
//! The operator's templates are Go's with functions of sprig. A program of Go's own library, with those
//! functions as sprig defines them, stands for it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::peers::peer;
use crate::support::sandbox::Sandbox;

/// `b64enc`, `sha256sum`, `replace`, `toJson` and `trim` as in sprig 3 (`functions.go`, `strings.go`,
/// `crypto.go`, `defaults.go`).
const OPERATOR: &str = r#"package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"text/template"
)

func main() {
	var asked struct {
		Data      map[string]string
		Templates map[string]string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		panic(err)
	}
	functions := template.FuncMap{
		"b64enc":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"sha256sum": func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) },
		"replace":   func(old, new, s string) string { return strings.ReplaceAll(s, old, new) },
		"toJson":    func(v any) string { out, _ := json.Marshal(v); return string(out) },
		"trim":      strings.TrimSpace,
	}
	made := map[string]string{}
	for key, text := range asked.Templates {
		parsed, err := template.New(key).Option("missingkey=error").Funcs(functions).Parse(text)
		if err != nil {
			panic(err)
		}
		var out strings.Builder
		if err := parsed.Execute(&out, asked.Data); err != nil {
			panic(err)
		}
		made[key] = out.String()
	}
	json.NewEncoder(os.Stdout).Encode(made)
}
"#;

const TEMPLATES: &str = r#"  URL: "postgres://app:{{ data.P | urlencode }}@{{ data.HOST }}/x?a=%2B&b={{ '{{' }}"
  B64: "{{ data.P | b64encode }}"
  JSON: '{"a": {{ data.P | tojson }}, "b": {{ data["with-dash"] | tojson }}}'
  JSONSUM: "{{ data.P | tojson | sha256 }}"
  SUM: "{{ data.P | trim | sha256 }}"
  TRIM: "[{{ data.P | trim }}]"
  TWICE: "{{ data.P }}{{ data.P | b64encode }}{{ data.URL }}"
  BRACES: "{% raw %}{{ x }} }} {{% endraw %}{{ data.P }}{% raw %}}} {{% endraw %}"
  LINES: "a\n{{ data.P }}\n\n\tb \\ \" ' `"
  LOOP: "{% for i in [1, 2] %}{{ i }}={{ data.P }};{% endfor %}{% if data.HOST %}{{ data['with-dash'] }}{% endif %}"
"#;

/// Values with all that templates, URLs, JSON and YAML find special.
const VALUES: [&str; 10] = [
    "plain",
    "p@ss w/rd+%41&=?#",
    "{{ .P }} {{",
    "quote\" ' ` \\ \\n",
    "größe 日本 🔑",
    "two\nlines\n",
    "  blanks  ",
    "~_-.!*'();:@$,[]",
    "\t\r\u{8}\u{c}\u{1f}\u{a0}",
    "+ +%20<>&",
];

fn rendered(project: &Sandbox) -> Vec<Json> {
    project.dev().0
}

#[test]
fn what_the_operator_makes_is_what_would_be_rendered() {
    let Some(go) = peer("go") else { return };
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("main.go"), OPERATOR).unwrap();
    let program = directory.path().join("operator");
    let build = Command::new(go)
        .args(["build", "-o"])
        .arg(&program)
        .arg("main.go")
        .current_dir(directory.path())
        .env("GOFLAGS", "")
        .env("GO111MODULE", "off")
        .status()
        .unwrap();
    assert!(build.success());
    let base = |p: &str, dash: &str| format!("app: app\ndata:\n  HOST: db\n  P: {p}\n  with-dash: {dash}\n{TEMPLATES}");
    let delivery = "delivery: { refs: external-secret, store: s }\n";
    let pointed = rendered(&Sandbox::of(&base("{ ref: p }", "{ ref: d }"), delivery));
    let external = pointed.iter().find(|object| object["kind"] == "ExternalSecret").unwrap();
    let templates = &external["spec"]["target"]["template"]["data"];
    for (index, value) in VALUES.iter().enumerate() {
        let dash = VALUES[(index + 3) % VALUES.len()];
        let literal = |text: &str| {
            let quoted = serde_json::to_string(text).unwrap();
            format!("{{ value: {quoted}, sensitive: true, template: false }}")
        };
        let known = Sandbox::of(&base(&literal(value), &literal(dash)), "").dev().texts("Secret/app");
        let asked = serde_json::json!({ "Data": { "P": value, "with-dash": dash }, "Templates": templates });
        let made = operator(&program, &asked);
        for (key, made) in made {
            assert_eq!(made, known[&key], "{key} of {value:?}");
        }
    }
}

fn operator(program: &std::path::Path, asked: &Json) -> BTreeMap<String, String> {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}
