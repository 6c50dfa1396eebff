//! Dotenv files in each of their dialects.

use super::{Case, import, written};
use crate::support::messages::record;
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
        ("a circle", &[".env", "--dialect", "shell"], "A=$B\nB=${A}\n"),
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
