//! What is linked to a timeline: keys that its people made, addresses and agents that they shared with others, people
//! whom they gave rights.

use std::collections::{BTreeMap, BTreeSet};

use ephor_lake::Lake;

use super::{Asked, Event, days};
use crate::answer::{Answer, quoted};
use crate::desk::Desk;
use crate::error::ReportError;
use crate::table::{Cell, Column, Table};

/// Others from the same address count for so long before and after.
const SAME_ADDRESS_MICROS: i64 = 3_600_000_000;

/// Entities that are listed; those with the most activities first.
const LISTED: usize = 200;

/// Addresses and people that one step looks at.
const LOOKED_AT: usize = 50;

/// Further conditions, each with the reason of its rows.
pub(super) async fn steps(
    lake: &Lake,
    asked: &mut Asked,
    events: &[Event],
    from: i64,
    to: i64,
) -> Result<Vec<(String, String)>, ReportError> {
    let mut steps = Vec::new();
    for key in keys_made(lake, asked, from, to).await? {
        let condition = format!("api_key_id = {}", quoted(&key));
        steps.push((condition, format!("key {key} was made by who was asked for")));
        asked.keys.insert(key);
    }
    let mut by_ip: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for event in events {
        if let Some(ip) = &event.ip {
            let span = by_ip.entry(ip).or_insert((event.at_micros, event.at_micros));
            *span = (span.0.min(event.at_micros), span.1.max(event.at_micros));
        }
    }
    for (ip, (first, last)) in by_ip.into_iter().take(LOOKED_AT) {
        let (first, last) = (first - SAME_ADDRESS_MICROS, last + SAME_ADDRESS_MICROS);
        let condition = format!(
            "ip_address = {} and created_at >= {} and created_at <= {}",
            quoted(ip),
            crate::answer::instant(first),
            crate::answer::instant(last)
        );
        steps.push((condition, format!("from the same address {ip} within an hour")));
    }
    Ok(steps)
}

async fn keys_made(lake: &Lake, asked: &Asked, from: i64, to: i64) -> Result<BTreeSet<String>, ReportError> {
    let mut keys = BTreeSet::new();
    if asked.actors.is_empty() {
        return Ok(keys);
    }
    let ids = asked.actors.iter().map(|actor| quoted(actor)).collect::<Vec<_>>().join(", ");
    let statement = format!(
        "select raw from activities where {} and (actor_id in ({ids}) or actor_email in ({ids})) and type like '%key\\_created' escape '\\'",
        days(from, to)
    );
    Answer::of(lake, &statement).await?.each(|row| {
        let raw: serde_json::Value = row.text(0).and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
        let id = ["api_key_id", "admin_api_key_id", "service_key_id"].iter().find_map(|name| raw[*name].as_str());
        keys.extend(id.map(str::to_owned));
    });
    Ok(keys)
}

/// Who and what the events share with whom.
pub(super) async fn table(desk: &Desk, events: &[Event]) -> Result<Table, ReportError> {
    let mut found: BTreeMap<(&'static str, String), (u64, i64, i64)> = BTreeMap::new();
    for event in events.iter().filter(|event| event.kind != "gap") {
        let parts = [("actor", &event.actor), ("address", &event.ip), ("agent", &event.agent)];
        for (kind, value) in parts.into_iter().filter_map(|(kind, value)| Some((kind, value.clone()?))) {
            let seen = found.entry((kind, value)).or_insert((0, event.at_micros, event.at_micros));
            *seen = (seen.0 + 1, seen.1.min(event.at_micros), seen.2.max(event.at_micros));
        }
    }
    let shared = shared_addresses(desk, &found).await?;
    let mut rows: Vec<_> = found.into_iter().collect();
    rows.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
    let mut table = Table::of(vec![
        Column::text("type", "Kind"),
        Column::person("id", "What"),
        Column::count("events", "Events", "events"),
        Column::instant("first_seen", "First"),
        Column::instant("last_seen", "Last"),
        Column::count("shared_with", "Actors at this address, ever", "actors"),
    ]);
    for ((kind, id), (count, first, last)) in rows.into_iter().take(LISTED) {
        let with = (kind == "address").then(|| shared.get(&id).copied()).flatten();
        table.push(vec![
            kind.into(),
            id.into(),
            Cell::Integer(i64::try_from(count).unwrap_or(i64::MAX)),
            Cell::Instant(first),
            Cell::Instant(last),
            with.into(),
        ]);
    }
    Ok(table)
}

async fn shared_addresses(
    desk: &Desk,
    found: &BTreeMap<(&'static str, String), (u64, i64, i64)>,
) -> Result<BTreeMap<String, i64>, ReportError> {
    let ips: Vec<String> =
        found.keys().filter(|(kind, _)| *kind == "address").take(LOOKED_AT).map(|(_, ip)| quoted(ip)).collect();
    let mut shared = BTreeMap::new();
    if ips.is_empty() {
        return Ok(shared);
    }
    let statement = format!(
        "select ip_address, count(distinct coalesce(actor_id, api_key_id)) from activities where ip_address in ({}) group by 1",
        ips.join(", ")
    );
    Answer::of(&desk.lake, &statement).await?.each(|row| {
        if let (Some(ip), Some(actors)) = (row.owned(0), row.number(1)) {
            shared.insert(ip, actors);
        }
    });
    Ok(shared)
}
