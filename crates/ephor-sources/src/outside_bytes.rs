//! What reads bytes from outside, held against any bytes at all: the fuzz targets under `fuzz/` call these functions, and the
//! tests here call them with a few thousand inputs.
//! Each promises that nothing panics, that what was let in is what it should be, and that content stayed outside.
//! Never part of a build that ships.

use bytes::Bytes;
use ephor_wire::content;
use ephor_wire::header::Header;
use ephor_wire::usage::UsageEvent;

use crate::push::{PushBatch, PushFormat};
use crate::usage::UsagePush;
use crate::{Door, UsageDoor};

/// A file to import, packed or not: its rows come out whole, and each goes through its door or is refused.
pub fn import_file(input: &[u8]) {
    let Ok(rows) = crate::files::rows_of(input.to_vec()) else { return };
    for raw in rows.iter().filter_map(|(_, row)| row.as_deref().ok()) {
        assert!(!raw.is_empty());
        activity(raw);
        usage_event(raw);
    }
}

/// One row at the door for activities.
pub fn activity(raw: &[u8]) {
    let admitted = Door::new().admit("fuzz", raw, |stored, header| {
        assert!(std::str::from_utf8(stored).is_ok(), "what is stored is text");
        assert_eq!(Header::parse(stored).as_ref(), Ok(header));
        assert!(!header.carries_content && !header.id.is_empty());
    });
    if let Err(refused) = admitted {
        assert!(!refused.to_string().is_empty(), "a refusal has a reason");
    }
}

/// One row at the door for usage events.
pub fn usage_event(raw: &[u8]) {
    let Ok(event) = UsageDoor::new().admit("fuzz", raw) else { return };
    let mut written = event.to_json();
    assert_eq!(UsageEvent::from_json(written.clone()).as_ref(), Ok(&event));
    assert!(content::strip_telemetry(&mut written).is_empty());
}

/// The body of a push: a result for each row, whatever the body is.
pub fn push_body(body: &[u8]) {
    for format in [PushFormat::Ndjson, PushFormat::JsonArray] {
        if let Ok(batch) = PushBatch::parse(body, format, "fuzz", &Door::new()) {
            let rows = batch.rows.len();
            assert!(rows <= batch.into_rejections().len());
        }
        for organization in [None, Some("11111111-1111-4111-8111-111111111111")] {
            if let Ok(push) = UsagePush::parse(body, format, "fuzz", organization, &UsageDoor::new()) {
                let rows = push.rows.len();
                assert!(rows <= push.into_rejections().len());
            }
        }
    }
}

/// A page of an upstream's feed.
pub fn upstream_feed(body: &[u8]) {
    crate::collector::hold_feed_page(&Bytes::copy_from_slice(body));
}

/// A page of an upstream's Analytics API, of every endpoint.
pub fn upstream_analytics(body: &[u8]) {
    crate::analytics::hold_analytics_page(&Bytes::copy_from_slice(body));
}

/// What an upstream says when it refuses days.
pub fn upstream_refusal(message: &str) {
    crate::analytics::hold_refusal(message);
}

/// An export of people, CSV or SCIM: whoever comes out of it has an address and an id.
pub fn directory_export(file: &[u8]) {
    let Ok(people) = crate::directory::people(std::path::Path::new("people"), file) else { return };
    for person in people {
        assert!(person["email"].as_str().is_some_and(|email| email.contains('@')));
        assert!(!person["id"].is_null());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Inputs that are right, to be bent.
    const SEEDS: &[&str] = &[
        r#"{"id":"activity_1","created_at":"2026-01-02T03:04:05Z","type":"claude_chat_created","actor":{"type":"user_actor","user_id":"user_1"},"title":"x"}"#,
        r#"{"id":"e1","time":"2026-11-23T12:00:00Z","surface":"chat","kind":"message","user_id":"user_1","count":2,"prompt":"x"}"#,
        r#"{"data":[{"id":"activity_1","created_at":"2026-01-02T03:04:05Z","type":"compliance_api_accessed","request_id":"req_1","actor":{"api_key_id":"apikey_1"}}],"has_more":true,"first_id":"a","last_id":"b"}"#,
        r#"{"data":[{"starting_at":"2026-03-10T00:00:00Z","ending_at":"2026-03-11T00:00:00Z","results":[{"model":"a"}]}],"has_more":false,"next_page":"page_2"}"#,
        r#"{"summaries":[{"starting_at":"2026-03-10T00:00:00Z"}]}"#,
        "email;id;status\nada@example.com;u1;yes\nbo@example.com;u2;no\n",
        r#"{"Resources":[{"id":"u1","userName":"a@example.com","active":false,"emails":[{"value":"a@example.com","primary":true}]}]}"#,
        "date: the newest available day is 2026-03-11, not March 12th, 2026",
        "[{\"id\":1},\n[],{\"data\":[{}]}]",
    ];

    fn bent() -> impl Strategy<Value = Vec<u8>> {
        let edit = (any::<prop::sample::Index>(), 0_u8..4, any::<u8>());
        let bend = |(seed, edits): (&str, Vec<(prop::sample::Index, u8, u8)>)| {
            let mut bytes = seed.as_bytes().to_vec();
            for (place, how, byte) in edits {
                let at = if bytes.is_empty() { 0 } else { place.index(bytes.len()) };
                match how {
                    0 => bytes.insert(at, byte),
                    1 if at < bytes.len() => bytes[at] = byte,
                    2 if at < bytes.len() => drop(bytes.remove(at)),
                    3 => bytes.extend_from_within(at..),
                    _ => {}
                }
            }
            bytes
        };
        let seeds = (prop::sample::select(SEEDS), prop::collection::vec(edit, 0..6)).prop_map(bend);
        prop_oneof![3 => seeds, 1 => prop::collection::vec(any::<u8>(), 0..200)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn any_bytes_are_read_or_refused(bytes in bent()) {
            for read in [import_file, activity, usage_event, push_body, upstream_feed, upstream_analytics, directory_export] {
                read(&bytes);
            }
            upstream_refusal(&String::from_utf8_lossy(&bytes));
        }
    }
}
