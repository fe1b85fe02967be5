//! Everything that kept answers rest on, as numbers that change with it.
//! Promises another stamp whenever a fact, a finding, the roster or a decision has changed, and at midnight.
//! Never counts looks at pages: each leaves an activity behind, and no answer would outlive its first reader.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use ephor_detect::Findings;
use ephor_lake::directory::DirectoryKind;
use ephor_lake::{Lake, LakeError, RowPredicate};
use ephor_wire::timestamp::UtcDay;

use crate::console::activity::OWN_READS;
use crate::problem::Problem;
use crate::state::App;

/// What an answer is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RestsOn {
    /// Anything.
    All,
    /// Usage events alone.
    Usage,
}

/// Numbers that change with what they stand for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    activities: u64,
    usage: u64,
    upstream: u64,
    directory: i64,
    /// Gaps, roster and findings.
    control: u64,
    /// What was done in this console.
    acts: u64,
    /// Reports end with yesterday.
    today: UtcDay,
}

/// Makes stamps.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    arrived: tokio::sync::Mutex<Arrived>,
    acts: AtomicU64,
}

/// How far the lake was looked at, and where the last activity lies that was no look itself.
#[derive(Debug, Default)]
struct Arrived {
    seen: u64,
    counted: u64,
}

impl Stamps {
    pub(super) fn acted(&self) {
        self.acts.fetch_add(1, Ordering::Relaxed);
    }

    /// The stamp of now.
    pub(super) async fn now(&self, app: &App, rests: RestsOn) -> Result<Stamp, Problem> {
        let (lake, today) = (app.lake(), UtcDay::from_micros(app.now()));
        let usage = lake.usage().next_seq();
        if rests == RestsOn::Usage {
            return Ok(Stamp { activities: 0, usage, upstream: 0, directory: 0, control: 0, acts: 0, today });
        }
        let (sources, roster) = (app.control().sources(), app.control().roster());
        let (gaps, roster) = tokio::try_join!(sources.gaps(), roster.revision())?;
        let found = Findings::new(app.control()).newest_revision().await.map_err(Problem::from)?;
        let mut control = DefaultHasher::new();
        let gaps = gaps.iter().map(|gap| (&gap.id, gap.from_micros, gap.to_micros, gap.closed_at_micros));
        (gaps.collect::<Vec<_>>(), roster, found).hash(&mut control);
        Ok(Stamp {
            activities: self.arrived.lock().await.up_to_now(lake).await?,
            usage,
            upstream: lake.upstream_rows().next_seq(),
            directory: DirectoryKind::all().map(|kind| lake.directory().revision(kind)).sum(),
            control: control.finish(),
            acts: self.acts.load(Ordering::Relaxed),
            today,
        })
    }
}

impl Arrived {
    /// The place of the last activity that counts.
    async fn up_to_now(&mut self, lake: &Lake) -> Result<u64, LakeError> {
        let end = lake.next_seq();
        if self.seen == 0 {
            (self.seen, self.counted) = (end, end);
        }
        if self.seen < end {
            let [one, other] = OWN_READS;
            let counts = RowPredicate::parse(&format!("type not in ('{one}', '{other}')"))?;
            while self.seen < end {
                let arrivals = lake.arrivals_where(self.seen..end, Some(&counts)).await?;
                if !arrivals.rows.is_empty() {
                    (self.seen, self.counted) = (end, end);
                }
                self.seen = self.seen.max(arrivals.next_seq);
            }
        }
        Ok(self.counted)
    }
}
