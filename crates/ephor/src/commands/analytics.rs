//! `ephor analytics`: count days of usage anew.
//! Needs the lake to itself: a running node does this by itself when a day closes or late facts come.
//! Never changes a fact.

use std::process::ExitCode;
use std::time::Instant;

use ephor_analytics::Analytics;
use ephor_lake::Lake;
use serde::Serialize;

use crate::arguments::{AnalyticsCommand, Global};
use crate::config::{Config, parse_day};
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

#[derive(Debug, Serialize)]
struct Done {
    days: u64,
    rows: u64,
    seconds: f64,
}

pub(super) async fn run(global: &Global, config: &Config, action: AnalyticsCommand) -> Result<ExitCode, Failure> {
    let AnalyticsCommand::Rebuild { from, to } = action;
    let limits = config.analytics.limits()?;
    let (lake, appender) = Lake::open_writer(&config.data_dir(global), config.lake_options()?).await?;
    ephor_sources::follow_activities(&lake, &appender, now_micros()).await?;
    let first_with_usage = lake.usage().days().first().map(|day| day.day);
    let last = to.as_deref().map_or_else(|| Ok(limits.closed_day(now_micros())), parse_day)?;
    let first = from.as_deref().map(parse_day).transpose()?.or(first_with_usage).unwrap_or(last);
    if first > last {
        return Err(Failure::usage(format!("--from {first} is after --to {last}")));
    }
    let analytics = Analytics::open(&lake, config.analytics.options()).await?;
    let started = Instant::now();
    let rebuilt = analytics.rebuild(first, last).await;
    let seconds = started.elapsed().as_secs_f64();
    appender.close().await?;
    let rebuilt = rebuilt?;
    let done = Done { days: rebuilt.days, rows: rebuilt.rows, seconds };
    output::print(global.format, &done, |done| {
        format!("{} days counted anew, {} rows in {:.2} s", done.days, done.rows, done.seconds)
    })?;
    Ok(ExitCode::SUCCESS)
}
