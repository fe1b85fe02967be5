//! `ephor import`: activities or usage events from files into the lake. Reading, parsing and storing overlap; memory is
//! bounded.
//! Good rows go in, bad ones are set aside with file, line and reason; running it again adds nothing.
//! Never loads a file whole, and never stops at a bad line.

mod blocks;
mod kind;
mod reader;
mod rejects;

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use ephor_lake::{Appender, COMMIT_RAW_BYTES};
use rayon::prelude::*;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::error::SourceError;
use crate::{Door, UsageDoor};
use blocks::Block;
use kind::Kind;
use rejects::{RejectedLine, Rejects};

pub(crate) use rejects::RejectsLog;

/// What to take in, and how.
pub struct ImportOptions {
    /// Files; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Where rejected lines go; `None` is beside each file.
    pub rejects: Option<PathBuf>,
    /// The column `source` of the rows.
    pub source: String,
    /// Told now and then how far it has come.
    pub progress: Arc<dyn Fn(ImportProgress) + Send + Sync>,
    /// Microseconds since 1970, now.
    pub clock: fn() -> i64,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportProgress {
    /// Bytes read of the files (compressed bytes, where they are).
    pub bytes: u64,
    /// Rows read.
    pub rows: u64,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ImportSummary {
    /// Rows read, rejected ones included.
    pub read: u64,
    /// Stored now.
    pub added: u64,
    /// Stored before.
    pub duplicates: u64,
    /// Stored before with another content; kept in the table `conflicts` (`usage_conflicts`).
    pub conflicts: u64,
    /// Set aside in the rejects file.
    pub rejected: u64,
    /// How long it took.
    pub seconds: f64,
}

/// Parsed rows on their way to the lake.
struct Parsed<R> {
    rows: Vec<R>,
    rejected: Vec<RejectedLine>,
    read: u64,
    bytes: u64,
}

/// Takes in all files of activities; resolves when the last row is durable.
pub async fn import(
    options: ImportOptions,
    appender: &Appender,
    door: &Arc<Door>,
) -> Result<ImportSummary, SourceError> {
    import_through(options, appender, door).await
}

/// Takes in all files of usage events; resolves when the last row is durable.
pub async fn import_usage(
    options: ImportOptions,
    appender: &Appender,
    door: &Arc<UsageDoor>,
) -> Result<ImportSummary, SourceError> {
    import_through(options, appender, door).await
}

async fn import_through<D: Kind>(
    options: ImportOptions,
    appender: &Appender,
    door: &Arc<D>,
) -> Result<ImportSummary, SourceError> {
    let started = Instant::now();
    let mut summary = ImportSummary::default();
    let mut bytes_before = 0;
    for file in &options.files {
        let mut rejects = Rejects::beside(file, options.rejects.as_deref());
        // One batch waits while the one before it is being stored and the next one is being parsed.
        let (send, mut receive) = mpsc::channel::<Result<Parsed<D::Rows>, SourceError>>(1);
        let reading = Reading { path: file.clone(), source: options.source.clone(), door: Arc::clone(door) };
        let reader = std::thread::spawn(move || reading.run(&send));
        let mut file_bytes = 0;
        while let Some(parsed) = receive.recv().await {
            let parsed = parsed?;
            file_bytes = parsed.bytes;
            summary.read += parsed.read;
            summary.rejected += parsed.rejected.len() as u64;
            rejects.write(&parsed.rejected)?;
            let stored = D::store(appender, &options.source, (options.clock)(), parsed.rows).await?;
            summary.added += stored.added;
            summary.duplicates += stored.duplicates;
            summary.conflicts += stored.conflicts;
            (options.progress)(ImportProgress { bytes: bytes_before + file_bytes, rows: summary.read });
        }
        bytes_before += file_bytes;
        if reader.join().is_err() {
            let what = "its reader stopped; what was stored before stays stored, run the import again".to_owned();
            return Err(SourceError::NotActivities { path: file.clone(), what });
        }
    }
    summary.seconds = started.elapsed().as_secs_f64();
    Ok(summary)
}

/// Reads one file on a thread of its own.
struct Reading<D> {
    path: PathBuf,
    source: String,
    door: Arc<D>,
}

impl<D: Kind> Reading<D> {
    fn run(&self, send: &mpsc::Sender<Result<Parsed<D::Rows>, SourceError>>) {
        let failed = match self.parse_all(send) {
            Ok(()) => return,
            Err(error) => error,
        };
        // Whoever receives may have gone after an error of its own.
        let _ = send.blocking_send(Err(failed));
    }

    fn parse_all(&self, send: &mpsc::Sender<Result<Parsed<D::Rows>, SourceError>>) -> Result<(), SourceError> {
        let opened = reader::open(&self.path)?;
        let position = opened.position;
        let mut group: Vec<Block> = Vec::new();
        let mut group_bytes = 0;
        let mut take = |block: Block| {
            group_bytes += block.len();
            group.push(block);
            if group_bytes < COMMIT_RAW_BYTES {
                return true;
            }
            group_bytes = 0;
            let parsed = self.parse(&std::mem::take(&mut group), position.get());
            send.blocking_send(Ok(parsed)).is_ok()
        };
        blocks::each_block(&self.path, opened.bytes, &mut take)?;
        if !group.is_empty() {
            let _ = send.blocking_send(Ok(self.parse(&group, position.get())));
        }
        Ok(())
    }

    fn parse(&self, group: &[Block], bytes: u64) -> Parsed<D::Rows> {
        let parsed: Vec<(D::Rows, Vec<RejectedLine>)> = group.par_iter().map(|block| self.parse_block(block)).collect();
        let mut all = Parsed { rows: Vec::new(), rejected: Vec::new(), read: 0, bytes };
        for (rows, rejected) in parsed {
            all.read += (D::count(&rows) + rejected.len()) as u64;
            all.rejected.extend(rejected);
            all.rows.push(rows);
        }
        all
    }

    fn parse_block(&self, block: &Block) -> (D::Rows, Vec<RejectedLine>) {
        let mut rows = D::room(block.len());
        let mut rejected = Vec::new();
        block.each(|line, raw| match raw {
            Ok(raw) => self.admit(line, raw, &mut rows, &mut rejected),
            Err(reason) => rejected.push(RejectedLine::new(&self.path, line, reason, b"")),
        });
        (rows, rejected)
    }

    fn admit(&self, line: u64, raw: &[u8], rows: &mut D::Rows, rejected: &mut Vec<RejectedLine>) {
        let Err(refused) = self.door.take(&self.source, raw, rows) else { return };
        match refused.items {
            // A whole API page or array on one line.
            Some(items) => items.iter().for_each(|item| self.admit(line, item.get().as_bytes(), rows, rejected)),
            None => rejected.push(RejectedLine::new(&self.path, line, refused.reason, raw)),
        }
    }
}

/// A row with its line or item number, or why there is none at that place.
#[cfg(any(test, fuzzing))]
pub(crate) type NumberedRow = (u64, Result<Vec<u8>, String>);

/// Every row of an input, packed or not, with its line; whatever is in it. For `crate::outside_bytes`.
#[cfg(any(test, fuzzing))]
pub(crate) fn rows_of(input: Vec<u8>) -> Result<Vec<NumberedRow>, SourceError> {
    let path = std::path::Path::new("input");
    let mut rows = Vec::new();
    let mut take = |block: Block| {
        block.each(|line, raw| rows.push((line, raw.map(<[u8]>::to_vec))));
        true
    };
    let opened = reader::unpacked(path, Box::new(std::io::Cursor::new(input)))?;
    blocks::each_block(path, opened.bytes, &mut take)?;
    Ok(rows)
}

/// Standard input under its usual name.
fn is_stdin(path: &std::path::Path) -> bool {
    path.as_os_str() == "-"
}

/// A reader that can move to another thread.
type Bytes = Box<dyn Read + Send>;
