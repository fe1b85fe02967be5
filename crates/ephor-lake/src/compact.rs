//! Keeping the files few and the lake as old as its policy says: small files of a day become one, expired days go.
//! Both are ordinary commits: a reader sees the table before or after, and the rows and their bytes stay the same.
//! Never removes a row that a legal hold covers, and nothing at all without a retention policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use ephor_wire::timestamp::UtcDay;

use crate::append::Writer;
use crate::encode::{self, Effort};
use crate::error::LakeError;
use crate::expired;
use crate::files::{DataFile, WrittenFile};
use crate::limits;
use crate::proof::Removed;
use crate::rows;
use crate::scan::Reader;
use crate::schema;
use crate::table::{Change, Purpose};

/// Which days are compacted, and what may expire.
#[derive(Debug, Clone, Default)]
pub struct CompactOptions {
    /// Every day with more than one small file, or only those that have become slow to read.
    pub reach: CompactReach,
    /// Off unless the configuration sets it.
    pub retention: Option<Retention>,
}

/// Which days are worth the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CompactReach {
    /// Days with more than [`limits::COMPACT_FILES_PER_DAY`] small files: what a running node does by itself.
    #[default]
    Crowded,
    /// Every day with at least two: what `ephor lake compact` does.
    Everything,
}

/// How long activities are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Days kept, today included.
    pub days: u32,
    /// Spans that stay whatever their age.
    pub legal_holds: Vec<LegalHold>,
}

/// A span of days that must be kept, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegalHold {
    /// The matter it is kept for.
    pub name: String,
    /// From this day on; `None` from the beginning.
    pub from: Option<UtcDay>,
    /// Up to and including this day; `None` without end.
    pub to: Option<UtcDay>,
}

impl LegalHold {
    pub(crate) fn covers(&self, day: UtcDay) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// What compaction did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct CompactReport {
    /// Files before, of the days that were touched.
    pub files_merged: u64,
    /// Files that took their place.
    pub files_written: u64,
    /// Days that retention took out of the table.
    pub days_expired: u64,
    /// Rows that went with them.
    pub rows_expired: u64,
    /// Days past retention that a legal hold keeps.
    pub days_held: u64,
    /// Files without a place in the table that were removed from the disk.
    pub files_swept: u64,
}

impl Writer {
    pub(crate) async fn compact_files(&mut self, options: &CompactOptions) -> Result<CompactReport, LakeError> {
        self.recover().await?;
        let mut report = CompactReport::default();
        if let Some(retention) = &options.retention {
            self.expire(retention, &mut report).await?;
        }
        let mut days: BTreeMap<UtcDay, Vec<Arc<DataFile>>> = BTreeMap::new();
        for file in &self.reader.files().files {
            days.entry(file.day).or_default().push(Arc::clone(file));
        }
        for group in days.into_values().flat_map(|files| groups(files, options.reach)) {
            self.merge(&group, &mut report).await?;
        }
        report.files_swept = self.sweep().await?;
        Ok(report)
    }

    /// Writes the rows of some files of one day as one sorted file and swaps them in one commit.
    async fn merge(&mut self, group: &[Arc<DataFile>], report: &mut CompactReport) -> Result<(), LakeError> {
        let batches = group.iter().map(|file| Reader::read_whole(&file.full_path)).collect::<Result<Vec<_>, _>>()?;
        let all = arrow::compute::concat_batches(&schema::FILE_SCHEMA, &batches)?;
        drop(batches);
        let encoded = encode::encode(&rows::in_feed_order(&all)?, Effort::Compaction)?;
        drop(all);
        let day = group.first().map_or(UtcDay::from_micros(0), |file| file.day);
        let file = WrittenFile::write(&self.table, day, &encoded, self.now_millis())?;
        let removed: Vec<String> = group.iter().map(|file| file.path.clone()).collect();
        let change = Change {
            purpose: Purpose::Compact,
            add: vec![file.new.clone()],
            remove: self.table.removals(&removed, false).await?,
            ..Change::default()
        };
        if let Err(error) = self.table.commit(change, self.now_millis()).await {
            self.forget(&[file]).await;
            return Err(error);
        }
        report.files_merged += removed.len() as u64;
        report.files_written += 1;
        self.publish_after(vec![Arc::new(file.live)], &removed);
        Ok(())
    }

    async fn expire(&mut self, retention: &Retention, report: &mut CompactReport) -> Result<(), LakeError> {
        let kept_micros = i64::from(retention.days.saturating_sub(1)) * 86_400_000_000;
        let oldest_kept = UtcDay::from_micros(self.now_millis() * 1000 - kept_micros);
        let old: Vec<Arc<DataFile>> =
            self.reader.files().files.iter().filter(|file| file.day < oldest_kept).cloned().collect();
        let held = |file: &Arc<DataFile>| retention.legal_holds.iter().any(|hold| hold.covers(file.day));
        let (held, expired): (Vec<_>, Vec<_>) = old.into_iter().partition(held);
        report.days_held = count_days(&held);
        if expired.is_empty() {
            return Ok(());
        }
        // Every id that goes is in a run from now on; should the runs be lost, it is in what is kept beside the table.
        self.index.flush(self.reader.files().next_seq)?;
        expired::keep(self.table.folder(), &self.reader, &expired)?;
        self.sign_expiry(retention, &expired)?;
        let removed: Vec<String> = expired.iter().map(|file| file.path.clone()).collect();
        let change = Change {
            purpose: Purpose::Expire,
            remove: self.table.removals(&removed, true).await?,
            notes: vec![("ephor.retention.days".to_owned(), retention.days.into())],
            ..Change::default()
        };
        self.table.commit(change, self.now_millis()).await?;
        report.days_expired = count_days(&expired);
        report.rows_expired = expired.iter().map(|file| file.span.rows).sum();
        self.publish_after(Vec::new(), &removed);
        Ok(())
    }

    /// Signs which rows are about to go: their hashes stay in the tree, and this says why the rows do not.
    fn sign_expiry(&mut self, retention: &Retention, expired: &[Arc<DataFile>]) -> Result<(), LakeError> {
        let mut places = Vec::new();
        for file in expired {
            places.extend(rows::seq_of(&self.reader.read_columns(file, &["seq"])?)?.values());
        }
        places.sort_unstable();
        let days: std::collections::BTreeSet<String> = expired.iter().map(|file| file.day.to_string()).collect();
        for spans in spans_of(&places).chunks(limits::SPANS_OF_A_STATEMENT) {
            let what = Removed::Expired {
                policy_days: retention.days,
                days: days.iter().cloned().collect(),
                spans: spans.to_vec(),
            };
            self.notary.record_removal(what, self.now_millis() * 1000)?;
        }
        Ok(())
    }

    pub(crate) fn publish_after(&self, added: Vec<Arc<DataFile>>, removed: &[String]) {
        let files = self.reader.files();
        self.reader.publish(files.after(added, removed, files.next_seq, self.table.version()));
    }

    /// Removes data files that no version needs.
    pub(crate) async fn sweep(&self) -> Result<u64, LakeError> {
        let files = self.reader.files();
        let live = files.files.iter().map(|file| file.path.as_str()).collect();
        self.table.sweep(&live, self.now_millis()).await
    }
}

/// Ascending places as spans of neighbours, both ends included.
fn spans_of(places: &[i64]) -> Vec<(u64, u64)> {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for place in places.iter().filter_map(|place| u64::try_from(*place).ok()) {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == place => *last = place,
            _ => spans.push((place, place)),
        }
    }
    spans
}

fn count_days(files: &[Arc<DataFile>]) -> u64 {
    files.iter().map(|file| file.day).collect::<std::collections::BTreeSet<_>>().len() as u64
}

/// Neighbouring small files of one day, in groups that fit the memory of a merge.
fn groups(mut files: Vec<Arc<DataFile>>, reach: CompactReach) -> Vec<Vec<Arc<DataFile>>> {
    files.retain(|file| file.span.rows < limits::COMPACT_ROWS);
    let enough = match reach {
        CompactReach::Crowded => limits::COMPACT_FILES_PER_DAY,
        CompactReach::Everything => 1,
    };
    if files.len() <= enough {
        return Vec::new();
    }
    files.sort_by_key(|file| file.span.first_time);
    let mut groups: Vec<Vec<Arc<DataFile>>> = Vec::new();
    let mut rows = 0;
    for file in files {
        match groups.last_mut() {
            Some(group) if rows + file.span.rows <= limits::COMPACT_ROWS => {
                rows += file.span.rows;
                group.push(file);
            }
            _ => {
                rows = file.span.rows;
                groups.push(vec![file]);
            }
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}
