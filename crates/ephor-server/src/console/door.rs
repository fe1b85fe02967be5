//! The door of the console: under which name, who, whether they may, whether the request is theirs; then the page, then the record.
//! Promises that every answer of the console leaves through here, with its headers, and every look at a person is recorded.
//! Never says to somebody who is not signed in whether a page exists.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use ephor_lake::control::OutboxItem;
use ephor_lake::control::console::{Opens, SignedIn};
use ephor_wire::timestamp::Timestamp;
use http::header::{HeaderMap, USER_AGENT};
use http::{Method, StatusCode};
use rand::RngCore;
use serde_json::json;

use super::cookies::{self, Kind};
use super::form::{Form, JsonBody};
use super::origin::{self, Origin};
use super::page::{Admits, Page, Takes};
use super::seal::Purpose;
use super::visitor::{Theme, Visit, Visitor, escape};
use super::{headers, problem_page};
use crate::body;
use crate::front;
use crate::problem::Problem;
use crate::state::{App, new_id, rng};

/// How often a session's token is replaced while it is used.
const TURN_EVERY_MICROS: i64 = 15 * 60 * 1_000_000;

/// The time of last use is written once a minute: people see minutes.
const SEEN_STEP_MICROS: i64 = 60 * 1_000_000;

/// A form of the console is a few lines; the largest is a decision about many rows.
const FORM_BYTES: usize = 256 << 10;

/// Longer user agents are cut: they are stored with every look.
const USER_AGENT_CHARACTERS: usize = 512;

/// People named in one record of a look; a longer list says how many there were.
const PEOPLE_RECORDED: usize = 200;

/// The header in which the console's own script sends the form's token.
const TOKEN_HEADER: &str = "x-form-token";

pub(crate) async fn guard(State((app, page)): State<(App, &'static Page)>, request: Request, next: Next) -> Response {
    let Some(origin) = Origin::of(request.uri(), request.headers(), &app.options().console) else {
        return headers::harden(misdirected(&app), None);
    };
    let response = match enter(&app, page, &origin, request).await {
        Ok(Entered { request, visit, visitor, fresh }) => {
            let response = next.run(request).await;
            let mut response = leave(&app, page, response, &visit, visitor.as_ref()).await;
            if let Some(value) = fresh {
                cookies::set(response.headers_mut(), Kind::Before, &value, &origin);
            }
            response
        }
        Err(Turned { response, visit }) => match visit {
            Some((visit, visitor)) => problem_page::told(response, &visit, visitor.as_ref()),
            None => response,
        },
    };
    headers::harden(response, Some(&origin))
}

/// Somebody who was let in.
struct Entered {
    request: Request,
    visit: Visit,
    visitor: Option<Visitor>,
    /// What ties the forms of a browser without a session to it from now on.
    fresh: Option<String>,
}

/// Somebody who was not, and with what.
struct Turned {
    response: Response,
    visit: Option<(Visit, Option<Visitor>)>,
}

impl Turned {
    fn with(response: impl IntoResponse) -> Self {
        Self { response: response.into_response(), visit: None }
    }
}

async fn enter(app: &App, page: &'static Page, origin: &Origin, request: Request) -> Result<Entered, Turned> {
    let failed = |problem: Problem| Turned::with(problem);
    let seal = app.console().seal(app).await.map_err(failed)?;
    let presented = cookies::read(request.headers(), Kind::Session, origin);
    let signed_in = match (&presented, page.admits) {
        (Some(token), Admits::Anyone | Admits::SignedIn | Admits::Holder(_)) => {
            let idle = micros(app.options().console.idle);
            let found = app.control().console().sessions().find(token, idle, app.now()).await;
            found.map_err(|error| failed(error.into()))?
        }
        _ => None,
    };
    let before = cookies::read(request.headers(), Kind::Before, origin);
    let fresh = before.is_none().then(random_text);
    let form_token = match (&signed_in, before.as_ref().or(fresh.as_ref())) {
        (Some(signed_in), _) => seal.mark(Purpose::SessionForm, &signed_in.session.id),
        (None, Some(before)) => seal.mark(Purpose::GuestForm, before),
        (None, None) => String::new(),
    };
    let visit = visit_of(app, &request, origin, form_token);
    let visitor = signed_in.map(|signed_in| Visitor::new(visit.clone(), signed_in, seal.clone()));
    let turned = |response: Response| Turned { response, visit: Some((visit.clone(), visitor.clone())) };
    if let Err(response) = may_enter(page, &visit, visitor.as_ref().map(|visitor| &visitor.signed_in)) {
        let mut response = *response;
        // A token that does not work any more is of no use to anybody.
        if presented.is_some() && visitor.is_none() {
            cookies::forget(response.headers_mut(), Kind::Session, origin);
        }
        return Err(turned(response));
    }
    if page.method != Method::GET && page.admits != Admits::Program && !origin.sent(request.headers()) {
        let problem = Problem::forbidden(
            "This came from another site, so nothing was done. Open the console itself and do it there.",
        );
        return Err(turned(problem.into_response()));
    }
    let mut request = take_body(page, request, &visit).await.map_err(|problem| turned(problem.into_response()))?;
    request.extensions_mut().insert(visit.clone());
    if let Some(visitor) = &visitor {
        request.extensions_mut().insert(visitor.clone());
    }
    let fresh = fresh.filter(|_| visitor.is_none() && page.admits == Admits::Anyone);
    Ok(Entered { request, visit, visitor, fresh })
}

/// Whether the page is for this person; if not, what they get instead.
fn may_enter(page: &Page, visit: &Visit, signed_in: Option<&SignedIn>) -> Result<(), Box<Response>> {
    let sign_in = || match page.method {
        Method::GET => Box::new(Redirect::to(&format!("/sign-in?to={}", escape(&visit.here()))).into_response()),
        _ => Box::new(
            Problem::signed_out("You were signed out meanwhile, so nothing was done. Sign in and do it again.")
                .into_response(),
        ),
    };
    match (page.admits, signed_in) {
        (Admits::Anyone | Admits::Program, _) | (Admits::SignedIn, Some(_)) => Ok(()),
        (Admits::SignedIn | Admits::Holder(_), None) => Err(sign_in()),
        (Admits::Holder(_), Some(signed_in)) if signed_in.session.opens == Opens::SetUp => {
            Err(Box::new(Redirect::to("/set-up").into_response()))
        }
        (Admits::Holder(right), Some(signed_in)) if right.is_of(signed_in.member.role) => Ok(()),
        (Admits::Holder(right), Some(signed_in)) => Err(Box::new(
            Problem::forbidden(format!(
                "This takes a role that may {}; yours is {}. An owner can give you another one.",
                right.words(),
                signed_in.member.role.as_str().replace('_', " ")
            ))
            .into_response(),
        )),
    }
}

/// Reads what the request carries and checks that it comes from a page that was served to this person.
async fn take_body(page: &Page, request: Request, visit: &Visit) -> Result<Request, Problem> {
    if page.takes == Takes::Nothing || page.admits == Admits::Program {
        return Ok(request);
    }
    let (mut parts, body) = request.into_parts();
    let told = parts.headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if page.takes == Takes::Upload {
        // The page reads it piece by piece; its form says the token first.
        return Ok(Request::from_parts(parts, body));
    }
    let content_type = body::content_type(&parts.headers);
    let wanted = if page.takes == Takes::Json { "application/json" } else { "application/x-www-form-urlencoded" };
    if content_type.as_deref() != Some(wanted) {
        return Err(body::unsupported(content_type.as_deref(), wanted));
    }
    let bytes: Bytes = body::read(body, FORM_BYTES).await?;
    let token = if page.takes == Takes::Json {
        parts.extensions.insert(JsonBody(bytes));
        told
    } else {
        let (form, token) = Form::read(&bytes);
        parts.extensions.insert(form);
        token
    };
    if !token.is_some_and(|token| same(&token, &visit.form_token)) {
        return Err(stale());
    }
    Ok(Request::from_parts(parts, Body::empty()))
}

/// A form without the token of this person.
pub(super) fn stale() -> Problem {
    Problem::forbidden(
        "This form is not one that was served to you here. Go back, load the page anew, and send it again.",
    )
}

/// Compares in a time that does not depend on where the two differ. An empty token is nobody's.
pub(crate) fn same(token: &str, expected: &str) -> bool {
    use subtle::ConstantTimeEq;
    !expected.is_empty() && bool::from(token.as_bytes().ct_eq(expected.as_bytes()))
}

/// Records who was seen, keeps the session going, and makes a page of what went wrong.
async fn leave(
    app: &App,
    page: &'static Page,
    response: Response,
    visit: &Visit,
    visitor: Option<&Visitor>,
) -> Response {
    let mut response = problem_page::told(response, visit, visitor);
    let Some(visitor) = visitor else { return response };
    let people = visitor.seen();
    if !people.is_empty() && (response.status().is_success() || response.status().is_redirection()) {
        app.recorder().accessed(looked(page.path, visitor, &people)).await;
    }
    let kept = app.console().kept();
    kept.looked_at(visitor.now());
    if page.method != Method::GET {
        kept.acted();
    }
    let session = &visitor.signed_in.session;
    if session.seen_at_micros <= visit.now_micros - SEEN_STEP_MICROS {
        app.recorder().seen(&session.id, visit.now_micros).await;
    }
    if session.turned_at_micros <= visit.now_micros - TURN_EVERY_MICROS {
        match app.control().console().sessions().turn(session, visit.now_micros, &mut rng()).await {
            Ok(Some(token)) => cookies::set(response.headers_mut(), Kind::Session, token.expose(), &visit.origin),
            Ok(None) => {}
            // The old token goes on working; the next request tries again.
            Err(error) => tracing::warn!(%error, "a session's token was not replaced"),
        }
    }
    response
}

/// A look at people as an activity.
pub(super) fn looked(page: &str, visitor: &Visitor, people: &[String]) -> OutboxItem {
    let id = new_id("activity_");
    let activity = json!({
        "id": id,
        "created_at": Timestamp::from_micros(visitor.now()).as_str(),
        "type": "ephor_console_viewed",
        "actor": visitor.actor(),
        "organization_id": null,
        "organization_uuid": null,
        "page": page,
        "path": visitor.visit.path,
        "people": people.iter().take(PEOPLE_RECORDED).collect::<Vec<_>>(),
        "people_count": people.len(),
    });
    OutboxItem { raw: activity.to_string(), id }
}

fn visit_of(app: &App, request: &Request, origin: &Origin, form_token: String) -> Visit {
    let headers = request.headers();
    Visit {
        origin: origin.clone(),
        theme: cookies::read(headers, Kind::Theme, origin).map(|theme| Theme::parse(&theme)).unwrap_or_default(),
        form_token,
        ip_address: front::peer(request),
        user_agent: user_agent(headers),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        now_micros: app.now(),
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(text.chars().take(USER_AGENT_CHARACTERS).collect())
}

fn random_text() -> String {
    let mut bytes = [0_u8; 32];
    rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// What a browser gets where there is nothing: a page, if it is one of ours that asks for one.
pub(crate) fn not_here(app: &App, request: &Request) -> Option<Response> {
    let origin = Origin::of(request.uri(), request.headers(), &app.options().console)?;
    if request.method() != Method::GET || !origin::wants_page(request.headers()) {
        return None;
    }
    let visit = visit_of(app, request, &origin, String::new());
    let response = Problem::no_such_path(&visit.path).into_response();
    Some(headers::harden(problem_page::told(response, &visit, None), Some(&origin)))
}

/// A request under a name that is not ours: nothing is said but how to make it ours.
fn misdirected(app: &App) -> Response {
    let words = match app.options().console.origins.first() {
        None => {
            "The console does not know its address yet: set `url` in the section [console] of ephor.toml.\n".to_owned()
        }
        Some(url) => format!("The console is at {url} and answers under no other name.\n"),
    };
    let mut response = (StatusCode::MISDIRECTED_REQUEST, words).into_response();
    response.extensions_mut().insert(front::Shaped);
    response
}
