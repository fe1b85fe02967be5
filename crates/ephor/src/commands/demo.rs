//! `ephor demo`: a simulated organisation, taken in and served, in one command.
//! The second start finds its data and its keys; the same seed gives the same organisation.
//! Never touches a data folder that another command has made.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ephor_lake::control::console::{CodeUse, Opens};
use ephor_lake::control::{AnalyticsAccess, Control, Place, Recording};
use ephor_lake::{ActivityRows, AppendBatch, COMMIT_RAW_BYTES, UsageBatch, UsageRows};
use ephor_sources::simulator::{Simulation, SimulationOptions};
use ephor_wire::timestamp::UtcDay;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::init::{self, FirstKeys};
use super::org::actor_named;
use crate::arguments::{Demo, Format, Global};
use crate::config::{Config, Server};
use crate::failure::Failure;
use crate::node::{Node, Serving, now_micros};
use crate::output;
use crate::progress::Progress;

/// What a demo remembers between starts (mode 0600: it holds its keys, which open simulated data only).
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Memory {
    seed: u64,
    users: usize,
    days: usize,
    activities: Option<u64>,
    end: String,
    keys: Keys,
    /// Whether everything has been taken in.
    complete: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Keys {
    analytics: String,
    compliance: String,
    write: String,
    admin: String,
}

#[derive(Debug, Serialize)]
struct Running<'a> {
    address: &'a str,
    keys: &'a Keys,
    truth: String,
    /// Opens the console, signed in.
    console: String,
}

/// The source under which simulated activities are stored.
const SOURCE: &str = "simulator";

pub(super) async fn run(global: &Global, config: &Config, options: &Demo) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    let memory_path = dir.join("demo.json");
    if dir.join("control.sqlite").is_file() && !memory_path.is_file() {
        return Err(Failure::usage(format!("{} belongs to an Ephor that is no demo", dir.display()))
            .hint("name a folder of its own: ephor demo --data-dir demo-data"));
    }
    let node = Node::open(&dir, config).await?;
    let mut memory = recall(&memory_path, options, &node).await?;
    if !memory.complete {
        take_in(&dir, &memory, &node).await?;
        memory.complete = true;
        remember(&memory_path, &memory)?;
    }
    let activities = node.lake.next_seq();
    let server = Server { listen: options.listen, rate_limit_per_minute: options.rate_limit, ..Server::default() };
    let newest = config.analytics.limits()?.newest_day(now_micros());
    // Whatever ephor.toml lies about, a demo keeps all of its days.
    let config = Config { retention: None, ..config.clone() };
    let control = node.control.clone();
    let serving = Serving::start(node, &server, &config).await?;
    let console = way_in(&control, &serving.address, options).await?;
    let truth = dir.join("truth.json").display().to_string();
    let running = Running { address: &serving.address, keys: &memory.keys, truth, console };
    match global.format {
        Format::Json => output::print(global.format, &running, |_| String::new())?,
        _ => output::print_line(&describe(&running, &memory, activities, newest))?,
    }
    serving.until_stopped(Vec::new()).await?;
    Ok(ExitCode::SUCCESS)
}

/// How long a demo's way in works: as long as a demo usually runs, and a week of looking around.
const WAY_IN_DAYS: i64 = 7;

/// A link that opens the console as the demo's owner. On loopback it works as often as it is opened: what it opens is
/// simulated, the same folder holds the demo's keys in the clear, and a newcomer opens a link twice. Elsewhere it works once.
async fn way_in(control: &Control, address: &str, options: &Demo) -> Result<String, Failure> {
    let by = actor_named(control, None).await?;
    let owner = control.members().primary_owner().await?;
    let owner = owner.ok_or_else(|| Failure::new("this demo has no primary owner"))?;
    let works = if options.listen.ip().is_loopback() { CodeUse::UntilItExpires } else { CodeUse::Once };
    let expires_at = now_micros() + WAY_IN_DAYS * 86_400_000_000;
    let code = super::console::code(control, &owner, (Opens::Console, works), expires_at, &by).await?;
    Ok(super::console::link(address, &code))
}

/// What an earlier start left, or a new organization with its keys.
async fn recall(path: &Path, options: &Demo, node: &Node) -> Result<Memory, Failure> {
    if path.is_file() {
        let memory: Memory = serde_json::from_slice(&std::fs::read(path)?)?;
        let asked = (options.seed, options.users, options.days, options.activities);
        if asked != (memory.seed, memory.users, memory.days, memory.activities) {
            tracing::warn!(
                seed = memory.seed,
                users = memory.users,
                days = memory.days,
                "this folder holds another demo; it is served as it is"
            );
        }
        return Ok(memory);
    }
    let end = UtcDay::from_micros(now_micros());
    init::found(&node.control, "Simulated organisation", "primary.owner@example.com").await?;
    let memory = Memory {
        seed: options.seed,
        users: options.users,
        days: options.days,
        activities: options.activities,
        end: end.to_string(),
        keys: init::first_keys(&node.control).await?.into(),
        complete: false,
    };
    remember(path, &memory)?;
    Ok(memory)
}

fn remember(path: &Path, memory: &Memory) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt;
    let aside = path.with_extension("tmp");
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    serde_json::to_writer_pretty(&file, memory)?;
    file.sync_all()?;
    Ok(std::fs::rename(aside, path)?)
}

/// Simulates and stores; what an earlier, interrupted start has stored already is a duplicate now.
async fn take_in(dir: &Path, memory: &Memory, node: &Node) -> Result<(), Failure> {
    let mut options =
        SimulationOptions::new(memory.seed, memory.users, memory.days, crate::config::parse_day(&memory.end)?);
    options.activities_target = memory.activities;
    let simulation = Simulation::new(options);
    store_activities(&simulation, node).await?;
    store_directory(&simulation, node).await?;
    store_usage(&simulation, node).await?;
    ephor_sources::follow_activities(&node.lake, &node.appender, now_micros()).await?;
    std::fs::write(dir.join("truth.json"), serde_json::to_vec_pretty(simulation.truth())?)?;
    let owner = actor_named(&node.control, None).await?;
    node.control.analytics_switch().turn(AnalyticsAccess::On, &owner, now_micros(), &mut rand::rng()).await?;
    if matches!(node.control.enablement().state().await?, Recording::Off) {
        let agreement = "demonstration on simulated data";
        node.control.enablement().enable(agreement, &owner, now_micros(), &mut rand::rng()).await?;
    }
    Ok(())
}

/// Usage events of one commit: a demo of the usual size is two or three.
const USAGE_AT_ONCE: usize = 50_000;

async fn store_activities(simulation: &Simulation, node: &Node) -> Result<(), Failure> {
    let bar = Progress::bytes("simulate", None);
    let (mut read, mut bytes) = (0, 0);
    let mut stream = simulation.activities();
    loop {
        let mut rows = ActivityRows::with_capacity(COMMIT_RAW_BYTES / 512, COMMIT_RAW_BYTES);
        while rows.raw_bytes() < COMMIT_RAW_BYTES {
            let Some((_, raw)) = stream.lend() else { break };
            let admitted = node.door.admit(SOURCE, raw, |raw, header| rows.push(raw, header));
            admitted.map_err(|error| Failure::new(format!("the simulator made an activity that is none: {error}")))?;
        }
        if rows.is_empty() {
            bar.finish();
            return Ok(());
        }
        read += rows.len() as u64;
        bytes += rows.raw_bytes() as u64;
        let batch =
            AppendBatch { source: SOURCE.to_owned(), received_at_micros: now_micros(), rows: vec![rows], cursor: None };
        node.appender.append(batch).await?;
        bar.set(bytes, read);
    }
}

async fn store_usage(simulation: &Simulation, node: &Node) -> Result<(), Failure> {
    let mut events = simulation.usage_events().peekable();
    while events.peek().is_some() {
        let mut rows = UsageRows::new();
        events.by_ref().take(USAGE_AT_ONCE).for_each(|event| rows.push(&event));
        let batch = UsageBatch { source: SOURCE.to_owned(), received_at_micros: now_micros(), rows, cursor: None };
        node.appender.append_usage(batch).await?;
    }
    Ok(())
}

/// The simulated directory becomes the organization's own: its linked organizations, people, roles, groups, projects.
async fn store_directory(simulation: &Simulation, node: &Node) -> Result<(), Failure> {
    let lists = simulation.directory().lists().collect();
    for organization in super::listings::record(&node.lake, &node.control, SOURCE, lists).await? {
        link(node, &organization).await?;
    }
    Ok(())
}

async fn link(node: &Node, row: &Value) -> Result<(), Failure> {
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let parent = node.control.organizations().parent().await?;
    if parent.is_some_and(|parent| parent.uuid.as_str() == text("uuid")) {
        return Ok(());
    }
    let organization = super::org::new_organization(&text("name"), Some(text("uuid")), Place::Linked, now_micros());
    node.control.organizations().ensure(&organization).await?;
    Ok(())
}

impl From<FirstKeys> for Keys {
    fn from(keys: FirstKeys) -> Self {
        Self { analytics: keys.analytics, compliance: keys.compliance, write: keys.write, admin: keys.admin }
    }
}

fn describe(running: &Running<'_>, memory: &Memory, activities: u64, newest: UtcDay) -> String {
    let Running { address, keys, truth, console } = running;
    let pushed = format!(
        r#"{{"id":"activity_hello_{}","created_at":"{}","type":"user_logged_out","actor":{{"type":"user_actor","user_id":"user_hello","email_address":"hello@example.com"}}}}"#,
        memory.seed,
        jiff::Timestamp::now()
    );
    let truth: PathBuf = truth.into();
    format!(
        "Ephor serves {activities} activities of a simulated organisation ({users} people, {days} days, seed {seed}) on {address}\n\
         \n\
         Console: open this link, and you are signed in as the primary owner\n\
         \x20 {console}\n\
         \n\
         Keys (of this demo only)\n\
         \x20 compliance  {compliance}\n\
         \x20 analytics   {analytics}\n\
         \x20 write       {write}\n\
         \x20 admin       {admin}\n\
         \n\
         Try\n\
         curl -sg -H 'x-api-key: {compliance}' '{address}/v1/compliance/activities?limit=2'\n\
         curl -sg -H 'x-api-key: {compliance}' '{address}/v1/compliance/activities?activity_types[]=api_key_created&order=asc'\n\
         curl -sg -H 'x-api-key: {compliance}' '{address}/v1/compliance/organizations'\n\
         curl -sg -H 'x-api-key: {analytics}' '{address}/v1/organizations/analytics/users?date={newest}&limit=2'\n\
         curl -sg -H 'x-api-key: {write}' -H 'content-type: application/x-ndjson' -d '{pushed}' '{address}/ephor/v1/activities'\n\
         curl -sg '{address}/metrics'\n\
         \n\
         What was planted for detections to find: {truth}\n\
         Ctrl-C stops it; the next start finds the data again.",
        users = memory.users,
        days = memory.days,
        seed = memory.seed,
        compliance = keys.compliance,
        analytics = keys.analytics,
        write = keys.write,
        admin = keys.admin,
        truth = truth.display(),
    )
}
