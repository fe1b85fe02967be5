//! `ephor simulate`: an organisation and its days, written as files or served as an upstream.
//! The same seed gives the same bytes, everywhere and always.
//! Never touches a lake.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use ephor_sources::simulator::{Simulation, SimulationOptions, UsageCrowd};
use ephor_wire::timestamp::UtcDay;

use crate::arguments::{Global, Simulate};
use crate::config::parse_day;
use crate::failure::Failure;
use crate::output;

pub(super) async fn run(global: &Global, options: &Simulate) -> Result<ExitCode, Failure> {
    let end = match &options.end {
        Some(day) => parse_day(day)?,
        None => UtcDay::from_micros(jiff::Timestamp::now().as_microsecond()),
    };
    let simulated = SimulationOptions {
        seed: options.seed,
        users: options.users,
        days: options.days,
        end,
        activities_target: options.activities,
        all_types: options.all_types,
    };
    if let (Some(per_user), Some(out)) = (options.usage_per_user, &options.out) {
        return crowd(global, &UsageCrowd::new(&simulated, per_user), out);
    }
    let simulation = Simulation::new(simulated);
    if let Some(out) = &options.out {
        let written = simulation.write_out(out)?;
        output::print(global.format, &written, |written| {
            format!("{} activities in {}", written.activities, out.display())
        })?;
    }
    if let Some(address) = options.serve {
        serve(global, &simulation, address).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Usage events alone, into a folder or for the next command of a pipe.
fn crowd(global: &Global, crowd: &UsageCrowd, out: &Path) -> Result<ExitCode, Failure> {
    if out == Path::new("-") {
        crowd.write(&mut std::io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    let written = crowd.write_out(out)?;
    output::print(global.format, &written, |written| {
        format!("{} usage events in {}", written.usage_events, out.display())
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(global: &Global, simulation: &Simulation, address: std::net::SocketAddr) -> Result<(), Failure> {
    let upstream = Arc::new(ephor_sources::simulator::SimulatedUpstream::new(simulation));
    let listener = tokio::net::TcpListener::bind(address).await?;
    let line = serde_json::json!({ "address": format!("http://{}", listener.local_addr()?), "key": upstream.compliance_key(), "admin_key": upstream.admin_key() });
    output::print(global.format, &line, |line| {
        format!(
            "simulated upstream on {}; any request with x-api-key: {}",
            line["address"].as_str().unwrap_or(""),
            line["key"].as_str().unwrap_or("")
        )
    })?;
    Ok(ephor_server::serve_upstream(upstream, listener, crate::node::stop_signal()).await?)
}
