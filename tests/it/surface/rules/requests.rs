//! Requests that are as they should be but for one field.

use super::values::{Verdict, rules_of, sample, values_of};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

/// A request with one field at a rule's bound or beyond it.
pub(super) struct Trial {
    /// The path of the field.
    pub(super) field: String,
    /// The rule, as a person would name it.
    pub(super) rule: String,
    pub(super) verdict: Verdict,
    pub(super) request: DynamicMessage,
}

/// What the rules say nothing of and a request needs all the same.
const NEEDED: &[(&str, &str, i32)] = &[
    ("Channel", "provider", 1),
    // The one whose files have a life to set.
    ("Channel", "retention", 2),
];

/// All trials of a request.
pub(super) fn trials(request: &MessageDescriptor) -> Vec<Trial> {
    let mut trials = Vec::new();
    collect(request, "", &|message| message, &mut trials);
    trials
}

/// Trials of a message that `within` puts into its request, at the path `at`.
fn collect(
    message: &MessageDescriptor,
    at: &str,
    within: &dyn Fn(DynamicMessage) -> DynamicMessage,
    trials: &mut Vec<Trial>,
) {
    for oneof in message.oneofs().filter(is_required) {
        let mut request = valid(message, None);
        for field in oneof.fields() {
            request.clear_field(&field);
        }
        trials.push(Trial {
            field: format!("{at}{}", oneof.name()),
            rule: "required".to_owned(),
            verdict: Verdict::Broken,
            request: within(request),
        });
    }
    for field in message.fields() {
        let base = valid(message, Some(&field));
        for (place, rule, verdict, value) in values_of(&field) {
            let mut request = base.clone();
            match value {
                Some(value) => request.set_field(&field, value),
                None => request.clear_field(&field),
            }
            trials.push(Trial {
                field: format!("{at}{}{place}", field.name()),
                rule,
                verdict,
                request: within(request),
            });
        }
        if let Some(inner) = own_message(&field) {
            let within = |inner: DynamicMessage| {
                let mut outer = base.clone();
                outer.set_field(&field, Value::Message(inner));
                within(outer)
            };
            let at = format!("{at}{}.", field.name());
            collect(&inner, &at, &within, trials);
        }
    }
}

/// A message that keeps every rule, with as little in it as that takes, and
/// with this branch of a oneof where it has one.
pub(super) fn valid(
    message: &MessageDescriptor,
    branch: Option<&FieldDescriptor>,
) -> DynamicMessage {
    let mut built = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let needed = NEEDED
            .iter()
            .find(|(of, name, _)| *of == message.name() && *name == field.name());
        let chosen = field.containing_oneof().is_none_or(|oneof| {
            let first = oneof.fields().next();
            let branch = branch.filter(|branch| branch.containing_oneof().as_ref() == Some(&oneof));
            !oneof.is_synthetic() && branch == Some(&field)
                || branch.is_none() && is_required(&oneof) && first.as_ref() == Some(&field)
        });
        if let Some((_, _, number)) = needed {
            built.set_field(&field, Value::EnumNumber(*number));
        } else if chosen && let Some(value) = sample(&field) {
            built.set_field(&field, value);
        }
    }
    built
}

fn is_required(oneof: &prost_reflect::OneofDescriptor) -> bool {
    let rules = rules_of(&oneof.options(), "buf.validate.oneof");
    rules.is_some_and(|rules| {
        let required = rules.get_field_by_name("required");
        required.is_some_and(|required| required.as_bool() == Some(true))
    })
}

/// A message of ours in a field of its own; items of a batch answer for
/// themselves.
pub(super) fn own_message(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(inner) if inner.package_name() == "attachments.v1" && !field.is_list() => {
            Some(inner)
        }
        _ => None,
    }
}
