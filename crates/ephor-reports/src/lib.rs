//! The use-case reports and reviews: each a question, answered as typed tables that say where they come from.
//! Promises the same answer from the same lake, and that what a reader may not see is gone before it is rendered.
//! Never writes to the lake and never calls the network.

mod answer;
mod cases;
pub mod chart;
mod desk;
mod error;
mod group;
mod people;
mod privacy;
mod provenance;
pub mod render;
mod reports;
pub mod review;
pub mod roster;
mod schedule;
mod table;
pub mod timeline;
pub mod used;

pub use cases::{Case, CaseEntry, Cases};
pub use desk::{Desk, Question, ReportOptions};
pub use error::ReportError;
pub use group::Group;
pub use privacy::{Discretion, Names, USUAL_FLOOR, pseudonym};
pub use provenance::{AsOf, Gap, Period, Provenance, Source};
pub use reports::{BY_GROUP, FOCUS_VERSION, ReportInfo, catalogue, focus, make};
pub use schedule::Timing;
pub use table::{Cell, Column, Figure, Kind, Report, Section, Sensitivity, Table};
