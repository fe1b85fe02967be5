//! Periodic access review: who may do what now, what a reviewer should look at, and how the campaigns stand.
//! Promises the whole population, with what each was used for last.

use std::collections::BTreeMap;

use super::ReportInfo;
use crate::desk::{Desk, Question};
use crate::error::ReportError;
use crate::review::{Entitlement, Flag, Reviews, entitlements, removals};
use crate::table::{Cell, Column, Figure, Report, Section, Table};

pub(super) const INFO: ReportInfo = ReportInfo {
    name: "access-review",
    title: "Periodic access review",
    question: "Who has access to what, what did they use of it, and who said that they may?",
};

/// A quarter: how often access is usually reviewed.
const USUAL_DAYS: u32 = 90;

pub(super) async fn make(desk: &Desk, question: &Question) -> Result<Report, ReportError> {
    let period = desk.period(question, USUAL_DAYS).await?;
    let all = entitlements(desk).await?;
    let mut table = Table::of(columns());
    all.iter().for_each(|one| table.push(row(one)));
    let people: std::collections::BTreeSet<&str> = all.iter().map(|one| one.person.as_str()).collect();
    let flagged = |flag: Flag| all.iter().filter(|one| one.flags.contains(&flag)).count();
    let figure = |label: &str, value: usize| Figure {
        label: label.to_owned(),
        value: Cell::count(value),
        unit: None,
        note: None,
    };
    Ok(Report {
        name: INFO.name,
        title: INFO.title.to_owned(),
        question: INFO.question,
        provenance: desk.provenance(period, format!("{} entitlements of {} people", all.len(), people.len())).await?,
        figures: vec![
            figure("Entitlements", all.len()),
            figure("Privileged", flagged(Flag::Privileged)),
            figure("Of people who are gone", flagged(Flag::Orphaned)),
            figure("Of dormant people", flagged(Flag::Dormant)),
            figure("Keys older than 90 days", flagged(Flag::OldKey)),
        ],
        main: Section::new("entitlements", "Who may do what", table),
        others: vec![by_flag(&all), campaigns(desk).await?, revoked(desk).await?],
        notes: notes(),
    })
}

fn columns() -> Vec<Column> {
    vec![
        Column::person("user_id", "User id"),
        Column::person("email", "E-mail"),
        Column::text("kind", "Kind"),
        Column::text("object_id", "Object"),
        Column::text("object", "Called"),
        Column::text("role", "Role"),
        Column::instant("granted_at", "Since"),
        Column::person("granted_by", "Given by"),
        Column::instant("last_seen_at", "Holder last seen"),
        Column::list("flags", "Look at"),
        Column::text("suggestion", "Suggestion"),
    ]
}

fn row(one: &Entitlement) -> Vec<Cell> {
    vec![
        one.person.as_str().into(),
        one.email.clone().into(),
        one.kind.as_str().into(),
        one.object.as_str().into(),
        one.object_name.clone().into(),
        one.role.clone().into(),
        one.granted_micros.map_or(Cell::Nothing, Cell::Instant),
        one.granted_by.clone().into(),
        one.last_seen_micros.map_or(Cell::Nothing, Cell::Instant),
        one.flags.iter().map(|flag| flag.as_str().to_owned()).collect::<Vec<_>>().into(),
        suggestion(one).into(),
    ]
}

/// What a reviewer would probably decide; the decision is theirs.
fn suggestion(one: &Entitlement) -> &'static str {
    let has = |flag: Flag| one.flags.contains(&flag);
    match () {
        () if has(Flag::Orphaned) => "revoke: its holder is gone",
        () if has(Flag::Dormant) => "revoke: its holder has not been seen",
        () if has(Flag::OldKey) => "rotate",
        () if has(Flag::Privileged) => "two people decide",
        () => "",
    }
}

fn by_flag(all: &[Entitlement]) -> Section {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for one in all {
        for flag in &one.flags {
            *counts.entry((flag.as_str(), one.kind.as_str())).or_default() += 1;
        }
    }
    let mut table = Table::of(vec![
        Column::text("flag", "Look at"),
        Column::text("kind", "Kind"),
        Column::count("entitlements", "Entitlements", "entitlements"),
    ]);
    for ((flag, kind), count) in counts {
        table.push(vec![flag.into(), kind.into(), Cell::count(count)]);
    }
    Section::new("flags", "What to look at", table)
}

async fn campaigns(desk: &Desk) -> Result<Section, ReportError> {
    let mut table = Table::of(vec![
        Column::text("review_id", "Review"),
        Column::text("name", "Name"),
        Column::text("state", "State"),
        Column::instant("opened_at", "Opened"),
        Column::instant("due_at", "Due"),
        Column::instant("closed_at", "Closed"),
        Column::count("items", "Items", "items"),
        Column::count("decided", "Decided", "items"),
    ]);
    for campaign in Reviews::new(&desk.control).list().await? {
        let state = match campaign.closed_micros {
            Some(_) => "closed",
            None if campaign.due_micros < desk.now_micros => "overdue",
            None => "open",
        };
        table.push(vec![
            campaign.id.into(),
            campaign.name.into(),
            state.into(),
            Cell::Instant(campaign.opened_micros),
            Cell::Instant(campaign.due_micros),
            campaign.closed_micros.map_or(Cell::Nothing, Cell::Instant),
            Cell::Integer(i64::try_from(campaign.items).unwrap_or(i64::MAX)),
            Cell::Integer(i64::try_from(campaign.decided).unwrap_or(i64::MAX)),
        ]);
    }
    Ok(Section::new("campaigns", "Campaigns", table))
}

/// What became of what was revoked, over all campaigns.
async fn revoked(desk: &Desk) -> Result<Section, ReportError> {
    let mut table = Table::of(vec![
        Column::text("review_id", "Review"),
        Column::person("person", "Who"),
        Column::text("object", "What"),
        Column::text("state", "State"),
        Column::instant("ended_at", "Ended"),
        Column::text("activity", "Shown by"),
    ]);
    let reviews = Reviews::new(&desk.control);
    for campaign in reviews.list().await? {
        for removal in removals(desk, &reviews.items(&campaign.id).await?).await? {
            table.push(vec![
                campaign.id.as_str().into(),
                removal.person.into(),
                removal.object.into(),
                removal.state.as_str().into(),
                removal.ended_micros.map_or(Cell::Nothing, Cell::Instant),
                removal.activity.into(),
            ]);
        }
    }
    Ok(Section::new("revoked", "What became of what was revoked", table)
        .noted("Removed only where the record shows it: a ticket proves nothing."))
}

fn notes() -> Vec<String> {
    [
        "The population is what the directory lists now, together with connectors that people connected. What the directory cannot list (rights within an identity provider) is not here.",
        "A grant without a giver is older than the record, or was made where the feed does not say by whom.",
    ]
    .map(str::to_owned)
    .to_vec()
}
