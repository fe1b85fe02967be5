//! One line of usage NDJSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ephor_sources::outside_bytes::usage_event(bytes));
