//! A file to import, packed or not: NDJSON, arrays, API pages.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ephor_sources::outside_bytes::import_file(bytes));
