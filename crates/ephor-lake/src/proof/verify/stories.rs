//! Lakes that somebody meddled with, and lakes that nobody did.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom};
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::{ProblemKind, Verification, VerifyOptions, verify};
use crate::proof::{ActivityProof, Person, ProofKey, Removed, check_consistency};
use crate::*;

const START: i64 = 1_767_225_600_000_000; // 2026-01-01T00:00:00Z
const HOUR: i64 = 3_600_000_000;

/// Rows of the lake that is meddled with, over five days. `EPHOR_TAMPERED_ROWS=1000000` tries it at the size of a real one.
fn tampered_rows() -> u64 {
    std::env::var("EPHOR_TAMPERED_ROWS").map_or(2_400, |rows| rows.parse().expect("EPHOR_TAMPERED_ROWS is a number"))
}

fn activity(n: u64) -> String {
    let since_start = i64::try_from(n).unwrap() * (120 * HOUR / i64::try_from(tampered_rows()).unwrap());
    let at = ephor_wire::timestamp::Timestamp::from_micros(START + since_start);
    let kind = ["claude_chat_created", "user_logged_out", "brand_new_type"][(n % 3) as usize];
    json!({
        "id": format!("activity_{n:06}"), "created_at": at.as_str(),
        "type": kind,
        "actor": {
            "type": "user_actor", "user_id": format!("user_{:04}", n % 7),
            "email_address": format!("person{}@example.com", n % 7), "ip_address": format!("192.0.2.{}", n % 9),
        },
        "organization_id": "org_a",
    })
    .to_string()
}

fn batch(source: &str, rows: std::ops::Range<u64>) -> AppendBatch {
    let mut columns = ActivityRows::with_capacity(0, 0);
    for raw in rows.map(activity) {
        columns.push(raw.as_bytes(), &ephor_wire::header::Header::parse(raw.as_bytes()).unwrap());
    }
    AppendBatch { source: source.to_owned(), received_at_micros: START, rows: vec![columns], cursor: None }
}

fn now() -> i64 {
    START + 100 * 24 * HOUR
}

async fn writer(dir: &Path) -> (Lake, Appender) {
    Lake::open_writer(dir, LakeOptions { clock: now, ..LakeOptions::default() }).await.unwrap()
}

/// A lake of several days, commits, sources, checkpoints and one seal.
async fn lake(dir: &Path) {
    let (_, appender) = writer(dir).await;
    let rows_a_part = tampered_rows() / 6;
    for part in 0..6 {
        let rows = part as u64 * rows_a_part..(part as u64 + 1) * rows_a_part;
        appender.append(batch(["a", "b"][part % 2], rows)).await.unwrap();
        if part == 3 {
            appender.notarize().await.unwrap();
        }
    }
    appender.close().await.unwrap();
}

async fn verified(dir: &Path) -> Verification {
    verify(dir, VerifyOptions::default()).await.unwrap()
}

fn kinds(found: &Verification) -> Vec<ProblemKind> {
    let mut kinds: Vec<_> = found.problems.iter().map(|problem| problem.kind).collect();
    kinds.dedup();
    kinds
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn data_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for day in fs::read_dir(dir.join("lake/activities")).unwrap().flatten() {
        if day.file_name().to_string_lossy().starts_with("day=") {
            files.extend(fs::read_dir(day.path()).unwrap().flatten().map(|file| file.path()));
        }
    }
    files.sort();
    files
}

fn read(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(reader.schema());
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

fn write(path: &Path, rows: &RecordBatch) {
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

fn with_column(rows: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let mut columns = rows.columns().to_vec();
    columns[rows.schema().index_of(name).unwrap()] = column;
    RecordBatch::try_new(rows.schema(), columns).unwrap()
}

fn texts(rows: &RecordBatch, name: &str) -> Vec<Option<String>> {
    rows.column_by_name(name).unwrap().as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn take(rows: &RecordBatch, which: impl Iterator<Item = usize>) -> RecordBatch {
    let which = UInt32Array::from_iter_values(which.map(|row| u32::try_from(row).unwrap()));
    arrow::compute::take_record_batch(rows, &which).unwrap()
}

/// One way to meddle with a lake; `None` where this lake does not lend itself to it.
type Tampering = fn(&Path, &mut StdRng) -> Option<()>;

fn some_file(dir: &Path, rng: &mut StdRng) -> PathBuf {
    data_files(dir).choose(rng).unwrap().clone()
}

fn flip(path: &Path, rng: &mut StdRng) {
    let mut bytes = fs::read(path).unwrap();
    let place = rng.random_range(0..bytes.len());
    bytes[place] ^= 1 << rng.random_range(0..8);
    fs::write(path, bytes).unwrap();
}

fn a_bit_of_a_data_file(dir: &Path, rng: &mut StdRng) -> Option<()> {
    flip(&some_file(dir, rng), rng);
    Some(())
}

fn a_bit_of_the_hashes(dir: &Path, rng: &mut StdRng) -> Option<()> {
    let level = rng.random_range(0..2);
    flip(&dir.join(format!("lake/activities/_proof/level-{level}.hashes")), rng);
    Some(())
}

fn a_row_deleted(dir: &Path, rng: &mut StdRng) -> Option<()> {
    let path = some_file(dir, rng);
    let rows = read(&path);
    let gone = rng.random_range(0..rows.num_rows());
    write(&path, &take(&rows, (0..rows.num_rows()).filter(|row| *row != gone)));
    Some(())
}

fn a_row_inserted(dir: &Path, rng: &mut StdRng) -> Option<()> {
    let path = some_file(dir, rng);
    let rows = read(&path);
    let twice = rng.random_range(0..rows.num_rows());
    let mut more = take(&rows, (0..rows.num_rows()).chain([twice]));
    if rng.random_bool(0.5) {
        let mut seq: Vec<i64> = more.column_by_name("seq").unwrap().as_primitive::<Int64Type>().values().to_vec();
        *seq.last_mut().unwrap() = 1_000_000;
        more = with_column(&more, "seq", Arc::new(Int64Array::from(seq)));
    }
    write(&path, &more);
    Some(())
}

fn two_rows_swapped(dir: &Path, rng: &mut StdRng) -> Option<()> {
    let path = some_file(dir, rng);
    let rows = read(&path);
    let pair = (0..rows.num_rows()).choose_multiple(rng, 2);
    let [a, b] = pair[..] else { return None };
    let mut seq: Vec<i64> = rows.column_by_name("seq").unwrap().as_primitive::<Int64Type>().values().to_vec();
    seq.swap(a, b);
    write(&path, &with_column(&rows, "seq", Arc::new(Int64Array::from(seq))));
    Some(())
}

fn a_row_rewritten(dir: &Path, rng: &mut StdRng) -> Option<()> {
    let path = some_file(dir, rng);
    let rows = read(&path);
    let row = rng.random_range(0..rows.num_rows());
    let (mut raw, mut ip) = (texts(&rows, "raw"), texts(&rows, "ip_address"));
    raw[row] = raw[row].as_ref().map(|raw| raw.replace("192.0.2.", "203.0.113."));
    ip[row] = ip[row].as_ref().map(|ip| ip.replace("192.0.2.", "203.0.113."));
    let rows = with_column(&rows, "raw", Arc::new(StringArray::from(raw)));
    write(&path, &with_column(&rows, "ip_address", Arc::new(StringArray::from(ip))));
    Some(())
}

fn a_column_rewritten(dir: &Path, rng: &mut StdRng) -> Option<()> {
    let path = some_file(dir, rng);
    let rows = read(&path);
    let name = ["actor_email", "type", "source", "organization_id"].choose(rng).unwrap();
    let mut column = texts(&rows, name);
    let row = rng.random_range(0..column.len());
    column[row] = Some("somebody.else".to_owned());
    write(&path, &with_column(&rows, name, Arc::new(StringArray::from(column))));
    Some(())
}

fn a_file_cut_off(dir: &Path, rng: &mut StdRng) -> Option<()> {
    let path = some_file(dir, rng);
    let length = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(rng.random_range(0..length)).unwrap();
    Some(())
}

fn a_file_removed(dir: &Path, rng: &mut StdRng) -> Option<()> {
    fs::remove_file(some_file(dir, rng)).unwrap();
    Some(())
}

fn a_file_replaced(dir: &Path, rng: &mut StdRng) -> Option<()> {
    let (from, to) = (some_file(dir, rng), some_file(dir, rng));
    (from != to).then(|| fs::copy(from, to).unwrap()).map(|_| ())
}

fn a_commit_rolled_back(dir: &Path, rng: &mut StdRng) -> Option<()> {
    let log = dir.join("lake/activities/_delta_log");
    let mut commits: Vec<_> = fs::read_dir(&log).unwrap().flatten().map(|entry| entry.path()).collect();
    commits.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    commits.sort();
    for commit in commits.iter().rev().take(rng.random_range(1..4)) {
        fs::remove_file(commit).unwrap();
    }
    Some(())
}

fn lines(dir: &Path, book: &str) -> (PathBuf, Vec<String>) {
    let path = dir.join("proof").join(book);
    let lines = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    (path, lines)
}

fn a_checkpoint_edited(dir: &Path, rng: &mut StdRng) -> Option<()> {
    let (path, mut lines) = lines(dir, "checkpoints.ndjson");
    let line = rng.random_range(0..lines.len());
    let size: String = lines[line].split("\\n").nth(1).unwrap().to_owned();
    lines[line] =
        lines[line].replacen(&format!("\\n{size}\\n"), &format!("\\n{}\\n", size.parse::<u64>().unwrap() - 1), 1);
    fs::write(path, lines.join("\n") + "\n").unwrap();
    Some(())
}

fn an_old_checkpoint_used_again(dir: &Path, _: &mut StdRng) -> Option<()> {
    let (path, mut lines) = lines(dir, "checkpoints.ndjson");
    lines.push(lines.first().unwrap().clone());
    fs::write(path, lines.join("\n") + "\n").unwrap();
    Some(())
}

fn a_checkpoint_of_another_key(dir: &Path, rng: &mut StdRng) -> Option<()> {
    let (path, mut lines) = lines(dir, "checkpoints.ndjson");
    let origin = fs::read_to_string(dir.join("proof/public-key")).unwrap().split('+').next().unwrap().to_owned();
    let (key, _) = ProofKey::generate(&origin, rng).unwrap();
    let last = lines.pop().unwrap();
    let text = serde_json::from_str::<serde_json::Value>(&last).unwrap()["note"].as_str().unwrap().to_owned();
    // The text of a note ends before the empty line; its signatures follow.
    let note = key.sign_note(&format!("{}\n", text.split("\n\n").next().unwrap()));
    lines.push(json!({ "note": note.unwrap() }).to_string());
    fs::write(path, lines.join("\n") + "\n").unwrap();
    Some(())
}

fn a_seal_edited(dir: &Path, _: &mut StdRng) -> Option<()> {
    let (path, lines) = lines(dir, "seals.ndjson");
    fs::write(path, lines.join("\n").replace("claude_chat_created", "claude_chat_deleted") + "\n").unwrap();
    Some(())
}

fn the_salts_changed(dir: &Path, rng: &mut StdRng) -> Option<()> {
    let salts = format!("0 0 {}\n", hex::encode(rng.random::<[u8; 32]>()));
    fs::write(dir.join("lake/activities/_proof/salts"), salts).unwrap();
    Some(())
}

const TAMPERINGS: [(&str, Tampering); 16] = [
    ("a bit of a data file", a_bit_of_a_data_file),
    ("a bit of the hashes", a_bit_of_the_hashes),
    ("a row deleted", a_row_deleted),
    ("a row inserted", a_row_inserted),
    ("two rows swapped", two_rows_swapped),
    ("a row rewritten", a_row_rewritten),
    ("a column rewritten", a_column_rewritten),
    ("a file cut off", a_file_cut_off),
    ("a file removed", a_file_removed),
    ("a file replaced", a_file_replaced),
    ("a commit rolled back", a_commit_rolled_back),
    ("a checkpoint edited", a_checkpoint_edited),
    ("an old checkpoint used again", an_old_checkpoint_used_again),
    ("a checkpoint of another key", a_checkpoint_of_another_key),
    ("a seal edited", a_seal_edited),
    ("the salts changed", the_salts_changed),
];

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_tamperings_are_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    lake(&dir.path().join("whole")).await;
    assert_eq!(kinds(&verified(&dir.path().join("whole")).await), []);
    let mut rng = StdRng::seed_from_u64(11);
    for round in 0..200 {
        let (name, tamper) = TAMPERINGS[round % TAMPERINGS.len()];
        let copied = dir.path().join(format!("copy-{round}"));
        fs::create_dir(&copied).unwrap();
        copy(&dir.path().join("whole"), &copied);
        if tamper(&copied, &mut rng).is_some() {
            let found = verified(&copied).await;
            assert!(!found.intact && found.problems.iter().all(|problem| !problem.what.is_empty()), "{name}, {round}");
        }
        fs::remove_dir_all(&copied).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tampering_is_named_for_what_it_is() {
    use ProblemKind::{
        AddedRow, ChangedFile, ChangedRow, DamagedHashes, ForgedCheckpoint, ForgedSeal, MissingRow, RolledBack,
        SwappedRows, UnreadableFile,
    };
    let dir = tempfile::tempdir().unwrap();
    lake(&dir.path().join("whole")).await;
    let named: [(&str, ProblemKind); 11] = [
        ("a bit of a data file", ChangedFile),
        ("a bit of the hashes", DamagedHashes),
        ("a row deleted", MissingRow),
        ("a row inserted", AddedRow),
        ("two rows swapped", SwappedRows),
        ("a row rewritten", ChangedRow),
        ("a file cut off", UnreadableFile),
        ("a commit rolled back", RolledBack),
        ("an old checkpoint used again", ForgedCheckpoint),
        ("a checkpoint of another key", ForgedCheckpoint),
        ("a seal edited", ForgedSeal),
    ];
    for (round, (name, kind)) in named.into_iter().enumerate() {
        let copied = dir.path().join(format!("copy-{round}"));
        fs::create_dir(&copied).unwrap();
        copy(&dir.path().join("whole"), &copied);
        let (_, tamper) = TAMPERINGS.iter().find(|(other, _)| *other == name).unwrap();
        tamper(&copied, &mut StdRng::seed_from_u64(5)).unwrap();
        let found = verified(&copied).await;
        assert!(kinds(&found).contains(&kind), "{name}: {:#?}", found.problems);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_lakes_that_nobody_touched_raise_no_alarm() {
    for seed in 0..20_u64 {
        let dir = tempfile::tempdir().unwrap();
        let mut rng = StdRng::seed_from_u64(seed);
        let mut at = 0_u64;
        for _ in 0..rng.random_range(1..4) {
            let (lake, appender) = writer(dir.path()).await;
            for _ in 0..rng.random_range(0..5) {
                let to = at + rng.random_range(0..300);
                // Some rows come again; some come late, since days differ by number and not by order.
                appender.append(batch("a", at.saturating_sub(20)..to)).await.unwrap();
                at = to;
            }
            if rng.random_bool(0.5) {
                appender.notarize().await.unwrap();
            }
            if rng.random_bool(0.5) {
                let retention = rng.random_bool(0.5).then(|| Retention { days: 98, legal_holds: Vec::new() });
                appender.compact(CompactOptions { reach: CompactReach::Everything, retention }).await.unwrap();
            }
            match rng.random_bool(0.5) {
                true => appender.close().await.unwrap(),
                // The last handle goes without a word; the writer ends by itself, and the lock with it.
                false => {
                    drop((lake, appender));
                    while crate::lock::WriterLock::take(dir.path()).is_err() {
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
        let found = verified(dir.path()).await;
        assert_eq!(kinds(&found), [], "seed {seed}: {:#?}", found.problems);
        assert_eq!(found.rows_checked + found.rows_expired, found.size);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_and_retention_leave_every_proof_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    lake(dir.path()).await;
    let (lake, appender) = writer(dir.path()).await;
    let before = lake.proof_log().latest_checkpoint().unwrap().unwrap();
    let retention = Some(Retention { days: 98, legal_holds: Vec::new() });
    let report = appender.compact(CompactOptions { reach: CompactReach::Everything, retention }).await.unwrap();
    assert!(report.rows_expired > 0 && report.files_merged > 0, "{report:?}");
    appender.append(batch("a", 2_400..2_500)).await.unwrap();
    appender.close().await.unwrap();
    let found = verified(dir.path()).await;
    assert_eq!(kinds(&found), []);
    assert_eq!(found.rows_expired, report.rows_expired);
    let log = lake.proof_log();
    let after = log.latest_checkpoint().unwrap().unwrap();
    let path: Vec<String> =
        log.consistency(before.size, after.size).unwrap().iter().map(|hash| hex::encode(hash.0)).collect();
    check_consistency(&path, (after.size, &after.root), (before.size, &before.root)).unwrap();
    assert!(check_consistency(&path, (after.size, &before.root), (before.size, &before.root)).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_day_without_its_statement_is_a_missing_day() {
    let dir = tempfile::tempdir().unwrap();
    lake(dir.path()).await;
    let (_, appender) = writer(dir.path()).await;
    let retention = Some(Retention { days: 98, legal_holds: Vec::new() });
    appender.compact(CompactOptions { reach: CompactReach::Everything, retention }).await.unwrap();
    appender.close().await.unwrap();
    fs::remove_file(dir.path().join("proof/removals.ndjson")).unwrap();
    assert!(kinds(&verified(dir.path()).await).contains(&ProblemKind::MissingRow));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_put_back_whole_is_found_by_a_checkpoint_from_outside() {
    let dir = tempfile::tempdir().unwrap();
    let (now, then) = (dir.path().join("now"), dir.path().join("then"));
    lake(&now).await;
    fs::create_dir(&then).unwrap();
    copy(&now, &then);
    let (lake, appender) = writer(&now).await;
    appender.append(batch("a", 2_400..2_600)).await.unwrap();
    appender.close().await.unwrap();
    let witnessed = lake.proof_log().latest_checkpoint().unwrap().unwrap().note;
    assert!(verified(&then).await.intact, "nothing inside the folder can tell");
    let options = VerifyOptions { checkpoints: vec![witnessed], ..VerifyOptions::default() };
    assert_eq!(kinds(&verify(&then, options.clone()).await.unwrap()), [ProblemKind::RolledBack]);
    assert!(verify(&now, options).await.unwrap().intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_of_days_is_read_whole_and_the_rest_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    lake(dir.path()).await;
    let day: ephor_wire::timestamp::UtcDay = "2026-01-02".parse().unwrap();
    let options = VerifyOptions { days: Some((day, day)), ..VerifyOptions::default() };
    let found = verify(dir.path(), options.clone()).await.unwrap();
    assert!(found.intact && found.rows_checked == 480, "{found:?}");
    a_row_deleted(dir.path(), &mut StdRng::seed_from_u64(2)).unwrap();
    assert!(kinds(&verify(dir.path(), options).await.unwrap()).contains(&ProblemKind::MissingRow));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_gone_and_the_tree_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    lake(dir.path()).await;
    let (lake, appender) = writer(dir.path()).await;
    let before = lake.proof_log().latest_checkpoint().unwrap().unwrap();
    let held: ephor_wire::timestamp::UtcDay = "2026-01-03".parse().unwrap();
    let erasure = Erasure {
        person: Person::named(&["user_0003".to_owned(), "person3@example.com".to_owned()]).unwrap(),
        reason: "request 12 of 2026".to_owned(),
        pseudonym: "erased_x7".to_owned(),
        legal_holds: vec![LegalHold { name: "case".to_owned(), from: Some(held), to: Some(held) }],
    };
    let report = appender.erase(erasure.clone()).await.unwrap();
    assert!(report.activities > 200 && report.held > 50, "{report:?}");
    let named = "select count(*) from activities where raw like '%person3@%' and day <> '2026-01-03'";
    let left = lake.sql(named).await.unwrap();
    assert_eq!(left[0].column(0).as_primitive::<Int64Type>().value(0), 0);
    // A source that still has the rows sends them again: they stay out, and nothing is called a conflict.
    let again = appender.append(batch("a", 0..400)).await.unwrap();
    assert_eq!((again.added, again.conflicts, again.duplicates), (0, 0, 400));
    appender.append(batch("a", 2_400..2_420)).await.unwrap();
    appender.close().await.unwrap();
    let found = verified(dir.path()).await;
    assert_eq!(kinds(&found), [], "{:#?}", found.problems);
    assert_eq!(found.rows_erased, report.activities);
    assert_eq!(hex::encode(lake.proof_log().root(before.size).unwrap().0), before.root);
    // What was erased cannot be tried: its salt cannot be made again.
    let removals = lake.proof_log().removals().unwrap();
    let Removed::Erased { rows, .. } = &removals[0].0.what else { panic!("{removals:?}") };
    assert_eq!(lake.proof_log().salts().unwrap().of(rows[0].seq), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_is_proved_with_its_bytes_and_with_no_others() {
    let dir = tempfile::tempdir().unwrap();
    lake(dir.path()).await;
    let lake = Lake::open_reader(dir.path()).await.unwrap();
    let checkpoint = lake.proof_log().latest_checkpoint().unwrap().unwrap();
    let ids: Vec<String> = [0, 1, 1_199, 2_399].map(|n| format!("activity_{n:06}")).to_vec();
    let proofs: Vec<ActivityProof> = lake.prove(&ids, checkpoint.size).await.unwrap();
    assert_eq!(proofs.len(), 4);
    for proof in proofs {
        let raw = lake.find(&proof.id).await.unwrap().unwrap();
        proof.check(raw.as_bytes(), &checkpoint.root).unwrap();
        assert!(proof.check(raw.replace("org_a", "org_b").as_bytes(), &checkpoint.root).is_err());
        let text = serde_json::to_string(&proof).unwrap();
        assert_eq!(serde_json::from_str::<ActivityProof>(&text).unwrap(), proof);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_handed_over_is_trusted_and_any_other_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    lake(dir.path()).await;
    let old = ProofKey::parse(&fs::read_to_string(dir.path().join("proof/key")).unwrap()).unwrap();
    let options = |key: &ProofKey| LakeOptions { clock: now, key: Some(key.clone()) };
    let (foreign, _) = ProofKey::generate(old.public().name(), &mut StdRng::seed_from_u64(1)).unwrap();
    assert!(matches!(Lake::open_writer(dir.path(), options(&foreign)).await, Err(LakeError::WrongKey { .. })));
    let new = crate::proof::hand_over(dir.path(), &old, None, START, &mut StdRng::seed_from_u64(3)).unwrap();
    let (_, appender) = Lake::open_writer(dir.path(), options(&new)).await.unwrap();
    appender.append(batch("a", 2_400..2_410)).await.unwrap();
    appender.close().await.unwrap();
    assert!(matches!(Lake::open_writer(dir.path(), options(&old)).await, Err(LakeError::WrongKey { .. })));
    let trusted = VerifyOptions { trusted: Some(old.public().clone()), ..VerifyOptions::default() };
    let found = verify(dir.path(), trusted).await.unwrap();
    assert!(found.intact && found.keys == [old.public().clone(), new.public().clone()], "{found:?}");
    let (stranger, _) = ProofKey::generate(old.public().name(), &mut StdRng::seed_from_u64(2)).unwrap();
    let options = VerifyOptions { trusted: Some(stranger.public().clone()), ..VerifyOptions::default() };
    assert!(kinds(&verify(dir.path(), options).await.unwrap()).contains(&ProblemKind::ForgedCheckpoint));
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_hashes_are_made_again_from_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    lake(dir.path()).await;
    fs::remove_file(dir.path().join("lake/activities/_proof/level-0.hashes")).unwrap();
    assert_eq!(kinds(&verified(dir.path()).await)[..1], [ProblemKind::ChangedRow]);
    let (_, appender) = writer(dir.path()).await;
    appender.close().await.unwrap();
    assert_eq!(kinds(&verified(dir.path()).await), []);
}
