//! Access reviews: campaigns with their progress, decisions in bulk, and the signed result.
//! Promises that each step is taken by the same code as `ephor review`, with the same record.
//! Never takes access away: it shows what was decided and whether it has gone.

mod campaign;
mod list;
mod step;

pub(super) use list::due;

use super::access::Right;
use super::page::{Page, Pages};

pub(super) fn mount(pages: Pages) -> Pages {
    pages
        .serve(&LIST, list::show)
        .serve(&OPEN, step::open)
        .serve(&ONE, campaign::show)
        .serve(&DECIDE, step::decide)
        .serve(&CLOSE, step::close)
        .serve(&RESULT, campaign::result)
}

static LIST: Page = Page::look("/reviews", Right::SeeNames);
static OPEN: Page = Page::act("/reviews", Right::RunReviews);
static ONE: Page = Page::look("/reviews/{id}", Right::SeeNames);
static DECIDE: Page = Page::act("/reviews/{id}", Right::Review);
static CLOSE: Page = Page::act("/reviews/{id}/close", Right::RunReviews);
static RESULT: Page = Page::look("/reviews/{id}/result", Right::SeeNames);
