//! Keeping the files of usage few: the small files of a day become one.
//! An ordinary commit: a reader sees the table before or after, with the same rows in the same order of arrival.
//! Never removes a row.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use ephor_wire::timestamp::UtcDay;

use super::schema::{FILE_SCHEMA, properties};
use super::writer::UsageWriter;
use crate::compact::{CompactReach, CompactReport};
use crate::encode::Effort;
use crate::error::LakeError;
use crate::files::{DataFile, WrittenFile};
use crate::limits;
use crate::merge;

impl UsageWriter {
    pub(super) async fn compact_files(&mut self, reach: CompactReach) -> Result<CompactReport, LakeError> {
        self.recover().await?;
        let mut report = CompactReport::default();
        let mut days: BTreeMap<UtcDay, Vec<Arc<DataFile>>> = BTreeMap::new();
        for file in &self.files.now().files {
            days.entry(file.day).or_default().push(Arc::clone(file));
        }
        for (day, files) in days {
            for group in merge::groups(files, reach, limits::USAGE_FILE_ROWS) {
                self.merge(day, &group).await?;
                report.files_merged += group.len() as u64;
                report.files_written += 1;
            }
        }
        report.files_swept = self.sweep().await?;
        Ok(report)
    }

    async fn merge(&mut self, day: UtcDay, group: &[Arc<DataFile>]) -> Result<(), LakeError> {
        let merged = merge::one_after_another(group, &FILE_SCHEMA, properties(Effort::Compaction)?)?;
        let file = WrittenFile::write(&self.table, day, &merged, self.now_millis())?;
        let removed: Vec<String> = group.iter().map(|file| file.path.clone()).collect();
        let now_millis = self.now_millis();
        if let Err(error) = merge::swap(&mut self.table, &file, &removed, now_millis).await {
            self.forget(&[file]).await;
            return Err(error);
        }
        let files = self.files.now();
        self.files.publish(files.after(vec![Arc::new(file.live)], &removed, files.next_seq, self.table.version()));
        Ok(())
    }

    /// Removes data files that no version needs.
    pub(super) async fn sweep(&self) -> Result<u64, LakeError> {
        let files = self.files.now();
        let live: HashSet<&str> = files.files.iter().map(|file| file.path.as_str()).collect();
        self.table.sweep(&live, self.now_millis()).await
    }
}
