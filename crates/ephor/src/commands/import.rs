//! `ephor import`: activities or usage events from files into the lake, each id once, bad lines set aside and the rest
//! taken in.
//! Done means durable; running it again adds nothing.
//! Never loads a file whole: memory does not depend on its size.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use ephor_lake::control::Control;
use ephor_lake::{Appender, Lake};
use ephor_sources::{Door, ImportOptions, ImportProgress, ImportSummary, UsageDoor};
use serde_json::Value;

use crate::arguments::{Global, Import};
use crate::config::Config;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;

pub(super) async fn run(global: &Global, config: &Config, options: Import) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    let (lake, appender) = Lake::open_writer(&dir, config.lake_options()?).await?;
    let result = match options.people_of.clone() {
        Some(organization) => import_people(global, &options, &organization, &lake).await,
        None if options.directory => import_directory(global, &options, &lake, &dir).await,
        None if options.usage => import_usage(global, options, &appender).await,
        None => import_activities(global, options, &appender).await,
    };
    appender.close().await?;
    result.map(|()| ExitCode::SUCCESS)
}

async fn import_activities(global: &Global, options: Import, appender: &Appender) -> Result<(), Failure> {
    let door = Arc::new(Door::new());
    let (options, bar) = watched(options);
    let summary = ephor_sources::import(options, appender, &door).await;
    bar.finish();
    print(global, &summary?, door.stripped(), "conflicts")
}

/// Each folder's lists replace what was imported under the same source before.
async fn import_directory(global: &Global, options: &Import, lake: &Lake, dir: &Path) -> Result<(), Failure> {
    let control = Control::open(dir).await?;
    let mut rows = 0;
    for folder in &options.files {
        let lists = super::listings::read(folder)?;
        rows += lists.iter().map(|list| list.rows.len()).sum::<usize>();
        super::listings::record(lake, &control, &options.source, lists).await?;
    }
    control.close().await;
    output::print(global.format, &serde_json::json!({ "directory_rows": rows }), |_| {
        format!("{rows} rows of the directory")
    })
}

async fn import_usage(global: &Global, options: Import, appender: &Appender) -> Result<(), Failure> {
    let door = Arc::new(UsageDoor::new());
    let (options, bar) = watched(options);
    let summary = ephor_sources::import_usage(options, appender, &door).await;
    bar.finish();
    print(global, &summary?, door.dropped(), "usage_conflicts")
}

fn print(
    global: &Global,
    summary: &ImportSummary,
    left_out: Vec<(String, u64)>,
    conflicts: &str,
) -> Result<(), Failure> {
    for (field, count) in left_out {
        eprintln!("`{field}` left out {count} times: it can carry content, which Ephor never keeps");
    }
    output::print(global.format, summary, |summary| describe(summary, conflicts))
}

/// Every file is a full listing of the organization's people: who is in none of them any more has been removed.
async fn import_people(global: &Global, options: &Import, organization: &str, lake: &Lake) -> Result<(), Failure> {
    let mut changes = Vec::new();
    for file in &options.files {
        let listing = ephor_sources::read_export(file, organization, &options.source, crate::node::now_micros())?;
        let change = lake.directory().record(listing).await?;
        changes
            .push(serde_json::json!({ "added": change.added, "changed": change.changed, "removed": change.removed }));
    }
    output::print(global.format, &changes, |changes| {
        let line = |change: &Value| {
            format!("people: {} added, {} changed, {} removed", change["added"], change["changed"], change["removed"])
        };
        changes.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

/// What to import, and the bar that shows how far it is.
fn watched(options: Import) -> (ImportOptions, Arc<Progress>) {
    let total = options.files.iter().map(|file| std::fs::metadata(file).ok().map(|m| m.len())).sum::<Option<u64>>();
    let bar = Arc::new(Progress::bytes("import", total));
    let drawn = Arc::clone(&bar);
    let import = ImportOptions {
        files: options.files,
        rejects: options.rejects,
        source: options.source,
        progress: Arc::new(move |at: ImportProgress| drawn.set(at.bytes, at.rows)),
        clock: || jiff::Timestamp::now().as_microsecond(),
    };
    (import, bar)
}

fn describe(summary: &ImportSummary, conflicts: &str) -> String {
    let mut text = format!(
        "{} read, {} added, {} were there already, {} conflicts, {} rejected, in {:.1} s",
        summary.read, summary.added, summary.duplicates, summary.conflicts, summary.rejected, summary.seconds
    );
    if summary.conflicts > 0 {
        text.push_str(&format!("\nconflicts: ids that are stored with another content; both are in the table `{conflicts}` (ephor lake sql \"select * from {conflicts}\")"));
    }
    text
}
