//! Any bytes as an activity: nothing panics, the header agrees with the tree, and what is stripped stays stripped.
#![no_main]

use ephor_wire::activity::Activity;
use ephor_wire::content;
use ephor_wire::header::Header;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let Ok(header) = Header::parse(raw) else { return };
    if let Ok(activity) = serde_json::from_slice::<Activity>(raw) {
        assert_eq!(activity.id.as_str(), header.id);
        assert_eq!(activity.kind, header.kind);
        assert_eq!(activity.created_at.micros(), header.created_at_micros);
    }
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(raw) else { return };
    content::strip(&mut value);
    assert!(content::strip(&mut value).is_empty());
    let cleaned = value.to_string();
    assert!(Header::parse(cleaned.as_bytes()).is_ok_and(|header| !header.carries_content));
});
