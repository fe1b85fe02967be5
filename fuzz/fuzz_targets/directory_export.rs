//! An export of people, CSV or SCIM.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ephor_sources::outside_bytes::directory_export(bytes));
