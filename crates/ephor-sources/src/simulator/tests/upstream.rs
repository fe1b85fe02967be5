//! What the simulated upstream promises to a client.
//! Every walk is a whole one, page by page.
//! Nothing here opens a socket.

use std::collections::HashSet;

use ephor_wire::timestamp::Timestamp;
use serde_json::Value;

use super::{SimulatedUpstream, kind, parsed, simulation};

/// Walks a feed to its end and answers the ids in the order of the walk.
fn walk(upstream: &SimulatedUpstream, order: &str, cursor: (&str, &str), start: Option<String>) -> Vec<String> {
    let (parameter, next) = cursor;
    let mut ids = Vec::new();
    let mut at = start;
    loop {
        let mut query = vec![("order".to_owned(), order.to_owned()), ("limit".to_owned(), "997".to_owned())];
        query.extend(at.clone().map(|at| (parameter.to_owned(), at)));
        let answer = upstream.answer("/v1/compliance/activities", &query, Some(upstream.compliance_key()));
        assert_eq!(answer.status, 200);
        let page: Value = serde_json::from_slice(&answer.body).unwrap();
        ids.extend(page["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        if page["has_more"] == false {
            return ids;
        }
        at = page[next].as_str().map(str::to_owned);
    }
}

#[test]
fn a_walk_in_either_direction_sees_every_activity_once() {
    let simulation = simulation(20, 6);
    let upstream = SimulatedUpstream::new(&simulation);
    let expected: Vec<String> = parsed(&simulation).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(walk(&upstream, "asc", ("after_id", "last_id"), None), expected);
    let mut newest_first = walk(&upstream, "desc", ("after_id", "last_id"), None);
    newest_first.reverse();
    assert_eq!(newest_first, expected);
    // From a cursor in the middle, `before_id` of a newest-first walk goes towards now, page by page.
    let middle = &parsed(&simulation)[1000];
    let at = Timestamp::parse(middle["created_at"].as_str().unwrap()).unwrap().micros();
    let cursor = format!("{at}.{}", middle["id"].as_str().unwrap());
    let newer: HashSet<String> = walk(&upstream, "desc", ("before_id", "first_id"), Some(cursor)).into_iter().collect();
    assert_eq!(newer, expected[1001..].iter().cloned().collect());
}

#[test]
fn the_upstream_refuses_like_the_wire() {
    let simulation = simulation(12, 2);
    let upstream = SimulatedUpstream::new(&simulation);
    let ask = |path: &str, query: &[(&str, &str)], key: Option<&str>| {
        let query: Vec<(String, String)> =
            query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let answer = upstream.answer(path, &query, key);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        (answer.status, body["error"]["type"].as_str().unwrap_or("").to_owned())
    };
    let (full, admin) = (Some(upstream.compliance_key()), Some(upstream.admin_key()));
    let feed = "/v1/compliance/activities";
    assert_eq!(ask(feed, &[], None), (401, "authentication_error".to_owned()));
    assert_eq!(ask("/v1/compliance/groups", &[], admin), (403, "permission_error".to_owned()));
    assert_eq!(ask("/v1/organizations/users", &[], admin), (200, String::new()));
    assert_eq!(ask("/v1/compliance/groups/none/members", &[], full), (404, "not_found_error".to_owned()));
    for query in [
        &[("created_at.gte", "2026-11-01")][..],
        &[("limit", "5001")],
        &[("after_id", "1.a"), ("before_id", "1.a")],
        &[("activity_types[]", "a"), ("exclude_activity_types[]", "b")],
        &[("after_id", "nonsense")],
    ] {
        assert_eq!(ask(feed, query, full), (400, "invalid_request_error".to_owned()), "{query:?}");
    }
}

#[test]
fn filters_leave_only_what_was_asked_for() {
    let simulation = simulation(20, 6);
    let upstream = SimulatedUpstream::new(&simulation);
    let rows = parsed(&simulation);
    let user = rows.iter().find_map(|row| row["actor"]["user_id"].as_str()).unwrap().to_owned();
    let query = [
        ("user_ids[]".to_owned(), user.clone()),
        ("activity_types[]".to_owned(), "claude_chat_viewed".to_owned()),
        ("limit".to_owned(), "5000".to_owned()),
    ];
    let answer = upstream.answer("/v1/organizations/activity", &query, Some(upstream.admin_key()));
    let page: Value = serde_json::from_slice(&answer.body).unwrap();
    let expected =
        rows.iter().filter(|row| kind(row) == "claude_chat_viewed" && row["actor"]["user_id"] == user.as_str()).count();
    assert_eq!(page["data"].as_array().unwrap().len(), expected);
}
