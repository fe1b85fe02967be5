//! Every flag of every command, documented where it is defined.
//! The command reference in `docs/commands.md` is generated from here.
//! Never reads a file or the clock: parsing only.

mod console;
mod detect;
mod evidence;
mod export;
mod findings;
mod inquiry;
mod lists;
mod notify;
mod policy;
mod proof;
mod report;

pub(crate) use console::Console;
pub(crate) use detect::{Detect, Pace, RulesCommand, Taker};
pub(crate) use evidence::{Build, EvidenceCommand, PeriodFlags, VerifyPackage};
pub(crate) use export::{ExportCommand, ExportGaps, ExportPreview, ExportReplay, ExportRetry, ExportRun};
pub(crate) use findings::{FindingJudged, FindingStep, FindingsCommand, FindingsList};
pub(crate) use inquiry::{About, By, CaseCommand, ReviewCommand, Timeline, TimelineForm};
pub(crate) use lists::ListsCommand;
pub(crate) use notify::NotifyCommand;
pub(crate) use policy::PolicyCommand;
pub(crate) use proof::{Erase, Key, Verify};
pub(crate) use report::{Form, Report, Roster, ScheduleCommand};

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// AI governance that you host yourself: the Compliance API served, collected and kept for good.
#[derive(Debug, Parser)]
#[command(name = "ephor", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The data folder: lake, control database and index. Default: `data_dir` of ephor.toml, else ./ephor-data.
    #[arg(long, global = true, env = "EPHOR_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The configuration file. Default: ephor.toml in the data folder named, here, or in ./ephor-data.
    #[arg(long, global = true, env = "EPHOR_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How results are printed on standard output.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Say more on standard error; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[value(alias = "table")]
    Text,
    /// One JSON document.
    Json,
    /// One table as CSV (reports and timelines).
    Csv,
    /// A workbook (reports and timelines).
    Xlsx,
    /// One HTML file (reports and timelines).
    Html,
}

impl Format {
    /// Whether every command can print like this.
    pub(crate) fn is_for_every_command(self) -> bool {
        matches!(self, Self::Text | Self::Json)
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Simulate an organisation, take its activities in and serve them: the whole of Ephor in one command.
    Demo(Demo),
    /// Make a data folder, an ephor.toml and the first keys.
    Init(Init),
    /// Run the node: serve the Compliance API, take activities in, collect from upstreams.
    Up(Up),
    /// Check configuration, data folder, enablement, keys and upstreams, and say what to do about each.
    Doctor,
    /// Take in activities or usage events from files: NDJSON, API pages, JSON arrays, gzip and zstd; `-` is standard input.
    Import(Import),
    /// Collect from the upstreams of ephor.toml.
    Collect(Collect),
    /// Make the activities of a simulated organisation, or serve them as an upstream.
    Simulate(Simulate),
    /// Run every rule over the lake and put down what is found. A running node does so by itself.
    Detect(Detect),
    /// The rules: list them, test them, try one on history.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Lists that rules ask: approved connectors, restricted workspaces, people who break the glass, any other.
    #[command(subcommand)]
    Lists(ListsCommand),
    /// What detections found: list it, show it, judge it.
    #[command(subcommand)]
    Findings(FindingsCommand),
    /// Who is told of findings: webhook, Slack, Teams, mail.
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Settings against the state that they are meant to be in.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Keys of this Ephor: make, list, rotate, revoke.
    #[command(subcommand)]
    Keys(Keys),
    /// The organization: show it, switch recording on and off, say who may do what.
    #[command(subcommand)]
    Org(Org),
    /// The console: let people in, end their sessions.
    #[command(subcommand)]
    Console(Console),
    /// The lake itself: ask it in SQL, count, compact.
    #[command(subcommand)]
    Lake(LakeCommand),
    /// Evidence for auditors: coverage of a framework, packages, their check.
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// The aggregates behind the Analytics API.
    #[command(subcommand)]
    Analytics(AnalyticsCommand),
    /// Answer one of the questions of the use cases: as a table, JSON, CSV, XLSX or HTML. `report list` names them.
    Report(Report),
    /// Reports that are made and handed over by themselves: when each is due, what came of it.
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    /// Who works here: departments, managers, leavers, leave.
    #[command(subcommand)]
    Roster(Roster),
    /// What happened around a person, an address, a key or a thing, in one order of time.
    Timeline(Timeline),
    /// Incidents: a question to the timeline that is kept, with pins and notes.
    #[command(subcommand)]
    Case(CaseCommand),
    /// Access reviews: who has access to what, who decided about it, and whether what was revoked has gone.
    #[command(subcommand)]
    Review(ReviewCommand),
    /// Hand activities on to a SIEM, in its own format.
    #[command(subcommand)]
    Export(ExportCommand),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8787")]
    pub(crate) listen: SocketAddr,
    /// People in the simulated organisation.
    #[arg(long, default_value_t = 200)]
    pub(crate) users: usize,
    /// Days of activities, up to yesterday.
    #[arg(long, default_value_t = 60)]
    pub(crate) days: usize,
    /// The same seed gives the same organisation.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Requests a minute over all keys, as on the published API.
    #[arg(long, default_value_t = 600)]
    pub(crate) rate_limit: u32,
    /// Exactly that many activities instead of what so many people make in so many days.
    #[arg(long)]
    pub(crate) activities: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The parent organization's name.
    #[arg(long, default_value = "My organization")]
    pub(crate) name: String,
    /// The primary owner's e-mail address: the one person who may switch recording on.
    #[arg(long, default_value = "owner@localhost")]
    pub(crate) owner: String,
    /// Where `ephor up` will listen.
    #[arg(long, default_value = "127.0.0.1:8787")]
    pub(crate) listen: SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Where to listen; overrides `[server] listen`.
    #[arg(long)]
    pub(crate) listen: Option<SocketAddr>,
    /// Serve without TLS on an address that others can reach (behind a proxy that speaks TLS, say).
    #[arg(long)]
    pub(crate) allow_plaintext_public: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Files to take in; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Where lines that cannot be taken in are written. Default: beside each file, as FILE.rejects.ndjson.
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// The name under which the rows are stored in the column `source`.
    #[arg(long, default_value = "import")]
    pub(crate) source: String,
    /// The files hold usage events instead of activities.
    #[arg(long, conflicts_with_all = ["people_of", "directory"])]
    pub(crate) usage: bool,
    /// The files are folders of directory lists instead, as `ephor simulate --out` writes them: people, groups, keys,
    /// settings, and registers of what is approved.
    #[arg(long, conflicts_with = "people_of")]
    pub(crate) directory: bool,
    /// The files list people instead: CSV with a heading, or the JSON of a SCIM service, of this organization (UUID).
    #[arg(long, value_name = "ORG")]
    pub(crate) people_of: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Collect {
    /// Only this upstream of ephor.toml.
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Catch up and end, instead of going on for ever.
    #[arg(long)]
    pub(crate) once: bool,
    /// Go back to this day (YYYY-MM-DD) and no further. Default: as far as the upstream goes.
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// An upstream that is not in ephor.toml: its base URL. The key comes from --key.
    #[arg(long, value_name = "URL", requires = "key")]
    pub(crate) url: Option<String>,
    /// Where the key of --url is: `env:NAME` or `file:PATH`, never the key itself.
    #[arg(long, value_name = "REF", requires = "url")]
    pub(crate) key: Option<String>,
    /// Also take a snapshot of the directory (organizations, users, roles, groups, projects, settings).
    #[arg(long)]
    pub(crate) directory: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// People in the organisation.
    #[arg(long, default_value_t = 200)]
    pub(crate) users: usize,
    /// Days of activities.
    #[arg(long, default_value_t = 60)]
    pub(crate) days: usize,
    /// The day after the last one (YYYY-MM-DD). Default: today.
    #[arg(long, value_name = "DATE")]
    pub(crate) end: Option<String>,
    /// Exactly that many activities.
    #[arg(long)]
    pub(crate) activities: Option<u64>,
    /// One activity of every type of the catalogue besides.
    #[arg(long)]
    pub(crate) all_types: bool,
    /// For benchmarks: only usage events, that many for each person on each day of work, written to usage.ndjson in --out.
    #[arg(long, value_name = "N", conflicts_with_all = ["activities", "all_types", "serve"])]
    pub(crate) usage_per_user: Option<u32>,
    /// Write activities.ndjson, usage.ndjson, directory/ and truth.json into this folder. With --usage-per-user, `-` is
    /// standard output.
    #[arg(long, value_name = "DIR", required_unless_present = "serve")]
    pub(crate) out: Option<PathBuf>,
    /// Serve the organisation as an upstream on this address, for a collector to drain.
    #[arg(long, value_name = "ADDR")]
    pub(crate) serve: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Make a key. It is shown once.
    Create {
        /// What the key is for.
        #[arg(long)]
        name: String,
        /// What it may do; repeat for several, e.g. `--scope read:compliance_activities`.
        #[arg(long = "scope", required = true, value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Reach only this linked organization (id or UUID). Default: the parent and all linked ones.
        #[arg(long, value_name = "ORG")]
        organization: Option<String>,
        /// Days until it expires. Default: never.
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<u32>,
    },
    /// All keys, without their secrets.
    List,
    /// A new secret; the old one works for a while longer.
    Rotate {
        /// The key's id (`apikey_…`).
        id: String,
        /// Hours for which the old secret goes on working.
        #[arg(long, default_value_t = 24)]
        overlap_hours: u32,
    },
    /// End a key: it fails from the next request on.
    Revoke {
        /// The key's id (`apikey_…`).
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Org {
    /// The parent, the linked organizations, who may do what, and since when recording is on.
    Show,
    /// Switch recording on: only the primary owner may, and says under which agreement.
    Enable {
        /// Who does it. Default: the primary owner.
        #[arg(long = "as", value_name = "EMAIL")]
        by: Option<String>,
        /// The NDA or agreement that this rests on.
        #[arg(long, value_name = "REF")]
        agreement: String,
    },
    /// Switch recording off. The time until it is on again is a gap that nothing can fill.
    Disable {
        /// Who does it. Default: the primary owner.
        #[arg(long = "as", value_name = "EMAIL")]
        by: Option<String>,
    },
    /// Switch the Analytics API on and off: only the primary owner may.
    #[command(subcommand)]
    Analytics(AnalyticsTurn),
    /// Give a person a role: primary_owner, owner, admin, analyst, reviewer, auditor, viewer or member.
    Grant {
        /// Whom.
        email: String,
        /// Which role.
        role: String,
        /// Who does it. Default: the primary owner.
        #[arg(long = "as", value_name = "EMAIL")]
        by: Option<String>,
    },
    /// Link an organization under the parent.
    Link {
        /// Its name.
        name: String,
        /// Its UUID, if it has one already.
        #[arg(long)]
        uuid: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AnalyticsTurn {
    /// Answer keys with the scope read:analytics.
    Enable {
        /// Who does it. Default: the primary owner.
        #[arg(long = "as", value_name = "EMAIL")]
        by: Option<String>,
    },
    /// Refuse every request to the Analytics API. Usage is taken in all the same.
    Disable {
        /// Who does it. Default: the primary owner.
        #[arg(long = "as", value_name = "EMAIL")]
        by: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LakeCommand {
    /// Ask the lake: read-only SQL over activities, conflicts, findings and the directory tables.
    Sql {
        /// One SELECT (or WITH, EXPLAIN, SHOW, DESCRIBE).
        statement: String,
    },
    /// What the lake holds, in numbers.
    Stats,
    /// Merge small files into sorted ones; with `[retention]` in ephor.toml, let expired days go.
    Compact,
    /// Check every activity against the tree, and every signature: exit 0 intact, 1 with what is wrong.
    Verify(proof::Verify),
    /// The newest signed checkpoint; one of what is new is signed first, unless a node has the lake open.
    Checkpoint,
    /// Time-stamps of an authority on the checkpoints of sealed days.
    TimeStamps {
        /// Write each as DAY.tsr, and the checkpoint that it is about as DAY.checkpoint, for `openssl ts -verify`.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Proofs that activities are in the log, each with its bytes, and the checkpoint that they lead to. Always JSON.
    Prove {
        /// Ids of activities.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// The keys that sign checkpoints, seals and removals.
    #[command(subcommand)]
    Key(proof::Key),
    /// Take a person out of the activities; the tree and its proofs stay as they are.
    Erase(proof::Erase),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AnalyticsCommand {
    /// Count days of usage anew from their facts; the same facts give the same rows, byte for byte.
    Rebuild {
        /// The first day. Default: the first that has usage.
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
        /// The last day. Default: the newest that has closed.
        #[arg(long, value_name = "DATE")]
        to: Option<String>,
    },
}
