//! Flags of what proves the lake: `ephor lake verify|key|erase`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Read rows whole from this day on (YYYY-MM-DD); of earlier ones only that they are there.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// Read rows whole up to and including this day.
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<String>,
    /// A checkpoint kept elsewhere (by a witness, in a package): the lake must continue it. Repeat for several.
    #[arg(long = "checkpoint", value_name = "FILE")]
    pub(crate) checkpoints: Vec<PathBuf>,
    /// The public key that is trusted, from outside the folder. Default: the one that the folder names.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// The public keys, oldest first: give the first to whoever verifies.
    Show {
        /// As PEM, for openssl.
        #[arg(long)]
        pem: bool,
    },
    /// Hand over to a new key, signed by both. The new key is written to FILE, or into the place of the old one.
    Rotate {
        /// Where the new key goes (mode 0600). Default: the data folder's own.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Erase {
    /// Whom: a `user_…` id or an e-mail address; repeat for all that name the same person.
    #[arg(long = "person", required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Why, in words that name nobody, e.g. the number of the request. It is signed and kept.
    #[arg(long)]
    pub(crate) reason: String,
    /// Who does it. Default: the primary owner.
    #[arg(long = "as", value_name = "EMAIL")]
    pub(crate) by: Option<String>,
    /// Without it, only say how many activities name the person.
    #[arg(long)]
    pub(crate) yes: bool,
}
