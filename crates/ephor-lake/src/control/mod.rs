//! The control database: keys, organizations, people, recording, settings, collectors and the outbox, in one SQLite file.
//! Every change commits together with the activity that tells of it, and is on the disk before it is answered.
//! Never reads a clock, never keeps a caller's secret in the clear, never holds an activity longer than the lake needs to take it.

mod activities;
mod analytics_switch;
pub mod console;
mod enablement;
mod error;
mod exports;
mod kept_reports;
mod keys;
mod members;
mod node_secrets;
mod notices;
mod organizations;
mod outbox;
mod roster;
mod schedules;
mod secret;
mod settings;
mod sources;
#[cfg(test)]
mod stories;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use activities::Deed;
use ephor_wire::actor::Actor;
use rand::CryptoRng;
use serde_json::Value;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqlSafeStr, Sqlite, SqliteConnection, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

pub use analytics_switch::{AnalyticsAccess, AnalyticsSwitch};
pub use enablement::{Enablement, Recording, RecordingPeriod};
pub use error::ControlError;
pub use exports::{
    DeadLetter, ExportAdvance, ExportFailure, ExportPlace, ExportSink, ExportStream, ExportTotals, Exports,
};
pub use kept_reports::KeptReports;
pub use keys::{IssuedKey, KeyReach, KeyRecord, KeyState, Keys, NewKey, Recognised};
pub use members::{Member, Members, Role};
pub use node_secrets::{NodeSecret, NodeSecrets};
pub use notices::{Notice, NoticeChange, NoticePlace, NoticeState, Notices};
pub use organizations::{Organization, Organizations, Place};
pub use outbox::{OWN_SOURCE, Outbox, OutboxItem};
pub use roster::{Roster, RosterEntry};
pub use schedules::{ScheduleState, Schedules};
pub use secret::KeySecret;
pub use settings::{Setting, SettingRevision, Settings};
pub use sources::{AnsweredRequest, Budget, Gap, RunOutcome, SourceRun, SourceState, Sources};

/// Connections for reading at the same time; SQLite lets one write at a time whatever this says.
const POOL_CONNECTIONS: u32 = 8;

/// How long another process (a command beside a running server) may hold the file before a write gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The control database of one data folder. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Control {
    pool: sqlx::SqlitePool,
    /// Writers of this process queue here in order, instead of polling SQLite's lock.
    turn: Arc<Mutex<()>>,
    path: PathBuf,
}

impl Control {
    /// Opens `dir/control.sqlite`, making or upgrading it as needed.
    pub async fn open(dir: &Path) -> Result<Self, ControlError> {
        let path = dir.join("control.sqlite");
        make_private(&path).map_err(|source| ControlError::File { path: path.clone(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            // A revoked key must stay revoked after a power cut, so every commit waits for the disk.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(POOL_CONNECTIONS)
            // A file does not hang up: asking a connection whether it is still there is one more way to its thread and
            // back for every statement.
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .map_err(|source| ControlError::Open { path: path.clone(), source })?;
        migrations().run(&pool).await.map_err(|source| ControlError::Upgrade { path: path.clone(), source })?;
        Ok(Self { pool, turn: Arc::default(), path })
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for running statements and closes the file; every clone is closed with it.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// API keys.
    pub fn keys(&self) -> Keys<'_> {
        Keys { control: self }
    }

    /// The parent organization and those linked to it.
    pub fn organizations(&self) -> Organizations<'_> {
        Organizations { control: self }
    }

    /// The people of this Ephor and their roles.
    pub fn members(&self) -> Members<'_> {
        Members { control: self }
    }

    /// Whether activities are recorded.
    pub fn enablement(&self) -> Enablement<'_> {
        Enablement { control: self }
    }

    /// Whether the Analytics API answers.
    pub fn analytics_switch(&self) -> AnalyticsSwitch<'_> {
        AnalyticsSwitch { control: self }
    }

    /// Secrets that this node has made for itself.
    pub fn node_secrets(&self) -> NodeSecrets<'_> {
        NodeSecrets { control: self }
    }

    /// Activities that wait to be moved into the lake.
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox { control: self }
    }

    /// What collectors report of themselves.
    pub fn sources(&self) -> Sources<'_> {
        Sources { control: self }
    }

    /// Who works here, as the organisation says it.
    pub fn roster(&self) -> Roster<'_> {
        Roster { control: self }
    }

    /// Reports that were kept.
    pub fn kept_reports(&self) -> KeptReports<'_> {
        KeptReports { control: self }
    }

    /// What became of scheduled reports.
    pub fn schedules(&self) -> Schedules<'_> {
        Schedules { control: self }
    }

    /// How far the sinks of the export have come.
    pub fn exports(&self) -> Exports<'_> {
        Exports { control: self }
    }

    /// How far notifications have come.
    pub fn notices(&self) -> Notices<'_> {
        Notices { control: self }
    }

    /// Settings and their history.
    pub fn settings(&self) -> Settings<'_> {
        Settings { control: self }
    }

    /// Connections for reading, for a room that keeps tables of its own here.
    pub fn readers(&self) -> &sqlx::SqlitePool {
        &self.pool
    }

    /// Waits for the turn to write and begins a transaction; dropping it undoes everything.
    pub async fn write(&self) -> Result<WriteTurn, ControlError> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        // IMMEDIATE takes the write lock first: a transaction that read before it wrote could not get it any more.
        let transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        Ok(WriteTurn { transaction, _turn: turn })
    }
}

/// A write transaction together with this process's turn to write.
#[derive(Debug)]
pub struct WriteTurn {
    transaction: Transaction<'static, Sqlite>,
    _turn: OwnedMutexGuard<()>,
}

impl WriteTurn {
    /// Where statements of this transaction run.
    pub fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    /// Tells of a change that another room makes, in the same transaction: neither is ever there without the other.
    /// The type begins with `ephor_`; the fields are ids, names and values, never free text or a secret.
    pub async fn tell(
        &mut self,
        kind: &'static str,
        fields: &Value,
        by: &Actor,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ControlError> {
        activities::tell(&mut self.transaction, Deed::Own { kind, fields }, by, now_micros, rng).await
    }

    /// Makes the change last.
    pub async fn commit(self) -> Result<(), ControlError> {
        Ok(self.transaction.commit().await?)
    }
}

/// The schema's steps, in order. A step that was released is never edited; the next one corrects it. Each room has ten
/// numbers of its own.
const STEPS: &[(i64, &str, &str)] = &[
    (1, "control", include_str!("../../migrations/0001_control.sql")),
    (2, "node secrets", include_str!("../../migrations/0002_node_secrets.sql")),
    (10, "findings", include_str!("../../migrations/0010_findings.sql")),
    (11, "lists of rules", include_str!("../../migrations/0011_detect_lists.sql")),
    (12, "lists by hand", include_str!("../../migrations/0012_lists_by_hand.sql")),
    (13, "notifications", include_str!("../../migrations/0013_notify.sql")),
    (19, "lists over time", include_str!("../../migrations/0019_lists_over_time.sql")),
    (20, "exports", include_str!("../../migrations/0020_exports.sql")),
    (30, "reports", include_str!("../../migrations/0030_reports.sql")),
    (31, "schedules", include_str!("../../migrations/0031_schedules.sql")),
    (32, "review notices", include_str!("../../migrations/0032_review_notices.sql")),
    (41, "source requests", include_str!("../../migrations/0041_source_requests.sql")),
    (60, "console", include_str!("../../migrations/0060_console.sql")),
];

fn migrations() -> Migrator {
    let step = |(version, description, sql): &(i64, &'static str, &'static str)| {
        Migration::new(*version, (*description).into(), MigrationType::Simple, (*sql).into_sql_str(), false)
    };
    Migrator::with_migrations(STEPS.iter().map(step).collect())
}

/// Makes the file readable by its owner alone before SQLite fills it; its journal files inherit that.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}
