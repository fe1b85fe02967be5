//! A decision about one finding, or the same about several.

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use ephor_detect::{Assignment, DetectError, FindingId, FindingStatus, Findings, Step};
use ephor_wire::timestamp::DAY_MICROS;

use super::one::SUPPRESSIONS;
use crate::console::form::Form;
use crate::console::parts;
use crate::console::visitor::{Visitor, escape};
use crate::problem::{Problem, shortened};
use crate::state::{App, rng};

pub(super) async fn one(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let id = FindingId(id);
    let findings = Findings::new(app.control());
    let before = findings.get(&id).await.map_err(Problem::from)?;
    let assignment = match (form.one("assignee"), before.handling.assignee.as_deref()) {
        (None, None) => Assignment::Unchanged,
        (None, Some(_)) => Assignment::Nobody,
        (Some(wanted), Some(now)) if wanted == now => Assignment::Unchanged,
        (Some(wanted), _) => Assignment::To(wanted.to_owned()),
    };
    let step = Step { assignment, suppress_until_micros: quiet_until(&form, visitor.now())?, ..step(&form)? };
    findings.step(&id, &step, &visitor.actor(), visitor.now(), &mut rng()).await.map_err(Problem::from)?;
    Ok(Redirect::to(&format!("/findings/{}?said=done", escape(id.as_str()))).into_response())
}

pub(super) async fn many(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let chosen = form.many("id");
    let back = |said: &str| {
        let queue = parts::with("/findings", form.one("query").unwrap_or_default(), &[("said", said)]);
        Ok(Redirect::to(&queue).into_response())
    };
    if chosen.is_empty() {
        return back("none");
    }
    let step = step(&form)?;
    let findings = Findings::new(app.control());
    // One that is not there is told before anything is done to the others.
    for id in &chosen {
        findings.get(&FindingId((*id).to_owned())).await.map_err(Problem::from)?;
    }
    for id in chosen {
        let made = findings.step(&FindingId(id.to_owned()), &step, &visitor.actor(), visitor.now(), &mut rng()).await;
        match made {
            // Somebody else was first: it is as it was to be.
            Ok(_) | Err(DetectError::EmptyStep) => {}
            Err(error) => return Err(error.into()),
        }
    }
    back("done")
}

fn step(form: &Form) -> Result<Step, Problem> {
    let status: FindingStatus = form.needed("status")?.parse().map_err(Problem::from)?;
    let note = form.one("note").map(str::to_owned);
    Ok(Step { status: Some(status), note, ..Step::default() })
}

fn quiet_until(form: &Form, now_micros: i64) -> Result<Option<i64>, Problem> {
    let Some(text) = form.one("quiet") else { return Ok(None) };
    let offered = SUPPRESSIONS.iter().map(|(_, days)| *days).find(|days| text.parse() == Ok(*days));
    let wrong = || Problem::invalid(format!("quiet: `{}` is none of the spans that are offered", shortened(text)));
    Ok(Some(now_micros.saturating_add(offered.ok_or_else(wrong)? * DAY_MICROS)))
}
