//! Usage events on their way in: pushed, imported, or decoded from OpenTelemetry (`otlp`).
//! Promises that what can carry content stays outside, counted by source and field, and that an event counts once.
//! Never guesses: an event without an id, a time, a surface or a kind is refused with the reason.

mod door;
mod intake;
mod push;
#[cfg(test)]
mod stories;

pub use door::{UsageDoor, UsageRefusal};
pub use intake::{OtlpExport, UsageIntake, UsageIntakeError, UsageSender, UsageTaken};
pub use push::UsagePush;

pub(crate) use push::of_organization;
