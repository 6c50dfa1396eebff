//! Where one mistake is right to change the findings of another, and rules that no mistake of the table breaks.

/// A mistake that is right to hide findings: beginnings of its name and of the findings, and why.
pub(super) const HIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "not-utf8: a manifest",
        &["unmatched-", "dangling-reference ", "unused-variable "],
        "nobody knows what objects the file has, nor what its templates read",
    ),
    (
        "template-syntax: a manifest that is a template",
        &["unmatched-", "dangling-reference "],
        "nobody knows the name of the object",
    ),
    (
        "missing-file: a patch",
        &["unmatched-image ", "unused-variable "],
        "nobody knows what containers the patch adds, nor what it reads",
    ),
    ("missing-file: a template of an entry", &["unused-variable "], "nobody knows what the template reads"),
    ("not-utf8: a template of an entry", &["unused-variable "], "nobody knows what the template reads"),
    ("sops-rules: ", &["recipients-drift ", "selector-drift ", "unruled-file "], "nobody knows the rules"),
];

/// Two mistakes that are right to have findings that neither has alone, and why.
pub(super) const ADDED: &[(&str, &str, &str)] = &[(
    "invalid-name: a namespace",
    "invalid-name: an object twice",
    "the message names the namespace, which is another in one environment",
)];

/// Rules that no mistake breaks, and why.
pub(super) const WITHOUT_MISTAKE: &[(&str, &str)] = &[
    (
        "of the command line, or of commands that do not check a project",
        "usage no-project unknown-app unknown-bundle unknown-environment rules-file function-input git foreign-hook \
         unused-drivers cluster promotion-conflict promotion-blocked dangerous-variable unusable-variable store-value \
         program-start argocd-secret nothing-rendered unmerged incomplete-evidence not-renamed import-difference import-loss \
         import-dialect kustomization eject-difference editor no-private-directory not-edited changed-meanwhile hard-link \
         kept-text exposed-key identity-file missing-value no-randomness",
    ),
    (
        "of commands that write encrypted files",
        "shared-value unchecked-layer no-rule already-encrypted reserved-key nothing-encrypted plain-secret redaction-mark \
         plain-value line-ends nothing-selected no-content not-a-mapping json-syntax dotenv-syntax ini-syntax sops-path recipient \
         foreign-recipient would-expose known-secrets reworded-value template-value shadowed-value moved-key unverified-file \
         merge-conflict merge-refused merge-comments merge-rotate",
    ),
    (
        "of an output directory",
        "lost-app lost-environment unwritable output-directory foreign-file stale-file stray-file inventory output-busy \
         plaintext-output encrypted-output stale-output unseen unverified-secret unstable-ciphertext",
    ),
    ("the project is not known", "project-file no-app"),
    (
        "a file is not valid YAML, of which the parser reports what it can",
        "yaml-syntax tab-indentation duplicate-key complex-key several-documents unknown-tag merge-key undefined-alias \
         recursive-alias alias-bomb too-deep unsupported",
    ),
    (
        "a layer cannot be read at all",
        "missing-layer extends-cycle unreadable no-identity tampered sops-metadata sops-version ambiguous-key private-key \
         sops-plaintext sops-value altered-comment plain-comment",
    ),
    ("the run ends", "budget-exceeded bug invalid-baseline"),
    ("needs commits of a certain age", "overdue-rotation"),
];
