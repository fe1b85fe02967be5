//! Settings as they are meant to be (`policy.toml`) against settings as they are: each difference, who made it, the way back.
//! Promises the same differences for the same directory and the same activities, in whatever order they came.
//! Never guesses: a setting that no source knows is told as unknown, not as a difference.

mod changes;
mod drift;
mod file;
mod present;
#[cfg(test)]
mod stories;

use ephor_lake::Lake;

pub(crate) use changes::Changes as SettingChanges;
pub use changes::SettingChange;
pub use drift::Drift;
pub use file::Policy;
pub(crate) use present::{Listed, listed};
pub use present::{SettingNow, SettingsNow};

use crate::error::DetectError;

/// The rule's name under which differences are found.
pub const POLICY_RULE: &str = "policy-drift";

impl SettingsNow {
    /// The settings of a lake: what its directory lists, and what its activities tell of changes since.
    pub async fn of(lake: &Lake) -> Result<Self, DetectError> {
        let mut changes = SettingChanges::default();
        let mut place = 0;
        loop {
            let arrivals = lake.arrivals(place..u64::MAX).await?;
            arrivals.rows.iter().for_each(|row| changes.take(&row.raw, row.seq));
            if arrivals.next_seq <= place {
                break;
            }
            place = arrivals.next_seq;
        }
        Ok(Self::merged(listed(lake.directory()).await?, &changes))
    }
}
