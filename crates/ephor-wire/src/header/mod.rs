//! What the lake needs to know of one activity, borrowed from its bytes in a single pass.
//! The hot path of every import: no tree is built and nothing is copied unless the JSON is escaped.
//! Never changes or keeps the bytes.

mod probe;
#[cfg(test)]
mod stories;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::actor::{ID_FIELDS, id_field, id_place};
use crate::timestamp::parse_micros;
use probe::{Key, ObjectProbe, TextSeed};

/// The longest id that is taken in: published ones have about 33 characters.
pub const MAX_ID_BYTES: usize = 256;

/// How deep objects and arrays may lie in each other: the JSON reader's own limit, which keeps its stack small.
/// Published activities need four levels.
pub const MAX_DEPTH: usize = 127;

/// The envelope of an activity and who did it from where. Text that is empty counts as absent, as does what is not
/// text; of a key that comes twice, the last counts.
///
/// ```
/// use ephor_wire::header::Header;
/// let raw = br#"{"id":"activity_1","created_at":"2026-11-23T12:00:00Z","type":"claude_chat_created",
///                "actor":{"type":"user_actor","user_id":"user_1"},"claude_chat_id":"claude_chat_1"}"#;
/// let header = Header::parse(raw).unwrap();
/// assert_eq!(header.actor_id.as_deref(), Some("user_1"));
/// assert!(!header.carries_content);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header<'a> {
    /// `id`.
    pub id: Cow<'a, str>,
    /// `created_at` in microseconds since 1970.
    pub created_at_micros: i64,
    /// `type`.
    pub kind: Cow<'a, str>,
    /// `organization_id`.
    pub organization_id: Option<Cow<'a, str>>,
    /// `organization_uuid`.
    pub organization_uuid: Option<Cow<'a, str>>,
    /// `actor.type`.
    pub actor_type: Option<Cow<'a, str>>,
    /// What identifies the actor: user, key, service account, directory, service, subject or device. Of an actor kind
    /// that is not published, the first such field that it has.
    pub actor_id: Option<Cow<'a, str>>,
    /// `actor.email_address`, or the unverified one of a sign-in that has not succeeded.
    pub actor_email: Option<Cow<'a, str>>,
    /// The acting key (`api_key_id` or `admin_api_key_id` of the actor), else the key that the activity is about
    /// (the same names and `scoped_api_key_id` beside the envelope).
    pub api_key_id: Option<Cow<'a, str>>,
    /// `actor.ip_address`.
    pub ip_address: Option<Cow<'a, str>>,
    /// `actor.user_agent`.
    pub user_agent: Option<Cow<'a, str>>,
    /// `workspace_id`.
    pub workspace_id: Option<Cow<'a, str>>,
    /// Whether a field that can carry content holds something, at any depth.
    pub carries_content: bool,
}

/// Why bytes are not an activity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not JSON, or not one JSON object; the reason gives line and column, and never a value.
    #[error("not a JSON object: {0}")]
    NotAnObject(String),
    /// Objects and arrays in each other beyond [`MAX_DEPTH`].
    #[error("objects and arrays lie in each other deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// No `id`, or an empty one.
    #[error("`id` is missing or not a non-empty string")]
    NoId,
    /// An `id` that no service writes.
    #[error("`id` has {0} bytes; at most {MAX_ID_BYTES} are taken")]
    LongId(usize),
    /// No `type`, or an empty one.
    #[error("`type` is missing or not a non-empty string")]
    NoType,
    /// No `created_at`.
    #[error("`created_at` is missing or not a string")]
    NoCreatedAt,
    /// A `created_at` that is no instant.
    #[error("`created_at` is `{0}`, which is not an RFC 3339 timestamp with a zone")]
    BadCreatedAt(String),
}

impl From<serde_json::Error> for HeaderError {
    fn from(error: serde_json::Error) -> Self {
        let reason = error.to_string();
        match reason.starts_with("recursion limit exceeded") {
            true => Self::TooDeep,
            false => Self::NotAnObject(reason),
        }
    }
}

impl<'a> Header<'a> {
    /// Reads the header of one activity.
    pub fn parse(raw: &'a [u8]) -> Result<Self, HeaderError> {
        let mut reader = serde_json::Deserializer::from_slice(raw);
        let mut found = Found::default();
        reader.deserialize_any(Envelope { found: &mut found })?;
        reader.end()?;
        found.check()
    }
}

/// What one pass over the object found. Visitors fill it in place: as a return value it would be copied at each level.
#[derive(Default)]
struct Found<'a> {
    header: Header<'a>,
    created_at: Option<Cow<'a, str>>,
    /// `api_key_id`, `admin_api_key_id`, `scoped_api_key_id` beside the envelope.
    subject_keys: [Option<Cow<'a, str>>; 3],
    actor: ActorFound<'a>,
}

impl<'a> Found<'a> {
    fn check(self) -> Result<Header<'a>, HeaderError> {
        let Self { mut header, created_at, subject_keys, actor } = self;
        match header.id.len() {
            0 => return Err(HeaderError::NoId),
            length if length > MAX_ID_BYTES => return Err(HeaderError::LongId(length)),
            _ => {}
        }
        if header.kind.is_empty() {
            return Err(HeaderError::NoType);
        }
        let created_at = created_at.ok_or(HeaderError::NoCreatedAt)?;
        let micros = parse_micros(&created_at);
        header.created_at_micros =
            micros.ok_or_else(|| HeaderError::BadCreatedAt(created_at.chars().take(64).collect()))?;
        actor.settle(&mut header);
        header.api_key_id = header.api_key_id.or_else(|| subject_keys.into_iter().flatten().next());
        Ok(header)
    }
}

struct Envelope<'f, 'a> {
    found: &'f mut Found<'a>,
}

impl<'de> Visitor<'de> for Envelope<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an activity object")
    }

    /// Without this, the error would quote the text, and nobody knows what it holds.
    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        Err(E::custom("invalid type: string, expected an activity object"))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let found = self.found;
        let mut object = ObjectProbe::default();
        while let Some(Key(key)) = map.next_key()? {
            let carries = &mut object.carries;
            let header = &mut found.header;
            match key.as_ref() {
                "id" => header.id = text(&mut map, carries)?.unwrap_or_default(),
                "type" => header.kind = text(&mut map, carries)?.unwrap_or_default(),
                "created_at" => found.created_at = map.next_value_seed(TextSeed { carries })?,
                "organization_id" => header.organization_id = text(&mut map, carries)?,
                "organization_uuid" => header.organization_uuid = text(&mut map, carries)?,
                "workspace_id" => header.workspace_id = text(&mut map, carries)?,
                "api_key_id" => found.subject_keys[0] = text(&mut map, carries)?,
                "admin_api_key_id" => found.subject_keys[1] = text(&mut map, carries)?,
                "scoped_api_key_id" => found.subject_keys[2] = text(&mut map, carries)?,
                "actor" => {
                    found.actor = ActorFound::default();
                    map.next_value_seed(ActorSeed { found: &mut found.actor, carries })?;
                }
                name => object.look(name, &mut map)?,
            }
        }
        found.header.carries_content = object.carries_content(&found.header.kind);
        Ok(())
    }
}

/// Text that is there and not empty.
fn text<'de, M: MapAccess<'de>>(map: &mut M, carries: &mut bool) -> Result<Option<Cow<'de, str>>, M::Error> {
    Ok(map.next_value_seed(TextSeed { carries })?.filter(|text| !text.is_empty()))
}

/// What one pass over the actor found. Which field identifies it depends on its kind, which may come last.
#[derive(Default)]
struct ActorFound<'a> {
    kind: Option<Cow<'a, str>>,
    /// By the places of [`ID_FIELDS`].
    ids: [Option<Cow<'a, str>>; ID_FIELDS.len()],
    email: Option<Cow<'a, str>>,
    unverified_email: Option<Cow<'a, str>>,
    ip_address: Option<Cow<'a, str>>,
    user_agent: Option<Cow<'a, str>>,
}

impl<'a> ActorFound<'a> {
    fn settle(self, header: &mut Header<'a>) {
        let id = |name: &str| self.ids[id_place(name)?].clone();
        header.api_key_id = id("api_key_id").or_else(|| id("admin_api_key_id"));
        header.actor_id = match id_field(self.kind.as_deref().unwrap_or_default()) {
            Some(own) => own.and_then(id),
            None => self.ids.iter().flatten().next().cloned(),
        };
        header.actor_type = self.kind;
        header.actor_email = self.email.or(self.unverified_email);
        header.ip_address = self.ip_address;
        header.user_agent = self.user_agent;
    }
}

/// Reads the actor; what is no object says nothing of who it was.
struct ActorSeed<'f, 'c, 'a> {
    found: &'f mut ActorFound<'a>,
    carries: &'c mut bool,
}

impl<'de> DeserializeSeed<'de> for ActorSeed<'_, '_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ActorSeed<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an actor")
    }
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let found = self.found;
        let mut object = ObjectProbe::default();
        while let Some(Key(key)) = map.next_key()? {
            let carries = &mut object.carries;
            match key.as_ref() {
                "type" => found.kind = text(&mut map, carries)?,
                "email_address" => found.email = text(&mut map, carries)?,
                "unauthenticated_email_address" => found.unverified_email = text(&mut map, carries)?,
                "ip_address" => found.ip_address = text(&mut map, carries)?,
                "user_agent" => found.user_agent = text(&mut map, carries)?,
                name => match id_place(name) {
                    Some(place) => found.ids[place] = text(&mut map, carries)?,
                    None => object.look(name, &mut map)?,
                },
            }
        }
        *self.carries |= object.carries_content(found.kind.as_deref().unwrap_or_default());
        Ok(())
    }
    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<(), S::Error> {
        *self.carries |= probe::items(seq)?.carries;
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}
