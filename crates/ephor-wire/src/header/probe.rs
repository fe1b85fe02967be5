//! Visitors that walk a JSON value without keeping it: keys, texts, and whether content lies anywhere in it.
//! Every value is read in full, so that what passes here parses everywhere else.
//! Never allocates, unless a key or a text is escaped.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::content::{is_change_value, is_content_field};

/// What a walk over one value saw.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    /// A content field in it holds something.
    pub(super) carries: bool,
    /// It is null, `""`, `[]` or `{}`.
    empty: bool,
}

const NOTHING: Seen = Seen { carries: false, empty: true };
const SOMETHING: Seen = Seen { carries: false, empty: false };

/// What is known of an object while its fields go by.
#[derive(Default)]
pub(super) struct ObjectProbe {
    /// A content field in it, at any depth, holds something.
    pub(super) carries: bool,
    changes: bool,
}

impl ObjectProbe {
    /// Walks the value of a field that nothing is wanted of.
    pub(super) fn look<'de, M: MapAccess<'de>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
        let seen = map.next_value_seed(Probe)?;
        self.carries |= seen.carries;
        if !seen.empty {
            self.carries |= is_content_field(key);
            self.changes |= is_change_value(key);
        }
        Ok(())
    }

    /// Whether the object carries content; its `type` says of what a change is one.
    pub(super) fn carries_content(&self, kind: &str) -> bool {
        self.carries || (self.changes && is_content_field(kind))
    }
}

/// A key of an object.
pub(super) struct Key<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }
            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// Reads text, borrowed where it can be; anything else is walked and is no text.
pub(super) struct TextSeed<'c> {
    /// Becomes true if what is walked carries content: a field that should be text is no place to hide it.
    pub(super) carries: &'c mut bool,
}

impl<'de> DeserializeSeed<'de> for TextSeed<'_> {
    type Value = Option<Cow<'de, str>>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextSeed<'_> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<Self::Value, S::Error> {
        *self.carries |= items(seq)?.carries;
        Ok(None)
    }
    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        *self.carries |= fields(map)?.carries;
        Ok(None)
    }
}

/// Walks any value.
struct Probe;

impl<'de> DeserializeSeed<'de> for Probe {
    type Value = Seen;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Probe {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(NOTHING)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Seen, E> {
        Ok(SOMETHING)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok(SOMETHING)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Seen, E> {
        Ok(SOMETHING)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Seen, E> {
        Ok(SOMETHING)
    }
    fn visit_str<E>(self, text: &str) -> Result<Seen, E> {
        Ok(Seen { carries: false, empty: text.is_empty() })
    }
    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<Seen, S::Error> {
        items(seq)
    }
    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Seen, M::Error> {
        fields(map)
    }
}

/// Walks the items of an array.
pub(super) fn items<'de, S: SeqAccess<'de>>(mut seq: S) -> Result<Seen, S::Error> {
    let mut all = NOTHING;
    while let Some(item) = seq.next_element_seed(Probe)? {
        all = Seen { carries: all.carries || item.carries, empty: false };
    }
    Ok(all)
}

/// Walks the fields of an object.
fn fields<'de, M: MapAccess<'de>>(mut map: M) -> Result<Seen, M::Error> {
    let mut object = ObjectProbe::default();
    let (mut kind, mut empty) = (None, true);
    while let Some(Key(key)) = map.next_key()? {
        empty = false;
        match key.as_ref() {
            "type" => {
                kind = map.next_value_seed(TextSeed { carries: &mut object.carries })?;
            }
            name => object.look(name, &mut map)?,
        }
    }
    Ok(Seen { carries: object.carries_content(kind.as_deref().unwrap_or_default()), empty })
}
