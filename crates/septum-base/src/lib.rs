//! Foundations of Septum: source text with locations, diagnostics, secrets and YAML.
//!
//! | module | purpose |
//! |---|---|
//! | [`span`] | locations in source text; every value keeps one |
//! | [`diagnostic`] | messages: what, where, why and what to do; never a value |
//! | [`time`], [`value_path`] | days and timestamps; paths into documents |
//! | [`secret`] | values that cannot be printed or compared by accident, and are wiped |
//! | [`yaml`] | parser into a tree that keeps the source text and location of every scalar, and the writer |
//! | [`disk`], [`files`] | file access that does not leave a root directory, and reads each file once |
//! | [`char_search`] | characters that need care, in texts that mostly have none |
//! | [`sort`] | sorts, and maps and sets that are sorted, in little code |
//! | [`line_diff`] | lines of two texts: where they differ |
//! | [`regex_sample`] | a text that a regular expression matches |
//! | [`budget`], [`regex_size`] | limits on work and memory for input that cannot be trusted |
//! | [`go_regex`] | regular expressions of Go, translated to those of the `regex` crate |
//!
//! The crate is an implementation detail of `septum` and `septum-sops`: its API may change with any version.

pub mod budget;
pub mod char_search;
pub mod diagnostic;
pub mod disk;
pub mod files;
pub mod go_regex;
pub mod line_diff;
pub mod map;
pub mod parallel;
pub mod program;
pub mod regex_sample;
pub mod regex_size;
pub mod secret;
pub mod sort;
pub mod span;
pub mod template_tokens;
pub mod test_hook;
pub mod time;
pub mod value;
pub mod value_path;
pub mod yaml;
