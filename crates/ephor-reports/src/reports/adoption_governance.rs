//! AI adoption: how many people use what, how that moves, and which switches govern it.
//! Promises the Analytics API's own numbers for everybody, and counts by team only where a team is large enough to hide in.
//! Never shows what one person did.

use std::collections::{BTreeMap, BTreeSet};

use ephor_analytics::query::{Days, Direction, Filters, Listing, ListingQuery, Ordering, SummariesQuery};
use serde_json::Value;

use super::ReportInfo;
use crate::answer::Answer;
use crate::chart::{Chart, Series};
use crate::desk::{Desk, Question, within};
use crate::error::ReportError;
use crate::group::Group;
use crate::people::People;
use crate::provenance::Period;
use crate::table::{Cell, Column, Figure, Report, Section, Table};

pub(super) const INFO: ReportInfo = ReportInfo {
    name: "adoption-governance",
    title: "AI adoption",
    question: "Who uses the assistant, where and how much, and how does that change?",
};

const USUAL_DAYS: u32 = 30;

/// Surfaces as `summaries` names them, and as people do.
const SURFACES: [(&str, &str); 6] = [
    ("chat", "Chat"),
    ("claude_code", "Claude Code"),
    ("cowork", "Cowork"),
    ("office_agent", "Office"),
    ("claude_design", "Design"),
    ("science", "Science"),
];

pub(super) async fn make(desk: &Desk, question: &Question) -> Result<Report, ReportError> {
    let period = desk.period(question, USUAL_DAYS).await?;
    let (mut people, group) = (People::of(desk).await?, Group::asked(desk, question)?);
    if let Some(group) = &group {
        people.by_id.retain(|id, _| group.members.contains(id));
    }
    let groups: Vec<String> = group.iter().map(|group| group.id.clone()).collect();
    let summaries = summaries(desk, period, groups.clone()).await?;
    let users = UserDays::read(desk, &people, period, &groups).await?;
    let names = |listing, words| self::listing(desk, period, listing, &groups, words);
    let mut report = Report {
        name: INFO.name,
        title: INFO.title.to_owned(),
        question: INFO.question,
        provenance: desk.provenance(period, population(&people, group.as_ref())).await?,
        figures: figures(&summaries, &users, &people, period),
        main: days(&summaries, period),
        others: vec![
            surfaces(&summaries),
            teams(&people, &users, period),
            code(&users, &people, period),
            cohorts(&people, &users, period),
            names(Listing::Skills, ("skills", "Skills", "skill_name", "Skill")).await?,
            names(Listing::Connectors, ("connectors", "Connectors", "connector_name", "Connector")).await?,
            names(Listing::Projects, ("projects", "Projects", "project_name", "Project")).await?,
            switches(desk, period).await?,
        ],
        notes: notes(),
    };
    if let Some(group) = group {
        report.provenance.parameters.push(("group", group.name));
    }
    Ok(report)
}

fn population(people: &People, group: Option<&Group>) -> String {
    let of_group = group.map_or_else(String::new, |group| format!(" in the group {}", group.name));
    format!("{} people with a seat{of_group}", people.by_id.len())
}

/// The Analytics API's summary of each day.
async fn summaries(desk: &Desk, period: Period, rbac_group_ids: Vec<String>) -> Result<Vec<Value>, ReportError> {
    let query =
        SummariesQuery { reach: desk.reach(), first: period.first, end: period.last.plus_days(1), rbac_group_ids };
    let entries = desk.analytics.summaries(&query).await?;
    Ok(entries.iter().filter_map(|entry| serde_json::from_slice(entry).ok()).collect())
}

fn number(entry: &Value, name: &str) -> Option<i64> {
    entry.get(name).and_then(Value::as_i64)
}

fn days(summaries: &[Value], period: Period) -> Section {
    let mut table = Table::of(vec![
        Column::day("day", "Day"),
        Column::count("daily_active", "Active that day", "people"),
        Column::count("weekly_active", "In 7 days", "people"),
        Column::count("monthly_active", "In 30 days", "people"),
        Column::share("stickiness", "Day of month"),
        Column::count("assigned_seats", "Seats", "seats"),
        Column::count("pending_invites", "Pending invites", "invites"),
    ]);
    let mut series = [Vec::new(), Vec::new(), Vec::new()];
    for (day, entry) in period.each_day().zip(summaries) {
        let active = ["daily", "weekly", "monthly"].map(|window| number(entry, &format!("{window}_active_user_count")));
        for (values, active) in series.iter_mut().zip(active) {
            values.push(active.map(|people| people as f64));
        }
        table.push(vec![
            day.into(),
            active[0].into(),
            active[1].into(),
            active[2].into(),
            Cell::share(unsigned(active[0]), unsigned(active[2])),
            number(entry, "assigned_seat_count").into(),
            number(entry, "pending_invite_count").into(),
        ]);
    }
    let labels = period.each_day().map(|day| day.to_string()).collect();
    let [daily, weekly, monthly] = series;
    let lines = vec![Series::new("30 days", monthly), Series::new("7 days", weekly), Series::new("a day", daily)];
    Section::new("days", "Active people", table)
        .noted("Different people who were active on the day, in the 7 and in the 30 days that end with it, as the Analytics API counts them.")
        .charted(Chart::lines("Active people", "people", labels, lines))
}

fn unsigned(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

fn surfaces(summaries: &[Value]) -> Section {
    let mut table = Table::of(vec![
        Column::text("surface", "Surface"),
        Column::count("monthly_active", "In 30 days", "people"),
        Column::count("weekly_active", "In 7 days", "people"),
        Column::count("daily_active_mean", "A day (mean)", "people"),
    ]);
    let mut labels = Vec::new();
    let mut values = Vec::new();
    for (name, words) in SURFACES {
        let newest = |window: &str| {
            summaries.last().and_then(|entry| number(entry, &format!("{name}_{window}_active_user_count")))
        };
        let daily: i64 =
            summaries.iter().filter_map(|entry| number(entry, &format!("{name}_daily_active_user_count"))).sum();
        let mean = i64::try_from(summaries.len()).ok().filter(|days| *days > 0).map(|days| daily / days);
        table.push(vec![words.into(), newest("monthly").into(), newest("weekly").into(), mean.into()]);
        labels.push(words.to_owned());
        values.push(newest("monthly").map(|people| people as f64));
    }
    Section::new("surfaces", "By surface", table).charted(Chart::bars(
        "People active in 30 days, by surface",
        "people",
        labels,
        vec![Series::new("people", values)],
    ))
}

/// What each person did in the period, as the listing of users has it: counted, never shown.
#[derive(Debug, Default)]
struct UserDays {
    by_person: BTreeMap<String, Doings>,
}

/// What one person did.
#[derive(Debug, Default)]
struct Doings {
    /// Days with any activity, by number within the period, ascending.
    days: Vec<u32>,
    /// Sums over the period, beside [`Measure::PATHS`].
    sums: [i64; 14],
}

/// Where the listing of users has whose row it is.
const PERSON: &str = "user.id";

/// What is added up.
#[derive(Debug, Clone, Copy)]
enum Measure {
    Messages,
    CodeSessions,
    Commits,
    PullRequests,
    LinesAdded,
    LinesRemoved,
    Accepted,
    Rejected,
}

impl Measure {
    /// Where the listing of users has them.
    const PATHS: [&str; 14] = [
        "chat_metrics.message_count",
        "claude_code_metrics.core_metrics.distinct_session_count",
        "claude_code_metrics.core_metrics.commit_count",
        "claude_code_metrics.core_metrics.pull_request_count",
        "claude_code_metrics.core_metrics.lines_of_code.added_count",
        "claude_code_metrics.core_metrics.lines_of_code.removed_count",
        "claude_code_metrics.tool_actions.edit_tool.accepted_count",
        "claude_code_metrics.tool_actions.multi_edit_tool.accepted_count",
        "claude_code_metrics.tool_actions.write_tool.accepted_count",
        "claude_code_metrics.tool_actions.notebook_edit_tool.accepted_count",
        "claude_code_metrics.tool_actions.edit_tool.rejected_count",
        "claude_code_metrics.tool_actions.multi_edit_tool.rejected_count",
        "claude_code_metrics.tool_actions.write_tool.rejected_count",
        "claude_code_metrics.tool_actions.notebook_edit_tool.rejected_count",
    ];

    /// The paths that make it up.
    const fn places(self) -> std::ops::Range<usize> {
        match self {
            Self::Messages => 0..1,
            Self::CodeSessions => 1..2,
            Self::Commits => 2..3,
            Self::PullRequests => 3..4,
            Self::LinesAdded => 4..5,
            Self::LinesRemoved => 5..6,
            Self::Accepted => 6..10,
            Self::Rejected => 10..14,
        }
    }
}

impl Doings {
    fn of(&self, measure: Measure) -> i64 {
        self.sums[measure.places()].iter().sum()
    }

    fn was_active_in(&self, days: std::ops::Range<u32>) -> bool {
        self.days.iter().any(|day| days.contains(day))
    }
}

impl UserDays {
    async fn read(desk: &Desk, people: &People, period: Period, groups: &[String]) -> Result<Self, ReportError> {
        let mut all = Self::default();
        let wanted: Vec<&str> = Measure::PATHS.into_iter().chain([PERSON]).collect();
        for (number, day) in (0..).zip(period.each_day()) {
            let filters = Filters { rbac_group_ids: groups.to_vec(), ..Filters::default() };
            let query = ListingQuery { filters, ..ListingQuery::whole_day(Listing::Users, desk.reach(), day) };
            let answer = desk.analytics.narrow_listing(&query, &wanted).await?;
            answer.each(PERSON, Measure::PATHS, |person, numbers| all.add(people.id_of(person), number, numbers));
        }
        Ok(all)
    }

    fn add(&mut self, person: &str, day: u32, numbers: [i64; 14]) {
        if !self.by_person.contains_key(person) {
            self.by_person.insert(person.to_owned(), Doings::default());
        }
        let Some(doings) = self.by_person.get_mut(person) else { return };
        // Somebody who is told of by id and by address has two rows on one day.
        if doings.days.last() != Some(&day) {
            doings.days.push(day);
        }
        doings.sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
    }

    fn of(&self, person: &str) -> Option<&Doings> {
        self.by_person.get(person)
    }

    fn sum<'p>(&self, people: impl Iterator<Item = &'p String>, measure: Measure) -> i64 {
        people.filter_map(|person| self.of(person)).map(|doings| doings.of(measure)).sum()
    }
}

fn teams(people: &People, users: &UserDays, period: Period) -> Section {
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in people.by_id.keys() {
        let team = people.team_on(id, period.last).unwrap_or("(no team)").to_owned();
        members.entry(team).or_default().push(id.clone());
    }
    let mut table = Table::of_groups(
        vec![
            Column::text("team", "Team"),
            Column::count("seats", "Seats", "seats"),
            Column::count("active", "Active in the period", "people"),
            Column::share("adoption", "Share active"),
            Column::count("active_days_mean", "Days active (mean)", "days"),
            Column::count("messages", "Messages", "messages"),
            Column::count("code_sessions", "Code sessions", "sessions"),
        ],
        "seats",
    );
    let (mut labels, mut shares) = (Vec::new(), Vec::new());
    for (team, ids) in &members {
        let active: Vec<&String> = ids.iter().filter(|id| users.of(id).is_some()).collect();
        let days: usize = active.iter().filter_map(|id| users.of(id)).map(|doings| doings.days.len()).sum();
        table.push(vec![
            team.as_str().into(),
            Cell::count(ids.len()),
            Cell::count(active.len()),
            Cell::share(active.len() as u64, ids.len() as u64),
            days.checked_div(active.len()).map(|mean| i64::try_from(mean).unwrap_or(i64::MAX)).into(),
            users.sum(ids.iter(), Measure::Messages).into(),
            users.sum(ids.iter(), Measure::CodeSessions).into(),
        ]);
        labels.push(team.clone());
        shares.push(Some(100.0 * active.len() as f64 / ids.len().max(1) as f64));
    }
    Section::new("teams", "By team", table)
        .noted("Teams as the roster has them on the last day. Figures of teams below the floor are not shown.")
        .charted(Chart::bars(
            "Share of seats that were active, by team",
            "percent",
            labels,
            vec![Series::new("share", shares)],
        ))
}

fn code(users: &UserDays, people: &People, period: Period) -> Section {
    let with_sessions = users.by_person.iter().filter(|(_, doings)| doings.of(Measure::CodeSessions) > 0);
    let developers: Vec<String> = with_sessions.map(|(id, _)| id.clone()).collect();
    let mut table = Table::of_groups(
        vec![
            Column::text("team", "Team"),
            Column::count("people", "People with sessions", "people"),
            Column::count("sessions", "Sessions", "sessions"),
            Column::count("commits", "Commits", "commits"),
            Column::count("pull_requests", "Pull requests", "pull requests"),
            Column::count("lines_added", "Lines added", "lines"),
            Column::count("lines_removed", "Lines removed", "lines"),
            Column::share("acceptance", "Edits accepted"),
        ],
        "people",
    );
    let mut by_team: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in &developers {
        by_team.entry(people.team_on(id, period.last).unwrap_or("(no team)").to_owned()).or_default().push(id.clone());
    }
    for (team, ids) in by_team.iter().map(|(team, ids)| (team.as_str(), ids)).chain([("All", &developers)]) {
        let sum = |measure: Measure| users.sum(ids.iter(), measure);
        let (accepted, rejected) = (sum(Measure::Accepted), sum(Measure::Rejected));
        table.push(vec![
            team.into(),
            Cell::count(ids.len()),
            sum(Measure::CodeSessions).into(),
            sum(Measure::Commits).into(),
            sum(Measure::PullRequests).into(),
            sum(Measure::LinesAdded).into(),
            sum(Measure::LinesRemoved).into(),
            Cell::share(unsigned(Some(accepted)), unsigned(Some(accepted + rejected))),
        ]);
    }
    Section::new("code", "Claude Code outcomes", table)
        .noted("Outcomes by team. They say what was made, not how good it was, and never who made it.")
}

/// How many of those who came in a month still come: weeks since the seat was given.
fn cohorts(people: &People, users: &UserDays, period: Period) -> Section {
    let mut table = Table::of_groups(
        vec![
            Column::text("joined", "Seat given in"),
            Column::count("people", "People", "people"),
            Column::share("activated", "Ever active in the period"),
            Column::share("first_half", "Active in its first half"),
            Column::share("second_half", "Active in its second half"),
            Column::share("retained", "Kept from the first to the second half"),
        ],
        "people",
    );
    let mut by_month: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    for person in people.by_id.values() {
        let joined = person.joined_micros.filter(|joined| *joined < period.to_micros());
        if let Some(joined) = joined {
            let month = ephor_wire::timestamp::UtcDay::from_micros(joined).to_string();
            by_month.entry(month.get(..7).unwrap_or_default().to_owned()).or_default().push(&person.id);
        }
    }
    let half = period.days() / 2;
    for (month, ids) in by_month {
        let active_in = |from: u32, to: u32| -> BTreeSet<&String> {
            let active = |id: &&&String| users.of(id).is_some_and(|doings| doings.was_active_in(from..to));
            ids.iter().filter(active).copied().collect()
        };
        let (first, second) = (active_in(0, half), active_in(half, period.days()));
        let ever = first.union(&second).count();
        let stayed = first.intersection(&second).count();
        table.push(vec![
            month.into(),
            Cell::count(ids.len()),
            Cell::share(ever as u64, ids.len() as u64),
            Cell::share(first.len() as u64, ids.len() as u64),
            Cell::share(second.len() as u64, ids.len() as u64),
            Cell::share(stayed as u64, first.len() as u64),
        ]);
    }
    Section::new("cohorts", "By month of joining", table)
}

/// A listing of the Analytics API over the whole period: names and how many people.
async fn listing(
    desk: &Desk,
    period: Period,
    listing: Listing,
    groups: &[String],
    (id, title, name, label): (&'static str, &'static str, &'static str, &'static str),
) -> Result<Section, ReportError> {
    let query = ListingQuery {
        listing,
        reach: desk.reach(),
        days: Days::Range { first: period.first, end: period.last.plus_days(1) },
        filters: Filters { rbac_group_ids: groups.to_vec(), ..Filters::default() },
        group_by: Vec::new(),
        ordering: Ordering { metric: None, direction: Direction::Ascending },
        as_of: None,
    };
    let answer = desk.analytics.listing(&query).await?;
    let mut json = vec![b'['];
    answer.write(0..answer.len(), &mut json);
    json.push(b']');
    let rows: Vec<Value> = serde_json::from_slice(&json).unwrap_or_default();
    let mut found: Vec<(String, i64, i64)> = rows
        .iter()
        .map(|row| {
            let called = row[name].as_str().or_else(|| row["project_id"].as_str()).unwrap_or("(no name)").to_owned();
            let times =
                ["invocation_count", "read_call_count", "write_call_count", "unclassified_call_count", "message_count"]
                    .iter()
                    .filter_map(|count| row[*count].as_i64())
                    .sum();
            (called, number(row, "distinct_user_count").unwrap_or(0), times)
        })
        .collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut table = Table::of_groups(
        vec![
            Column::text("name", label),
            Column::count("people", "People", "people"),
            Column::count("times", "Times used", "uses"),
        ],
        "people",
    );
    let labels = found.iter().map(|(name, _, _)| name.clone()).collect();
    let values = found.iter().map(|(_, people, _)| Some(*people as f64)).collect();
    for (name, people, times) in found {
        table.push(vec![name.into(), people.into(), times.into()]);
    }
    let chart = Chart::bars(format!("{title} by people"), "people", labels, vec![Series::new("people", values)]);
    Ok(Section::new(id, title, table).charted(chart))
}

/// Who switched what on or off: adoption moves with it.
async fn switches(desk: &Desk, period: Period) -> Result<Section, ReportError> {
    let mut table = Table::of(vec![
        Column::instant("at", "When"),
        Column::text("type", "What"),
        Column::person("actor", "By"),
        Column::text("activity", "Activity"),
    ]);
    let statement = format!(
        "select created_at, type, coalesce(actor_email, actor_id, actor_type), id from activities \
         where {} and (type like 'org\\_%\\_enabled' escape '\\' or type like 'org\\_%\\_disabled' escape '\\' \
           or type in ('claude_organization_settings_updated', 'org_sso_toggled', 'org_compliance_api_settings_updated', \
                       'org_analytics_api_capability_updated', 'mcp_tool_policy_updated')) \
         order by created_at, id",
        within(period)
    );
    Answer::of(&desk.lake, &statement).await?.each(|row| {
        table.push(vec![
            row.number(0).map_or(Cell::Nothing, Cell::Instant),
            row.owned(1).into(),
            row.owned(2).into(),
            row.owned(3).into(),
        ]);
    });
    Ok(Section::new("switches", "Switches that govern it", table))
}

fn figures(summaries: &[Value], users: &UserDays, people: &People, period: Period) -> Vec<Figure> {
    let newest = |name: &str| summaries.last().and_then(|entry| number(entry, name));
    let first = |name: &str| summaries.first().and_then(|entry| number(entry, name));
    let figure =
        |label: &str, value: Cell, unit, note: Option<String>| Figure { label: label.to_owned(), value, unit, note };
    let monthly = newest("monthly_active_user_count");
    // The Analytics API does not count the seats of a group; the directory does, as they are now.
    let counted = newest("assigned_seat_count");
    let listed = i64::try_from(people.by_id.len()).ok().filter(|seats| *seats > 0);
    let seats = counted.or(listed);
    let seats_note = (counted.is_none() && listed.is_some()).then(|| "as the directory lists them now".to_owned());
    let overfull = monthly.zip(seats).filter(|(active, seats)| active > seats).map(|_| without_seat(users, people));
    let before = first("monthly_active_user_count").map(|before| format!("{before} at the beginning"));
    vec![
        figure("Active in 30 days", monthly.into(), Some("people"), before),
        figure("Seats", seats.into(), None, seats_note),
        figure("Seats in use", Cell::share(unsigned(monthly), unsigned(seats)), Some("ratio"), overfull),
        figure(
            "A day of a month",
            Cell::share(unsigned(newest("daily_active_user_count")), unsigned(monthly)),
            Some("ratio"),
            Some(format!("on {}", period.last)),
        ),
        figure("Pending invites", newest("pending_invite_count").into(), None, None),
        figure("Messages in chat", users.sum(users.by_person.keys(), Measure::Messages).into(), None, None),
    ]
}

/// Why more people were active than seats are assigned.
fn without_seat(users: &UserDays, people: &People) -> String {
    let without: Vec<&String> = users.by_person.keys().filter(|id| !people.by_id.contains_key(*id)).collect();
    let left = without.iter().filter(|id| people.has_left(id)).count();
    match without.len() {
        0 => "more were active in the 30 days than have a seat on the last of them: seats that were taken back since count in the activity and not among the seats".to_owned(),
        all => format!(
            "more people were active than seats are assigned: {all} of them have no seat now, {left} because they left and {} whom no listing names (keys, telemetry, other organizations)",
            all - left
        ),
    }
}

fn notes() -> Vec<String> {
    [
        "Active is who sent a message, worked in Claude Code or in Cowork, as the Analytics API defines it; opening a page is not.",
        "The share of the month that a day is (stickiness) says how regularly people come: 0.5 is every other day.",
        "A day that is missing in the sources is a gap here and not a day without use.",
    ]
    .map(str::to_owned)
    .to_vec()
}
