//! Every activity type that is known: category, fields, allowed actors, ECS hint, a summary in one line.
//! Data that the crate carries (`data/activity_types.json`), looked up by name in constant time.
//! Never refuses a type: what is not listed is `unclassified`.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// The category of a type that the catalogue does not list.
pub const UNCLASSIFIED: &str = "unclassified";

/// One activity type.
#[derive(Debug, Clone, Deserialize)]
pub struct ActivityType {
    /// Its name on the wire.
    #[serde(rename = "type")]
    pub name: String,
    /// The group that Ephor puts it in.
    pub category: String,
    /// What it says, in one line.
    pub summary: String,
    /// Whether new rows of it are to be expected.
    pub status: TypeStatus,
    /// The first public copy of the documentation that lists it.
    pub first_documented: String,
    /// Actor kinds published for it; `["*"]` is any, an empty list is not published.
    #[serde(default)]
    pub actors: Vec<String>,
    /// Its own fields, beside the envelope.
    #[serde(default)]
    pub fields: Vec<FieldSpec>,
    /// Whether `fields` is all there is.
    #[serde(default)]
    pub fields_complete: bool,
    /// How many more fields exist, when not all are known.
    #[serde(default)]
    pub unlisted_fields: Option<u32>,
    /// Whether rows can come without organization.
    #[serde(default)]
    pub organization_may_be_null: bool,
    /// Whether the name was concluded from a description and not read.
    #[serde(default)]
    pub name_inferred: bool,
    /// What else is to be known of it.
    #[serde(default)]
    pub note: Option<String>,
    /// How the Elastic Common Schema files it.
    #[serde(default)]
    pub ecs: Option<EcsHint>,
}

/// Whether a type is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TypeStatus {
    /// In use.
    Current,
    /// No new rows; old ones remain.
    Retired,
    /// Was in an early copy of the documentation only.
    Withdrawn,
}

/// One field of an activity type.
#[derive(Debug, Clone, Deserialize)]
pub struct FieldSpec {
    /// Its name on the wire.
    pub name: String,
    /// `string`, `boolean`, `number`, `enum`, `object`, `array<…>`, `map<…>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it can be null; `None` is not known.
    #[serde(default)]
    pub nullable: Option<bool>,
    /// Whether it can be left out.
    #[serde(default)]
    pub optional: bool,
    /// The published values of an enum.
    #[serde(default, rename = "enum")]
    pub values: Vec<serde_json::Value>,
    /// Since when it is always empty.
    #[serde(default)]
    pub always_empty_since: Option<String>,
    /// `date-time`, where a text is one.
    #[serde(default)]
    pub format: Option<String>,
    /// Fields within it.
    #[serde(default)]
    pub fields: Vec<FieldSpec>,
    /// The shapes that an item can have, told apart by their `type`.
    #[serde(default)]
    pub variants: Vec<FieldVariant>,
}

/// One shape of the items of a field.
#[derive(Debug, Clone, Deserialize)]
pub struct FieldVariant {
    /// The value of `type` that tells it.
    #[serde(rename = "type")]
    pub name: String,
    /// Its fields beside `type`.
    #[serde(default)]
    pub fields: Vec<FieldSpec>,
}

/// The Elastic Common Schema's `event.category`, `event.type` and `event.outcome`.
#[derive(Debug, Clone, Deserialize)]
pub struct EcsHint {
    /// `event.category`.
    #[serde(default)]
    pub category: Vec<String>,
    /// `event.type`.
    #[serde(default, rename = "type")]
    pub kind: Vec<String>,
    /// `event.outcome`, where the type alone decides it.
    #[serde(default)]
    pub outcome: Option<String>,
}

/// All known activity types.
#[derive(Debug)]
pub struct Catalogue {
    types: Vec<ActivityType>,
    by_name: HashMap<String, usize>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
    let types: Vec<ActivityType> =
        serde_json::from_str(include_str!("../data/activity_types.json")).expect("data/activity_types.json is valid");
    let by_name = types.iter().enumerate().map(|(index, known)| (known.name.clone(), index)).collect();
    Catalogue { types, by_name }
});

/// The catalogue that this version of Ephor carries.
#[must_use]
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

impl Catalogue {
    /// A type by its name on the wire.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ActivityType> {
        self.by_name.get(name).map(|index| &self.types[*index])
    }

    /// The category of a type; [`UNCLASSIFIED`] for one that is not listed.
    #[must_use]
    pub fn category_of(&self, name: &str) -> &str {
        self.get(name).map_or(UNCLASSIFIED, |known| &known.category)
    }

    /// All types, by name.
    pub fn iter(&self) -> impl Iterator<Item = &ActivityType> {
        self.types.iter()
    }

    /// How many types are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Never: the catalogue lists some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }
}
