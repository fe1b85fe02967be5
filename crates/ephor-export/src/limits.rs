//! Every limit of this room in one place, each with its reason.
//! They bound memory, requests and waiting; none of them loses a record.
//! What a user may change is in [`crate::SinkSettings`], with these as defaults.

use std::time::Duration;

/// Records of one batch, unless the sink's receiver asks for fewer.
pub(crate) const BATCH_EVENTS: usize = 1_000;

/// Bytes of one batch: what every receiver takes in one request, after encoding and before compression.
pub(crate) const BATCH_BYTES: usize = 4 << 20;

/// How long the oldest record waits for a batch to fill.
pub(crate) const BATCH_AGE: Duration = Duration::from_secs(1);

/// Records of one batch of objects: readers of files want few large ones.
pub(crate) const OBJECT_EVENTS: usize = 50_000;

/// Bytes of one batch of objects before they are packed; two batches are in memory at once.
pub(crate) const OBJECT_BYTES: usize = 64 << 20;

/// How long the oldest record waits for more: Security Lake wants files no more often than every five minutes.
pub(crate) const OBJECT_AGE: Duration = Duration::from_secs(300);

/// How often a sink looks for new records: a number in memory, compared.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often a sink looks for findings and for dead letters to be tried again: two small queries.
pub(crate) const ASK_EVERY: Duration = Duration::from_secs(1);

/// Rows that a filter may pass over before the place is saved: a restart reads at most these again.
pub(crate) const PASSED_OVER_ROWS: u64 = 64 << 10;

/// The first pause after a failure, before jitter.
pub(crate) const RETRY_FIRST: Duration = Duration::from_secs(1);

/// The longest pause: a receiver that is back is noticed within it.
pub(crate) const RETRY_LONGEST: Duration = Duration::from_secs(300);

/// Failures in a row after which a run that is to end gives up.
pub(crate) const ATTEMPTS_ONCE: u32 = 5;

/// A batch of at least so many records of which none was acceptable says something about the sink and not about them.
pub(crate) const SUSPICIOUS_RECORDS: usize = 10;

/// Dead letters tried again in one go.
pub(crate) const RETRY_LETTERS: u32 = 500;

/// Characters of a receiver's words that are kept.
pub(crate) const REASON_CHARACTERS: usize = 300;

/// How long a request may take, answer included.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may take to be made.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a TLS receiver may take to say that it does not accept a certificate, where nothing else tells.
pub(crate) const TLS_VERDICT: Duration = Duration::from_secs(1);

/// How long a batch under way may go on after the order to stop; what is not acknowledged by then is sent again.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Findings read and sent at once: an organisation has hundreds, of a few kilobytes each.
pub(crate) const FINDINGS_AT_ONCE: usize = 200;
