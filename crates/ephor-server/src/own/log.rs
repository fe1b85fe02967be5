//! The log that proves the lake, over HTTP: checkpoints, tiles and keys for mirrors and witnesses; proofs and seals for
//! auditors.
//! Promises that what is open to everyone says nothing but sizes, hashes and signatures.
//! Never answers about activities that are not committed.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use ephor_lake::proof::{ProofError, SignedCheckpoint};
use ephor_lake::{Lake, LakeError};
use ephor_wire::scope::Scope;
use http::{Method, header};
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::query::Query;
use crate::route::{Answer, Family, Parameter, Permission, Route, Shape};
use crate::state::App;

/// Ids that one request may ask proofs for: each costs a look into a few files.
const PROOFS_AT_ONCE: usize = 100;

/// For mirrors and witnesses: anyone, without a key.
const fn open(path: &'static str, summary: &'static str, parameters: &'static [Parameter], answer: Answer) -> Route {
    route(path, Permission::Open, summary, parameters, answer)
}

const fn for_auditors(path: &'static str, summary: &'static str, parameters: &'static [Parameter]) -> Route {
    route(path, Permission::Scope(Scope::ReadEvidence), summary, parameters, Answer::Object)
}

const fn route(
    path: &'static str,
    permission: Permission,
    summary: &'static str,
    parameters: &'static [Parameter],
    answer: Answer,
) -> Route {
    Route { method: Some(Method::GET), path, permission, family: Family::Node, summary, parameters, body: None, answer }
}

pub(super) static CHECKPOINT: Route =
    open("/ephor/v1/log/checkpoint", "The newest signed checkpoint (C2SP tlog-checkpoint)", &[], Answer::Text);

pub(super) static TILE: Route = open(
    "/ephor/v1/log/tile/{level}/{*index}",
    "A tile of hashes (C2SP tlog-tiles)",
    &[
        Parameter::path("level", "Level of the tile, from 0"),
        Parameter::path("index", "Number of the tile, as x001/234, and `.p/WIDTH` for a partial one"),
    ],
    Answer::Bytes,
);

pub(super) static KEYS: Route =
    open("/ephor/v1/log/keys", "The public keys that sign for the log, oldest first", &[], Answer::Object);

pub(super) static CONSISTENCY: Route = open(
    "/ephor/v1/log/consistency",
    "The proof that the log of `to` activities begins as that of `from`",
    &[
        Parameter::query("from", Shape::Text, "The smaller size"),
        Parameter::query("to", Shape::Text, "The larger size. Default: that of the newest checkpoint"),
    ],
    Answer::Object,
);

pub(super) static PROOFS: Route = for_auditors(
    "/ephor/v1/log/proofs",
    "Proofs that activities are in the log, with the checkpoint that they lead to",
    &[Parameter::query("ids[]", Shape::TextList, "Ids of activities, 100 at the most")],
);

pub(super) static SEALS: Route = for_auditors("/ephor/v1/log/seals", "The daily seals, each with its note", &[]);

pub(super) static TIME_STAMPS: Route = for_auditors(
    "/ephor/v1/log/time-stamps",
    "Time-stamps of an authority (RFC 3161) on the checkpoints of sealed days",
    &[],
);

pub(super) static REMOVALS: Route = for_auditors(
    "/ephor/v1/log/removals",
    "What retention let go and what was erased, each statement with its note",
    &[],
);

pub(super) async fn checkpoint(State(app): State<App>) -> Result<Response, Problem> {
    let newest = newest_checkpoint(app.lake())?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], newest.note).into_response())
}

pub(super) async fn tile(
    State(app): State<App>,
    Path((level, index)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let path = format!("{level}/{index}");
    let missing = || Problem::not_found("Tile", &path);
    let level: u8 = level.parse().map_err(|_| missing())?;
    let (number, width) = tile_of(&index).ok_or_else(missing)?;
    let (log, size) = (app.lake().proof_log(), app.lake().next_seq());
    let read = tokio::task::spawn_blocking(move || log.tile(size, level, number, width)).await;
    let bytes = read.map_err(|stopped| Problem::internal(&stopped))?.map_err(Problem::from)?.ok_or_else(missing)?;
    // A full tile never changes; a partial one is replaced by a wider one under another name.
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "max-age=31536000")];
    Ok((headers, bytes).into_response())
}

pub(super) async fn time_stamps(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let log = app.lake().proof_log();
    let read = tokio::task::spawn_blocking(move || log.time_stamps()).await;
    let stamps = read.map_err(|stopped| Problem::internal(&stopped))?.map_err(Problem::from)?;
    Ok(Json(json!({ "data": stamps })))
}

pub(super) async fn keys(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let log = app.lake().proof_log();
    let keys = log.keys(None)?;
    let line = |key: &ephor_lake::proof::PublicKey| json!({ "key": key, "pem": key.to_pem() });
    Ok(Json(json!({ "origin": log.origin()?, "data": keys.iter().map(line).collect::<Vec<_>>() })))
}

pub(super) async fn consistency(State(app): State<App>, request: Request) -> Result<Json<Value>, Problem> {
    let query = Query::of(request.uri());
    let log = app.lake().proof_log();
    let size = |name: &str| match query.one(name) {
        None => Ok(None),
        Some(text) => match text.parse::<u64>() {
            Ok(size) => Ok(Some(size)),
            Err(_) => Err(Problem::invalid(format!("{name}: `{text}` is not a size"))),
        },
    };
    let from = size("from")?.ok_or_else(|| Problem::invalid("from: the smaller size is missing"))?;
    let to = match size("to")? {
        Some(to) => to,
        None => newest_checkpoint(app.lake())?.size,
    };
    if to > app.lake().next_seq() {
        return Err(Problem::invalid(format!("to: the log holds {} activities, not {to}", app.lake().next_seq())));
    }
    let path = log.consistency(from, to).map_err(outside)?;
    let root = |size: u64| log.root(size).map(|root| hex::encode(root.0));
    Ok(Json(json!({
        "from": { "size": from, "root": root(from)? },
        "to": { "size": to, "root": root(to)? },
        "path": path.iter().map(|hash| hex::encode(hash.0)).collect::<Vec<_>>(),
    })))
}

pub(super) async fn proofs(State(app): State<App>, request: Request) -> Result<Json<Value>, Problem> {
    let ids = Query::of(request.uri()).many("ids");
    if ids.is_empty() || ids.len() > PROOFS_AT_ONCE {
        return Err(Problem::invalid(format!("ids[]: name 1 to {PROOFS_AT_ONCE} activities, not {}", ids.len())));
    }
    let checkpoint = newest_checkpoint(app.lake())?;
    let proofs = app.lake().prove(&ids, checkpoint.size).await?;
    let proved: Vec<&str> = proofs.iter().map(|proof| proof.id.as_str()).collect();
    let missing: Vec<&String> = ids.iter().filter(|id| !proved.contains(&id.as_str())).collect();
    Ok(Json(json!({ "checkpoint": checkpoint, "data": proofs, "not_in_checkpoint": missing })))
}

pub(super) async fn seals(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let seals = app.lake().proof_log().seals()?;
    Ok(Json(
        json!({ "data": seals.iter().map(|(seal, note)| json!({ "seal": seal, "note": note })).collect::<Vec<_>>() }),
    ))
}

pub(super) async fn removals(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let removals = app.lake().proof_log().removals()?;
    let line = |(removal, note): &(ephor_lake::proof::Removal, String)| json!({ "removal": removal, "note": note });
    Ok(Json(json!({ "data": removals.iter().map(line).collect::<Vec<_>>() })))
}

fn newest_checkpoint(lake: &Lake) -> Result<SignedCheckpoint, Problem> {
    lake.proof_log().latest_checkpoint()?.ok_or_else(|| Problem::not_found("Checkpoint", "none is signed yet"))
}

/// A size that the log has not got is the caller's mistake, not ours.
fn outside(error: LakeError) -> Problem {
    match error {
        LakeError::Proof(error @ ProofError::OutsideTree { .. }) => Problem::invalid(error.to_string()),
        other => other.into(),
    }
}

/// Number and width of a tile from the end of its path: groups of three digits, all but the last with an `x` before
/// them, and `.p/` with the width of a partial tile.
fn tile_of(index: &str) -> Option<(u64, u64)> {
    let (number, width) = match index.split_once(".p/") {
        Some((number, width)) => (number, width.parse().ok().filter(|width| (1..256).contains(width))?),
        None => (index, 256),
    };
    let groups: Vec<&str> = number.split('/').collect();
    let (last, before) = groups.split_last()?;
    let mut value = 0_u64;
    for group in before.iter().map(|group| group.strip_prefix('x')).chain([Some(*last)]) {
        let group = group.filter(|group| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit()))?;
        value = value.checked_mul(1_000)?.checked_add(group.parse().ok()?)?;
    }
    Some((value, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_are_named_as_c2sp_names_them() {
        assert_eq!(tile_of("000"), Some((0, 256)));
        assert_eq!(tile_of("067.p/5"), Some((67, 5)));
        assert_eq!(tile_of("x001/x234/067"), Some((1_234_067, 256)));
        for wrong in ["", "1", "x001", "001/002", "x01/234", "000.p/0", "000.p/256", "000.p/x", "x001/234.p/"] {
            assert_eq!(tile_of(wrong), None, "{wrong}");
        }
    }
}
