//! The harness of the end-to-end tests: runs the real `ephor`, asks it over HTTP, and finds the Python clients.
//! Promises: every process that a test starts ends with it, by its id; every test has a folder of its own.
//! Never imports Ephor's crates: what a test can see is what a user can see.
#![allow(clippy::print_stdout, reason = "the test runner shows what a failed test printed")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise, with the place")]

mod binary;
mod client;
mod eventually;
mod faulty;
mod interrupted;
mod lake;
mod mail_server;
mod node;
mod python;
mod receiver;
mod siege;
mod simulated;

pub use binary::{Done, binary, ephor, folder, run, run_in, workspace_root};
pub use client::{Answer, Client, OWN_READS, id_of, without_own_reads};
pub use eventually::eventually;
pub use faulty::{Fault, FaultyUpstream};
pub use interrupted::killed_again_and_again;
pub use lake::{Counts, counts, holds_exactly, sql, texts};
pub use mail_server::MailServer;
pub use node::Node;
pub use python::{axe, python};
pub use receiver::{Receiver, TrustedHouse, free_port};
pub use siege::{Copies, End, Held, Siege, Victim};
pub use simulated::Simulated;
