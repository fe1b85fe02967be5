//! Lists as people edit them: entries put on a list and taken off it, each change told as an activity.
//! Promises that an entry of a source's register is never taken off here: the source would bring it again.
//! Never judges: a changed list is asked from the detector's next look on.

use ephor_wire::actor::Actor;
use ephor_wire::timestamp::Timestamp;
use rand::CryptoRng;
use serde::Serialize;
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::DetectError;
use crate::lists::ListEntry;
use crate::registers::Registers;

/// What entries that people put on a list have as their source.
pub(crate) const BY_HAND: &str = "by_hand";

/// Characters of an entry's id or name at the most: longer than any id there is.
const ENTRY_CHARACTERS: usize = 300;

/// An entry of a list with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedEntry {
    /// The list.
    pub list: String,
    /// The entry's id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// The register of this source brought it, or `by_hand`.
    pub source: String,
    /// Who put it there by hand.
    pub added_by: Option<String>,
    /// When.
    pub added_at: Option<Timestamp>,
}

impl ListedEntry {
    /// An entry that stands in a file.
    #[must_use]
    pub fn of_file(list: &str, id: &str, file: &str) -> Self {
        let (list, id, source) = (list.to_owned(), id.to_owned(), file.to_owned());
        Self { list, id, name: None, source, added_by: None, added_at: None }
    }
}

/// What an edit came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Edited {
    /// It stands there now, or does no more.
    Changed,
    /// It was so already.
    Unchanged,
}

impl Registers {
    /// Every entry, of one list or of all, by list and id.
    pub async fn entries(&self, list: Option<&str>) -> Result<Vec<ListedEntry>, DetectError> {
        let rows = sqlx::query("SELECT * FROM detect_lists WHERE $1 IS NULL OR list = $1 ORDER BY list, id, source")
            .bind(list.map(str::to_owned))
            .fetch_all(self.control.readers())
            .await?;
        Ok(rows.iter().map(read).collect::<Result<_, sqlx::Error>>()?)
    }

    /// Puts an entry on a list. One that stands there keeps its name unless another is given.
    pub async fn put(
        &self,
        list: &str,
        entry: &ListEntry,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Edited, DetectError> {
        check(list, entry)?;
        let mut turn = self.control.write().await?;
        let insert = "INSERT INTO detect_lists (list, id, name, source, added_by, added_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (list, id, source) DO UPDATE SET name = excluded.name, added_by = excluded.added_by, added_at = excluded.added_at \
             WHERE excluded.name IS NOT NULL AND detect_lists.name IS DISTINCT FROM excluded.name";
        let insert = sqlx::query(insert)
            .bind(list.to_owned())
            .bind(entry.id.clone())
            .bind(entry.name.clone())
            .bind(BY_HAND)
            .bind(by.email().or_else(|| by.id()).unwrap_or_else(|| by.kind()).to_owned())
            .bind(now_micros);
        if insert.execute(turn.connection()).await?.rows_affected() == 0 {
            return Ok(Edited::Unchanged);
        }
        let fields = json!({ "list": list, "entry_id": entry.id, "entry_name": entry.name, "change": "added" });
        turn.tell("ephor_list_updated", &fields, by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(Edited::Changed)
    }

    /// Takes an entry off a list that somebody had put there by hand.
    pub async fn take_off(
        &self,
        list: &str,
        id: &str,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Edited, DetectError> {
        let mut turn = self.control.write().await?;
        let delete = sqlx::query("DELETE FROM detect_lists WHERE list = $1 AND id = $2 AND source = $3");
        let delete = delete.bind(list.to_owned()).bind(id.to_owned()).bind(BY_HAND);
        let stood_there = delete.execute(turn.connection()).await?.rows_affected() > 0;
        if stood_there {
            let fields = json!({ "list": list, "entry_id": id, "change": "removed" });
            turn.tell("ephor_list_updated", &fields, by, now_micros, rng).await?;
        }
        turn.commit().await?;
        // What a register lists too is on the list all the same.
        match self.entries(Some(list)).await?.into_iter().find(|entry| entry.id == id) {
            Some(entry) => Err(DetectError::OfARegister { list: entry.list, id: entry.id, source_name: entry.source }),
            None if stood_there => Ok(Edited::Changed),
            None => Ok(Edited::Unchanged),
        }
    }
}

fn check(list: &str, entry: &ListEntry) -> Result<(), DetectError> {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if list.is_empty() || !list.chars().all(plain) {
        return Err(DetectError::ListName { name: list.to_owned() });
    }
    let texts = [Some(entry.id.as_str()), entry.name.as_deref()];
    if entry.id.trim().is_empty() || texts.iter().flatten().any(|text| text.chars().count() > ENTRY_CHARACTERS) {
        return Err(DetectError::ListEntry { limit: ENTRY_CHARACTERS });
    }
    Ok(())
}

fn read(row: &SqliteRow) -> Result<ListedEntry, sqlx::Error> {
    Ok(ListedEntry {
        list: row.try_get("list")?,
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        source: row.try_get("source")?,
        added_by: row.try_get("added_by")?,
        added_at: row.try_get::<Option<i64>, _>("added_at")?.map(Timestamp::from_micros),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ephor_lake::control::Control;

    use super::*;

    const NOW: i64 = 1_795_435_200_000_000;

    #[tokio::test]
    async fn an_entry_is_put_on_once_and_what_a_source_brought_stays() {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).await.unwrap();
        let registers = Registers::new(&control);
        let (by, rng) = (Actor::user("user_ada", "ada@example.com", None, None), &mut rand::rng());
        let entry = |id: &str, name: Option<&str>| ListEntry { id: id.to_owned(), name: name.map(str::to_owned) };
        registers.replace("demo", "approved_connectors", &[entry("mcpsrv_1", Some("Jira"))]).await.unwrap();
        for expected in [Edited::Changed, Edited::Unchanged] {
            let put = registers.put("approved_connectors", &entry("mcpsrv_2", None), &by, NOW, rng).await.unwrap();
            assert_eq!(put, expected);
        }
        let lists = registers.lists().await.unwrap();
        assert_eq!(lists.entries("approved_connectors").len(), 2);
        let refused = registers.take_off("approved_connectors", "mcpsrv_1", &by, NOW, rng).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`mcpsrv_1` is on the list approved_connectors because `demo` lists it; take it off there"
        );
        for expected in [Edited::Changed, Edited::Unchanged] {
            assert_eq!(registers.take_off("approved_connectors", "mcpsrv_2", &by, NOW, rng).await.unwrap(), expected);
        }
        // One that a register lists too: what was put there by hand goes, and the answer says why it is still on the list.
        registers.put("approved_connectors", &entry("mcpsrv_1", Some("Tickets")), &by, NOW, rng).await.unwrap();
        let unnamed = registers.put("approved_connectors", &entry("mcpsrv_1", None), &by, NOW, rng).await.unwrap();
        assert_eq!(unnamed, Edited::Unchanged, "its name stays");
        let both = registers.take_off("approved_connectors", "mcpsrv_1", &by, NOW, rng).await;
        assert!(matches!(both, Err(DetectError::OfARegister { .. })), "{both:?}");
        let odd = registers.put("Approved!", &entry("x", None), &by, NOW, rng).await.unwrap_err();
        assert!(odd.to_string().starts_with("`Approved!` is no name of a list"), "{odd}");
        assert!(registers.put("break_glass", &entry(" ", None), &by, NOW, rng).await.is_err());
        let told = control.outbox().len().await.unwrap();
        assert_eq!(told, 4, "each change is an activity, and nothing else is");
    }
}
