//! Elastic Common Schema: one JSON document for each activity, with the field names of Elastic's own integration.
//! What is null or empty is left out; a type that is not listed keeps its fields together, so that it cannot break an index.
//! Never claims a category for a type of which nobody has said one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use ephor_wire::catalogue::catalogue;
use glob::Pattern;
use serde::Deserialize;
use serde_json::Value;

use super::Stored;
use super::table::{Part, part};
use crate::json::{self, Object};
use crate::meaning::{Deed, Facts, patterns};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    version: String,
    dataset: String,
    tags: Vec<String>,
    own_fields: String,
    field: Vec<Field>,
    rule: Vec<Rule>,
    deeds: BTreeMap<Deed, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    path: String,
    part: Part,
    #[serde(default)]
    number: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default, deserialize_with = "patterns")]
    types: Vec<Pattern>,
    #[serde(default)]
    categories: Vec<String>,
    category: Vec<String>,
    r#type: Vec<String>,
    /// Whether the deed adds a type of its own.
    #[serde(default)]
    by_deed: bool,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
    toml::from_str(include_str!("../../data/ecs.toml")).expect("data/ecs.toml is valid")
});

/// A document's fields as the tree that their dotted names make.
#[derive(Debug, Default)]
struct Node {
    children: BTreeMap<String, Node>,
    leaf: Option<(Part, bool)>,
}

static TREE: LazyLock<Node> = LazyLock::new(|| {
    let mut root = Node::default();
    for field in &TABLE.field {
        let place =
            field.path.split('.').fold(&mut root, |node, name| node.children.entry(name.to_owned()).or_default());
        place.leaf = Some((field.part, field.number));
    }
    // What is written by hand stands in the same tree, so that no object comes twice.
    for path in ["event.kind", "related.ip", "data_stream.type", "ecs.version", TABLE.own_fields.as_str()] {
        path.split('.').fold(&mut root, |node, name| node.children.entry(name.to_owned()).or_default());
    }
    root
});

/// `event.category` and `event.type`.
type Categories = (Vec<String>, Vec<String>);

/// Those of every listed type.
static FILED: LazyLock<HashMap<&'static str, Categories>> =
    LazyLock::new(|| catalogue().iter().map(|known| (known.name.as_str(), filed(&known.name))).collect());

fn filed(kind: &str) -> Categories {
    let meaning = crate::meaning::meaning(kind);
    if let Some(hint) = catalogue().get(kind).and_then(|known| known.ecs.as_ref()) {
        return (hint.category.clone(), hint.kind.clone());
    }
    let about = |rule: &&Rule| {
        let by_type = rule.types.iter().any(|pattern| pattern.matches(kind));
        let by_category = rule.categories.contains(&meaning.category);
        match (rule.types.is_empty(), rule.categories.is_empty()) {
            (true, _) => by_category,
            (false, true) => by_type,
            (false, false) => by_type && by_category,
        }
    };
    let Some(rule) = TABLE.rule.iter().find(about).filter(|_| meaning.known) else {
        return (Vec::new(), vec!["info".to_owned()]);
    };
    let by_deed = TABLE.deeds.get(&meaning.deed).filter(|_| rule.by_deed);
    (rule.category.clone(), rule.r#type.iter().chain(by_deed).cloned().collect())
}

/// Which version of the schema documents are of.
pub(super) fn version() -> &'static str {
    TABLE.version.as_str()
}

/// The data set that documents belong to.
pub(super) fn dataset() -> &'static str {
    TABLE.dataset.as_str()
}

/// Writes the document of one activity.
pub(super) fn encode(facts: &Facts<'_>, stored: &Stored<'_>, out: &mut Vec<u8>) {
    json::object(out, |document| {
        document.texts("tags", TABLE.tags.iter().map(String::as_str));
        for (name, node) in &TREE.children {
            write_node(document, name, name, node, facts, stored);
        }
    });
}

fn write_node(object: &mut Object<'_>, name: &str, path: &str, node: &Node, facts: &Facts<'_>, stored: &Stored<'_>) {
    if let Some((wanted, number)) = node.leaf {
        if let Some(text) = part(facts, stored, wanted) {
            match text.parse::<i64>() {
                Ok(value) if number => object.number(name, value),
                _ => object.text(name, text.as_ref()),
            }
        }
        return;
    }
    object.object(name, |inner| {
        for (child, node) in &node.children {
            write_node(inner, child, &format!("{path}.{child}"), node, facts, stored);
        }
        by_hand(inner, path, facts);
    });
}

/// What no single part fills.
fn by_hand(object: &mut Object<'_>, path: &str, facts: &Facts<'_>) {
    match path {
        "ecs" => object.text("version", TABLE.version.as_str()),
        "data_stream" => {
            object.text("type", "logs");
            object.text("dataset", TABLE.dataset.as_str());
            object.text("namespace", "default");
        }
        "event" => {
            object.text("kind", "event");
            object.text("module", TABLE.dataset.split('.').next());
            object.text("dataset", TABLE.dataset.as_str());
            let filed = FILED.get(facts.kind).cloned().unwrap_or_else(|| filed(facts.kind));
            object.texts("category", filed.0.iter().map(String::as_str));
            object.texts("type", filed.1.iter().map(String::as_str));
        }
        "related" => {
            object.texts("ip", facts.who.ip.filter(|_| facts.who.ip_address().is_some()));
            let people = facts.named_user_ids().chain(facts.named_emails());
            let all: BTreeSet<&str> =
                [facts.who.user_id, facts.who.email].into_iter().flatten().chain(people).collect();
            object.texts("user", all);
        }
        own if own == TABLE.own_fields => own_fields(object, facts),
        _ => {}
    }
}

/// Whether a value is more than an empty place.
pub(super) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn own_fields(object: &mut Object<'_>, facts: &Facts<'_>) {
    let fields = facts.own_fields().filter(|(_, value)| says_something(value));
    if facts.meaning.known {
        fields.for_each(|(name, value)| object.json(name, value));
    } else {
        object.object("metadata", |all| fields.for_each(|(name, value)| all.json(name, value)));
    }
    const PLACED: [&str; 4] = ["user_id", "email_address", "unauthenticated_email_address", "user_agent"];
    object.object("actor", |actor| {
        for (name, value) in facts.who.fields.into_iter().flatten() {
            let placed = PLACED.contains(&name.as_str()) || (name == "ip_address" && facts.who.ip_address().is_some());
            if !placed && says_something(value) {
                actor.json(name, value);
            }
        }
    });
}
