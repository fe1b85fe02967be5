//! What lies beside the lake, as tables for its questions: the log's notes, and what the control database knows.
//! Promises that times are times and that a table without rows still has its columns.
//! Never shows a secret, a hash of one, or anything of a key but its name, scopes and times.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use ephor_detect::{FindingFilter, Findings};
use ephor_lake::GuestTable;
use ephor_lake::control::Control;
use ephor_lake::proof::{ProofLog, Removed, digest_of};
use ephor_reports::review::Reviews;

use crate::error::EvidenceError;

/// Every guest, as things stand now.
pub(crate) async fn all(
    log: &ProofLog,
    control: Option<&Control>,
    now_micros: i64,
) -> Result<Vec<GuestTable>, EvidenceError> {
    Ok(vec![
        checkpoints(log)?,
        seals(log)?,
        removals(log)?,
        members(control).await?,
        keys(control, now_micros).await?,
        recording_periods(control).await?,
        recording_gaps(control).await?,
        upstreams(control).await?,
        findings(control).await?,
        finding_steps(control).await?,
        access_reviews(control).await?,
    ])
}

fn checkpoints(log: &ProofLog) -> Result<GuestTable, EvidenceError> {
    let all = log.checkpoints()?;
    table(
        "log_checkpoints",
        vec![
            ("size", numbers(all.iter().map(|one| Some(count(one.size))))),
            ("root", texts(all.iter().map(|one| Some(one.root.clone())))),
        ],
    )
}

fn seals(log: &ProofLog) -> Result<GuestTable, EvidenceError> {
    let all = log.seals()?;
    let each = || all.iter().map(|(seal, _)| seal);
    table(
        "log_seals",
        vec![
            ("day", texts(each().map(|seal| Some(seal.day.clone())))),
            ("sealed_at", texts(each().map(|seal| Some(seal.sealed_at.clone())))),
            ("from_seq", numbers(each().map(|seal| Some(count(seal.from_seq))))),
            ("to_seq", numbers(each().map(|seal| Some(count(seal.to_seq))))),
            ("root", texts(each().map(|seal| Some(seal.root.clone())))),
            ("activities", numbers(each().map(|seal| Some(count(seal.counts.source.values().sum()))))),
            ("gaps", numbers(each().map(|seal| Some(count(seal.gaps.len() as u64))))),
            ("digest", texts(all.iter().map(|(_, note)| Some(digest_of(note))))),
            ("previous", texts(each().map(|seal| seal.previous.clone()))),
        ],
    )
}

fn removals(log: &ProofLog) -> Result<GuestTable, EvidenceError> {
    let all = log.removals()?;
    let each = || all.iter().map(|(removal, _)| removal);
    let reason = |what: &Removed| match what {
        Removed::Expired { .. } => None,
        Removed::Erased { reason, .. } => Some(reason.clone()),
    };
    let policy = |what: &Removed| match what {
        Removed::Expired { policy_days, .. } => Some(i64::from(*policy_days)),
        Removed::Erased { .. } => None,
    };
    let days = |what: &Removed| match what {
        Removed::Expired { days, .. } => Some(days.join("; ")),
        Removed::Erased { .. } => None,
    };
    let rows = |what: &Removed| match what {
        Removed::Expired { spans, .. } => spans.iter().map(|(first, last)| last - first + 1).sum::<u64>(),
        Removed::Erased { rows, .. } => rows.len() as u64,
    };
    let kind = |what: &Removed| match what {
        Removed::Expired { .. } => "expired",
        Removed::Erased { .. } => "erased",
    };
    table(
        "log_removals",
        vec![
            ("at", texts(each().map(|removal| Some(removal.at.clone())))),
            ("kind", texts(each().map(|removal| Some(kind(&removal.what).to_owned())))),
            ("reason", texts(each().map(|removal| reason(&removal.what)))),
            ("policy_days", numbers(each().map(|removal| policy(&removal.what)))),
            ("days", texts(each().map(|removal| days(&removal.what)))),
            ("rows", numbers(each().map(|removal| Some(count(rows(&removal.what)))))),
            ("digest", texts(all.iter().map(|(_, note)| Some(digest_of(note))))),
            ("previous", texts(each().map(|removal| removal.previous.clone()))),
        ],
    )
}

async fn members(control: Option<&Control>) -> Result<GuestTable, EvidenceError> {
    let all = match control {
        Some(control) => control.members().list().await?,
        None => Vec::new(),
    };
    table(
        "ephor_members",
        vec![
            ("user_id", texts(all.iter().map(|one| Some(one.user_id.clone())))),
            ("email", texts(all.iter().map(|one| Some(one.email.clone())))),
            ("role", texts(all.iter().map(|one| Some(one.role.as_str().to_owned())))),
            ("granted_by", texts(all.iter().map(|one| Some(one.granted_by.clone())))),
            ("granted_at", times(all.iter().map(|one| Some(one.granted_at_micros)))),
        ],
    )
}

async fn keys(control: Option<&Control>, now_micros: i64) -> Result<GuestTable, EvidenceError> {
    let all = match control {
        Some(control) => control.keys().list().await?,
        None => Vec::new(),
    };
    let scopes = |key: &ephor_lake::control::KeyRecord| {
        key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect::<Vec<_>>().join(" ")
    };
    table(
        "ephor_keys",
        vec![
            ("id", texts(all.iter().map(|one| Some(one.id.clone())))),
            ("name", texts(all.iter().map(|one| Some(one.name.clone())))),
            ("scopes", texts(all.iter().map(|one| Some(scopes(one))))),
            ("created_by", texts(all.iter().map(|one| Some(one.created_by.clone())))),
            ("created_at", times(all.iter().map(|one| Some(one.created_at_micros)))),
            ("expires_at", times(all.iter().map(|one| one.expires_at_micros))),
            ("revoked_at", times(all.iter().map(|one| one.revoked_at_micros))),
            ("last_used_at", times(all.iter().map(|one| one.last_used_at_micros))),
            ("state", texts(all.iter().map(|one| Some(one.state(now_micros).as_str().to_owned())))),
        ],
    )
}

async fn recording_periods(control: Option<&Control>) -> Result<GuestTable, EvidenceError> {
    let all = match control {
        Some(control) => control.enablement().periods().await?,
        None => Vec::new(),
    };
    table(
        "recording_periods",
        vec![
            ("enabled_at", times(all.iter().map(|one| Some(one.from_micros)))),
            ("enabled_by", texts(all.iter().map(|one| Some(one.enabled_by.clone())))),
            ("agreement", texts(all.iter().map(|one| Some(one.agreement.clone())))),
            ("disabled_at", times(all.iter().map(|one| one.to_micros))),
            ("disabled_by", texts(all.iter().map(|one| one.disabled_by.clone()))),
        ],
    )
}

async fn recording_gaps(control: Option<&Control>) -> Result<GuestTable, EvidenceError> {
    let all = match control {
        Some(control) => control.sources().gaps().await?,
        None => Vec::new(),
    };
    table(
        "recording_gaps",
        vec![
            ("id", texts(all.iter().map(|one| Some(one.id.clone())))),
            ("source", texts(all.iter().map(|one| Some(one.source.clone())))),
            ("reason", texts(all.iter().map(|one| Some(one.reason.clone())))),
            ("from_at", times(all.iter().map(|one| Some(one.from_micros)))),
            ("to_at", times(all.iter().map(|one| one.to_micros))),
            ("opened_at", times(all.iter().map(|one| Some(one.opened_at_micros)))),
            ("closed_at", times(all.iter().map(|one| one.closed_at_micros))),
        ],
    )
}

async fn upstreams(control: Option<&Control>) -> Result<GuestTable, EvidenceError> {
    let all = match control {
        Some(control) => control.sources().list().await?,
        None => Vec::new(),
    };
    table(
        "upstreams",
        vec![
            ("source", texts(all.iter().map(|one| Some(one.source.clone())))),
            ("last_run_at", times(all.iter().map(|one| Some(one.last_run_at_micros)))),
            ("last_success_at", times(all.iter().map(|one| one.last_success_at_micros))),
            ("last_error_at", times(all.iter().map(|one| one.last_error_at_micros))),
            ("last_error", texts(all.iter().map(|one| one.last_error.clone()))),
            ("failures_in_a_row", numbers(all.iter().map(|one| Some(count(one.failures_in_a_row))))),
            ("rows_total", numbers(all.iter().map(|one| Some(count(one.rows_total))))),
            ("clock_skew_seconds", numbers(all.iter().map(|one| one.clock_skew_micros.map(|skew| skew / 1_000_000)))),
        ],
    )
}

async fn findings(control: Option<&Control>) -> Result<GuestTable, EvidenceError> {
    Ok(match control {
        Some(control) => Findings::new(control).table().await?,
        None => Findings::empty_table()?,
    })
}

async fn finding_steps(control: Option<&Control>) -> Result<GuestTable, EvidenceError> {
    let mut all = Vec::new();
    if let Some(control) = control {
        let findings = Findings::new(control);
        for record in findings.list(&FindingFilter::default()).await? {
            let steps = findings.steps(&record.finding.id).await?;
            all.extend(steps.into_iter().map(|step| (record.finding.id.clone(), step)));
        }
    }
    let each = || all.iter().map(|(_, step)| step);
    table(
        "finding_steps",
        vec![
            ("finding_id", texts(all.iter().map(|(id, _)| Some(id.to_string())))),
            ("at", times(each().map(|step| Some(step.at_micros)))),
            ("by", texts(each().map(|step| Some(step.by.clone())))),
            ("status", texts(each().map(|step| Some(step.status.to_string())))),
            ("assignee", texts(each().map(|step| step.assignee.clone()))),
            ("note", texts(each().map(|step| step.note.clone()))),
            ("suppressed_until", times(each().map(|step| step.suppressed_until_micros))),
        ],
    )
}

/// Every item of every access review, decided or not.
async fn access_reviews(control: Option<&Control>) -> Result<GuestTable, EvidenceError> {
    let mut all = Vec::new();
    if let Some(control) = control {
        let reviews = Reviews::new(control);
        for campaign in reviews.list().await? {
            let items = reviews.items(&campaign.id).await?;
            all.extend(items.into_iter().map(|item| (campaign.clone(), item)));
        }
    }
    let campaigns = || all.iter().map(|(campaign, _)| campaign);
    let items = || all.iter().map(|(_, item)| item);
    let decisions = || items().map(|item| item.decision.as_ref());
    table(
        "access_reviews",
        vec![
            ("review_id", texts(campaigns().map(|one| Some(one.id.clone())))),
            ("review", texts(campaigns().map(|one| Some(one.name.clone())))),
            ("opened_at", times(campaigns().map(|one| Some(one.opened_micros)))),
            ("due_at", times(campaigns().map(|one| Some(one.due_micros)))),
            ("closed_at", times(campaigns().map(|one| one.closed_micros))),
            ("snapshot_sha256", texts(campaigns().map(|one| Some(one.snapshot_sha256.clone())))),
            ("item", numbers(items().map(|item| Some(count(item.number))))),
            ("person", texts(items().map(|item| Some(item.entitlement.person.clone())))),
            ("access", texts(items().map(|item| Some(item.entitlement.kind.as_str().to_owned())))),
            ("object", texts(items().map(|item| Some(item.entitlement.object.clone())))),
            ("role", texts(items().map(|item| item.entitlement.role.clone()))),
            ("reviewer", texts(items().map(|item| Some(item.reviewer.clone())))),
            ("verdict", texts(decisions().map(|made| made.map(|made| made.verdict.as_str().to_owned())))),
            ("reason", texts(decisions().map(|made| made.map(|made| made.reason.clone())))),
            ("decided_by", texts(decisions().map(|made| made.map(|made| made.by.clone())))),
            ("decided_at", times(decisions().map(|made| made.map(|made| made.at_micros)))),
            ("second_by", texts(items().map(|item| item.second.clone()))),
        ],
    )
}

fn table(name: &'static str, columns: Vec<(&'static str, ArrayRef)>) -> Result<GuestTable, EvidenceError> {
    let columns = columns.into_iter().map(|(name, values)| (name, values, true));
    Ok(GuestTable { name, rows: RecordBatch::try_from_iter_with_nullable(columns)? })
}

fn texts(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn numbers(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
