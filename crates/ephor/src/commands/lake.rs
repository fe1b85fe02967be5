//! `ephor lake`: ask the lake in SQL, count what it holds, compact it, prove it.
//! SQL and counts open it for reading, beside a running node; compaction needs the lake to itself.
//! Never changes an activity.

use std::path::Path;
use std::process::ExitCode;

use arrow::json::ArrayWriter;
use arrow::json::writer::WriterBuilder;
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use ephor_detect::Findings;
use ephor_lake::control::Control;
use ephor_lake::{CompactOptions, CompactReach, GuestTable, Lake, LakeStats};

use super::proof;
use crate::arguments::{Format, Global, LakeCommand};
use crate::config::Config;
use crate::failure::Failure;
use crate::output;

pub(super) async fn run(global: &Global, config: &Config, action: LakeCommand) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    match action {
        LakeCommand::Sql { statement } => {
            let batches = Lake::open_reader(&dir).await?.sql_with(&statement, vec![findings(&dir).await?]).await?;
            output::print_line(&answer(global.format, &batches)?)?;
        }
        LakeCommand::Stats => {
            let stats = Lake::open_reader(&dir).await?.stats().await?;
            output::print(global.format, &stats, describe)?;
        }
        LakeCommand::Verify(options) => return proof::verify(global, &dir, &options).await,
        LakeCommand::Checkpoint => return proof::checkpoint(global, config, &dir).await,
        LakeCommand::TimeStamps { out } => return proof::time_stamps(global, &dir, out.as_deref()),
        LakeCommand::Prove { ids } => return proof::prove(&dir, &ids).await,
        LakeCommand::Key(action) => return proof::key(global, config, &dir, action),
        LakeCommand::Erase(options) => return proof::erase(global, config, &dir, &options).await,
        LakeCommand::Compact => {
            let (_, appender) = Lake::open_writer(&dir, config.lake_options()?).await?;
            let options = CompactOptions { reach: CompactReach::Everything, retention: config.retention()? };
            let report = appender.compact(options).await;
            appender.close().await?;
            output::print(global.format, &report?, |report| {
                format!(
                    "{} files became {}; {} days ({} activities) past retention dropped, {} held; {} unused files removed",
                    report.files_merged,
                    report.files_written,
                    report.days_expired,
                    report.rows_expired,
                    report.days_held,
                    report.files_swept
                )
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The findings of a data folder; a lake that only imports have filled has no control database and none.
async fn findings(dir: &Path) -> Result<GuestTable, Failure> {
    if !dir.join("control.sqlite").is_file() {
        return Ok(Findings::empty_table()?);
    }
    let control = Control::open(dir).await?;
    let table = Findings::new(&control).table().await;
    control.close().await;
    Ok(table?)
}

/// Rows as an array of objects (nulls kept, so that every object has every column) or as a table.
fn answer(format: Format, batches: &[RecordBatch]) -> Result<String, Failure> {
    let failed = |error: arrow::error::ArrowError| Failure::new(format!("the answer cannot be printed: {error}"));
    match format {
        Format::Json => {
            let mut writer: ArrayWriter<Vec<u8>> = WriterBuilder::new().with_explicit_nulls(true).build(Vec::new());
            writer.write_batches(&batches.iter().collect::<Vec<_>>()).map_err(failed)?;
            writer.finish().map_err(failed)?;
            let text = String::from_utf8_lossy(&writer.into_inner()).into_owned();
            Ok(if text.is_empty() { "[]".to_owned() } else { text })
        }
        _ => Ok(pretty_format_batches(batches).map_err(failed)?.to_string()),
    }
}

fn describe(stats: &LakeStats) -> String {
    let mut rows = vec![
        vec!["activities".to_owned(), stats.activities.to_string()],
        vec!["next seq".to_owned(), stats.next_seq.to_string()],
        vec!["oldest".to_owned(), stats.oldest_created_at.clone().unwrap_or_else(|| "-".to_owned())],
        vec!["newest".to_owned(), stats.newest_created_at.clone().unwrap_or_else(|| "-".to_owned())],
        vec!["days".to_owned(), stats.days.to_string()],
        vec!["files".to_owned(), stats.files.to_string()],
        vec!["bytes".to_owned(), stats.bytes.to_string()],
        vec!["conflicts".to_owned(), stats.conflicts.to_string()],
        vec!["usage events".to_owned(), stats.usage_events.to_string()],
        vec!["usage bytes".to_owned(), stats.usage_bytes.to_string()],
        vec!["table version".to_owned(), stats.version.to_string()],
    ];
    let counted = [("source", &stats.by_source), ("category", &stats.by_category), ("usage", &stats.usage_by_kind)];
    for (heading, counts) in counted {
        rows.extend(counts.iter().map(|(name, count)| vec![format!("{heading} {name}"), count.to_string()]));
    }
    output::columns(&rows)
}
