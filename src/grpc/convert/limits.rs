//! Limits on files, as a tenant or a channel sets them.

use super::super::error::Violation;
use super::names::few;
use crate::attachment::channel_policy::LimitOverrides;
use crate::attachment::media::MediaType;
use crate::proto::Limits;

/// Files of one message, whatever a tenant wishes.
const MOST_FILES: u16 = 1000;
const MOST_EXTRA_TYPES: usize = 32;
const MAX_TYPE_BYTES: usize = 255;

/// Reads limits, every fault at once; `at` is their path in the call, such as
/// `channel.limits.`.
pub(super) fn limits_from_proto(
    at: &str,
    limits: &Limits,
) -> Result<LimitOverrides, Vec<Violation>> {
    let mut faults = Vec::new();
    let mut size = |field: &str, value: Option<i64>| {
        let size = value.map(u64::try_from).transpose();
        size.unwrap_or_else(|_| {
            faults.push(Violation::new(
                format!("{at}{field}"),
                "must not be negative",
            ));
            None
        })
    };
    let image_max_bytes = size("image_max_bytes", limits.image_max_bytes);
    let document_max_bytes = size("document_max_bytes", limits.document_max_bytes);
    let audio_max_bytes = size("audio_max_bytes", limits.audio_max_bytes);
    let video_max_bytes = size("video_max_bytes", limits.video_max_bytes);
    let files = limits.max_files_per_message.map(u16::try_from);
    let max_files_per_message = match files {
        None => None,
        Some(Ok(files @ ..=MOST_FILES)) => Some(files),
        Some(Ok(_) | Err(_)) => {
            let wanted = format!("must be between 0 and {MOST_FILES}");
            faults.push(Violation::new(format!("{at}max_files_per_message"), wanted));
            None
        }
    };
    let opted_in = media_types(&format!("{at}extra_content_types"), limits, &mut faults);
    if faults.is_empty() {
        Ok(LimitOverrides {
            image_max_bytes,
            document_max_bytes,
            audio_max_bytes,
            video_max_bytes,
            max_files_per_message,
            opted_in,
        })
    } else {
        Err(faults)
    }
}

fn media_types(field: &str, limits: &Limits, faults: &mut Vec<Violation>) -> Vec<MediaType> {
    if let Err(fault) = few(field, &limits.extra_content_types, MOST_EXTRA_TYPES) {
        faults.push(fault);
        return Vec::new();
    }
    let mut opted_in = Vec::new();
    for (n, mime) in limits.extra_content_types.iter().enumerate() {
        let known = Some(mime)
            .filter(|mime| mime.len() <= MAX_TYPE_BYTES)
            .and_then(|mime| MediaType::from_mime(mime));
        match known {
            Some(media_type) if opted_in.contains(&media_type) => {}
            Some(media_type) => opted_in.push(media_type),
            None => faults.push(Violation::new(
                format!("{field}[{n}]"),
                "is not a type this service knows",
            )),
        }
    }
    opted_in
}

/// Limits as they are shown; nothing where nothing was decided.
pub(super) fn limits_to_proto(limits: &LimitOverrides) -> Option<Limits> {
    let size = |value: Option<u64>| value.map(|size| i64::try_from(size).unwrap_or(i64::MAX));
    let limits = Limits {
        image_max_bytes: size(limits.image_max_bytes),
        document_max_bytes: size(limits.document_max_bytes),
        audio_max_bytes: size(limits.audio_max_bytes),
        video_max_bytes: size(limits.video_max_bytes),
        max_files_per_message: limits.max_files_per_message.map(i32::from),
        extra_content_types: limits
            .opted_in
            .iter()
            .map(|media_type| media_type.mime().to_owned())
            .collect(),
    };
    Some(limits).filter(|limits| *limits != Limits::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_back_and_none_is_none() {
        assert_eq!(limits_to_proto(&LimitOverrides::default()), None);
        let limits = Limits {
            image_max_bytes: Some(0),
            document_max_bytes: Some(i64::MAX),
            max_files_per_message: Some(1000),
            extra_content_types: vec!["text/html".to_owned()],
            ..Limits::default()
        };
        let read = limits_from_proto("", &limits).unwrap();
        assert_eq!(limits_to_proto(&read), Some(limits));
    }

    #[test]
    fn every_fault_is_named() {
        let limits = Limits {
            image_max_bytes: Some(-1),
            max_files_per_message: Some(1001),
            extra_content_types: vec!["text/html".to_owned(), "x/y".to_owned()],
            ..Limits::default()
        };
        let faults = limits_from_proto("channel.limits.", &limits).unwrap_err();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "channel.limits.image_max_bytes",
                "channel.limits.max_files_per_message",
                "channel.limits.extra_content_types[1]",
            ]
        );
    }
}
