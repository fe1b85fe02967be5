//! Objects in a folder or a bucket: lines by day, or Parquet in the layout of Amazon Security Lake.
//! An object's name says which records are in it, and a batch that is sent again is the same batch: the same names and bytes.
//! Never a record in two objects, and never an object that is written twice.

mod columns;
mod store;

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use ephor_wire::timestamp::Timestamp;
use reqwest::Url;
use rusty_s3::{Bucket, Credentials, UrlStyle};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{Broken, Refusal, Sink, Verdict, all_delivered, line, short};
use crate::http::{HttpDoor, gzip};
use crate::record::{Place, Record};
use crate::tls::TlsSettings;
use store::Store;

/// `objects = { url = "file:///…" }` or `{ url = "s3://BUCKET/PREFIX", … }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectsSettings {
    /// A folder (`file:///…`) or a bucket with a prefix (`s3://BUCKET/PREFIX`).
    pub url: String,
    /// How objects are named and what they hold.
    #[serde(default)]
    pub layout: ObjectLayout,
    /// Security Lake: what custom sources are called; each class of OCSF is one of its own, `SOURCE-CLASS`.
    #[serde(default = "claude")]
    pub source: String,
    /// Security Lake: the account whose records these are; `external` if it is none of AWS's.
    #[serde(default = "external")]
    pub account: String,
    /// The bucket's region; Security Lake names it in every key.
    #[serde(default)]
    pub region: Option<String>,
    /// Where the bucket is, if not at AWS.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The access key's id: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub access_key_id: Option<String>,
    /// The access key: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub secret_access_key: Option<String>,
    /// A token of temporary keys: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub session_token: Option<String>,
    /// Roots and client certificate.
    #[serde(default)]
    pub tls: TlsSettings,
}

/// How objects are named and what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectLayout {
    /// One record a line, packed, by the day on which it happened: `dt=2026-11-25/activities-….ndjson.gz`.
    #[default]
    Ndjson,
    /// `ext/SOURCE-CLASS/region=…/accountId=…/eventDay=20261125/activities-….parquet`.
    SecurityLake,
}

fn claude() -> String {
    "claude".to_owned()
}
fn external() -> String {
    "external".to_owned()
}

/// What lets the sink into a bucket.
pub(crate) struct BucketCredentials {
    pub(crate) id: SecretString,
    pub(crate) key: SecretString,
    pub(crate) token: Option<SecretString>,
}

pub(crate) struct ObjectsSink {
    layout: ObjectLayout,
    source: String,
    account: String,
    region: String,
    ending: &'static str,
    store: Store,
}

impl ObjectsSink {
    pub(crate) fn new(
        settings: &ObjectsSettings,
        door: HttpDoor,
        credentials: Option<&BucketCredentials>,
        is_json: bool,
    ) -> Result<Self, String> {
        let region = match (&settings.region, settings.layout) {
            (Some(region), _) => region.clone(),
            (None, ObjectLayout::SecurityLake) => {
                return Err("objects.region is missing: Security Lake names it in every key".to_owned());
            }
            (None, ObjectLayout::Ndjson) => "us-east-1".to_owned(),
        };
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        for (name, text) in [("source", &settings.source), ("account", &settings.account), ("region", &region)] {
            if text.is_empty() || !plain(text) {
                return Err(format!("objects.{name} = \"{text}\" has other characters than letters, digits, - _ ."));
            }
        }
        Ok(Self {
            layout: settings.layout,
            source: settings.source.clone(),
            account: settings.account.clone(),
            store: open_store(settings, &region, door, credentials)?,
            region,
            ending: if is_json { "ndjson.gz" } else { "log.gz" },
        })
    }

    /// The objects of a batch.
    fn lines_by_day(&self, batch: &[Record]) -> Vec<(String, Vec<u8>)> {
        let mut days: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
        for record in batch {
            days.entry(day(record.at_micros)).or_default().push(record);
        }
        let object = |(day, records): (String, Vec<&Record>)| {
            let mut lines = Vec::new();
            records.iter().for_each(|record| line(record, &mut lines));
            (format!("dt={day}/{}.{}", name_of(&records), self.ending), gzip(&lines))
        };
        days.into_iter().map(object).collect()
    }

    fn columns_by_class_and_day(&self, batch: &[Record]) -> Result<Vec<(String, Vec<u8>)>, String> {
        type Group<'r> = (Vec<&'r Record>, Vec<Map<String, Value>>);
        let mut groups: BTreeMap<(i64, String), Group<'_>> = BTreeMap::new();
        for record in batch {
            let row: Map<String, Value> = serde_json::from_slice(&record.bytes).map_err(|error| error.to_string())?;
            let (class, millis) = columns::class_and_time(&row);
            let (records, rows) = groups.entry((class, day(millis.saturating_mul(1000)))).or_default();
            records.push(record);
            rows.push(row);
        }
        let object = |((class, day), (records, rows)): ((i64, String), Group<'_>)| {
            let key = format!(
                "ext/{}-{class}/region={}/accountId={}/eventDay={}/{}.parquet",
                self.source,
                self.region,
                self.account,
                day.replace('-', ""),
                name_of(&records)
            );
            Ok((key, columns::parquet(class, rows)?))
        };
        groups.into_iter().map(object).collect()
    }
}

fn open_store(
    settings: &ObjectsSettings,
    region: &str,
    door: HttpDoor,
    credentials: Option<&BucketCredentials>,
) -> Result<Store, String> {
    let url = Url::parse(&settings.url).map_err(|error| format!("objects.url is no URL: {error}"))?;
    match url.scheme() {
        "file" => {
            let folder: PathBuf = url.to_file_path().map_err(|()| "objects.url names no local folder".to_owned())?;
            Ok(Store::Folder(folder))
        }
        "s3" => {
            let name = url.host_str().ok_or("objects.url names no bucket")?;
            let usual = format!("https://s3.{region}.amazonaws.com");
            let (endpoint, style) = match &settings.endpoint {
                Some(endpoint) => (endpoint.as_str(), UrlStyle::Path),
                None => (usual.as_str(), UrlStyle::VirtualHost),
            };
            let endpoint = door.url(endpoint)?;
            let who = credentials.ok_or("objects.access_key_id and objects.secret_access_key are missing")?;
            let (id, key) = (who.id.expose_secret(), who.key.expose_secret());
            let credentials = match &who.token {
                Some(token) => Credentials::new_with_token(id, key, token.expose_secret()),
                None => Credentials::new(id, key),
            };
            let bucket = Bucket::new(endpoint, style, name.to_owned(), region.to_owned())
                .map_err(|error| format!("objects.url: {error}"))?;
            let prefix = match url.path().trim_matches('/') {
                "" => String::new(),
                prefix => format!("{prefix}/"),
            };
            Ok(Store::Bucket { door, bucket: bucket.into(), credentials: credentials.into(), prefix })
        }
        other => Err(format!("objects.url begins with `{other}:`; it must be file: or s3:")),
    }
}

/// `2026-11-25`
fn day(micros: i64) -> String {
    Timestamp::from_micros(micros).as_str().get(..10).unwrap_or("0000-00-00").to_owned()
}

/// Of which stream the records of an object are, and the places of the first and the last; gaps have no places, and the
/// same ones are the same object.
fn name_of(records: &[&Record]) -> String {
    let stream = match records.first().map(|record| record.place) {
        Some(Place::Finding { .. }) => "findings",
        Some(Place::Gap { .. }) => {
            let mut hash = Sha256::new();
            records.iter().for_each(|record| hash.update(&record.bytes));
            let digits: String = hash.finalize()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
            return format!("gaps-{digits}");
        }
        _ => "activities",
    };
    let numbers = || records.iter().map(|record| record.place.number());
    let (first, last) = (numbers().min().unwrap_or_default(), numbers().max().unwrap_or_default());
    format!("{stream}-{first:012}-{last:012}")
}

#[async_trait]
impl Sink for ObjectsSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        // Packing a large batch takes its time, on a thread that may be busy.
        let made = tokio::task::block_in_place(|| match self.layout {
            ObjectLayout::Ndjson => Ok(self.lines_by_day(batch)),
            ObjectLayout::SecurityLake => self.columns_by_class_and_day(batch),
        });
        let objects = made.map_err(|why| Refusal::Unauthorized { why: short(&why) })?;
        for (key, bytes) in objects {
            self.store.put_new(&key, bytes).await?;
        }
        Ok(all_delivered(batch))
    }
}
