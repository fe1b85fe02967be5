//! What the lake really holds of each piece of evidence in a period: rows, days, and where the record has holes.
//! Promises numbers that are asked of the lake, never of the framework.
//! Never grades: that is `coverage`.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int64Type};
use ephor_lake::control::Control;
use ephor_lake::{Lake, SqlSession};
use ephor_wire::timestamp::UtcDay;
use serde::{Deserialize, Serialize};

use crate::error::EvidenceError;
use crate::framework::{BySource, Content, Evidence, Source};
use crate::guests;
use crate::period::{Period, at};
use crate::statement::{self, Bounds};

/// Days in a row without anything that can be a quiet time, such as a long weekend. A longer silence is a hole.
const QUIET_DAYS_MOST: i32 = 3;

/// What there is of one piece of evidence in a period.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Rows.
    pub rows: u64,
    /// Days of the period with rows, where rows have days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u64>,
    /// The first of these days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_day: Option<String>,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_day: Option<String>,
    /// Why it cannot be held at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
}

/// A part of the period for which a source holds nothing, or not everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    /// From when.
    pub from: String,
    /// Until when; a hole that is still open has no end.
    pub to: Option<String>,
    /// Why.
    pub reason: String,
}

/// What a source holds over the days of the period.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceHoldings {
    /// Rows in the period.
    pub rows: u64,
    /// Days of the period.
    pub days: u64,
    /// Days of it with rows.
    pub days_with_rows: u64,
    /// The first day that the lake holds at all.
    pub oldest_day: Option<String>,
    /// The last one.
    pub newest_day: Option<String>,
    /// Parts of the period that are not whole.
    pub holes: Vec<Hole>,
    /// Single quiet days, which may well have been quiet.
    pub quiet_days: Vec<String>,
}

/// What the lake holds in a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holdings {
    /// The period.
    pub period: Period,
    /// Activities before this `seq` were looked at.
    pub size: u64,
    /// By source.
    pub sources: BySource<SourceHoldings>,
    /// By evidence.
    pub evidence: BTreeMap<String, Held>,
}

/// The lake, and what stands beside it.
#[derive(Debug, Clone, Copy)]
pub struct House<'a> {
    /// The lake.
    pub lake: &'a Lake,
    /// The control database of the same folder, if there is one.
    pub control: Option<&'a Control>,
}

impl House<'_> {
    /// One version of every table, with guests.
    pub(crate) async fn session(&self, now_micros: i64) -> Result<SqlSession, EvidenceError> {
        let guests = guests::all(&self.lake.proof_log(), self.control, now_micros).await?;
        Ok(self.lake.sql_session(guests).await?)
    }
}

/// Asks the lake for everything that these pieces of evidence rest on: activities before `size`, days before `today`.
pub async fn holdings(
    house: House<'_>,
    session: &SqlSession,
    evidence: &[Evidence],
    period: Period,
    (size, today): (u64, UtcDay),
) -> Result<Holdings, EvidenceError> {
    let bounds = Bounds { period, size };
    let types = types_by_day(session, bounds).await?;
    let mut held = BTreeMap::new();
    for piece in evidence {
        let holds = match &piece.content {
            Content::Activities(chosen) => {
                let rows = types.iter().filter(|row| chosen.chooses(&row.kind, &row.category));
                of_days(rows.map(|row| (row.day, row.rows)))
            }
            Content::Table(question) => match &question.needs {
                Some(table) if !session.has(table)? => {
                    Held { absent: Some(format!("the lake has no table `{table}`")), ..Held::default() }
                }
                _ => Held { rows: count_rows(session, piece, &question.sql, bounds).await?, ..Held::default() },
            },
        };
        held.insert(piece.id.clone(), holds);
    }
    let feed = by_day(types.iter().map(|row| (row.day, row.rows)));
    let usage = usage_by_day(session, bounds).await?;
    let mut sources = BySource {
        analytics: of_source(&usage, (period, today), usage_ends(session).await?),
        compliance: of_source(&feed, (period, today), feed_ends(session, size).await?),
    };
    sources.compliance.holes.extend(known_gaps(house, period, Source::Compliance).await?);
    sources.analytics.holes.extend(known_gaps(house, period, Source::Analytics).await?);
    Ok(Holdings { period, size, sources, evidence: held })
}

struct TypeOfDay {
    day: UtcDay,
    kind: String,
    category: String,
    rows: u64,
}

async fn types_by_day(session: &SqlSession, bounds: Bounds) -> Result<Vec<TypeOfDay>, EvidenceError> {
    let sql = "select arrow_cast(day, 'Date32'), arrow_cast(type, 'Utf8'), arrow_cast(category, 'Utf8'), count(*) \
               from period group by day, type, category";
    let mut rows = Vec::new();
    for batch in session.query(&statement::complete(sql, bounds)).await? {
        let days = batch.column(0).as_primitive::<Date32Type>();
        let (kinds, categories) = (batch.column(1).as_string::<i32>(), batch.column(2).as_string::<i32>());
        let counts = batch.column(3).as_primitive::<Int64Type>();
        rows.extend((0..batch.num_rows()).map(|row| TypeOfDay {
            day: UtcDay(days.value(row)),
            kind: kinds.value(row).to_owned(),
            category: categories.value(row).to_owned(),
            rows: counts.value(row).unsigned_abs(),
        }));
    }
    Ok(rows)
}

/// Usage events, and rows of other Analytics APIs.
async fn usage_by_day(session: &SqlSession, bounds: Bounds) -> Result<BTreeMap<UtcDay, u64>, EvidenceError> {
    let sql = "select arrow_cast(day, 'Date32'), count(*) from (select day from usage union all \
               select day from analytics_rows) group by day";
    let mut found = BTreeMap::new();
    for batch in session.query(&statement::complete(sql, bounds)).await? {
        let (days, counts) =
            (batch.column(0).as_primitive::<Date32Type>(), batch.column(1).as_primitive::<Int64Type>());
        let rows = (0..batch.num_rows()).filter(|row| days.is_valid(*row));
        found.extend(rows.map(|row| (UtcDay(days.value(row)), counts.value(row).unsigned_abs())));
    }
    Ok(found)
}

type Ends = Option<(UtcDay, UtcDay)>;

async fn feed_ends(session: &SqlSession, size: u64) -> Result<Ends, EvidenceError> {
    ends(
        session,
        &format!(
            "select arrow_cast(min(day), 'Date32'), arrow_cast(max(day), 'Date32') from activities where seq < {size}"
        ),
    )
    .await
}

async fn usage_ends(session: &SqlSession) -> Result<Ends, EvidenceError> {
    let sql = "select arrow_cast(min(day), 'Date32'), arrow_cast(max(day), 'Date32') from \
               (select day from usage_events union all select day from upstream_rows where raw is not null)";
    ends(session, sql).await
}

async fn ends(session: &SqlSession, sql: &str) -> Result<Ends, EvidenceError> {
    let batches = session.query(sql).await?;
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let (first, last) = (batch.column(0).as_primitive::<Date32Type>(), batch.column(1).as_primitive::<Date32Type>());
    Ok((first.is_valid(0) && last.is_valid(0)).then(|| (UtcDay(first.value(0)), UtcDay(last.value(0)))))
}

async fn count_rows(
    session: &SqlSession,
    evidence: &Evidence,
    sql: &str,
    bounds: Bounds,
) -> Result<u64, EvidenceError> {
    let answer = session.query(&statement::complete(sql, bounds)).await;
    let batches = answer.map_err(|source| EvidenceError::Question { evidence: evidence.id.clone(), source })?;
    Ok(batches.iter().map(|batch| batch.num_rows() as u64).sum())
}

fn by_day(rows: impl Iterator<Item = (UtcDay, u64)>) -> BTreeMap<UtcDay, u64> {
    let mut days = BTreeMap::new();
    for (day, count) in rows {
        *days.entry(day).or_insert(0) += count;
    }
    days
}

fn of_days(rows: impl Iterator<Item = (UtcDay, u64)>) -> Held {
    let days = by_day(rows);
    Held {
        rows: days.values().sum(),
        days: Some(days.len() as u64),
        first_day: days.keys().next().map(ToString::to_string),
        last_day: days.keys().next_back().map(ToString::to_string),
        absent: None,
    }
}

/// The days of a source in the period: which have rows, which are quiet, which are holes.
fn of_source(rows: &BTreeMap<UtcDay, u64>, (period, today): (Period, UtcDay), ends: Ends) -> SourceHoldings {
    let mut holdings = SourceHoldings {
        rows: rows.values().sum(),
        days: period.days().count() as u64,
        days_with_rows: rows.len() as u64,
        oldest_day: ends.map(|(first, _)| first.to_string()),
        newest_day: ends.map(|(_, last)| last.to_string()),
        ..SourceHoldings::default()
    };
    if period.last_day() >= today {
        let from = today.max(period.first_day()).to_string();
        let reason = "the period is not over".to_owned();
        holdings.holes.push(Hole { from, to: Some(period.last_day().to_string()), reason });
    }
    for (from, to) in silences(&rows.keys().copied().collect(), period, today) {
        let length = to.0 - from.0 + 1;
        let began = ends.is_some_and(|(first, _)| first <= from);
        let reason = match ends {
            None => Some("nothing is held at all".to_owned()),
            Some((first, _)) if !began => Some(format!("the oldest day that is held is {first}")),
            Some((_, last)) if length > QUIET_DAYS_MOST && last < from => {
                Some(format!("the newest day that is held is {last}"))
            }
            Some(_) if length > QUIET_DAYS_MOST => Some(format!("nothing was received for {length} days in a row")),
            Some(_) => None,
        };
        match reason {
            Some(reason) => {
                holdings.holes.push(Hole { from: from.to_string(), to: Some(to.to_string()), reason });
            }
            None => holdings.quiet_days.extend((from.0..=to.0).map(|day| UtcDay(day).to_string())),
        }
    }
    holdings
}

/// Runs of past days without rows.
fn silences(days: &BTreeSet<UtcDay>, period: Period, today: UtcDay) -> Vec<(UtcDay, UtcDay)> {
    let mut runs: Vec<(UtcDay, UtcDay)> = Vec::new();
    for day in period.days().filter(|day| *day < today && !days.contains(day)) {
        match runs.last_mut() {
            Some((_, last)) if last.plus_days(1) == day => *last = day,
            _ => runs.push((day, day)),
        }
    }
    runs
}

/// Gaps that Ephor itself noticed while it collected, and the times in which its own recording was off.
async fn known_gaps(house: House<'_>, period: Period, source: Source) -> Result<Vec<Hole>, EvidenceError> {
    let Some(control) = house.control else { return Ok(Vec::new()) };
    let mut holes = Vec::new();
    let within =
        |from: i64, to: Option<i64>| from < period.end_micros() && to.is_none_or(|to| to > period.begin_micros());
    for gap in control.sources().gaps().await? {
        // A source of usage says so in its name's state; every other one brings activities.
        let of = match house.lake.usage_cursor(&gap.source).await? {
            Some(_) => Source::Analytics,
            None => Source::Compliance,
        };
        if of == source && within(gap.from_micros, gap.to_micros) {
            let reason = format!("{}: {}", gap.source, gap.reason);
            holes.push(Hole { from: at(gap.from_micros), to: gap.to_micros.map(at), reason });
        }
    }
    Ok(holes)
}

/// The rows of an answer as one batch.
pub(crate) fn joined(batches: &[RecordBatch]) -> Result<Option<RecordBatch>, EvidenceError> {
    let Some(first) = batches.first() else { return Ok(None) };
    Ok(Some(arrow::compute::concat_batches(&first.schema(), batches)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn day(text: &str) -> UtcDay {
        text.parse().unwrap()
    }

    fn held(days: &[&str], period: Period, ends: Ends) -> SourceHoldings {
        of_source(&days.iter().map(|text| (day(text), 2)).collect(), (period, day("2026-04-01")), ends)
    }

    #[test]
    fn a_weekend_is_quiet_and_a_week_is_a_hole() {
        let period = Period::parse("2026-03-02", "2026-03-20").unwrap();
        let ends = Some((day("2026-01-01"), day("2026-03-20")));
        let days = [
            "2026-03-02",
            "2026-03-03",
            "2026-03-04",
            "2026-03-05",
            "2026-03-06",
            "2026-03-09",
            "2026-03-16",
            "2026-03-17",
            "2026-03-18",
            "2026-03-19",
            "2026-03-20",
        ];
        let found = held(&days, period, ends);
        assert_eq!(found.quiet_days, ["2026-03-07", "2026-03-08"]);
        assert_eq!(
            found.holes,
            [Hole {
                from: "2026-03-10".to_owned(),
                to: Some("2026-03-15".to_owned()),
                reason: "nothing was received for 6 days in a row".to_owned()
            }]
        );
        assert_eq!((found.days, found.days_with_rows, found.rows), (19, 11, 22));
    }

    #[test]
    fn a_day_before_the_first_one_is_a_hole_however_short() {
        let period = Period::parse("2026-03-01", "2026-03-03").unwrap();
        let found = held(&["2026-03-02", "2026-03-03"], period, Some((day("2026-03-02"), day("2026-03-03"))));
        assert_eq!(found.holes[0].reason, "the oldest day that is held is 2026-03-02");
        let nothing = held(&[], period, None);
        assert_eq!(nothing.holes[0].reason, "nothing is held at all");
        let open =
            held(&[], Period::parse("2026-03-31", "2026-04-30").unwrap(), Some((day("2026-03-01"), day("2026-03-30"))));
        assert_eq!(
            (open.holes[0].reason.as_str(), open.holes[0].from.as_str()),
            ("the period is not over", "2026-04-01")
        );
    }
}
