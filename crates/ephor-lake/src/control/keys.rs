//! API keys of this Ephor: made, recognised, rotated with an overlap, revoked.
//! A revoked or expired key fails from the next request on: every authentication asks the database.
//! Never stores a secret, and never answers with a hash of one.

use std::time::Duration;

use ephor_wire::actor::Actor;
use ephor_wire::ids::OrganizationUuid;
use ephor_wire::scope::{Scope, ScopeSet};
use rand::CryptoRng;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::activities::{self, Deed};
use super::analytics_switch::{self, AnalyticsAccess};
use super::secret::{Fingerprint, KeySecret};
use super::{Control, ControlError};

/// Long enough for a sentence, short enough for a table's column.
const NAME_CHARACTERS: usize = 200;

/// The time of last use is for people; one write a minute tells them enough.
const LAST_USED_STEP_MICROS: i64 = 60_000_000;

/// What a key sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyReach {
    /// The parent organization and everything linked to it.
    Parent,
    /// One organization only.
    Organization(OrganizationUuid),
}

impl KeyReach {
    /// The UUID of the one organization, if the key is bound to one.
    pub fn organization(&self) -> Option<&str> {
        match self {
            Self::Parent => None,
            Self::Organization(uuid) => Some(uuid.as_str()),
        }
    }
}

/// What a new key is to be.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// What uses it, in words.
    pub name: String,
    /// What it may do; fixed for its life.
    pub scopes: ScopeSet,
    /// What it sees; fixed for its life.
    pub reach: KeyReach,
    /// When it stops working by itself, in microseconds since 1970.
    pub expires_at_micros: Option<i64>,
}

/// A key as it may be shown: everything but the secret.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyRecord {
    /// `apikey_…`
    pub id: String,
    /// What uses it, in words.
    pub name: String,
    /// The last characters of the secret.
    pub hint: String,
    /// What it may do.
    pub scopes: ScopeSet,
    /// What it sees.
    pub reach: KeyReach,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at_micros: i64,
    /// When it stops (or stopped) working by itself.
    pub expires_at_micros: Option<i64>,
    /// When it was revoked.
    pub revoked_at_micros: Option<i64>,
    /// When it was used last, to the minute.
    pub last_used_at_micros: Option<i64>,
    /// The key that it replaces.
    pub rotated_from: Option<String>,
}

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It works.
    Active,
    /// Its time has run out.
    Expired,
    /// Somebody took it back.
    Revoked,
}

impl KeyState {
    /// The word for it in lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl KeyRecord {
    /// Whether the key works at a time.
    pub fn state(&self, now_micros: i64) -> KeyState {
        if self.revoked_at_micros.is_some() {
            KeyState::Revoked
        } else if self.expires_at_micros.is_some_and(|at| at <= now_micros) {
            KeyState::Expired
        } else {
            KeyState::Active
        }
    }

    pub(super) fn scope_names(&self) -> Vec<&'static str> {
        self.scopes.iter().map(Scope::as_str).collect()
    }
}

/// A key just made: the only moment at which its secret exists outside its owner's hands.
#[derive(Debug, Clone)]
pub struct IssuedKey {
    /// The key.
    pub record: KeyRecord,
    /// Its secret, to be shown once.
    pub secret: KeySecret,
}

/// A key that works, and the switches as they stood in the same moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognised {
    /// The key.
    pub key: KeyRecord,
    /// Whether activities are recorded.
    pub records: bool,
    /// Whether the Analytics API answers.
    pub analytics: AnalyticsAccess,
}

/// The API keys of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Keys<'c> {
    pub(super) control: &'c Control,
}

impl Keys<'_> {
    /// Makes a key.
    pub async fn create(
        &self,
        wanted: NewKey,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<IssuedKey, ControlError> {
        check(&wanted, now_micros)?;
        let mut turn = self.control.write().await?;
        if let Some(uuid) = wanted.reach.organization() {
            let known = sqlx::query("SELECT uuid FROM organizations WHERE uuid = $1")
                .bind(uuid.to_owned())
                .fetch_optional(turn.connection())
                .await?;
            known.ok_or_else(|| ControlError::UnknownOrganization { name: uuid.to_owned() })?;
        }
        let issued = issue(wanted, None, by, now_micros, rng);
        insert(turn.connection(), &issued).await?;
        activities::tell(turn.connection(), Deed::KeyCreated(&issued.record), by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(issued)
    }

    /// The key that a presented secret belongs to, if it works at this time, and what is switched on: everything that a
    /// request has to know, asked with one statement, since every request asks.
    pub async fn authenticate(&self, presented: &str, now_micros: i64) -> Result<Option<Recognised>, ControlError> {
        let Some(fingerprint) = Fingerprint::of_presented(presented) else {
            return Ok(None);
        };
        let row = sqlx::query(
            "SELECT api_keys.*,
                    (SELECT COUNT(*) FROM recording_periods WHERE state = 'open') AS open_periods,
                    (SELECT value FROM settings WHERE name = $2) AS analytics_access
             FROM api_keys WHERE secret_sha256 = $1",
        )
        .bind(fingerprint.as_hex().to_owned())
        .bind(analytics_switch::SETTING)
        .fetch_optional(&self.control.pool)
        .await?;
        let Some(row) = row.filter(|row| row.try_get("secret_sha256").is_ok_and(|stored| fingerprint.matches(stored)))
        else {
            return Ok(None);
        };
        let recognised = Recognised {
            key: read(&row)?,
            records: row.try_get::<i64, _>("open_periods")? > 0,
            analytics: AnalyticsAccess::read(row.try_get("analytics_access")?),
        };
        Ok(Some(recognised).filter(|recognised| recognised.key.state(now_micros) == KeyState::Active))
    }

    /// Notes that a key was used, at most once a minute: cheap enough to call with every request.
    pub async fn touch_last_used(&self, key: &KeyRecord, now_micros: i64) -> Result<(), ControlError> {
        let stale_before = now_micros.saturating_sub(LAST_USED_STEP_MICROS);
        if key.last_used_at_micros.is_some_and(|at| at > stale_before) {
            return Ok(());
        }
        let mut turn = self.control.write().await?;
        // Asked again here: of many requests at once that read the same old time, one writes.
        let statement =
            "UPDATE api_keys SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at <= $3)";
        let query = sqlx::query(statement).bind(now_micros).bind(key.id.clone()).bind(stale_before);
        query.execute(turn.connection()).await?;
        turn.commit().await
    }

    /// Every key that ever was, the oldest first.
    pub async fn list(&self) -> Result<Vec<KeyRecord>, ControlError> {
        let rows = sqlx::query("SELECT * FROM api_keys ORDER BY created_at, id").fetch_all(&self.control.pool).await?;
        rows.iter().map(read).collect()
    }

    /// The key with this id.
    pub async fn find(&self, id: &str) -> Result<Option<KeyRecord>, ControlError> {
        let row = sqlx::query("SELECT * FROM api_keys WHERE id = $1")
            .bind(id.to_owned())
            .fetch_optional(&self.control.pool)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Makes a successor with the same name, scopes and reach; the old key goes on working for `overlap`.
    /// A key with a limited life has a successor with a life of the same length.
    pub async fn rotate(
        &self,
        id: &str,
        overlap: Duration,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<IssuedKey, ControlError> {
        let mut turn = self.control.write().await?;
        let old = existing(turn.connection(), id).await?;
        check_rotatable(turn.connection(), &old, now_micros).await?;
        let overlap_ends = now_micros.saturating_add(i64::try_from(overlap.as_micros()).unwrap_or(i64::MAX));
        let old_ends = old.expires_at_micros.map_or(overlap_ends, |at| at.min(overlap_ends));
        sqlx::query("UPDATE api_keys SET expires_at = $1 WHERE id = $2")
            .bind(old_ends)
            .bind(old.id.clone())
            .execute(turn.connection())
            .await?;
        let lifetime_micros = old.expires_at_micros.map(|at| at.saturating_sub(old.created_at_micros));
        let wanted = NewKey {
            name: old.name.clone(),
            scopes: old.scopes.clone(),
            reach: old.reach.clone(),
            expires_at_micros: lifetime_micros.map(|lifetime| now_micros.saturating_add(lifetime)),
        };
        let issued = issue(wanted, Some(old.id.clone()), by, now_micros, rng);
        insert(turn.connection(), &issued).await?;
        activities::tell(turn.connection(), Deed::KeyCreated(&issued.record), by, now_micros, rng).await?;
        let changed = Deed::KeyStateChanged { key: &old, previous: "active", current: "expiring" };
        activities::tell(turn.connection(), changed, by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(issued)
    }

    /// Takes a key back for ever, from the next request on. Revoking a revoked key changes nothing.
    pub async fn revoke(
        &self,
        id: &str,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<KeyRecord, ControlError> {
        let mut turn = self.control.write().await?;
        let mut key = existing(turn.connection(), id).await?;
        if key.revoked_at_micros.is_some() {
            return Ok(key);
        }
        sqlx::query("UPDATE api_keys SET revoked_at = $1 WHERE id = $2")
            .bind(now_micros)
            .bind(key.id.clone())
            .execute(turn.connection())
            .await?;
        key.revoked_at_micros = Some(now_micros);
        activities::tell(turn.connection(), Deed::KeyDeleted(&key), by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(key)
    }
}

fn check(wanted: &NewKey, now_micros: i64) -> Result<(), ControlError> {
    let characters = wanted.name.trim().chars().count();
    if characters == 0 || characters > NAME_CHARACTERS {
        return Err(ControlError::KeyName { limit: NAME_CHARACTERS });
    }
    if wanted.scopes.is_empty() {
        return Err(ControlError::KeyWithoutScope);
    }
    if wanted.expires_at_micros.is_some_and(|at| at <= now_micros) {
        return Err(ControlError::KeyExpiryInPast);
    }
    Ok(())
}

async fn check_rotatable(
    connection: &mut SqliteConnection,
    old: &KeyRecord,
    now_micros: i64,
) -> Result<(), ControlError> {
    let not_rotatable = |state| Err(ControlError::KeyNotRotatable { id: old.id.clone(), state });
    match old.state(now_micros) {
        KeyState::Active => {}
        state => return not_rotatable(state.as_str()),
    }
    let successor = sqlx::query("SELECT id FROM api_keys WHERE rotated_from = $1").bind(old.id.clone());
    match successor.fetch_optional(connection).await? {
        Some(_) => not_rotatable("rotated already"),
        None => Ok(()),
    }
}

fn issue(
    wanted: NewKey,
    rotated_from: Option<String>,
    by: &Actor,
    now_micros: i64,
    rng: &mut impl CryptoRng,
) -> IssuedKey {
    let secret = KeySecret::random(rng);
    let record = KeyRecord {
        id: activities::new_id("apikey_", rng),
        name: wanted.name.trim().to_owned(),
        hint: secret.hint().to_owned(),
        scopes: wanted.scopes,
        reach: wanted.reach,
        created_by: activities::name_of(by),
        created_at_micros: now_micros,
        expires_at_micros: wanted.expires_at_micros,
        revoked_at_micros: None,
        last_used_at_micros: None,
        rotated_from,
    };
    IssuedKey { record, secret }
}

async fn insert(connection: &mut SqliteConnection, issued: &IssuedKey) -> Result<(), ControlError> {
    let key = &issued.record;
    sqlx::query(
        "INSERT INTO api_keys (id, name, secret_sha256, hint, scopes, organization_uuid, created_by, created_at, expires_at, rotated_from)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(key.id.clone())
    .bind(key.name.clone())
    .bind(issued.secret.fingerprint().as_hex().to_owned())
    .bind(key.hint.clone())
    .bind(key.scope_names().join(" "))
    .bind(key.reach.organization().map(str::to_owned))
    .bind(key.created_by.clone())
    .bind(key.created_at_micros)
    .bind(key.expires_at_micros)
    .bind(key.rotated_from.clone())
    .execute(connection)
    .await?;
    Ok(())
}

async fn existing(connection: &mut SqliteConnection, id: &str) -> Result<KeyRecord, ControlError> {
    let row =
        sqlx::query("SELECT * FROM api_keys WHERE id = $1").bind(id.to_owned()).fetch_optional(connection).await?;
    read(&row.ok_or_else(|| ControlError::UnknownKey { id: id.to_owned() })?)
}

fn read(row: &SqliteRow) -> Result<KeyRecord, ControlError> {
    let id: String = row.try_get("id")?;
    let scopes: String = row.try_get("scopes")?;
    let scope = |name: &str| {
        name.parse::<Scope>()
            .map_err(|_| ControlError::Damaged { what: format!("the key {id} has the unknown scope `{name}`") })
    };
    let organization: Option<String> = row.try_get("organization_uuid")?;
    Ok(KeyRecord {
        name: row.try_get("name")?,
        hint: row.try_get("hint")?,
        scopes: scopes.split(' ').map(scope).collect::<Result<_, _>>()?,
        reach: organization.map_or(KeyReach::Parent, |uuid| KeyReach::Organization(OrganizationUuid::from(uuid))),
        created_by: row.try_get("created_by")?,
        created_at_micros: row.try_get("created_at")?,
        expires_at_micros: row.try_get("expires_at")?,
        revoked_at_micros: row.try_get("revoked_at")?,
        last_used_at_micros: row.try_get("last_used_at")?,
        rotated_from: row.try_get("rotated_from")?,
        id,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::control) fn some_key() -> KeyRecord {
        KeyRecord {
            id: "apikey_1".to_owned(),
            name: "collector".to_owned(),
            hint: "abcd".to_owned(),
            scopes: [Scope::ReadComplianceActivities].into_iter().collect(),
            reach: KeyReach::Parent,
            created_by: "ada@example.com".to_owned(),
            created_at_micros: 10,
            expires_at_micros: Some(20),
            revoked_at_micros: None,
            last_used_at_micros: None,
            rotated_from: None,
        }
    }

    #[test]
    fn a_key_works_up_to_but_not_at_its_expiry() {
        let key = some_key();
        assert_eq!(key.state(19), KeyState::Active);
        assert_eq!(key.state(20), KeyState::Expired);
        assert_eq!(KeyRecord { revoked_at_micros: Some(12), ..key }.state(15), KeyState::Revoked);
    }
}
