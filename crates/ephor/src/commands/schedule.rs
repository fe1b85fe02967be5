//! `ephor schedule`: the scheduled reports of ephor.toml, when each is due next, what came of the last; one made now.
//! Reads beside a running node, which makes them by itself.

use std::process::ExitCode;

use ephor_lake::control::ScheduleState;
use ephor_wire::timestamp::Timestamp;
use serde::Serialize;

use crate::arguments::{Global, ScheduleCommand};
use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;
use crate::schedule_config::{self, ScheduleConfig};
use crate::scheduling::{self, Served};

#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a str,
    report: &'a str,
    cron: &'a str,
    time_zone: &'a str,
    form: &'a str,
    next_due_at: Option<String>,
    served_due_at: Option<String>,
    failures_in_a_row: u64,
    last_error: Option<String>,
}

pub(super) async fn run(global: &Global, config: &Config, action: ScheduleCommand) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    match action {
        ScheduleCommand::List => {
            let control = super::org::existing_control(&dir).await?;
            let states = scheduling::states(&config.schedule, &control).await?;
            let listed = config.schedule.iter().zip(states).map(|(schedule, state)| listed(schedule, state));
            let listed = listed.collect::<Result<Vec<_>, Failure>>()?;
            output::print(global.format, &listed, |listed| table(listed))?;
            control.close().await;
        }
        ScheduleCommand::Run { name } => {
            let schedule = schedule_config::named(&name, &config.schedule)?;
            let desk = super::report::desk(config, &dir).await?;
            desk.control.schedules().minded(&name, desk.now_micros).await?;
            let served = scheduling::serve(schedule, desk.now_micros, &desk, config).await?;
            let to = match &served {
                Served::HandedOver(to) => Some(to.as_str()),
                Served::NothingToTell => None,
            };
            let told = serde_json::json!({ "schedule": name, "handed_over_to": to });
            output::print(global.format, &told, |_| match to {
                Some(to) => format!("{name}: handed over to {to}"),
                None => format!("{name}: the main table has no rows, and only_with_rows is set"),
            })?;
            desk.control.close().await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(schedule: &ScheduleConfig, state: Option<ScheduleState>) -> Result<Listed<'_>, Failure> {
    let now = now_micros();
    let time = |micros: i64| Timestamp::from_micros(micros).to_string();
    Ok(Listed {
        name: &schedule.name,
        report: &schedule.report,
        cron: &schedule.cron,
        time_zone: &schedule.time_zone,
        form: &schedule.form_name,
        next_due_at: schedule.timing()?.next_after(now).map(time),
        served_due_at: state.as_ref().and_then(|state| state.served_due_at_micros).map(time),
        failures_in_a_row: state.as_ref().map_or(0, |state| state.failures_in_a_row),
        last_error: state.and_then(|state| state.last_error),
    })
}

fn table(listed: &[Listed<'_>]) -> String {
    if listed.is_empty() {
        return "no schedules: a [[schedule]] of ephor.toml makes one (docs/reports.md)".to_owned();
    }
    let mut rows = vec![["NAME", "REPORT", "WHEN", "NEXT", "LAST SERVED", "LAST ERROR"].map(str::to_owned).to_vec()];
    rows.extend(listed.iter().map(|schedule| {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        vec![
            schedule.name.to_owned(),
            schedule.report.to_owned(),
            format!("{} {}", schedule.cron, schedule.time_zone),
            text(&schedule.next_due_at),
            text(&schedule.served_due_at),
            text(&schedule.last_error),
        ]
    }));
    output::columns(&rows)
}
