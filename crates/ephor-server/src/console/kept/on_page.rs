//! A report as a page shows it: the first rows of each table, and how many rows there are.
//! Promises that figures of groups too small to hide in are gone before rows are left out: which those are, all rows decide.
//! Never takes anybody's name away: that is done for each visitor.

use std::collections::BTreeMap;

use ephor_reports::{Discretion, Names, Report, Section};

/// Rows of a table that a page shows; the downloads hold all.
pub(in crate::console) const ROWS: usize = 60;

/// A report with the first rows of its tables.
#[derive(Debug, Clone)]
pub(in crate::console) struct OnPage {
    pub(in crate::console) report: Report,
    /// Rows of each table, those that are left out among them.
    rows: BTreeMap<&'static str, usize>,
}

impl OnPage {
    /// What a page shows of a report, names and all.
    pub(in crate::console) fn of(report: Report, floor_people: u32) -> Self {
        let mut report = Discretion { names: Names::Shown, floor_people }.applied_to(report);
        let mut rows = BTreeMap::new();
        for section in std::iter::once(&mut report.main).chain(&mut report.others) {
            rows.insert(section.id, section.table.rows.len());
            section.table.rows.truncate(ROWS);
        }
        Self { report, rows }
    }

    /// How many rows a table has in all.
    pub(in crate::console) fn rows_of(&self, section: &Section) -> usize {
        self.rows.get(section.id).copied().unwrap_or(section.table.rows.len())
    }
}
