//! What an upstream says when it refuses days.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| ephor_sources::outside_bytes::upstream_refusal(text));
