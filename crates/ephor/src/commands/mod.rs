//! One file a command, each of the same shape: open what it needs, do the work, print the result.
//! A command that changes the lake closes it before it answers.
//! Never prints half a JSON document: results are printed once, at the end.

mod analytics;
mod collect;
mod console;
mod demo;
mod doctor;
mod import;
mod init;
mod keys;
mod lake;
mod org;
mod proof;
mod simulate;
mod up;

use std::process::ExitCode;

use crate::arguments::{Arguments, Command};
use crate::config::Config;
use crate::failure::Failure;

/// Runs the command that was asked for.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { global, command } = arguments;
    let config = Config::load(&global)?;
    match command {
        Command::Demo(options) => demo::run(&global, &config, &options).await,
        Command::Init(options) => init::run(&global, &config, &options).await,
        Command::Up(options) => up::run(&global, &config, &options).await,
        Command::Doctor => doctor::run(&global, &config).await,
        Command::Import(options) => import::run(&global, &config, options).await,
        Command::Collect(options) => collect::run(&global, &config, &options).await,
        Command::Simulate(options) => simulate::run(&global, &options).await,
        Command::Keys(action) => keys::run(&global, &config, action).await,
        Command::Org(action) => org::run(&global, &config, action).await,
        Command::Console(action) => console::run(&global, &config, action).await,
        Command::Analytics(action) => analytics::run(&global, &config, action).await,
        Command::Lake(action) => lake::run(&global, &config, action).await,
    }
}
