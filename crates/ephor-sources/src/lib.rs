//! Where facts come in: files, pushes, upstreams, the simulator; and the door that leaves content outside.
//! Promises that nothing accepted is lost, that nothing comes in twice, and that no content comes in at all.
//! Never asks an upstream for a path that could answer with content.

mod activity_usage;
mod analytics;
mod collector;
mod directory;
mod door;
mod error;
mod files;
mod otlp;
#[cfg(any(test, fuzzing))]
pub mod outside_bytes;
mod push;
pub mod simulator;
mod usage;

pub use activity_usage::{Followed, follow_activities};
pub use analytics::{AnalyticsCollector, AnalyticsCollectorOptions, AnalyticsState, Horizons};
pub use collector::{
    Collector, CollectorOptions, CollectorState, Endpoint, GapAlarm, GapCause, Ledger, OwnRows, Pace, RecordingSwitch,
    Resumed, SourceReport, UpstreamError, UpstreamPath, gap_end,
};
pub use directory::{Listings, directory_key, read_admin_directory, read_compliance_directory, read_export};
pub use door::Door;
pub use error::SourceError;
pub use files::{ImportOptions, ImportProgress, ImportSummary, import, import_usage};
pub use otlp::{ExportLogsServiceRequest, ExportMetricsServiceRequest, OtlpDecodeError, OtlpEncoding, otlp_events};
pub use push::{PUSH_ROWS, PushBatch, PushError, PushFormat, PushResult, PushStatus};
pub use usage::{
    OtlpExport, UsageDoor, UsageIntake, UsageIntakeError, UsagePush, UsageRefusal, UsageSender, UsageTaken,
};
