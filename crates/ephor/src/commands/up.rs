//! `ephor up`: run the node until Ctrl-C or SIGTERM.
//! Prints its address once everything answers.
//! Never listens where others can reach it without TLS, unless told to.

use std::process::ExitCode;

use serde::Serialize;

use crate::arguments::{Format, Global, Up};
use crate::collecting;
use crate::config::Config;
use crate::failure::Failure;
use crate::node::{Node, Serving};
use crate::output;

#[derive(Debug, Serialize)]
struct Running {
    address: String,
    /// Keys are shown when they are made and never again.
    keys: serde_json::Map<String, serde_json::Value>,
}

pub(super) async fn run(global: &Global, config: &Config, options: &Up) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    super::org::existing_control(&dir).await?.close().await;
    let mut server = config.server.clone();
    server.listen = options.listen.unwrap_or(server.listen);
    server.allow_plaintext_public |= options.allow_plaintext_public;
    let node = Node::open(&dir, config).await?;
    let sources = collecting::prepare(config, &node)?;
    let serving = Serving::start(node, &server, config).await?;
    let collectors = collecting::start(sources, &serving.stop_receiver());
    let running = Running { address: serving.address.clone(), keys: serde_json::Map::new() };
    match global.format {
        Format::Json => output::print(global.format, &running, |_| String::new())?,
        _ => output::print_line(&format!("Ephor serves on {}; Ctrl-C stops it", running.address))?,
    }
    serving.until_stopped(collectors).await?;
    Ok(ExitCode::SUCCESS)
}
