//! Dormant accounts: seats that nobody has used for a while, what they cost, and how to take them back.
//! Promises that a new seat, somebody on leave and a seat of which nothing can be known are not called dormant.
//! Never takes a seat away: the list and the SCIM bodies are for whoever does.

use std::collections::BTreeSet;

use ephor_lake::directory::DirectoryKind;
use ephor_wire::timestamp::{DAY_MICROS, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::ReportInfo;
use super::last_seen::{LastSeen, Sign};
use crate::desk::{Desk, Question};
use crate::error::ReportError;
use crate::people::{People, Person};
use crate::provenance::Period;
use crate::table::{Cell, Column, Figure, Report, Section, Table};

pub(super) const INFO: ReportInfo = ReportInfo {
    name: "dormant-accounts",
    title: "Dormant accounts",
    question: "Which assigned seats has nobody used, and what do they cost?",
};

/// Why a seat without activity is not called dormant.
enum Kept<'a> {
    TooNew,
    Exempt(&'a str),
    Away(&'a str),
}

pub(super) async fn make(desk: &Desk, question: &Question) -> Result<Report, ReportError> {
    let period = desk.period(question, desk.options.dormant_days).await?;
    let people = People::of(desk).await?;
    let seen = LastSeen::before(desk, &people, period.to_micros()).await?;
    let mut dormant = Table::of(dormant_columns());
    let mut kept = Table::of(vec![
        Column::person("user_id", "User id"),
        Column::person("email", "E-mail"),
        Column::instant("last_activity_at", "Last activity"),
        Column::text("reason", "Kept because"),
    ]);
    let mut ids = Vec::new();
    for person in people.by_id.values() {
        let newest = seen.newest(&person.id).map(|(_, micros)| micros);
        if newest.is_some_and(|micros| micros >= period.from_micros()) {
            continue;
        }
        match kept_because(desk, &people, person, newest, period) {
            Some(reason) => {
                let (id, email) = (Cell::from(person.id.as_str()), Cell::from(person.email.clone()));
                kept.push(vec![id, email, newest.map_or(Cell::Nothing, Cell::Instant), reason.words().into()]);
            }
            None => {
                ids.push(person.id.clone());
                dormant.push(row(desk, &people, person, &seen, period));
            }
        }
    }
    let seats = people.by_id.len();
    let idle = dormant.rows.len();
    let mut report = Report {
        name: INFO.name,
        title: INFO.title.to_owned(),
        question: INFO.question,
        provenance: desk
            .provenance(period, format!("{seats} people with a seat, as the directory has them now"))
            .await?,
        figures: figures(desk, seats, idle, kept.rows.len()),
        main: Section::new("dormant", "Dormant seats", dormant).noted(format!(
            "No sign-in, no activity, no usage and no use of an own API key from {} to {}.",
            period.first, period.last
        )),
        others: vec![
            Section::new("kept", "Idle, but not dormant", kept).noted(
                "Seats without activity that are younger than they would have to be, exempt, or of people on leave.",
            ),
            stale_invites(desk, period)?,
            changes(desk, &ids).await?,
            deprovisioning(&people, &ids),
        ],
        notes: notes(),
    };
    report.provenance.parameters = vec![
        ("dormant_days", period.days().to_string()),
        ("grace_days", desk.options.grace_days.to_string()),
        ("stale_invite_days", desk.options.stale_invite_days.to_string()),
    ];
    Ok(report)
}

fn dormant_columns() -> Vec<Column> {
    vec![
        Column::person("user_id", "User id"),
        Column::person("email", "E-mail"),
        Column::person("name", "Name"),
        Column::text("team", "Team"),
        Column::list("roles", "Roles"),
        Column::instant("seat_since", "Seat since"),
        Column::instant("last_activity_at", "Last activity"),
        Column::text("last_activity_kind", "By"),
        Column::count("idle_days", "Idle", "days"),
        Column::text("band", "Band"),
        Column::instant("last_sign_in_at", "Last sign-in"),
        Column::instant("last_usage_at", "Last usage"),
        Column::money("seat_cost_month", "Seat a month"),
    ]
}

fn row(desk: &Desk, people: &People, person: &Person, seen: &LastSeen, period: Period) -> Vec<Cell> {
    let newest = seen.newest(&person.id);
    let instant = |micros: Option<i64>| micros.map_or(Cell::Nothing, Cell::Instant);
    // A seat that was never used has been idle since it was given.
    let since = newest.map(|(_, micros)| micros).or(person.joined_micros);
    let idle_days = since.map(|micros| (period.to_micros() - micros) / DAY_MICROS);
    let mut roles: Vec<String> = person.roles.values().cloned().collect();
    roles.sort();
    roles.dedup();
    vec![
        person.id.as_str().into(),
        person.email.clone().into(),
        person.name.clone().into(),
        people.team_on(&person.id, period.last).into(),
        roles.into(),
        instant(person.joined_micros),
        instant(newest.map(|(_, micros)| micros)),
        newest.map(|(sign, _)| sign.words()).into(),
        idle_days.into(),
        band(newest.is_some(), idle_days).into(),
        instant(seen.of(&person.id, Sign::Entrance)),
        instant(seen.of(&person.id, Sign::Usage)),
        desk.options.seat_usd_month.into(),
    ]
}

/// The bands that reviews sort by.
fn band(was_seen: bool, idle_days: Option<i64>) -> &'static str {
    match (was_seen, idle_days.unwrap_or(i64::MAX)) {
        (false, _) => "never used",
        (true, 90..) => "90 days and more",
        (true, 60..) => "60 to 89 days",
        (true, 30..) => "30 to 59 days",
        (true, _) => "less than 30 days",
    }
}

fn kept_because<'a>(
    desk: &Desk,
    people: &'a People,
    person: &'a Person,
    newest: Option<i64>,
    period: Period,
) -> Option<Kept<'a>> {
    let grace_days =
        i64::from(if newest.is_none() { desk.options.grace_days.max(period.days()) } else { period.days() });
    if person.joined_micros.is_some_and(|joined| joined > period.to_micros() - grace_days * DAY_MICROS) {
        return Some(Kept::TooNew);
    }
    let exempt = |name: &String| name.eq_ignore_ascii_case(&person.id) || name.eq_ignore_ascii_case(person.shown());
    if desk.options.exempt.iter().any(exempt) {
        return Some(Kept::Exempt("exempt in the configuration"));
    }
    let entry = people.roster_on(&person.id, period.last)?;
    if let Some(reason) = &entry.exempt_reason {
        return Some(Kept::Exempt(reason));
    }
    let (first, last) = (period.first.to_string(), period.last.to_string());
    let from = entry.away_from.as_ref()?;
    (*from <= last && entry.away_to.as_ref().is_none_or(|to| *to >= first)).then_some(Kept::Away(from))
}

impl Kept<'_> {
    fn words(&self) -> String {
        match self {
            Self::TooNew => "the seat is younger than the period".to_owned(),
            Self::Exempt(reason) => (*reason).to_owned(),
            Self::Away(from) => format!("on leave since {from}"),
        }
    }
}

fn figures(desk: &Desk, seats: usize, idle: usize, kept: usize) -> Vec<Figure> {
    let figure =
        |label: &str, value: Cell, unit, note: Option<String>| Figure { label: label.to_owned(), value, unit, note };
    let mut figures = vec![
        figure("Assigned seats", Cell::count(seats), None, None),
        figure("Dormant seats", Cell::count(idle), None, None),
        figure("Share", Cell::share(idle as u64, seats as u64), Some("ratio"), None),
        figure("Idle, but not dormant", Cell::count(kept), None, None),
    ];
    let cost = desk.options.seat_usd_month.map(|price| price * Decimal::from(idle as u64));
    let note = match cost {
        Some(_) => "at the price of a seat in ephor.toml",
        None => "set [reports] seat_usd_month to see it",
    };
    figures.push(figure("Cost of dormant seats a month", cost.into(), Some("USD"), Some(note.to_owned())));
    figures
}

/// Invitations that nobody took.
fn stale_invites(desk: &Desk, period: Period) -> Result<Section, ReportError> {
    let mut table = Table::of(vec![
        Column::person("email", "E-mail"),
        Column::text("role", "Role"),
        Column::text("status", "Status"),
        Column::instant("invited_at", "Invited"),
        Column::instant("expires_at", "Expires"),
        Column::count("age_days", "Age", "days"),
    ]);
    let directory = desk.lake.directory();
    let stale_micros = i64::from(desk.options.stale_invite_days) * DAY_MICROS;
    for scope in directory.scopes(DirectoryKind::Invites) {
        for invite in directory.current(DirectoryKind::Invites, &scope) {
            let text = |name: &str| invite.get(name).and_then(Value::as_str).map(str::to_owned);
            let time = |name: &str| text(name).and_then(|text| Timestamp::parse(&text).ok()).map(|time| time.micros());
            let status = text("status").unwrap_or_else(|| "pending".to_owned());
            let invited = time("invited_at").or_else(|| time("created_at"));
            let age = invited.map(|invited| period.to_micros() - invited);
            let is_stale = status == "expired" || (status == "pending" && age.is_some_and(|age| age >= stale_micros));
            if is_stale {
                table.push(vec![
                    text("email").into(),
                    text("role").into(),
                    status.into(),
                    invited.map_or(Cell::Nothing, Cell::Instant),
                    time("expires_at").map_or(Cell::Nothing, Cell::Instant),
                    age.map(|age| age / DAY_MICROS).into(),
                ]);
            }
        }
    }
    let note = format!("Pending for {} days or more, or expired.", desk.options.stale_invite_days);
    Ok(Section::new("stale-invites", "Invitations that nobody took", table).noted(note))
}

/// What is different from the report that was kept last.
async fn changes(desk: &Desk, ids: &[String]) -> Result<Section, ReportError> {
    let mut table =
        Table::of(vec![Column::person("user_id", "User id"), Column::text("change", "Since the last report")]);
    let kept = desk.control.kept_reports().newest_before(INFO.name, desk.now_micros).await?;
    let note = match &kept {
        None => "No earlier report was kept; `ephor report dormant-accounts --keep` keeps this one.".to_owned(),
        Some(document) => format!("Compared with the report of {}.", document["generated_at"].as_str().unwrap_or("?")),
    };
    let before: BTreeSet<&str> = kept
        .iter()
        .flat_map(|document| document["rows"].as_array().into_iter().flatten())
        .filter_map(|row| row[0].as_str())
        .collect();
    if kept.is_some() {
        let now: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        for id in now.difference(&before) {
            table.push(vec![(*id).into(), "newly dormant".into()]);
        }
        for id in before.difference(&now) {
            table.push(vec![(*id).into(), "no longer dormant: active again, exempt, or removed".into()]);
        }
    }
    Ok(Section::new("changes", "What changed since the last report", table).noted(note))
}

/// What to send to the identity provider; nothing here sends it.
fn deprovisioning(people: &People, ids: &[String]) -> Section {
    let mut table = Table::of(vec![
        Column::person("user_id", "User id"),
        Column::person("email", "E-mail"),
        Column::text("method", "Method"),
        Column::person("path", "Path"),
        Column::text("scim_patch", "SCIM body"),
    ]);
    // RFC 7644, section 3.5.2: a user is switched off by replacing `active`.
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": false }],
    });
    for id in ids {
        let email = people.email_of(id).map(str::to_owned);
        table.push(vec![
            id.as_str().into(),
            email.into(),
            "PATCH".into(),
            format!("/Users/{id}").into(),
            body.to_string().into(),
        ]);
    }
    Section::new("deprovisioning", "Deprovisioning list", table)
        .noted("For whoever removes the seats. Nothing was sent: `--section deprovisioning --format csv` gives this list as a file.")
}

fn notes() -> Vec<String> {
    [
        "Looking at things (`…_viewed` activities) is not activity: an application loads them by itself.",
        "An activity of somebody else about a person is not that person's: a role given to an idle account does not wake it.",
        "Inference through other clouds, and everything from before the recording began, leaves no trace here. Where usage events are missing, an account may be idle only in what can be seen.",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::band;

    #[test]
    fn bands_are_those_that_reviews_use() {
        let bands = [(false, Some(40)), (true, Some(31)), (true, Some(60)), (true, Some(365)), (true, Some(7))];
        assert_eq!(
            bands.map(|(seen, days)| band(seen, days)),
            ["never used", "30 to 59 days", "60 to 89 days", "90 days and more", "less than 30 days"]
        );
    }
}
