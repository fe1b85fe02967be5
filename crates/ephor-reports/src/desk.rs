//! Where reports are made: the lake, the control database, the numbers of the Analytics API, the clock, and what is asked.
//! Promises that a report of the same question from the same lake says the same, apart from when it was made.
//! Never writes to the lake.

use ephor_analytics::Analytics;
use ephor_analytics::query::Reach;
use ephor_lake::Lake;
use ephor_lake::control::Control;
use ephor_wire::timestamp::UtcDay;
use rust_decimal::Decimal;

use crate::answer::Answer;
use crate::error::ReportError;
use crate::provenance::{AsOf, Gap, Period, Provenance, Source};

/// What the configuration says of reports.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// Days without activity after which a seat is dormant.
    pub dormant_days: u32,
    /// A seat that was never used is not dormant before this age.
    pub grace_days: u32,
    /// Days after which an invitation that nobody took is stale.
    pub stale_invite_days: u32,
    /// What a seat costs a month.
    pub seat_usd_month: Option<Decimal>,
    /// People whose quiet means nothing, by address or id.
    pub exempt: Vec<String>,
    /// Why rankings of people may be shown; without a reason they are not.
    pub rankings_reason: Option<String>,
    /// Days after which a leaver must have lost access.
    pub offboarding_days: u32,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self {
            dormant_days: 30,
            grace_days: 21,
            stale_invite_days: 14,
            seat_usd_month: None,
            exempt: Vec::new(),
            rankings_reason: None,
            offboarding_days: 1,
        }
    }
}

/// Everything that a report is made from. Clones share it.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The lake.
    pub lake: Lake,
    /// Keys, people, recording, roster, kept reports.
    pub control: Control,
    /// The numbers of the Analytics API.
    pub analytics: Analytics,
    /// Microseconds since 1970, now.
    pub now_micros: i64,
    /// What the configuration says.
    pub options: ReportOptions,
}

/// What a report is asked for.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// The first day; by default so many before the last as the report needs.
    pub from: Option<UtcDay>,
    /// The last day; by default the newest complete day that the lake knows of.
    pub to: Option<UtcDay>,
    /// Only this group of the directory, by its id: adoption and cost can be narrowed to one.
    pub group: Option<String>,
}

impl Desk {
    /// All of the parent's organizations.
    pub(crate) fn reach(&self) -> Reach {
        Reach::Parent
    }

    /// The days of a question.
    pub(crate) async fn period(&self, question: &Question, usual_days: u32) -> Result<Period, ReportError> {
        let last = match question.to {
            Some(last) => last,
            None => self.newest_complete_day().await?,
        };
        let period = match question.from {
            Some(first) => Period { first, last },
            None => Period::ending(last, usual_days),
        };
        if period.first > period.last {
            let what = format!("{} lies after {}", period.first, period.last);
            return Err(ReportError::Parameter { name: "--from", what });
        }
        Ok(period)
    }

    /// The newest day that has ended and of which the lake holds anything.
    pub(crate) async fn newest_complete_day(&self) -> Result<UtcDay, ReportError> {
        let yesterday = UtcDay::from_micros(self.now_micros).plus_days(-1);
        let usage = Answer::of(&self.lake, "select max(time) from usage_events").await?;
        let mut newest = self.lake.newest_created_at();
        usage.each(|row| newest = newest.max(row.number(0)));
        Ok(newest.map_or(yesterday, |micros| UtcDay::from_micros(micros).min(yesterday)))
    }

    /// Where a report of this period comes from.
    pub(crate) async fn provenance(&self, period: Period, population: String) -> Result<Provenance, ReportError> {
        let sources = self.sources(period).await?;
        let gaps = self.gaps(period, &sources).await?;
        let checkpoint = self.lake.proof_log().latest_checkpoint()?;
        Ok(Provenance {
            generated_at_micros: self.now_micros,
            period,
            population,
            parameters: Vec::new(),
            sources,
            gaps,
            as_of: AsOf {
                activities_seq: self.lake.next_seq(),
                usage_seq: self.lake.usage().next_seq(),
                checkpoint_size: checkpoint.map(|checkpoint| checkpoint.size),
            },
            names: "shown",
        })
    }

    async fn sources(&self, period: Period) -> Result<Vec<Source>, ReportError> {
        let mut sources = Vec::new();
        for (kind, table, time) in
            [("activities", "activities", "created_at"), ("usage events", "usage_events", "time")]
        {
            let statement = format!(
                "select source, count(*) filter (where {within}), max({time}), count(distinct day) filter (where {within}) \
                 from {table} group by source order by source",
                within = within(period),
            );
            Answer::of(&self.lake, &statement).await?.each(|row| {
                sources.push(Source {
                    name: row.owned(0).unwrap_or_default(),
                    kind,
                    rows: row.count(1),
                    newest_micros: row.number(2),
                    days_covered: u32::try_from(row.count(3)).unwrap_or(u32::MAX),
                });
            });
        }
        let people = "select count(distinct user_id), max(observed_at) from directory_users";
        Answer::of(&self.lake, people).await?.each(|row| {
            if row.count(0) > 0 {
                sources.push(Source {
                    name: "directory".to_owned(),
                    kind: "directory",
                    rows: row.count(0),
                    newest_micros: row.number(1),
                    days_covered: period.days(),
                });
            }
        });
        Ok(sources)
    }

    /// What is missing of a period: times without recording, gaps of sources, days without a single row, no telemetry.
    async fn gaps(&self, period: Period, sources: &[Source]) -> Result<Vec<Gap>, ReportError> {
        let mut gaps = Vec::new();
        let overlaps =
            |from: i64, to: Option<i64>| from < period.to_micros() && to.is_none_or(|to| to > period.from_micros());
        for gap in self.control.sources().gaps().await? {
            if overlaps(gap.from_micros, gap.to_micros) {
                gaps.push(Gap {
                    what: gap.source,
                    from_micros: gap.from_micros,
                    to_micros: gap.to_micros,
                    why: gap.reason,
                });
            }
        }
        let statement = format!("select distinct day from activities where {}", within(period));
        let mut recorded = std::collections::BTreeSet::new();
        Answer::of(&self.lake, &statement).await?.each(|row| recorded.extend(row.number(0)));
        let quiet: Vec<UtcDay> = period.each_day().filter(|day| !recorded.contains(&i64::from(day.0))).collect();
        for run in quiet.chunk_by(|a, b| a.plus_days(1) == *b) {
            gaps.push(Gap {
                what: "activities".to_owned(),
                from_micros: run[0].start_micros(),
                to_micros: Some(run[run.len() - 1].end_micros()),
                why: "no activity was recorded on these days".to_owned(),
            });
        }
        let telemetry: u64 =
            sources.iter().filter(|source| source.kind == "usage events").map(|source| source.rows).sum();
        if telemetry == 0 {
            gaps.push(Gap {
                what: "usage events".to_owned(),
                from_micros: period.from_micros(),
                to_micros: Some(period.to_micros()),
                why: "neither telemetry nor an Analytics API told of this period: use that leaves no activity cannot be seen".to_owned(),
            });
        }
        gaps.sort_by_key(|gap| gap.from_micros);
        Ok(gaps)
    }
}

/// The condition that a row lies within a period, by its partition.
pub(crate) fn within(period: Period) -> String {
    format!("day >= '{}' and day <= '{}'", period.first, period.last)
}
