//! Flags of `ephor policy`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Compare the settings with the policy: each difference, who made it, the way back. Exit code 3 if there is one.
    Check {
        /// The policy. Default: `[detect] policy` of ephor.toml, else policy.toml in the data folder.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Write the settings as they are now as the policy.
    Init {
        /// Into this file, which must not be there yet. Default: as for `check`.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}
