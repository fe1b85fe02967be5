//! A package that somebody uploads, checked as `ephor evidence verify` does: which file, proof or signature does not fit.
//! Promises that nothing of it is kept: the file is gone with the answer, whatever came of it.
//! Never reads more than its limit, and never checks two at a time.

use std::path::{Path, PathBuf};

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use ephor_evidence::{EvidenceError, PackageProblem, SignOff, Verified, verify};
use ephor_lake::proof::PublicKey;
use http::header::CONTENT_TYPE;
use maud::{Markup, html};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

use crate::body;
use crate::console::door;
use crate::console::frame::{self, Sheet, Spot};
use crate::console::parts::{self, Tone};
use crate::console::visitor::{FORM_TOKEN, Visitor};
use crate::problem::Problem;
use crate::state::App;

/// The largest package that is checked here: ten times a year of a large organization. The command line takes any.
const PACKAGE_BYTES: u64 = 256 << 20;

/// Where it lies meanwhile, in the data folder: the system's own may be memory.
const FOLDER: &str = "checking";

/// The fields beside the package are a line each.
const FIELD_BYTES: u64 = 4 << 10;

/// The form that uploads one. Its token stands first: nothing of the file is read before it was looked at.
pub(super) fn form(visitor: &Visitor) -> Markup {
    html! {
        form action="/evidence/verify" method="post" enctype="multipart/form-data" class="stack narrow" {
            (visitor.visit.form_field())
            label { "Public key" span class="hint" { "the line that its maker gave out; empty for this Ephor's own" } input name="key" maxlength="500" autocomplete="off"; }
            label { "Package" span class="hint" { "a zip of at most " (PACKAGE_BYTES >> 20) " MB; nothing of it is kept" } input type="file" name="package" accept=".zip,application/zip" required; }
            div { button class="button primary" { "Check it" } }
        }
    }
}

pub(super) async fn check(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
) -> Result<Response, Problem> {
    let alone = app.console().builds().check_alone();
    let _alone = alone.ok_or_else(|| Problem::conflict("Another package is being checked. Try again in a moment."))?;
    let Upload { key, package } = read(&visitor, &emptied(&app)?, request).await?;
    let key = match key {
        Some(line) => PublicKey::parse(&line).map_err(|_| {
            Problem::invalid(
                "key: this is no public key of a log; it is one line such as `ephor.example.com/log+1a2b3c4d+AT…`",
            )
        })?,
        None => own_key(&app)?,
    };
    let trusted = key.name().to_owned();
    let (name, place) = package.ok_or_else(|| Problem::invalid("package: choose the zip that is to be checked"))?;
    // The file lives as long as this closure: it is gone before the answer is written.
    let checked = tokio::task::spawn_blocking(move || verify(place.path(), &key).map_err(in_words)).await;
    let found = checked.map_err(|error| Problem::internal(&error))?;
    let body = match &found {
        Ok(found) => told(found, &trusted),
        Err(what) => no_package(what),
    };
    let lead = html! { span class="mono wrap" { (name) } };
    let actions = html! { a class="button" href="/evidence" { "Check another" } };
    let sheet = Sheet { title: "A package checked", spot: Spot::Evidence, lead, actions, body };
    Ok(frame::sheet(&visitor, sheet).into_response())
}

/// Why it cannot be read; where it lies for now is nobody's business.
fn in_words(error: EvidenceError) -> String {
    match error {
        EvidenceError::NoPackage { what, .. } => what,
        other => other.to_string(),
    }
}

/// The key that a log's first package is checked with; it leads to every later one.
fn own_key(app: &App) -> Result<PublicKey, Problem> {
    let first = app.lake().proof_log().first_key()?;
    first.ok_or_else(|| {
        Problem::conflict("This Ephor has signed nothing yet, so it has no key: give the key of the package's maker.")
    })
}

/// The folder that a package lies in while it is checked, without what a crash may have left there.
fn emptied(app: &App) -> Result<PathBuf, Problem> {
    let folder = app.lake().dir().join(FOLDER);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Problem::internal(&error)),
        _ => {}
    }
    std::fs::create_dir_all(&folder).map_err(|error| Problem::internal(&error))?;
    Ok(folder)
}

/// What was uploaded.
struct Upload {
    key: Option<String>,
    /// What it is called, and where it lies for now.
    package: Option<(String, NamedTempFile)>,
}

async fn read(visitor: &Visitor, folder: &Path, request: Request) -> Result<Upload, Problem> {
    let (parts, body) = request.into_parts();
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let unsupported = |_| body::unsupported(body::content_type(&parts.headers).as_deref(), "multipart/form-data");
    let boundary = multer::parse_boundary(content_type).map_err(unsupported)?;
    let sizes = SizeLimit::new()
        .whole_stream(PACKAGE_BYTES + 4 * FIELD_BYTES)
        .per_field(FIELD_BYTES)
        .for_field("package", PACKAGE_BYTES);
    let mut form = Multipart::with_constraints(body.into_data_stream(), boundary, Constraints::new().size_limit(sizes));
    let token = match form.next_field().await.map_err(broken)? {
        Some(field) if field.name() == Some(FORM_TOKEN) => field.text().await.map_err(broken)?,
        _ => return Err(door::stale()),
    };
    if !door::same(&token, &visitor.visit.form_token) {
        return Err(door::stale());
    }
    let mut upload = Upload { key: None, package: None };
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("key") => {
                let line = field.text().await.map_err(broken)?;
                upload.key = Some(line.trim().to_owned()).filter(|line| !line.is_empty());
            }
            Some("package") => upload.package = file(field, folder).await?,
            _ => {}
        }
    }
    Ok(upload)
}

/// Writes an uploaded file into the folder; a field without a file is none.
async fn file(mut field: Field<'_>, folder: &Path) -> Result<Option<(String, NamedTempFile)>, Problem> {
    let name = field.file_name().unwrap_or_default().to_owned();
    let failed = |error: std::io::Error| Problem::internal(&error);
    // The check takes a name that ends so, whatever somebody calls their file.
    let place = tempfile::Builder::new().suffix(".zip").tempfile_in(folder).map_err(failed)?;
    let mut writer = tokio::fs::File::from_std(place.reopen().map_err(failed)?);
    let mut bytes = 0;
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        bytes += chunk.len();
        writer.write_all(&chunk).await.map_err(failed)?;
    }
    writer.flush().await.map_err(failed)?;
    Ok((bytes > 0).then_some((name, place)))
}

fn broken(error: multer::Error) -> Problem {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            Problem::too_large(format!(
                "The package is larger than {} MB; `ephor evidence verify` takes it of any size.",
                PACKAGE_BYTES >> 20
            ))
        }
        _ => {
            Problem::invalid("The form broke off or is not what the page sends. Load the page anew, and send it again.")
        }
    }
}

fn no_package(what: &str) -> Markup {
    html! { section class="card" { h2 { (parts::badge(Tone::Bad, "no package")) " This cannot be read as a package" } p class="wrap" { (what) } } }
}

fn told(found: &Verified, trusted: &str) -> Markup {
    let (tone, word) = if found.proven { (Tone::Good, "proven") } else { (Tone::Bad, "not proven") };
    html! {
        div class="split" {
            div class="stack" {
                section class="card" {
                    h2 { (parts::badge(tone, word)) @if found.proven { " Nothing was found that does not fit" } @else { " What does not fit" } }
                    @if found.proven { (sentences(&found.proves)) } @else { (problems(&found.problems, found.more_problems)) }
                }
                section class="card" { h2 { "What it does not prove" } (sentences(&found.does_not_prove)) }
            }
            div class="stack" {
                section class="card" { h2 { "The package" } (facts(found, trusted)) }
                @if !found.sign_offs.is_empty() { section class="card" { h2 { "Signed off" } (sign_offs(&found.sign_offs)) } }
            }
        }
    }
}

fn sentences(sentences: &[String]) -> Markup {
    html! { ul class="notes" { @for sentence in sentences { li class="wrap" { (sentence) } } } }
}

fn problems(problems: &[PackageProblem], more: u64) -> Markup {
    html! {
        div class="scroll" tabindex="0" { table {
            caption class="hidden" { "What does not fit" }
            thead { tr { th scope="col" { "File" } th scope="col" { "What is wrong" } } }
            tbody { @for problem in problems { tr { td class="mono wrap" { (problem.file) } td class="wrap" { (problem.what) } } } }
        } }
        @if more > 0 { p class="muted" { (parts::count(more)) " more; `ephor evidence verify` tells the first of each file too." } }
    }
}

fn facts(found: &Verified, trusted: &str) -> Markup {
    html! {
        dl class="facts" {
            dt { "Framework" } dd { (found.framework.as_deref().unwrap_or("unknown")) }
            dt { "Period" } dd { @match found.period { Some(period) => (period), None => "unknown" } }
            dt { "Built" } dd { (found.built_at.as_deref().unwrap_or("unknown")) }
            dt { "Signed by" } dd class="wrap" { (found.signed_by.as_deref().unwrap_or("nobody whose key leads from the given one")) }
            dt { "Checked with" } dd class="wrap" { "the key of " (trusted) }
            dt { "Files compared" } dd { (parts::count(found.files)) }
            dt { "Activities in the log" } dd { (parts::count(found.activities)) }
            dt { "Bytes compared" } dd { "of " (parts::plural(found.bytes_shown, "activity", "activities")) }
            dt { "Rows drawn again" } dd { (parts::count(found.drawn)) }
        }
    }
}

fn sign_offs(sign_offs: &[SignOff]) -> Markup {
    html! { ol class="story" { @for one in sign_offs { li {
        span { (one.at) }
        div class="wrap" { (one.says.as_str()) " by " (one.by) @if let Some(note) = &one.note { p { (note) } } }
    } } } }
}
