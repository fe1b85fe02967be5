//! Links to the rows before and after.

use maud::{Markup, html};

/// Newer and older rows, where there are any.
pub(crate) fn pager(newer: Option<&str>, older: Option<&str>) -> Markup {
    html! {
        @if newer.is_some() || older.is_some() {
            nav class="pager" aria-label="Pages" {
                @if let Some(newer) = newer { a class="button" rel="prev" href=(newer) data-key="p" { "← Newer" } }
                @if let Some(older) = older { a class="button" rel="next" href=(older) data-key="n" { "Older →" } }
            }
        }
    }
}
