//! Flags of `ephor lists`.

use clap::Subcommand;
use ephor_detect::Since;

use super::By;

#[derive(Debug, Subcommand)]
pub(crate) enum ListsCommand {
    /// What stands on one list, or on all, and where each entry comes from.
    Show {
        /// Only this list.
        #[arg(value_name = "LIST")]
        list: Option<String>,
        /// What stood there once, too, and until when.
        #[arg(long)]
        history: bool,
    },
    /// Put an entry on a list.
    Add {
        /// The list, e.g. approved_connectors.
        #[arg(value_name = "LIST")]
        list: String,
        /// The id of what goes on it, or any text that a field may hold.
        #[arg(value_name = "ID")]
        id: String,
        /// What it is called, where rules may know it by that too.
        #[arg(long)]
        name: Option<String>,
        /// From when on it stands there: `now`, `always`, a day, or a time. `always` withdraws what was found without it.
        #[arg(long, value_name = "WHEN", default_value = "now")]
        since: Since,
        /// Why; told in the feed.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// Take an entry off a list that somebody put there by hand.
    Remove {
        /// The list.
        #[arg(value_name = "LIST")]
        list: String,
        /// The id of what comes off it.
        #[arg(value_name = "ID")]
        id: String,
        /// Why; told in the feed.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        by: By,
    },
}
