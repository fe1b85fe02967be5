//! The frameworks with what either API can show of each, and the packages that were made here.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ephor_evidence::Source;
use maud::{Markup, html};

use super::grade;
use super::packages::{self, Package};
use super::verify;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts::{self, Tone};
use crate::console::visitor::{Visitor, escape};
use crate::own::known;
use crate::problem::Problem;
use crate::state::App;

pub(super) async fn show(State(app): State<App>, Extension(visitor): Extension<Visitor>) -> Result<Response, Problem> {
    let frameworks = known(&app)?;
    let packages = packages::all(&app);
    let body = html! {
        section class="card flush" {
            h2 { "Frameworks" }
            div class="scroll" tabindex="0" { table {
                caption class="hidden" { "Frameworks" }
                thead { tr { th scope="col" { "Framework" } th scope="col" class="n" { "Controls" } th scope="col" { "Analytics API at best" } th scope="col" { "Compliance API at best" } } }
                tbody { @for framework in frameworks.iter() { tr data-row="" {
                    td { a href=(format!("/evidence/{}", escape(&framework.id))) { strong { (framework.title) } } span class="gist wrap" { (framework.about) } }
                    td class="n" { (framework.controls.len()) }
                    @for source in [Source::Analytics, Source::Compliance] { @let given = framework.grades.of(source); td { (grade(given.grade)) span class="gist wrap" { (given.reason) } } }
                } } }
            } }
        }
        section class="card flush" {
            h2 { "Packages made here" }
            @if packages.is_empty() { (parts::empty("No package yet", html! { "Open a framework, choose the days, and build one." })) }
            @else { (table(&packages, &visitor)) }
        }
        section class="card" {
            h2 { "Check one" }
            (verify::form(&visitor))
            p { "The same without this Ephor: " code { "ephor evidence verify PACKAGE --key KEY" } ". KEY is a file with the line that " code { "ephor lake key show" } " prints, which is also the field " code { "key" } " of " a href="/ephor/v1/log/keys" { code { "/ephor/v1/log/keys" } } "; an auditor gets it on a way of their own. docs/evidence.md shows the same check with standard tools." }
        }
    };
    let lead = html! { "What can be shown to an auditor, and what cannot" };
    let sheet = Sheet { title: "Evidence", spot: Spot::Evidence, lead, actions: html! {}, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

fn table(packages: &[Package], visitor: &Visitor) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "Packages" }
            thead { tr { th scope="col" { "Package" } th scope="col" { "Made (UTC)" } th scope="col" { "State" } th scope="col" class="n" { "kB" } } }
            tbody { @for package in packages { tr data-row="" {
                td { @match &package.state {
                    packages::State::Ready { .. } => a class="mono" href=(format!("/evidence/packages/{}", escape(&package.name))) { (package.name) },
                    _ => span class="mono" { (package.name) },
                } }
                td { (parts::moment(package.begun_micros, visitor.now())) }
                td { (state(&package.state)) }
                td class="n" { @if let packages::State::Ready { bytes } = &package.state { (parts::count(bytes / 1000)) } }
            } } }
        } }
    }
}

fn state(state: &packages::State) -> Markup {
    html! {
        @match state {
            packages::State::UnderWay => { (parts::badge(Tone::Fair, "under way")) " Load the page anew to see it done." }
            packages::State::Ready { .. } => (parts::badge(Tone::Good, "ready")),
            packages::State::Failed { why } => { (parts::badge(Tone::Bad, "failed")) span class="gist wrap" { (why) } }
        }
    }
}
