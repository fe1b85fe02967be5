//! Stories of the console.
