//! Flags of `ephor findings`.
//! Every step takes who makes it and why.
//! Never reads a file or the clock: parsing only.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum FindingsCommand {
    /// What was found, the latest first.
    List(FindingsList),
    /// All of one finding: what it rests on, and every step that was made with it.
    Show {
        /// The finding's id (`finding_…`).
        id: String,
    },
    /// Say that somebody is at it.
    Acknowledge(FindingStep),
    /// Say that it was so and has been dealt with. It is open again when more of it is found.
    Resolve(FindingJudged),
    /// Say that it is not what the rule is after. It stays so when more of it is found.
    FalsePositive(FindingJudged),
    /// Take the last judgement back.
    Reopen(FindingStep),
    /// Write a note, or say who deals with it, and leave the status.
    Note(FindingStep),
}

#[derive(Debug, Args)]
pub(crate) struct FindingsList {
    /// Only of this status: open, acknowledged, resolved, false_positive; repeat for several.
    #[arg(long = "status", value_name = "STATUS")]
    pub(crate) statuses: Vec<String>,
    /// Only of this use case, such as `privilege-escalation`; repeat for several.
    #[arg(long = "use-case", value_name = "NAME")]
    pub(crate) use_cases: Vec<String>,
    /// Only of this rule; repeat for several.
    #[arg(long = "rule", value_name = "NAME")]
    pub(crate) rules: Vec<String>,
    /// Only so urgent or more: informational, low, medium, high, critical.
    #[arg(long, value_name = "LEAST")]
    pub(crate) severity: Option<String>,
    /// Only about this: an id, or `type:id` such as `user:user_…`.
    #[arg(long, value_name = "ID")]
    pub(crate) entity: Option<String>,
    /// Only with an activity on this day (YYYY-MM-DD) or later.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// Only with an activity on this day or earlier.
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<String>,
    /// So many at the most.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// End with exit code 3 if one of those listed is open and so urgent or more.
    #[arg(long, value_name = "LEAST")]
    pub(crate) fail_on: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct FindingStep {
    /// The finding's id (`finding_…`).
    pub(crate) id: String,
    /// Why.
    #[arg(long)]
    pub(crate) note: Option<String>,
    /// Who deals with it from now on.
    #[arg(long, value_name = "WHO", conflicts_with = "unassign")]
    pub(crate) assign: Option<String>,
    /// Nobody deals with it any more.
    #[arg(long)]
    pub(crate) unassign: bool,
    /// Who says so. Default: the primary owner.
    #[arg(long = "as", value_name = "EMAIL")]
    pub(crate) by: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct FindingJudged {
    #[command(flatten)]
    pub(crate) step: FindingStep,
    /// For so many days, take what the rule finds of the same subject for judged likewise.
    #[arg(long, value_name = "DAYS")]
    pub(crate) suppress_days: Option<u32>,
}
