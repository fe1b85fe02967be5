//! Findings on their way: those changed since the sink's place, in the order of their changes, each as it stands now.
//! A finding that changes again comes again, under another revision: receivers tell the two apart by the record's id.
//! Never sends an activity.

use ephor_detect::{FindingRecord, Findings};
use ephor_lake::control::{Control, ExportStream};

use super::assemble::Batch;
use super::attempt::Taken;
use super::{Delivery, Work};
use crate::error::ExportError;
use crate::limits;

/// The place behind every change there was.
pub(super) async fn end(control: &Control) -> Result<u64, ExportError> {
    Ok(Findings::new(control).newest_revision().await? + 1)
}

impl Delivery<'_> {
    /// Delivers every finding that changed since the place.
    pub(super) async fn findings(&mut self) -> Result<Work, ExportError> {
        let mut work = Work::Nothing;
        loop {
            // Revisions count from 1, and the place is the first one that is not yet taken.
            let since = self.findings.next.saturating_sub(1);
            let found = Findings::new(&self.context.control).since(since, limits::FINDINGS_AT_ONCE).await?;
            let Some(newest) = found.last().map(|record| record.revision) else { return Ok(work) };
            if self.hand_over(&found, newest + 1).await? == Work::Stop {
                return Ok(Work::Stop);
            }
            work = Work::Done;
        }
    }

    async fn hand_over(&mut self, found: &[FindingRecord], next: u64) -> Result<Work, ExportError> {
        let batch = Batch { records: self.assembler.findings(found), next, filtered: 0 };
        match self.attempts.deliver(&batch.records, &self.name, self.context, &self.until).await? {
            Taken::All(verdicts) => {
                self.advance(ExportStream::Findings, &batch, &verdicts, None).await?;
                Ok(Work::Done)
            }
            Taken::Stopped => Ok(Work::Stop),
            Taken::GivenUp(why) => Err(ExportError::NotDelivered {
                sink: self.name.clone(),
                why,
                waiting: found.len() as u64,
                done: self.done,
            }),
        }
    }
}
