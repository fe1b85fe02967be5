//! What the numbers are for a small organisation, and that nothing about how facts arrive changes them.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use ephor_wire::timestamp::{DAY_MICROS, UtcDay};
use ephor_wire::usage::{Counts, Names, OfficeApp, Surface, UsageEvent, UsageKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::connector_name::ConnectorNames;
use crate::facts::{Column, Context, Facts, Load, Wanted, read_batch};
use crate::frame::JsonProgram;
use crate::groups::{Groups, People};
use crate::listing::{self, Cut, Surroundings};
use crate::prices::PriceList;
use crate::query::{
    BucketWidth, CostDimension, CostFilters, Days, Direction, Filters, GroupBy, Listing, Rank, Reach, Report,
    ReportQuery,
};
use crate::report;

/// 2026-03-10
const DAY: i64 = 20_522;

fn day() -> UtcDay {
    UtcDay::from_micros(DAY * DAY_MICROS)
}

#[expect(clippy::needless_pass_by_value, reason = "a story writes its fields where it tells of them")]
fn event(id: &str, fields: Value) -> UsageEvent {
    let mut event = json!({ "id": id, "time": "2026-03-10T09:00:00Z", "surface": "chat", "kind": "message" });
    for (name, value) in fields.as_object().unwrap() {
        event[name] = value.clone();
    }
    UsageEvent::from_json(event).unwrap()
}

/// Events as the lake would hand them out, `seq` being their place.
fn facts(events: &[(u64, UsageEvent)]) -> Facts {
    let mut fields: Vec<(&str, ArrayRef)> = vec![
        ("seq", Arc::new(events.iter().map(|(seq, _)| Some(seq.cast_signed())).collect::<Int64Array>())),
        ("id", Arc::new(events.iter().map(|(_, event)| Some(event.id.clone())).collect::<StringArray>())),
        ("time", Arc::new(events.iter().map(|(_, e)| Some(e.time_micros)).collect::<TimestampMicrosecondArray>())),
    ];
    for (place, name) in Names::COLUMNS.iter().enumerate() {
        let values = events.iter().map(|(_, event)| event.names.values().nth(place).unwrap().map(str::to_owned));
        fields.push((name, Arc::new(values.collect::<StringArray>())));
    }
    for (place, name) in Counts::COLUMNS.iter().enumerate() {
        let values = events.iter().map(|(_, event)| event.counts.values().nth(place).unwrap());
        fields.push((name, Arc::new(values.collect::<Int64Array>())));
    }
    let batch = RecordBatch::try_from_iter_with_nullable(fields.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let connectors = ConnectorNames::with_aliases([]);
    let people = HashMap::from([("bo@example.com".to_owned(), "user_bo".to_owned())]);
    let load = Load { reach: &Reach::Parent, before_seq: None, columns: Column::ALL, spent: true, rows: Wanted::All };
    let mut facts = Facts::empty();
    read_batch(&mut facts, &batch, 0, &load, &Context { connectors: &connectors, people: &people }).unwrap();
    facts
}

fn numbered(events: Vec<UsageEvent>) -> Vec<(u64, UsageEvent)> {
    (0..).zip(events).collect()
}

fn rows(facts: &Facts, listing: Listing, filters: &Filters, group_by: &[GroupBy]) -> Vec<Value> {
    let people = People {
        email_by_id: HashMap::from([("user_bo".to_owned(), "bo@example.com".to_owned())]),
        ..People::default()
    };
    let (groups, prices) = (Groups::default(), PriceList::with(&[]).unwrap());
    let connectors = ConnectorNames::with_aliases([]);
    let around = Surroundings { people: &people, groups: &groups, connectors: &connectors, prices: &prices };
    let cut = Cut { listing, days: Days::Day(day()), filters, group_by };
    let mut frame = listing::count(facts, &cut, &around).unwrap();
    // The maker of a project is put in when a question is answered.
    frame.replace("created_by", arrow::array::new_null_array(&arrow::datatypes::DataType::Utf8, frame.rows));
    let program = JsonProgram::new(&frame);
    (0..frame.rows)
        .map(|row| {
            let mut json = Vec::new();
            program.write(row, &mut json);
            serde_json::from_slice(&json).unwrap()
        })
        .collect()
}

fn plain(facts: &Facts, listing: Listing) -> Vec<Value> {
    rows(facts, listing, &Filters::default(), &[])
}

#[test]
fn a_person_is_one_row_however_telemetry_names_them() {
    let facts = facts(&numbered(vec![
        event("1", json!({ "user_id": "user_bo", "conversation_id": "c1", "count": 3, "detail": "thinking" })),
        event(
            "2",
            json!({ "user_email": "Bo@Example.com", "surface": "claude_code", "kind": "commit", "session_id": "s1" }),
        ),
        event(
            "3",
            json!({ "user_id": "user_ada", "user_email": "ada@example.com", "kind": "connector_used",
            "connector_name": "GitHub MCP", "conversation_id": "c2" }),
        ),
        event("4", json!({ "user_id": "user_cy", "kind": "other" })),
        event("5", json!({ "surface": "hologram", "user_id": "user_di" })),
        event("6", json!({ "kind": "message" })),
    ]));
    let rows = plain(&facts, Listing::Users);
    assert_eq!(rows.iter().map(|row| row["user"]["id"].as_str().unwrap()).collect::<Vec<_>>(), ["user_bo", "user_ada"]);
    let bo = &rows[0];
    assert_eq!(bo["user"], json!({ "id": "user_bo", "email_address": "Bo@Example.com", "type": "user" }));
    assert_eq!(bo["chat_metrics"]["message_count"], 3);
    assert_eq!(bo["chat_metrics"]["thinking_message_count"], 3);
    assert_eq!(bo["chat_metrics"]["distinct_conversation_count"], 1);
    assert_eq!(bo["claude_code_metrics"]["core_metrics"]["commit_count"], 1);
    assert_eq!(bo["claude_code_metrics"]["core_metrics"]["distinct_session_count"], 1);
    assert_eq!((&bo["last_activity_date"], &bo["distinct_user_count"]), (&json!("2026-03-10"), &Value::Null));
    assert!(bo.get("active_chat").is_none());
    assert_eq!(plain(&facts, Listing::Connectors)[0]["connector_name"], "github");
}

#[test]
fn every_listing_has_all_fields_of_its_shape() {
    let facts = facts(&numbered(vec![
        event(
            "1",
            json!({ "user_id": "user_ada", "user_email": "ada@example.com", "project_id": "claude_proj_1",
            "project_name": "Tides", "conversation_id": "c1", "count": 2 }),
        ),
        event(
            "2",
            json!({ "user_id": "user_ada", "kind": "skill_used", "skill_name": "release-notes",
            "detail": "organization", "conversation_id": "c1" }),
        ),
        event(
            "3",
            json!({ "user_id": "user_ada", "kind": "api_request", "surface": "claude_code", "session_id": "s1",
            "skill_name": "release-notes", "model": "claude-sonnet-4-5", "input_tokens": 1_000_000 }),
        ),
        event(
            "4",
            json!({ "user_id": "user_ada", "kind": "connector_used", "connector_name": "jira", "detail": "read",
            "auth": "managed" }),
        ),
        event(
            "5",
            json!({ "user_id": "user_ada", "kind": "plugin_installed", "surface": "cowork",
            "plugin_name": "lint-kit", "plugin_id": "lint-kit@market" }),
        ),
        event(
            "6",
            json!({ "user_id": "user_ada", "kind": "artifact_created", "artifact_type": "text/markdown",
            "detail": "published" }),
        ),
        event("7", json!({ "user_id": "user_ada", "kind": "artifact_created", "artifact_type": "made/up" })),
    ]));
    insta::assert_json_snapshot!("users", plain(&facts, Listing::Users));
    insta::assert_json_snapshot!("projects", plain(&facts, Listing::Projects));
    insta::assert_json_snapshot!("skills", plain(&facts, Listing::Skills));
    insta::assert_json_snapshot!("connectors", plain(&facts, Listing::Connectors));
    insta::assert_json_snapshot!("plugins", plain(&facts, Listing::Plugins));
    insta::assert_json_snapshot!("artifacts", plain(&facts, Listing::Artifacts));
}

#[test]
fn cuts_and_filters_reach_what_they_name() {
    let facts = facts(&numbered(vec![
        event(
            "1",
            json!({ "user_id": "user_ada", "kind": "skill_used", "skill_name": "Notes", "conversation_id": "c" }),
        ),
        event("2", json!({ "user_id": "user_bo", "kind": "skill_used", "skill_name": "Notes", "surface": "cowork" })),
        event("3", json!({ "user_id": "user_bo", "kind": "skill_used", "skill_name": "other", "surface": "cowork" })),
    ]));
    let by_product = rows(&facts, Listing::Skills, &Filters::default(), &[GroupBy::Product, GroupBy::User]);
    let told = |row: &Value| format!("{} {} {}", row["skill_name"], row["product"], row["user_id"]).replace('"', "");
    let told: Vec<String> = by_product.iter().map(told).collect();
    assert_eq!(told, ["Notes chat user_ada", "Notes cowork user_bo", "other cowork user_bo"]);
    let named = Filters { skill_names: vec!["NOTES".to_owned()], ..Filters::default() };
    assert_eq!(rows(&facts, Listing::Skills, &named, &[])[0]["distinct_user_count"], 2);
    let cowork = Filters { surfaces: vec![Surface::Cowork], ..named };
    assert_eq!(rows(&facts, Listing::Skills, &cowork, &[])[0]["distinct_user_count"], 1);
}

#[test]
fn a_counter_that_repeats_what_requests_told_counts_nothing() {
    let request = json!({ "kind": "api_request", "surface": "claude_code", "user_id": "user_bo", "session_id": "s1",
        "model": "claude-sonnet-4-5", "input_tokens": 1_000, "output_tokens": 10, "cost_usd": "0.5" });
    let counter = |session: &str| {
        json!({ "kind": "api_usage", "surface": "claude_code", "user_id": "user_bo", "session_id": session,
            "model": "claude-sonnet-4-5", "input_tokens": 1_000 })
    };
    let facts = facts(&numbered(vec![event("1", request), event("2", counter("s1")), event("3", counter("s2"))]));
    let asked = |report: Report, group_by: Vec<CostDimension>| {
        let query = ReportQuery {
            report,
            reach: Reach::Parent,
            from_micros: DAY * DAY_MICROS,
            to_micros: (DAY + 1) * DAY_MICROS,
            bucket_width: matches!(report, Report::Usage | Report::Cost).then_some(BucketWidth::Day),
            group_by,
            filters: CostFilters::default(),
            rank: Rank::Amount,
            direction: Direction::Descending,
            exclude_deleted_users: false,
            as_of: None,
        };
        let (people, groups, prices) = (People::default(), Groups::default(), PriceList::with(&[]).unwrap());
        let around = report::Surroundings { groups: &groups, prices: &prices };
        let rows = report::rows(report::count(&facts, day(), &query, &around), &query, &people);
        rows.iter().map(|row| serde_json::from_slice(&row.json).unwrap()).collect::<Vec<Value>>()
    };
    let usage = &asked(Report::Usage, vec![])[0]["results"][0];
    assert_eq!(usage["uncached_input_tokens"], 2_000);
    assert_eq!(usage["requests"], 1);
    let cost = &asked(Report::Cost, vec![])[0]["results"][0];
    // What was told, and the list price of what only a counter tells: 1,000 tokens at 3 dollars a million.
    assert_eq!(cost["amount"], "50.300000");
    let parts = asked(Report::Cost, vec![CostDimension::CostType, CostDimension::TokenType]);
    let cents = |row: &Value| row["amount"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
    let sum: i64 = parts[0]["results"].as_array().unwrap().iter().map(cents).sum();
    assert_eq!(sum, 50_300_000, "the parts sum up to the whole");
    assert_eq!(asked(Report::UserCost, vec![])[0]["actor"]["user_id"], "user_bo");
}

fn any_event() -> impl Strategy<Value = UsageEvent> {
    let one_of = |words: &'static [&'static str]| proptest::sample::select(words);
    let surfaces: Vec<&str> = Surface::ALL.iter().map(|surface| surface.as_str()).chain(["hologram"]).collect();
    let kinds: Vec<&str> = UsageKind::ALL.iter().map(|kind| kind.as_str()).chain(["waved"]).collect();
    let apps: Vec<&str> = OfficeApp::ALL.iter().map(|app| app.as_str()).collect();
    (
        proptest::sample::select(surfaces),
        proptest::sample::select(kinds),
        proptest::sample::select(apps),
        one_of(&["user_ada", "user_bo", ""]),
        one_of(&["a", "b", "c", ""]),
        one_of(&["read", "accept", "added", "thinking", "success", "public", "agents_view", "x"]),
        one_of(&["edit_tool", "write_tool", "bash"]),
        // Few instants, so that ties are common.
        (0i64..5, 0i64..8),
    )
        .prop_map(|(surface, kind, app, user, entity, detail, tool, (count, instant))| {
            let fields = json!({
                "surface": surface, "kind": kind, "app": app, "user_id": user, "detail": detail, "tool": tool,
                "count": count, "conversation_id": entity, "session_id": entity, "project_id": entity,
                "skill_name": entity, "connector_name": entity, "plugin_name": entity, "artifact_id": entity,
                "model": "claude-sonnet-4-5", "input_tokens": count * 1_000, "display_name": detail, "plugin_id": tool,
                "project_name": detail, "user_email": format!("{entity}@{detail}"),
            });
            let mut event = event("", fields_with_id(fields));
            event.time_micros = DAY * DAY_MICROS + instant * 10_000_000_000;
            event
        })
}

fn fields_with_id(mut fields: Value) -> Value {
    fields["id"] = json!("placeholder");
    fields
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The order of arrival decides nothing: the same facts, stored in another order, give the same numbers.
    #[test]
    fn any_order_of_facts_gives_the_same_numbers(
        (events, shuffled) in proptest::collection::vec(any_event(), 0..60).prop_flat_map(|events| {
            let named = |(number, event): (usize, UsageEvent)| UsageEvent { id: format!("e{number}"), ..event };
            let events: Vec<UsageEvent> = events.into_iter().enumerate().map(named).collect();
            (Just(events.clone()), Just(events).prop_shuffle())
        })
    ) {
        let (one, other) = (facts(&numbered(events)), facts(&numbered(shuffled)));
        for listing in crate::days::LISTINGS {
            prop_assert_eq!(plain(&one, listing), plain(&other, listing));
            let cut = [GroupBy::User];
            prop_assert_eq!(
                rows(&one, listing, &Filters::default(), &cut),
                rows(&other, listing, &Filters::default(), &cut)
            );
        }
    }
}
