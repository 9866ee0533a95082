//! Channels as messages, credentials inbound only.

use super::super::error::{Violation, invalid, unimplemented};
use super::names::name;
use super::record::timestamp;
use crate::admin::Channel;
use crate::attachment::channel_policy::{
    ChannelPolicy, LimitOverrides, LinkMode, Provider, Retention,
};
use crate::attachment::media::MediaType;
use crate::ids::ChannelId;
use crate::proto;
use secrecy::SecretString;
use std::time::Duration;
use tonic::Status;

const DEFAULT_EPHEMERAL_TTL: Duration = Duration::from_hours(24);
/// Rows must expire before the bucket's lifecycle rule removes the object.
const MAX_EPHEMERAL_TTL: Duration = Duration::from_hours(24);
const MAX_CREDENTIAL_BYTES: usize = 4096;

/// A channel as a tenant puts it: id, policy, and a credential if it brings one.
pub(in crate::grpc) fn channel_from_proto(
    channel: proto::Channel,
) -> Result<(ChannelId, ChannelPolicy, Option<SecretString>), Status> {
    let id = name("channel.channel_id", &channel.channel_id)?;
    let provider = match proto::Provider::try_from(channel.provider) {
        Ok(proto::Provider::Line) => Provider::Line,
        Ok(proto::Provider::Slack) => Provider::Slack,
        Ok(proto::Provider::Url) => Provider::Url,
        Ok(proto::Provider::Unspecified) | Err(_) => {
            return Err(Violation::new("channel.provider", "must be LINE, SLACK or URL").into());
        }
    };
    let policy = ChannelPolicy {
        provider,
        retention: retention(&channel)?,
        link_mode: match proto::LinkMode::try_from(channel.link_mode) {
            Ok(proto::LinkMode::Unspecified) => None,
            Ok(proto::LinkMode::Presigned) => Some(LinkMode::Presigned),
            Ok(proto::LinkMode::Proxy) => return Err(unimplemented("link mode PROXY")),
            Err(_) => {
                return Err(Violation::new("channel.link_mode", "must be a known mode").into());
            }
        },
        limits: limits(&channel.limits.unwrap_or_default()).map_err(invalid)?,
    };
    let credential = channel.credential;
    let printable = credential.bytes().all(|byte| byte.is_ascii_graphic());
    if credential.len() > MAX_CREDENTIAL_BYTES || !printable {
        let wanted = "must be at most 4096 printable ASCII characters";
        return Err(Violation::new("channel.credential", wanted).into());
    }
    let credential = Some(credential)
        .filter(|text| !text.is_empty())
        .map(SecretString::from);
    Ok((id, policy, credential))
}

/// A channel as it is shown: without its credential.
pub(in crate::grpc) fn channel_to_proto(channel: Channel) -> proto::Channel {
    let policy = channel.policy;
    let (retention, ttl) = match policy.retention {
        Retention::Durable => (proto::Retention::Durable, None),
        Retention::Ephemeral { ttl } => (
            proto::Retention::Ephemeral,
            Some(prost_types::Duration {
                seconds: ttl.as_secs().cast_signed(),
                nanos: 0,
            }),
        ),
    };
    proto::Channel {
        channel_id: channel.id.to_string(),
        provider: match policy.provider {
            Provider::Line => proto::Provider::Line,
            Provider::Slack => proto::Provider::Slack,
            Provider::Url => proto::Provider::Url,
        }
        .into(),
        credential: String::new(),
        has_credential: channel.has_credential,
        retention: retention.into(),
        ephemeral_ttl: ttl,
        limits: Some(limits_to_proto(&policy.limits)),
        link_mode: match policy.link_mode {
            None => proto::LinkMode::Unspecified,
            Some(LinkMode::Presigned) => proto::LinkMode::Presigned,
            Some(LinkMode::Proxy) => proto::LinkMode::Proxy,
        }
        .into(),
        create_time: Some(timestamp(channel.created_at)),
        update_time: Some(timestamp(channel.updated_at)),
    }
}

fn retention(channel: &proto::Channel) -> Result<Retention, Status> {
    let ttl = channel.ephemeral_ttl.as_ref();
    match (proto::Retention::try_from(channel.retention), ttl) {
        (Ok(proto::Retention::Unspecified | proto::Retention::Durable), None) => {
            Ok(Retention::Durable)
        }
        (Ok(proto::Retention::Ephemeral), None) => Ok(Retention::Ephemeral {
            ttl: DEFAULT_EPHEMERAL_TTL,
        }),
        (Ok(proto::Retention::Ephemeral), Some(ttl)) => {
            let ttl = Duration::from_secs(u64::try_from(ttl.seconds).unwrap_or_default());
            if ttl.is_zero() || ttl > MAX_EPHEMERAL_TTL {
                let wanted = "must be between 1 second and 24 hours: \
                    the bucket may remove ephemeral objects after a day";
                return Err(Violation::new("channel.ephemeral_ttl", wanted).into());
            }
            Ok(Retention::Ephemeral { ttl })
        }
        (Ok(proto::Retention::ProxyOnly), _) => Err(unimplemented("retention PROXY_ONLY")),
        (Ok(proto::Retention::Unspecified | proto::Retention::Durable), Some(_)) => {
            let wanted = "must be unset unless retention is EPHEMERAL";
            Err(Violation::new("channel.ephemeral_ttl", wanted).into())
        }
        (Err(_), _) => Err(Violation::new("channel.retention", "must be a known retention").into()),
    }
}

fn limits(limits: &proto::ChannelLimits) -> Result<LimitOverrides, Vec<Violation>> {
    let mut faults = Vec::new();
    let mut size = |field: &str, value: i64| {
        let size = u64::try_from(value);
        if size.is_err() {
            faults.push(Violation::new(
                format!("channel.limits.{field}"),
                "must not be negative",
            ));
        }
        size.ok().filter(|size| *size > 0)
    };
    let image_max_bytes = size("image_max_bytes", limits.image_max_bytes);
    let document_max_bytes = size("document_max_bytes", limits.document_max_bytes);
    let audio_max_bytes = size("audio_max_bytes", limits.audio_max_bytes);
    let video_max_bytes = size("video_max_bytes", limits.video_max_bytes);
    let files = size("max_files_per_message", limits.max_files_per_message.into());
    let mut opted_in = Vec::new();
    for (n, mime) in limits.extra_content_types.iter().enumerate() {
        match MediaType::from_mime(mime) {
            Some(media_type) if opted_in.contains(&media_type) => {}
            Some(media_type) => opted_in.push(media_type),
            None => faults.push(Violation::new(
                format!("channel.limits.extra_content_types[{n}]"),
                "is not a type this service knows",
            )),
        }
    }
    if faults.is_empty() {
        Ok(LimitOverrides {
            image_max_bytes,
            document_max_bytes,
            audio_max_bytes,
            video_max_bytes,
            max_files_per_message: files.map(|files| u16::try_from(files).unwrap_or(u16::MAX)),
            opted_in,
        })
    } else {
        Err(faults)
    }
}

fn limits_to_proto(limits: &LimitOverrides) -> proto::ChannelLimits {
    let size = |value: Option<u64>| value.unwrap_or_default().cast_signed();
    proto::ChannelLimits {
        image_max_bytes: size(limits.image_max_bytes),
        document_max_bytes: size(limits.document_max_bytes),
        audio_max_bytes: size(limits.audio_max_bytes),
        video_max_bytes: size(limits.video_max_bytes),
        max_files_per_message: limits.max_files_per_message.unwrap_or_default().into(),
        extra_content_types: limits
            .opted_in
            .iter()
            .map(|media_type| media_type.mime().to_owned())
            .collect(),
    }
}
