//! Activities that tell of usage: a chat that began, a file that was uploaded, a skill that was switched on.
//! Each becomes one usage event with the ids of its activity, so that telemetry which tells the same story meets it in
//! one id and nothing counts twice; what is added up (messages, calls, tokens) never comes from here.
//! Never takes an activity twice: the event's id is the activity's, and the place is committed with the events.

use std::sync::LazyLock;

use ephor_lake::{
    ActivityFilter, Appender, FEED_PAGE_ROWS, FeedQuery, Lake, LakeError, Order, PageFrom, TypeFilter, UsageBatch,
    UsageRows,
};
use ephor_wire::usage::{Names, UsageEvent};
use serde::Deserialize;
use serde_json::Value;

/// The name under which these events are stored.
const SOURCE: &str = "activities";

/// What an activity type tells of usage.
#[derive(Debug, Deserialize)]
struct Told {
    #[serde(rename = "type")]
    activity_type: String,
    surface: String,
    kind: String,
    /// The activity's field → the event's.
    fields: std::collections::BTreeMap<String, String>,
}

static TOLD: LazyLock<Vec<Told>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
    serde_json::from_str(include_str!("../../ephor-wire/data/activity_usage.json"))
        .expect("data/activity_usage.json is valid")
});

/// What following came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// Events stored now.
    pub added: u64,
    /// The `seq` that it goes on from.
    pub next_seq: u64,
}

/// Stores the usage that activities tell of, from where the last call ended up to now.
pub async fn follow_activities(lake: &Lake, appender: &Appender, now_micros: i64) -> Result<Followed, LakeError> {
    let place = lake.usage_cursor(SOURCE).await?.and_then(|cursor| cursor["next_seq"].as_u64()).unwrap_or(0);
    let next_seq = lake.next_seq();
    let mut followed = Followed { added: 0, next_seq };
    if place >= next_seq {
        return Ok(followed);
    }
    let filter = ActivityFilter {
        types: TypeFilter::Only(TOLD.iter().map(|told| told.activity_type.clone()).collect()),
        seq: Some(place..next_seq),
        ..ActivityFilter::default()
    };
    let mut from = PageFrom::Start;
    loop {
        let query = FeedQuery { filter: filter.clone(), order: Order::Ascending, from, limit: FEED_PAGE_ROWS };
        let page = lake.page(&query).await?;
        let mut rows = UsageRows::new();
        for row in &page.rows {
            if let Some(event) = serde_json::from_str(&row.raw).ok().and_then(|activity| told(&activity)) {
                rows.push(&event);
            }
        }
        let last = page.rows.last().filter(|_| page.has_more).map(ephor_lake::FeedRow::cursor);
        // The place moves with the last page: until then, what was stored is found again by its ids.
        let cursor = last.is_none().then(|| serde_json::json!({ "next_seq": next_seq }));
        let batch = UsageBatch { source: SOURCE.to_owned(), received_at_micros: now_micros, rows, cursor };
        followed.added += appender.append_usage(batch).await?.added;
        match last {
            Some(cursor) => from = PageFrom::After(cursor),
            None => return Ok(followed),
        }
    }
}

/// The usage that an activity tells of; none unless a person did it.
fn told(activity: &Value) -> Option<UsageEvent> {
    let text = |pointer: &str| activity.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let activity_type = text("/type")?;
    let told = TOLD.iter().find(|told| told.activity_type == activity_type)?;
    if text("/actor/type")? != "user_actor" {
        return None;
    }
    let mut names = Names {
        surface: Some(told.surface.clone()),
        kind: Some(told.kind.clone()),
        organization_id: text("/organization_id"),
        organization_uuid: text("/organization_uuid"),
        user_id: text("/actor/user_id"),
        user_email: text("/actor/email_address"),
        ..Names::default()
    };
    for (field, column) in &told.fields {
        if let Some(slot) = names.slot(column) {
            *slot = activity.get(field).and_then(Value::as_str).map(str::to_owned);
        }
    }
    let created_at = ephor_wire::timestamp::Timestamp::parse(&text("/created_at")?).ok()?;
    Some(UsageEvent {
        id: format!("activity:{}", text("/id")?),
        time_micros: created_at.micros(),
        names,
        ..UsageEvent::default()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ephor_wire::catalogue;
    use ephor_wire::usage::{Surface, UsageKind};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_type_is_in_the_catalogue_and_every_word_is_known() {
        for told in &*TOLD {
            assert!(catalogue::catalogue().get(&told.activity_type).is_some(), "{}", told.activity_type);
            assert!(Surface::of(&told.surface).is_some() && UsageKind::of(&told.kind).is_some());
            for column in told.fields.values() {
                assert!(Names::default().slot(column).is_some(), "{column}");
            }
        }
    }

    #[test]
    fn a_chat_that_a_person_began_is_usage_and_one_by_a_key_is_not() {
        let by = |actor: Value| {
            told(&json!({
                "id": "activity_1", "type": "claude_chat_created", "created_at": "2026-03-10T09:00:00Z", "actor": actor,
                "organization_uuid": "u", "claude_chat_id": "claude_chat_1",
            }))
        };
        let event = by(json!({ "type": "user_actor", "user_id": "user_1", "email_address": "a@example.com" })).unwrap();
        assert_eq!(event.id, "activity:activity_1");
        assert_eq!(event.names.conversation_id.as_deref(), Some("claude_chat_1"));
        assert_eq!(event.counts.count, None, "nothing is added up");
        assert_eq!(by(json!({ "type": "api_actor", "api_key_id": "k" })), None);
    }
}
