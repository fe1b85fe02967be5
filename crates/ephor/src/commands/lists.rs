//! `ephor lists`: what stands on the lists that rules ask, and by whose hand.
//! Works beside a running node, which judges by a changed list within half a minute; each change is an activity.
//! Never takes off what a source's register brought.

use std::process::ExitCode;

use ephor_detect::{Edited, ListEntry, ListedEntry, Registers};
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
        ListsCommand::Show { list } => {
            let mut entries = registers.entries(list.as_deref()).await?;
            entries.extend(configured(config).filter(|entry| list.as_ref().is_none_or(|list| entry.list == *list)));
            entries.sort_by(|a, b| (&a.list, &a.id, &a.source).cmp(&(&b.list, &b.id, &b.source)));
            output::print(global.format, &entries, |entries| table(entries))?;
        }
        ListsCommand::Add { list, id, name, by } => {
            let by = super::org::actor_named(&control, by.email.as_deref()).await?;
            let entry = ListEntry { id: id.clone(), name };
            let edited = registers.put(&list, &entry, &by, now, rng).await?;
            tell(global, (&list, &id), edited, ["is on", "was on"])?;
        }
        ListsCommand::Remove { list, id, by } => {
            let by = super::org::actor_named(&control, by.email.as_deref()).await?;
            let edited = registers.take_off(&list, &id, &by, now, rng).await?;
            tell(global, (&list, &id), edited, ["is off", "was not on"])?;
        }
    }
    control.close().await;
    Ok(ExitCode::SUCCESS)
}

/// What `[detect.lists]` adds.
fn configured(config: &Config) -> impl Iterator<Item = ListedEntry> {
    let lists = config.detect.lists.iter();
    lists.flat_map(|(list, ids)| ids.iter().map(|id| ListedEntry::of_file(list, id, "ephor.toml")))
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
    let mut rows = vec![["LIST", "ID", "NAME", "FROM", "BY"].map(str::to_owned).to_vec()];
    rows.extend(entries.iter().map(|entry| {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        vec![entry.list.clone(), entry.id.clone(), text(&entry.name), entry.source.clone(), text(&entry.added_by)]
    }));
    output::columns(&rows)
}
