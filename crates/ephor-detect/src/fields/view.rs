//! The view that rules have of an activity: wire fields, added fields, changes unfolded, facts of the directory.
//! Promises one answer for one name at one moment: facts are those that were known when it happened.
//! Never shows a field of content: the door has emptied those.

use std::borrow::Cow;

use ephor_wire::catalogue::catalogue;
use rsigma_eval::{Event, EventValue};
use serde_json::{Map, Value};

use super::added;
use super::flat::Flat;
use crate::facts::Facts;
use crate::lists::ListQuestion;

/// An activity, seen by a rule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'v> {
    flat: &'v Flat<'v>,
    facts: &'v Facts,
    at_micros: i64,
    element: Option<Element<'v>>,
}

/// One element of an array, for a rule that asks about each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'v> {
    /// The array's name.
    pub(crate) path: &'v str,
    /// Which element.
    pub(crate) index: usize,
}

/// What a name stands for, as text.
#[derive(Debug)]
pub(crate) enum Texts<'v> {
    None,
    One(Cow<'v, str>),
    /// An array, of however many.
    Several,
}

impl<'v> View<'v> {
    pub(crate) fn new(flat: &'v Flat<'v>, facts: &'v Facts, at_micros: i64) -> Self {
        Self { flat, facts, at_micros, element: None }
    }

    /// The same activity with one element in the place of a whole array.
    pub(crate) fn at_element(self, element: Element<'v>) -> Self {
        Self { element: Some(element), ..self }
    }

    /// Who acts: type and id of the entity.
    pub(crate) fn actor(&self) -> Option<(&'static str, &'v str)> {
        added::actor(self.flat)
    }

    /// How many elements the array at a path has; nothing if there is no array.
    pub(crate) fn elements_at(&self, path: &str) -> Option<usize> {
        match self.flat.get(path)? {
            EventValue::Array(elements) => Some(elements.len()),
            _ => None,
        }
    }

    /// The texts at a name: none, one, or those of an array. Numbers and truths are text here.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let mut texts = Vec::new();
        self.each_text(name, &mut |text| texts.push(text.to_owned()));
        texts
    }

    /// Hands each of these texts on, and copies none.
    pub(crate) fn each_text(&self, name: &str, take: &mut dyn FnMut(&str)) {
        if let Some(value) = self.get_field(name) {
            each_text_of(&value, take);
        }
    }

    /// The same where only one is looked for.
    pub(crate) fn texts_at(&self, name: &str) -> Texts<'_> {
        match self.get_field(name) {
            None => Texts::None,
            Some(EventValue::Str(text)) => Texts::One(text),
            Some(EventValue::Array(_)) => Texts::Several,
            Some(other) => other.as_str().map_or(Texts::None, |text| Texts::One(Cow::Owned(text.into_owned()))),
        }
    }

    fn wire(&self, path: &str) -> Option<EventValue<'v>> {
        let value = self.flat.get(path)?;
        match (self.element, value) {
            (Some(element), EventValue::Array(mut elements)) if element.path == path => {
                (element.index < elements.len()).then(|| elements.swap_remove(element.index))
            }
            (_, value) => Some(value),
        }
    }

    /// `change.ATTRIBUTE.from` and `.to`: what an attribute was and is, from the row's list of updates.
    fn change(&self, rest: &str) -> Option<EventValue<'v>> {
        let (attribute, side) = rest.rsplit_once('.')?;
        let key = match side {
            "from" => "previous_value",
            "to" => "current_value",
            _ => return None,
        };
        // Of an attribute that is listed twice, the last counts, as of a key.
        let update = self.flat.elements("updates").filter(|update| update.text("type") == Some(attribute)).last()?;
        update.get(key)
    }

    /// `directory.FIELD.FACT`: what the directory knew, at that moment, of the object whose id is in the field.
    fn fact(&self, rest: &str) -> Option<EventValue<'v>> {
        let (field, fact) = rest.rsplit_once('.')?;
        let mut known: Vec<EventValue<'v>> = Vec::new();
        self.each_text(field, &mut |id| self.facts.of(id, fact, self.at_micros, &mut known));
        match known.len() {
            0 => None,
            1 => known.pop(),
            _ => Some(EventValue::Array(known)),
        }
    }

    /// Whether a value of a field stood on a list at that moment; absent when none did.
    fn listed(&self, question: &ListQuestion<'_>) -> Option<EventValue<'v>> {
        if self.facts.lists.are_empty(question) {
            return None;
        }
        let mut stood = false;
        let mut ask = |text: &str| stood = stood || self.facts.lists.hold(question, text, self.at_micros);
        self.each_text(question.field, &mut ask);
        stood.then_some(EventValue::Bool(true))
    }

    /// `FIELD+FIELD`: the values of several fields as one, for lists of pairs.
    fn joined(&self, name: &str) -> Option<EventValue<'v>> {
        let mut words = String::new();
        for part in name.split('+') {
            let text = self.get_field(part).and_then(|value| value.as_str().map(Cow::into_owned))?;
            if !words.is_empty() {
                words.push('+');
            }
            words.push_str(&text);
        }
        Some(EventValue::Str(Cow::Owned(words)))
    }

    fn added(&self, name: &str) -> Option<EventValue<'v>> {
        let text = |text: &'v str| EventValue::Str(Cow::Borrowed(text));
        let owned = |text: String| EventValue::Str(Cow::Owned(text));
        match name {
            "category" => Some(text(catalogue().category_of(self.flat.text("type").unwrap_or_default()))),
            "actor.id" => self.actor().map(|(_, id)| text(id)),
            "actor.network" => added::network(self.flat.text_within("actor", "ip_address")?).map(owned),
            "actor.agent" => Some(owned(added::agent(self.flat.text_within("actor", "user_agent")?))),
            _ => {
                let (first, rest) = name.split_once('.')?;
                match first {
                    "change" => self.change(rest),
                    "directory" => self.fact(rest),
                    _ => None,
                }
            }
        }
    }
}

impl Event for View<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        if let Some(question) = ListQuestion::of_field_name(path) {
            return self.listed(&question);
        }
        if path.contains('+') {
            return self.joined(path);
        }
        // The wire's own fields come first: what Ephor adds never hides one.
        self.wire(path).or_else(|| self.added(path))
    }

    fn any_string_value(&self, pred: &dyn Fn(&str) -> bool) -> bool {
        self.flat.texts().any(pred)
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        self.flat.texts().map(Cow::Borrowed).collect()
    }

    fn to_json(&self) -> Value {
        // Nobody asks: matches are told by id, and the activity is in the lake.
        Value::Object(Map::new())
    }
}

fn each_text_of(value: &EventValue<'_>, take: &mut dyn FnMut(&str)) {
    match value {
        EventValue::Array(elements) => elements.iter().for_each(|element| each_text_of(element, take)),
        other => {
            if let Some(text) = other.as_str() {
                take(&text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::lists::{ListEntry, Stay};
    use serde_json::json;

    fn shown(activity: &Value, name: &str) -> Value {
        let raw = activity.to_string();
        let flat = Flat::parse(raw.as_bytes()).unwrap();
        let facts = Facts::default();
        let view = View::new(&flat, &facts, 0);
        view.get_field(name).map_or(json!("absent"), |value| value.to_json())
    }

    #[test]
    fn changes_are_unfolded_so_that_each_attribute_is_a_field() {
        let activity = json!({"type": "claude_organization_settings_updated", "updates": [
            {"type": "web_search_enabled", "previous_value": true, "current_value": false},
            {"type": "public_projects_enabled", "previous_value": false, "current_value": true},
            {"type": "name", "previous_value": "a", "current_value": null},
        ]});
        assert_eq!(shown(&activity, "change.public_projects_enabled.to"), json!(true));
        assert_eq!(shown(&activity, "change.web_search_enabled.to"), json!(false));
        assert_eq!(shown(&activity, "change.name.from"), json!("a"));
        assert_eq!(shown(&activity, "change.name.to"), Value::Null);
        assert_eq!(shown(&activity, "change.other.to"), json!("absent"));
        assert_eq!(shown(&activity, "change.name"), json!("absent"));
        assert_eq!(shown(&activity, "category"), json!("org_settings"));
    }

    #[test]
    fn fields_joined_are_one_value_and_absent_when_one_is() {
        let activity = json!({"type": "t", "workspace_id": "wrkspc_1", "user_id": "user_1", "actor": {"type": "user_actor", "user_id": "user_2", "ip_address": "192.0.2.9"}});
        assert_eq!(shown(&activity, "workspace_id+user_id"), json!("wrkspc_1+user_1"));
        assert_eq!(shown(&activity, "workspace_id+missing"), json!("absent"));
        assert_eq!(shown(&activity, "actor.id"), json!("user_2"));
        assert_eq!(shown(&activity, "actor.network"), json!("192.0.2.0/24"));
    }

    #[test]
    fn a_field_of_the_wire_is_never_hidden_by_one_that_ephor_adds() {
        let activity = json!({"type": "t", "category": "theirs", "actor": {"type": "user_actor", "user_id": "user_2", "id": "theirs"}});
        assert_eq!(shown(&activity, "category"), json!("theirs"));
        assert_eq!(shown(&activity, "actor.id"), json!("theirs"));
    }

    #[test]
    fn a_list_is_asked_as_it_was_when_the_activity_happened() {
        let activity =
            json!({"type": "t", "workspace_id": "wrkspc_1", "user_id": "user_9", "user_ids": ["user_1", "user_2"]});
        let raw = activity.to_string();
        let flat = Flat::parse(raw.as_bytes()).unwrap();
        let mut facts = Facts::default();
        let stay = Stay { from_micros: 10, to_micros: 20 };
        facts.lists.put("some", ListEntry { id: "user_2".to_owned(), name: None, stay });
        facts.lists.put("pairs", ListEntry::always("wrkspc_1+user_9"));
        let asked = |name: &str, at: i64| View::new(&flat, &facts, at).get_field(name).is_some();
        assert_eq!([9, 10, 20].map(|at| asked("%equals%some%user_ids", at)), [false, true, false]);
        assert!(asked("%equals%pairs%workspace_id+user_id", 0) && !asked("%equals%pairs%workspace_id+user_ids", 0));
        assert!(asked("%equals%pairs,some%user_ids", 10) && !asked("%equals%pairs%user_ids", 10));
    }

    #[test]
    fn a_rule_can_ask_about_each_element_alone() {
        let raw =
            json!({"type": "group_member_added", "group_id": "g", "member_ids": ["user_1", "user_2"]}).to_string();
        let flat = Flat::parse(raw.as_bytes()).unwrap();
        let facts = Facts::default();
        let view = View::new(&flat, &facts, 0);
        assert_eq!(view.elements_at("member_ids"), Some(2));
        assert_eq!(view.elements_at("group_id"), None);
        let second = view.at_element(Element { path: "member_ids", index: 1 });
        assert_eq!(second.texts("member_ids"), ["user_2"]);
        assert_eq!(second.texts("group_id+member_ids"), ["g+user_2"]);
    }
}
