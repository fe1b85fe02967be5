//! A scheduled report made and handed over: into a folder, to a receiver of HTTPS posts, or by mail.
//! A moment counts as served after its report was handed over; a report handed over twice is the same file or key.
//! Never makes more than the newest report that is owed.

use std::path::Path;

use ephor_export::{Document, Mail, MailFile, Mailer};
use ephor_lake::control::{Control, ScheduleState};
use ephor_reports::{Desk, Discretion, Question, Report, render};
use ephor_wire::timestamp::Timestamp;
use tokio::io::AsyncWriteExt;

use crate::arguments::Form;
use crate::commands::report::{discretion, rendered};
use crate::config::Config;
use crate::export_config::sink_secret;
use crate::failure::Failure;
use crate::schedule_config::{Destination, ScheduleConfig};

/// What came of a schedule at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Served {
    /// The report was handed over, and where to.
    HandedOver(String),
    /// Its main table was empty, and the schedule asks for rows.
    NothingToTell,
}

/// The moment that is owed, if one is.
pub(crate) fn owed(schedule: &ScheduleConfig, state: &ScheduleState, now_micros: i64) -> Result<Option<i64>, Failure> {
    Ok(schedule.timing()?.newest_due(state.settled_until_micros(), now_micros))
}

/// Makes the report of a moment, hands it over, and notes what came of it.
pub(crate) async fn serve(
    schedule: &ScheduleConfig,
    due_micros: i64,
    desk: &Desk,
    config: &Config,
) -> Result<Served, Failure> {
    let schedules = desk.control.schedules();
    match hand_over(schedule, due_micros, desk, config).await {
        Ok(served) => {
            schedules.served(&schedule.name, due_micros, desk.now_micros).await?;
            Ok(served)
        }
        Err(failure) => {
            schedules.failed(&schedule.name, &failure.to_string(), desk.now_micros).await?;
            Err(failure)
        }
    }
}

/// The state of every schedule, in the order of ephor.toml.
pub(crate) async fn states(
    schedules: &[ScheduleConfig],
    control: &Control,
) -> Result<Vec<Option<ScheduleState>>, Failure> {
    let mut states = Vec::new();
    for schedule in schedules {
        states.push(control.schedules().of(&schedule.name).await?);
    }
    Ok(states)
}

async fn hand_over(
    schedule: &ScheduleConfig,
    due_micros: i64,
    desk: &Desk,
    config: &Config,
) -> Result<Served, Failure> {
    let discretion = discretion(desk, config, schedule.pseudonymise).await?;
    let form = schedule.form()?;
    let report = ephor_reports::make(desk, &schedule.report, &Question::default()).await?;
    // Kept once it was handed over: a try that fails must not be what the next one compares itself with.
    let document = schedule.keep.then(|| (report.name, render::json(&report)));
    let served = deliver(schedule, due_micros, (desk, config), (report, form, &discretion)).await?;
    if let Some((name, document)) = document {
        desk.control.kept_reports().keep(name, desk.now_micros, &document).await?;
    }
    Ok(served)
}

async fn deliver(
    schedule: &ScheduleConfig,
    due_micros: i64,
    (desk, config): (&Desk, &Config),
    (report, form, discretion): (Report, Form, &Discretion),
) -> Result<Served, Failure> {
    if schedule.only_with_rows && report.main.table.rows.is_empty() {
        return Ok(Served::NothingToTell);
    }
    let title = report.title.clone();
    let bytes = match form {
        Form::Focus => {
            let mut dataset = Vec::new();
            ephor_reports::focus(desk, &Question::default(), &discretion.names, &mut dataset).await?;
            dataset
        }
        _ => rendered(&discretion.applied_to(report), form, schedule.section.as_deref())?,
    };
    let file = format!("{}-{}.{}", schedule.name, stamp(due_micros), ending(form));
    match schedule.destination()? {
        Destination::Folder(folder) => into_folder(folder, &file, &bytes).await.map(Served::HandedOver),
        Destination::Webhook(receiver) => {
            let document = Document { key: file, media_type: media_type(form), bytes };
            let refused = |why| Failure::new(format!("schedule `{}`: {why}", schedule.name));
            receiver.post(document).await.map_err(refused)?;
            Ok(Served::HandedOver("its receiver".to_owned()))
        }
        Destination::Mail(to) => by_mail(schedule, &to.to, config, (&title, file, bytes, form)).await,
    }
}

/// The report goes as a file with a few words; the same moment has the same `Message-ID`.
async fn by_mail(
    schedule: &ScheduleConfig,
    to: &[String],
    config: &Config,
    (title, file, bytes, form): (&str, String, Vec<u8>, Form),
) -> Result<Served, Failure> {
    let refused = |why| Failure::new(format!("schedule `{}`: {why}", schedule.name));
    let server = config.mail.as_ref().ok_or_else(|| refused("there is no [mail] section".to_owned()))?;
    let mail = Mail {
        id: file.clone(),
        to: to.to_vec(),
        subject: format!("[Ephor] {title}: {file}"),
        text: format!("{title}\n\nThe report is attached. It was made by the schedule `{}`.", schedule.name),
        file: Some(MailFile { name: file, media_type: media_type(form), bytes }),
    };
    Mailer::open(server, sink_secret).map_err(refused)?.send(&mail).await.map_err(refused)?;
    Ok(Served::HandedOver(to.join(", ")))
}

/// A file is there whole or not at all, also after a crash.
async fn into_folder(folder: &Path, file: &str, bytes: &[u8]) -> Result<String, Failure> {
    let path = folder.join(file);
    let failed = |error: std::io::Error| Failure::new(format!("cannot write {}: {error}", path.display()));
    tokio::fs::create_dir_all(folder).await.map_err(failed)?;
    let unfinished = folder.join(format!(".{file}.part"));
    let mut out = tokio::fs::File::create(&unfinished).await.map_err(failed)?;
    out.write_all(bytes).await.map_err(failed)?;
    out.sync_all().await.map_err(failed)?;
    tokio::fs::rename(&unfinished, &path).await.map_err(failed)?;
    Ok(path.display().to_string())
}

/// `2026-11-30T0600Z`: sorts by time and is a file's name everywhere.
fn stamp(micros: i64) -> String {
    let text = Timestamp::from_micros(micros).to_string();
    let (day, time) = text.split_once('T').unwrap_or((&text, "00:00"));
    format!("{day}T{}Z", time.chars().filter(char::is_ascii_digit).take(4).collect::<String>())
}

fn ending(form: Form) -> &'static str {
    match form {
        Form::Table => "txt",
        Form::Json => "json",
        Form::Csv | Form::Focus => "csv",
        Form::Xlsx => "xlsx",
        Form::Html => "html",
    }
}

fn media_type(form: Form) -> &'static str {
    match form {
        Form::Table => "text/plain; charset=utf-8",
        Form::Json => "application/json",
        Form::Csv | Form::Focus => "text/csv; charset=utf-8",
        Form::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Form::Html => "text/html; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::stamp;

    #[test]
    fn files_sort_by_the_moment_they_were_due() {
        let micros = "2026-11-30T06:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
        assert_eq!(stamp(micros), "2026-11-30T0600Z");
    }
}
