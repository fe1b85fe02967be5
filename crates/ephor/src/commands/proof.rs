//! `ephor lake verify|checkpoint|prove|key|erase`: what proves the lake, and the one way to take something out of it.
//! Verification and keys open nothing for writing; a checkpoint is signed only by whoever has the lake to itself.
//! Never prints a private key.

use std::path::Path;
use std::process::ExitCode;

use ephor_lake::control::Control;
use ephor_lake::proof::{self, Person, ProofKey, ProofLog, PublicKey, SignedCheckpoint, Verification, VerifyOptions};
use ephor_lake::{Erasure, ErasureReport, Lake, LakeError};
use ephor_wire::ids;
use ephor_wire::timestamp::UtcDay;
use serde::Serialize;
use serde_json::json;

use crate::arguments::{Erase, Global, Key, Verify};
use crate::config::{Config, parse_day};
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;
use crate::time_stamping::stamp_last_day;

/// Problems that are printed for people; JSON has them all.
const PRINTED_PROBLEMS: usize = 20;

pub(super) async fn verify(global: &Global, dir: &Path, options: &Verify) -> Result<ExitCode, Failure> {
    let day = |text: &Option<String>| text.as_deref().map(parse_day).transpose();
    let days = match (day(&options.from)?, day(&options.to)?) {
        (None, None) => None,
        (from, to) => Some((from.unwrap_or(UtcDay(i32::MIN)), to.unwrap_or(UtcDay(i32::MAX)))),
    };
    let trusted = options.key.as_deref().map(read_public_key).transpose()?;
    let checkpoints = options.checkpoints.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let found = proof::verify(dir, VerifyOptions { trusted, checkpoints, days }).await?;
    output::print(global.format, &found, describe)?;
    Ok(if found.intact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) async fn checkpoint(global: &Global, config: &Config, dir: &Path) -> Result<ExitCode, Failure> {
    match Lake::open_writer(dir, config.lake_options()?).await {
        Ok((lake, appender)) => {
            let signed = appender.notarize().await;
            let stamped = match config.time_stamp_authority()? {
                Some(authority) => stamp_last_day(&lake.proof_log(), &authority, rand::random()).await.map(drop),
                None => Ok(()),
            };
            appender.close().await?;
            signed?;
            stamped?;
        }
        // A running node signs by itself, at least once a minute.
        Err(LakeError::Locked { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let lake = Lake::open_reader(dir).await?;
    let newest = newest_checkpoint(&lake)?;
    output::print(global.format, &newest, |newest| newest.note.clone())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn prove(dir: &Path, ids: &[String]) -> Result<ExitCode, Failure> {
    let lake = Lake::open_reader(dir).await?;
    let checkpoint = newest_checkpoint(&lake)?;
    let mut data = Vec::new();
    for proof in lake.prove(ids, checkpoint.size).await? {
        let raw = lake.find(&proof.id).await?;
        data.push(json!({ "proof": proof, "raw": raw }));
    }
    let missing: Vec<&String> = ids.iter().filter(|id| !data.iter().any(|one| one["proof"]["id"] == **id)).collect();
    output::print_line(&json!({ "checkpoint": checkpoint, "data": data, "not_in_checkpoint": missing }).to_string())?;
    Ok(if missing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lists time-stamps; with a folder, writes each with the checkpoint that it is about, for other tools to check.
pub(super) fn time_stamps(global: &Global, dir: &Path, out: Option<&Path>) -> Result<ExitCode, Failure> {
    let stamps = ProofLog::of(dir).time_stamps()?;
    if let Some(out) = out {
        std::fs::create_dir_all(out)?;
        for stamp in &stamps {
            std::fs::write(out.join(format!("{}.checkpoint", stamp.day)), &stamp.checkpoint)?;
            std::fs::write(out.join(format!("{}.tsr", stamp.day)), stamp.reply_bytes())?;
        }
    }
    output::print(global.format, &stamps, |stamps| {
        if stamps.is_empty() {
            return "there is no time-stamp; `[proof.time_stamp]` of ephor.toml names who makes them".to_owned();
        }
        let mut rows = vec![["DAY", "ACTIVITIES", "STAMPED", "BY"].map(str::to_owned).to_vec()];
        rows.extend(
            stamps.iter().map(|stamp| {
                vec![stamp.day.clone(), stamp.size.to_string(), stamp.time.clone(), stamp.authority.clone()]
            }),
        );
        output::columns(&rows)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn newest_checkpoint(lake: &Lake) -> Result<SignedCheckpoint, Failure> {
    lake.proof_log().latest_checkpoint()?.ok_or_else(|| {
        Failure::new("there is no checkpoint yet: the lake holds no activities").hint("`ephor import` takes some in")
    })
}

#[derive(Serialize)]
struct Keys {
    keys: Vec<PublicKey>,
}

pub(super) fn key(global: &Global, config: &Config, dir: &Path, action: Key) -> Result<ExitCode, Failure> {
    let log = ProofLog::of(dir);
    match action {
        Key::Show { pem } => {
            let keys = Keys { keys: log.keys(None)? };
            output::print(global.format, &keys, |keys| {
                let line = |key: &PublicKey| if pem { key.to_pem() } else { format!("{}\n", key.as_str()) };
                keys.keys.iter().map(line).collect()
            })?;
        }
        Key::Rotate { out } => {
            let old = match config.lake_options()?.key {
                Some(key) => key,
                None => ProofKey::parse(&read(&log.key_path())?).map_err(LakeError::from)?,
            };
            let handed = proof::hand_over(dir, &old, out.as_deref(), now_micros(), &mut rand::rng())?;
            let said = json!({ "from": old.public(), "to": handed.public(), "file": out });
            output::print(global.format, &said, |_| {
                format!("{}\nfollows\n{}", handed.public().as_str(), old.public().as_str())
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn erase(global: &Global, config: &Config, dir: &Path, options: &Erase) -> Result<ExitCode, Failure> {
    let person = Person::named(&options.names).ok_or_else(|| {
        Failure::usage("a name shorter than six characters would be found in rows of others")
            .hint("give the whole user_… id or e-mail address")
    })?;
    let control = super::org::existing_control(dir).await?;
    let by = super::org::actor_named(&control, options.by.as_deref()).await?;
    if !options.yes {
        let count = Lake::open_reader(dir).await?.count_naming(person).await?;
        control.close().await;
        output::print(global.format, &json!({ "activities": count, "erased": false }), |_| {
            format!(
                "{count} activities name this person; nothing was changed. With --yes they are erased, and nothing brings them back."
            )
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let erasure = Erasure {
        person,
        reason: options.reason.clone(),
        pseudonym: ids::tagged("erased_", rand::random()),
        legal_holds: config.retention()?.map(|retention| retention.legal_holds).unwrap_or_default(),
    };
    let (_, appender) = Lake::open_writer(dir, config.lake_options()?).await?;
    let erased = appender.erase(erasure).await;
    appender.close().await?;
    let report = erased?;
    tell(&control, &by, &report, &options.reason).await?;
    control.close().await;
    output::print(global.format, &report, describe_erasure)?;
    Ok(ExitCode::SUCCESS)
}

/// The erasure is itself an activity; it names the pseudonym and nobody else.
async fn tell(
    control: &Control,
    by: &ephor_wire::actor::Actor,
    report: &ErasureReport,
    reason: &str,
) -> Result<(), Failure> {
    let fields = json!({
        "activities_erased": report.activities,
        "activities_held": report.held,
        "pseudonym": report.pseudonym,
        "reason": reason,
    });
    control.outbox().tell("ephor_person_erased", &fields, by, now_micros(), &mut rand::rng()).await?;
    Ok(())
}

fn describe_erasure(report: &ErasureReport) -> String {
    let held = match report.held {
        0 => String::new(),
        held => format!("\n{held} more name the person and are kept by a legal hold"),
    };
    format!(
        "{} activities in {} files were erased, {} conflicts dropped; the person is now {}{held}\nUsage events, the directory and copies of this folder are not part of this: docs/proof.md says what to do about each.",
        report.activities, report.files, report.conflicts, report.pseudonym
    )
}

fn describe(found: &Verification) -> String {
    let mut lines = Vec::new();
    lines.push(match found.intact {
        true => "intact".to_owned(),
        false => format!("NOT intact: {} problems", found.problems.len() as u64 + found.more_problems),
    });
    lines.push(format!(
        "{} activities in the tree, {} read whole ({} MiB), {} expired, {} erased",
        found.size,
        found.rows_checked,
        found.bytes_checked >> 20,
        found.rows_expired,
        found.rows_erased
    ));
    lines.push(format!(
        "{} checkpoints and {} seals checked with {} keys",
        found.checkpoints,
        found.seals,
        found.keys.len()
    ));
    if found.time_stamps > 0 {
        lines.push(format!("{} time-stamps checked; `ephor lake time-stamps` shows whose", found.time_stamps));
    }
    if found.unsigned_rows > 0 {
        lines.push(format!("{} activities are newer than the newest checkpoint", found.unsigned_rows));
    }
    for problem in found.problems.iter().take(PRINTED_PROBLEMS) {
        lines.push(format!("{}: {}", problem.place, problem.what));
    }
    let unprinted = (found.problems.len().saturating_sub(PRINTED_PROBLEMS)) as u64 + found.more_problems;
    if unprinted > 0 {
        lines.push(format!("and {unprinted} more; --format json lists the first hundred of each kind"));
    }
    lines.join("\n")
}

fn read_public_key(path: &Path) -> Result<PublicKey, Failure> {
    let text = read(path)?;
    Ok(PublicKey::parse(&text).map_err(LakeError::from)?)
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))
}
