//! An activity as rules see it: the wire's own field names with dots, and the few that Ephor adds.
//! Promises that of a name that comes twice the last value counts, and that an array answers with all of its elements.
//! Never changes the bytes, and never invents a value: what is not there is absent.

mod added;
mod flat;
mod view;

pub(crate) use flat::Flat;
pub(crate) use view::{Element, Texts, View};
