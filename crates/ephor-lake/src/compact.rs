//! Keeping the files few and the lake as old as its policy says: small files of a day become one, expired days go.
//! Both are ordinary commits: a reader sees the table before or after, and the rows and their bytes stay the same.
//! Never removes a row that a legal hold covers, and nothing at all without a retention policy.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use ephor_wire::timestamp::UtcDay;

use crate::append::Writer;
use crate::encode::{self, Effort};
use crate::error::LakeError;
use crate::files::{ActivityFile, FileSet};
use crate::limits;
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
    fn covers(&self, day: UtcDay) -> bool {
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

/// A reader that began before a commit may still need the files it removed for this long.
const GRACE_MILLIS: i64 = 15 * 60 * 1000;

impl Writer {
    pub(crate) async fn compact(&mut self, options: &CompactOptions) -> Result<CompactReport, LakeError> {
        self.recover().await?;
        let mut report = CompactReport::default();
        if let Some(retention) = &options.retention {
            self.expire(retention, &mut report).await?;
        }
        let mut days: BTreeMap<UtcDay, Vec<Arc<ActivityFile>>> = BTreeMap::new();
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
    async fn merge(&mut self, group: &[Arc<ActivityFile>], report: &mut CompactReport) -> Result<(), LakeError> {
        let batches = group.iter().map(|file| Reader::read_whole(&file.full_path)).collect::<Result<Vec<_>, _>>()?;
        let all = arrow::compute::concat_batches(&schema::FILE_SCHEMA, &batches)?;
        drop(batches);
        let encoded = encode::encode(&rows::in_feed_order(&all)?, Effort::Compaction)?;
        drop(all);
        let day = group.first().map_or(UtcDay::from_micros(0), |file| file.day);
        let file = self.write_file(day, &encoded)?;
        let removed: Vec<String> = group.iter().map(|file| file.path.clone()).collect();
        let change = Change {
            purpose: Purpose::Compact,
            add: vec![file.new.clone()],
            remove: self.table.removals(&removed, false).await?,
            ..Change::default()
        };
        if let Err(error) = self.table.commit(change, self.now_micros() / 1000).await {
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
        let oldest_kept = UtcDay::from_micros(self.now_micros() - kept_micros);
        let old: Vec<Arc<ActivityFile>> =
            self.reader.files().files.iter().filter(|file| file.day < oldest_kept).cloned().collect();
        let held = |file: &Arc<ActivityFile>| retention.legal_holds.iter().any(|hold| hold.covers(file.day));
        let (held, expired): (Vec<_>, Vec<_>) = old.into_iter().partition(held);
        report.days_held = count_days(&held);
        if expired.is_empty() {
            return Ok(());
        }
        let removed: Vec<String> = expired.iter().map(|file| file.path.clone()).collect();
        let change = Change {
            purpose: Purpose::Expire,
            remove: self.table.removals(&removed, true).await?,
            notes: vec![("ephor.retention.days".to_owned(), retention.days.into())],
            ..Change::default()
        };
        self.table.commit(change, self.now_micros() / 1000).await?;
        report.days_expired = count_days(&expired);
        report.rows_expired = expired.iter().map(|file| file.span.rows).sum();
        self.publish_after(Vec::new(), &removed);
        Ok(())
    }

    fn publish_after(&self, added: Vec<Arc<ActivityFile>>, removed: &[String]) {
        let files = self.reader.files();
        self.reader.publish(files.after(added, removed, files.next_seq, self.table.version()));
    }

    /// Removes data files that no version needs: those of commits that never happened at once, those that a commit
    /// removed after a while, since another process may be reading them.
    pub(crate) async fn sweep(&mut self) -> Result<u64, LakeError> {
        let removed_at = self.table.removed_files().await?;
        let files: Arc<FileSet> = self.reader.files();
        let live: std::collections::HashSet<&str> = files.files.iter().map(|file| file.path.as_str()).collect();
        let now_millis = self.now_micros() / 1000;
        let mut swept = 0;
        for (path, full_path) in self.files_on_disk()? {
            let needed = live.contains(path.as_str())
                || removed_at.get(&path).is_some_and(|removed| now_millis - removed < GRACE_MILLIS);
            if !needed && fs::remove_file(&full_path).is_ok() {
                swept += 1;
            }
        }
        Ok(swept)
    }

    fn files_on_disk(&self) -> Result<Vec<(String, std::path::PathBuf)>, LakeError> {
        let folder = self.table.folder();
        let failed = |e| LakeError::file("list", folder, e);
        let mut found = Vec::new();
        for day in fs::read_dir(folder).map_err(failed)? {
            let day = day.map_err(failed)?;
            let day_name = day.file_name().to_string_lossy().into_owned();
            if !day_name.starts_with(schema::DAY) {
                continue;
            }
            for file in fs::read_dir(day.path()).map_err(failed)? {
                let file = file.map_err(failed)?;
                found.push((format!("{day_name}/{}", file.file_name().to_string_lossy()), file.path()));
            }
        }
        Ok(found)
    }
}

fn count_days(files: &[Arc<ActivityFile>]) -> u64 {
    files.iter().map(|file| file.day).collect::<std::collections::BTreeSet<_>>().len() as u64
}

/// Neighbouring small files of one day, in groups that fit the memory of a merge.
fn groups(mut files: Vec<Arc<ActivityFile>>, reach: CompactReach) -> Vec<Vec<Arc<ActivityFile>>> {
    files.retain(|file| file.span.rows < limits::COMPACT_ROWS);
    let enough = match reach {
        CompactReach::Crowded => limits::COMPACT_FILES_PER_DAY,
        CompactReach::Everything => 1,
    };
    if files.len() <= enough {
        return Vec::new();
    }
    files.sort_by_key(|file| file.span.first_created_at);
    let mut groups: Vec<Vec<Arc<ActivityFile>>> = Vec::new();
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
