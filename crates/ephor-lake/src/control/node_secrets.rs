//! Secrets that this node makes for itself and shows nobody: keys for signing what it hands out and takes back.
//! Each is made once, by whoever asks first, and stays the same for the life of the data folder.
//! Never holds a secret that opens anything: those of callers are kept as hashes, beside.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use rand::CryptoRng;
use sqlx::Row;

use super::{Control, ControlError};

/// As many bytes as the hash that is keyed with them.
const SECRET_BYTES: usize = 32;

/// A secret of this node.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeSecret([u8; SECRET_BYTES]);

impl NodeSecret {
    /// The bytes, for deriving a key.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for NodeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeSecret(…)")
    }
}

/// The secrets that the node of a [`Control`] has made for itself.
#[derive(Debug, Clone, Copy)]
pub struct NodeSecrets<'c> {
    pub(super) control: &'c Control,
}

impl NodeSecrets<'_> {
    /// The secret of this name, made now if there is none yet.
    pub async fn ensure(
        &self,
        name: &str,
        now_micros: i64,
        rng: &mut impl CryptoRng,
    ) -> Result<NodeSecret, ControlError> {
        let mut turn = self.control.write().await?;
        let mut fresh = [0_u8; SECRET_BYTES];
        rng.fill_bytes(&mut fresh);
        let insert =
            "INSERT INTO node_secrets (name, value, made_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
        let insert = sqlx::query(insert).bind(name.to_owned()).bind(STANDARD_NO_PAD.encode(fresh)).bind(now_micros);
        insert.execute(turn.connection()).await?;
        let select = sqlx::query("SELECT value FROM node_secrets WHERE name = $1").bind(name.to_owned());
        let stored: String = select.fetch_one(turn.connection()).await?.try_get("value")?;
        turn.commit().await?;
        let bytes = STANDARD_NO_PAD.decode(stored).ok().and_then(|bytes| bytes.try_into().ok());
        let damaged = || ControlError::Damaged { what: format!("the node's secret {name} is not one") };
        bytes.map(NodeSecret).ok_or_else(damaged)
    }
}
