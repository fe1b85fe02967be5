//! Dead letters that somebody asked to be tried again: made anew from the lake, sent once more, kept or let go.
//! Promises that a letter is let go only when the receiver has taken it.
//! Never moves a sink's place.

use ephor_detect::Findings;
use ephor_lake::control::{DeadLetter, ExportPlace, ExportStream};

use super::attempt::Taken;
use super::{Delivery, Work};
use crate::error::ExportError;
use crate::limits;
use crate::record::{Place, Record};

/// Whether a letter is about this record: places of activities and of findings are numbers of their own.
fn is_of(letter: &DeadLetter, record: &Record) -> bool {
    let stream = match record.place {
        Place::Activity { .. } => ExportStream::Activities,
        Place::Finding { .. } => ExportStream::Findings,
        Place::Gap { .. } => return false,
    };
    letter.stream == stream && letter.place == record.place.number()
}

impl Delivery<'_> {
    /// Tries the letters that are to be tried again.
    pub(super) async fn letters(&mut self) -> Result<Work, ExportError> {
        let exports = self.context.control.exports();
        let letters = exports.letters_to_retry(&self.name, limits::RETRY_LETTERS).await?;
        if letters.is_empty() {
            return Ok(Work::Nothing);
        }
        let mut records: Vec<Record> = Vec::new();
        // What retention has taken meanwhile, or a filter leaves out by now, cannot be sent any more.
        let mut gone = Vec::new();
        for letter in &letters {
            match self.record_of(letter).await? {
                Some(record) => records.push(record),
                None => gone.push((letter.stream, letter.place)),
            }
        }
        exports.settle(&self.name, &gone, &[]).await?;
        let taken = self.attempts.deliver(&records, &self.name, self.context, &self.until).await?;
        let verdicts = match taken {
            Taken::All(verdicts) => verdicts,
            Taken::Stopped => return Ok(Work::Stop),
            Taken::GivenUp(why) => {
                let waiting = letters.len() as u64;
                return Err(ExportError::NotDelivered { sink: self.name.clone(), why, waiting, done: self.done });
            }
        };
        let at_micros = (self.context.clock)();
        let refused = |record: &Record| verdicts.rejected.iter().find(|(_, refused, _)| *refused == record.id);
        let (mut settled, mut kept) = (Vec::new(), Vec::new());
        for record in &records {
            let Some(letter) = letters.iter().find(|letter| is_of(letter, record)) else { continue };
            match refused(record) {
                None => settled.push((letter.stream, letter.place)),
                Some((_, _, reason)) => {
                    kept.push(DeadLetter { reason: reason.clone(), last_at_micros: at_micros, ..letter.clone() });
                }
            }
        }
        exports.settle(&self.name, &settled, &kept).await?;
        self.done.delivered += settled.len() as u64;
        self.done.rejected += kept.len() as u64;
        Ok(Work::Done)
    }

    async fn record_of(&self, letter: &DeadLetter) -> Result<Option<Record>, ExportError> {
        match letter.stream {
            ExportStream::Activities => {
                let place = ExportPlace { next: letter.place, sending: None };
                Ok(self.assembler.activities(place, letter.place + 1).await?.records.pop())
            }
            ExportStream::Findings => {
                // Only a finding that has not changed since is there under its revision.
                let found = Findings::new(&self.context.control).since(letter.place.saturating_sub(1), 1).await?;
                let same = found.into_iter().filter(|record| record.revision == letter.place).collect::<Vec<_>>();
                Ok(self.assembler.findings(&same).pop())
            }
        }
    }
}
