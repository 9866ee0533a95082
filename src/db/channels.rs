//! Channels: what their owner decided, and the sealed credential.

use super::{Db, DbError, to_bigint, to_smallint};
use crate::attachment::channel_policy::{
    ChannelPolicy, LimitOverrides, LinkMode, Provider, Retention,
};
use crate::attachment::media::MediaType;
use crate::ids::{ChannelId, TenantId};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// A channel as it is kept.
#[derive(Debug, Clone)]
pub struct ChannelRecord {
    /// Its id.
    pub id: ChannelId,
    /// What its owner decided.
    pub policy: ChannelPolicy,
    /// The sealed credential, if there is one.
    pub sealed_credential: Option<Vec<u8>>,
    /// Since when that is taken for good.
    pub credential_since: Option<OffsetDateTime>,
    /// When it was first put.
    pub created_at: OffsetDateTime,
    /// When it was last put.
    pub updated_at: OffsetDateTime,
}

/// What a put does to the credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialChange {
    /// Leaves the one that is there, if it is of the same provider; else drops
    /// it, for no other provider may see it.
    KeepOfProvider,
    /// Replaces it by this sealed one.
    Replace(Vec<u8>),
}

/// Named one by one: a prepared `*` breaks when a migration adds a column.
macro_rules! channel_columns {
    () => {
        "channel_id, provider, credential, credential_since, retention, ephemeral_ttl_seconds, link_mode, limits, \
         created_at, updated_at"
    };
}

const PUT: &str = concat!(
    "
insert into channels as c (tenant_id, channel_id, provider, credential, retention,
    ephemeral_ttl_seconds, link_mode, limits, credential_since)
values ($1, $2, $3, $4, $5, $6, $7, $8, case when $4 is not null then now() end)
on conflict (tenant_id, channel_id) do update
set provider = excluded.provider,
    credential = coalesce(excluded.credential,
        case when c.provider = excluded.provider then c.credential end),
    credential_since = coalesce(excluded.credential_since,
        case when c.provider = excluded.provider then c.credential_since end),
    retention = excluded.retention, ephemeral_ttl_seconds = excluded.ephemeral_ttl_seconds,
    link_mode = excluded.link_mode, limits = excluded.limits, updated_at = now()
returning ",
    channel_columns!()
);

const BY_ID: &str = concat!(
    "select ",
    channel_columns!(),
    " from channels where tenant_id = $1 and channel_id = $2"
);

const LIST: &str = concat!(
    "select ",
    channel_columns!(),
    " from channels where tenant_id = $1 and channel_id > $2 order by channel_id limit $3"
);

#[derive(Debug, Serialize, Deserialize, Default)]
#[serde(default)]
struct LimitsJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    image_max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document_max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio_max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video_max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_files_per_message: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_content_types: Vec<String>,
}

#[derive(Debug, sqlx::FromRow)]
struct ChannelRow {
    channel_id: String,
    provider: String,
    credential: Option<Vec<u8>>,
    credential_since: Option<OffsetDateTime>,
    retention: String,
    ephemeral_ttl_seconds: Option<i64>,
    link_mode: Option<String>,
    limits: Json<LimitsJson>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl Db {
    /// Creates or replaces a channel.
    pub async fn put_channel(
        &self,
        tenant: &TenantId,
        id: &ChannelId,
        policy: &ChannelPolicy,
        credential: CredentialChange,
    ) -> Result<ChannelRecord, DbError> {
        let (retention, ttl) = match policy.retention {
            Retention::Durable => ("durable", None),
            Retention::Ephemeral { ttl } => ("ephemeral", Some(to_bigint(ttl.as_secs()))),
        };
        let sealed = match credential {
            CredentialChange::KeepOfProvider => None,
            CredentialChange::Replace(sealed) => Some(sealed),
        };
        let row: ChannelRow = sqlx::query_as(PUT)
            .bind(tenant.as_str())
            .bind(id.as_str())
            .bind(policy.provider.as_str())
            .bind(sealed)
            .bind(retention)
            .bind(ttl)
            .bind(policy.link_mode.map(link_mode_column))
            .bind(Json(LimitsJson::from(&policy.limits)))
            .fetch_one(&self.pool)
            .await?;
        row.try_into()
    }

    /// Takes the channel's credential for good from now on: it works, after it
    /// had been refused.
    pub async fn trust_credential(&self, tenant: &TenantId, id: &ChannelId) -> Result<(), DbError> {
        sqlx::query(
            "update channels set credential_since = now()
             where tenant_id = $1 and channel_id = $2 and credential is not null",
        )
        .bind(tenant.as_str())
        .bind(id.as_str())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The channel with this id, if the tenant has it.
    pub async fn channel(
        &self,
        tenant: &TenantId,
        id: &ChannelId,
    ) -> Result<Option<ChannelRecord>, DbError> {
        let row: Option<ChannelRow> = sqlx::query_as(BY_ID)
            .bind(tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.map(ChannelRecord::try_from).transpose()
    }

    /// At most `limit` channels by id, of those after `after`.
    pub async fn list_channels(
        &self,
        tenant: &TenantId,
        after: Option<&ChannelId>,
        limit: u16,
    ) -> Result<Vec<ChannelRecord>, DbError> {
        let rows: Vec<ChannelRow> = sqlx::query_as(LIST)
            .bind(tenant.as_str())
            .bind(after.map_or("", ChannelId::as_str))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(ChannelRecord::try_from).collect()
    }

    /// Deletes a channel with its credential; false when there was none.
    pub async fn delete_channel(&self, tenant: &TenantId, id: &ChannelId) -> Result<bool, DbError> {
        let result = sqlx::query("delete from channels where tenant_id = $1 and channel_id = $2")
            .bind(tenant.as_str())
            .bind(id.as_str())
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected() == 1)
    }
}

impl TryFrom<ChannelRow> for ChannelRecord {
    type Error = DbError;

    fn try_from(row: ChannelRow) -> Result<Self, DbError> {
        let inconsistent = |what: String| DbError::Inconsistent {
            table: "channels",
            id: Uuid::nil(),
            what: format!("{:?}: {what}", row.channel_id),
        };
        let provider = match row.provider.as_str() {
            "line" => Provider::Line,
            "slack" => Provider::Slack,
            "url" => Provider::Url,
            other => return Err(inconsistent(format!("provider {other:?}"))),
        };
        let retention = match (row.retention.as_str(), row.ephemeral_ttl_seconds) {
            ("durable", None) => Retention::Durable,
            ("ephemeral", Some(seconds)) => Retention::Ephemeral {
                ttl: Duration::from_secs(seconds.unsigned_abs()),
            },
            (other, ttl) => return Err(inconsistent(format!("retention {other:?}, ttl {ttl:?}"))),
        };
        let link_mode = match row.link_mode.as_deref() {
            None => None,
            Some("presigned") => Some(LinkMode::Presigned),
            Some("proxy") => Some(LinkMode::Proxy),
            Some(other) => return Err(inconsistent(format!("link mode {other:?}"))),
        };
        Ok(Self {
            id: row
                .channel_id
                .parse()
                .map_err(|_| inconsistent("channel id".to_owned()))?,
            policy: ChannelPolicy {
                provider,
                retention,
                link_mode,
                limits: row.limits.0.into(),
            },
            sealed_credential: row.credential,
            credential_since: row.credential_since,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl From<&LimitOverrides> for LimitsJson {
    fn from(limits: &LimitOverrides) -> Self {
        Self {
            image_max_bytes: limits.image_max_bytes,
            document_max_bytes: limits.document_max_bytes,
            audio_max_bytes: limits.audio_max_bytes,
            video_max_bytes: limits.video_max_bytes,
            max_files_per_message: limits.max_files_per_message,
            extra_content_types: limits
                .opted_in
                .iter()
                .map(|media_type| media_type.mime().to_owned())
                .collect(),
        }
    }
}

impl From<LimitsJson> for LimitOverrides {
    fn from(json: LimitsJson) -> Self {
        Self {
            image_max_bytes: json.image_max_bytes,
            document_max_bytes: json.document_max_bytes,
            audio_max_bytes: json.audio_max_bytes,
            video_max_bytes: json.video_max_bytes,
            max_files_per_message: json.max_files_per_message.map(|n| n.min(to_u15())),
            opted_in: json
                .extra_content_types
                .iter()
                .filter_map(|mime| MediaType::from_mime(mime))
                .collect(),
        }
    }
}

/// The largest count a `smallint` column takes.
fn to_u15() -> u16 {
    to_smallint(u16::MAX).unsigned_abs()
}

const fn link_mode_column(mode: LinkMode) -> &'static str {
    match mode {
        LinkMode::Presigned => "presigned",
        LinkMode::Proxy => "proxy",
    }
}
