//! Lists as sources and ephor.toml bring them, in the control database: what is brought replaces what was brought before.
//! Promises that a list of one source never takes an entry off another's, and that what stood there before is remembered.
//! Never decides what belongs on a list.

use std::collections::{BTreeMap, BTreeSet};

use ephor_lake::control::{Control, WriteTurn};
use sqlx::Row;

use crate::by_hand::BY_HAND;
use crate::error::DetectError;
use crate::lists::{ListEntry, Lists, Stay};

/// What entries of the configuration have as their source.
pub(crate) const OF_THE_FILE: &str = "ephor.toml";

/// In the database, from ever.
pub(crate) const EVER: i64 = 0;

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

    /// Puts a source's register in the place of what it brought before under this name. The first time, what is on it
    /// counts for ever before; later, what is new stands from now on and what is gone stood until now.
    pub async fn replace(
        &self,
        source: &str,
        list: &str,
        entries: &[ListEntry],
        now_micros: i64,
    ) -> Result<(), DetectError> {
        if [BY_HAND, OF_THE_FILE].contains(&source) {
            return Err(DetectError::SourceName { name: source.to_owned() });
        }
        let mut turn = self.control.write().await?;
        bring(&mut turn, source, list, entries, now_micros).await?;
        turn.commit().await?;
        Ok(())
    }

    /// Takes over the lists of the configuration, as a register of its own; a list that is named there no more is empty.
    pub async fn declare(&self, lists: &Lists, now_micros: i64) -> Result<(), DetectError> {
        let mut names = self.declared().await?;
        names.extend(lists.iter().map(|(list, _)| list.to_owned()));
        if names.is_empty() {
            return Ok(());
        }
        let by_name: BTreeMap<&str, &[ListEntry]> = lists.iter().collect();
        let mut turn = self.control.write().await?;
        for list in names {
            let entries = by_name.get(list.as_str()).copied().unwrap_or_default();
            bring(&mut turn, OF_THE_FILE, &list, entries, now_micros).await?;
        }
        turn.commit().await?;
        Ok(())
    }

    /// Takes over one register as a source lists it: objects with `id`, perhaps `name`, perhaps `allowed_user_ids`.
    /// Those who are allowed in a place become the list `REGISTER_allowed` of `PLACE+USER`.
    pub async fn take(
        &self,
        source: &str,
        register: &str,
        rows: &[serde_json::Value],
        now_micros: i64,
    ) -> Result<(), DetectError> {
        let text = |row: &serde_json::Value, name: &str| row[name].as_str().map(str::to_owned);
        let named = |row: &serde_json::Value| {
            Some(ListEntry { id: text(row, "id")?, name: text(row, "name"), stay: Stay::ALWAYS })
        };
        let entries: Vec<ListEntry> = rows.iter().filter_map(named).collect();
        self.replace(source, register, &entries, now_micros).await?;
        let pair = |row: &serde_json::Value| {
            let place = text(row, "id")?;
            let people = row["allowed_user_ids"].as_array()?.iter().filter_map(serde_json::Value::as_str);
            Some(people.map(|user| ListEntry::always(&format!("{place}+{user}"))).collect::<Vec<_>>())
        };
        let allowed: Vec<ListEntry> = rows.iter().filter_map(pair).flatten().collect();
        if rows.iter().any(|row| row.get("allowed_user_ids").is_some()) {
            self.replace(source, &format!("{register}_allowed"), &allowed, now_micros).await?;
        }
        Ok(())
    }

    /// All lists of all sources, with what stood on them before. A list of the configuration that was never taken over
    /// counts as it will once it is: for ever before.
    pub async fn lists(&self, of_the_file: &Lists) -> Result<Lists, DetectError> {
        let declared = self.declared().await?;
        let rows = sqlx::query("SELECT list, id, name, valid_from, valid_to FROM detect_list_stays");
        let rows = rows.fetch_all(self.control.readers()).await?;
        let mut lists = Lists::default();
        for row in rows {
            let from_micros = match row.try_get("valid_from")? {
                EVER => i64::MIN,
                from => from,
            };
            let stay = Stay { from_micros, to_micros: row.try_get::<Option<i64>, _>("valid_to")?.unwrap_or(i64::MAX) };
            let entry = ListEntry { id: row.try_get("id")?, name: row.try_get("name")?, stay };
            lists.put(&row.try_get::<String, _>("list")?, entry);
        }
        for (list, entries) in of_the_file.iter().filter(|(list, _)| !declared.contains(*list)) {
            entries.iter().for_each(|entry| lists.put(list, entry.clone()));
        }
        Ok(lists)
    }

    /// The lists that were taken over from the configuration, even if nothing stands there now.
    async fn declared(&self) -> Result<BTreeSet<String>, DetectError> {
        let known = sqlx::query("SELECT list FROM detect_registers WHERE source = $1").bind(OF_THE_FILE);
        let known = known.fetch_all(self.control.readers()).await?;
        Ok(known.iter().map(|row| row.try_get("list")).collect::<Result<_, sqlx::Error>>()?)
    }
}

async fn bring(
    turn: &mut WriteTurn,
    source: &str,
    list: &str,
    entries: &[ListEntry],
    now_micros: i64,
) -> Result<(), DetectError> {
    let known = sqlx::query("INSERT INTO detect_registers (source, list) VALUES ($1, $2) ON CONFLICT DO NOTHING");
    let is_first = known.bind(source).bind(list).execute(turn.connection()).await?.rows_affected() > 0;
    let from = if is_first { EVER } else { now_micros };
    let standing =
        sqlx::query("SELECT id, name FROM detect_list_stays WHERE list = $1 AND source = $2 AND valid_to IS NULL");
    let standing = standing.bind(list).bind(source).fetch_all(turn.connection()).await?;
    let mut standing: BTreeSet<(String, Option<String>)> = standing
        .iter()
        .map(|row| Ok((row.try_get("id")?, row.try_get("name")?)))
        .collect::<Result<_, sqlx::Error>>()?;
    let (mut new, mut seen) = (Vec::new(), BTreeSet::new());
    for entry in entries.iter().filter(|entry| seen.insert(entry.id.as_str())) {
        if !standing.remove(&(entry.id.clone(), entry.name.clone())) {
            new.push(entry);
        }
    }
    for (id, _) in standing {
        let close = "UPDATE detect_list_stays SET valid_to = $4 \
             WHERE list = $1 AND source = $2 AND id = $3 AND valid_to IS NULL";
        sqlx::query(close).bind(list).bind(source).bind(id).bind(now_micros).execute(turn.connection()).await?;
    }
    for entry in new {
        let insert = "INSERT INTO detect_list_stays (list, id, source, valid_from, name) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (list, id, source, valid_from) DO UPDATE SET name = excluded.name, valid_to = NULL";
        let insert = sqlx::query(insert).bind(list).bind(&entry.id).bind(source).bind(from).bind(&entry.name);
        insert.execute(turn.connection()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FIRST: i64 = 1_795_435_200_000_000;

    async fn told(registers: &Registers) -> Vec<String> {
        let lists = registers.lists(&Lists::default()).await.unwrap();
        let moment = |micros: i64| match micros {
            i64::MIN | i64::MAX => "ever".to_owned(),
            micros => format!("+{}", micros - FIRST),
        };
        let told = |list: &str, entry: &ListEntry| {
            let name = entry.name.as_deref().unwrap_or("-");
            format!("{list} {} {name} {} to {}", entry.id, moment(entry.stay.from_micros), moment(entry.stay.to_micros))
        };
        lists.iter().flat_map(|(list, entries)| entries.iter().map(move |entry| told(list, entry))).collect()
    }

    #[tokio::test]
    async fn what_a_source_brings_first_counts_for_ever_before_and_later_changes_from_then_on() {
        let dir = tempfile::tempdir().unwrap();
        let registers = Registers::new(&Control::open(dir.path()).await.unwrap());
        let named = |id: &str, name: &str| ListEntry { name: Some(name.to_owned()), ..ListEntry::always(id) };
        registers.replace("api", "l", &[named("a", "A"), named("b", "B")], FIRST).await.unwrap();
        registers.replace("api", "l", &[named("b", "Bee"), named("c", "C")], FIRST + 5).await.unwrap();
        registers.replace("api", "l", &[named("b", "Bee"), named("c", "C")], FIRST + 6).await.unwrap();
        registers.replace("other", "l", &[named("c", "C")], FIRST + 7).await.unwrap();
        assert_eq!(
            told(&registers).await,
            ["l a A ever to +5", "l b B ever to +5", "l b Bee +5 to ever", "l c C ever to ever", "l c C +5 to ever"]
        );
        registers.replace("api", "empty_first", &[], FIRST).await.unwrap();
        registers.replace("api", "empty_first", &[named("x", "X")], FIRST + 9).await.unwrap();
        assert_eq!(told(&registers).await[0], "empty_first x X +9 to ever", "nothing was on it before");
        let refused = registers.replace("by_hand", "l", &[], FIRST).await.unwrap_err();
        assert!(refused.to_string().contains("by_hand"), "{refused}");
    }

    #[tokio::test]
    async fn the_lists_of_the_configuration_are_dated_when_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let registers = Registers::new(&Control::open(dir.path()).await.unwrap());
        let of = |ids: &[&str]| {
            let mut lists = Lists::default();
            ids.iter().for_each(|id| lists.put("l", ListEntry::always(id)));
            lists
        };
        registers.declare(&Lists::default(), FIRST).await.unwrap();
        let before = registers.lists(&of(&["a"])).await.unwrap();
        assert_eq!(told(&registers).await, [""; 0], "who only looks writes nothing down");
        registers.declare(&of(&["a"]), FIRST + 1).await.unwrap();
        assert_eq!(before, registers.lists(&of(&["a"])).await.unwrap(), "and sees what will be");
        registers.declare(&of(&["b"]), FIRST + 2).await.unwrap();
        registers.declare(&Lists::default(), FIRST + 3).await.unwrap();
        assert_eq!(registers.lists(&of(&["c"])).await.unwrap(), registers.lists(&Lists::default()).await.unwrap());
        assert_eq!(told(&registers).await, ["l a - ever to +2", "l b - +2 to +3"]);
    }
}
