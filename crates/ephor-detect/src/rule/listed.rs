//! Lists in rules: `mcp_server_id|expand: '%approved_connectors%'` asks whether the field's value stands on that list.
//! Promises that the list of the activity's moment is asked, and that an empty list matches nothing.
//! Never reads the lists itself: a rule stays the same when they change.

use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaRule, SigmaValue};

use crate::lists::{How, ListQuestion};

/// The rule with its lists as questions that an activity's view answers.
pub(super) fn with_questions(rule: &SigmaRule) -> Result<SigmaRule, String> {
    let mut rule = rule.clone();
    rule.detection.named.values_mut().try_for_each(ask_in_detection)?;
    Ok(rule)
}

fn ask_in_detection(detection: &mut Detection) -> Result<(), String> {
    match detection {
        Detection::AllOf(items) => items.iter_mut().filter(|item| asks_lists(item)).try_for_each(ask_in_item),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter_mut().try_for_each(ask_in_detection),
        Detection::ArrayMatch { body, .. } => refuse(body),
        Detection::Conditional { named, .. } => named.values_mut().try_for_each(refuse),
        Detection::Keywords(_) => Ok(()),
    }
}

fn asks_lists(item: &DetectionItem) -> bool {
    item.field.has_modifier(Modifier::Expand)
}

fn ask_in_item(item: &mut DetectionItem) -> Result<(), String> {
    const WANTED: &str = "takes the name of a list between percent signs, such as `%approved_connectors%`";
    let field = item.field.name.as_deref().ok_or_else(|| format!("a keyword with `|expand` {WANTED}"))?;
    let mut how = How::Equals;
    for modifier in item.field.modifiers.iter().filter(|modifier| **modifier != Modifier::Expand) {
        how = match modifier {
            Modifier::Contains => How::Contains,
            Modifier::StartsWith => How::StartsWith,
            Modifier::EndsWith => How::EndsWith,
            _ => return Err(format!("`{field}|expand` goes with contains, startswith and endswith alone")),
        };
    }
    let lists: Option<Vec<&str>> = item.values.iter().map(placeholder).collect();
    let lists = lists.ok_or_else(|| format!("`{field}|expand` {WANTED}"))?.join(",");
    item.field.name = Some(ListQuestion { how, lists: &lists, field }.to_field_name());
    item.field.modifiers.clear();
    item.values = vec![SigmaValue::Bool(true)];
    Ok(())
}

/// Within the elements of an array there is no activity that could be asked.
fn refuse(detection: &mut Detection) -> Result<(), String> {
    match detection {
        Detection::AllOf(items) if items.iter().any(asks_lists) => {
            Err("`|expand` asks about a field of the activity, not about one within an array's elements".to_owned())
        }
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter_mut().try_for_each(refuse),
        Detection::ArrayMatch { body, .. } => refuse(body),
        Detection::Conditional { named, .. } => named.values_mut().try_for_each(refuse),
        Detection::AllOf(_) | Detection::Keywords(_) => Ok(()),
    }
}

fn placeholder(value: &SigmaValue) -> Option<&str> {
    let SigmaValue::String(text) = value else { return None };
    let name = text.original.strip_prefix('%')?.strip_suffix('%')?;
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    plain.then_some(name)
}
