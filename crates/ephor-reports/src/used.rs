//! How much things are used, as telemetry and the Analytics API tell it: by name over some days, and one by day and person.
//! Promises the events that reports count, by the same names.
//! Never says that something is not in use: what sends no telemetry is not seen here.

use ephor_lake::Lake;
use ephor_wire::timestamp::UtcDay;

use crate::answer::{Answer, quoted};
use crate::error::ReportError;
use crate::provenance::Period;

/// Rows of one thing's use at the most: a month of what thousands use every day.
const ROWS: usize = 100_000;

/// What usage events name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsedAs {
    /// An API key, by its id.
    Key,
    /// A connector, as a client calls it.
    Connector,
    /// A skill, by its name.
    Skill,
    /// A project, by its id.
    Project,
}

impl UsedAs {
    const fn column(self) -> &'static str {
        match self {
            Self::Key => "api_key_id",
            Self::Connector => "connector_name",
            Self::Skill => "skill_name",
            Self::Project => "project_id",
        }
    }
}

/// How much something was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// As events name it.
    pub name: String,
    /// How people call it, where events say.
    pub called: Option<String>,
    /// How often.
    pub times: u64,
    /// By how many.
    pub people: u64,
    /// When last, in microseconds since 1970.
    pub last_micros: i64,
}

/// Use of one thing on one day by one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayOfUse {
    /// The day.
    pub day: UtcDay,
    /// Who, where events say.
    pub person: Option<String>,
    /// How often.
    pub times: u64,
}

/// Everything of a kind that was used in a period.
pub async fn names(lake: &Lake, what: UsedAs, period: Period) -> Result<Vec<Used>, ReportError> {
    let called = if what == UsedAs::Project { "project_name" } else { "display_name" };
    let column = what.column();
    let statement = format!(
        "select {column}, max({called}), sum(coalesce(count, 1)), count(distinct coalesce(user_id, user_email)), max(time) \
         from usage_events where {} and {column} is not null group by {column} order by {column} limit {ROWS}",
        crate::desk::within(period)
    );
    let mut used = Vec::new();
    Answer::of(lake, &statement).await?.each(|row| {
        used.push(Used {
            name: row.owned(0).unwrap_or_default(),
            called: row.owned(1),
            times: row.count(2),
            people: row.count(3),
            last_micros: row.number(4).unwrap_or_default(),
        });
    });
    Ok(used)
}

/// The use of one thing, which events may name in several ways.
pub async fn of(lake: &Lake, what: UsedAs, names: &[String], period: Period) -> Result<Vec<DayOfUse>, ReportError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let names = names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let statement = format!(
        "select day, coalesce(user_id, user_email), sum(coalesce(count, 1)) from usage_events \
         where {} and {} in ({names}) group by 1, 2 order by 1, 2 limit {ROWS}",
        crate::desk::within(period),
        what.column()
    );
    let mut days = Vec::new();
    Answer::of(lake, &statement).await?.each(|row| {
        let day = row.number(0).and_then(|day| i32::try_from(day).ok());
        days.extend(day.map(|day| DayOfUse { day: UtcDay(day), person: row.owned(1), times: row.count(2) }));
    });
    Ok(days)
}
