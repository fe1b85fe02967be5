//! What happens on the way to a receiver, told with a real lake, a real control database and receivers on loopback.

#![allow(clippy::unwrap_used)]

mod delivery;
mod notifications;
mod receivers;
mod stand_ins;

use std::path::Path;

use ephor_lake::control::Control;
use ephor_lake::{ActivityRows, AppendBatch, Appender, Lake, LakeOptions};
use ephor_wire::header::Header;
use secrecy::SecretString;
use serde_json::json;

use crate::{ExportContext, LakeIs, SinkSettings};

const START: i64 = 1_767_225_600_000_000; // 2026-01-01T00:00:00Z

/// The `n`-th activity.
fn row(n: u64) -> String {
    let at = ephor_wire::timestamp::Timestamp::from_micros(START + i64::try_from(n).unwrap() * 1_000_000);
    json!({
        "id": format!("activity_{n:06}"), "created_at": at.as_str(),
        "type": if n.is_multiple_of(5) { "api_key_created" } else { "claude_chat_created" },
        "actor": { "type": "user_actor", "user_id": format!("user_{}", n % 7), "ip_address": "192.0.2.7" },
        "organization_id": "org_a",
    })
    .to_string()
}

fn id(n: u64) -> String {
    format!("activity_{n:06}")
}

/// A data folder that deliveries read from.
struct House {
    home: tempfile::TempDir,
    appender: Appender,
    context: ExportContext,
}

impl House {
    async fn with(rows: u64) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (lake, appender) = Lake::open_writer(home.path(), LakeOptions::default()).await.unwrap();
        let control = Control::open(home.path()).await.unwrap();
        let context = ExportContext {
            lake,
            control,
            data_dir: home.path().to_owned(),
            clock: || jiff::Timestamp::now().as_microsecond(),
            secrets,
            lake_is: LakeIs::Ours,
        };
        let house = Self { home, appender, context };
        house.take(0..rows).await;
        house
    }

    async fn take(&self, numbers: std::ops::Range<u64>) {
        let mut columns = ActivityRows::with_capacity(16, 512);
        for raw in numbers.map(row) {
            columns.push(raw.as_bytes(), &Header::parse(raw.as_bytes()).unwrap());
        }
        let batch =
            AppendBatch { source: "test".to_owned(), received_at_micros: START, rows: vec![columns], cursor: None };
        self.appender.append(batch).await.unwrap();
    }

    fn dir(&self) -> &Path {
        self.home.path()
    }
}

/// References of these stories hold what they name.
fn secrets(reference: &str) -> Result<SecretString, String> {
    let text = reference.strip_prefix("env:").ok_or("a reference begins with env:")?;
    Ok(SecretString::from(text.to_owned()))
}

/// A sink as ephor.toml has it, impatient.
fn sink(text: &str) -> SinkSettings {
    toml::from_str(&format!("name = \"siem\"\nallow_private = true\nretry_max_seconds = 0.01\n{text}")).unwrap()
}
