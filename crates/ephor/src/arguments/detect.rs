//! Flags of `ephor detect` and `ephor rules`.
//! Every span is whole days, both ends included.
//! Never reads a file or the clock: parsing only.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Detect {
    /// Put down only what has an activity on this day (YYYY-MM-DD) or later. What lies before is still learned from.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// Put down only what has an activity on this day or earlier.
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Every rule in force.
    List {
        /// Only of this use case, such as `shadow-ai`; repeat for several.
        #[arg(long = "use-case", value_name = "NAME")]
        use_cases: Vec<String>,
    },
    /// Run every rule against its own test events.
    Test {
        /// Only these rules.
        rules: Vec<String>,
    },
    /// Check every rule file: what cannot be read, and what has no test.
    Lint,
    /// Try one rule on what the lake holds, and put nothing down.
    Backtest {
        /// The rule's name.
        rule: String,
        #[command(flatten)]
        span: Detect,
    },
    /// Measure how many activities of a file the rules take in a second. Puts nothing down.
    Pace(Pace),
}

#[derive(Debug, Args)]
pub(crate) struct Pace {
    /// Activities, one JSON object a line.
    pub(crate) file: PathBuf,
    /// Only so many rules, taken from all over the set.
    #[arg(long, value_name = "N")]
    pub(crate) rules: Option<usize>,
    /// What takes them.
    #[arg(long, value_enum, default_value = "ephor")]
    pub(crate) with: Taker,
    /// Write the activities with every field that a rule names, and what each rule selects, into this folder instead.
    #[arg(long, value_name = "DIR")]
    pub(crate) tables: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Taker {
    /// Ephor's engine, from the text of each activity to what is to be told.
    Ephor,
    /// rsigma-eval by itself, from activities that are read and flattened already.
    Rsigma,
}
