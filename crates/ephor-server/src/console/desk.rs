//! Where the console's reports are made, and what of them a visitor may see.
//! Promises that whoever is named in a report is noted as looked at.

use ephor_reports::{Cell, Desk, Discretion, Names, Report, Sensitivity};

use super::visitor::Visitor;
use crate::problem::Problem;
use crate::state::{App, rng};

/// Everything that a report is made from, now.
pub(super) fn desk(app: &App) -> Desk {
    Desk {
        lake: app.lake().clone(),
        control: app.control().clone(),
        analytics: app.analytics().clone(),
        now_micros: app.now(),
        options: app.options().reports.clone(),
    }
}

/// The report as this visitor may see it. Who is named in it is noted.
pub(super) async fn discreet(app: &App, visitor: &Visitor, report: Report) -> Result<Report, Problem> {
    let names = match visitor.sees_names() {
        true => Names::Shown,
        false => Names::pseudonyms(app.control(), visitor.now(), &mut rng()).await?,
    };
    let report = Discretion { names, floor_people: app.options().reports_floor_people }.applied_to(report);
    if visitor.sees_names() {
        note(visitor, &report);
    }
    Ok(report)
}

/// Everybody whom a report names.
fn note(visitor: &Visitor, report: &Report) {
    for section in std::iter::once(&report.main).chain(&report.others) {
        let columns = section.table.columns.iter().enumerate();
        for (place, _) in columns.filter(|(_, column)| column.sensitivity == Sensitivity::Person) {
            for row in &section.table.rows {
                match &row[place] {
                    Cell::Text(person) => visitor.has_seen(person),
                    Cell::List(people) => people.iter().for_each(|person| visitor.has_seen(person)),
                    _ => {}
                }
            }
        }
    }
}
