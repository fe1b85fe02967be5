//! What happened, in one order of time: activities, usage, findings and gaps around a person, an address, a key or a thing.
//! Promises that a row says why it is here, and that what was not recorded stands as a gap between the rows.
//! Never follows a link further than one step, and says which step it was.

mod related;
mod stix;

use std::collections::BTreeSet;

use ephor_lake::Lake;
use ephor_wire::catalogue::catalogue;
use ephor_wire::timestamp::{DAY_MICROS, UtcDay};
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, AnswerRow, instant, quoted};
use crate::desk::Desk;
use crate::error::ReportError;
use crate::people::People;
use crate::provenance::{Gap, Period};
use crate::reports::ReportInfo;
use crate::table::{Cell, Column, Figure, Report, Section, Table};

pub use stix::bundle;

/// Rows of a timeline at the most: beyond it nobody reads, and a narrower question is better.
const ROWS: usize = 20_000;

/// The report over everything; `ephor timeline` asks for less.
pub(crate) const INFO: ReportInfo = ReportInfo {
    name: "incident-response",
    title: "Timeline",
    question: "What happened, in which order, and who and what was part of it?",
};

/// Days that are looked at when nothing is said.
const USUAL_DAYS: i64 = 30;

/// What a timeline is about. What is empty asks for everything.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TimelineQuestion {
    /// People, by id or address.
    pub actors: Vec<String>,
    /// Network addresses.
    pub ips: Vec<String>,
    /// API keys.
    pub keys: Vec<String>,
    /// Sessions.
    pub sessions: Vec<String>,
    /// Anything else that activities name: a project, a file, a workspace, a connector.
    pub resources: Vec<String>,
    /// From this instant on, in microseconds since 1970.
    pub from_micros: Option<i64>,
    /// Up to this instant.
    pub to_micros: Option<i64>,
    /// Also what is linked to it by one step.
    pub reach: Reach,
}

/// How far a timeline goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// What was asked for.
    #[default]
    Asked,
    /// And what is linked to it by one step: keys that they made, others from the same address within an hour.
    OneStep,
}

/// One row of a timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, in microseconds since 1970.
    pub at_micros: i64,
    /// What kind of row: `activity`, `usage`, `finding`, `gap`.
    pub kind: &'static str,
    /// The activity's type, the usage's kind, the finding's rule.
    pub what: String,
    /// Who.
    pub actor: Option<String>,
    /// From where.
    pub ip: Option<String>,
    /// With what.
    pub agent: Option<String>,
    /// In words.
    pub summary: String,
    /// Its id.
    pub id: Option<String>,
    /// Its place in the lake.
    pub seq: Option<i64>,
    /// Why it is here.
    pub because: String,
    /// Seconds between the event and its arrival, where that is long.
    pub late_seconds: Option<i64>,
}

/// An activity that arrives later than this after it happened is marked: it was not there when others looked.
const LATE_MICROS: i64 = 10 * 60 * 1_000_000;

/// Makes a timeline.
pub async fn timeline(desk: &Desk, question: &TimelineQuestion) -> Result<Report, ReportError> {
    let events = events(desk, question).await?;
    let (period, from, to) = span(desk, question).await?;
    let related = related::table(desk, &events).await?;
    let mut table = Table::of(columns());
    for event in &events {
        table.push(row(event));
    }
    let actors: BTreeSet<&String> = events.iter().filter_map(|event| event.actor.as_ref()).collect();
    let mut report = Report {
        name: INFO.name,
        title: INFO.title.to_owned(),
        question: INFO.question,
        provenance: desk.provenance(period, population(question)).await?,
        figures: vec![
            Figure {
                label: "Events".to_owned(),
                value: Cell::count(events.len()),
                unit: None,
                note: cut_off(events.len()),
            },
            Figure { label: "Actors".to_owned(), value: Cell::count(actors.len()), unit: None, note: None },
        ],
        main: Section::new("timeline", "Timeline", table),
        others: vec![Section::new("related", "Who and what is linked to it", related)],
        notes: notes(),
    };
    report.provenance.parameters =
        vec![("from", crate::render::instant_text(from)), ("to", crate::render::instant_text(to))];
    Ok(report)
}

fn cut_off(events: usize) -> Option<String> {
    (events >= ROWS).then(|| format!("the first {ROWS}; ask for less time or a narrower part to see the rest"))
}

fn columns() -> Vec<Column> {
    vec![
        Column::instant("at", "When"),
        Column::text("kind", "Kind"),
        Column::text("what", "What"),
        Column::person("actor", "Who"),
        Column::whereabouts("ip_address", "From"),
        Column::whereabouts("user_agent", "With"),
        Column::text("summary", "In words"),
        Column::text("id", "Id"),
        Column::new("seq", "Seq", crate::table::Kind::Integer),
        Column::text("because", "Here because"),
        Column::count("late_seconds", "Arrived late", "seconds"),
    ]
}

fn row(event: &Event) -> Vec<Cell> {
    vec![
        Cell::Instant(event.at_micros),
        event.kind.into(),
        event.what.as_str().into(),
        event.actor.clone().into(),
        event.ip.clone().into(),
        event.agent.clone().into(),
        event.summary.as_str().into(),
        event.id.clone().into(),
        event.seq.into(),
        event.because.as_str().into(),
        event.late_seconds.into(),
    ]
}

/// The events of a question, in order of time, ties by id.
pub async fn events(desk: &Desk, question: &TimelineQuestion) -> Result<Vec<Event>, ReportError> {
    let people = People::of(desk).await?;
    let (period, from, to) = span(desk, question).await?;
    let mut asked = Asked::of(&people, question);
    let mut events = activities(&desk.lake, &asked.condition(), from, to, "what was asked for").await?;
    if question.reach == Reach::OneStep {
        for (condition, because) in related::steps(&desk.lake, &mut asked, &events, from, to).await? {
            events.extend(activities(&desk.lake, &condition, from, to, &because).await?);
        }
    }
    events.extend(usage(&desk.lake, &asked, from, to).await?);
    events.extend(gaps(&desk.provenance(period, String::new()).await?.gaps, from, to));
    events.sort_by(|a, b| (a.at_micros, &a.id).cmp(&(b.at_micros, &b.id)));
    events.dedup_by(|a, b| a.id.is_some() && a.id == b.id);
    events.truncate(ROWS);
    Ok(events)
}

async fn span(desk: &Desk, question: &TimelineQuestion) -> Result<(Period, i64, i64), ReportError> {
    let newest = desk.lake.newest_created_at().unwrap_or(desk.now_micros);
    let to = question.to_micros.unwrap_or(newest.saturating_add(1));
    let from = question.from_micros.unwrap_or(to - USUAL_DAYS * DAY_MICROS);
    if from >= to {
        let what = format!("{} lies after {}", crate::render::instant_text(from), crate::render::instant_text(to));
        return Err(ReportError::Parameter { name: "--from", what });
    }
    Ok((Period { first: UtcDay::from_micros(from), last: UtcDay::from_micros(to - 1) }, from, to))
}

/// What was asked for, with every name that the same thing has.
pub(crate) struct Asked {
    pub(crate) actors: BTreeSet<String>,
    ips: Vec<String>,
    pub(crate) keys: BTreeSet<String>,
    sessions: Vec<String>,
    resources: Vec<String>,
}

impl Asked {
    fn of(people: &People, question: &TimelineQuestion) -> Self {
        let mut actors = BTreeSet::new();
        for name in &question.actors {
            let id = people.id_of(name);
            actors.extend([name.clone(), id.to_owned()]);
            actors.extend(people.email_of(id).map(str::to_owned));
        }
        Self {
            actors,
            ips: question.ips.clone(),
            keys: question.keys.iter().cloned().collect(),
            sessions: question.sessions.clone(),
            resources: question.resources.clone(),
        }
    }

    /// The condition of a row that belongs: everything asked for must hold; several of one kind are alternatives.
    fn condition(&self) -> String {
        let mut all = Vec::new();
        let list = |values: &mut dyn Iterator<Item = &String>| {
            values.map(|value| quoted(value)).collect::<Vec<_>>().join(", ")
        };
        let named = |values: &mut dyn Iterator<Item = &String>| {
            values
                .map(|value| format!("position({} in raw) > 0", quoted(&format!("\"{value}\""))))
                .collect::<Vec<_>>()
                .join(" or ")
        };
        if !self.actors.is_empty() {
            let ids = list(&mut self.actors.iter());
            all.push(format!("(actor_id in ({ids}) or actor_email in ({ids}) or {})", named(&mut self.actors.iter())));
        }
        if !self.ips.is_empty() {
            all.push(format!("ip_address in ({})", list(&mut self.ips.iter())));
        }
        if !self.keys.is_empty() {
            all.push(format!("(api_key_id in ({}) or {})", list(&mut self.keys.iter()), named(&mut self.keys.iter())));
        }
        for values in [&self.sessions, &self.resources] {
            if !values.is_empty() {
                all.push(format!("({})", named(&mut values.iter())));
            }
        }
        if all.is_empty() { "true".to_owned() } else { all.join(" and ") }
    }
}

/// The days that a span touches: what the lake prunes files by.
fn days(from: i64, to: i64) -> String {
    format!("day >= '{}' and day <= '{}'", UtcDay::from_micros(from), UtcDay::from_micros(to - 1))
}

async fn activities(
    lake: &Lake,
    condition: &str,
    from: i64,
    to: i64,
    because: &str,
) -> Result<Vec<Event>, ReportError> {
    let statement = format!(
        "select created_at, type, coalesce(actor_email, actor_id, api_key_id, actor_type), ip_address, user_agent, id, seq, received_at \
         from activities where {} and created_at >= {} and created_at < {} and ({condition}) \
         order by created_at, id limit {ROWS}",
        days(from, to),
        instant(from),
        instant(to)
    );
    let mut events = Vec::new();
    Answer::of(lake, &statement).await?.each(|row| events.push(activity(row, because)));
    Ok(events)
}

fn activity(row: &AnswerRow<'_>, because: &str) -> Event {
    let kind = row.owned(1).unwrap_or_default();
    let at = row.number(0).unwrap_or_default();
    let late = row.number(7).map(|received| received - at).filter(|late| *late > LATE_MICROS);
    Event {
        at_micros: at,
        kind: "activity",
        summary: catalogue().get(&kind).map_or_else(|| kind.replace('_', " "), |entry| entry.summary.clone()),
        what: kind,
        actor: row.owned(2),
        ip: row.owned(3),
        agent: row.owned(4),
        id: row.owned(5),
        seq: row.number(6),
        because: because.to_owned(),
        late_seconds: late.map(|late| late / 1_000_000),
    }
}

/// Usage by the hour: single requests would drown everything else.
async fn usage(lake: &Lake, asked: &Asked, from: i64, to: i64) -> Result<Vec<Event>, ReportError> {
    let mut conditions = Vec::new();
    let list =
        |values: &mut dyn Iterator<Item = &String>| values.map(|value| quoted(value)).collect::<Vec<_>>().join(", ");
    if !asked.actors.is_empty() {
        let ids = list(&mut asked.actors.iter());
        conditions.push(format!("(user_id in ({ids}) or user_email in ({ids}))"));
    }
    if !asked.keys.is_empty() {
        conditions.push(format!("api_key_id in ({})", list(&mut asked.keys.iter())));
    }
    if !asked.sessions.is_empty() {
        conditions.push(format!("session_id in ({})", list(&mut asked.sessions.iter())));
    }
    if !asked.resources.is_empty() {
        let ids = list(&mut asked.resources.iter());
        conditions.push(format!(
            "(project_id in ({ids}) or artifact_id in ({ids}) or file_id in ({ids}) or conversation_id in ({ids}))"
        ));
    }
    // Usage has no network address: whoever asks for one asks for activities.
    if conditions.is_empty() || !asked.ips.is_empty() {
        return Ok(Vec::new());
    }
    let statement = format!(
        "select min(time), kind, coalesce(user_email, user_id, api_key_id), surface, sum(coalesce(count, 1)) from usage_events \
         where {} and time >= {} and time < {} and {} \
         group by date_trunc('hour', time), kind, coalesce(user_email, user_id, api_key_id), surface order by 1 limit {ROWS}",
        days(from, to),
        instant(from),
        instant(to),
        conditions.join(" and ")
    );
    let mut events = Vec::new();
    Answer::of(lake, &statement).await?.each(|row| {
        let (kind, surface) = (row.owned(1).unwrap_or_default(), row.owned(3).unwrap_or_default());
        events.push(Event {
            at_micros: row.number(0).unwrap_or_default(),
            kind: "usage",
            summary: format!(
                "{} × {} on {surface} within the hour",
                row.number(4).unwrap_or(1),
                kind.replace('_', " ")
            ),
            what: kind,
            actor: row.owned(2),
            ip: None,
            agent: None,
            id: None,
            seq: None,
            because: "what was asked for".to_owned(),
            late_seconds: None,
        });
    });
    Ok(events)
}

fn gaps(gaps: &[Gap], from: i64, to: i64) -> Vec<Event> {
    let event = |gap: &Gap| Event {
        at_micros: gap.from_micros.max(from),
        kind: "gap",
        what: gap.what.clone(),
        actor: None,
        ip: None,
        agent: None,
        summary: format!(
            "not recorded until {}: {}",
            gap.to_micros.map_or_else(|| "now".to_owned(), crate::render::instant_text),
            gap.why
        ),
        id: None,
        seq: None,
        because: "a gap in the record".to_owned(),
        late_seconds: None,
    };
    gaps.iter().filter(|gap| gap.from_micros < to && gap.to_micros.is_none_or(|end| end > from)).map(event).collect()
}

fn population(question: &TimelineQuestion) -> String {
    let mut parts = Vec::new();
    for (word, values) in [
        ("actor", &question.actors),
        ("address", &question.ips),
        ("key", &question.keys),
        ("session", &question.sessions),
        ("resource", &question.resources),
    ] {
        if !values.is_empty() {
            parts.push(format!("{word} {}", values.join(", ")));
        }
    }
    if parts.is_empty() { "everything".to_owned() } else { parts.join("; ") }
}

fn notes() -> Vec<String> {
    [
        "Rows of one instant stand in the order of their ids: the record cannot tell which came first.",
        "Inference calls, tool calls of connectors and what happened on a device are not recorded as activities.",
        "An activity that arrived late was not there for whoever looked before.",
    ]
    .map(str::to_owned)
    .to_vec()
}
