//! A case opened, added to, closed.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use ephor_reports::Cases;

use super::question;
use crate::console::form::Form;
use crate::console::visitor::{Visitor, escape};
use crate::problem::Problem;
use crate::state::{App, rng};

pub(super) async fn open(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let asked = question::read(|name| form.one(name))?;
    let asked = serde_json::to_value(asked).map_err(|error| Problem::internal(&error))?;
    let (cases, title) = (Cases::new(app.control()), form.needed("title")?);
    let opened = cases.open(title, &asked, &visitor.actor(), visitor.now(), &mut rng()).await?;
    Ok(back(&opened.id))
}

pub(super) async fn add(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let (activity, words) = (form.one("activity"), form.one("words").unwrap_or_default());
    match activity {
        None if words.is_empty() => return Err(Problem::invalid("words: a note says something")),
        Some(activity) if app.lake().find(activity).await?.is_none() => {
            return Err(Problem::not_found("Activity", activity));
        }
        _ => {}
    }
    let added = Cases::new(app.control()).add(&id, activity, words, &visitor.actor(), visitor.now(), &mut rng()).await;
    added?;
    Ok(back(&id))
}

pub(super) async fn close(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let outcome = form.needed("outcome")?;
    let cases = Cases::new(app.control());
    cases.close(&id, outcome, &visitor.actor(), visitor.now(), &mut rng()).await?;
    Ok(back(&id))
}

fn back(id: &str) -> Response {
    Redirect::to(&format!("/incidents/{}?said=done", escape(id))).into_response()
}
