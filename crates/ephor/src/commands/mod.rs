//! One file a command, each of the same shape: open what it needs, do the work, print the result.
//! A command that changes the lake closes it before it answers.
//! Never prints half a JSON document: results are printed once, at the end.

mod analytics;
mod case;
mod collect;
mod console;
mod demo;
pub(crate) mod detect;
mod doctor;
mod evidence;
mod export;
mod export_gaps;
mod findings;
mod import;
mod init;
mod keys;
mod lake;
mod listings;
mod lists;
mod notify;
mod org;
mod pace;
mod policy;
mod proof;
pub(crate) mod report;
mod review;
mod roster;
mod rules;
mod schedule;
mod simulate;
pub(crate) mod timeline;
mod up;

use std::process::ExitCode;

use crate::arguments::{Arguments, Command};
use crate::config::Config;
use crate::failure::Failure;

/// Runs the command that was asked for.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { global, command } = arguments;
    let makes_documents = matches!(command, Command::Report(_) | Command::Timeline(_) | Command::Case(_));
    if !makes_documents && !global.format.is_for_every_command() {
        return Err(Failure::usage(
            "csv, xlsx and html are forms of reports and timelines; here --format is text or json",
        ));
    }
    let config = Config::load(&global)?;
    match command {
        Command::Demo(options) => demo::run(&global, &config, &options).await,
        Command::Init(options) => init::run(&global, &config, &options).await,
        Command::Up(options) => up::run(&global, &config, &options).await,
        Command::Doctor => doctor::run(&global, &config).await,
        Command::Import(options) => import::run(&global, &config, options).await,
        Command::Collect(options) => collect::run(&global, &config, &options).await,
        Command::Simulate(options) => simulate::run(&global, &options).await,
        Command::Detect(options) => detect::run(&global, &config, &options).await,
        Command::Rules(action) => rules::run(&global, &config, action).await,
        Command::Lists(action) => lists::run(&global, &config, action).await,
        Command::Findings(action) => findings::run(&global, &config, action).await,
        Command::Notify(action) => notify::run(&global, &config, action).await,
        Command::Policy(action) => policy::run(&global, &config, action).await,
        Command::Keys(action) => keys::run(&global, &config, action).await,
        Command::Org(action) => org::run(&global, &config, action).await,
        Command::Console(action) => console::run(&global, &config, action).await,
        Command::Analytics(action) => analytics::run(&global, &config, action).await,
        Command::Report(options) => report::run(&global, &config, options).await,
        Command::Schedule(action) => schedule::run(&global, &config, action).await,
        Command::Timeline(options) => timeline::run(&global, &config, &options).await,
        Command::Case(action) => case::run(&global, &config, action).await,
        Command::Review(action) => review::run(&global, &config, action).await,
        Command::Roster(action) => roster::run(&global, &config, action).await,
        Command::Export(action) => export::run(&global, &config, action).await,
        Command::Evidence(action) => evidence::run(&global, &config, action).await,
        Command::Lake(action) => lake::run(&global, &config, action).await,
    }
}
