//! The rules in force: what each is after, what it found lately, and its file as it is written.
//! Promises the rules that the node judges by, the user's own included.
//! Never changes a rule: files do.

mod backtest;
mod list;
mod one;

pub(crate) use backtest::Tries;

use ephor_detect::{FindingFilter, FindingRecord, Findings, RuleCard, RuleSources};

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
async fn cards(app: &App) -> Result<(Vec<RuleCard>, Vec<String>), Problem> {
    let sources = sources(app);
    let read = tokio::task::spawn_blocking(move || ephor_detect::cards(&sources)).await;
    let (cards, problems) = read.map_err(|error| Problem::internal(&error))?.map_err(Problem::from)?;
    Ok((cards, problems.iter().map(ToString::to_string).collect()))
}

/// One rule in force.
async fn card(app: &App, name: &str) -> Result<RuleCard, Problem> {
    let (cards, _) = cards(app).await?;
    cards.into_iter().find(|card| card.name == name).ok_or_else(|| Problem::not_found("Rule", name))
}

fn sources(app: &App) -> RuleSources {
    app.options().rules.clone()
}

/// Everything that stands, of one rule or of all.
async fn found(app: &App, rule: Option<&str>) -> Result<Vec<FindingRecord>, Problem> {
    let rules = rule.map(str::to_owned).into_iter().collect();
    let filter = FindingFilter { rules, ..FindingFilter::default() };
    Findings::new(app.control()).list(&filter).await.map_err(Problem::from)
}
