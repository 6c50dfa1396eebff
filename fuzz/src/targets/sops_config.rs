//! `.sops.yaml`.

use std::path::Path;

use septum::span::Source;
use septum_sops::{EncryptionPlan, SopsConfig, SopsFormat, Timestamp, encrypt_file};

use crate::input::first_parts;
use crate::project::assert_placed;

const FILES: [&str; 4] = ["secrets.yaml", "prod/app.enc.json", "a/b/c.env", "environments/dev.secrets.yaml"];

/// Input: rules, and the path of a file.
pub(crate) fn check(data: &[u8]) {
    let [rules, file] = first_parts::<2>(data);
    let directory = Path::new("/project");
    let config = match SopsConfig::parse(&Source::new(".sops.yaml", rules), directory) {
        Ok(config) => config,
        Err(problems) => {
            assert!(problems.has_errors(), "refused without an error");
            return assert_placed(&problems);
        }
    };
    assert_placed(&config.warnings());
    let common = config.common_recipients();
    for file in FILES.into_iter().chain([file.trim()]) {
        match config.first_match(&directory.join(file)) {
            Ok(Some(rule)) => {
                let named: Vec<_> =
                    rule.groups.iter().flat_map(|group| &group.age).map(septum_sops::Recipient::as_str).collect();
                assert!(common.as_ref().is_none_or(|common| *common == named), "a rule has other recipients than all");
                let now = Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").expect("a time");
                let text = b"password: x\nother_unencrypted: y\n".to_vec();
                if let Err(error) =
                    encrypt_file("secrets.yaml", text, SopsFormat::Yaml, &EncryptionPlan::of_rule(rule), now)
                {
                    assert_placed(&error.into_diagnostics());
                }
            }
            Ok(None) => {}
            Err(problems) => assert_placed(&problems),
        }
    }
}
