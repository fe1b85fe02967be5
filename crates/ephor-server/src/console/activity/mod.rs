//! The activity feed for people: the list with every filter, rows as they arrive, one in full, and a copy to take away.
//! Promises that an address keeps the whole question, so that a link shows somebody else the same rows.
//! Never shows a viewer who a row is about.

mod asked;
mod export;
mod list;
mod live;
mod one;
mod row;

pub(super) use asked::OWN_READS;
pub(super) use export::record_copy;
pub(super) use row::{Shown, line};

use super::access::Right;
use super::page::{Page, Pages};

pub(super) fn mount(pages: Pages) -> Pages {
    pages
        .serve(&LIST, list::show)
        .serve(&LIVE, live::stream)
        .serve(&EXPORT, export::take)
        .serve(&ONE, one::show)
        .serve(&SEEK, list::seek)
}

static LIST: Page = Page::look("/activity", Right::Look);
static LIVE: Page = Page::look("/activity/live", Right::Look);
static EXPORT: Page = Page::look("/activity/export", Right::SeeNames);
static ONE: Page = Page::look("/activity/{id}", Right::SeeNames);
static SEEK: Page = Page::look("/seek", Right::Look);
