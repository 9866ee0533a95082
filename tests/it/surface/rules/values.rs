//! Values at the bound of a rule and beyond it.

use super::requests::valid;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};

/// What the service is to say of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allowed,
    Broken,
}

use Verdict::{Allowed, Broken};

/// A value of a field, with the place in it that the rule is about, such as
/// `[0]`; without a value the field is left out.
type OfField = (&'static str, String, Verdict, Option<Value>);
type OfRule = (String, Verdict, Value);

/// Ids that have to be of one length or another are made of this.
pub(super) const VALID_ID: &str = "a";
const VALID_UUID: &str = "018f4d5e-0000-7000-8000-000000000000";

/// The extension `name` in these options.
pub(super) fn rules_of(options: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let pool = options.descriptor().parent_pool().clone();
    let extension = pool.get_extension_by_name(name).unwrap();
    let set = options.has_extension(&extension);
    set.then(|| {
        let rules = options.get_extension(&extension);
        rules.as_message().unwrap().clone()
    })
}

/// A value that keeps the rules of the field, where it may not be left out.
pub(super) fn sample(field: &FieldDescriptor) -> Option<Value> {
    if field.is_list() {
        let rules = rules_of(&field.options(), "buf.validate.field")?;
        let count = usize_of(&rules, "repeated", "min_items")?;
        return Some(Value::List((0..count).map(|n| item(field, n)).collect()));
    }
    let explicit = field
        .containing_oneof()
        .is_some_and(|oneof| !oneof.is_synthetic());
    match field.kind() {
        Kind::Message(inner) => {
            let rules = rules_of(&field.options(), "buf.validate.field");
            let required = rules.is_some_and(|rules| flag(&rules, "required"));
            (required || explicit).then(|| Value::Message(valid(&inner, None)))
        }
        Kind::String => {
            let rules = rules_of(&field.options(), "buf.validate.field");
            let strings = rules.and_then(|rules| part(&rules, "string"));
            let text = strings.map(|rules| shortest(&rules)).unwrap_or_default();
            (explicit || !text.is_empty()).then(|| Value::String(text))
        }
        _ => None,
    }
}

/// The values to try a field with.
pub(super) fn values_of(field: &FieldDescriptor) -> Vec<OfField> {
    let mut values: Vec<OfField> = Vec::new();
    let Some(rules) = rules_of(&field.options(), "buf.validate.field") else {
        return values;
    };
    for (kind, value) in rules.fields() {
        match kind.name() {
            "required" => values.push(("", "required".to_owned(), Broken, None)),
            "repeated" => {
                let lists = lists(field, value.as_message().unwrap());
                values.extend(lists.into_iter().map(|(place, rule, verdict, list)| {
                    (place, rule, verdict, Some(Value::List(list)))
                }));
            }
            _ => {
                let scalars = scalars(field, kind.name(), value.as_message().unwrap());
                values.extend(
                    scalars
                        .into_iter()
                        .map(|(rule, verdict, value)| ("", rule, verdict, Some(value))),
                );
            }
        }
    }
    values
}

fn lists(
    field: &FieldDescriptor,
    rules: &DynamicMessage,
) -> Vec<(&'static str, String, Verdict, Vec<Value>)> {
    let of = |count: usize| (0..count).map(|n| item(field, n)).collect::<Vec<_>>();
    let mut lists = Vec::new();
    for (rule, value) in rules.fields() {
        let name = rule.name().to_owned();
        match rule.name() {
            "min_items" => {
                let least = usize::try_from(value.as_u64().unwrap()).unwrap();
                lists.push(("", name.clone(), Broken, of(least - 1)));
                lists.push(("", name, Allowed, of(least)));
            }
            "max_items" => {
                let most = usize::try_from(value.as_u64().unwrap()).unwrap();
                lists.push(("", name.clone(), Broken, of(most + 1)));
                lists.push(("", name, Allowed, of(most)));
            }
            "unique" => lists.push(("", name, Broken, vec![item(field, 0), item(field, 0)])),
            "items" => {
                for (kind, value) in value.as_message().unwrap().fields() {
                    // Items of a batch answer for themselves.
                    if kind.name() == "ignore" {
                        continue;
                    }
                    for (rule, verdict, value) in
                        scalars(field, kind.name(), value.as_message().unwrap())
                    {
                        lists.push(("[0]", rule, verdict, vec![value]));
                    }
                }
            }
            other => panic!("{}: no values for repeated.{other}", field.full_name()),
        }
    }
    lists
}

/// The `n`th item of a list that keeps its rules.
fn item(field: &FieldDescriptor, n: usize) -> Value {
    let rules = rules_of(&field.options(), "buf.validate.field").unwrap();
    let items = part(&rules, "repeated").and_then(|rules| part(&rules, "items"));
    let kept = |kind: &str| items.as_ref().and_then(|items| part(items, kind));
    match field.kind() {
        Kind::Message(inner) => Value::Message(valid(&inner, None)),
        Kind::String if field.name() == "extra_content_types" => {
            Value::String("text/html".to_owned())
        }
        Kind::String => Value::String(match kept("string") {
            Some(rules) => {
                let listed = listed(&rules, "in");
                match listed.get(n % listed.len().max(1)) {
                    Some(value) => value.as_str().unwrap().to_owned(),
                    None => shortest(&rules),
                }
            }
            None => VALID_UUID.to_owned(),
        }),
        Kind::Enum(_) => {
            let rules = kept("enum").unwrap();
            let listed = listed(&rules, "in");
            Value::EnumNumber(listed.first().map_or(1, |value| value.as_i32().unwrap()))
        }
        other => panic!("{}: no item of {other:?}", field.full_name()),
    }
}

fn scalars(field: &FieldDescriptor, kind: &str, rules: &DynamicMessage) -> Vec<OfRule> {
    let mut values = Vec::new();
    for (rule, value) in rules.fields() {
        let name = format!("{kind}.{}", rule.name());
        let found = match (kind, rule.name()) {
            ("string", rule) => strings(field, rule, value),
            ("enum", rule) => enums(field, rule, rules),
            ("int32", rule) => near(rule, value.as_i32().unwrap().into())
                .map(|(verdict, n)| (verdict, Value::I32(n.try_into().unwrap())))
                .into(),
            ("int64", rule) => near(rule, value.as_i64().unwrap())
                .map(|(verdict, n)| (verdict, Value::I64(n)))
                .into(),
            ("duration", rule) => {
                let bound = value.as_message().unwrap();
                let whole = |name| bound.get_field_by_name(name).unwrap();
                let (seconds, nanos) = (whole("seconds"), whole("nanos"));
                let bound = seconds.as_i64().unwrap() * 1_000_000_000;
                near(rule, bound + i64::from(nanos.as_i32().unwrap()))
                    .map(|(verdict, n)| (verdict, duration(field, n)))
                    .into()
            }
            (kind, rule) => panic!("{}: no values for {kind}.{rule}", field.full_name()),
        };
        values.extend(
            found
                .into_iter()
                .map(|(verdict, value)| (name.clone(), verdict, value)),
        );
    }
    values
}

fn near(rule: &str, bound: i64) -> [(Verdict, i64); 2] {
    match rule {
        "gte" => [(Broken, bound - 1), (Allowed, bound)],
        "lte" => [(Broken, bound + 1), (Allowed, bound)],
        other => panic!("no values for {other}"),
    }
}

fn duration(field: &FieldDescriptor, nanos: i64) -> Value {
    let Kind::Message(kind) = field.kind() else {
        panic!("{} is no duration", field.full_name());
    };
    let mut message = DynamicMessage::new(kind);
    let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    message.set_field_by_name("seconds", Value::I64(seconds));
    message.set_field_by_name("nanos", Value::I32(rest.try_into().unwrap()));
    Value::Message(message)
}

fn strings(field: &FieldDescriptor, rule: &str, value: &Value) -> Vec<(Verdict, Value)> {
    let of = |length: usize| match field.name() {
        // A parameter makes a type as long as need be.
        "extra_content_types" if length > 10 => format!("text/html;{}", "a".repeat(length - 10)),
        _ => VALID_ID.repeat(length),
    };
    let texts: Vec<(Verdict, String)> = match rule {
        "max_bytes" => {
            let most = usize::try_from(value.as_u64().unwrap()).unwrap();
            vec![(Broken, of(most + 1)), (Allowed, of(most))]
        }
        "min_bytes" => {
            let least = usize::try_from(value.as_u64().unwrap()).unwrap();
            vec![(Broken, of(least - 1)), (Allowed, of(least))]
        }
        "uuid" => {
            let broken = ["1", "018f4d5e000070008000000000000000", &VALID_UUID[1..]];
            let broken = broken.map(|text| (Broken, text.to_owned()));
            [&broken[..], &[(Allowed, VALID_UUID.to_owned())]].concat()
        }
        "in" => {
            let listed = value.as_list().unwrap().iter();
            let allowed = listed.map(|text| (Allowed, text.as_str().unwrap().to_owned()));
            [(Broken, "neither".to_owned())]
                .into_iter()
                .chain(allowed)
                .collect()
        }
        "pattern" => {
            let (least, most) = repetition(value.as_str().unwrap());
            let mut texts = vec![(Broken, "a b".to_owned()), (Broken, "é".to_owned())];
            texts.extend(least.checked_sub(1).map(|fewer| (Broken, of(fewer))));
            texts.push((Allowed, of(least)));
            if let Some(most) = most {
                texts.extend([(Broken, of(most + 1)), (Allowed, of(most))]);
            }
            texts
        }
        other => panic!("{}: no values for string.{other}", field.full_name()),
    };
    texts
        .into_iter()
        .map(|(verdict, text)| (verdict, Value::String(text)))
        .collect()
}

/// How often a pattern of one class of characters has them. The patterns of the
/// contract are of this form, and `a` is of each class; a space and `é` of none.
fn repetition(pattern: &str) -> (usize, Option<usize>) {
    if pattern == "^[!-~]+$" {
        return (1, None);
    }
    let times = pattern
        .strip_prefix("^[A-Za-z0-9._:@/=+~-]{")
        .unwrap_or_else(|| panic!("{pattern}"));
    let (least, most) = times.strip_suffix("}$").unwrap().split_once(',').unwrap();
    (least.parse().unwrap(), Some(most.parse().unwrap()))
}

fn enums(field: &FieldDescriptor, rule: &str, rules: &DynamicMessage) -> Vec<(Verdict, Value)> {
    let Kind::Enum(kind) = field.kind() else {
        panic!("{} is no enum", field.full_name());
    };
    let numbers = |name: &str| -> Vec<i32> {
        listed(rules, name)
            .iter()
            .map(|value| value.as_i32().unwrap())
            .collect()
    };
    let (only, never) = (numbers("in"), numbers("not_in"));
    let known = kind.values().map(|value| value.number());
    let verdicts: Vec<(Verdict, i32)> = match rule {
        "defined_only" => known
            .filter(|number| !never.contains(number))
            .map(|number| (Allowed, number))
            .chain([(Broken, 9999), (Broken, -1)])
            .collect(),
        "not_in" => never.iter().map(|number| (Broken, *number)).collect(),
        "in" => known
            .map(|number| {
                (
                    if only.contains(&number) {
                        Allowed
                    } else {
                        Broken
                    },
                    number,
                )
            })
            .collect(),
        other => panic!("{}: no values for enum.{other}", field.full_name()),
    };
    verdicts
        .into_iter()
        .map(|(verdict, number)| (verdict, Value::EnumNumber(number)))
        .collect()
}

/// The shortest text that keeps the rules.
fn shortest(rules: &DynamicMessage) -> String {
    let of = |name: &str| {
        rules
            .fields()
            .find(|(rule, _)| rule.name() == name)
            .map(|(_, value)| value.clone())
    };
    if of("uuid").is_some() {
        return VALID_UUID.to_owned();
    }
    let by_pattern = of("pattern").map(|pattern| repetition(pattern.as_str().unwrap()).0);
    let by_length = of("min_bytes").map(|least| usize::try_from(least.as_u64().unwrap()).unwrap());
    VALID_ID.repeat(by_pattern.or(by_length).unwrap_or_default())
}

fn part(rules: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    let mut set = rules.fields();
    let (_, value) = set.find(|(field, _)| field.name() == name)?;
    Some(value.as_message().unwrap().clone())
}

fn flag(rules: &DynamicMessage, name: &str) -> bool {
    rules
        .get_field_by_name(name)
        .is_some_and(|value| value.as_bool() == Some(true))
}

fn listed(rules: &DynamicMessage, name: &str) -> Vec<Value> {
    let value = rules.get_field_by_name(name);
    value
        .and_then(|value| value.as_list().map(<[Value]>::to_vec))
        .unwrap_or_default()
}

fn usize_of(rules: &DynamicMessage, kind: &str, name: &str) -> Option<usize> {
    let rules = part(rules, kind)?;
    let (_, value) = rules
        .fields()
        .find(|(field, _)| field.name() == name)
        .map(|(f, v)| (f, v.clone()))?;
    usize::try_from(value.as_u64()?).ok()
}
