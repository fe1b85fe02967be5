//! One activity in full: what its type means, each of its fields, its place in the log with the proof, and what the same
//! actor did around it.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ephor_lake::proof::{ActivityProof, SignedCheckpoint};
use ephor_lake::{ActivityFilter, FeedCursor, FeedQuery, Order, PageFrom, TypeFilter};
use ephor_wire::catalogue::{ActivityType, catalogue};
use ephor_wire::header::Header;
use maud::{Markup, html};
use serde_json::Value;

use super::asked::OWN_READS;
use super::row::{self, Shown};
use crate::console::entities;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts::{self, Tone};
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::state::App;

/// What the same actor did before and after.
const STORY_ROWS: usize = 8;

pub(super) async fn show(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let raw = app.lake().find(&id).await?.ok_or_else(|| Problem::not_found("Activity", &id))?;
    let header = Header::parse(raw.as_bytes()).map_err(|error| Problem::internal(&error))?;
    let at = header.created_at_micros;
    let shown = Shown::read(at, &raw).ok_or_else(|| Problem::internal(&"a stored activity is none"))?;
    let (checkpoint, proof) = proof(&app, &id).await?;
    let story = story(&app, &shown).await?;
    let known = catalogue().get(&shown.kind);
    let body = html! {
        div class="split" {
            div class="stack" {
                section class="card" {
                    h2 { "What it says" }
                    (facts(&shown, &visitor, &app))
                }
                section class="card" {
                    header { h2 { "As it was received" } button class="button small" type="button" data-copy="#raw" hidden { "Copy" } }
                    pre class="json mono" id="raw" tabindex="0" aria-label="The activity as it came" { (pretty(&raw)) }
                }
            }
            div class="stack" {
                section class="card" { h2 { "Place in the record" } (place(&visitor, proof.as_ref(), checkpoint.as_ref(), &raw)) }
                (told_story(&story, &shown, &visitor))
                @if let Some(known) = known { section class="card" { h2 { "The type" } (about_type(known)) } }
            }
        }
    };
    let lead = html! { (parts::instant(at, visitor.now())) };
    let actions = html! {
        a class="button" href=(format!("/activity?type={}", escape(&shown.kind))) { "All of this type" }
        @if let Some(actor) = shown.actor.id() { a class="button" href=(format!("/activity?actor={}", escape(actor))) { "All of this actor" } }
    };
    let sheet = Sheet { title: &shown.kind, spot: Spot::Activity, lead, actions, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

async fn proof(app: &App, id: &str) -> Result<(Option<SignedCheckpoint>, Option<ActivityProof>), Problem> {
    let Some(checkpoint) = app.lake().proof_log().latest_checkpoint()? else { return Ok((None, None)) };
    let proofs = app.lake().prove(&[id.to_owned()], checkpoint.size).await?;
    Ok((Some(checkpoint), proofs.into_iter().next()))
}

fn facts(shown: &Shown, visitor: &Visitor, app: &App) -> Markup {
    let actor = &shown.actor;
    html! {
        dl class="facts" {
            dt { "Who" } dd { (row::who(actor, visitor, shown.organization_uuid.as_deref(), app.lake())) }
            dt { "Kind of actor" } dd { (row::words(actor.kind())) }
            @if let Some(ip) = actor.ip_address() { dt { "From" } dd { a class="mono" href=(format!("/activity?ip={}", escape(ip))) { (ip) } } }
            @if let Some(agent) = actor.user_agent() { dt { "With" } dd { (agent) } }
            @if let Some(uuid) = &shown.organization_uuid { dt { "Organization" } dd { a class="mono" href=(format!("/activity?organization={}", escape(uuid))) { (uuid) } } }
            @for (name, value) in &shown.fields { dt { (name) } dd { (field(name, value)) } }
        }
    }
}

/// A field's value: an id as the way to its page, a scalar as it is, anything else as indented JSON.
fn field(name: &str, value: &Value) -> Markup {
    let page = value.as_str().filter(|text| !text.is_empty()).and_then(|text| entities::of_field(name, text));
    html! {
        @match value {
            Value::Null => span class="muted" { "none" },
            Value::String(text) => @match page { Some(page) => a class="mono" href=(page) { (text) }, None => (text) },
            Value::Bool(_) | Value::Number(_) => (value.to_string()),
            Value::Array(items) if items.is_empty() => span class="muted" { "none" },
            other => pre class="mono" tabindex="0" aria-label="The value whole" { (serde_json::to_string_pretty(other).unwrap_or_default()) },
        }
    }
}

/// The bytes, indented; as they are if they are no JSON after all.
fn pretty(raw: &str) -> String {
    serde_json::from_str::<Value>(raw)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| raw.to_owned())
}

fn place(visitor: &Visitor, proof: Option<&ActivityProof>, checkpoint: Option<&SignedCheckpoint>, raw: &str) -> Markup {
    html! {
        @match (proof, checkpoint) {
            (Some(proof), Some(checkpoint)) => {
                dl class="facts" {
                    dt { "Number" } dd { (parts::count(proof.seq)) }
                    dt { "Received" } dd { (parts::instant(proof.received_at_micros, visitor.now())) }
                    dt { "Source" } dd { a href=(format!("/activity?source={}", escape(&proof.source))) { (proof.source) } }
                    dt { "Proof" } dd {
                        @match proof.check(raw.as_bytes(), &checkpoint.root) {
                            Ok(()) => { (parts::badge(Tone::Good, "in the log")) " These bytes lead to the signed root of " (parts::count(checkpoint.size)) " activities over " (proof.path.len()) " hashes." }
                            Err(_) => { (parts::badge(Tone::Bad, "not proven")) " These bytes do not lead to the signed root. Run " code { "ephor lake verify" } "." }
                        }
                    }
                }
            }
            (None, Some(_)) => p { (parts::badge(Tone::Plain, "not signed yet")) " The next checkpoint is at most a minute away." },
            _ => p { "No checkpoint is signed yet." },
        }
    }
}

async fn story(app: &App, shown: &Shown) -> Result<Vec<Shown>, Problem> {
    let Some(actor) = shown.actor.id() else { return Ok(Vec::new()) };
    let filter = ActivityFilter {
        actor_ids: vec![actor.to_owned()],
        types: TypeFilter::Except(OWN_READS.map(str::to_owned).to_vec()),
        ..ActivityFilter::default()
    };
    let here = FeedCursor { created_at_micros: shown.created_at_micros, id: shown.id.clone() };
    let query = |from| FeedQuery { filter: filter.clone(), order: Order::Descending, from, limit: STORY_ROWS };
    let (after, before) = (query(PageFrom::Before(here.clone())), query(PageFrom::After(here)));
    let (after, before) = tokio::try_join!(app.lake().page(&after), app.lake().page(&before))?;
    let read = |row: &ephor_lake::FeedRow| Shown::read(row.created_at_micros, &row.raw);
    let here = Shown {
        id: shown.id.clone(),
        created_at_micros: shown.created_at_micros,
        kind: shown.kind.clone(),
        category: shown.category.clone(),
        actor: shown.actor.clone(),
        organization_uuid: None,
        fields: shown.fields.clone(),
    };
    let before_and_after = before.rows.iter().filter_map(read);
    Ok(after.rows.iter().filter_map(read).chain([here]).chain(before_and_after).collect())
}

fn told_story(story: &[Shown], here: &Shown, visitor: &Visitor) -> Markup {
    html! {
        @if story.len() > 1 {
            section class="card" {
                h2 { "What the same actor did around it" }
                ol class="story" {
                    @for row in story {
                        li aria-current=[(row.id == here.id).then_some("true")] {
                            span { (parts::moment(row.created_at_micros, visitor.now())) }
                            span { (row::what(row, visitor)) }
                        }
                    }
                }
            }
        }
    }
}

fn about_type(known: &ActivityType) -> Markup {
    html! {
        p { (known.summary) }
        dl class="facts" {
            dt { "Category" } dd { a href=(format!("/activity?category={}", escape(&known.category))) { (known.category) } }
            @if let Some(ecs) = &known.ecs { dt { "In ECS" } dd { (ecs.category.join(", ")) " / " (ecs.kind.join(", ")) } }
            @if let Some(note) = &known.note { dt { "Note" } dd { (note) } }
        }
    }
}
