//! Flags of `ephor report`, `ephor schedule` and `ephor roster`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Which: the name of a use case, or `list`.
    pub(crate) name: String,
    /// The first day (YYYY-MM-DD). Default: as many days before the last as the report needs.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// The last day. Default: the newest that has ended and of which the lake holds anything.
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<String>,
    /// Only the people of this group of the directory, by its name or id (adoption-governance and cost-attribution).
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// How it is written. `--format FORM` is the same.
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub(crate) form: Option<Form>,
    /// Into this file instead of standard output; its ending says how, unless --as does.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Only this table of the report: its id. For CSV, which holds one table.
    #[arg(long, value_name = "ID")]
    pub(crate) section: Option<String>,
    /// Show people by pseudonyms, the same within the report's period.
    #[arg(long)]
    pub(crate) pseudonymise: bool,
    /// Keep this report, so that the next one says what has changed.
    #[arg(long)]
    pub(crate) keep: bool,
    /// End with exit code 3 if the main table has rows.
    #[arg(long)]
    pub(crate) fail_on_rows: bool,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For a terminal.
    Table,
    /// One JSON document.
    Json,
    /// One table as CSV.
    Csv,
    /// A workbook with every table.
    Xlsx,
    /// One HTML file with charts.
    Html,
    /// Spending as a FOCUS dataset (cost-attribution only).
    Focus,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleCommand {
    /// Every schedule of ephor.toml: when it is due next, and what came of the last time.
    List,
    /// Make the report of a schedule now and hand it over as the schedule says.
    Run {
        /// Which.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Roster {
    /// Take in who works here from a CSV or JSON file: departments, managers, leavers, leave. It replaces what the same
    /// source said before.
    Import {
        /// The file; `-` is standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// What this list is called.
        #[arg(long, default_value = "roster")]
        source: String,
    },
    /// Everything that is known.
    List,
}
