//! Packages that are built from the console: under way in the background, then a zip to take away.
//! Promises that what can be taken away is finished and signed; what failed says why.
//! Never builds two at a time: each reads the whole period.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State as Held};
use axum::response::{IntoResponse, Redirect, Response};
use ephor_evidence::{BuildOptions, Frameworks, House, Period, Persons, SampleSize, build as make};
use ephor_lake::proof::ProofKey;
use ephor_wire::timestamp::Timestamp;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use tokio_util::io::ReaderStream;

use crate::console::activity::record_copy;
use crate::console::form::Form;
use crate::console::visitor::Visitor;
use crate::own::known;
use crate::problem::{Problem, shortened};
use crate::state::{App, rng};

/// Where finished packages lie, in the data folder.
const FOLDER: &str = "packages";

/// Packages that may wait for their turn.
const MOST_UNDER_WAY: usize = 4;

/// Packages under way, and those that failed since the node started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Builds {
    told: Arc<Mutex<Vec<Package>>>,
    /// Held by the one that is under way.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Held by the one that is being checked.
    check: Arc<tokio::sync::Mutex<()>>,
}

/// A package, or what became of one.
#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) begun_micros: i64,
    pub(super) state: State,
}

/// How far it is.
#[derive(Debug, Clone)]
pub(super) enum State {
    UnderWay,
    Ready { bytes: u64 },
    Failed { why: String },
}

impl Builds {
    fn begin(&self, package: Package) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(package);
    }

    /// A finished one is told of by its file.
    fn end(&self, name: &str, failed: Option<String>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match failed {
            None => told.retain(|package| package.name != name),
            Some(why) => {
                let failed = told.iter_mut().filter(|package| package.name == name);
                failed.for_each(|package| package.state = State::Failed { why: why.clone() });
            }
        }
    }

    fn under_way(&self) -> usize {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|package| matches!(package.state, State::UnderWay)).count()
    }

    /// The right to check a package, unless another is being checked.
    pub(super) fn check_alone(&self) -> Option<tokio::sync::OwnedMutexGuard<()>> {
        Arc::clone(&self.check).try_lock_owned().ok()
    }

    fn list(&self) -> Vec<Package> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Every package, the newest first.
pub(super) fn all(app: &App) -> Vec<Package> {
    let mut packages = app.console().builds().list();
    for entry in std::fs::read_dir(folder(app)).into_iter().flatten().flatten() {
        let (Ok(name), Ok(facts)) = (entry.file_name().into_string(), entry.metadata()) else { continue };
        let is_told = packages.iter().any(|package| package.name == name);
        if is_told || !is_package(&name) {
            continue;
        }
        let made = facts.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
        let begun_micros = made.and_then(|at| i64::try_from(at.as_micros()).ok()).unwrap_or_default();
        packages.push(Package { name, begun_micros, state: State::Ready { bytes: facts.len() } });
    }
    packages.sort_by_key(|package| std::cmp::Reverse(package.begun_micros));
    packages
}

/// Begins to build one, and says where to look.
pub(super) async fn build(
    Held(app): Held<App>,
    Extension(visitor): Extension<Visitor>,
    Path(framework): Path<String>,
    Extension(form): Extension<Form>,
) -> Result<Response, Problem> {
    let period = Period::parse(form.needed("from")?, form.needed("to")?)?;
    let frameworks = known(&app)?;
    let id = frameworks.find(&framework)?.id.clone();
    let key = app.options().signing_key()?.clone();
    let persons = match form.one("persons") {
        None | Some("named") => Persons::Named,
        Some("pseudonymised") => Persons::Pseudonymised,
        Some("left_out") => Persons::LeftOut,
        Some(other) => {
            return Err(Problem::invalid(format!("persons: `{}` is not one of the three", shortened(other))));
        }
    };
    let name = format!("{id}-{}.zip", stamp(visitor.now()));
    std::fs::create_dir_all(folder(&app)).map_err(|error| Problem::internal(&error))?;
    let options = BuildOptions {
        framework: id,
        controls: Vec::new(),
        period,
        place: folder(&app).join(&name),
        persons,
        sample: SampleSize::ByPopulation,
        seed: None,
        built_by: Some(visitor.signed_in.member.email.clone()),
    };
    let builds = app.console().builds().clone();
    if builds.under_way() >= MOST_UNDER_WAY {
        return Err(Problem::conflict("Other packages are under way; this one can be asked for when they are done."));
    }
    builds.begin(Package { name: name.clone(), begun_micros: visitor.now(), state: State::UnderWay });
    tokio::spawn(async move {
        let _alone = builds.turn.clone().lock_owned().await;
        let failed = made(&app, &frameworks, &key, &options).await.err();
        if let Some(why) = &failed {
            tracing::warn!(package = name, why, "the package was not built");
        }
        builds.end(&name, failed);
    });
    Ok(Redirect::to("/evidence").into_response())
}

/// Makes a package of everything that has arrived by now: what is not signed yet is signed first.
async fn made(app: &App, known: &Frameworks, key: &ProofKey, options: &BuildOptions) -> Result<(), String> {
    app.appender().notarize().await.map_err(|error| error.to_string())?;
    let house = House { lake: app.lake(), control: Some(app.control()) };
    let built = make(house, known, key, options, app.now(), &mut rng()).await;
    built.map(drop).map_err(|error| error.to_string())
}

/// Hands a finished package over.
pub(super) async fn take(
    Held(app): Held<App>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let is_ready = |package: &Package| package.name == name && matches!(package.state, State::Ready { .. });
    if !is_package(&name) || !all(&app).iter().any(is_ready) {
        return Err(Problem::not_found("Package", &name));
    }
    let file = tokio::fs::File::open(folder(&app).join(&name)).await.map_err(|error| Problem::internal(&error))?;
    record_copy(&app, &visitor, "evidence package", "zip").await;
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(CONTENT_TYPE, "application/zip".to_owned()), (CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::from_stream(ReaderStream::new(file))).into_response())
}

fn folder(app: &App) -> PathBuf {
    app.lake().dir().join(FOLDER)
}

/// Whether a name is one that was given here: nothing that leads to another folder.
fn is_package(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    name.strip_suffix(".zip").is_some_and(|stem| !stem.is_empty() && stem.chars().all(plain))
}

/// `20261130T060000123456Z`
fn stamp(micros: i64) -> String {
    let text = Timestamp::from_micros(micros).to_string();
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use super::is_package;

    #[test]
    fn a_name_never_leads_out_of_the_folder() {
        assert!(is_package("soc2-20261130T060000123456Z.zip"));
        for odd in ["../control.sqlite", "a/b.zip", ".zip", "soc2.zip.part", "soc2 .zip", "..zip"] {
            assert!(!is_package(odd), "{odd}");
        }
    }
}
