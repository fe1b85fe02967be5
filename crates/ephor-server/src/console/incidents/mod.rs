//! Incidents: any question to the timeline, and cases that keep one with pinned rows, notes and an outcome.
//! Promises that each step is taken by the same code as `ephor case`, with the same record.
//! Never copies an activity into a case: a pin is its id.

mod case;
mod download;
mod lanes;
mod list;
mod question;
mod step;
mod story;

use super::access::Right;
use super::page::{Page, Pages};

pub(super) fn mount(pages: Pages) -> Pages {
    pages
        .serve(&LIST, list::show)
        .serve(&OPEN, step::open)
        .serve(&TIMELINE, story::show)
        .serve(&CASE, case::show)
        .serve(&ADD, step::add)
        .serve(&CLOSE, step::close)
        .serve(&DOWNLOAD, download::take)
}

static LIST: Page = Page::look("/incidents", Right::SeeNames);
static OPEN: Page = Page::act("/incidents", Right::Handle);
static TIMELINE: Page = Page::look("/timeline", Right::SeeNames);
static CASE: Page = Page::look("/incidents/{id}", Right::SeeNames);
static ADD: Page = Page::act("/incidents/{id}", Right::Handle);
static CLOSE: Page = Page::act("/incidents/{id}/close", Right::Handle);
static DOWNLOAD: Page = Page::look("/incidents/{id}/download", Right::SeeNames);
