//! One page of HTML about a project: keys and environments, history, routing, findings, readers.
//!
//! It contains no value of a secret, requests nothing, and has the same bytes for the same layers. Nothing of a layer
//! is markup or code in it: texts of tables are escaped, and what the script shows is data that it puts into the page
//! as text.

mod data;
mod interner;
mod page;
mod readers;

pub use page::{MARK, write_page};
pub use readers::{FileAccess, FileReaders, find_readers};

use crate::check::{FindingView, Unchecked};
use crate::name::EnvironmentName;
use crate::pipeline::Survey;

/// Content of the page.
#[derive(Debug)]
pub struct ReportContent<'a> {
    /// The apps, with their keys.
    pub surveys: &'a [Survey],
    /// Environments in the order of the columns.
    pub environments: &'a [EnvironmentName],
    /// Findings of a check without keys.
    pub findings: &'a [FindingView<'a>],
    /// Parts that were not checked, and why.
    pub unseen: &'a [Unchecked],
    /// Encrypted files with their recipients.
    pub readers: &'a [FileReaders],
}
