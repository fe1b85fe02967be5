//! A page token of a listing, or a cursor of the feed.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| ephor_server::outside_bytes::token(text));
