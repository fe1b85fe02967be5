//! The `ephor` command: reads flags and configuration, wires the rooms together, prints what came of it.
//! Results go to standard output, logs and progress to standard error; exit codes are 0, 1, 2 and 3 (see `failure`).
//! Never holds logic that another program could want: that lives in the library crates.

mod analytics_config;
mod arguments;
mod background;
mod collecting;
mod commands;
mod config;
mod console_config;
mod detect_config;
mod evidence_config;
mod export_config;
mod failure;
mod node;
mod notify_config;
mod origin_config;
mod output;
mod progress;
mod proof_config;
mod reminding;
mod reports_config;
mod schedule_config;
mod scheduling;
mod time_stamping;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use failure::Failure;

/// Imports allocate in bursts on many threads; this allocator gives the memory back sooner than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    output::start_logging(arguments.global.verbose);
    // Two TLS providers are linked in (object_store brings one, the Delta kernel the other): rustls wants to be told.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(arguments) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the runtime could not start: {error}")))?;
    let result = runtime.block_on(commands::run(arguments));
    // Blocking reads that are still under way must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    result
}
