//! A code typed (or brought in the fragment of a link, which no server sees): the session that it opens.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use ephor_lake::control::console::Opens;

use super::attempts::MayTry;
use super::{ends_at, note_failure};
use crate::console::cookies::{self, Kind};
use crate::console::form::Form;
use crate::console::origin::safe_path;
use crate::console::page::{Page, Takes};
use crate::console::visitor::{Visit, escape};
use crate::problem::Problem;
use crate::state::{App, rng};

pub(super) static TRY: Page = Page::try_act("/sign-in/code", Takes::Form);

/// Tries with codes count under one account: which one is meant is not known before.
const ACCOUNT: &str = "a code";

pub(super) async fn try_it(
    State(app): State<App>,
    Extension(visit): Extension<Visit>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let to = safe_path(form.one("to"));
    let refused = |word: &str| Redirect::to(&format!("/sign-in?said={word}&to={}", escape(&to))).into_response();
    let attempts = app.console().attempts();
    if let MayTry::After(_) = attempts.may_try(ACCOUNT, visit.ip_address, visit.now_micros) {
        return Ok(refused("wait"));
    }
    let (ip, user_agent) = visit.from();
    let until = |opens| ends_at(&app, opens, visit.now_micros);
    let codes = app.control().console().codes();
    let from = (ip.as_deref(), user_agent);
    let Some(taken) = codes.redeem(form.needed("code")?, until, from, visit.now_micros, &mut rng()).await? else {
        attempts.failed(ACCOUNT, visit.ip_address, visit.now_micros);
        note_failure(&app, &visit, "code", None).await;
        return Ok(refused("code"));
    };
    attempts.succeeded(ACCOUNT, visit.ip_address);
    let to = if taken.session.opens == Opens::SetUp { "/set-up" } else { &to };
    let mut answer = Redirect::to(to).into_response();
    cookies::set(answer.headers_mut(), Kind::Session, taken.token.expose(), &visit.origin);
    Ok(answer)
}
