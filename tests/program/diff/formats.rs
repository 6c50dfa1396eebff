//! Formats, each for its reader.

use super::{committed, shop};
use crate::support::messages::record;
use crate::support::sandbox::{CANARY, Sandbox};

fn changed() -> Sandbox {
    let project = committed();
    project.replace("base.yaml", "LEVEL: info", "LEVEL: debug");
    project.replace("base.yaml", "    two\n", "    2 | `a` ``b`` <script>\n");
    project.replace("prod.yaml", "hunter2-canary-prod", "hunter2-canary-new");
    project.replace("base.yaml", "HOST: \"{{ vars.domain }}\"", "HOST: \"{{ vars.domain }}/{{ data.PASSWORD }}\"");
    project
}

#[test]
fn each_format_of_a_pull_request() {
    let project = changed();
    for format in ["text", "markdown", "github-diff", "json"] {
        let run = project.run(&["diff", "--rev", "HEAD", "--format", format]);
        record(&run.stdout);
        assert_eq!(run.code, 1);
        assert!(!run.stdout.contains("canary"));
    }
    record(&project.run(&["diff", "--rev", "HEAD", "--stat"]).stdout);
}

#[test]
fn a_comment_without_differences_says_so() {
    let run = committed().run(&["diff", "--rev", "HEAD", "--format", "markdown"]);
    assert_eq!(run.code, 0);
    record(&run.stdout);
}

#[test]
fn a_comment_is_cut_by_whole_blocks() {
    let project = committed();
    let keys: String = (0..80)
        .flat_map(|index| [format!("  KEY_{index}: \""), "`".repeat(index % 7), "value\"\n".to_owned()])
        .collect();
    project.write("base.yaml", project.read("base.yaml") + &keys);
    let whole = project.run(&["diff", "--rev", "HEAD", "--format", "markdown"]).stdout;
    for limit in [1000, 1234, 2000, 3000, 5000, 65_000] {
        let text =
            project.run(&["diff", "--rev", "HEAD", "--format", "markdown", "--max-chars", &limit.to_string()]).stdout;
        assert!(text.chars().count() <= limit, "{} of {limit}", text.chars().count());
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        assert!(text.starts_with("<!-- septum:diff -->\n"));
        assert_eq!(text == whole, limit == 65_000 || whole.chars().count() + 240 <= limit);
    }
}

#[test]
fn no_format_contains_a_secret() {
    let project = shop();
    for format in ["text", "markdown", "github-diff", "json"] {
        let run = project.run(&["diff", "dev", "prod", "--format", format]);
        let text = run.stdout.clone() + &run.stderr;
        assert!(text.contains("PASSWORD") && !text.contains(CANARY), "{text}");
    }
}
