//! The rules in force: what each is after, what it found lately, and its file as it is written.
//! Promises the rules that the node judges by, the user's own included.
//! Never changes a rule: files do.

mod backtest;
mod list;
mod one;

pub(crate) use backtest::Tries;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ephor_detect::{FindingFilter, FindingRecord, RuleCard, RuleSource, RuleSources};

use super::access::Right;
use super::page::{Page, Pages};
use crate::problem::Problem;
use crate::state::App;

pub(super) fn mount(pages: Pages) -> Pages {
    pages.serve(&LIST, list::show).serve(&ONE, one::show).serve(&TRIED, backtest::show).serve(&TRY, backtest::begin)
}

static LIST: Page = Page::look("/rules", Right::Look);
static ONE: Page = Page::look("/rules/{name}", Right::Look);
static TRIED: Page = Page::look("/rules/{name}/backtest", Right::SeeNames);
static TRY: Page = Page::act("/rules/{name}/backtest", TRIES_RIGHT);

/// A try keeps a processor busy for a while: it is for those who handle what rules find.
const TRIES_RIGHT: Right = Right::Handle;

/// Every rule in force, and what is wrong with files that are not.
#[derive(Debug)]
pub(super) struct Rules {
    cards: Vec<RuleCard>,
    problems: Vec<String>,
    files: Vec<RuleSource>,
}

/// The rules that the files say now; they are understood again when one of them says something else.
async fn rules(app: &App) -> Result<Arc<Rules>, Problem> {
    let sources = sources(app);
    let read = tokio::task::spawn_blocking(move || sources.files()).await.map_err(|error| Problem::internal(&error))?;
    let files = read.map_err(Problem::from)?;
    let mut said = DefaultHasher::new();
    files.iter().for_each(|source| (&source.file, &source.text).hash(&mut said));
    let understand = async {
        let understood = tokio::task::spawn_blocking(move || {
            let (cards, problems) = ephor_detect::cards_of(&files);
            Rules { cards, problems: problems.iter().map(ToString::to_string).collect(), files }
        });
        understood.await.map_err(|error| Problem::internal(&error))
    };
    app.console().kept().rules().of(said.finish(), understand).await
}

/// One of them.
fn card<'r>(rules: &'r Rules, name: &str) -> Result<&'r RuleCard, Problem> {
    rules.cards.iter().find(|card| card.name == name).ok_or_else(|| Problem::not_found("Rule", name))
}

fn sources(app: &App) -> RuleSources {
    app.options().rules.clone()
}

/// Everything that stands, of one rule or of all.
async fn found(app: &App, rule: Option<&str>) -> Result<Arc<Vec<FindingRecord>>, Problem> {
    let rules = rule.map(str::to_owned).into_iter().collect();
    let filter = FindingFilter { rules, ..FindingFilter::default() };
    app.console().kept().findings(app, &filter).await
}
