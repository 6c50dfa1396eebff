//! The stages of Septum, from layers to the objects of an environment.
//!
//! A value passes them from left to right once; no stage reaches back, and none depends on the command line.
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
//! [`pipeline`] connects the stages, and [`view`] reads results and changes nothing. [`meter`] reports the progress of a run and
//! where its time went. [`atomic`] writes files, all or none, and [`git`] asks Git.
//!
//! The crate is an implementation detail of `septum`, which has the commands: its API may change with any version.

pub mod atomic;
pub mod deliver;
pub mod emit;
pub mod format;
pub mod git;
pub mod glob;
pub mod layer;
pub mod leak_scan;
pub mod manifest;
pub mod meter;
pub mod name;
pub mod object;
pub mod pattern;
pub mod pipeline;
pub mod process_limits;
pub mod project;
pub mod resolve;
pub mod route;
#[cfg_attr(not(unix), path = "no_signals.rs")]
pub mod signals;
pub mod view;
pub mod visibility;

pub use septum_base::{
    budget, char_search, diagnostic, disk, files, go_regex, line_diff, map, parallel, program, regex_sample,
    regex_size, secret, sort, span, template_tokens, test_hook, time, value, value_path, yaml,
};
pub use septum_sops as sops;

pub use deliver::Delivered;
pub use diagnostic::Diagnostics;
pub use emit::{ManifestFormat, write_objects};
pub use object::{BuildInput, Object, RenderedObject, Reveal};
pub use pipeline::{Pipeline, Survey, SurveyOptions};
pub use project::Project;
