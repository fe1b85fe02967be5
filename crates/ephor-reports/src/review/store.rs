//! Campaigns and their items in the control database.
//! Promises that a step which the rules do not allow changes nothing and says why.

use std::collections::HashMap;

use ephor_lake::control::{Control, ControlError};
use ephor_wire::actor::Actor;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::entitlement::{Entitlement, EntitlementKind, Flag};
use super::notice::{Notice, NoticeDays, notices};
use crate::error::ReportError;

/// A campaign that is to be opened.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// What it is called.
    pub name: String,
    /// What is reviewed; empty is everything.
    pub kinds: Vec<EntitlementKind>,
    /// Only privileged ones.
    pub privileged_only: bool,
    /// Who decides where nobody's manager is known.
    pub reviewer: String,
    /// When it is due, in microseconds since 1970.
    pub due_micros: i64,
}

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Campaign {
    /// `review_…`
    pub id: String,
    /// What it is called.
    pub name: String,
    /// When it was opened.
    #[serde(rename = "opened_at", serialize_with = "crate::render::instants::serialize")]
    pub opened_micros: i64,
    /// By whom.
    pub opened_by: String,
    /// When it is due.
    #[serde(rename = "due_at", serialize_with = "crate::render::instants::serialize")]
    pub due_micros: i64,
    /// When it was closed.
    #[serde(rename = "closed_at", serialize_with = "crate::render::instants::optional")]
    pub closed_micros: Option<i64>,
    /// SHA-256 of the snapshot that is reviewed.
    pub snapshot_sha256: String,
    /// The signed result of a closed one.
    pub signed: Option<String>,
    /// How many items there are.
    pub items: u64,
    /// How many are decided.
    pub decided: u64,
}

/// One entitlement under review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Its number within the campaign, from 1.
    pub number: u64,
    /// What is reviewed.
    pub entitlement: Entitlement,
    /// Who decides.
    pub reviewer: String,
    /// What was decided.
    pub decision: Option<Decision>,
    /// Who agreed, where two have to.
    pub second: Option<String>,
}

/// What was decided, why, by whom and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// What.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// By whom.
    pub by: String,
    /// When.
    #[serde(rename = "decided_at", serialize_with = "crate::render::instants::serialize")]
    pub at_micros: i64,
}

/// What a reviewer can decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It stays.
    Keep,
    /// It stays in another form.
    Change,
    /// It goes.
    Revoke,
    /// Decided later; it stays open.
    Defer,
}

impl Verdict {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Change => "change",
            Self::Revoke => "revoke",
            Self::Defer => "defer",
        }
    }

    /// The verdict of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Keep, Self::Change, Self::Revoke, Self::Defer].into_iter().find(|verdict| verdict.as_str() == name)
    }
}

/// A campaign with its numbers of items; SQL is put together at compile time, never from a value.
macro_rules! campaigns {
    ($rest:literal) => {
        concat!(
            "SELECT reviews.*,
                (SELECT COUNT(*) FROM review_items WHERE review = reviews.id) AS items,
                (SELECT COUNT(*) FROM review_items WHERE review = reviews.id AND verdict IS NOT NULL AND verdict <> 'defer') AS decided
            FROM reviews ",
            $rest
        )
    };
}

/// The campaigns of a control database.
#[derive(Debug, Clone)]
pub struct Reviews {
    control: Control,
}

impl Reviews {
    /// The campaigns in this control database.
    #[must_use]
    pub fn new(control: &Control) -> Self {
        Self { control: control.clone() }
    }

    /// Opens a campaign over a snapshot of entitlements. `manager_of` names who decides about a person.
    pub async fn open(
        &self,
        campaign: &NewCampaign,
        snapshot: &[Entitlement],
        manager_of: impl Fn(&Entitlement) -> Option<String>,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Campaign, ReportError> {
        let wanted = |one: &&Entitlement| {
            (campaign.kinds.is_empty() || campaign.kinds.contains(&one.kind))
                && (!campaign.privileged_only || one.flags.contains(&Flag::Privileged))
        };
        let chosen: Vec<&Entitlement> = snapshot.iter().filter(wanted).collect();
        if chosen.is_empty() {
            return Err(ReportError::NotNow("there is nothing to review: no entitlement is in this scope".to_owned()));
        }
        if campaign.due_micros <= now_micros {
            return Err(ReportError::Parameter { name: "--due", what: "the day has passed already".to_owned() });
        }
        let text = serde_json::to_string(&chosen).map_err(|error| ReportError::Written(error.to_string()))?;
        let digest: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut random = [0_u8; 18];
        rng.fill_bytes(&mut random);
        let id = ephor_wire::ids::tagged("review_", random);
        let mut turn = self.control.write().await?;
        sqlx::query(
            "INSERT INTO reviews (id, name, opened_at, opened_by, due_at, snapshot_sha256) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(id.clone())
        .bind(campaign.name.clone())
        .bind(now_micros)
        .bind(name_of(by))
        .bind(campaign.due_micros)
        .bind(digest)
        .execute(turn.connection())
        .await
        .map_err(ControlError::from)?;
        for (number, entitlement) in (1_i64..).zip(&chosen) {
            // Nobody decides about themselves, not even where they are their own manager.
            let holder = entitlement.email.as_deref().unwrap_or(&entitlement.person);
            let reviewer = manager_of(entitlement).filter(|manager| !manager.eq_ignore_ascii_case(holder));
            let entitlement =
                serde_json::to_string(entitlement).map_err(|error| ReportError::Written(error.to_string()))?;
            sqlx::query("INSERT INTO review_items (review, number, entitlement, reviewer) VALUES ($1, $2, $3, $4)")
                .bind(id.clone())
                .bind(number)
                .bind(entitlement)
                .bind(reviewer.unwrap_or_else(|| campaign.reviewer.clone()))
                .execute(turn.connection())
                .await
                .map_err(ControlError::from)?;
        }
        let fields = json!({ "review_id": id, "name": campaign.name, "items": chosen.len() });
        turn.tell("ephor_review_opened", &fields, by, now_micros, rng).await?;
        turn.commit().await?;
        self.campaign(&id).await
    }

    /// Every campaign, the newest first.
    pub async fn list(&self) -> Result<Vec<Campaign>, ReportError> {
        let rows = sqlx::query(campaigns!("ORDER BY opened_at DESC, id"))
            .fetch_all(self.control.readers())
            .await
            .map_err(ControlError::from)?;
        rows.iter().map(read_campaign).collect()
    }

    /// One campaign.
    pub async fn campaign(&self, id: &str) -> Result<Campaign, ReportError> {
        let row = sqlx::query(campaigns!("WHERE id = $1"))
            .bind(id.to_owned())
            .fetch_optional(self.control.readers())
            .await
            .map_err(ControlError::from)?;
        let unknown = || ReportError::NotNow(format!("there is no review `{id}`; `ephor review list` shows them"));
        read_campaign(&row.ok_or_else(unknown)?)
    }

    /// The items of a campaign, in their order.
    pub async fn items(&self, id: &str) -> Result<Vec<Item>, ReportError> {
        let rows = sqlx::query("SELECT * FROM review_items WHERE review = $1 ORDER BY number")
            .bind(id.to_owned())
            .fetch_all(self.control.readers())
            .await
            .map_err(ControlError::from)?;
        rows.iter().map(read_item).collect()
    }

    /// Decides about some items, all of them or none.
    pub async fn decide(
        &self,
        id: &str,
        numbers: &[u64],
        (verdict, reason): (Verdict, &str),
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ReportError> {
        let campaign = self.campaign(id).await?;
        if campaign.closed_micros.is_some() {
            return Err(ReportError::NotNow(format!(
                "the review `{id}` is closed: its result is signed and stays as it is"
            )));
        }
        if reason.trim().is_empty() {
            return Err(ReportError::Parameter {
                name: "--reason",
                what: "say why, for whoever reads this in a year".to_owned(),
            });
        }
        let items = self.items(id).await?;
        let decider = name_of(by);
        let mut turn = self.control.write().await?;
        for number in numbers {
            let item = items.iter().find(|item| item.number == *number).ok_or_else(|| ReportError::Parameter {
                name: "--item",
                what: format!("the review has items 1 to {}, not {number}", items.len()),
            })?;
            let step = step_of(item, verdict, &decider)?;
            let statement = match step {
                Step::Decide => {
                    "UPDATE review_items SET verdict = $3, reason = $4, decided_by = $5, decided_at = $6, second_by = NULL WHERE review = $1 AND number = $2"
                }
                Step::Agree => {
                    "UPDATE review_items SET second_by = $5 WHERE review = $1 AND number = $2 AND verdict = $3 AND $4 <> '' AND $6 > 0"
                }
            };
            sqlx::query(statement)
                .bind(id.to_owned())
                .bind(i64::try_from(*number).unwrap_or(i64::MAX))
                .bind(verdict.as_str())
                .bind(reason.trim().to_owned())
                .bind(decider.clone())
                .bind(now_micros)
                .execute(turn.connection())
                .await
                .map_err(ControlError::from)?;
        }
        let fields = json!({ "review_id": id, "items": numbers, "decision": verdict.as_str() });
        turn.tell("ephor_review_decided", &fields, by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(())
    }

    /// Who should have heard of an open campaign by now, and has not.
    pub async fn owed_notices(&self, days: &NoticeDays, now_micros: i64) -> Result<Vec<Notice>, ReportError> {
        let managers = self.control.roster().managers().await?;
        let mut owed = Vec::new();
        for campaign in self.list().await?.into_iter().filter(|campaign| campaign.closed_micros.is_none()) {
            let items = self.items(&campaign.id).await?;
            let mut due = notices(&campaign, &items, days, |who| managers.get(who).cloned(), now_micros);
            let told = self.told_since(&campaign.id).await?;
            due.retain(|notice| told.get(&notice.recipient).is_none_or(|told| *told < notice.moment_micros));
            owed.extend(due);
        }
        Ok(owed)
    }

    /// The newest moment of which each has heard.
    async fn told_since(&self, id: &str) -> Result<HashMap<String, i64>, ReportError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT recipient, MAX(moment) FROM review_notices WHERE review = $1 GROUP BY recipient")
                .bind(id.to_owned())
                .fetch_all(self.control.readers())
                .await
                .map_err(ControlError::from)?;
        Ok(rows.into_iter().collect())
    }

    /// Notes that somebody has heard.
    pub async fn heard(
        &self,
        notice: &Notice,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ReportError> {
        let mut turn = self.control.write().await?;
        sqlx::query(
            "INSERT INTO review_notices (review, recipient, moment, sent_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(notice.review.clone())
        .bind(notice.recipient.clone())
        .bind(notice.moment_micros)
        .bind(now_micros)
        .execute(turn.connection())
        .await
        .map_err(ControlError::from)?;
        let fields = json!({
            "review_id": notice.review,
            "recipient_email": notice.recipient,
            "about": notice.about.as_str(),
            "open": notice.open.values().sum::<u64>(),
        });
        turn.tell("ephor_review_notice_sent", &fields, by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(())
    }

    /// Ends a campaign. What is still open stays so in the result; `sign` signs it.
    pub async fn close(
        &self,
        id: &str,
        sign: impl FnOnce(&str) -> Result<String, ReportError>,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Campaign, ReportError> {
        let campaign = self.campaign(id).await?;
        if campaign.closed_micros.is_some() {
            return Err(ReportError::NotNow(format!("the review `{id}` is closed already")));
        }
        let items = self.items(id).await?;
        let text = serde_json::to_string(&json!({
            "review": campaign.id,
            "name": campaign.name,
            "snapshot_sha256": campaign.snapshot_sha256,
            "closed_at_micros": now_micros,
            "closed_by": name_of(by),
            "items": items,
        }))
        .map_err(|error| ReportError::Written(error.to_string()))?;
        let signed = sign(&text)?;
        let mut turn = self.control.write().await?;
        sqlx::query("UPDATE reviews SET closed_at = $2, closed_by = $3, signed = $4 WHERE id = $1")
            .bind(id.to_owned())
            .bind(now_micros)
            .bind(name_of(by))
            .bind(signed)
            .execute(turn.connection())
            .await
            .map_err(ControlError::from)?;
        let open = items.iter().filter(|item| !is_decided(item)).count();
        let fields = json!({ "review_id": id, "items": items.len(), "open": open });
        turn.tell("ephor_review_closed", &fields, by, now_micros, rng).await?;
        turn.commit().await?;
        self.campaign(id).await
    }
}

/// What a step with an item is.
enum Step {
    Decide,
    /// A second person agrees with what the first decided.
    Agree,
}

/// Keeping a privileged right takes two people; nobody decides about themselves.
fn step_of(item: &Item, verdict: Verdict, decider: &str) -> Result<Step, ReportError> {
    let holder = item.entitlement.email.as_deref().unwrap_or(&item.entitlement.person);
    if holder.eq_ignore_ascii_case(decider) || item.entitlement.person.eq_ignore_ascii_case(decider) {
        return Err(ReportError::NotNow(format!(
            "item {} is {decider}'s own: somebody else has to decide",
            item.number
        )));
    }
    let needs_two = item.entitlement.flags.contains(&Flag::Privileged);
    match &item.decision {
        Some(first) if needs_two && first.verdict == verdict && !first.by.eq_ignore_ascii_case(decider) => {
            Ok(Step::Agree)
        }
        _ => Ok(Step::Decide),
    }
}

/// Whether an item needs nobody's decision any more.
pub(crate) fn is_decided(item: &Item) -> bool {
    let Some(decision) = &item.decision else { return false };
    let needs_two = item.entitlement.flags.contains(&Flag::Privileged) && decision.verdict == Verdict::Keep;
    decision.verdict != Verdict::Defer && (!needs_two || item.second.is_some())
}

fn name_of(actor: &Actor) -> String {
    actor.email().or_else(|| actor.id()).unwrap_or_else(|| actor.kind()).to_owned()
}

fn read_campaign(row: &SqliteRow) -> Result<Campaign, ReportError> {
    let read = || -> Result<Campaign, sqlx::Error> {
        Ok(Campaign {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            opened_micros: row.try_get("opened_at")?,
            opened_by: row.try_get("opened_by")?,
            due_micros: row.try_get("due_at")?,
            closed_micros: row.try_get("closed_at")?,
            snapshot_sha256: row.try_get("snapshot_sha256")?,
            signed: row.try_get("signed")?,
            items: u64::try_from(row.try_get::<i64, _>("items")?).unwrap_or(0),
            decided: u64::try_from(row.try_get::<i64, _>("decided")?).unwrap_or(0),
        })
    };
    read().map_err(|error| ControlError::from(error).into())
}

fn read_item(row: &SqliteRow) -> Result<Item, ReportError> {
    let damaged = |what: &str| ControlError::Damaged { what: format!("an item of a review: {what}") };
    let text = |name: &str| row.try_get::<Option<String>, _>(name).map_err(ControlError::from);
    let number: i64 = row.try_get("number").map_err(ControlError::from)?;
    let entitlement = text("entitlement")?.and_then(|text| serde_json::from_str(&text).ok());
    let decision = match text("verdict")? {
        None => None,
        Some(verdict) => Some(Decision {
            verdict: Verdict::of(&verdict).ok_or_else(|| damaged("its verdict"))?,
            reason: text("reason")?.unwrap_or_default(),
            by: text("decided_by")?.unwrap_or_default(),
            at_micros: row.try_get::<Option<i64>, _>("decided_at").map_err(ControlError::from)?.unwrap_or_default(),
        }),
    };
    Ok(Item {
        number: u64::try_from(number).unwrap_or(0),
        entitlement: entitlement.ok_or_else(|| damaged("what is reviewed"))?,
        reviewer: text("reviewer")?.unwrap_or_default(),
        decision,
        second: text("second_by")?,
    })
}
