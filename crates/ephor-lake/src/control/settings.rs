//! Settings by name, as JSON values, each with the history of its changes.
//! A change is kept with who made it and when, and is told in the feed with the value before and after.
//! Never the place for a secret: values are shown in the feed and in reports.

use ephor_wire::actor::Actor;
use rand::CryptoRng;
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::activities::{self, Deed};
use super::{Control, ControlError};

const NAME_CHARACTERS: usize = 100;

/// A setting as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its name, such as `web_search_enabled`.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Who set it.
    pub changed_by: String,
    /// When.
    pub changed_at_micros: i64,
}

/// One change of a setting.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingRevision {
    /// The value since; `None` where the setting was taken away.
    pub value: Option<Value>,
    /// Who changed it.
    pub changed_by: String,
    /// When.
    pub changed_at_micros: i64,
}

/// The settings of a [`Control`].
#[derive(Debug, Clone, Copy)]
pub struct Settings<'c> {
    pub(super) control: &'c Control,
}

impl Settings<'_> {
    /// The value of a setting.
    pub async fn get(&self, name: &str) -> Result<Option<Value>, ControlError> {
        let row = sqlx::query("SELECT * FROM settings WHERE name = $1")
            .bind(name.to_owned())
            .fetch_optional(&self.control.pool)
            .await?;
        Ok(row.as_ref().map(read).transpose()?.map(|setting| setting.value))
    }

    /// Every setting, by name.
    pub async fn list(&self) -> Result<Vec<Setting>, ControlError> {
        let rows = sqlx::query("SELECT * FROM settings ORDER BY name").fetch_all(&self.control.pool).await?;
        rows.iter().map(read).collect()
    }

    /// The changes of a setting, the first one first.
    pub async fn history(&self, name: &str) -> Result<Vec<SettingRevision>, ControlError> {
        let rows = sqlx::query("SELECT * FROM settings_history WHERE name = $1 ORDER BY revision")
            .bind(name.to_owned())
            .fetch_all(&self.control.pool)
            .await?;
        rows.iter().map(|row| read_revision(name, row)).collect()
    }

    /// Sets a value. The value that is there already changes nothing and is not told.
    pub async fn put(
        &self,
        name: &str,
        value: &Value,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        check_name(name)?;
        self.change(name, Some(value), by, now_micros, rng).await
    }

    /// Takes a setting away; one that is not there changes nothing.
    pub async fn remove(
        &self,
        name: &str,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        self.change(name, None, by, now_micros, rng).await
    }

    async fn change(
        &self,
        name: &str,
        value: Option<&Value>,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        let mut turn = self.control.write().await?;
        let row = sqlx::query("SELECT * FROM settings WHERE name = $1").bind(name.to_owned());
        let row = row.fetch_optional(turn.connection()).await?;
        let previous = row.as_ref().map(read).transpose()?.map(|setting| setting.value);
        if previous.as_ref() == value {
            return Ok(());
        }
        let changed_by = activities::name_of(by);
        store(turn.connection(), name, value, &changed_by, now_micros).await?;
        let deed = Deed::SettingChanged { name, previous: previous.as_ref(), current: value };
        activities::tell(turn.connection(), deed, by, now_micros, rng).await?;
        turn.commit().await
    }
}

pub(super) async fn store(
    connection: &mut SqliteConnection,
    name: &str,
    value: Option<&Value>,
    changed_by: &str,
    now_micros: i64,
) -> Result<(), ControlError> {
    let text = value.map(Value::to_string);
    let query = match text.clone() {
        Some(text) => sqlx::query(
            "INSERT INTO settings (name, value, changed_by, changed_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_by = excluded.changed_by,
                 changed_at = excluded.changed_at",
        )
        .bind(name.to_owned())
        .bind(text)
        .bind(changed_by.to_owned())
        .bind(now_micros),
        None => sqlx::query("DELETE FROM settings WHERE name = $1").bind(name.to_owned()),
    };
    query.execute(&mut *connection).await?;
    sqlx::query(
        "INSERT INTO settings_history (name, revision, value, changed_by, changed_at)
         SELECT $1, COALESCE(MAX(revision), 0) + 1, $2, $3, $4 FROM settings_history WHERE name = $1",
    )
    .bind(name.to_owned())
    .bind(text)
    .bind(changed_by.to_owned())
    .bind(now_micros)
    .execute(connection)
    .await?;
    Ok(())
}

fn check_name(name: &str) -> Result<(), ControlError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '-');
    if name.is_empty() || name.len() > NAME_CHARACTERS || !name.chars().all(allowed) {
        return Err(ControlError::SettingName { limit: NAME_CHARACTERS });
    }
    Ok(())
}

fn read(row: &SqliteRow) -> Result<Setting, ControlError> {
    let name: String = row.try_get("name")?;
    Ok(Setting {
        value: parse(&name, &row.try_get::<String, _>("value")?)?,
        changed_by: row.try_get("changed_by")?,
        changed_at_micros: row.try_get("changed_at")?,
        name,
    })
}

fn read_revision(name: &str, row: &SqliteRow) -> Result<SettingRevision, ControlError> {
    let value: Option<String> = row.try_get("value")?;
    Ok(SettingRevision {
        value: value.map(|text| parse(name, &text)).transpose()?,
        changed_by: row.try_get("changed_by")?,
        changed_at_micros: row.try_get("changed_at")?,
    })
}

fn parse(name: &str, text: &str) -> Result<Value, ControlError> {
    serde_json::from_str(text)
        .map_err(|error| ControlError::Damaged { what: format!("the setting {name} does not hold JSON: {error}") })
}
