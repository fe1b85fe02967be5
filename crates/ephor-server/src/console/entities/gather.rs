//! Things put together by their id: what the directory lists, what activities and telemetry told, what is approved.
//! Promises that a thing which only one of these knows is there all the same, and says so.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use ephor_detect::{Entries, Registers};
use ephor_lake::Sighting;
use ephor_lake::control::{KeyRecord, KeyState};
use ephor_lake::directory::Directory;
use ephor_reports::Period;
use ephor_reports::used::{self, Used, UsedAs};
use ephor_wire::timestamp::{UtcDay, parse_micros};
use serde_json::Value;

use super::kind::Kind;
use super::register::Told;
use crate::console::kept::{self, Answer, Patience};
use crate::problem::Problem;
use crate::state::App;

/// Days whose use is counted.
pub(super) const USED_DAYS: u32 = 30;

/// What is known of a thing.
#[derive(Debug, Clone, Default)]
pub(super) struct Thing {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) standing: Standing,
    pub(super) since_micros: Option<i64>,
    /// Who made it or owns it, by id or address.
    pub(super) owner: Option<String>,
    /// The workspace that it belongs to.
    pub(super) workspace: Option<String>,
    pub(super) expires_micros: Option<i64>,
    /// Activities that name it, or that it acted in.
    pub(super) seen: Option<Sighting>,
    /// Its use in the last days.
    pub(super) used: Option<UsedLately>,
    /// Whether it is on the list of those that are approved; nothing where there is no such list.
    pub(super) approved: Option<bool>,
    /// How sources list it.
    pub(super) listed: Option<Value>,
}

/// How much it was used lately.
#[derive(Debug, Clone, Default)]
pub(super) struct UsedLately {
    /// The names that events have for it.
    pub(super) names: Vec<String>,
    pub(super) times: u64,
    pub(super) people: u64,
    pub(super) last_micros: i64,
}

/// How it stands with a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Standing {
    /// A source lists it, or activities say that it is there.
    Live,
    /// It was taken back, deleted or archived.
    Ended,
    /// Activities name it, and nothing says whether it is there.
    #[default]
    Named,
    /// Telemetry alone tells of it.
    Used,
}

impl Standing {
    pub(super) const ALL: [Self; 4] = [Self::Live, Self::Ended, Self::Named, Self::Used];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
            Self::Named => "named",
            Self::Used => "used",
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
            Self::Named => "named only",
            Self::Used => "telemetry only",
        }
    }
}

impl Thing {
    pub(super) fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// When it was last named, acting or in use.
    pub(super) fn last_micros(&self) -> Option<i64> {
        let used = self.used.as_ref().map(|used| used.last_micros);
        self.seen.map(|seen| seen.last_micros).max(used)
    }

    fn of_row(id: &str, row: &Value) -> Self {
        let text = |pointers: &[&str]| {
            let found = pointers.iter().find_map(|pointer| row.pointer(pointer)?.as_str());
            found.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let gone = text(&["/archived_at", "/deleted_at"]).is_some()
            || row["is_active"] == Value::Bool(false)
            || text(&["/status"]).is_some_and(|status| !matches!(status.as_str(), "active" | "expiring"));
        Self {
            id: id.to_owned(),
            name: text(&["/name", "/display_name"]),
            standing: if gone { Standing::Ended } else { Standing::Live },
            since_micros: text(&["/created_at"]).as_deref().and_then(parse_micros),
            owner: text(&["/created_by/id", "/created_by_id", "/user/id", "/user/email_address"]),
            workspace: text(&["/workspace_id", "/scope/workspace_id"]),
            expires_micros: text(&["/expires_at"]).as_deref().and_then(parse_micros),
            listed: Some(row.clone()),
            ..Self::default()
        }
    }

    fn of_own(key: &KeyRecord, now_micros: i64) -> Self {
        Self {
            id: key.id.clone(),
            name: Some(key.name.clone()),
            standing: if key.state(now_micros) == KeyState::Active { Standing::Live } else { Standing::Ended },
            since_micros: Some(key.created_at_micros),
            owner: Some(key.created_by.clone()),
            expires_micros: key.expires_at_micros,
            ..Self::default()
        }
    }

    /// Adds what activities told: names that no source lists, who made it, and that it ended.
    fn learn(&mut self, told: &Told) {
        if self.name.is_none() {
            self.name = told.name().map(str::to_owned);
        }
        if let Some((at, by)) = &told.made {
            self.since_micros.get_or_insert(*at);
            self.owner = self.owner.take().or_else(|| by.clone());
        }
        if self.listed.is_none() && self.standing != Standing::Ended {
            let made = told.made.as_ref().map(|(at, _)| *at);
            self.standing = match (made, told.ended()) {
                (made, Some(ended)) if made.is_none_or(|made| made <= ended) => Standing::Ended,
                (Some(_), _) => Standing::Live,
                _ => self.standing,
            };
        }
        let here = Sighting { count: told.count, first_micros: told.first_micros, last_micros: told.last_micros };
        self.seen.get_or_insert(here);
    }

    fn add_use(&mut self, used: &Used) {
        let lately = self.used.get_or_insert_default();
        lately.names.push(used.name.clone());
        lately.times += used.times;
        // The same person may use it under two of its names: the larger number is certain.
        lately.people = lately.people.max(used.people);
        lately.last_micros = lately.last_micros.max(used.last_micros);
        if self.name.is_none() {
            self.name.clone_from(&used.called);
        }
    }
}

/// The days whose use is counted: those up to today.
pub(super) fn lately(now_micros: i64) -> Period {
    Period::ending(UtcDay::from_micros(now_micros), USED_DAYS)
}

/// Every thing of a kind.
pub(super) struct Gathered {
    /// By its id.
    pub(super) things: BTreeMap<String, Thing>,
    /// When their use was counted, if it was.
    pub(super) counted_micros: Option<i64>,
}

/// Every thing of a kind, with its use as it was counted last.
pub(super) async fn all(app: &App, kind: Kind) -> Result<Gathered, Problem> {
    let mut things = listed(app.lake().directory(), kind);
    if kind == Kind::Key {
        for key in app.control().keys().list().await? {
            things.entry(key.id.clone()).or_insert_with(|| Thing::of_own(&key, app.now()));
        }
    }
    if let Some(by) = kind.spec().counted {
        for (id, sighting) in app.lake().sightings(by).await?.iter().filter(|(id, _)| !id.is_empty()) {
            named(&mut things, id).seen = Some(*sighting);
        }
    }
    let register = app.console().registered().caught_up(app.lake()).await?;
    register.of(kind).for_each(|(id, told)| named(&mut things, id).learn(told));
    drop(register);
    let mut counted_micros = None;
    if let Some(what) = kind.spec().used {
        let used = uses(app, what, Patience::Little).await?;
        add_uses(app, what, &used.value, &mut things);
        counted_micros = Some(used.made_micros);
    }
    if let Some(list) = kind.spec().approved {
        approve(app, list, &mut things).await?;
    }
    Ok(Gathered { things, counted_micros })
}

/// What of a kind was used lately.
pub(super) async fn uses(app: &App, what: UsedAs, patience: Patience) -> Result<Arc<Answer<Vec<Used>>>, Problem> {
    let make = async move |app: App| Ok(used::names(app.lake(), what, lately(app.now())).await?);
    kept::uses(app, format!("{what:?}"), patience, make).await
}

fn named<'t>(things: &'t mut BTreeMap<String, Thing>, id: &str) -> &'t mut Thing {
    things.entry(id.to_owned()).or_insert_with(|| Thing { id: id.to_owned(), ..Thing::default() })
}

fn listed(directory: &Directory, kind: Kind) -> BTreeMap<String, Thing> {
    let mut things = BTreeMap::new();
    let Some(listing) = kind.spec().directory else { return things };
    for scope in directory.scopes(listing) {
        for row in directory.current(listing, &scope) {
            let Some(id) = row["id"].as_str() else { continue };
            things.entry(id.to_owned()).or_insert_with(|| Thing::of_row(id, &row));
        }
    }
    for row in directory.gone(listing) {
        let Some(id) = row["id"].as_str() else { continue };
        let gone = || Thing { standing: Standing::Ended, ..Thing::of_row(id, &row) };
        things.entry(id.to_owned()).or_insert_with(gone);
    }
    things
}

/// Gives each use to the thing that it names, by id or by name; what nothing else knows becomes a thing of its own.
fn add_uses(app: &App, what: UsedAs, used: &[Used], things: &mut BTreeMap<String, Thing>) {
    let plain = |name: &str| match what {
        UsedAs::Connector => app.analytics().connector_name(name),
        UsedAs::Key | UsedAs::Skill | UsedAs::Project => name.to_lowercase(),
    };
    let mut by_name: BTreeMap<String, String> = BTreeMap::new();
    for thing in things.values().filter(|_| matches!(what, UsedAs::Connector | UsedAs::Skill)) {
        if let Some(name) = &thing.name {
            by_name.entry(plain(name)).or_insert_with(|| thing.id.clone());
        }
    }
    for one in used {
        let id = match things.contains_key(&one.name) {
            true => one.name.clone(),
            false => by_name.entry(plain(&one.name)).or_insert_with(|| one.name.clone()).clone(),
        };
        let of_telemetry = || Thing { id: id.clone(), standing: Standing::Used, ..Thing::default() };
        things.entry(id.clone()).or_insert_with(of_telemetry).add_use(one);
    }
}

/// Says of each whether it is approved, where anything is.
async fn approve(app: &App, list: &str, things: &mut BTreeMap<String, Thing>) -> Result<(), Problem> {
    let entries = Registers::new(app.control()).entries(Some(list), Entries::Standing).await?;
    let texts = entries.iter().flat_map(|entry| [Some(entry.id.as_str()), entry.name.as_deref()]);
    let texts: HashSet<&str> = texts.flatten().collect();
    if texts.is_empty() {
        return Ok(());
    }
    for thing in things.values_mut() {
        let is_on = texts.contains(thing.id.as_str()) || thing.name.as_deref().is_some_and(|name| texts.contains(name));
        thing.approved = Some(is_on);
    }
    Ok(())
}
