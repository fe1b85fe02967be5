//! The store of findings over the control database: what was found on one side, what people decided on the other.
//! Recording the same again changes nothing; each change, found or handled, gets the next revision.
//! Never lets detection touch a decision, except to reopen what grew after it was resolved.

mod asked;
mod record;
mod row;
mod step;
#[cfg(test)]
mod stories;

use ephor_lake::GuestTable;
use ephor_lake::control::Control;
use sqlx::Row;

pub use asked::FindingFilter;
pub use record::Recorded;

use crate::error::DetectError;
use crate::finding::FindingId;
use crate::handling::{FindingRecord, Standing, StepMade};

/// The findings of a [`Control`]. Cloning shares them.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use ephor_detect::{FindingFilter, Findings};
/// # let folder = tempfile::tempdir().unwrap();
/// # let dir = folder.path();
/// let control = ephor_lake::control::Control::open(dir).await.unwrap();
/// let findings = Findings::new(&control);
/// assert!(findings.list(&FindingFilter::default()).await.unwrap().is_empty());
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct Findings {
    control: Control,
}

impl Findings {
    /// The findings in this control database.
    #[must_use]
    pub fn new(control: &Control) -> Self {
        Self { control: control.clone() }
    }

    /// The findings that a filter lets through, the latest first.
    pub async fn list(&self, filter: &FindingFilter) -> Result<Vec<FindingRecord>, DetectError> {
        let rows = filter.query().build().fetch_all(self.control.readers()).await?;
        rows.iter().map(row::read).collect()
    }

    /// One finding, withdrawn or not.
    pub async fn get(&self, id: &FindingId) -> Result<FindingRecord, DetectError> {
        let row = asked::one(id).build().fetch_optional(self.control.readers()).await?;
        row.as_ref().map(row::read).transpose()?.ok_or_else(|| unknown(id))
    }

    /// One finding, if it stands.
    pub(crate) async fn standing(&self, id: &FindingId) -> Result<Option<FindingRecord>, DetectError> {
        let row = asked::one(id).build().fetch_optional(self.control.readers()).await?;
        let record = row.as_ref().map(row::read).transpose()?;
        Ok(record.filter(|record| record.standing == Standing::Stands))
    }

    /// The findings changed after a revision, in the order of their last changes, withdrawn ones included. Whoever follows
    /// goes on from the revision of the last one; a finding that changes twice meanwhile comes once.
    pub async fn since(&self, revision: u64, limit: usize) -> Result<Vec<FindingRecord>, DetectError> {
        let rows = asked::since(revision, limit).build().fetch_all(self.control.readers()).await?;
        rows.iter().map(row::read).collect()
    }

    /// The last change of any finding; 0 if there never was one.
    pub async fn newest_revision(&self) -> Result<u64, DetectError> {
        let row = sqlx::query("SELECT COALESCE(MAX(revision), 0) AS newest FROM finding_revisions");
        let row = row.fetch_one(self.control.readers()).await?;
        let newest: i64 = row.try_get("newest")?;
        Ok(u64::try_from(newest).unwrap_or(0))
    }

    /// The table `findings` for SQL beside the lake's own tables; withdrawn findings are not in it.
    pub async fn table(&self) -> Result<GuestTable, DetectError> {
        let rows = crate::told::columns(&self.list(&FindingFilter::default()).await?)?;
        Ok(GuestTable { name: "findings", rows })
    }

    /// The same table where nothing was ever found.
    pub fn empty_table() -> Result<GuestTable, DetectError> {
        Ok(GuestTable { name: "findings", rows: crate::told::columns(&[])? })
    }

    /// Every step that was made with a finding, the first one first.
    pub async fn steps(&self, id: &FindingId) -> Result<Vec<StepMade>, DetectError> {
        step::all(self.control.readers(), id).await
    }
}

fn unknown(id: &FindingId) -> DetectError {
    DetectError::UnknownFinding { id: id.0.clone() }
}
