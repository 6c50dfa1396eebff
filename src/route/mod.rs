//! The decision whether an entry is sensitive, with its reasons.

pub mod detect;
