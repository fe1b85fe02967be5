//! Any text as a time or a day: nothing panics, and what is a time is written back as the same instant.
#![no_main]

use ephor_wire::timestamp::{Timestamp, UtcDay};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(time) = Timestamp::parse(text) {
        assert_eq!(time.as_str(), text);
        assert_eq!(Timestamp::from_micros(time.micros()).micros(), time.micros());
    }
    let _ = text.parse::<UtcDay>();
});
