//! What an activity shows of usage: who, when, and the ids of what was used.
//! Promises that reading one costs nothing for the many types that show none.
//! Never keeps the activity.

use memchr::memmem;
use serde::Deserialize;

use super::super::dice::{Dice, Purpose};

/// The types that usage follows from.
const TYPES: [&str; 11] = [
    "claude_chat_created",
    "claude_chat_viewed",
    "claude_file_uploaded",
    "claude_artifact_created",
    "claude_artifact_viewed",
    "claude_project_created",
    "claude_project_viewed",
    "claude_skill_enabled",
    "ccr_session_created",
    "cowork_session_updated",
    "design_project_created",
];

/// An activity of one of these types.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) at: i64,
    pub(super) kind: String,
    pub(super) user_id: String,
    pub(super) chat: Option<String>,
    pub(super) project: Option<String>,
    /// The id of the file, artifact, session or design project; the name of the skill.
    pub(super) entity: Option<String>,
    number: u32,
}

#[derive(Deserialize)]
struct Row {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    actor: Actor,
    claude_chat_id: Option<String>,
    claude_project_id: Option<String>,
    claude_file_id: Option<String>,
    claude_artifact_id: Option<String>,
    skill_name: Option<String>,
    session_id: Option<String>,
    cowork_session_id: Option<String>,
    design_project_id: Option<String>,
}

#[derive(Deserialize)]
struct Actor {
    user_id: Option<String>,
}

fn closes(rest: &[u8]) -> bool {
    rest.first() == Some(&b'"')
}

impl Seen {
    pub(super) fn read(at: i64, raw: &[u8]) -> Option<Self> {
        // An actor has a type too, and stands before the activity's.
        let mut types = memmem::find_iter(raw, br#""type":""#).map(|start| &raw[start + br#""type":""#.len()..]);
        let is_one = |rest: &[u8]| TYPES.iter().any(|name| rest.strip_prefix(name.as_bytes()).is_some_and(closes));
        if !types.any(is_one) {
            return None;
        }
        let row: Row = serde_json::from_slice(raw).ok()?;
        let entity = row.claude_file_id.or(row.claude_artifact_id).or(row.skill_name).or(row.session_id);
        Some(Self {
            at,
            kind: row.kind,
            user_id: row.actor.user_id?,
            chat: row.claude_chat_id,
            project: row.claude_project_id,
            entity: entity.or(row.cowork_session_id).or(row.design_project_id),
            number: row.id.bytes().fold(0, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))),
        })
    }

    /// The draws for what follows from it, whatever else happens that day.
    pub(super) fn dice(&self, seed: u64, day: u32) -> Dice {
        Dice::numbered(seed, Purpose::UsageOf, day, self.number)
    }
}
