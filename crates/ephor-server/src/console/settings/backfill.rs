//! How far back each collector has read: from the places that are committed with its rows.

use std::collections::HashMap;

use ephor_lake::{CountedBy, Sighting};
use ephor_sources::{AnalyticsState, CollectorState};
use ephor_wire::timestamp::UtcDay;
use maud::{Markup, html};

use crate::console::options::UpstreamFact;
use crate::console::parts::{self, Tone};
use crate::problem::Problem;
use crate::state::App;

/// How far a collector has read.
#[derive(Debug, Clone)]
pub(super) enum Backfill {
    /// It has not stored anything yet.
    NotBegun,
    /// From the newest activity down; the oldest that is stored, and where it goes on to.
    Feed { done: bool, oldest_micros: Option<i64>, until: Option<String> },
    /// Day by day: listings that are there, days stored of all of them, the newest day that each has.
    Days { listings: u64, missing: u64, days: u64, newest: Option<UtcDay> },
    /// It takes listings as they are now, and has no past to read.
    Listings,
}

/// The progress of every collector of the configuration, by name.
pub(super) async fn of_all(app: &App, upstreams: &[UpstreamFact]) -> Result<HashMap<String, Backfill>, Problem> {
    let seen = app.lake().sightings(CountedBy::Source).await?;
    let mut progress = HashMap::new();
    for upstream in upstreams {
        let seen = seen.get(&upstream.name).copied();
        progress.insert(upstream.name.clone(), of(app, upstream, seen).await?);
    }
    Ok(progress)
}

async fn of(app: &App, upstream: &UpstreamFact, seen: Option<Sighting>) -> Result<Backfill, Problem> {
    if let Some(place) = app.lake().source_cursor(&upstream.name).await? {
        let place: CollectorState = serde_json::from_value(place).map_err(|error| Problem::internal(&error))?;
        let (done, until) = (place.backfill_done, upstream.backfill_from.clone());
        return Ok(Backfill::Feed { done, oldest_micros: seen.map(|seen| seen.first_micros), until });
    }
    if let Some(place) = app.lake().upstream_rows().cursor(&upstream.name).await? {
        let place: AnalyticsState = serde_json::from_value(place).map_err(|error| Problem::internal(&error))?;
        return Ok(days_of(&place, UtcDay::from_micros(app.now())));
    }
    Ok(if upstream.lists_only { Backfill::Listings } else { Backfill::NotBegun })
}

/// The longest span that days are looked for in: the Analytics API began in 2026.
const DAYS: i32 = 4_000;

fn days_of(place: &AnalyticsState, today: UtcDay) -> Backfill {
    let there: Vec<_> = place.listings.values().filter(|progress| progress.missing_since.is_none()).collect();
    let days = |read: &dyn Fn(UtcDay) -> bool| (0..DAYS).filter(|ago| read(today.plus_days(-ago))).count() as u64;
    Backfill::Days {
        listings: there.len() as u64,
        missing: (place.listings.len() - there.len()) as u64,
        days: days(&|day| there.iter().any(|progress| progress.read.contains(day))),
        newest: there.iter().filter_map(|progress| progress.read.last()).min(),
    }
}

/// It in words, with a badge.
pub(super) fn told(progress: Option<&Backfill>) -> Markup {
    html! {
        @match progress {
            None => "",
            Some(Backfill::NotBegun) => (parts::badge(Tone::Plain, "not begun")),
            Some(Backfill::Listings) => span class="muted" { "listings of now" },
            Some(Backfill::Feed { done, oldest_micros, until }) => {
                @if *done { (parts::badge(Tone::Good, "done")) } @else { (parts::badge(Tone::Fair, "under way")) }
                span class="gist" {
                    @match oldest_micros { Some(at) => { "back to " (parts::day(*at)) } None => "nothing stored" }
                    @match (done, until) { (true, _) => "", (false, Some(day)) => { ", goes to " (day) } (false, None) => ", goes to the beginning" }
                }
            }
            Some(Backfill::Days { listings, missing, days, newest }) => {
                (parts::plural(*days, "day", "days")) " of " (parts::plural(*listings, "listing", "listings"))
                span class="gist" {
                    @match newest { Some(day) => { "all up to " (day) } None => "no day yet" }
                    @if *missing > 0 { "; " (parts::plural(*missing, "listing is", "listings are")) " not there" }
                }
            }
        }
    }
}
