//! One configuration for all environments, with the wall between configuration and secret in the
//! right place.
//!
//! A value walks from left to right once; no stage reaches back, and none knows the command line.
//!
//! [`project`] finds apps, their environments and the files of each. [`yaml`] reads a file into a
//! tree that keeps the source text and the place of every scalar, and [`sops`] decrypts what is
//! encrypted and marks it. [`layer`] reads trees as layers, lines them up and merges them: every
//! value keeps the chain of places it came through. [`resolve`] renders templates, in whatever
//! order entries refer to each other, and records what each of them read. [`route`] decides over
//! all environments which entries are sensitive, with every reason. [`manifest`] takes the other
//! objects of the app, wires them, and knows where they name ConfigMaps and Secrets. [`object`]
//! makes those that the API server would accept, and checks that all references lead somewhere.
//! [`deliver`] brings secrets into the form in which they leave: encrypted, sealed, or as pointers to
//! a store. [`gate`] lets nothing through that everybody may read and that holds the value of a secret
//! all the same. [`emit`] writes all, the same bytes for the same input, on a stream or into a tree.
//! [`pipeline`] is the thread through these; [`publish`] keeps the tree that Git has; [`view`] looks
//! at what was found and changes nothing; [`at_rest`] works on encrypted files; [`check`] finds every
//! mistake at once, and [`mend`] mends those that take no decision; [`cli`] parses arguments, calls one
//! thing, prints and exits.
//!
//! [`meter`] says how far a run is, and where its time went. Every mistake of a run is collected in
//! [`Diagnostics`], which never hold a value.
//!
//! ```
//! use septum::{Delivered, Diagnostics, ManifestFormat, Pipeline, Project, Reveal, render};
//! use septum::sops::{Identities, Places};
//!
//! let project = Project::discover("examples/minimal".as_ref()).expect("a project");
//! let prod = project.environment("prod").expect("an environment");
//! let pipeline = Pipeline::new(&project, Identities::new(Places::default()));
//! let mut problems = Diagnostics::new();
//! let survey = pipeline.survey(&project.apps[0], &[prod.clone()], &mut problems).expect("sound layers");
//! let objects = pipeline.objects(&survey, &prod, &mut problems);
//! let objects: Vec<_> = objects.whole.into_iter().map(Delivered::plain).collect();
//! assert!(problems.is_empty());
//! assert!(render(&objects, ManifestFormat::Yaml, Reveal::Values).contains("GREETING: Welcome"));
//! ```
//!
//! This is the library of a program: what the example uses is its face, and the rest may change
//! with any version.

pub mod at_rest;
pub mod atomic;
pub mod budget;
pub mod check;
pub mod cli;
pub mod day;
pub mod deliver;
pub mod diagnostic;
pub mod disk;
pub mod emit;
pub mod files;
pub mod format;
pub mod gate;
pub mod git;
pub mod glob;
pub mod layer;
pub mod manifest;
pub mod mend;
pub mod meter;
pub mod name;
pub mod object;
pub mod parallel;
pub mod pattern;
pub mod pipeline;
pub mod program;
pub mod project;
pub mod publish;
pub mod regex_size;
pub mod resolve;
pub mod route;
pub mod secret;
#[cfg_attr(not(unix), path = "no_signals.rs")]
pub mod signals;
pub mod sops;
pub mod span;
mod template_tokens;
pub mod test_hook;
pub mod value;
pub mod view;
pub mod yaml;

pub use deliver::Delivered;
pub use diagnostic::Diagnostics;
pub use emit::{ManifestFormat, write_objects as render};
pub use object::{BuildInput, Object, RenderedObject, Reveal};
pub use pipeline::{Pipeline, Survey};
pub use project::Project;
