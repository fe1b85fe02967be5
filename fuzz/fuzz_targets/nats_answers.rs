//! What a NATS server answers to messages.
#![no_main]

libfuzzer_sys::fuzz_target!(|said: &[u8]| ephor_export::outside_bytes::nats_answers(said));
