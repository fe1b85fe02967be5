//! Feed pages: the same pages asked from Ephor over HTTP and from PostgreSQL over its own protocol.
//! Promises: both are asked from Python over one kept connection, and every page must hold the same ids.
//! Never measures how a position was found, only the page.

use serde::Deserialize;

use super::import::Lake;
use super::measure::PeakWatch;
use super::node::Node;
use super::postgres::Cluster;
use super::report::{PageResult, Results};
use super::{Bench, script};
use crate::step::{Blame, Failure, Outcome, ask};

/// One kind of page as a Python script reports it.
#[derive(Deserialize)]
struct Asked {
    place: String,
    filter: String,
    limit: u32,
    p50_ms: f64,
    p99_ms: f64,
    digest: String,
}

pub fn measure(bench: &Bench<'_>, lake: &Lake, cluster: &Cluster, results: &mut Results) -> Outcome<()> {
    let pages = bench.folder.join("pages.json");
    let node = Node::start(bench, lake)?;
    let key = lake
        .keys
        .pointer("/keys/compliance")
        .or_else(|| lake.keys.get("compliance"))
        .and_then(serde_json::Value::as_str);
    let key = key.blame("`ephor init` printed no compliance key")?;
    let watch = PeakWatch::of_process(node.pid());
    let requests = bench.requests.to_string();
    let ephor = ask(script(bench, "feed_ephor.py")
        .arg(&node.address)
        .arg(&pages)
        .arg(&requests)
        .arg(&bench.activities)
        .env("FEED_KEY", key))?;
    results.serving_memory_bytes = Some(watch.stop());
    drop(node);
    let postgres = ask(script(bench, "feed_postgres.py").arg(cluster.socket()).arg(&pages).arg(&requests))?;

    let ephor: Vec<Asked> = serde_json::from_str(&ephor).blame("feed_ephor.py printed no JSON")?;
    let postgres: Vec<Asked> = serde_json::from_str(&postgres).blame("feed_postgres.py printed no JSON")?;
    for (ours, theirs) in ephor.into_iter().zip(postgres) {
        if ours.digest != theirs.digest {
            let page = format!("{} {} {}", ours.place, ours.filter, ours.limit);
            return Err(Failure::new(format!("Ephor and PostgreSQL gave different rows for the pages '{page}'")));
        }
        results.pages.push(PageResult {
            place: ours.place,
            filter: ours.filter,
            limit_rows: ours.limit,
            ephor_p50_ms: ours.p50_ms,
            ephor_p99_ms: ours.p99_ms,
            postgresql_p50_ms: theirs.p50_ms,
            postgresql_p99_ms: theirs.p99_ms,
        });
    }
    Ok(())
}
