//! Flags of `ephor timeline`, `ephor case` and `ephor review`: what people do with what reports say.
//! Every step takes who makes it.
//! Never reads a file or the clock: parsing only.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// What a timeline or a case is about.
#[derive(Debug, Args)]
pub(crate) struct About {
    /// What this person did, by e-mail address or id; repeat for several.
    #[arg(long = "actor", value_name = "WHO")]
    pub(crate) actors: Vec<String>,
    /// What came from this network address; repeat for several.
    #[arg(long = "ip", value_name = "ADDRESS")]
    pub(crate) ips: Vec<String>,
    /// What was done with this API key; repeat for several.
    #[arg(long = "key", value_name = "ID")]
    pub(crate) keys: Vec<String>,
    /// What belongs to this session; repeat for several.
    #[arg(long = "session", value_name = "ID")]
    pub(crate) sessions: Vec<String>,
    /// What names this: a project, file, workspace, connector; repeat for several.
    #[arg(long = "resource", value_name = "ID")]
    pub(crate) resources: Vec<String>,
    /// From this day (YYYY-MM-DD) or instant (RFC 3339) on. Default: 30 days before the end.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Up to this day or instant. Default: the newest activity.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Also what is linked to it by one step: keys that they made, others at the same address within an hour.
    #[arg(long)]
    pub(crate) related: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Timeline {
    #[command(flatten)]
    pub(crate) about: About,
    /// How it is written. `--format FORM` is the same.
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub(crate) form: Option<TimelineForm>,
    /// Into this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Show people by pseudonyms.
    #[arg(long, conflicts_with = "signed")]
    pub(crate) pseudonymise: bool,
    /// The JSON inside a note that the lake's key has signed.
    #[arg(long)]
    pub(crate) signed: bool,
}

/// How a timeline is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimelineForm {
    /// For a terminal.
    Table,
    /// One JSON document.
    Json,
    /// One table as CSV.
    Csv,
    /// A workbook.
    Xlsx,
    /// One HTML file.
    Html,
    /// A STIX 2.1 bundle.
    Stix,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CaseCommand {
    /// Open a case about something.
    Open {
        /// What it is called.
        #[arg(long)]
        title: String,
        #[command(flatten)]
        about: About,
        #[command(flatten)]
        by: By,
    },
    /// Every case, the newest first.
    List,
    /// One case: its pins and notes.
    Show {
        /// The case's id (`case_…`).
        id: String,
    },
    /// Its timeline as it is now.
    Timeline {
        /// The case's id.
        id: String,
        /// How it is written.
        #[arg(long = "as", value_enum, value_name = "FORM")]
        form: Option<TimelineForm>,
        /// Into this file instead of standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Pin an activity to it, with a word on why.
    Pin {
        /// The case's id.
        id: String,
        /// The activity's id.
        activity: String,
        /// Why it matters.
        #[arg(long, default_value = "")]
        note: String,
        #[command(flatten)]
        by: By,
    },
    /// Write something down.
    Note {
        /// The case's id.
        id: String,
        /// What.
        words: String,
        #[command(flatten)]
        by: By,
    },
    /// End it, with what came of it.
    Close {
        /// The case's id.
        id: String,
        /// What came of it.
        #[arg(long)]
        outcome: String,
        #[command(flatten)]
        by: By,
    },
}

/// Who makes a step.
#[derive(Debug, Args)]
pub(crate) struct By {
    /// Who says so. Default: the primary owner.
    #[arg(long = "as-member", value_name = "EMAIL")]
    pub(crate) email: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReviewCommand {
    /// Take a snapshot of who has access to what, and ask for a decision on each.
    Open {
        /// What it is called.
        #[arg(long)]
        name: String,
        /// The day by which it has to be decided (YYYY-MM-DD).
        #[arg(long, value_name = "DATE")]
        due: String,
        /// Who decides where nobody's manager is known. Default: the primary owner.
        #[arg(long, value_name = "EMAIL")]
        reviewer: Option<String>,
        /// Only this: organization_role, group, workspace, project, api_key, connector; repeat for several.
        #[arg(long = "kind", value_name = "KIND")]
        kinds: Vec<String>,
        /// Only privileged access.
        #[arg(long)]
        privileged: bool,
        #[command(flatten)]
        by: By,
    },
    /// Every review, the newest first, with how far it is.
    List,
    /// One review and its items.
    Show {
        /// The review's id (`review_…`).
        id: String,
        /// Only what this person has to decide.
        #[arg(long, value_name = "EMAIL")]
        reviewer: Option<String>,
        /// Only what is not decided.
        #[arg(long)]
        open: bool,
    },
    /// Decide about items: all of those named, or none if one cannot be decided.
    Decide {
        /// The review's id.
        id: String,
        /// An item's number, or a span such as 3-9; repeat for several.
        #[arg(long = "item", value_name = "N", required = true)]
        items: Vec<String>,
        /// What: keep, change, revoke or defer.
        #[arg(long, value_name = "VERDICT")]
        verdict: String,
        /// Why.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        by: By,
    },
    /// End a review: its result is signed and stays as it is.
    Close {
        /// The review's id.
        id: String,
        #[command(flatten)]
        by: By,
    },
    /// Send word by mail to whoever owes a decision, and to the managers of who is late; a running node does it by itself.
    Remind {
        /// Only list who is owed word.
        #[arg(long)]
        dry_run: bool,
    },
    /// Whether what was revoked has gone, and the activity that shows it.
    Removals {
        /// The review's id.
        id: String,
        /// End with exit code 3 if something that was revoked is still there after its time, or was given again.
        #[arg(long)]
        fail_on_overdue: bool,
    },
}
