//! Flags of `ephor detect` and `ephor rules`.
//! Every span is whole days, both ends included.
//! Never reads a file or the clock: parsing only.

use clap::{Args, Subcommand};

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
}
