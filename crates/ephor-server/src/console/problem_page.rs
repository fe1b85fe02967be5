//! What went wrong, as a page: what, why as far as it helps, and the way on.
//! Promises the same words as the API's errors.
//! Never shows what broke inside: that is in the log, under the request's id.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};

use super::frame::{self, Sheet, Spot};
use super::visitor::{Visit, Visitor};
use crate::front::Shaped;
use crate::problem::Problem;

/// Turns a failure into a page; anything else passes.
pub(super) fn told(mut response: Response, visit: &Visit, visitor: Option<&Visitor>) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) || response.extensions().get::<Shaped>().is_some() {
        return response;
    }
    let problem = response.extensions_mut().remove::<Problem>().unwrap_or_else(|| Problem::generic(status));
    let page = page(&problem, visit, visitor);
    let mut told = (status, page).into_response();
    for (name, value) in response.headers() {
        if name == http::header::SET_COOKIE || name == http::header::RETRY_AFTER {
            told.headers_mut().append(name, value.clone());
        }
    }
    told.extensions_mut().insert(Shaped);
    told
}

fn page(problem: &Problem, visit: &Visit, visitor: Option<&Visitor>) -> Markup {
    let title = heading(problem.status);
    let body = html! {
        section class="card narrow" {
            p { (problem.message) }
            p class="muted" { "Status " (problem.status.as_u16()) ". The same id stands in the answer's header " code { "request-id" } " and in the node's log." }
            p class="actions" {
                @if problem.status == StatusCode::UNAUTHORIZED { a class="button primary" href="/sign-in" { "Sign in" } }
                @else { a class="button" href="/" { "To the overview" } }
            }
        }
    };
    match visitor {
        Some(visitor) => {
            frame::sheet(visitor, Sheet { title, spot: Spot::None, lead: html! {}, actions: html! {}, body })
        }
        None => frame::bare(visit, title, body),
    }
}

fn heading(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "Sign in again",
        403 => "Not allowed",
        404 => "Not here",
        409 => "Not as things stand",
        413 => "Too large",
        429 => "Too many tries",
        503 | 529 => "Not now",
        400..=499 => "That did not work",
        _ => "Something went wrong here",
    }
}
