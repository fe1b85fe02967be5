//! Flags of `ephor console`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Console {
    /// Make a code with which a person sets up how they sign in to the console: a passkey, or a password with one-time passwords.
    Invite {
        /// Whom.
        email: String,
        /// Their role, if they are no member yet: owner, admin, analyst, reviewer, auditor or viewer.
        #[arg(long)]
        role: Option<String>,
        /// Hours for which the code works, once.
        #[arg(long, default_value_t = 24)]
        valid_hours: u32,
        /// Who does it. Default: the primary owner.
        #[arg(long = "as", value_name = "EMAIL")]
        by: Option<String>,
    },
    /// End every session that a person has in the console.
    SignOut {
        /// Whose.
        email: String,
        /// Who does it. Default: the primary owner.
        #[arg(long = "as", value_name = "EMAIL")]
        by: Option<String>,
    },
}
