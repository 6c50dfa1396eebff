//! Work of large projects: it grows with each of their dimensions, and not faster.

#![allow(clippy::unwrap_used, clippy::format_collect, reason = "a test")]

use std::time::SystemTime;

use crate::support::messages::note_case;
use crate::support::sandbox::Sandbox;
use septum::check::{CheckScope, check_apps};
use septum::diagnostic::{Diagnostics, FailureKind};
use septum::pipeline::{Pipeline, SurveyOptions};
use septum::project::Project;
use septum::rename::{RenameOutcome, RenameRequest};
use septum::report::{ReportContent, write_page};
use septum::sops::{Identities, IdentitySources, Timestamp};
use septum::test_hook::counted_work;
use septum::visibility::KeyAccess;

/// Project of some size in one dimension.
type Shape = fn(usize) -> Sandbox;

/// Projects that are large in one dimension.
const SHAPES: &[(&str, Shape)] = &[
    ("environments", |count| {
        let project = Sandbox::of("data: { A: b }\n", "");
        (0..count).fold(project, |project, number| project.file(&format!("e{number}.yaml"), "data: { A: c }\n"))
    }),
    ("renamed bundles and workloads with their checksums", |count| {
        let bundles = each(count, |number| format!("  b{number}: {{ data: {{ A: x }} }}\n"));
        let plain = each(count, |number| format!("  p{number}: {{ names: plain, data: {{ A: x }} }}\n"));
        let pods = each(count, |number| {
            format!(
                "---\napiVersion: batch/v1\nkind: Job\nmetadata: {{ name: j{number} }}\nspec: {{ template: {{ metadata: \
                 {{ annotations: {{ septum.dev/env-from: p{number}, septum.dev/checksum: \"true\" }} }}, spec: {{ \
                 restartPolicy: Never, containers: [{{ name: c, image: i, envFrom: [{{ configMapRef: {{ name: \
                 b{number} }} }}] }}] }} }} }}\n"
            )
        });
        let base = format!("names: kustomize\nmanifests: [w/jobs.yaml]\nbundles:\n{bundles}{plain}");
        Sandbox::of(&base, "").file("w/jobs.yaml", pods)
    }),
    ("Secrets with access for a service account", |count| {
        let bundle = |number| {
            format!(
                "  b{number}: {{ rbac: {{ serviceAccount: s }}, data: {{ A: {{ value: x, sensitive: true }} }} }}\n"
            )
        };
        Sandbox::of(&format!("bundles:\n{}", each(count, bundle)), "")
    }),
    ("references to a store", |count| {
        let entries = each(count, |number| format!("  K{number}: {{ ref: \"a/b{number}#c\" }}\n"));
        let delivery = "delivery: { refs: external-secret, store: { kind: ClusterSecretStore, name: vault } }";
        Sandbox::of(&format!("{delivery}\ndata:\n{entries}"), "")
    }),
    ("bundles in a store", |count| {
        let bundles = each(count, |number| format!("  b{number}: {{ data: {{ A: {{ ref: \"a/b{number}#c\" }} }} }}\n"));
        let delivery = "delivery: { refs: external-secret, store: { kind: ClusterSecretStore, name: vault } }";
        Sandbox::of(&format!("{delivery}\nbundles:\n{bundles}"), "")
    }),
    ("keys of one hashed object", |count| {
        Sandbox::of(&format!("names: kustomize\ndata:\n{}", each(count, |number| format!("  K{number}: x\n"))), "")
    }),
    ("variables", |count| {
        let variables = each(count, |number| format!("  v{number}: {{ x: 1 }}\n"));
        let rules = each(count, |number| format!("  v{number}.x: {{ type: integer }}\n"));
        let entries = each(count, |number| format!("  K{number}: '{{{{ vars.v{number}.x }}}}'\n"));
        let overlay = each(count, |number| format!("  v{number}: {{ x: 2 }}\n"));
        let base = format!("vars:\n{variables}varRules:\n{rules}data:\n{entries}");
        Sandbox::of(&base, &format!("vars:\n{overlay}"))
    }),
    ("lists that layers add to", |count| {
        let lists = each(count, |number| format!("  l{number}: [a]\n"));
        let added = each(count, |number| format!("  l{number}+: [b]\n"));
        let entries = each(count, |number| format!("  K{number}: '{{{{ vars.l{number} | length }}}}'\n"));
        Sandbox::of(&format!("vars:\n{lists}data:\n{entries}"), &format!("vars:\n{added}"))
    }),
];

fn each(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

#[test]
fn the_work_of_a_check_and_of_a_report_grows_with_the_project() {
    // a search in a sorted list takes a little more than in proportion, and eight times eight is what must not be
    for (name, shape) in SHAPES {
        note_case(name);
        let (some, many) = (work_of(&shape(30)), work_of(&shape(240)));
        assert!(many <= 16 * some, "{name}: {some} for 30, {many} for 240");
    }
}

/// Places of a key in one file, each in a text of its own or all in one.
#[test]
fn the_work_of_a_renaming_grows_with_its_places() {
    let texts: Shape =
        |count| Sandbox::of(&format!("data:\n  OLD: v\n{}", each(count, |n| format!("  K{n}: {READS}"))), "");
    let block: Shape = |count| {
        Sandbox::of(&format!("data:\n  OLD: v\n  BLOCK: |\n{}", each(count, |_| format!("    x: {READS}"))), "")
    };
    for (name, shape) in [("texts", texts), ("a block", block)] {
        let (some, many) = (renaming_work(&shape(100)), renaming_work(&shape(800)));
        assert!(many <= 16 * some, "{name}: {some} for 100, {many} for 800");
    }
}

const READS: &str = "'{{ data.OLD }} and {{ data.OLD }}'\n";

fn renaming_work(project: &Sandbox) -> usize {
    let run = || {
        let before = counted_work();
        let project = Project::discover(&project.root()).unwrap();
        let pipeline = Pipeline::new(&project, Identities::new(IdentitySources::default()));
        let request = RenameRequest {
            pipeline: &pipeline,
            apps: &project.apps.iter().collect::<Vec<_>>(),
            bundle: None,
            old: "OLD",
            new: "NEW",
            identities: || Identities::new(IdentitySources::default()),
            now: Timestamp::from_system_time(SystemTime::UNIX_EPOCH),
        };
        let Ok(RenameOutcome::Planned(plan)) = request.plan() else { panic!("nothing is renamed") };
        assert_eq!(plan.count_files(), 1);
        counted_work() - before
    };
    rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(32 << 20).build().unwrap().install(run)
}

/// The steps and bytes that a check and a report count. All of it is done by one thread.
fn work_of(project: &Sandbox) -> usize {
    let run = || {
        let before = counted_work();
        let project = Project::discover(&project.root()).unwrap();
        let pipeline = Pipeline::new(&project, Identities::new(IdentitySources::default()));
        let environments = &project.apps[0].environments;
        let scope = CheckScope {
            apps: &project.apps.iter().collect::<Vec<_>>(),
            environments,
            is_whole: true,
            rendered: None,
            rules: &[],
            baseline: None,
            today: "2030-01-31".parse().ok(),
            now: Timestamp::from_system_time(SystemTime::UNIX_EPOCH),
            only: None,
        };
        let report = check_apps(&pipeline, &scope);
        assert!(report.findings.iter().all(|finding| finding.failure() != FailureKind::Invalid), "{report:?}");
        let mut problems = Diagnostics::new();
        let options = SurveyOptions::showing(environments, KeyAccess::PublicView);
        let survey = pipeline.survey(&project.apps[0], options, &mut problems).unwrap();
        let surveys = &[survey];
        write_page(&ReportContent { surveys, environments, findings: &[], unseen: &[], readers: &[] });
        counted_work() - before
    };
    rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(32 << 20).build().unwrap().install(run)
}
