//! `ephor lists`: what stands on the lists that rules ask, and by whose hand.
//! Works beside a running node, which judges by a changed list within half a minute; each change is an activity.
//! Never takes off what a source's register brought.

use std::process::ExitCode;

use ephor_detect::{Edited, Entries, ListedEntry, Registers, Wanted};
use serde_json::json;

use crate::arguments::{Global, ListsCommand};
use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

pub(super) async fn run(global: &Global, config: &Config, action: ListsCommand) -> Result<ExitCode, Failure> {
    let control = super::org::existing_control(&config.data_dir(global)).await?;
    let (registers, now, rng) = (Registers::new(&control), now_micros(), &mut rand::rng());
    match action {
        ListsCommand::Show { list, history } => {
            let which = if history { Entries::Ever } else { Entries::Standing };
            let mut entries = registers.entries(list.as_deref(), which).await?;
            let asked = |entry: &ListedEntry| list.as_ref().is_none_or(|list| entry.list == *list);
            for entry in configured(config).filter(asked) {
                let same = |known: &ListedEntry| {
                    (&known.list, &known.id, &known.source) == (&entry.list, &entry.id, &entry.source)
                };
                if !entries.iter().any(same) {
                    entries.push(entry);
                }
            }
            let place = |entry: &ListedEntry| (entry.list.clone(), entry.id.clone(), entry.source.clone());
            entries.sort_by_key(place);
            output::print(global.format, &entries, |entries| table(entries))?;
        }
        ListsCommand::Add { list, id, name, since, reason, by } => {
            let by = super::org::actor_named(&control, by.email.as_deref()).await?;
            let wanted = Wanted { list: list.clone(), id: id.clone(), name, since, reason };
            let edited = registers.put(&wanted, &by, now, rng).await?;
            tell(global, (&list, &id), edited, ["is on", "was on"])?;
        }
        ListsCommand::Remove { list, id, reason, by } => {
            let by = super::org::actor_named(&control, by.email.as_deref()).await?;
            let edited = registers.take_off((&list, &id), reason.as_deref(), &by, now, rng).await?;
            tell(global, (&list, &id), edited, ["is off", "was not on"])?;
        }
    }
    control.close().await;
    Ok(ExitCode::SUCCESS)
}

/// What `[detect.lists]` names; a detector writes it down with its date when it finds it there.
fn configured(config: &Config) -> impl Iterator<Item = ListedEntry> {
    let lists = config.detect.lists.iter();
    lists.flat_map(|(list, ids)| ids.iter().map(|id| ListedEntry::of_the_file(list, id)))
}

fn tell(global: &Global, (list, id): (&str, &str), edited: Edited, words: [&str; 2]) -> Result<(), Failure> {
    let told = json!({ "list": list, "id": id, "result": edited });
    let [changed, unchanged] = words;
    let verb = if edited == Edited::Changed { changed } else { unchanged };
    output::print(global.format, &told, |_| format!("{id} {verb} {list}"))
}

fn table(entries: &[ListedEntry]) -> String {
    if entries.is_empty() {
        return "nothing is on any list; `ephor lists add approved_connectors ID` puts something on one".to_owned();
    }
    let gone = entries.iter().any(|entry| entry.stood_to.is_some());
    let mut heads = vec!["LIST", "ID", "NAME", "FROM", "BY", "SINCE"];
    heads.extend(gone.then_some("UNTIL"));
    let mut rows = vec![heads.into_iter().map(str::to_owned).collect()];
    rows.extend(entries.iter().map(|entry| {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let since = entry.stands_from.as_ref().map_or("always", |at| at.as_str()).to_owned();
        let (list, id, source) = (entry.list.clone(), entry.id.clone(), entry.source.clone());
        let mut row = vec![list, id, text(&entry.name), source, text(&entry.added_by), since];
        row.extend(gone.then(|| entry.stood_to.as_ref().map_or("-", |at| at.as_str()).to_owned()));
        row
    }));
    output::columns(&rows)
}
