//! Work on the files of a repository: the output tree, encrypted files, and what is checked in either.
//!
//! [`output_tree`] maintains the tree that Git tracks; [`secret_files`] implements the commands on encrypted files;
//! [`check`] reports every finding at once, and [`fix`] applies the fixes that need no human decision; [`rename`] renames a
//! key in all files; [`exposure`] reads in the history who could decrypt what; [`report`] is a page of results and findings;
//! [`doctor`] checks the machine and the clone.
//!
//! The crate is an implementation detail of `septum`, which has the commands: its API may change with any version.

pub mod check;
pub mod doctor;
pub mod exposure;
pub mod fix;
pub mod output_tree;
pub mod rename;
pub mod report;
pub mod secret_files;

pub use septum_core::{
    BuildInput, Delivered, Diagnostics, ManifestFormat, Object, Pipeline, Project, RenderedObject, Reveal, Survey,
    SurveyOptions, atomic, budget, char_search, deliver, diagnostic, disk, emit, files, format, git, glob, go_regex,
    layer, leak_scan, line_diff, manifest, map, meter, name, object, parallel, pattern, pipeline, process_limits,
    program, project, regex_sample, regex_size, resolve, route, secret, signals, sops, sort, span, template_tokens,
    test_hook, time, value, value_path, view, visibility, write_objects, yaml,
};
