//! One rule tried on what is in the lake: what it would have found in a period, made in the background as `ephor rules backtest` does.
//! Promises that nothing is put down, and that a try which failed says why.
//! Never tries two rules at a time: each reads the lake from its beginning.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use ephor_detect::{Backtest, DetectError, DetectOptions, Detector, Finding};
use ephor_reports::chart::{Chart, Series};
use ephor_wire::timestamp::UtcDay;
use maud::{Markup, html};

use crate::console::findings::entity;
use crate::console::form::Form;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts::{self, Tone};
use crate::console::visitor::{Visitor, escape};
use crate::problem::{Problem, shortened};
use crate::state::App;

/// The latest tries that are remembered, each of one rule.
const TRIES: usize = 16;

/// Findings of a try that are remembered and shown; all are counted.
const SHOWN: usize = 200;

/// Tries that may wait for their turn.
const MOST_UNDER_WAY: usize = 4;

/// Tries under way and their results, until the node stops.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tries {
    told: Arc<Mutex<VecDeque<Try>>>,
    /// Held by the one that is under way.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// A rule tried, or what became of it.
#[derive(Debug, Clone)]
struct Try {
    rule: String,
    /// As somebody wrote them; empty for no end.
    from: String,
    to: String,
    begun_micros: i64,
    by: String,
    state: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    UnderWay,
    Done(Arc<Outcome>),
    Failed(String),
}

/// What a rule would have found.
#[derive(Debug)]
struct Outcome {
    activities: u64,
    findings: u64,
    hits: u64,
    by_day: BTreeMap<UtcDay, u64>,
    first: Vec<Finding>,
}

impl Tries {
    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Try>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, one: Try) -> Result<(), Problem> {
        let mut told = self.lock();
        let under_way = |one: &&Try| matches!(one.state, Stage::UnderWay);
        if told.iter().any(|other| under_way(&other) && other.rule == one.rule) {
            return Err(Problem::conflict("This rule is being tried already; its result will stand here."));
        }
        if told.iter().filter(under_way).count() >= MOST_UNDER_WAY {
            return Err(Problem::conflict("Other rules are being tried; ask again when they are done."));
        }
        told.retain(|other| other.rule != one.rule);
        told.push_front(one);
        told.truncate(TRIES);
        Ok(())
    }

    fn end(&self, rule: &str, state: Stage) {
        if let Some(one) = self.lock().iter_mut().find(|one| one.rule == rule) {
            one.state = state;
        }
    }

    fn of(&self, rule: &str) -> Option<Try> {
        self.lock().iter().find(|one| one.rule == rule).cloned()
    }
}

impl From<Backtest> for Outcome {
    fn from(tried: Backtest) -> Self {
        let mut by_day: BTreeMap<UtcDay, u64> = BTreeMap::new();
        for finding in &tried.findings {
            *by_day.entry(UtcDay::from_micros(finding.first_seen_micros)).or_default() += 1;
        }
        Self {
            activities: tried.activities,
            findings: tried.findings.len() as u64,
            hits: tried.findings.iter().map(|finding| finding.count).sum(),
            by_day,
            first: tried.findings.into_iter().take(SHOWN).collect(),
        }
    }
}

/// The form that asks for a try.
pub(super) fn form(rule: &str, (from, to): (&str, &str), visitor: &Visitor) -> Markup {
    html! {
        form action=(address(rule)) method="post" class="filters" {
            (visitor.visit.form_field())
            label { "From (day, UTC)" input name="from" value=(from) placeholder="the beginning" maxlength="10"; }
            label { "To (included)" input name="to" value=(to) placeholder="now" maxlength="10"; }
            button class="button" { "Try it on history" }
        }
    }
}

pub(super) fn address(rule: &str) -> String {
    format!("/rules/{}/backtest", escape(rule))
}

pub(super) async fn begin(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    super::card(&*super::rules(&app).await?, &name)?;
    let (from, to) = (form.one("from").unwrap_or_default(), form.one("to").unwrap_or_default());
    let within = Some((
        day("from", from)?.map_or(i64::MIN, UtcDay::start_micros),
        day("to", to)?.map_or(i64::MAX, UtcDay::end_micros),
    ));
    let tries = app.console().tries().clone();
    tries.begin(Try {
        rule: name.clone(),
        from: from.to_owned(),
        to: to.to_owned(),
        begun_micros: visitor.now(),
        by: visitor.signed_in.member.email.clone(),
        state: Stage::UnderWay,
    })?;
    let (rule, options) = (name.clone(), DetectOptions { within, ..app.options().detect.clone() });
    tokio::spawn(async move {
        let _alone = tries.turn.clone().lock_owned().await;
        let state = match tried(&app, &rule, options).await {
            Ok(tried) => Stage::Done(Arc::new(tried.into())),
            Err(error) => Stage::Failed(error.to_string()),
        };
        tries.end(&rule, state);
    });
    Ok(Redirect::to(&address(&name)).into_response())
}

async fn tried(app: &App, rule: &str, options: DetectOptions) -> Result<Backtest, DetectError> {
    Detector::open(app.lake(), app.control(), options).await?.backtest(rule, app.now()).await
}

fn day(name: &str, text: &str) -> Result<Option<UtcDay>, Problem> {
    let wrong = |_| Problem::invalid(format!("{name}: `{}` is not a day such as 2026-10-31", shortened(text)));
    (!text.is_empty()).then(|| text.parse().map_err(wrong)).transpose()
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let rules = super::rules(&app).await?;
    let card = super::card(&rules, &name)?;
    let tried = app.console().tries().of(&name);
    let (from, to) = tried.as_ref().map_or(("", ""), |tried| (tried.from.as_str(), tried.to.as_str()));
    let may = visitor.may(super::TRIES_RIGHT);
    let body = html! {
        @if may { (form(&name, (from, to), &visitor)) }
        @match &tried {
            None => section class="card" { (parts::empty("Not tried yet", html! { "Choose days, and the rule is tried on everything that the lake holds. Nothing is put down." })) },
            Some(tried) => (told(tried, &visitor)),
        }
    };
    let lead = html! { "What " span class="mono" { (card.name) } " would have found" };
    let actions = html! { a class="button" href=(format!("/rules/{}", escape(&name))) { "The rule" } };
    let sheet = Sheet { title: &card.title, spot: Spot::Rules, lead, actions, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

fn told(tried: &Try, visitor: &Visitor) -> Markup {
    let open = |day: &str, words: &str| if day.is_empty() { words.to_owned() } else { day.to_owned() };
    html! {
        p class="muted said" { "From " (open(&tried.from, "the beginning")) " to " (open(&tried.to, "now")) ", asked for by " (tried.by) ", " (parts::instant(tried.begun_micros, visitor.now())) }
        @match &tried.state {
            Stage::UnderWay => section class="card" { p { (parts::badge(Tone::Fair, "under way")) " Load the page anew to see what came of it." } },
            Stage::Failed(why) => section class="card" { p class="wrap" { (parts::badge(Tone::Bad, "failed")) " " (why) } },
            Stage::Done(outcome) => (outcome_of(outcome, visitor)),
        }
    }
}

fn outcome_of(outcome: &Outcome, visitor: &Visitor) -> Markup {
    let metric = |name: &str, value: u64| html! { div class="metric" { span class="name" { (name) } span class="value" { (parts::count(value)) } } };
    html! {
        section class="card" aria-label="Figures" { div class="metrics" {
            (metric("Findings", outcome.findings)) (metric("Activities in them", outcome.hits)) (metric("Days with findings", outcome.by_day.len() as u64)) (metric("Activities looked at", outcome.activities))
        } }
        @if outcome.by_day.len() > 1 { section class="card" { figure class="picture" { (picture(&outcome.by_day)) } } }
        section class="card flush" {
            h2 { "What it would have found" }
            @if outcome.first.is_empty() { (parts::empty("Nothing", html! { "The rule would have found nothing in these days." })) }
            @else { (table(&outcome.first, visitor)) }
            @if outcome.findings > outcome.first.len() as u64 { p class="muted after" { "The first " (outcome.first.len()) " of " (parts::count(outcome.findings)) "; " code { "ephor rules backtest" } " lists all." } }
        }
    }
}

fn picture(by_day: &BTreeMap<UtcDay, u64>) -> Markup {
    let (Some((first, _)), Some((last, _))) = (by_day.first_key_value(), by_day.last_key_value()) else {
        return html! {};
    };
    let days: Vec<UtcDay> = (first.0..=last.0).map(UtcDay).collect();
    let counts = days.iter().map(|day| Some(by_day.get(day).copied().unwrap_or(0) as f64)).collect();
    let labels = days.iter().map(ToString::to_string).collect();
    let chart = Chart::lines(
        "Findings a day, by when they were first seen",
        "findings",
        labels,
        vec![Series::new("findings", counts)],
    );
    html! { figcaption { (chart.title) } (chart.svg()) }
}

fn table(findings: &[Finding], visitor: &Visitor) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "What it would have found" }
            thead { tr { th scope="col" { "First seen (UTC)" } th scope="col" { "What" } th scope="col" { "About" } th scope="col" class="n" { "Activities" } } }
            tbody { @for finding in findings { tr data-row="" {
                td class="nowrap" { (parts::moment(finding.first_seen_micros, visitor.now())) }
                td class="told wrap" { (finding.explanation) }
                td class="about" { @for about in &finding.subject { div { (entity(about, visitor)) } } }
                td class="n" { (parts::count(finding.count)) }
            } } }
        } }
    }
}
