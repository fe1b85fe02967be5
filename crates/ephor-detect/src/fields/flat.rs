//! JSON as one flat list of its values, read in a single pass and borrowed from its bytes.
//! Promises the same answers as a tree would give: a path goes through objects by name and through arrays to every element.
//! Never copies text unless it is escaped.

use std::borrow::Cow;
use std::fmt;

use rsigma_eval::EventValue;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// How deep objects and arrays may lie in each other; an activity that came through the door lies no deeper.
const MAX_DEPTH: u32 = 127;

/// The parent of what lies at the top.
const ROOT: u32 = u32::MAX;

/// Fields of an activity at the most with room to spare, so that reading one allocates once.
const USUAL_FIELDS: usize = 32;

/// A JSON object, flat.
#[derive(Debug)]
pub(crate) struct Flat<'a> {
    nodes: Vec<Node<'a>>,
}

#[derive(Debug)]
struct Node<'a> {
    parent: u32,
    /// Empty for an element of an array.
    key: Cow<'a, str>,
    value: Leaf<'a>,
}

#[derive(Debug)]
enum Leaf<'a> {
    Text(Cow<'a, str>),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Null,
    Object,
    Array,
}

impl<'a> Flat<'a> {
    /// Reads one JSON object.
    pub(crate) fn parse(raw: &'a [u8]) -> Result<Self, serde_json::Error> {
        let mut flat = Flat { nodes: Vec::with_capacity(USUAL_FIELDS) };
        // The whole is one text, so its parts need not be looked at one by one.
        let raw = std::str::from_utf8(raw).map_err(serde_json::Error::custom)?;
        let mut reader = serde_json::Deserializer::from_str(raw);
        let seed = NodeSeed { nodes: &mut flat.nodes, place: Place::Top };
        seed.deserialize(&mut reader)?;
        reader.end()?;
        Ok(flat)
    }

    /// The text at a path of keys, where it is one text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        match self.only(path)? {
            Leaf::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether there is something under a key at the top.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.child(ROOT, key).is_some()
    }

    /// The text of a key within an object at the top.
    pub(crate) fn text_within(&self, object: &str, key: &str) -> Option<&str> {
        match &self.nodes[self.child(self.child(ROOT, object)?, key)? as usize].value {
            Leaf::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value at a path; all of them where the path crosses an array.
    pub(crate) fn get(&self, path: &str) -> Option<EventValue<'_>> {
        let (mut at, mut rest) = (ROOT, path);
        while let Some((key, deeper)) = rest.split_once('.') {
            at = self.child(at, key)?;
            rest = deeper;
            if matches!(self.nodes[at as usize].value, Leaf::Array) {
                return self.get_of_elements(at, rest);
            }
        }
        self.child(at, rest).map(|at| self.value(at))
    }

    fn get_of_elements(&self, array: u32, rest: &str) -> Option<EventValue<'_>> {
        let mut found = Vec::new();
        self.go_on(array, Some(rest), &mut found);
        match found.len() {
            0 => None,
            1 => found.pop(),
            _ => Some(EventValue::Array(found)),
        }
    }

    /// Every text, wherever it is.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter_map(|node| match &node.value {
            Leaf::Text(text) => Some(text.as_ref()),
            _ => None,
        })
    }

    /// The elements of an array of objects that lies at the top, each as a function from its keys to values.
    pub(crate) fn elements(&self, name: &str) -> impl Iterator<Item = ElementOf<'_, 'a>> {
        let array = self.child(ROOT, name).filter(|at| matches!(self.nodes[*at as usize].value, Leaf::Array));
        array.into_iter().flat_map(move |array| self.children(array)).map(|at| ElementOf { flat: self, at })
    }

    fn only(&self, path: &str) -> Option<&Leaf<'a>> {
        let mut at = ROOT;
        for key in path.split('.') {
            at = self.child(at, key)?;
        }
        Some(&self.nodes[at as usize].value)
    }

    /// Of a key that comes twice, the last counts.
    fn child(&self, parent: u32, key: &str) -> Option<u32> {
        let found = self.nodes.iter().rposition(|node| node.parent == parent && node.key == key)?;
        u32::try_from(found).ok()
    }

    /// Elements of an array, in their order. What lies in a parent comes behind it.
    fn children(&self, parent: u32) -> impl Iterator<Item = u32> {
        let first = parent as usize + 1;
        let rest = self.nodes.get(first..).unwrap_or_default().iter().enumerate();
        rest.filter(move |(_, node)| node.parent == parent).filter_map(move |(at, _)| u32::try_from(first + at).ok())
    }

    fn collect<'s>(&'s self, at: u32, path: &str, found: &mut Vec<EventValue<'s>>) {
        let (key, rest) = path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest)));
        if let Some(next) = self.child(at, key) {
            self.go_on(next, rest, found);
        }
    }

    fn go_on<'s>(&'s self, at: u32, rest: Option<&str>, found: &mut Vec<EventValue<'s>>) {
        match (&self.nodes[at as usize].value, rest) {
            (Leaf::Array, Some(_)) => {
                let elements: Vec<u32> = self.children(at).collect();
                elements.into_iter().for_each(|element| self.go_on(element, rest, found));
            }
            (_, Some(rest)) => self.collect(at, rest, found),
            (_, None) => found.push(self.value(at)),
        }
    }

    fn value(&self, at: u32) -> EventValue<'_> {
        match &self.nodes[at as usize].value {
            Leaf::Text(text) => EventValue::Str(Cow::Borrowed(text)),
            Leaf::Integer(number) => EventValue::Int(*number),
            Leaf::Float(number) => EventValue::Float(*number),
            Leaf::Bool(truth) => EventValue::Bool(*truth),
            Leaf::Null => EventValue::Null,
            Leaf::Array => EventValue::Array(self.children(at).map(|element| self.value(element)).collect()),
            Leaf::Object => {
                let entries =
                    self.children(at).map(|child| (Cow::Borrowed(&*self.nodes[child as usize].key), self.value(child)));
                EventValue::Map(entries.collect())
            }
        }
    }
}

/// One element of an array.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ElementOf<'f, 'a> {
    flat: &'f Flat<'a>,
    at: u32,
}

impl<'f> ElementOf<'f, '_> {
    pub(crate) fn get(&self, key: &str) -> Option<EventValue<'f>> {
        self.flat.child(self.at, key).map(|at| self.flat.value(at))
    }

    pub(crate) fn text(&self, key: &str) -> Option<&'f str> {
        match &self.flat.nodes[self.flat.child(self.at, key)? as usize].value {
            Leaf::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Where a value lies.
enum Place<'a> {
    /// It is the document itself: an object.
    Top,
    Within {
        parent: u32,
        key: Cow<'a, str>,
        depth: u32,
    },
}

/// Puts a value, and all that lies in it, behind what is there already.
struct NodeSeed<'n, 'a> {
    nodes: &'n mut Vec<Node<'a>>,
    place: Place<'a>,
}

impl<'a> NodeSeed<'_, 'a> {
    fn leaf<E: serde::de::Error>(self, value: Leaf<'a>) -> Result<(), E> {
        match self.place {
            Place::Top => Err(E::custom("an activity is a JSON object")),
            Place::Within { parent, key, .. } => {
                self.nodes.push(Node { parent, key, value });
                Ok(())
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<(), E> {
        self.leaf(Leaf::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.leaf(Leaf::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<(), E> {
        self.leaf(Leaf::Integer(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        let leaf = i64::try_from(number).map_or(Leaf::Float(number as f64), Leaf::Integer);
        self.leaf(leaf)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        self.leaf(Leaf::Float(number))
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<(), E> {
        self.leaf(Leaf::Bool(truth))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.leaf(Leaf::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (parent, depth) = match self.place {
            Place::Top => (ROOT, 0),
            Place::Within { parent, key, depth } => (open(self.nodes, parent, key, Leaf::Object)?, depth),
        };
        deeper(depth)?;
        while let Some(Text(key)) = map.next_key()? {
            let place = Place::Within { parent, key, depth: depth + 1 };
            map.next_value_seed(NodeSeed { nodes: self.nodes, place })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Place::Within { parent, key, depth } = self.place else {
            return Err(A::Error::custom("an activity is a JSON object"));
        };
        deeper(depth)?;
        let parent = open(self.nodes, parent, key, Leaf::Array)?;
        let place = || Place::Within { parent, key: Cow::Borrowed(""), depth: depth + 1 };
        while elements.next_element_seed(NodeSeed { nodes: self.nodes, place: place() })?.is_some() {}
        Ok(())
    }
}

/// Puts the beginning of an object or array down and answers its place.
fn open<'a, E: serde::de::Error>(
    nodes: &mut Vec<Node<'a>>,
    parent: u32,
    key: Cow<'a, str>,
    value: Leaf<'a>,
) -> Result<u32, E> {
    let at = u32::try_from(nodes.len()).map_err(E::custom)?;
    nodes.push(Node { parent, key, value });
    Ok(at)
}

fn deeper<E: serde::de::Error>(depth: u32) -> Result<(), E> {
    if depth >= MAX_DEPTH { Err(E::custom("objects and arrays lie too deep in each other")) } else { Ok(()) }
}

/// A key, borrowed where it can be.
struct Text<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use rsigma_eval::{Event, JsonEvent};
    use serde_json::{Map, Value, json};

    #[test]
    fn a_path_goes_through_objects_by_name_and_through_arrays_to_every_element() {
        let raw = r#"{"actor":{"type":"user_actor","n":1.5},"audience":[{"type":"organization"},{"type":"anyone_with_link"}],"scopes":["a","b"],"none":null,"on":true,"type":"first","type":"last\u00e9","big":18446744073709551615}"#;
        let flat = Flat::parse(raw.as_bytes()).unwrap();
        let shown = |path: &str| flat.get(path).map(|value| value.to_json());
        assert_eq!(shown("actor.type"), Some(json!("user_actor")));
        assert_eq!(shown("actor.n"), Some(json!(1.5)));
        assert_eq!(shown("audience.type"), Some(json!(["organization", "anyone_with_link"])));
        assert_eq!(shown("scopes"), Some(json!(["a", "b"])));
        assert_eq!(shown("none"), Some(Value::Null));
        assert_eq!(shown("on"), Some(json!(true)));
        assert_eq!(shown("type"), Some(json!("lasté")));
        assert_eq!(shown("big"), Some(json!(18_446_744_073_709_551_615_u64 as f64)));
        for absent in ["actor.missing", "missing", "type.deeper", "scopes.deeper", ""] {
            assert_eq!(shown(absent), None, "{absent}");
        }
        assert_eq!(flat.text("type"), Some("lasté"));
        assert_eq!(flat.text("actor"), None);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for raw in ["", "7", "[1]", "{", r#"{"a":1} x"#, "null"] {
            assert!(Flat::parse(raw.as_bytes()).is_err(), "{raw}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert!(Flat::parse(deep.as_bytes()).is_err());
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z\"\\\\é]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        /// rsigma's own view of a JSON tree is the measure.
        #[test]
        fn every_path_answers_as_in_a_tree(value in prop::collection::btree_map("[a-c]", any_value(), 0..4), path in "[a-c](\\.[a-c]){0,3}") {
            let tree = Value::Object(value.into_iter().collect());
            let raw = tree.to_string();
            let flat = Flat::parse(raw.as_bytes()).unwrap();
            let ours = flat.get(&path).map(|value| value.to_json());
            let theirs = JsonEvent::borrow(&tree).get_field(&path).map(|value| value.to_json());
            prop_assert_eq!(ours, theirs);
        }
    }
}
