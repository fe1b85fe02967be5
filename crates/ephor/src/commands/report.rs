//! `ephor report`: one of the use cases' questions, answered in a form that can be handed on.
//! Reads the lake beside a running node; keeps a report only where it is told to.
//! Never sends anything to anybody.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use ephor_analytics::Analytics;
use ephor_lake::Lake;
use ephor_lake::control::Control;
use ephor_reports::{Desk, Discretion, Group, Names, Question, Report as Made, ReportError, ReportInfo, render};
use rand::TryRngCore;
use rand::rngs::OsRng;

use crate::arguments::{Form, Format, Global, Report};
use crate::config::{Config, parse_day};
use crate::failure::{Failure, found_something};
use crate::node::now_micros;
use crate::output;

pub(super) async fn run(global: &Global, config: &Config, options: Report) -> Result<ExitCode, Failure> {
    if options.name == "list" {
        output::print(global.format, &ephor_reports::catalogue(), |infos| describe(infos))?;
        return Ok(ExitCode::SUCCESS);
    }
    let form = form_of(global, &options)?;
    let desk = desk(config, &config.data_dir(global)).await?;
    let day = |text: &Option<String>| text.as_deref().map(parse_day).transpose();
    let named = |group: &str| Group::named(desk.lake.directory(), config.reports.floor_people, group);
    let group = options.group.as_deref().map(named).transpose()?.map(|group| group.id);
    let question = Question { from: day(&options.from)?, to: day(&options.to)?, group };
    let discretion = discretion(&desk, config, options.pseudonymise).await?;
    if form == Form::Focus {
        if options.name != "cost-attribution" {
            return Err(Failure::usage("FOCUS is a form of the report cost-attribution only"));
        }
        write_focus(&desk, &question, &discretion.names, options.out.as_deref()).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = ephor_reports::make(&desk, &options.name, &question).await?;
    if options.keep {
        let document = render::json(&report);
        desk.control.kept_reports().keep(report.name, desk.now_micros, &document).await?;
    }
    let report = discretion.applied_to(report);
    let found = !report.main.table.rows.is_empty();
    let bytes = rendered(&report, form, options.section.as_deref())?;
    write(options.out.as_deref(), &bytes)?;
    desk.control.close().await;
    Ok(if options.fail_on_rows && found { found_something() } else { ExitCode::SUCCESS })
}

/// Opens everything that reports are made from.
pub(crate) async fn desk(config: &Config, dir: &Path) -> Result<Desk, Failure> {
    let lake = Lake::open_reader(dir).await?;
    let analytics = Analytics::open(&lake, config.analytics.options()).await?;
    let control = Control::open(dir).await?;
    Ok(Desk { lake, control, analytics, now_micros: now_micros(), options: config.reports.options()? })
}

/// What the reader of a report may see.
pub(crate) async fn discretion(desk: &Desk, config: &Config, pseudonymise: bool) -> Result<Discretion, Failure> {
    let names = match pseudonymise {
        false => Names::Shown,
        true => {
            // No panic of ours: it lends the system's randomness to whoever needs a source that cannot fail.
            let mut rng = OsRng.unwrap_err();
            Names::pseudonyms(&desk.control, desk.now_micros, &mut rng).await?
        }
    };
    Ok(Discretion { names, floor_people: config.reports.floor_people })
}

fn form_of(global: &Global, options: &Report) -> Result<Form, Failure> {
    if let Some(form) = options.form {
        return Ok(form);
    }
    let ending = options.out.as_ref().and_then(|path| path.extension()).and_then(|ending| ending.to_str());
    Ok(match (global.format, ending) {
        (Format::Json, _) | (Format::Text, Some("json")) => Form::Json,
        (Format::Csv, _) | (Format::Text, Some("csv")) => Form::Csv,
        (Format::Xlsx, _) | (Format::Text, Some("xlsx")) => Form::Xlsx,
        (Format::Html, _) | (Format::Text, Some("html" | "htm")) => Form::Html,
        (Format::Text, Some("txt") | None) => Form::Table,
        (Format::Text, Some(other)) => {
            return Err(Failure::usage(format!("nothing is known of files that end in .{other}"))
                .hint("say how with --as table, json, csv, xlsx or html"));
        }
    })
}

pub(crate) fn rendered(report: &Made, form: Form, section: Option<&str>) -> Result<Vec<u8>, Failure> {
    let chosen = match section {
        None => &report.main,
        Some(id) => report.section(id).ok_or_else(|| {
            let known = std::iter::once(&report.main).chain(&report.others).map(|section| section.id);
            let known = known.collect::<Vec<_>>().join(", ");
            Failure::usage(format!("the report {} has no table `{id}`; there are {known}", report.name))
        })?,
    };
    Ok(match form {
        Form::Table => match section {
            None => render::text(report).into_bytes(),
            Some(_) => render::table_text(chosen).into_bytes(),
        },
        Form::Json => serde_json::to_vec(&render::json(report))?,
        Form::Csv => render::csv(&chosen.table)?.into_bytes(),
        Form::Xlsx => render::xlsx(report)?,
        Form::Html => render::html(report).into_bytes(),
        Form::Focus => Vec::new(),
    })
}

/// A dataset can be larger than memory: it is written as it is made, and a half of one does not stay.
async fn write_focus(desk: &Desk, question: &Question, names: &Names, out: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = out else {
        return match ephor_reports::focus(desk, question, names, std::io::stdout()).await {
            Err(ReportError::Broken(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        };
    };
    let file = std::fs::File::create(path)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    let written = ephor_reports::focus(desk, question, names, file).await;
    if written.is_err() {
        // What went wrong is told; that the rest of the file stays is not worse than that.
        let _ = std::fs::remove_file(path);
    }
    Ok(written?)
}

pub(super) fn write(out: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
    match out {
        Some(path) => std::fs::write(path, bytes)
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display()))),
        None => {
            let mut stdout = std::io::stdout().lock();
            let end: &[u8] = if bytes.ends_with(b"\n") { b"" } else { b"\n" };
            match stdout.write_all(bytes).and_then(|()| stdout.write_all(end)).and_then(|()| stdout.flush()) {
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
                other => Ok(other?),
            }
        }
    }
}

fn describe(infos: &[ReportInfo]) -> String {
    let rows: Vec<Vec<String>> =
        infos.iter().map(|info| vec![info.name.to_owned(), info.question.to_owned()]).collect();
    output::columns(&rows)
}
