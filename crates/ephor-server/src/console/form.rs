//! What a form brought: its fields in order, read with the name of each that is missing or wrong.
//! Promises that a field is text of a bounded length.
//! Never holds the form's token: the door has checked it and taken it out.

use bytes::Bytes;

use super::visitor::FORM_TOKEN;
use crate::problem::Problem;

/// The fields of a form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
}

/// The JSON that the console's own script sent.
#[derive(Debug, Clone)]
pub(crate) struct JsonBody(pub(crate) Bytes);

/// Longer texts than any field of the console asks for.
const FIELD_CHARACTERS: usize = 4000;

impl Form {
    /// The fields of a body, and the token among them.
    pub(crate) fn read(body: &[u8]) -> (Self, Option<String>) {
        let mut fields: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
        let token = fields.iter().position(|(name, _)| name == FORM_TOKEN).map(|place| fields.remove(place).1);
        (Self { fields }, token)
    }

    /// A field, without the spaces around it; nothing if it is empty.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.raw(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// A field as it was typed: a password may begin with a space.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.fields.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// A field that has to be filled in.
    pub(crate) fn needed(&self, name: &str) -> Result<&str, Problem> {
        let value = self.one(name).ok_or_else(|| Problem::invalid(format!("{name}: fill this in")))?;
        if value.chars().count() > FIELD_CHARACTERS {
            return Err(Problem::invalid(format!("{name}: at most {FIELD_CHARACTERS} characters")));
        }
        Ok(value)
    }

    /// Every value of a field that can stand several times.
    pub(crate) fn many(&self, name: &str) -> Vec<&str> {
        let named = self.fields.iter().filter(|(given, value)| given == name && !value.is_empty());
        named.map(|(_, value)| value.as_str()).collect()
    }
}
