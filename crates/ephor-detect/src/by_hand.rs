//! Lists as people edit them: entries put on a list and taken off it, each change told as an activity.
//! Promises that an entry of a source's register is never taken off here: the source would bring it again.
//! Never judges: a changed list is asked from the detector's next look on.

use std::str::FromStr;

use ephor_wire::actor::Actor;
use ephor_wire::timestamp::{Timestamp, UtcDay, parse_micros};
use rand::CryptoRng;
use serde::Serialize;
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::DetectError;
use crate::registers::{EVER, OF_THE_FILE, Registers};

/// What entries that people put on a list have as their source.
pub(crate) const BY_HAND: &str = "by_hand";

/// Characters of an entry's id, name or reason at the most: longer than any id there is.
const ENTRY_CHARACTERS: usize = 300;

/// An entry of a list with where it comes from and when it stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedEntry {
    /// The list.
    pub list: String,
    /// The entry's id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// The register of this source brought it, or `by_hand`, or `ephor.toml`.
    pub source: String,
    /// From when on it stands there; nothing if it always did.
    pub stands_from: Option<Timestamp>,
    /// Until when it stood there.
    pub stood_to: Option<Timestamp>,
    /// Who put it there by hand.
    pub added_by: Option<String>,
    /// When.
    pub added_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<String>,
    /// Who took it off.
    pub removed_by: Option<String>,
    /// Why.
    pub removal_reason: Option<String>,
}

impl ListedEntry {
    /// An entry of ephor.toml that no detector has found there yet.
    #[must_use]
    pub fn of_the_file(list: &str, id: &str) -> Self {
        Self {
            list: list.to_owned(),
            id: id.to_owned(),
            name: None,
            source: OF_THE_FILE.to_owned(),
            stands_from: None,
            stood_to: None,
            added_by: None,
            added_at: None,
            reason: None,
            removed_by: None,
            removal_reason: None,
        }
    }
}

/// Which entries are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entries {
    /// Those that stand on a list now.
    Standing,
    /// Those that stood there once, too.
    Ever,
}

/// From when on an entry stands on a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Since {
    /// From this edit on.
    #[default]
    Now,
    /// It always belonged there: what was found because it was missing is withdrawn.
    Always,
    /// From this moment on, in microseconds since 1970.
    At(i64),
}

impl FromStr for Since {
    type Err = DetectError;

    fn from_str(text: &str) -> Result<Self, DetectError> {
        match text {
            "now" => Ok(Self::Now),
            "always" => Ok(Self::Always),
            other => {
                let day = other.parse::<UtcDay>().ok().map(UtcDay::start_micros);
                let at = day.or_else(|| parse_micros(other)).filter(|at| *at > EVER);
                at.map(Self::At).ok_or_else(|| DetectError::Since { text: other.to_owned() })
            }
        }
    }
}

/// An entry as somebody wants it on a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The list.
    pub list: String,
    /// The entry's id, or any text that a field may hold.
    pub id: String,
    /// Its name, where rules may know it by that too.
    pub name: Option<String>,
    /// From when on.
    pub since: Since,
    /// Why.
    pub reason: Option<String>,
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
    /// Entries of one list or of all, by list and id.
    pub async fn entries(&self, list: Option<&str>, which: Entries) -> Result<Vec<ListedEntry>, DetectError> {
        let rows = sqlx::query(
            "SELECT * FROM detect_list_stays WHERE ($1 IS NULL OR list = $1) AND ($2 OR valid_to IS NULL) \
             ORDER BY list, id, source, valid_from",
        );
        let rows = rows.bind(list.map(str::to_owned)).bind(which == Entries::Ever);
        let rows = rows.fetch_all(self.control.readers()).await?;
        Ok(rows.iter().map(read).collect::<Result<_, sqlx::Error>>()?)
    }

    /// Puts an entry on a list. One that stands there keeps its name and its beginning unless others are given.
    pub async fn put(
        &self,
        wanted: &Wanted,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Edited, DetectError> {
        check(wanted)?;
        let mut turn = self.control.write().await?;
        let standing = "SELECT name, valid_from FROM detect_list_stays \
             WHERE list = $1 AND id = $2 AND source = $3 AND valid_to IS NULL";
        let standing = sqlx::query(standing).bind(wanted.list.clone()).bind(wanted.id.clone()).bind(BY_HAND);
        let standing = standing.fetch_optional(turn.connection()).await?;
        let standing: Option<(Option<String>, i64)> =
            standing.map(|row| Ok::<_, sqlx::Error>((row.try_get("name")?, row.try_get("valid_from")?))).transpose()?;
        let (known_name, known_from) = standing.clone().unwrap_or((None, now_micros));
        let from = match wanted.since {
            Since::Now => known_from,
            Since::Always => EVER,
            Since::At(at) => at,
        };
        let name = wanted.name.clone().or(known_name);
        if standing == Some((name.clone(), from)) {
            return Ok(Edited::Unchanged);
        }
        let close = "DELETE FROM detect_list_stays WHERE list = $1 AND id = $2 AND source = $3 AND valid_to IS NULL";
        let close = sqlx::query(close).bind(wanted.list.clone()).bind(wanted.id.clone()).bind(BY_HAND);
        close.execute(turn.connection()).await?;
        let insert = "INSERT INTO detect_list_stays (list, id, source, valid_from, name, added_by, added_at, reason) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (list, id, source, valid_from) DO UPDATE SET \
             name = excluded.name, valid_to = NULL, added_by = excluded.added_by, added_at = excluded.added_at, \
             reason = excluded.reason, removed_by = NULL, removal_reason = NULL";
        let insert = sqlx::query(insert)
            .bind(wanted.list.clone())
            .bind(wanted.id.clone())
            .bind(BY_HAND)
            .bind(from)
            .bind(name.clone())
            .bind(called(by))
            .bind(now_micros)
            .bind(wanted.reason.clone());
        insert.execute(turn.connection()).await?;
        let fields = json!({
            "list": wanted.list,
            "entry_id": wanted.id,
            "entry_name": name,
            "change": "added",
            "stands_from": moment(from),
            "reason": wanted.reason,
        });
        turn.tell("ephor_list_updated", &fields, by, now_micros, rng).await?;
        turn.commit().await?;
        Ok(Edited::Changed)
    }

    /// Takes an entry off a list that somebody had put there by hand: it stood there until now.
    pub async fn take_off(
        &self,
        (list, id): (&str, &str),
        reason: Option<&str>,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<Edited, DetectError> {
        let mut turn = self.control.write().await?;
        let close = "UPDATE detect_list_stays SET valid_to = MAX(valid_from, $4), removed_by = $5, removal_reason = $6 \
             WHERE list = $1 AND id = $2 AND source = $3 AND valid_to IS NULL";
        let close = sqlx::query(close)
            .bind(list.to_owned())
            .bind(id.to_owned())
            .bind(BY_HAND)
            .bind(now_micros)
            .bind(called(by))
            .bind(reason.map(str::to_owned));
        let stood_there = close.execute(turn.connection()).await?.rows_affected() > 0;
        if stood_there {
            let fields = json!({ "list": list, "entry_id": id, "change": "removed", "reason": reason });
            turn.tell("ephor_list_updated", &fields, by, now_micros, rng).await?;
        }
        turn.commit().await?;
        // What a register lists too is on the list all the same.
        match self.entries(Some(list), Entries::Standing).await?.into_iter().find(|entry| entry.id == id) {
            Some(entry) => Err(DetectError::OfARegister { list: entry.list, id: entry.id, source_name: entry.source }),
            None if stood_there => Ok(Edited::Changed),
            None => Ok(Edited::Unchanged),
        }
    }
}

fn check(wanted: &Wanted) -> Result<(), DetectError> {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if wanted.list.is_empty() || !wanted.list.chars().all(plain) {
        return Err(DetectError::ListName { name: wanted.list.clone() });
    }
    let texts = [Some(wanted.id.as_str()), wanted.name.as_deref(), wanted.reason.as_deref()];
    let too_long = |text: &&str| text.chars().count() > ENTRY_CHARACTERS;
    if wanted.id.trim().is_empty() || texts.iter().flatten().any(too_long) {
        return Err(DetectError::ListEntry { limit: ENTRY_CHARACTERS });
    }
    Ok(())
}

fn called(by: &Actor) -> String {
    by.email().or_else(|| by.id()).unwrap_or_else(|| by.kind()).to_owned()
}

/// Nothing for what always was so.
fn moment(micros: i64) -> Option<Timestamp> {
    (micros > EVER).then(|| Timestamp::from_micros(micros))
}

fn read(row: &SqliteRow) -> Result<ListedEntry, sqlx::Error> {
    let at = |column: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(column)?.and_then(moment));
    Ok(ListedEntry {
        list: row.try_get("list")?,
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        source: row.try_get("source")?,
        stands_from: at("valid_from")?,
        stood_to: at("valid_to")?,
        added_by: row.try_get("added_by")?,
        added_at: at("added_at")?,
        reason: row.try_get("reason")?,
        removed_by: row.try_get("removed_by")?,
        removal_reason: row.try_get("removal_reason")?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ephor_lake::control::Control;

    use super::*;
    use crate::lists::{ListEntry, ListQuestion, Lists, Stay};

    const NOW: i64 = 1_795_435_200_000_000;

    fn wanted(id: &str, name: Option<&str>) -> Wanted {
        let (list, id, name) = ("approved_connectors".to_owned(), id.to_owned(), name.map(str::to_owned));
        Wanted { list, id, name, ..Wanted::default() }
    }

    fn ada() -> Actor {
        Actor::user("user_ada", "ada@example.com", None, None)
    }

    #[tokio::test]
    async fn an_entry_is_put_on_once_and_what_a_source_brought_stays() {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).await.unwrap();
        let registers = Registers::new(&control);
        let (by, rng) = (ada(), &mut rand::rng());
        let jira = ListEntry { id: "mcpsrv_1".to_owned(), name: Some("Jira".to_owned()), stay: Stay::ALWAYS };
        registers.replace("demo", "approved_connectors", &[jira], NOW).await.unwrap();
        for expected in [Edited::Changed, Edited::Unchanged] {
            assert_eq!(registers.put(&wanted("mcpsrv_2", None), &by, NOW, rng).await.unwrap(), expected);
        }
        assert_eq!(registers.entries(Some("approved_connectors"), Entries::Standing).await.unwrap().len(), 2);
        let off = async |id: &str| {
            registers.take_off(("approved_connectors", id), None, &ada(), NOW + 1, &mut rand::rng()).await
        };
        assert_eq!(
            off("mcpsrv_1").await.unwrap_err().to_string(),
            "`mcpsrv_1` is on the list approved_connectors because `demo` lists it; take it off there"
        );
        for expected in [Edited::Changed, Edited::Unchanged] {
            assert_eq!(off("mcpsrv_2").await.unwrap(), expected);
        }
        // One that a register lists too: what was put there by hand goes, and the answer says why it is still on the list.
        registers.put(&wanted("mcpsrv_1", Some("Tickets")), &by, NOW, rng).await.unwrap();
        let unnamed = registers.put(&wanted("mcpsrv_1", None), &by, NOW, rng).await.unwrap();
        assert_eq!(unnamed, Edited::Unchanged, "its name stays");
        let both = off("mcpsrv_1").await;
        assert!(matches!(both, Err(DetectError::OfARegister { .. })), "{both:?}");
        let odd = Wanted { list: "Approved!".to_owned(), ..wanted("x", None) };
        let odd = registers.put(&odd, &by, NOW, rng).await.unwrap_err();
        assert!(odd.to_string().starts_with("`Approved!` is no name of a list"), "{odd}");
        assert!(registers.put(&wanted(" ", None), &by, NOW, rng).await.is_err());
        let told = control.outbox().len().await.unwrap();
        assert_eq!(told, 4, "each change is an activity, and nothing else is");
    }

    #[tokio::test]
    async fn an_entry_stands_from_its_edit_on_unless_it_is_said_to_have_belonged_there_before() {
        let dir = tempfile::tempdir().unwrap();
        let registers = Registers::new(&Control::open(dir.path()).await.unwrap());
        let (by, rng) = (ada(), &mut rand::rng());
        let on_it = async |at: i64| {
            let question = ListQuestion::of_field_name("%equals%approved_connectors%f").unwrap();
            registers.lists(&Lists::default()).await.unwrap().hold(&question, "mcpsrv_1", at)
        };
        registers.put(&wanted("mcpsrv_1", None), &by, NOW, rng).await.unwrap();
        assert_eq!((on_it(NOW - 1).await, on_it(NOW).await), (false, true));
        let since = |since: &str| Wanted { since: since.parse().unwrap(), ..wanted("mcpsrv_1", None) };
        assert_eq!(registers.put(&since("2026-11-01"), &by, NOW + 5, rng).await.unwrap(), Edited::Changed);
        assert!(on_it(NOW - 1).await && !on_it(UtcDay::from_micros(NOW).plus_days(-60).start_micros()).await);
        assert_eq!(registers.put(&since("always"), &by, NOW + 6, rng).await.unwrap(), Edited::Changed);
        assert!(on_it(0).await);
        let reason = Some("contract ended");
        registers.take_off(("approved_connectors", "mcpsrv_1"), reason, &by, NOW + 7, rng).await.unwrap();
        assert_eq!((on_it(NOW + 6).await, on_it(NOW + 7).await), (true, false), "it stood there until then");
        assert_eq!(registers.entries(None, Entries::Standing).await.unwrap(), []);
        let ever = registers.entries(None, Entries::Ever).await.unwrap();
        assert_eq!((ever.len(), ever[0].removal_reason.as_deref()), (1, reason));
        assert!("yesterday".parse::<Since>().is_err_and(|error| error.to_string().contains("`yesterday`")));
    }
}
