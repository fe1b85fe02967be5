//! One file a report, each of the same shape: what it asks, how many days it usually looks at, and how it is made.
//! The names are those of the use cases.

mod adoption_governance;
mod cost;
mod dormant_accounts;
pub(crate) mod last_seen;
mod offboarding;

use crate::desk::{Desk, Question};
use crate::error::ReportError;
use crate::privacy::Names;
use crate::table::Report;

/// What there is to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct ReportInfo {
    /// Its name.
    pub name: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// The question that it answers.
    pub question: &'static str,
}

const CATALOGUE: &[ReportInfo] = &[dormant_accounts::INFO, cost::INFO, adoption_governance::INFO, offboarding::INFO];

/// Every report.
#[must_use]
pub fn catalogue() -> &'static [ReportInfo] {
    CATALOGUE
}

/// The spending of a question's days as a FOCUS dataset (FinOps), in CSV.
pub async fn focus(desk: &Desk, question: &Question, names: &Names) -> Result<String, ReportError> {
    cost::focus::csv(desk, question, names).await
}

/// The version of FOCUS that [`focus`] follows.
pub const FOCUS_VERSION: &str = cost::focus::VERSION;

/// Makes a report, with everything in it: [`crate::Discretion`] takes out what a reader may not see.
pub async fn make(desk: &Desk, name: &str, question: &Question) -> Result<Report, ReportError> {
    match name {
        "dormant-accounts" => dormant_accounts::make(desk, question).await,
        "cost-attribution" => cost::make(desk, question).await,
        "adoption-governance" => adoption_governance::make(desk, question).await,
        "offboarding" => offboarding::make(desk, question).await,
        other => {
            let known = CATALOGUE.iter().map(|info| info.name).collect::<Vec<_>>().join(", ");
            Err(ReportError::Unknown { name: other.to_owned(), known })
        }
    }
}
