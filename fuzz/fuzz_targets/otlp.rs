//! Any bytes as an export of telemetry: nothing panics, what comes of it are usage events without content, and the same
//! bytes give the same events.
#![no_main]

use ephor_sources::{OtlpEncoding, UsageDoor, otlp_events};
use ephor_wire::content;
use ephor_wire::usage::UsageEvent;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|raw: &[u8]| {
    let Some((choice, body)) = raw.split_first() else { return };
    let encoding = if choice & 1 == 0 { OtlpEncoding::Protobuf } else { OtlpEncoding::Json };
    let door = UsageDoor::new();
    let Ok(events) = otlp_events(body, encoding, &door) else { return };
    for event in &events {
        let mut written = event.to_json();
        assert_eq!(UsageEvent::from_json(written.clone()).as_ref(), Ok(event));
        assert!(content::strip_telemetry(&mut written).is_empty());
    }
    assert_eq!(otlp_events(body, encoding, &door).as_ref(), Ok(&events));
});
