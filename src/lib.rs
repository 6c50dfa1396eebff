//! Configuration of an application for all its environments, rendered to Kubernetes ConfigMaps and Secrets.
//!
//! A value passes the stages from left to right once; no stage reaches back, and none depends on the command line.
//!
//! | stage | purpose |
//! |---|---|
//! | [`project`] | finds apps, their environments and the files of each |
//! | [`yaml`] | parses a file into a tree that keeps the source text and location of every scalar |
//! | [`sops`] | decrypts encrypted values and marks them |
//! | [`layer`] | parses layers, stacks and merges them; every value keeps its history |
//! | [`resolve`] | renders templates and records which values each of them read |
//! | [`route`] | decides for all environments which entries are sensitive, with every reason |
//! | [`manifest`] | wires the other objects of the app and finds their references to ConfigMaps and Secrets |
//! | [`object`] | builds objects that the API server accepts, and checks their references |
//! | [`deliver`] | converts Secrets for delivery: encrypted, sealed, or references to a store |
//! | [`leak_scan`] | rejects output that anyone can read and that still contains a secret value |
//! | [`emit`] | writes the objects as text, the same bytes for the same input |
//!
//! [`pipeline`] connects the stages; [`output_tree`] maintains the tree that Git tracks; [`view`] reads results and changes
//! nothing; [`secret_files`] implements the commands on encrypted files; [`check`] reports every finding at once;
//! [`fix`] applies the fixes that need no human decision; [`import`] converts existing configuration to layers,
//! and [`eject`] layers to what needs no Septum; [`diff`] compares two states of targets; [`environ`] makes variables of
//! values, and [`exec`] runs programs with them; [`neighbours`] works within kustomize and Helm; [`editor_schema`] describes layers to editors, and [`lsp`] answers them;
//! [`doctor`] checks the machine and the clone.
//!
//! [`meter`] reports the progress of a run and where its time went. [`Diagnostics`] collect every finding of a run and
//! never contain a value.
//!
//! ```
//! use septum::{Delivered, Diagnostics, ManifestFormat, Pipeline, Project, Reveal, SurveyOptions, write_objects};
//! use septum::sops::{Identities, IdentitySources};
//! use septum::visibility::OnMissingKey;
//!
//! let project = Project::discover("examples/minimal".as_ref()).expect("a project");
//! let prod = project.environment("prod").expect("an environment");
//! let pipeline = Pipeline::new(&project, Identities::new(IdentitySources::default()));
//! let mut problems = Diagnostics::new();
//! let asked = SurveyOptions::decrypting(std::slice::from_ref(&prod));
//! let survey = pipeline.survey(&project.apps[0], asked, &mut problems).expect("sound layers");
//! let objects = pipeline.objects(&survey, &prod, OnMissingKey::Fail, &mut problems);
//! let objects: Vec<_> = objects.whole.into_iter().map(Delivered::plain).collect();
//! assert!(problems.is_empty());
//! assert!(write_objects(&objects, ManifestFormat::Yaml, Reveal::Values).contains("GREETING: Welcome"));
//! ```
//!
//! The items used above are the public API; everything else may change with any version.

pub mod diff;
pub mod editor_schema;
pub mod eject;
pub mod environ;
pub mod exec;
pub mod gc;
pub mod import;
pub mod lsp;
pub mod neighbours;
pub mod promote;

pub use septum_core::{
    BuildInput, Delivered, Diagnostics, ManifestFormat, Object, Pipeline, Project, RenderedObject, Reveal, Survey,
    SurveyOptions, atomic, budget, char_search, deliver, diagnostic, disk, emit, files, format, git, glob, go_regex,
    layer, leak_scan, line_diff, manifest, map, meter, name, object, parallel, pattern, pipeline, process_limits,
    program, project, regex_sample, regex_size, resolve, route, secret, signals, sops, sort, span, template_tokens,
    test_hook, time, value, value_path, view, visibility, write_objects, yaml,
};
pub use septum_repo::{check, doctor, exposure, fix, output_tree, rename, report, secret_files};
