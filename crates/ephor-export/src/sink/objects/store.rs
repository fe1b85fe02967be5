//! Where objects are put: a local folder, or a bucket that speaks S3.
//! A name is written once: what is there already is success if it is the same, and somebody's to look at if it is not.
//! Never replaces an object; what it says is put is on the disk or acknowledged by the bucket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, IF_NONE_MATCH};
use rusty_s3::actions::{HeadObject, PutObject, S3Action};
use rusty_s3::{Bucket, Credentials};

use crate::http::HttpDoor;
use crate::sink::{Refusal, short};

/// How long a signature holds: a request is sent as soon as it is signed.
const SIGNED_FOR: Duration = Duration::from_secs(300);

pub(super) enum Store {
    Folder(PathBuf),
    Bucket { door: HttpDoor, bucket: Box<Bucket>, credentials: Box<Credentials>, prefix: String },
}

impl Store {
    /// Puts an object under a name that nothing else has.
    pub(super) async fn put_new(&self, key: &str, bytes: Vec<u8>) -> Result<(), Refusal> {
        match self {
            Self::Folder(folder) => {
                let path = folder.join(key);
                let written = tokio::task::spawn_blocking(move || write_new(&path, &bytes)).await;
                written.map_err(Refusal::unreachable)?
            }
            Self::Bucket { door, bucket, credentials, prefix } => {
                put_in_bucket(door, bucket, credentials, &format!("{prefix}{key}"), bytes).await
            }
        }
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Refusal> {
    match ephor_lake::write_new_file(path, bytes) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => match std::fs::read(path) {
            Ok(there) if there == bytes => Ok(()),
            Ok(_) => Err(something_else(&path.display().to_string())),
            Err(error) => Err(unwritable(path, &error)),
        },
        Err(error) => Err(unwritable(path, &error)),
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal::Unreachable { why: short(&format!("{}: {error}", path.display())) }
}

fn something_else(name: &str) -> Refusal {
    Refusal::Unauthorized { why: short(&format!("{name} is there already and holds something else; move it away")) }
}

async fn put_in_bucket(
    door: &HttpDoor,
    bucket: &Bucket,
    credentials: &Credentials,
    key: &str,
    bytes: Vec<u8>,
) -> Result<(), Refusal> {
    let length = bytes.len() as u64;
    let mut put = PutObject::new(bucket, Some(credentials), key);
    put.headers_mut().insert("if-none-match", "*");
    let request = door.put(put.sign(SIGNED_FOR)).header(IF_NONE_MATCH, "*").body(bytes);
    let answer = door.send(request).await?;
    match answer.status.as_u16() {
        200..=299 => Ok(()),
        412 => {
            let head = HeadObject::new(bucket, Some(credentials), key).sign(SIGNED_FOR);
            let there = door.send(door.head(head)).await?;
            let said = there.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
            if said == Some(length) { Ok(()) } else { Err(something_else(key)) }
        }
        // Another request for the same name is under way.
        409 => Err(Refusal::Busy { why: answer.why(), after: None }),
        // Whatever a bucket refuses is about the bucket and not about a record, so nothing is to be cut in halves.
        400..=499 if !matches!(answer.status.as_u16(), 408 | 425 | 429) => {
            Err(Refusal::Unauthorized { why: answer.why() })
        }
        _ => Err(answer.refusal()),
    }
}
