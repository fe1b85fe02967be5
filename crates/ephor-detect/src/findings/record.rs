//! What detection found, put down: new findings, grown ones, and those that no longer follow.
//! Idempotent by id: the same again changes nothing and gets no revision.
//! Never changes how a finding is handled, except to reopen one that grew after it was resolved.

use ephor_wire::actor::Actor;
use rand::CryptoRng;
use sqlx::{Row, SqliteConnection};

use super::row::{self, json, subject_text};
use super::step::{self, Made};
use super::{Findings, asked};
use crate::error::DetectError;
use crate::finding::{Finding, FindingId};
use crate::handling::{Assignment, FindingRecord, FindingStatus, Standing, Step};

/// Findings put down in one transaction: short enough that nobody waits for the control database.
const AT_ONCE: usize = 200;

/// What recording changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Were not there before.
    pub new: usize,
    /// Were there, and are different now.
    pub changed: usize,
    /// Were there, just so.
    pub unchanged: usize,
    /// Do not follow any more.
    pub withdrawn: usize,
}

impl Recorded {
    /// What two steps changed together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            new: self.new + other.new,
            changed: self.changed + other.changed,
            unchanged: self.unchanged + other.unchanged,
            withdrawn: self.withdrawn + other.withdrawn,
        }
    }
}

impl Findings {
    /// Puts findings down. One that is there just so is left alone; one that grew, or that had been withdrawn, changes.
    pub async fn record(
        &self,
        found: &[Finding],
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Recorded, DetectError> {
        let mut recorded = Recorded::default();
        for some in found.chunks(AT_ONCE) {
            let mut turn = self.control.write().await?;
            for finding in some {
                let known = asked::one(&finding.id).build().fetch_optional(turn.connection()).await?;
                let known = known.as_ref().map(row::read).transpose()?;
                match &known {
                    Some(known) if known.finding == *finding && known.standing == Standing::Stands => {
                        recorded.unchanged += 1;
                        continue;
                    }
                    Some(_) => recorded.changed += 1,
                    None => recorded.new += 1,
                }
                store(turn.connection(), finding).await?;
                revise(turn.connection(), &finding.id, now_micros).await?;
                if let Some((step, by)) = follows(turn.connection(), finding, known.as_ref()).await? {
                    step::make(&mut turn, &Made { id: &finding.id, step: &step, by: &by, now_micros }, rng).await?;
                }
            }
            turn.commit().await?;
        }
        Ok(recorded)
    }

    /// Takes back findings that no longer follow; how they were handled stays known.
    pub async fn withdraw(&self, ids: &[FindingId], now_micros: i64) -> Result<Recorded, DetectError> {
        let mut recorded = Recorded::default();
        for some in ids.chunks(AT_ONCE) {
            let mut turn = self.control.write().await?;
            for id in some {
                let update = "UPDATE findings SET standing = 'withdrawn' WHERE id = $1 AND standing = 'stands'";
                let changed = sqlx::query(update).bind(id.0.clone()).execute(turn.connection()).await?;
                if changed.rows_affected() > 0 {
                    recorded.withdrawn += 1;
                    revise(turn.connection(), id, now_micros).await?;
                }
            }
            turn.commit().await?;
        }
        Ok(recorded)
    }
}

/// The step that a change brings with it: a suppressed subject is handled as was said, and what grew is open again.
async fn follows(
    connection: &mut SqliteConnection,
    finding: &Finding,
    known: Option<&FindingRecord>,
) -> Result<Option<(Step, Actor)>, DetectError> {
    let by = Actor::system("ephor-detect");
    if let Some(known) = known {
        let grew = finding.last_seen_micros > known.finding.last_seen_micros || finding.count > known.finding.count;
        let reopens = grew && known.handling.status == FindingStatus::Resolved;
        let note = Some("more of it was found after it had been resolved".to_owned());
        let step = Step { status: Some(FindingStatus::Open), note, ..Step::default() };
        return Ok(reopens.then_some((step, by)));
    }
    let handled = sqlx::query("SELECT 1 FROM finding_handling WHERE finding = $1").bind(finding.id.0.clone());
    if handled.fetch_optional(&mut *connection).await?.is_some() {
        // Found again after the derived half was made anew: what people decided stands.
        return Ok(None);
    }
    let query = "SELECT status, finding FROM finding_suppressions WHERE rule = $1 AND subject = $2 AND until_at > $3";
    let query = sqlx::query(query)
        .bind(finding.rule.clone())
        .bind(subject_text(&finding.subject))
        .bind(finding.first_seen_micros);
    let Some(suppression) = query.fetch_optional(connection).await? else { return Ok(None) };
    let status = row::word(&finding.id.0, &suppression.try_get::<String, _>("status")?)?;
    let note = Some(format!("suppressed with {}", suppression.try_get::<String, _>("finding")?));
    Ok(Some((Step { status: Some(status), note, assignment: Assignment::Unchanged, suppress_until_micros: None }, by)))
}

async fn store(connection: &mut SqliteConnection, finding: &Finding) -> Result<(), DetectError> {
    sqlx::query(
        "INSERT INTO findings (id, rule, use_case, severity, title, explanation, next_step, controls, subject, entities,
             evidence, window_from, window_to, first_seen, last_seen, activities, standing)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 'stands')
         ON CONFLICT (id) DO UPDATE SET use_case = excluded.use_case, severity = excluded.severity,
             title = excluded.title, explanation = excluded.explanation, next_step = excluded.next_step,
             controls = excluded.controls, entities = excluded.entities, evidence = excluded.evidence,
             window_to = excluded.window_to, first_seen = excluded.first_seen, last_seen = excluded.last_seen,
             activities = excluded.activities, standing = 'stands'",
    )
    .bind(finding.id.0.clone())
    .bind(finding.rule.clone())
    .bind(finding.use_case.as_str())
    .bind(finding.severity.as_str())
    .bind(finding.title.clone())
    .bind(finding.explanation.clone())
    .bind(finding.next_step.clone())
    .bind(json(&finding.controls))
    .bind(subject_text(&finding.subject))
    .bind(json(&finding.entities().collect::<Vec<_>>()))
    .bind(json(&finding.evidence))
    .bind(finding.window.from_micros)
    .bind(finding.window.to_micros)
    .bind(finding.first_seen_micros)
    .bind(finding.last_seen_micros)
    .bind(i64::try_from(finding.count).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a finding the next revision.
pub(super) async fn revise(
    connection: &mut SqliteConnection,
    id: &FindingId,
    now_micros: i64,
) -> Result<(), DetectError> {
    sqlx::query(
        "INSERT INTO finding_revisions (finding, revision, found_at, changed_at)
         SELECT $1, COALESCE(MAX(revision), 0) + 1, $2, $2 FROM finding_revisions WHERE true
         ON CONFLICT (finding) DO UPDATE SET revision = excluded.revision, changed_at = excluded.changed_at",
    )
    .bind(id.0.clone())
    .bind(now_micros)
    .execute(connection)
    .await?;
    Ok(())
}
