//! Flags of `ephor export`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ephor_export::What;

use super::evidence::Coverage;

#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// Deliver what waits: to the sinks of ephor.toml, or to a file or standard output named here.
    Run(ExportRun),
    /// How far each sink has come, how fast, and what went wrong last.
    Status,
    /// What a sink would be given of one activity type, without a lake and without sending anything.
    Preview(ExportPreview),
    /// Send a span once more: the same bytes under the same ids. The sink's place stays where it is.
    Replay(ExportReplay),
    /// Tell a sink of the controls of a framework without data in a period. The sink's place stays where it is.
    Gaps(ExportGaps),
    /// Let the records that a receiver refused for good be tried again.
    Retry(ExportRetry),
}

#[derive(Debug, Args)]
pub(crate) struct ExportRun {
    /// `file:PATH`, `stdout`, or a sink of ephor.toml; repeat for several. Default: every sink of ephor.toml.
    #[arg(long = "sink", value_name = "SINK")]
    pub(crate) sinks: Vec<String>,
    /// What records of `file:` and `stdout` look like: ocsf, ocsf@1.3.0, ocsf@1.9.0, ecs, cef, leef, otlp, udm or raw.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) export_format: Option<String>,
    /// What `file:` and `stdout` are given. Default: activities.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) what: Option<WhatIsGiven>,
    /// Catch up and end, instead of going on for ever.
    #[arg(long)]
    pub(crate) once: bool,
    /// Count what waits and send nothing.
    #[arg(long, conflicts_with = "once")]
    pub(crate) dry_run: bool,
}

/// What a sink is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhatIsGiven {
    /// Activities.
    Activities,
    /// Findings, as they stand after each change.
    Findings,
    /// Activities and findings.
    Both,
}

impl From<WhatIsGiven> for What {
    fn from(given: WhatIsGiven) -> Self {
        match given {
            WhatIsGiven::Activities => Self::Activities,
            WhatIsGiven::Findings => Self::Findings,
            WhatIsGiven::Both => Self::Both,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ExportPreview {
    /// The activity type, e.g. api_key_created. A type that nobody knows is shown too.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: String,
    /// What the record looks like: ocsf, ocsf@1.3.0, ocsf@1.9.0, ecs, cef, leef, otlp, udm or raw. Default: the sink's, or ocsf.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) export_format: Option<String>,
    /// With the format and the redaction of this sink of ephor.toml.
    #[arg(long, value_name = "NAME")]
    pub(crate) sink: Option<String>,
    /// The activity itself as JSON in this file, instead of a simulated one of --type.
    #[arg(long, value_name = "FILE")]
    pub(crate) activity: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportReplay {
    /// `file:PATH`, `stdout`, or a sink of ephor.toml.
    #[arg(value_name = "SINK")]
    pub(crate) sink: String,
    /// What records of `file:` and `stdout` look like.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) export_format: Option<String>,
    /// Only activities of this day (YYYY-MM-DD) and later.
    #[arg(long, value_name = "DATE", conflicts_with_all = ["from_seq", "to_seq"])]
    pub(crate) from: Option<String>,
    /// Only activities up to and with this day.
    #[arg(long, value_name = "DATE", conflicts_with_all = ["from_seq", "to_seq"])]
    pub(crate) to: Option<String>,
    /// Only places from this one on, in the order of arrival.
    #[arg(long, value_name = "SEQ")]
    pub(crate) from_seq: Option<u64>,
    /// Only places before this one.
    #[arg(long, value_name = "SEQ")]
    pub(crate) to_seq: Option<u64>,
    /// Count and hash what would be sent, and send nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportGaps {
    #[command(flatten)]
    pub(crate) asked: Coverage,
    /// Also controls for which some of it is held.
    #[arg(long)]
    pub(crate) partial: bool,
    /// `file:PATH`, `stdout`, or a sink of ephor.toml.
    #[arg(long, value_name = "SINK", default_value = "stdout")]
    pub(crate) sink: String,
    /// What records of `file:` and `stdout` look like. Default: ocsf.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) export_format: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportRetry {
    /// The sink's name.
    #[arg(value_name = "SINK")]
    pub(crate) sink: String,
    /// List the dead letters and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Who asks for it. Default: the primary owner.
    #[arg(long = "as", value_name = "EMAIL")]
    pub(crate) by: Option<String>,
}
