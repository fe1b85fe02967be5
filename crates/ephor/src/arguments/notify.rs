//! Flags of `ephor notify`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Every notification of ephor.toml: what waits, when it is told, what went wrong last.
    List,
    /// Send a test by this way, now.
    Test {
        /// Which.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Tell what is to be told, once through. A running node does so by itself.
    Run {
        /// Which. Default: every notification of ephor.toml.
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}
