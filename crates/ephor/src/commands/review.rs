//! `ephor review`: campaigns over who has access to what, from the snapshot to the proof that what was revoked has gone.
//! Every decision is an activity of the feed, names who made it and why; a closed campaign is signed.
//! Never changes anybody's access: Ephor decides nothing and removes nothing.

use std::path::Path;
use std::process::ExitCode;

use ephor_reports::render;
use ephor_reports::review::{
    Campaign, Entitlement, EntitlementKind, Item, NewCampaign, Notice, Removal, RemovalState, Reviews, Verdict,
    entitlements, removals,
};
use ephor_reports::{Desk, ReportError};
use ephor_wire::actor::Actor;
use serde::Serialize;

use super::timeline::signing_key;
use crate::arguments::{By, Global, ReviewCommand};
use crate::config::{Config, parse_day};
use crate::failure::{Failure, found_something};
use crate::{output, reminding};

#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    campaign: Campaign,
    #[serde(rename = "entitlements")]
    listed: Vec<Item>,
}

pub(super) async fn run(global: &Global, config: &Config, action: ReviewCommand) -> Result<ExitCode, Failure> {
    let dir = config.data_dir(global);
    let desk = super::report::desk(config, &dir).await?;
    let done = act(global, config, &dir, &desk, action).await;
    desk.control.close().await;
    done
}

async fn act(
    global: &Global,
    config: &Config,
    dir: &Path,
    desk: &Desk,
    action: ReviewCommand,
) -> Result<ExitCode, Failure> {
    let reviews = Reviews::new(&desk.control);
    match action {
        ReviewCommand::Open { name, due, reviewer, kinds, privileged, by } => {
            let by = actor(desk, &by).await?;
            let campaign = NewCampaign {
                name,
                kinds: kinds.iter().map(|kind| kind_of(kind)).collect::<Result<_, _>>()?,
                privileged_only: privileged,
                reviewer: reviewer.or_else(|| by.email().map(str::to_owned)).unwrap_or_default(),
                due_micros: parse_day(&due)?.end_micros(),
            };
            let managers = desk.control.roster().managers().await?;
            let manager_of = |one: &Entitlement| managers.get(&one.email.as_deref()?.to_lowercase()).cloned();
            let snapshot = entitlements(desk).await?;
            let opened = reviews.open(&campaign, &snapshot, manager_of, &by, desk.now_micros, &mut rand::rng()).await?;
            output::print(global.format, &opened, |one| listed(std::slice::from_ref(one)))?;
        }
        ReviewCommand::List => output::print(global.format, &reviews.list().await?, |all| listed(all))?,
        ReviewCommand::Show { id, reviewer, open } => {
            let campaign = reviews.campaign(&id).await?;
            let mut items = reviews.items(&id).await?;
            items.retain(|item| reviewer.as_ref().is_none_or(|who| item.reviewer.eq_ignore_ascii_case(who)));
            items.retain(|item| !open || item.decision.is_none());
            output::print(global.format, &Whole { campaign, listed: items }, described)?;
        }
        ReviewCommand::Decide { id, items, verdict, reason, by } => {
            let verdict = Verdict::of(&verdict).ok_or_else(|| {
                Failure::usage(format!("`{verdict}` is not a verdict; there are keep, change, revoke, defer"))
            })?;
            let by = actor(desk, &by).await?;
            let numbers = numbers(&items)?;
            reviews.decide(&id, &numbers, (verdict, &reason), &by, desk.now_micros, &mut rand::rng()).await?;
            output::print(global.format, &reviews.campaign(&id).await?, |one| listed(std::slice::from_ref(one)))?;
        }
        ReviewCommand::Close { id, by } => {
            let key = signing_key(config, dir)?;
            let sign = |text: &str| {
                key.sign_note(&format!("{text}\n")).map_err(|error| ReportError::Written(error.to_string()))
            };
            let by = actor(desk, &by).await?;
            let closed = reviews.close(&id, sign, &by, desk.now_micros, &mut rand::rng()).await?;
            output::print(global.format, &closed, |one| listed(std::slice::from_ref(one)))?;
        }
        ReviewCommand::Remind { dry_run } => return remind(global, config, desk, dry_run).await,
        ReviewCommand::Removals { id, fail_on_overdue } => {
            reviews.campaign(&id).await?;
            let removals = removals(desk, &reviews.items(&id).await?).await?;
            output::print(global.format, &removals, |removals| removed(removals))?;
            let late = |one: &Removal| matches!(one.state, RemovalState::Overdue | RemovalState::GivenAgain);
            if fail_on_overdue && removals.iter().any(late) {
                return Ok(found_something());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn remind(global: &Global, config: &Config, desk: &Desk, dry_run: bool) -> Result<ExitCode, Failure> {
    let owed = reminding::owed(&desk.control, config, desk.now_micros).await?;
    let unsent = match dry_run || owed.is_empty() {
        true => Vec::new(),
        false => reminding::send(&desk.control, config, &owed, desk.now_micros).await?,
    };
    output::print(global.format, &owed, |owed| reminded(owed))?;
    for (notice, why) in &unsent {
        eprintln!("{} was not reached: {why}", notice.recipient);
    }
    Ok(if unsent.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn reminded(owed: &[Notice]) -> String {
    if owed.is_empty() {
        return "nobody is owed word of a review".to_owned();
    }
    let mut rows = vec![["about", "to", "open", "due", "review"].map(str::to_owned).to_vec()];
    rows.extend(owed.iter().map(|notice| {
        vec![
            notice.about.as_str().to_owned(),
            notice.recipient.clone(),
            notice.open.values().sum::<u64>().to_string(),
            render::instant_text(notice.due_micros),
            notice.name.clone(),
        ]
    }));
    output::columns(&rows)
}

async fn actor(desk: &Desk, by: &By) -> Result<Actor, Failure> {
    super::org::actor_named(&desk.control, by.email.as_deref()).await
}

fn kind_of(name: &str) -> Result<EntitlementKind, Failure> {
    EntitlementKind::of(name).ok_or_else(|| {
        let known = EntitlementKind::ALL.map(EntitlementKind::as_str).join(", ");
        Failure::usage(format!("`{name}` is no kind of access; there are {known}"))
    })
}

/// `3`, `5-9`.
fn numbers(items: &[String]) -> Result<Vec<u64>, Failure> {
    let mut numbers = Vec::new();
    for item in items {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let number = |text: &str| text.trim().parse::<u64>().ok();
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last && last - first < 100_000 => numbers.extend(first..=last),
            _ => return Err(Failure::usage(format!("--item {item} is neither a number nor a span such as 3-9"))),
        }
    }
    Ok(numbers)
}

fn listed(campaigns: &[Campaign]) -> String {
    if campaigns.is_empty() {
        return "there are no reviews; `ephor review open` opens one".to_owned();
    }
    let mut rows = vec![["opened", "due", "decided", "state", "id", "name"].map(str::to_owned).to_vec()];
    rows.extend(campaigns.iter().map(|campaign| {
        vec![
            render::instant_text(campaign.opened_micros),
            render::instant_text(campaign.due_micros),
            format!("{} of {}", campaign.decided, campaign.items),
            if campaign.closed_micros.is_some() { "closed, signed".to_owned() } else { "open".to_owned() },
            campaign.id.clone(),
            campaign.name.clone(),
        ]
    }));
    output::columns(&rows)
}

fn described(whole: &Whole) -> String {
    let mut rows = vec![["item", "who", "access", "flags", "reviewer", "decision"].map(str::to_owned).to_vec()];
    rows.extend(whole.listed.iter().map(|item| {
        let one = &item.entitlement;
        let object = one.object_name.as_deref().unwrap_or(&one.object);
        let role = one.role.as_deref().map_or_else(String::new, |role| format!(" as {role}"));
        let flags: Vec<&str> = one.flags.iter().map(|flag| flag.as_str()).collect();
        vec![
            item.number.to_string(),
            one.email.clone().unwrap_or_else(|| one.person.clone()),
            format!("{} {object}{role}", one.kind.as_str()),
            flags.join(" "),
            item.reviewer.clone(),
            item.decision
                .as_ref()
                .map_or_else(|| "-".to_owned(), |made| format!("{} by {}", made.verdict.as_str(), made.by)),
        ]
    }));
    format!("{}\n\n{}", listed(std::slice::from_ref(&whole.campaign)), output::columns(&rows))
}

fn removed(removals: &[Removal]) -> String {
    if removals.is_empty() {
        return "nothing was revoked".to_owned();
    }
    let mut rows = vec![["item", "who", "what", "state", "ended", "activity"].map(str::to_owned).to_vec()];
    rows.extend(removals.iter().map(|one| {
        vec![
            one.item.to_string(),
            one.person.clone(),
            one.object.clone(),
            one.state.as_str().to_owned(),
            one.ended_micros.map_or_else(|| "-".to_owned(), render::instant_text),
            one.activity.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    }));
    output::columns(&rows)
}
