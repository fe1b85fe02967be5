//! Who sees names: a report is made once, and what a reader may not see is taken out before it is rendered.
//! Promises that one person has one pseudonym within a report's period, and that a group too small to hide in is not told.
//! Never relies on a renderer: what is taken out is gone from the report.

use std::collections::BTreeSet;

use ephor_lake::control::{Control, ControlError};
use hmac::{Hmac, Mac};
use rand::CryptoRng;
use sha2::Sha256;

use crate::provenance::Period;
use crate::table::{Cell, Report, Section, Sensitivity, Table};

/// How a reader sees people.
#[derive(Clone)]
pub enum Names {
    /// As they are.
    Shown,
    /// By a pseudonym that only the holder of this key can make again.
    Pseudonyms(Vec<u8>),
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Names {
    /// Pseudonyms of this node's own; the key behind them is made by the first who needs it.
    pub async fn pseudonyms(
        control: &Control,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, ControlError> {
        let secret = control.node_secrets().ensure(PSEUDONYM_SECRET, now_micros, rng).await?;
        Ok(Self::Pseudonyms(secret.expose().to_vec()))
    }

    /// What a report says of it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Pseudonyms(_) => "pseudonyms",
        }
    }
}

/// What the secret behind pseudonyms is called in the control database.
const PSEUDONYM_SECRET: &str = "report_pseudonyms";

/// Groups with fewer people are not told by default: in a smaller one, everybody knows who is meant.
pub const USUAL_FLOOR: u32 = 5;

/// What a reader may see.
#[derive(Debug, Clone)]
pub struct Discretion {
    /// People.
    pub names: Names,
    /// The smallest group whose figures are told.
    pub floor_people: u32,
}

impl Default for Discretion {
    fn default() -> Self {
        Self { names: Names::Shown, floor_people: USUAL_FLOOR }
    }
}

impl Discretion {
    /// Takes out of a report what its reader may not see.
    #[must_use]
    pub fn applied_to(&self, mut report: Report) -> Report {
        let period = report.provenance.period;
        for section in std::iter::once(&mut report.main).chain(&mut report.others) {
            self.apply(section, period);
        }
        report.provenance.names = self.names.as_str();
        report
    }

    fn apply(&self, section: &mut Section, period: Period) {
        let suppressed = suppress_small_groups(&mut section.table, self.floor_people);
        if !suppressed.is_empty() {
            // A picture would show what the table does not say.
            for chart in &mut section.charts {
                chart.forget(&suppressed);
            }
        }
        if let Names::Pseudonyms(key) = &self.names {
            hide_people(&mut section.table, key, period);
        }
    }
}

/// A person's pseudonym within a period.
#[must_use]
pub fn pseudonym(key: &[u8], period: Period, person: &str) -> String {
    let mut digits = String::from("person-");
    // HMAC takes keys of any length.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(format!("{}/{}/{}", period.first, period.last, person.to_lowercase()).as_bytes());
        for byte in &mac.finalize().into_bytes()[..5] {
            digits.push_str(&format!("{byte:02x}"));
        }
    }
    digits
}

fn hide_people(table: &mut Table, key: &[u8], period: Period) {
    for (place, column) in table.columns.iter().enumerate() {
        for row in &mut table.rows {
            let cell = &mut row[place];
            match column.sensitivity {
                Sensitivity::Plain => {}
                Sensitivity::Whereabouts => *cell = Cell::Nothing,
                Sensitivity::Person => match cell {
                    Cell::Text(name) => *name = pseudonym(key, period, name),
                    Cell::List(names) => names.iter_mut().for_each(|name| *name = pseudonym(key, period, name)),
                    _ => {}
                },
            }
        }
    }
}

/// Leaves the figures of small groups unsaid; answers the first cells of their rows. Where only one group would be left
/// out, the total would tell it, so the next smallest goes with it.
fn suppress_small_groups(table: &mut Table, floor_people: u32) -> BTreeSet<String> {
    let Some(headcount) = table.headcount.and_then(|name| table.column(name)) else { return BTreeSet::new() };
    let people = |row: &[Cell]| match row[headcount] {
        Cell::Integer(people) => people,
        _ => i64::MAX,
    };
    let mut small: Vec<usize> =
        (0..table.rows.len()).filter(|row| (1..i64::from(floor_people)).contains(&people(&table.rows[*row]))).collect();
    if small.len() == 1 {
        let next = (0..table.rows.len()).filter(|row| !small.contains(row) && people(&table.rows[*row]) > 0);
        small.extend(next.min_by_key(|row| people(&table.rows[*row])));
    }
    let mut told = BTreeSet::new();
    for row in small {
        if let Some(Cell::Text(name)) = table.rows[row].first() {
            told.insert(name.clone());
        }
        for (place, column) in table.columns.iter().enumerate() {
            if column.kind.is_number() {
                table.rows[row][place] = Cell::Suppressed;
            }
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use ephor_wire::timestamp::UtcDay;

    use super::*;
    use crate::table::Column;

    fn groups(sizes: &[(&str, i64)]) -> Table {
        let columns = vec![
            Column::text("team", "Team"),
            Column::count("people", "People", "people"),
            Column::count("messages", "Messages", "messages"),
        ];
        let mut table = Table::of_groups(columns, "people");
        for (team, people) in sizes {
            table.push(vec![(*team).into(), (*people).into(), 100.into()]);
        }
        table
    }

    #[test]
    fn a_small_group_is_not_told_and_never_alone() {
        let mut table = groups(&[("legal", 3), ("sales", 9), ("support", 30)]);
        let told = suppress_small_groups(&mut table, 5);
        assert_eq!(told.into_iter().collect::<Vec<_>>(), ["legal", "sales"]);
        assert_eq!(table.rows[0][2], Cell::Suppressed);
        assert_eq!(table.rows[2][2], Cell::Integer(100));
    }

    #[test]
    fn groups_that_are_large_enough_are_told() {
        let mut table = groups(&[("legal", 5), ("sales", 9)]);
        assert!(suppress_small_groups(&mut table, 5).is_empty());
        assert!(suppress_small_groups(&mut groups(&[("nobody", 0), ("sales", 9)]), 5).is_empty());
    }

    #[test]
    fn a_person_has_one_pseudonym_in_a_period_and_another_in_the_next() {
        let period = Period::ending(UtcDay(20_000), 30);
        let named = |key: &[u8], period| pseudonym(key, period, "Ada@example.com");
        assert_eq!(named(b"k", period), pseudonym(b"k", period, "ada@example.com"));
        assert_ne!(named(b"k", period), named(b"k", period.before()));
        assert_ne!(named(b"k", period), named(b"l", period));
        assert_eq!(named(b"k", period).len(), "person-".len() + 10);
    }
}
