//! One campaign: who has access to what, what was decided about it, and whether what was revoked has gone.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use ephor_reports::review::{Campaign, Item, Removal, RemovalState, Reviews, Verdict, removals};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use maud::{Markup, html};

use super::list;
use crate::console::access::Right;
use crate::console::activity::record_copy;
use crate::console::desk::desk;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts::{self, Slice, Tone};
use crate::console::visitor::{Person, Visitor, escape};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

/// Items of a page: what can be decided at a sitting.
const ROWS: usize = 100;

const SAID: &[(&str, &str)] =
    &[("done", "Done, and recorded."), ("none", "No item was chosen, so nothing was decided.")];

const VERDICTS: [(Verdict, &str); 4] =
    [(Verdict::Keep, "k"), (Verdict::Change, "c"), (Verdict::Revoke, "r"), (Verdict::Defer, "d")];

pub(super) async fn show(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let reviews = Reviews::new(app.control());
    let campaign = reviews.campaign(&id).await?;
    let all = reviews.items(&id).await?;
    let gone = removals(&desk(&app), &all).await?;
    let query = Query::parse(&visitor.visit.query);
    let mut items = all;
    narrow(&mut items, &query, &visitor);
    let page = Slice::read(&query, items.len(), ROWS);
    let path = format!("/reviews/{}", escape(&id));
    let decides = visitor.may(Right::Review) && campaign.closed_micros.is_none();
    let body = html! {
        (parts::notice(query.one("said"), SAID))
        (chips(&path, &query))
        form action=(path) method="post" {
            (visitor.visit.form_field())
            section class="card flush" {
                @if items.is_empty() { (parts::empty("No item like this", html! { "Take a filter away." })) }
                @else { (table(&items[page.range()], &visitor, decides)) }
            }
            @if decides && !items.is_empty() { (decisions()) }
        }
        (page.pager(&path, &visitor.visit.query))
        @if !gone.is_empty() { section class="card flush" { h2 { "What was revoked" } (removal_table(&gone, &visitor)) } }
        @if visitor.may(Right::RunReviews) && campaign.closed_micros.is_none() { (closing(&campaign, &visitor)) }
    };
    let lead = html! {
        (list::state(&campaign, visitor.now())) " " (parts::count(campaign.decided)) " of " (parts::plural(campaign.items, "item", "items")) " decided, due "
        (parts::instant(campaign.due_micros, visitor.now()))
    };
    let actions = html! {
        @if campaign.signed.is_some() { a class="button" href=(format!("{path}/result")) { "Signed result" } }
    };
    let sheet = Sheet { title: &campaign.name, spot: Spot::Reviews, lead, actions, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

/// The signed result of a closed campaign.
pub(super) async fn result(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let campaign = Reviews::new(app.control()).campaign(&id).await?;
    let open = || Problem::conflict("This campaign is not closed: its result is signed when it is.");
    let signed = campaign.signed.ok_or_else(open)?;
    record_copy(&app, &visitor, "review", "note").await;
    let headers =
        [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CONTENT_DISPOSITION, "attachment; filename=\"review.note\"")];
    Ok((headers, signed).into_response())
}

fn narrow(items: &mut Vec<Item>, query: &Query, visitor: &Visitor) {
    match query.one("show") {
        Some("open") => items.retain(|item| item.decision.is_none()),
        Some("mine") => {
            let me = &visitor.signed_in.member.email;
            items.retain(|item| item.reviewer.eq_ignore_ascii_case(me));
        }
        Some("flagged") => items.retain(|item| !item.entitlement.flags.is_empty()),
        _ => {}
    }
}

fn chips(path: &str, query: &Query) -> Markup {
    let asked = query.one("show").filter(|show| !show.is_empty());
    let chip = |value: Option<&str>, words: &str| {
        let link = value.map_or_else(|| path.to_owned(), |value| format!("{path}?show={value}"));
        html! { a class="chip" href=(link) aria-current=[(asked == value).then_some("true")] { (words) } }
    };
    html! {
        nav class="chips filters" aria-label="Items" {
            (chip(None, "All")) (chip(Some("open"), "To be decided")) (chip(Some("mine"), "Mine")) (chip(Some("flagged"), "Worth a look"))
        }
    }
}

fn table(items: &[Item], visitor: &Visitor, decides: bool) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Items of the review" }
            thead { tr {
                @if decides { th { label data-all="" hidden { input type="checkbox" data-of="item" aria-label="All of this page"; } } }
                th scope="col" class="n" { "Item" } th scope="col" { "Who" } th scope="col" { "Access" } th scope="col" { "Worth a look" } th scope="col" { "Last seen (UTC)" } th scope="col" { "Reviewer" } th scope="col" { "Decision" }
            } }
            tbody { @for item in items { (row(item, visitor, decides)) } }
        } }
    }
}

fn row(item: &Item, visitor: &Visitor, decides: bool) -> Markup {
    let one = &item.entitlement;
    html! {
        tr data-row="" {
            @if decides { td { input type="checkbox" name="item" value=(item.number) aria-label=(format!("Choose item {}", item.number)); } }
            td class="n" { (item.number) }
            td { (visitor.person(Person::of(&one.person, one.email.as_deref()))) }
            td {
                (one.object_name.as_deref().unwrap_or(&one.object)) @if let Some(role) = &one.role { " as " strong { (role.replace('_', " ")) } }
                span class="gist" { (one.kind.as_str().replace('_', " ")) }
            }
            td { @for flag in &one.flags { (parts::badge(Tone::Fair, &flag.as_str().replace('_', " "))) " " } }
            td { @match one.last_seen_micros { Some(at) => (parts::moment(at, visitor.now())), None => span class="muted" { "never" } } }
            td class="wrap" { (item.reviewer) }
            td { (decision(item, visitor)) }
        }
    }
}

fn decision(item: &Item, visitor: &Visitor) -> Markup {
    html! {
        @match &item.decision {
            None => span class="muted" { "open" },
            Some(made) => {
                @let tone = if made.verdict == Verdict::Revoke { Tone::Bad } else { Tone::Plain };
                (parts::badge(tone, made.verdict.as_str())) " by " (made.by) @if let Some(second) = &item.second { " and " (second) }
                span class="gist wrap" { (made.reason) ", " (parts::ago(made.at_micros, visitor.now())) }
            }
        }
    }
}

fn decisions() -> Markup {
    html! {
        section class="card" {
            h2 { "Decide about those chosen" }
            div class="filters" {
                label class="text" { "Why" span class="hint" { "for whoever reads this in a year" } input name="reason" required maxlength="2000"; }
                @for (verdict, key) in VERDICTS { button class="button" name="verdict" value=(verdict.as_str()) data-key=(key) data-says=(format!("{} those chosen", verdict.as_str())) { (capitalised(verdict.as_str())) } }
            }
            p class="muted" { "Nobody decides about themselves. To keep what is privileged takes a second person, who decides the same." }
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn removal_table(gone: &[Removal], visitor: &Visitor) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "What was revoked" }
            thead { tr { th scope="col" class="n" { "Item" } th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "State" } th scope="col" { "Ended (UTC)" } th scope="col" { "Shown by" } } }
            tbody { @for one in gone { tr {
                td class="n" { (one.item) }
                td { (visitor.person(Person::of(&one.person, None))) }
                td class="wrap" { (one.object) }
                td { (parts::badge(removal_tone(one.state), &one.state.as_str().replace('_', " "))) }
                td { @if let Some(at) = one.ended_micros { (parts::moment(at, visitor.now())) } }
                td { @if let Some(activity) = &one.activity { a class="mono" href=(format!("/activity/{}", escape(activity))) { (activity) } } }
            } } }
        } }
    }
}

fn removal_tone(state: RemovalState) -> Tone {
    match state {
        RemovalState::Overdue | RemovalState::GivenAgain => Tone::Bad,
        RemovalState::Due => Tone::Fair,
        RemovalState::Removed => Tone::Good,
    }
}

fn closing(campaign: &Campaign, visitor: &Visitor) -> Markup {
    html! {
        section class="card" {
            h2 { "Close the campaign" }
            p { "The result is signed with the key of the log and stays as it is. What is still open stays so in it." }
            form action=(format!("/reviews/{}/close", escape(&campaign.id))) method="post" {
                (visitor.visit.form_field())
                button class="button" { "Close and sign" }
            }
        }
    }
}
