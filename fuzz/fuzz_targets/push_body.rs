//! The body of a push of activities or of usage events.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ephor_sources::outside_bytes::push_body(bytes));
