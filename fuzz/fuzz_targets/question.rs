//! The query of a request, to every endpoint that takes one.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| ephor_server::outside_bytes::question(text));
