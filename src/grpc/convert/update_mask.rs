//! What a put writes: the fields that its mask names, or else those that it
//! populates.

use super::super::error::Violation;
use crate::proto::{Channel, Limits, Tenant};
use prost_types::FieldMask;

/// A message that is put by mask.
pub(in crate::grpc) trait Put: Clone + Default + 'static {
    /// What a person calls it.
    const NAME: &'static str;
    /// The fields that a put may write.
    const WRITABLE: &'static [Field<Self>];
    /// Fields that a client reads and may give back; a put does not write them.
    const PASSED_OVER: &'static [&'static str];
}

/// One field that may be written.
pub(in crate::grpc) struct Field<M> {
    /// Its path, such as `limits.image_max_bytes`.
    path: &'static str,
    is_populated: fn(&M) -> bool,
    /// Makes the first one's field what it is in the second.
    write: fn(&mut M, &M),
}

/// The message as it is after `put`; `current` is what is there now.
pub(in crate::grpc) fn merged<M: Put>(
    current: Option<M>,
    put: &M,
    mask: Option<&FieldMask>,
) -> Result<M, Violation> {
    let mask = mask.filter(|mask| !mask.paths.is_empty());
    for path in mask.iter().flat_map(|mask| &mask.paths) {
        let known = M::PASSED_OVER.contains(&path.as_str())
            || M::WRITABLE.iter().any(|field| covers(path, field.path));
        if !known {
            let wanted = format!("names {path:?}, which is no field of a {}", M::NAME);
            return Err(Violation::new("update_mask", wanted));
        }
    }
    let mut merged = current.unwrap_or_default();
    for field in M::WRITABLE {
        if writes(field, put, mask) {
            (field.write)(&mut merged, put);
        }
    }
    Ok(merged)
}

/// Whether a put writes the field at `path`.
pub(super) fn is_written<M: Put>(path: &str, put: &M, mask: Option<&FieldMask>) -> bool {
    let mask = mask.filter(|mask| !mask.paths.is_empty());
    let mut fields = M::WRITABLE.iter();
    fields.any(|field| field.path == path && writes(field, put, mask))
}

fn writes<M>(field: &Field<M>, put: &M, mask: Option<&FieldMask>) -> bool {
    match mask {
        None => (field.is_populated)(put),
        Some(mask) => mask.paths.iter().any(|path| covers(path, field.path)),
    }
}

/// Whether a mask's path names this field or what it is in.
fn covers(path: &str, field: &str) -> bool {
    field
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A field of the message itself; populated means other than its default.
macro_rules! field {
    ($name:ident) => {
        Field {
            path: stringify!($name),
            is_populated: |message| message.$name != Self::default().$name,
            write: |to, from| to.$name.clone_from(&from.$name),
        }
    };
    (limits.$name:ident) => {
        Field {
            path: concat!("limits.", stringify!($name)),
            is_populated: |message| {
                let limits = message.limits.as_ref();
                limits.is_some_and(|limits| limits.$name != Limits::default().$name)
            },
            write: |to, from| {
                let nothing = Limits::default();
                let from = from.limits.as_ref().unwrap_or(&nothing);
                to.limits
                    .get_or_insert_default()
                    .$name
                    .clone_from(&from.$name);
            },
        }
    };
}

impl Put for Channel {
    const NAME: &'static str = "channel";
    const WRITABLE: &'static [Field<Self>] = &[
        field!(provider),
        field!(retention),
        field!(ephemeral_ttl),
        field!(link_mode),
        field!(limits.image_max_bytes),
        field!(limits.document_max_bytes),
        field!(limits.audio_max_bytes),
        field!(limits.video_max_bytes),
        field!(limits.max_files_per_message),
        field!(limits.extra_content_types),
    ];
    const PASSED_OVER: &'static [&'static str] = &[
        "channel_id",
        "has_credential",
        "etag",
        "create_time",
        "update_time",
    ];
}

impl Put for Tenant {
    const NAME: &'static str = "tenant";
    const WRITABLE: &'static [Field<Self>] = &[
        field!(languages),
        field!(scan_mode),
        field!(quota_bytes),
        field!(limits.image_max_bytes),
        field!(limits.document_max_bytes),
        field!(limits.audio_max_bytes),
        field!(limits.video_max_bytes),
        field!(limits.max_files_per_message),
        field!(limits.extra_content_types),
    ];
    const PASSED_OVER: &'static [&'static str] = &["etag", "create_time", "update_time"];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::FILE_DESCRIPTOR_SET;
    use crate::proto::channel::{Provider, Retention};
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    fn mask(paths: &[&str]) -> FieldMask {
        FieldMask {
            paths: paths.iter().copied().map(String::from).collect(),
        }
    }

    fn current() -> Channel {
        Channel {
            channel_id: "c".to_owned(),
            provider: Provider::Line.into(),
            retention: Retention::Ephemeral.into(),
            limits: Some(Limits {
                image_max_bytes: Some(7),
                video_max_bytes: Some(9),
                extra_content_types: vec!["text/html".to_owned()],
                ..Limits::default()
            }),
            ..Channel::default()
        }
    }

    #[test]
    fn without_a_mask_what_is_populated_is_written_and_the_rest_stays() {
        let put = Channel {
            retention: Retention::Durable.into(),
            limits: Some(Limits {
                image_max_bytes: Some(0),
                ..Limits::default()
            }),
            ..Channel::default()
        };
        for unset in [None, Some(FieldMask::default())] {
            let merged = merged(Some(current()), &put, unset.as_ref()).unwrap();
            let mut expected = current();
            expected.retention = Retention::Durable.into();
            expected.limits.as_mut().unwrap().image_max_bytes = Some(0);
            assert_eq!(merged, expected);
        }
        assert_eq!(merged(None, &put, None).unwrap(), put);
    }

    #[test]
    fn a_field_that_is_named_and_not_populated_goes_back_to_its_default() {
        let put = Channel {
            provider: Provider::Slack.into(),
            ..Channel::default()
        };
        let paths = mask(&["retention", "limits.video_max_bytes"]);
        let merged_channel = merged(Some(current()), &put, Some(&paths)).unwrap();
        let mut expected = current();
        expected.retention = 0;
        expected.limits.as_mut().unwrap().video_max_bytes = None;
        assert_eq!(merged_channel, expected, "the provider is not named");

        let whole = merged(Some(current()), &put, Some(&mask(&["limits"]))).unwrap();
        assert_eq!(whole.limits, Some(Limits::default()));
        assert_eq!(whole.provider, i32::from(Provider::Line));
    }

    #[test]
    fn a_path_that_names_nothing_is_named() {
        for path in [
            "",
            "limit",
            "limits.",
            "limits.x",
            "channel.limits",
            "*",
            "credential",
        ] {
            let refused = merged(None, &Channel::default(), Some(&mask(&["provider", path])));
            let fault = refused.unwrap_err();
            assert_eq!(fault.field, "update_mask");
            assert!(
                fault.description.contains(&format!("{path:?}")),
                "{fault:?}"
            );
        }
        let read_back = mask(&["etag", "update_time"]);
        assert_eq!(
            merged(Some(current()), &Channel::default(), Some(&read_back)).unwrap(),
            current()
        );
    }

    #[test]
    fn every_field_of_the_contract_is_written_or_passed_over() {
        fn accounted_for<M: Put>(message: &str) {
            let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
            let find = |name: &str| {
                let mut messages = files.iter().flat_map(|file| &file.message_type);
                messages.find(|message| message.name() == name).unwrap()
            };
            for field in &find(message).field {
                let name = field.name();
                let paths = match name {
                    "limits" => {
                        let limits = find("Limits").field.iter();
                        limits
                            .map(|inner| format!("limits.{}", inner.name()))
                            .collect()
                    }
                    _ => vec![name.to_owned()],
                };
                for path in paths {
                    let written = M::WRITABLE.iter().any(|field| field.path == path);
                    let passed_over = M::PASSED_OVER.contains(&path.as_str());
                    assert!(written != passed_over, "{message}.{path}");
                }
            }
        }
        accounted_for::<Channel>("Channel");
        accounted_for::<Tenant>("Tenant");
    }
}
