//! One file a report, each of the same shape: what it asks, how many days it usually looks at, and how it is made.
//! The names are those of the use cases.

mod access_review;
mod adoption_governance;
mod cost;
mod dormant_accounts;
mod evidence_package;
pub(crate) mod last_seen;
mod offboarding;
mod standing;
mod watched;

use std::io::Write;

use ephor_wire::timestamp::UtcDay;

use crate::desk::{Desk, Question};
use crate::error::ReportError;
use crate::privacy::Names;
use crate::table::Report;
use crate::timeline::{TimelineQuestion, timeline};

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

/// In the order of the use cases.
const CATALOGUE: [ReportInfo; 15] = [
    watched::INFOS[0],
    dormant_accounts::INFO,
    watched::INFOS[1],
    watched::INFOS[2],
    watched::INFOS[3],
    cost::INFO,
    adoption_governance::INFO,
    watched::INFOS[4],
    watched::INFOS[5],
    watched::INFOS[6],
    watched::INFOS[7],
    access_review::INFO,
    crate::timeline::INFO,
    evidence_package::INFO,
    offboarding::INFO,
];

/// Reports that can be narrowed to a group of the directory.
pub const BY_GROUP: [&str; 2] = [adoption_governance::INFO.name, cost::INFO.name];

/// Every report.
#[must_use]
pub fn catalogue() -> &'static [ReportInfo] {
    &CATALOGUE
}

/// Writes the spending of a question's days as a FOCUS dataset (FinOps), in CSV.
pub async fn focus(desk: &Desk, question: &Question, names: &Names, into: impl Write) -> Result<(), ReportError> {
    cost::focus::csv(desk, question, names, into).await
}

/// The version of FOCUS that [`focus`] follows.
pub const FOCUS_VERSION: &str = cost::focus::VERSION;

/// Makes a report, with everything in it: [`crate::Discretion`] takes out what a reader may not see.
pub async fn make(desk: &Desk, name: &str, question: &Question) -> Result<Report, ReportError> {
    if question.group.is_some() && !BY_GROUP.contains(&name) {
        let what = format!("only {} can be narrowed to a group", BY_GROUP.join(" and "));
        return Err(ReportError::Parameter { name: "group", what });
    }
    match name {
        "dormant-accounts" => dormant_accounts::make(desk, question).await,
        "cost-attribution" => cost::make(desk, question).await,
        "adoption-governance" => adoption_governance::make(desk, question).await,
        "offboarding" => offboarding::make(desk, question).await,
        "access-review" => access_review::make(desk, question).await,
        "evidence-package" => evidence_package::make(desk, question).await,
        "incident-response" => {
            let asked = TimelineQuestion {
                from_micros: question.from.map(UtcDay::start_micros),
                to_micros: question.to.map(UtcDay::end_micros),
                ..TimelineQuestion::default()
            };
            timeline(desk, &asked).await
        }
        other => {
            if let Some(info) = watched::INFOS.iter().find(|info| info.name == other) {
                return watched::make(desk, info, question).await;
            }
            let known = CATALOGUE.iter().map(|info| info.name).collect::<Vec<_>>().join(", ");
            Err(ReportError::Unknown { name: other.to_owned(), known })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_use_case_has_its_report_in_the_order_of_the_founding_document() {
        let names: Vec<&str> = catalogue().iter().map(|info| info.name).collect();
        let use_cases = ephor_detect::UseCase::ALL.map(|use_case| use_case.to_string());
        assert_eq!(names, use_cases.each_ref().map(String::as_str));
    }
}
