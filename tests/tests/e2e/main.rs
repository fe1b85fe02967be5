//! Ephor from outside: the real binary, real clients, real faults. One module a story.
//! Promises: each test starts what it needs and ends it; `cargo xtask test` has installed the clients.
//! Never looks at Ephor's own types.
#![allow(clippy::print_stdout, reason = "the test runner shows what a failed test printed")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise, with the place")]

mod admin_directory;
mod analytics;
mod analytics_in_a_row;
mod console;
mod content;
mod demo;
mod detect;
mod disk_full;
mod docs;
mod elastic;
mod enablement;
mod evidence;
mod export;
mod faulty_upstream;
mod fifty_kills;
mod findings;
mod import;
mod jetstream;
mod kafka;
mod keys;
mod kill;
mod lines;
mod notifications;
mod objects;
mod otlp_logs;
mod policy;
mod proof;
mod push;
mod python_client;
mod report_pages;
mod reports;
mod reviews;
mod rules;
mod schedules;
mod secops;
mod splunk;
mod syslog;
mod telemetry;
mod two_in_a_row;
mod usage;
mod vendors;
mod writer;
