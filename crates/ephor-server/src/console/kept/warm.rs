//! Front pages kept warm: while somebody looks at the console, their answers are made anew when something has come.
//! Promises that a page which is shown every morning is at hand before somebody opens it.
//! Never works for nobody: a console that no one looked at for half a day rests.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ephor_lake::CountedBy;
use ephor_reports::Question;
use tokio::sync::watch;

use super::Patience;
use super::stamp::{RestsOn, Stamp};
use crate::console::{entities, evidence, findings, overview, use_cases};
use crate::problem::Problem;
use crate::state::App;

/// How often it is looked whether something has come, at the most.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// After a round of all front pages, this many times as long as it took nothing is made: a node that takes in all day must
/// not count all day.
const ROUNDS_OF_REST: u32 = 4;

/// For so long after the last look of anybody.
const WATCHED_FOR_MICROS: i64 = 12 * 3_600 * 1_000_000;

/// After each answer, a rest as long as it took, and no longer than this.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// Columns of the feed by whose values lists say who was seen when.
const SEEN_BY: [CountedBy; 3] = [CountedBy::Actor, CountedBy::ApiKey, CountedBy::Workspace];

/// What is kept warm, in the order in which people open it.
#[derive(Debug, Clone, Copy)]
enum Front {
    Overview,
    Findings,
    /// Who was seen when, what activities told of things, and what was used.
    Lists,
    Report(&'static str),
    Evidence(usize),
}

/// Keeps the front pages warm, until told to stop.
pub(crate) async fn keep_warm(app: App, mut stop: watch::Receiver<bool>) {
    let mut warm: Option<Stamp> = None;
    let mut rest = LOOK_EVERY;
    loop {
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let begun = Instant::now();
        let round = async {
            if !is_watched(&app).await? {
                return Ok(None);
            }
            let now = app.console().kept().stamps.now(&app, RestsOn::All).await?;
            if warm.as_ref() != Some(&now) {
                for front in fronts(&app) {
                    let begun = Instant::now();
                    make(&app, front).await?;
                    tokio::time::sleep(begun.elapsed().min(LONGEST_REST)).await;
                }
            }
            Ok::<_, Problem>(Some(now))
        };
        tokio::select! {
            made = round => match made {
                Ok(now) => warm = now.or(warm),
                Err(problem) => tracing::warn!(?problem, "a page of the console is not warm"),
            },
            _ = stop.wait_for(|stop| *stop) => return,
        }
        rest = (begun.elapsed() * ROUNDS_OF_REST).max(LOOK_EVERY);
    }
}

async fn is_watched(app: &App) -> Result<bool, Problem> {
    let here = app.console().kept().looked_at_micros.load(Ordering::Relaxed);
    let since = app.now().saturating_sub(WATCHED_FOR_MICROS);
    // Whoever was signed in when the node stopped comes back to it.
    Ok(here >= since || app.control().console().sessions().newest_use().await? >= Some(since))
}

fn fronts(app: &App) -> Vec<Front> {
    let mut fronts = vec![Front::Overview, Front::Findings, Front::Lists];
    fronts.extend(ephor_reports::catalogue().iter().map(|info| Front::Report(info.name)));
    fronts.extend((0..evidence::frameworks(app)).map(Front::Evidence));
    fronts
}

async fn make(app: &App, front: Front) -> Result<(), Problem> {
    match front {
        Front::Overview => overview::glance(app, Patience::Endless).await.map(drop),
        Front::Findings => findings::standing(app).await.map(drop),
        Front::Lists => {
            for column in SEEN_BY {
                app.lake().sightings(column).await?;
            }
            entities::warm(app).await
        }
        Front::Report(name) => use_cases::on_page(app, name, Question::default(), Patience::Endless).await.map(drop),
        Front::Evidence(place) => evidence::warm(app, place).await,
    }
}
