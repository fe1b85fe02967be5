//! What can go wrong with a report, named after what it means for the person who asked for it.

use ephor_analytics::AnalyticsError;
use ephor_lake::LakeError;
use ephor_lake::control::ControlError;

/// A report that could not be made, or an input that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// No report has this name.
    #[error("there is no report `{name}`; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A parameter that has no meaning here.
    #[error("{name}: {what}")]
    Parameter {
        /// Which.
        name: &'static str,
        /// What is wrong with it, and what would be right.
        what: String,
    },
    /// A file that was handed in.
    #[error("{file}, line {line}: {what}")]
    Input {
        /// Which file.
        file: String,
        /// Which line, from 1.
        line: u64,
        /// What is wrong there, with the column's name.
        what: String,
    },
    /// The lake.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The control database.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Findings.
    #[error(transparent)]
    Detect(#[from] ephor_detect::DetectError),
    /// The Analytics API's numbers.
    #[error(transparent)]
    Analytics(#[from] AnalyticsError),
    /// A spreadsheet could not be written.
    #[error("the spreadsheet cannot be written: {0}")]
    Spreadsheet(#[from] rust_xlsxwriter::XlsxError),
    /// What is written as it is made does not reach its place.
    #[error("the report cannot be written: {0}")]
    Broken(#[from] std::io::Error),
    /// Something that was to be written cannot be.
    #[error("the report cannot be written: {0}")]
    Written(String),
    /// A step that the state of things does not allow.
    #[error("{0}")]
    NotNow(String),
}
