//! A campaign opened, decided about, closed.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use ephor_reports::ReportError;
use ephor_reports::review::{Entitlement, EntitlementKind, NewCampaign, Reviews, Verdict, entitlements};
use ephor_wire::timestamp::UtcDay;

use crate::console::desk::desk;
use crate::console::form::Form;
use crate::console::visitor::{Visitor, escape};
use crate::problem::{Problem, shortened};
use crate::state::{App, rng};

pub(super) async fn open(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let kinds: Vec<EntitlementKind> = form.many("kind").into_iter().map(kind).collect::<Result<_, _>>()?;
    if kinds.is_empty() {
        return Err(Problem::invalid("kind: choose what is reviewed"));
    }
    let due = form.needed("due")?;
    let wrong = |_| Problem::invalid(format!("due: `{}` is not a day such as 2026-10-31", shortened(due)));
    let campaign = NewCampaign {
        name: form.needed("name")?.to_owned(),
        kinds,
        privileged_only: form.one("privileged").is_some(),
        reviewer: form.needed("reviewer")?.to_owned(),
        due_micros: due.parse::<UtcDay>().map_err(wrong)?.end_micros(),
    };
    let managers = app.control().roster().managers().await?;
    let manager_of = |one: &Entitlement| managers.get(&one.email.as_deref()?.to_lowercase()).cloned();
    let snapshot = entitlements(&desk(&app)).await?;
    let reviews = Reviews::new(app.control());
    let (by, now) = (visitor.actor(), visitor.now());
    let opened = reviews.open(&campaign, &snapshot, manager_of, &by, now, &mut rng()).await?;
    Ok(back(&opened.id, "done"))
}

pub(super) async fn decide(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let number = |text: &str| {
        text.parse::<u64>().map_err(|_| Problem::invalid(format!("item: `{}` is not a number", shortened(text))))
    };
    let numbers: Vec<u64> = form.many("item").into_iter().map(number).collect::<Result<_, _>>()?;
    if numbers.is_empty() {
        return Ok(back(&id, "none"));
    }
    let verdict = form.needed("verdict")?;
    let verdict = Verdict::of(verdict)
        .ok_or_else(|| Problem::invalid(format!("verdict: `{}` is not one", shortened(verdict))))?;
    let decided = (verdict, form.needed("reason")?);
    let reviews = Reviews::new(app.control());
    reviews.decide(&id, &numbers, decided, &visitor.actor(), visitor.now(), &mut rng()).await?;
    Ok(back(&id, "done"))
}

pub(super) async fn close(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let key = app.options().signing_key()?.clone();
    let sign =
        |text: &str| key.sign_note(&format!("{text}\n")).map_err(|error| ReportError::Written(error.to_string()));
    let reviews = Reviews::new(app.control());
    reviews.close(&id, sign, &visitor.actor(), visitor.now(), &mut rng()).await?;
    Ok(back(&id, "done"))
}

fn kind(name: &str) -> Result<EntitlementKind, Problem> {
    EntitlementKind::of(name)
        .ok_or_else(|| Problem::invalid(format!("kind: `{}` is no kind of access", shortened(name))))
}

fn back(id: &str, said: &str) -> Response {
    Redirect::to(&format!("/reviews/{}?said={said}", escape(id))).into_response()
}
