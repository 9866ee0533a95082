//! Channels as messages.

use super::super::error::{Violation, invalid, unimplemented};
use super::etag::{etag, revision};
use super::limits::{limits_from_proto, limits_to_proto};
use super::names::name;
use super::times::{duration, length, timestamp};
use super::update_mask::{is_written, merged};
use crate::admin::Channel;
use crate::attachment::channel_policy::{ChannelPolicy, LinkMode, Provider, Retention};
use crate::ids::ChannelId;
use crate::proto;
use crate::proto::access_link::Mode;
use crate::proto::channel::{Provider as ProviderMessage, Retention as RetentionMessage};
use prost_types::FieldMask;
use std::time::Duration;
use tonic::Status;

const SHORTEST_EPHEMERAL_TTL: Duration = Duration::from_secs(1);
const DEFAULT_EPHEMERAL_TTL: Duration = Duration::from_hours(24);
/// Rows must expire before the bucket's lifecycle rule removes the object.
const LONGEST_EPHEMERAL_TTL: Duration = Duration::from_hours(24);

/// The id of a channel that is put; every field of it is as its rules have it.
pub(in crate::grpc) fn put_channel_id(put: &proto::Channel) -> Result<ChannelId, Status> {
    let id = name("channel.channel_id", &put.channel_id)?;
    provider(put.provider)?;
    retention(put.retention)?;
    ephemeral_ttl(put)?;
    link_mode(put.link_mode)?;
    let limits = put.limits.clone().unwrap_or_default();
    limits_from_proto("channel.limits.", &limits).map_err(invalid)?;
    revision("channel.etag", &put.etag)?;
    Ok(id)
}

/// What the owner of a channel has decided after this put.
pub(in crate::grpc) fn policy_after(
    current: Option<proto::Channel>,
    put: &proto::Channel,
    mask: Option<&FieldMask>,
) -> Result<ChannelPolicy, Status> {
    let mut channel = merged(current, put, mask)?;
    let ephemeral = channel.retention() == RetentionMessage::Ephemeral;
    // A life that nobody speaks of ends with the retention it belonged to.
    if !ephemeral && !is_written("ephemeral_ttl", put, mask) {
        channel.ephemeral_ttl = None;
    }
    let provider = provider(channel.provider)?
        .ok_or_else(|| Violation::new("channel.provider", "must be LINE, SLACK or URL"))?;
    let ttl = ephemeral_ttl(&channel)?;
    let retention = match (retention(channel.retention)?, ttl) {
        (RetentionMessage::Unspecified | RetentionMessage::Durable, None) => Retention::Durable,
        (RetentionMessage::Unspecified | RetentionMessage::Durable, Some(_)) => {
            let wanted = "must be unset unless retention is EPHEMERAL";
            return Err(Violation::new("channel.ephemeral_ttl", wanted).into());
        }
        (RetentionMessage::Ephemeral, ttl) => Retention::Ephemeral {
            ttl: ttl.unwrap_or(DEFAULT_EPHEMERAL_TTL),
        },
        (RetentionMessage::ProxyOnly, _) => return Err(unimplemented("retention PROXY_ONLY")),
    };
    let link_mode = match link_mode(channel.link_mode)? {
        Mode::Unspecified => None,
        Mode::Presigned => Some(LinkMode::Presigned),
        Mode::Proxy => return Err(unimplemented("link mode PROXY")),
    };
    let limits = channel.limits.unwrap_or_default();
    Ok(ChannelPolicy {
        provider,
        retention,
        link_mode,
        limits: limits_from_proto("channel.limits.", &limits).map_err(invalid)?,
    })
}

/// A channel as it is shown.
pub(in crate::grpc) fn channel_to_proto(channel: Channel) -> proto::Channel {
    let policy = channel.policy;
    let (retention, ttl) = match policy.retention {
        Retention::Durable => (RetentionMessage::Durable, None),
        Retention::Ephemeral { ttl } => (RetentionMessage::Ephemeral, Some(duration(ttl))),
    };
    proto::Channel {
        channel_id: channel.id.to_string(),
        provider: match policy.provider {
            Provider::Line => ProviderMessage::Line,
            Provider::Slack => ProviderMessage::Slack,
            Provider::Url => ProviderMessage::Url,
        }
        .into(),
        has_credential: channel.has_credential,
        retention: retention.into(),
        ephemeral_ttl: ttl,
        limits: limits_to_proto(&policy.limits),
        link_mode: match policy.link_mode {
            None => Mode::Unspecified,
            Some(LinkMode::Presigned) => Mode::Presigned,
            Some(LinkMode::Proxy) => Mode::Proxy,
        }
        .into(),
        etag: etag(channel.revision),
        create_time: Some(timestamp(channel.created_at)),
        update_time: Some(timestamp(channel.updated_at)),
    }
}

fn provider(number: i32) -> Result<Option<Provider>, Violation> {
    match ProviderMessage::try_from(number) {
        Ok(ProviderMessage::Unspecified) => Ok(None),
        Ok(ProviderMessage::Line) => Ok(Some(Provider::Line)),
        Ok(ProviderMessage::Slack) => Ok(Some(Provider::Slack)),
        Ok(ProviderMessage::Url) => Ok(Some(Provider::Url)),
        Err(_) => {
            let wanted = "must be LINE, SLACK or URL";
            Err(Violation::new("channel.provider", wanted))
        }
    }
}

fn retention(number: i32) -> Result<RetentionMessage, Violation> {
    RetentionMessage::try_from(number)
        .map_err(|_| Violation::new("channel.retention", "must be a known retention"))
}

fn link_mode(number: i32) -> Result<Mode, Violation> {
    Mode::try_from(number).map_err(|_| Violation::new("channel.link_mode", "must be a known mode"))
}

fn ephemeral_ttl(channel: &proto::Channel) -> Result<Option<Duration>, Violation> {
    length(
        "channel.ephemeral_ttl",
        channel.ephemeral_ttl,
        SHORTEST_EPHEMERAL_TTL,
        LONGEST_EPHEMERAL_TTL,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> proto::Channel {
        proto::Channel {
            channel_id: "c".to_owned(),
            provider: ProviderMessage::Line.into(),
            ..proto::Channel::default()
        }
    }

    #[test]
    fn a_life_goes_with_the_retention_it_belonged_to() {
        let ephemeral = proto::Channel {
            retention: RetentionMessage::Ephemeral.into(),
            ephemeral_ttl: Some(duration(Duration::from_mins(1))),
            ..line()
        };
        let durable = proto::Channel {
            retention: RetentionMessage::Durable.into(),
            ..proto::Channel::default()
        };
        let policy = policy_after(Some(ephemeral.clone()), &durable, None).unwrap();
        assert_eq!(policy.retention, Retention::Durable);

        let both = FieldMask {
            paths: vec!["retention".to_owned(), "ephemeral_ttl".to_owned()],
        };
        let contradiction = proto::Channel {
            ephemeral_ttl: ephemeral.ephemeral_ttl,
            ..durable
        };
        assert!(policy_after(Some(ephemeral), &contradiction, Some(&both)).is_err());
    }

    #[test]
    fn a_new_channel_has_a_provider_and_an_old_one_keeps_its_own() {
        let nothing = proto::Channel::default();
        assert!(policy_after(None, &nothing, None).is_err());
        let policy = policy_after(Some(line()), &nothing, None).unwrap();
        assert_eq!(policy.provider, Provider::Line);
        let named = FieldMask {
            paths: vec!["provider".to_owned()],
        };
        assert!(policy_after(Some(line()), &nothing, Some(&named)).is_err());
    }
}
