//! Lists as sources bring them, in the control database: each source's register replaces what it brought before.
//! Promises that a list of one source never takes an entry off another's.
//! Never decides what belongs on a list.

use ephor_lake::control::Control;
use sqlx::Row;

use crate::by_hand::BY_HAND;
use crate::error::DetectError;
use crate::lists::{ListEntry, Lists};

/// The lists of a [`Control`].
#[derive(Debug, Clone)]
pub struct Registers {
    pub(crate) control: Control,
}

impl Registers {
    /// The lists in this control database.
    #[must_use]
    pub fn new(control: &Control) -> Self {
        Self { control: control.clone() }
    }

    /// Puts a source's register in the place of what it brought before under this name.
    pub async fn replace(&self, source: &str, list: &str, entries: &[ListEntry]) -> Result<(), DetectError> {
        if source == BY_HAND {
            return Err(DetectError::SourceName { name: source.to_owned() });
        }
        let mut turn = self.control.write().await?;
        let delete = sqlx::query("DELETE FROM detect_lists WHERE list = $1 AND source = $2");
        delete.bind(list).bind(source).execute(turn.connection()).await?;
        for entry in entries {
            let insert =
                "INSERT INTO detect_lists (list, id, name, source) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
            let insert = sqlx::query(insert).bind(list).bind(entry.id.clone()).bind(entry.name.clone()).bind(source);
            insert.execute(turn.connection()).await?;
        }
        turn.commit().await?;
        Ok(())
    }

    /// Takes over one register as a source lists it: objects with `id`, perhaps `name`, perhaps `allowed_user_ids`.
    /// Those who are allowed in a place become the list `REGISTER_allowed` of `PLACE+USER`.
    pub async fn take(&self, source: &str, register: &str, rows: &[serde_json::Value]) -> Result<(), DetectError> {
        let text = |row: &serde_json::Value, name: &str| row[name].as_str().map(str::to_owned);
        let entries: Vec<ListEntry> =
            rows.iter().filter_map(|row| Some(ListEntry { id: text(row, "id")?, name: text(row, "name") })).collect();
        self.replace(source, register, &entries).await?;
        let pair = |row: &serde_json::Value| {
            let place = text(row, "id")?;
            let people = row["allowed_user_ids"].as_array()?.iter().filter_map(serde_json::Value::as_str);
            Some(people.map(|user| ListEntry { id: format!("{place}+{user}"), name: None }).collect::<Vec<_>>())
        };
        let allowed: Vec<ListEntry> = rows.iter().filter_map(pair).flatten().collect();
        if rows.iter().any(|row| row.get("allowed_user_ids").is_some()) {
            self.replace(source, &format!("{register}_allowed"), &allowed).await?;
        }
        Ok(())
    }

    /// All lists of all sources.
    pub async fn lists(&self) -> Result<Lists, DetectError> {
        let rows = sqlx::query("SELECT list, id, name FROM detect_lists").fetch_all(self.control.readers()).await?;
        let mut lists = Lists::default();
        for row in rows {
            let entry = ListEntry { id: row.try_get("id")?, name: row.try_get("name")? };
            lists.put(&row.try_get::<String, _>("list")?, entry);
        }
        Ok(lists)
    }
}
