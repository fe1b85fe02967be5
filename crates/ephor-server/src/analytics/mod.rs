//! The Analytics API as published: eleven endpoints over what the engine has counted.
//! Promises the vendor's parameters, envelopes, limits and errors, so that its own SDK reads this one unchanged.
//! Never counts anything itself.

mod ask;
mod engagement;
mod engine;
mod envelope;
#[cfg(any(test, fuzzing))]
mod hold;
mod limits;
mod page_token;
mod parameters;
mod reach;
mod reports;
mod summaries;
#[cfg(test)]
pub(crate) mod told;

use crate::route::Routes;

#[cfg(any(test, fuzzing))]
pub(crate) use hold::hold_question;

pub use limits::{AnalyticsLimits, AnalyticsProfile};
pub(crate) use page_token::PageTokens;

pub(crate) fn mount(routes: Routes) -> Routes {
    reports::mount(engagement::mount(routes).serve(&summaries::LIST, summaries::list))
}
