//! Activities of Ephor's own making that wait to be moved into the lake.
//! What is put here is kept until it is deleted, and comes out in order of time; the same id is kept once.
//! Never moves anything itself: the server's audit task appends to the lake first and deletes here after.

use ephor_wire::actor::Actor;
use rand::CryptoRng;
use serde_json::Value;
use sqlx::{Row, SqliteConnection};

use super::{Control, ControlError};

/// The source under which activities of Ephor's own making are stored.
pub const OWN_SOURCE: &str = "ephor";

/// One activity on its way into the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxItem {
    /// The activity's id; the lake drops a second copy by it, so moving twice does no harm.
    pub id: String,
    /// The whole activity as JSON.
    pub raw: String,
}

/// The outbox of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Outbox<'c> {
    pub(super) control: &'c Control,
}

impl Outbox<'_> {
    /// Puts one activity in that belongs to no change of the control database.
    pub async fn put(&self, item: &OutboxItem, now_micros: i64) -> Result<(), ControlError> {
        self.put_many(std::slice::from_ref(item), now_micros).await
    }

    /// Tells of something that Ephor did and that the catalogue has no type for; the type begins with `ephor_`.
    pub async fn tell(
        &self,
        kind: &'static str,
        fields: &Value,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        turn.tell(kind, fields, by, now_micros, rng).await?;
        turn.commit().await
    }

    /// Puts many in with one wait for the disk: for activities that come with every request.
    pub async fn put_many(&self, items: &[OutboxItem], now_micros: i64) -> Result<(), ControlError> {
        if items.is_empty() {
            return Ok(());
        }
        let mut turn = self.control.write().await?;
        for item in items {
            insert(turn.connection(), item, now_micros).await?;
        }
        turn.commit().await
    }

    /// The activities that wait longest, at most `limit_rows`.
    pub async fn pending(&self, limit_rows: usize) -> Result<Vec<OutboxItem>, ControlError> {
        let limit = i64::try_from(limit_rows).unwrap_or(i64::MAX);
        let rows = sqlx::query("SELECT id, raw FROM outbox ORDER BY queued_at, id LIMIT $1")
            .bind(limit)
            .fetch_all(&self.control.pool)
            .await?;
        rows.iter().map(|row| Ok(OutboxItem { id: row.try_get("id")?, raw: row.try_get("raw")? })).collect()
    }

    /// How many wait.
    #[expect(clippy::len_without_is_empty, reason = "asking costs a query, so the number is asked for and compared")]
    pub async fn len(&self) -> Result<u64, ControlError> {
        let row = sqlx::query("SELECT COUNT(*) AS waiting FROM outbox").fetch_one(&self.control.pool).await?;
        Ok(u64::try_from(row.try_get::<i64, _>("waiting")?).unwrap_or(0))
    }

    /// Forgets activities that the lake has; an id that is not here is passed over.
    pub async fn delete(&self, ids: &[String]) -> Result<(), ControlError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut turn = self.control.write().await?;
        for id in ids {
            sqlx::query("DELETE FROM outbox WHERE id = $1").bind(id.clone()).execute(turn.connection()).await?;
        }
        turn.commit().await
    }
}

/// Puts an activity in within a transaction that is under way.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    item: &OutboxItem,
    now_micros: i64,
) -> Result<(), ControlError> {
    sqlx::query("INSERT INTO outbox (id, queued_at, raw) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING")
        .bind(item.id.clone())
        .bind(now_micros)
        .bind(item.raw.clone())
        .execute(connection)
        .await?;
    Ok(())
}
