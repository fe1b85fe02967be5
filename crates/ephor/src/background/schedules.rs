//! Scheduled reports: each made when it is due and handed over, until told to stop.
//! Promises that what fails is tried again with growing pauses, and that one schedule never holds up another for long.
//! Never runs two reports at once: they read the same lake.

use std::time::Duration;

use ephor_analytics::Analytics;
use ephor_lake::Lake;
use ephor_lake::control::{Control, ScheduleState};
use ephor_reports::Desk;
use tokio::sync::watch;

use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::schedule_config::ScheduleConfig;
use crate::scheduling::{self, Served};

/// How often a running node looks whether something is due: cron counts in minutes.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// The pause after a first failure; it doubles with each further one.
const FIRST_PAUSE_MICROS: i64 = 60 * 1_000_000;

/// The longest pause.
const LONGEST_PAUSE_MICROS: i64 = 3600 * 1_000_000;

pub(super) async fn schedules(
    config: Config,
    lake: Lake,
    control: Control,
    analytics: Analytics,
    mut stop: watch::Receiver<bool>,
) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // From now on, what is due is owed, even while the node is off.
    for schedule in &config.schedule {
        match control.schedules().minded(&schedule.name, now_micros()).await {
            Ok(state) => tracing::info!(schedule = schedule.name, since_micros = state.minded_since_micros, "minded"),
            Err(error) => tracing::warn!(schedule = schedule.name, %error, "the schedule is looked at again"),
        }
    }
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.changed() => return,
        }
        for schedule in &config.schedule {
            let looked = tokio::select! {
                looked = look(schedule, &config, &lake, &control, &analytics) => looked,
                _ = stop.changed() => return,
            };
            match looked {
                Ok(Some(Served::HandedOver(to))) => tracing::info!(schedule = schedule.name, to, "report handed over"),
                Ok(Some(Served::NothingToTell)) => tracing::info!(schedule = schedule.name, "report without rows"),
                Ok(None) => {}
                Err(error) => tracing::warn!(schedule = schedule.name, %error, "the report is tried again"),
            }
        }
    }
}

async fn look(
    schedule: &ScheduleConfig,
    config: &Config,
    lake: &Lake,
    control: &Control,
    analytics: &Analytics,
) -> Result<Option<Served>, Failure> {
    let now = now_micros();
    let state = control.schedules().minded(&schedule.name, now).await?;
    if rests(&state, now) {
        return Ok(None);
    }
    let Some(due) = scheduling::owed(schedule, &state, now)? else { return Ok(None) };
    let (lake, control, analytics) = (lake.clone(), control.clone(), analytics.clone());
    let desk = Desk { lake, control, analytics, now_micros: now, options: config.reports.options()? };
    scheduling::serve(schedule, due, &desk, config).await.map(Some)
}

/// Whether the pause after a failure still lasts.
fn rests(state: &ScheduleState, now_micros: i64) -> bool {
    let Some(tried) = state.last_try_at_micros.filter(|_| state.failures_in_a_row > 0) else { return false };
    let doublings = u32::try_from(state.failures_in_a_row - 1).unwrap_or(u32::MAX).min(16);
    let pause = (FIRST_PAUSE_MICROS << doublings).min(LONGEST_PAUSE_MICROS);
    now_micros < tried + pause
}

#[cfg(test)]
mod tests {
    use ephor_lake::control::ScheduleState;

    use super::rests;

    #[test]
    fn pauses_grow_up_to_an_hour() {
        let minute = 60 * 1_000_000;
        let after = |failures: u64, minutes: i64| {
            let state = ScheduleState {
                name: "weekly".to_owned(),
                minded_since_micros: 0,
                served_due_at_micros: None,
                last_try_at_micros: Some(0),
                last_error: None,
                failures_in_a_row: failures,
            };
            rests(&state, minutes * minute)
        };
        assert!(!after(0, 0));
        assert!(after(1, 0) && !after(1, 1));
        assert!(after(3, 3) && !after(3, 4));
        assert!(after(60, 59) && !after(60, 60));
    }
}
