//! The first page: what needs somebody today, how much came in, what changed in who may do what.
//! Promises that what is wrong stands first, each with the way to where it is set right.
//! Never counts what it could not read: it says so.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ephor_analytics::query::{Reach, SummariesQuery};
use ephor_lake::control::{Gap, Recording, SourceState};
use ephor_lake::{ActivityFilter, Census, FeedQuery, FeedRow, MicrosRange, Order, PageFrom, TypeFilter};
use ephor_wire::timestamp::{DAY_MICROS, UtcDay};
use maud::{Markup, html};
use serde::Deserialize;

use super::access::Right;
use super::activity::{OWN_READS, Shown};
use super::frame::{self, Sheet, Spot};
use super::kept::{self, Answer, Patience};
use super::options::UpstreamFact;
use super::page::Page;
use super::parts::{self, Tone};
use super::people;
use super::settings::sinks;
use super::visitor::Visitor;
use super::{findings, reviews};
use crate::problem::Problem;
use crate::state::App;

pub(super) static OVERVIEW: Page = Page::look("/", Right::Look);

/// What is drawn.
const DAYS_DRAWN: i64 = 30;

/// Rows of what changed lately.
const CHANGES: usize = 12;

/// Categories in which a change says something about who may do what.
const CHANGE_CATEGORIES: [&str; 9] = [
    "role",
    "api_key",
    "org_settings",
    "security_control",
    "sso_scim",
    "workspace",
    "membership",
    "compliance_export",
    "org_lifecycle",
];

/// A collector is late once it missed this many of its runs, and is never called late sooner than [`LATE_AFTER_MICROS`].
const MISSED_RUNS: i64 = 3;
const LATE_AFTER_MICROS: i64 = 15 * 60 * 1_000_000;

/// Something that needs somebody: how bad, what, and where it is set right.
struct Need {
    tone: Tone,
    badge: &'static str,
    words: String,
    path: &'static str,
    place: &'static str,
}

/// What the overview counts over days: the same for everybody until something arrives.
#[derive(Debug)]
pub(super) struct Glance {
    census: Census,
    changes: Vec<Shown>,
    adoption: Option<(AtWork, AtWork)>,
}

impl Glance {
    async fn take(app: &App) -> Result<Self, Problem> {
        let first = UtcDay::from_micros(app.now() - DAYS_DRAWN * DAY_MICROS);
        let lately = ActivityFilter {
            created_at: MicrosRange { from: Some(first.start_micros()), to: None },
            types: TypeFilter::Except(OWN_READS.map(str::to_owned).to_vec()),
            ..ActivityFilter::default()
        };
        let changed = ActivityFilter { categories: CHANGE_CATEGORIES.map(str::to_owned).to_vec(), ..lately.clone() };
        let query = FeedQuery { filter: changed, order: Order::Descending, from: PageFrom::Start, limit: CHANGES };
        let (census, changes) = tokio::try_join!(app.lake().census(&lately, None), app.lake().page(&query))?;
        let read = |row: &FeedRow| Shown::read(row.created_at_micros, &row.raw);
        let changes = changes.rows.iter().filter_map(read).collect();
        Ok(Self { census, changes, adoption: adoption(app).await })
    }
}

/// What is counted over days, as of now or a moment ago.
pub(super) async fn glance(app: &App, patience: Patience) -> Result<Arc<Answer<Glance>>, Problem> {
    let counted_day = app.options().analytics.closed_day(app.now());
    kept::glance(app, counted_day.to_string(), patience, async |app: App| Glance::take(&app).await).await
}

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let (enablement, sources) = (app.control().enablement(), app.control().sources());
    let (recording, states, gaps) = tokio::try_join!(enablement.state(), sources.list(), sources.gaps())?;
    let glance = glance(&app, Patience::Little).await?;
    let Glance { census, changes, adoption } = &glance.value;
    let mut needs = needs(&recording, &states, &gaps, &app.options().console.facts.upstreams, visitor.now());
    needs.extend(sinks_in_trouble(&app).await?);
    needs.extend(reviews_due(&app, &visitor).await?);
    let standing = findings::standing(&app).await?;
    let body = html! {
        div class="grid" {
            section class="card" { h2 { "Needs somebody" } (needs_list(&needs, &visitor)) }
            section class="card" { header { h2 { "Findings to be handled" } a href="/findings" { "The queue" } } (findings::tally(&standing)) (findings::by_use_case(&standing)) }
        }
        div class="grid" {
            section class="card" {
                header { h2 { "Activities of the last 30 days" } a href="/activity?span=30d" { "See them" } }
                (parts::days_of(census))
            }
            @if let Some(adoption) = adoption {
                section class="card" {
                    header { h2 { "People at work" } a href="/use-cases/adoption-governance" { "Adoption" } }
                    (adoption_figures(adoption))
                }
            }
        }
        @if !standing.is_empty() {
            section class="card flush" {
                header { h2 { "Most urgent" } a href="/findings" { "All of them" } }
                (findings::most_urgent(&standing.iter().collect::<Vec<_>>(), &visitor))
            }
        }
        section class="card flush" {
            header { h2 { "What changed in who may do what" } a href="/activity" { "The whole feed" } }
            @if changes.is_empty() { (parts::empty("No change in 30 days", html! { "Roles, keys, settings, sign-in, workspaces and members are as they were." })) }
            @else { (people::activity_table(changes, &visitor, &app)) }
        }
    };
    let lead = html! {
        @match &recording {
            Recording::On(period) => { (parts::badge(Tone::Good, "recording")) " since " (parts::instant(period.from_micros, visitor.now())) }
            Recording::Off => (parts::badge(Tone::Bad, "not recording")),
        }
        ", " (parts::plural(app.lake().next_seq(), "activity", "activities")) " kept" (parts::as_of(glance.made_micros, visitor.now()))
    };
    let sheet = Sheet { title: "Overview", spot: Spot::Overview, lead, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

fn needs(
    recording: &Recording,
    states: &[SourceState],
    gaps: &[Gap],
    upstreams: &[UpstreamFact],
    now_micros: i64,
) -> Vec<Need> {
    let mut needs = Vec::new();
    let (settings, sources) = (("/settings", "Organization"), ("/settings/sources", "Sources"));
    let mut need = |tone, badge, words: String, (path, place)| needs.push(Need { tone, badge, words, path, place });
    if matches!(recording, Recording::Off) {
        need(
            Tone::Bad,
            "off",
            "Nothing is recorded: the primary owner has not switched recording on.".to_owned(),
            settings,
        );
    }
    for state in states.iter().filter(|state| state.failures_in_a_row > 0) {
        let words =
            format!("{} failed {} in a row.", state.source, parts::plural(state.failures_in_a_row, "time", "times"));
        need(Tone::Bad, "failing", words, sources);
    }
    for upstream in upstreams {
        let state = states.iter().find(|state| state.source == upstream.name);
        let patience = i64::try_from(upstream.poll_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000 * MISSED_RUNS);
        match state.and_then(|state| state.last_success_at_micros) {
            None => need(Tone::Fair, "waiting", format!("{} has not brought anything yet.", upstream.name), sources),
            Some(at) if now_micros.saturating_sub(at) > patience.max(LATE_AFTER_MICROS) => {
                need(
                    Tone::Bad,
                    "stale",
                    format!("{} last ran well {}.", upstream.name, parts::ago(at, now_micros)),
                    sources,
                );
            }
            Some(_) => {}
        }
    }
    for gap in gaps.iter().filter(|gap| gap.closed_at_micros.is_none()) {
        let words = format!("{} may lack activities, since {}.", gap.source, parts::ago(gap.from_micros, now_micros));
        need(Tone::Bad, "gap", words, sources);
    }
    needs
}

/// Sinks that fail or fall behind.
async fn sinks_in_trouble(app: &App) -> Result<Vec<Need>, Problem> {
    let need = |(sink, why): (String, String)| Need {
        tone: Tone::Bad,
        badge: "sink",
        words: format!("{sink} {why}."),
        path: "/settings/sinks",
        place: "Sinks",
    };
    Ok(sinks::trouble(app).await?.into_iter().map(need).collect())
}

/// Access reviews that are not closed, for whoever may see them.
async fn reviews_due(app: &App, visitor: &Visitor) -> Result<Vec<Need>, Problem> {
    if !visitor.may(Right::SeeNames) {
        return Ok(Vec::new());
    }
    let need = |campaign: ephor_reports::review::Campaign| Need {
        tone: if campaign.due_micros < visitor.now() { Tone::Bad } else { Tone::Fair },
        badge: "review",
        words: format!(
            "{}: {} of {} decided, due {}.",
            campaign.name,
            campaign.decided,
            campaign.items,
            parts::ago(campaign.due_micros, visitor.now())
        ),
        path: "/reviews",
        place: "Reviews",
    };
    Ok(reviews::due(app).await?.into_iter().map(need).collect())
}

/// People at work on the newest counted day, and what they were a week before.
#[derive(Debug, Deserialize)]
struct AtWork {
    starting_at: String,
    daily_active_user_count: u64,
    weekly_active_user_count: u64,
    monthly_active_user_count: u64,
}

/// The newest counted day and the one a week before it; nothing where nothing is counted.
async fn adoption(app: &App) -> Option<(AtWork, AtWork)> {
    let newest = app.options().analytics.closed_day(app.now());
    let query = SummariesQuery {
        reach: Reach::Parent,
        first: newest.plus_days(-7),
        end: newest.plus_days(1),
        rbac_group_ids: Vec::new(),
    };
    let days = app.analytics().summaries(&query).await.ok()?;
    let read = |bytes: &bytes::Bytes| serde_json::from_slice::<AtWork>(bytes).ok();
    Some((read(days.last()?)?, read(days.first()?)?))
}

fn adoption_figures((newest, before): &(AtWork, AtWork)) -> Markup {
    let figure = |name: &str, now: u64, then: u64| {
        html! { div class="metric" { span class="name" { (name) } span class="value" { (parts::count(now)) } span class="change" { (parts::count(then)) " a week before" } } }
    };
    html! {
        div class="metrics" {
            (figure("On the day", newest.daily_active_user_count, before.daily_active_user_count))
            (figure("In 7 days", newest.weekly_active_user_count, before.weekly_active_user_count))
            (figure("In 30 days", newest.monthly_active_user_count, before.monthly_active_user_count))
        }
        p class="muted" { "Up to " (newest.starting_at.get(..10).unwrap_or_default()) ", the newest day that is counted" }
    }
}

fn needs_list(needs: &[Need], visitor: &Visitor) -> Markup {
    html! {
        @if needs.is_empty() { p { (parts::badge(Tone::Good, "well")) " Recording is on, every collector ran in time, there is no gap, and every sink is up to date." } }
        @else {
            ul class="needs" {
                @for need in needs {
                    li {
                        (parts::badge(need.tone, need.badge)) " " (need.words)
                        @if leads(need, visitor) { " " a href=(need.path) { (need.place) } }
                    }
                }
            }
        }
    }
}

/// Whether this visitor may go where it is set right.
fn leads(need: &Need, visitor: &Visitor) -> bool {
    !need.path.starts_with("/settings") || visitor.may(Right::SeeSettings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_435_200_000_000;
    const MINUTE: i64 = 60_000_000;

    fn state(source: &str, failures_in_a_row: u64, last_success_at_micros: Option<i64>) -> SourceState {
        SourceState {
            source: source.to_owned(),
            last_run_at_micros: NOW,
            last_success_at_micros,
            last_error_at_micros: None,
            last_error: None,
            failures_in_a_row,
            rows_total: 1,
            rows_last_run: 1,
            budget: None,
            clock_skew_micros: None,
        }
    }

    #[test]
    fn what_is_off_failing_late_or_missing_is_told_and_nothing_else() {
        let upstream = |name: &str| UpstreamFact {
            name: name.to_owned(),
            kind: "Compliance API".to_owned(),
            base_url: "https://api.example.com".to_owned(),
            poll_seconds: 60,
            backfill_from: None,
            lists_only: false,
        };
        let gap = |closed_at_micros| Gap {
            id: "gap_1".to_owned(),
            source: "late".to_owned(),
            reason: "retention".to_owned(),
            from_micros: NOW - 120 * MINUTE,
            to_micros: None,
            opened_at_micros: NOW,
            closed_at_micros,
        };
        let states = [
            state("fine", 0, Some(NOW - MINUTE)),
            state("late", 0, Some(NOW - 16 * MINUTE)),
            state("broken", 2, Some(NOW)),
        ];
        let upstreams = ["fine", "late", "new"].map(upstream);
        let told = needs(&Recording::Off, &states, &[gap(None), gap(Some(NOW))], &upstreams, NOW);
        let told: Vec<String> = told.iter().map(|need| format!("{}: {}", need.badge, need.words)).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        off: Nothing is recorded: the primary owner has not switched recording on.
        failing: broken failed 2 times in a row.
        stale: late last ran well 16 min ago.
        waiting: new has not brought anything yet.
        gap: late may lack activities, since 2 h ago.
        ");
    }
}
