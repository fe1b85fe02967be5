//! Long lists: which column they are sorted by, and which slice of them is shown.

use std::ops::Range;

use maud::{Markup, html};

use crate::query::Query;

/// What a list is sorted by.
#[derive(Debug, Clone)]
pub(crate) struct Sorting {
    pub(crate) by: String,
    way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

impl Sorting {
    /// What is asked for, or the usual column.
    pub(crate) fn read(query: &Query, usual: &str) -> Self {
        let by = query.one("sort").filter(|by| !by.is_empty()).unwrap_or(usual).to_owned();
        let way = if query.one("way") == Some("down") { Way::Down } else { Way::Up };
        Self { by, way }
    }

    /// Turns a list that is sorted upwards.
    pub(crate) fn turn<T>(&self, list: &mut [T]) {
        if self.way == Way::Down {
            list.reverse();
        }
    }

    /// A heading that sorts by its column, and the other way round once it does.
    pub(crate) fn heading(&self, path: &str, query: &str, (by, words): (&str, &str), class: &str) -> Markup {
        let here = self.by == by;
        let next = if here && self.way == Way::Up { "down" } else { "up" };
        let state = here.then_some(if self.way == Way::Up { "ascending" } else { "descending" });
        let link = with(path, query, &[("sort", by), ("way", next), ("page", "")]);
        html! { th scope="col" class=[(!class.is_empty()).then_some(class)] aria-sort=[state] { a href=(link) { (words) } } }
    }
}

/// Some rows of a long list.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    page: usize,
    size: usize,
    total: usize,
}

impl Slice {
    /// The page asked for; the last one where there is no such page.
    pub(crate) fn read(query: &Query, total: usize, size: usize) -> Self {
        let asked = query.one("page").and_then(|page| page.parse::<usize>().ok()).unwrap_or(1).max(1) - 1;
        let last = total.saturating_sub(1) / size;
        Self { page: asked.min(last), size, total }
    }

    pub(crate) fn range(&self) -> Range<usize> {
        let start = self.page * self.size;
        start.min(self.total)..(start + self.size).min(self.total)
    }

    /// The ways to the pages before and after.
    pub(crate) fn pager(&self, path: &str, query: &str) -> Markup {
        let link = |page: usize| with(path, query, &[("page", &(page + 1).to_string())]);
        let before = (self.page > 0).then(|| link(self.page - 1));
        let after = ((self.page + 1) * self.size < self.total).then(|| link(self.page + 1));
        html! {
            @if before.is_some() || after.is_some() {
                nav class="pager" aria-label="Pages" {
                    @if let Some(before) = before { a class="button" rel="prev" href=(before) data-key="p" { "← Before" } }
                    span class="muted" { (self.range().start + 1) "–" (self.range().end) " of " (self.total) }
                    @if let Some(after) = after { a class="button" rel="next" href=(after) data-key="n" { "After →" } }
                }
            }
        }
    }
}

/// An address with some parameters put in place of those of the same name; an empty value takes one away.
pub(crate) fn with(path: &str, query: &str, put: &[(&str, &str)]) -> String {
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    pairs.retain(|(name, value)| !value.is_empty() && put.iter().all(|(other, _)| other != name));
    pairs.extend(
        put.iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    match text.finish() {
        empty if empty.is_empty() => path.to_owned(),
        text => format!("{path}?{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_beyond_the_last_is_the_last() {
        let slice = |page: &str, total| Slice::read(&Query::parse(&format!("page={page}")), total, 100).range();
        assert_eq!(slice("1", 250), 0..100);
        assert_eq!(slice("3", 250), 200..250);
        for odd in ["9", "0", "-1", "x", "18446744073709551616"] {
            assert!(slice(odd, 250).end <= 250, "{odd}");
        }
        assert_eq!(slice("7", 0), 0..0);
    }

    #[test]
    fn a_heading_keeps_the_filters_and_forgets_the_page() {
        assert_eq!(with("/people", "q=a+b&page=3&role=", &[("sort", "seen"), ("page", "")]), "/people?q=a+b&sort=seen");
        assert_eq!(with("/people", "page=3", &[("page", "")]), "/people");
    }
}
