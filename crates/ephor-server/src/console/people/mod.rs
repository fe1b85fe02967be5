//! People of the organization: who they are, which role they hold, when they were seen, and each one's page.
//! Promises everybody whom the directory lists or the feed ever named, whichever knows of them.
//! Never ranks people: the lists are sorted by name, time or address, as somebody asks.

mod called;
mod list;
mod one;
mod roster;

pub(super) use called::Called;
pub(super) use one::activity_table;

use super::access::Right;
use super::page::{Page, Pages};

pub(super) fn mount(pages: Pages) -> Pages {
    pages.serve(&LIST, list::show).serve(&ONE, one::show)
}

static LIST: Page = Page::look("/people", Right::Look);
static ONE: Page = Page::look("/people/{id}", Right::SeeNames);
