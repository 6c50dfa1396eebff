//! Dotenv files in each of their dialects.

use std::collections::BTreeMap;
use std::process::Command;

use super::{Case, import, written};
use crate::support::messages::record;
use crate::support::peers::{peer, python_with};
use crate::support::sandbox::Sandbox;

const BASE: &str = "LOG_LEVEL=info\nPORT=8080\nDB_HOST=localhost\nDB_PASSWORD=canary-hunter2-a\nDATABASE_URL=postgres://app:${DB_PASSWORD}@${DB_HOST}/app\nEMPTY=\nAPI_KEY=\n";

const PROD: &str = "LOG_LEVEL=warn\nDB_HOST=db.prod\nDB_PASSWORD=canary-hunter2-b\nAPI_KEY=canary-hunter2-c\n";

const QUOTED: &str = "A='a # b'\nB=\"a\\nb\"\nC=a # comment\nexport D=d\nE=\"x\ny\"\nF=pa$word\nG='${A}'\nH=${A:-x}-${NONE:-y}\nI={{ x }}\n";

#[test]
fn values_are_those_that_the_reader_of_the_file_gives() {
    for case in [
        Case {
            name: "base and prod",
            files: &[(".env", BASE), (".env.production", PROD)],
            arguments: &["dotenv", ".env", ".env.production"],
            proof: "7 of 7 values equal in prod",
        },
        Case {
            name: "base alone",
            files: &[(".env", BASE)],
            arguments: &["dotenv", ".env"],
            proof: "7 of 7 values equal in prod",
        },
        Case {
            name: "environments alone",
            files: &[("dev.env", BASE), ("prod.env", PROD)],
            arguments: &["dotenv", "dev.env", "prod.env"],
            proof: "11 of 11 values equal in dev, prod",
        },
        Case {
            name: "named environments",
            files: &[("a", BASE), ("b", PROD)],
            arguments: &["dotenv", "staging=a", "prod=b"],
            proof: "11 of 11 values equal in staging, prod",
        },
        Case {
            name: "node",
            files: &[(".env", QUOTED)],
            arguments: &["dotenv", ".env", "--dialect", "node"],
            proof: "9 of 9 values equal in prod",
        },
        Case {
            name: "python",
            files: &[(".env", QUOTED)],
            arguments: &["dotenv", ".env", "--dialect", "python"],
            proof: "9 of 9 values equal in prod",
        },
        Case {
            name: "compose",
            files: &[(".env", QUOTED)],
            arguments: &["dotenv", ".env", "--dialect", "compose"],
            proof: "9 of 9 values equal in prod",
        },
        Case {
            name: "variables of their own",
            files: &[(".env", "A=a\nA=$A:b\nB=${B:-x}\nC=$C\n")],
            arguments: &["dotenv", ".env", "--dialect", "shell"],
            proof: "3 of 3 values equal in prod",
        },
        Case {
            name: "braces beside variables",
            files: &[(".env", "A=\nN={${A}\nO={${A}}\nP={{${A}%}\nQ=a{${NONE:-{}${A}{%\nR={\\$${A}\n")],
            arguments: &["dotenv", ".env", "--dialect", "node"],
            proof: "6 of 6 values equal in prod",
        },
        Case {
            name: "shell",
            files: &[(".env", "A=\"a b\"'c'\nB=$A\\ d\nC=x y\n")],
            arguments: &["dotenv", ".env", "--dialect", "shell"],
            proof: "3 of 3 values equal in prod",
        },
        Case {
            name: "docker",
            files: &[(".env", "A='a' # b\nB=$A\nC=\"x\\n\"\n")],
            arguments: &["dotenv", ".env", "--dialect", "docker"],
            proof: "3 of 3 values equal in prod",
        },
        Case {
            name: "kustomize",
            files: &[(".env", "A='a' # b\nB\n\n# c\nC=x \n")],
            arguments: &["dotenv", ".env", "--dialect", "kustomize"],
            proof: "3 of 3 values equal in prod",
        },
        Case {
            name: "windows",
            files: &[(".env", "\u{FEFF}A=1\r\nB=2\r\n")],
            arguments: &["dotenv", ".env"],
            proof: "2 of 2 values equal in prod",
        },
    ] {
        case.check();
    }
}

#[test]
fn common_values_are_defaults_and_variables_are_templates() {
    let desk = Sandbox::with_identities();
    desk.write(".env", BASE);
    desk.write(".env.production", PROD);
    desk.write(".env.staging", "DB_HOST=db.staging\n");
    record(import(&desk, &["dotenv", ".env", ".env.staging", ".env.production", "--app", "shop"]).succeeds());
    for path in ["base.yaml", "staging.yaml", "prod.yaml"] {
        record(written(&desk, path));
    }
    let url = desk.run(&["get", "prod", "DATABASE_URL"]).ok();
    assert_eq!(url, "postgres://app:canary-hunter2-b@db.prod/app");
}

#[test]
fn each_line_on_which_readers_disagree_is_named() {
    let desk = Sandbox::with_identities();
    desk.write(".env", QUOTED);
    let run = import(&desk, &["dotenv", ".env"]);
    assert_eq!(run.code, 0);
    record(&run.stderr);
    record(&run.stdout);
    // whoever names the reader is not told of the others
    let run = import(&desk, &["dotenv", ".env", "--dialect", "compose", "--out", "other"]);
    assert_eq!(run.stderr, "");
}

#[test]
fn invalid_files_write_nothing() {
    for (name, arguments, text) in [
        ("a key", &[".env"][..], "A B=canary-hunter2\n"),
        ("a key of kustomize", &[".env", "--dialect", "kustomize"], "export A=canary-hunter2\n"),
        ("an export of docker", &[".env", "--dialect", "docker"], "export A=canary-hunter2\n"),
        ("nothing", &[".env"], "# nothing\n"),
        ("an example", &[".env.example"], "A=b\n"),
        ("no file", &["nothing.env"], ""),
        ("no dialect", &[".env", "--dialect", "ruby"], "A=b\n"),
    ] {
        let desk = Sandbox::with_identities();
        desk.write(".env", text);
        desk.write(".env.example", text);
        let before = desk.all();
        let run = import(&desk, &[&["dotenv"], arguments].concat());
        assert_eq!(run.code, 2, "{name}: {}", run.stderr);
        super::assert_no_secret(name, run.stderr.as_bytes());
        record(&run.stderr);
        assert!(desk.all() == before, "{name}");
    }
}

#[test]
fn a_secret_that_every_environment_replaces_is_named() {
    let desk = Sandbox::with_identities();
    desk.write(".env", "A=1\nAPI_TOKEN=hunter2-canary-of-nobody\n");
    desk.write(".env.production", "A=2\nAPI_TOKEN=hunter2-canary-of-prod\n");
    record(import(&desk, &["dotenv", ".env", ".env.production", "--app", "shop"]).succeeds());
    assert_eq!(written(&desk, "base.yaml"), "app: shop\n\ndata:\n  A: 1\n  API_TOKEN:\n    sensitive: true\n");
    assert_eq!(written(&desk, "prod.yaml"), "data:\n  A: 2\n");
}

#[test]
fn values_that_cannot_be_converted_are_reported() {
    let desk = Sandbox::with_identities();
    desk.write("prod.env", "A=${B:-${C}}\nD=${E:?missing}\nF=$(command)\nG=\"x\" y\n");
    let run = import(&desk, &["dotenv", "prod.env", "--dialect", "node"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    record(&run.stderr);
    desk.write("prod.env", "G=\"x\" y\n");
    import(&desk, &["dotenv", "prod.env", "--dialect", "compose", "--out", "other"]).refused();
}

#[test]
fn variables_of_variables_do_not_grow_without_limit() {
    for text in ["x", ""] {
        let desk = Sandbox::with_identities();
        let line = |number: usize| format!("A{number}={}\n", format!("${{A{}}}", number - 1).repeat(10));
        desk.write("prod.env", format!("A0={text}\n{}", (1..20).map(line).collect::<String>()));
        import(&desk, &["dotenv", "prod.env", "--dialect", "compose"]).refused();
    }
}

#[test]
fn secrets_beside_variables_are_encrypted() {
    let text = "X=\nPASSWORD=${X:-canary-hunter2-a}\nDB_TOKEN=canary-hunter2-b-${X}-c\nLINK=${X:-postgres://u:canary-hunter2-d@h/e}\nDATABASE_URL=postgres://app:${PASSWORD}@${X}/app\n";
    let desk = Case {
        name: "beside variables",
        files: &[("prod.env", text)],
        arguments: &["dotenv", "prod.env", "--dialect", "node", "--app", "shop"],
        proof: "5 of 5 values equal in prod",
    }
    .check();
    record(written(&desk, "base.yaml"));
    desk.run(&["check"]).succeeds();
}

#[test]
fn lines_on_which_readers_disagree_in_the_same_way_are_one_warning() {
    let desk = Sandbox::with_identities();
    let key = "KEY=\"-----BEGIN X-----\nMIIB='\n#x=y\n-----END X-----\"\n";
    desk.write(".env", format!("A=\"a\"\nB=\"b c\"\nC='c'\n{key}FEATURE_FLAGS={{\"cart\":true}}\nPASS_THROUGH\n"));
    let run = import(&desk, &["dotenv", ".env"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    record(&run.stderr);
}

#[test]
fn a_line_that_is_skipped_is_named() {
    for dialect in ["compose", "docker", "node"] {
        let desk = Sandbox::with_identities();
        desk.write(".env", "A=b\nPASS_THROUGH\nOTHER\n");
        record(import(&desk, &["dotenv", ".env", "--dialect", dialect, "--app", "shop"]).ok());
    }
}

/// Lines that read variables above and below them, of their own, set twice, empty, and such that are 0 or false.
const REFERENCES: &str = "\
B=${A:-}
A=0
C=${A:-x}
D=${A:-x}${F:-y}
F=false
G=${F:-x}${F}
H=0.0
I=${H:-x}
E=
J=${E:-x}
K=a${K:-b}
K=${K}c
L=${K}
K=d
M=${L}${K}
N=${E}
N=${N:-x}
O=${A}
O=${O:-x}
P=${N:-q}
Q=${R:-${S}}
R=r
T=${R}
R=
U=${T:-x}
V=${R:-x}
";

/// Imports a file for a dialect, and returns the values of the environment.
fn imported_values(dialect: &str, text: &str) -> (BTreeMap<String, String>, String) {
    let desk = Sandbox::with_identities();
    desk.write(".env", text);
    let run = import(&desk, &["dotenv", ".env", "--dialect", dialect]);
    assert_eq!(run.code, 0, "{dialect}: {}", run.stderr);
    let json = desk.run(&["export", "prod", "--format", "json"]).ok();
    (serde_json::from_str(&json).unwrap(), run.stderr)
}

#[test]
fn references_have_the_values_that_a_shell_gives_them() {
    let Some(sh) = peer("sh") else { return };
    // a shell has no default with another brace here
    let text = format!("{}W=${{E-x}}${{A-x}}\n", REFERENCES.replace("Q=${R:-${S}}\n", ""));
    let (found, _) = imported_values("shell", &text);
    let names: Vec<_> = found.keys().map(|key| format!("\"${key}\"")).collect();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(".env");
    std::fs::write(&file, &text).unwrap();
    let script = format!(". \"$1\"; printf '%s\\0' {}", names.join(" "));
    let output = Command::new(sh).env_clear().args(["-c", &script, "sh"]).arg(&file).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = String::from_utf8(output.stdout).unwrap();
    let expected: BTreeMap<_, _> = found.keys().cloned().zip(read.split_terminator('\0').map(str::to_owned)).collect();
    assert_eq!(
        found.len(),
        text.lines().map(|line| line.split('=').next()).collect::<std::collections::BTreeSet<_>>().len()
    );
    assert_eq!(found, expected);
}

#[test]
fn references_have_the_values_that_python_gives_them() {
    let Some(python) = python_with("dotenv") else { return };
    let text = format!("{REFERENCES}W=${{A-x}}\nA-x=1\nX=${{A-x}}\nY.z=2\nZ=${{Y.z}}${{A:?${{A}}}}\n");
    let text = text.replacen("W=${A-x}\n", "", 1);
    let (found, _) = imported_values("python", &text);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(".env");
    std::fs::write(&file, &text).unwrap();
    let script = "import json, sys\nfrom dotenv import dotenv_values\nprint(json.dumps(dotenv_values(sys.argv[1])))";
    let output = Command::new(python).env_clear().args(["-c", script]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut expected: BTreeMap<String, String> = serde_json::from_slice(&output.stdout).unwrap();
    // names that no program could have as variables
    expected.retain(|key, _| found.contains_key(key));
    assert_eq!(found, expected);
    assert_eq!(found["Z"], "2${A:?0}");
}

#[test]
fn references_have_the_values_that_node_gives_them() {
    let text = "B=${A-}\nA=0\nC=${A:-x}\nE=\nF=${E:-x}\nG=${E-x}\nH=$E\nJ=$K\nK=1\nL=$K\nK=2\nM=$L$K\nE=${E:-y}\n";
    let (found, warnings) = imported_values("node", text);
    // of dotenvx
    let expected = [
        ("A", "0"),
        ("B", ""),
        ("C", "0"),
        ("E", "y"),
        ("F", "x"),
        ("G", ""),
        ("H", ""),
        ("J", ""),
        ("K", "2"),
        ("L", "1"),
        ("M", "12"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(found, BTreeMap::from(expected));
    record(warnings);
}

#[test]
fn a_file_of_an_environment_is_read_after_that_of_the_base() {
    for inputs in [[".env", "prod=b"], ["prod=b", ".env"]] {
        let desk = Sandbox::with_identities();
        desk.write(".env", "PATHS=/bin\nPORT=0\nURL=x:${PORT:-80}\n");
        desk.write("b", "PATHS=$PATHS:/opt\nOLD=$PORT\nPORT=8080\n");
        let run = import(&desk, &[&["dotenv", "--dialect", "shell"], &inputs[..]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(run.stderr, "");
        for (key, value) in [("PATHS", "/bin:/opt"), ("OLD", "0"), ("PORT", "8080"), ("URL", "x:8080")] {
            assert_eq!(desk.run(&["get", "prod", key]).ok(), value, "{key}");
        }
    }
}

/// Files that are read one after the other, in which variables read one another.
const CIRCLES: &[(&str, &str, &str)] = &[
    ("each other", "A=1\nB=${A}\n", "A=${B}\n"),
    ("with texts", "A=1\nB=x${A}y\n", "A=${B}z\n"),
    ("from below", "B=1\nA=${B}\n", "B=${A}\n"),
    ("without a value", "A=${B}\n", "B=${A}\n"),
    ("a default", "A=${B:-d}\n", "B=${A}e\n"),
    ("three", "A=1\nB=${A}\nC=${B}\nE=5\nD=${C}${E}\n", "A=${C}\nE=6\n"),
    ("both in the second", "A=1\nB=2\n", "A=${B}\nB=${A}\n"),
    ("the same file twice", "A=${B}\nB=${A}\n", "A=${B}\nB=${A}\n"),
    ("one that is set again", "A=1\nB=${A}\n", "A=${B}\nB=5\n"),
    ("of its own", "A=1\nB=${A}\n", "B=${B}${A}\nA=${A}${B}\n"),
];

#[test]
fn variables_that_read_one_another_in_two_files_have_values_of_their_readers() {
    for (name, base, own) in CIRCLES {
        for dialect in ["shell", "python", "node"] {
            let desk = Sandbox::with_identities();
            desk.write(".env", base);
            desk.write(".env.production", own);
            let run = import(&desk, &["dotenv", ".env", ".env.production", "--dialect", dialect]);
            assert_eq!(run.code, 0, "{name}: {}", run.stderr);
            let json = desk.run(&["export", "prod", "--format", "json"]).ok();
            let mut found: BTreeMap<String, String> = serde_json::from_str(&json).unwrap();
            // beside the circle, a value of the base follows the environment
            if *name == "three" {
                assert_eq!(found.remove("D").unwrap(), "16");
            }
            let keys: Vec<_> = found.keys().cloned().collect();
            let expected = |output: std::process::Output| -> BTreeMap<String, String> {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                let read = String::from_utf8(output.stdout).unwrap();
                keys.iter().cloned().zip(read.split_terminator('\0').map(str::to_owned)).collect()
            };
            let names = |quote: &str| keys.iter().map(|key| format!("\"{quote}{key}\"")).collect::<Vec<_>>();
            if let (false, Some(sh)) = (dialect == "python", peer("sh")) {
                let script = format!(". ./.env; . ./.env.production; printf '%s\\0' {}", names("$").join(" "));
                let output = Command::new(sh).env_clear().current_dir(desk.root()).args(["-c", &script]).output();
                assert_eq!(found, expected(output.unwrap()), "{name} in {dialect}");
            }
            if let (true, Some(python)) = (dialect == "python", python_with("dotenv")) {
                let script = format!(
                    "import os\nfrom dotenv import load_dotenv\nload_dotenv('.env')\nload_dotenv('.env.production', override=True)\nfor key in [{}]: print(os.environ[key], end='\\0')",
                    names("").join(", ")
                );
                let output = Command::new(python).env_clear().current_dir(desk.root()).args(["-c", &script]).output();
                assert_eq!(found, expected(output.unwrap()), "{name} in {dialect}");
            }
        }
    }
    let desk = Sandbox::with_identities();
    desk.write(".env", "A=1\nDB_PASSWORD=canary-hunter2-${A}\n");
    desk.write(".env.production", "A=$DB_PASSWORD\n");
    let run = import(&desk, &["dotenv", ".env", ".env.production", "--dialect", "node"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    record(&run.stderr);
    assert_eq!(desk.run(&["get", "prod", "A"]).ok(), "canary-hunter2-1");
    for path in ["base.yaml", "prod.yaml", "prod.secrets.yaml"] {
        super::assert_no_secret(path, &desk.bytes(&format!("environments/{path}")));
    }
}

#[test]
fn a_long_chain_of_variables_is_no_circle() {
    let desk = Sandbox::with_identities();
    let line = |number: usize| format!("A{number}=${{A{}}}\n", number - 1);
    desk.write("prod.env", format!("A0=x\n{}", (1..50).map(line).collect::<String>()));
    let run = import(&desk, &["dotenv", "prod.env", "--dialect", "node"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(desk.run(&["get", "prod", "A49"]).ok(), "x");
    desk.write("prod.env", format!("A0=x\n{}", (1..100).map(line).collect::<String>()));
    record(import(&desk, &["dotenv", "prod.env", "--dialect", "node", "--out", "other"]).refused());
}

#[test]
fn earlier_values_are_copied_within_limits() {
    // each line copies what the last line sets again
    let desk = Sandbox::with_identities();
    let line = |number: usize| format!("B{number}=$A\n");
    let lines: String = (0..200).map(line).collect();
    desk.write("prod.env", format!("A={}\n{lines}A=\n", "a".repeat(500_000)));
    import(&desk, &["dotenv", "prod.env", "--dialect", "compose"]).refused();
}

#[test]
fn comments_that_are_lost_are_counted() {
    let text = "# one\nA=b # of a value\n\nB=\"c\n# inside\"\nskipped\n  # two\n";
    let desk = Sandbox::new([(".env", text)]);
    let run = import(&desk, &["dotenv", ".env", "--app", "shop"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    record(run.stdout);
}
