//! Lists in rules: `mcp_server_id|expand: '%approved_connectors%'` stands for the entries of that list.
//! Promises that an empty list matches nothing.
//! Never reads the lists itself: they are passed in.

use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule, SigmaString, SigmaValue};

use crate::lists::Lists;

/// A text that no field holds: what an empty list stands for.
const NOTHING: &str = "\u{0}an empty list";

/// The rule with its lists filled in.
pub(super) fn expand(rule: &SigmaRule, lists: &Lists) -> Result<SigmaRule, String> {
    let mut rule = rule.clone();
    rule.detection.named.values_mut().try_for_each(|detection| expand_detection(detection, lists))?;
    Ok(rule)
}

fn expand_detection(detection: &mut Detection, lists: &Lists) -> Result<(), String> {
    match detection {
        Detection::AllOf(items) => items.iter_mut().try_for_each(|item| expand_item(item, lists)),
        Detection::AnyOf(parts) | Detection::And(parts) => {
            parts.iter_mut().try_for_each(|part| expand_detection(part, lists))
        }
        Detection::ArrayMatch { body, .. } => expand_detection(body, lists),
        Detection::Conditional { named, .. } => named.values_mut().try_for_each(|part| expand_detection(part, lists)),
        Detection::Keywords(_) => Ok(()),
    }
}

fn expand_item(item: &mut DetectionItem, lists: &Lists) -> Result<(), String> {
    if !item.field.has_modifier(Modifier::Expand) {
        return Ok(());
    }
    item.field.modifiers.retain(|modifier| *modifier != Modifier::Expand);
    let mut values = Vec::new();
    for value in &item.values {
        match placeholder(value) {
            Some(name) => {
                values.extend(lists.values(&name).map(|text| SigmaValue::String(SigmaString::from_raw(text))));
            }
            None => {
                let field = item.field.name.as_deref().unwrap_or("a keyword");
                return Err(format!(
                    "`{field}|expand` takes the name of a list between percent signs, such as `%approved_connectors%`"
                ));
            }
        }
    }
    if values.is_empty() {
        values.push(SigmaValue::String(SigmaString::from_raw(NOTHING)));
    }
    item.values = values;
    Ok(())
}

fn placeholder(value: &SigmaValue) -> Option<String> {
    let SigmaValue::String(text) = value else { return None };
    let name = text.original.strip_prefix('%')?.strip_suffix('%')?;
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    plain.then(|| name.to_owned())
}
