//! A report written down: for a terminal, for programs (JSON), for spreadsheets (CSV, XLSX), for people and print (HTML).
//! Promises that every form says the same: the rows, their units, where they come from and what is missing.
//! Never decides what may be seen: what a reader may not see is gone before it comes here.

mod csv;
mod html;
pub(crate) mod instants;
mod json;
mod text;
mod words;
mod xlsx;

pub use csv::csv;
pub use html::{STYLE, html, section_markup};
pub use json::json;
pub use text::{table_text, text};
pub use words::{cell_text, day_text, instant_text};
pub use xlsx::xlsx;
