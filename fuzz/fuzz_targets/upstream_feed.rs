//! A page of an upstream's feed.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ephor_sources::outside_bytes::upstream_feed(bytes));
