//! What reads bytes from outside in this room, as functions over any bytes: for fuzzing, and for the test that runs it a little.
//! Each promises that nothing panics and that what it holds true is true.
//! Never part of a build that is used.

/// What a NATS server says to two messages.
pub fn nats_answers(said: &[u8]) {
    crate::sink::hold_nats_answers(said);
}
