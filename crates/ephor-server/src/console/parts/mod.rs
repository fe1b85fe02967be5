//! Small pieces that pages are made of: times, numbers, badges, pagers, notices.
//! Promises that the same thing looks the same on every page.
//! Never asks the lake for anything.

mod counted;
mod number;
mod pager;
mod sorting;
mod time;

pub(crate) use counted::{days_of, ranking};
pub(crate) use number::{count, plural};
pub(crate) use pager::pager;
pub(crate) use sorting::{Slice, Sorting, with};
pub(crate) use time::{ago, as_of, day, instant, moment};

use maud::{Markup, html};

/// What a page says where there is nothing, and what to do about it.
pub(crate) fn empty(what: &str, advice: Markup) -> Markup {
    html! {
        div class="empty" {
            p class="what" { (what) }
            p { (advice) }
        }
    }
}

/// A word with a tone: how it stands with something.
pub(crate) fn badge(tone: Tone, words: &str) -> Markup {
    html! { span class=(format!("badge {}", tone.as_str())) { (words) } }
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Fair,
    Bad,
    Plain,
}

impl Tone {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }
}

/// What an action came to, told on the page that follows it. The word in the address picks the sentence; it is never shown.
pub(crate) fn notice(said: Option<&str>, sentences: &[(&str, &str)]) -> Markup {
    let sentence = said.and_then(|said| sentences.iter().find(|(word, _)| *word == said));
    html! {
        @if let Some((_, sentence)) = sentence {
            p class="notice" role="status" { (sentence) }
        }
    }
}
