//! Views that people save for themselves: the question of a page under a name of their own.
//! Promises that a view is its owner's alone, and leads to a page of this console and nowhere else.
//! Never keeps the place within a list: a view shows what there is when it is opened.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_lake::control::console::SavedView;
use maud::{Markup, html};

use super::access::Right;
use super::form::Form;
use super::page::{Page, Pages};
use super::parts;
use super::visitor::Visitor;
use crate::problem::Problem;
use crate::state::{App, rng};

/// Pages whose question can be kept.
const KEPT: [&str; 9] =
    ["/activity", "/findings", "/people", "/keys", "/connectors", "/skills", "/projects", "/workspaces", "/timeline"];

/// Parameters that are a place in a list, or what was just said.
const PLACES: [&str; 4] = ["page", "after", "before", "said"];

/// Longer than a name that fits its chip.
const NAME_CHARACTERS: usize = 80;

/// A question of every filter filled in is a tenth of this.
const QUERY_BYTES: usize = 4_000;

static SAVE: Page = Page::act("/views", Right::Look);
static FORGET: Page = Page::act("/views/forget", Right::Look);

pub(super) fn mount(pages: Pages) -> Pages {
    pages.serve(&SAVE, save).serve(&FORGET, forget)
}

/// The views that this person saved of a page, and a form that saves what is asked now.
pub(super) async fn bar(app: &App, visitor: &Visitor) -> Result<Markup, Problem> {
    let path = visitor.visit.path.as_str();
    let views = app.control().console().saved_views().of(&visitor.signed_in.member.user_id, path).await?;
    let question = question(path, &visitor.visit.query);
    Ok(html! {
        details class="views" {
            summary { "Saved views" @if !views.is_empty() { " " span class="muted" { (views.len()) } } }
            div class="card" {
                @if !views.is_empty() { ul class="stack" { @for view in &views { (line(view, visitor)) } } }
                @if question.is_empty() { p class="muted" { "Choose filters or an order, and keep the question under a name." } }
                @else {
                    form action="/views" method="post" class="filters" {
                        (visitor.visit.form_field())
                        input type="hidden" name="path" value=(path); input type="hidden" name="query" value=(question);
                        label class="text" { "Keep this question as" input name="name" required maxlength=(NAME_CHARACTERS); }
                        button class="button" { "Save" }
                    }
                }
            }
        }
    })
}

fn line(view: &SavedView, visitor: &Visitor) -> Markup {
    html! { li class="view" {
        a href=(parts::with(&view.path, &view.query, &[])) { (view.name) }
        form action="/views/forget" method="post" {
            (visitor.visit.form_field())
            input type="hidden" name="id" value=(view.id); input type="hidden" name="path" value=(view.path); input type="hidden" name="query" value=(visitor.visit.query);
            button class="button small" { "Forget" span class="hidden" { " " (view.name) } }
        }
    } }
}

/// What is asked, without the place in the list.
fn question(path: &str, query: &str) -> String {
    let address = parts::with(path, query, &PLACES.map(|name| (name, "")));
    address.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default()
}

/// The page of a form, if it is one whose question can be kept.
fn page(form: &Form) -> Result<&'static str, Problem> {
    let asked = form.needed("path")?;
    let known = KEPT.into_iter().find(|path| *path == asked);
    known.ok_or_else(|| Problem::invalid("path: no question of this page can be kept"))
}

async fn save(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let (path, name) = (page(&form)?, form.needed("name")?);
    if name.chars().count() > NAME_CHARACTERS {
        return Err(Problem::invalid(format!("name: at most {NAME_CHARACTERS} characters")));
    }
    let query = question(path, form.needed("query")?);
    if query.len() > QUERY_BYTES {
        return Err(Problem::invalid(format!("query: at most {QUERY_BYTES} characters")));
    }
    let views = app.control().console().saved_views();
    views.save(&visitor.signed_in.member.user_id, (name, path, &query), visitor.now(), &mut rng()).await?;
    Ok(Redirect::to(&parts::with(path, &query, &[])).into_response())
}

async fn forget(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let path = page(&form)?;
    app.control().console().saved_views().forget(&visitor.signed_in.member.user_id, form.needed("id")?).await?;
    Ok(Redirect::to(&parts::with(path, form.one("query").unwrap_or_default(), &[])).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_kept_without_the_place_in_the_list() {
        assert_eq!(question("/activity", "q=a+b&page=3&after=x&span=7d&said=done"), "q=a+b&span=7d");
        assert_eq!(question("/activity", "page=3"), "");
    }
}
