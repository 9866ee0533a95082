//! Channels: what their owner decided, and the sealed credential.

use super::limits_json::LimitsJson;
use super::{Db, DbError, to_bigint};
use crate::attachment::channel_policy::{ChannelPolicy, LinkMode, Provider, Retention};
use crate::ids::{ChannelId, TenantId};
use sqlx::types::Json;
use std::time::Duration;
use time::OffsetDateTime;

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
    /// Grows with every change by its owner; 1 when it is first put.
    pub revision: u64,
    /// When it was first put.
    pub created_at: OffsetDateTime,
    /// When it was last put.
    pub updated_at: OffsetDateTime,
}

/// Named one by one: a prepared `*` breaks when a migration adds a column.
macro_rules! channel_columns {
    () => {
        "channel_id, provider, credential, credential_since, retention, ephemeral_ttl_seconds, link_mode, limits, \
         revision, created_at, updated_at"
    };
}

/// Where the channel is at revision `$8`; 0 is one that nobody has put. A
/// credential stays with its provider: no other may see it.
const PUT: &str = concat!(
    "
insert into channels as c (tenant_id, channel_id, provider, retention, ephemeral_ttl_seconds,
    link_mode, limits)
select $1, $2, $3, $4, $5, $6, $7
where $8 = 0 or exists (select 1 from channels where tenant_id = $1 and channel_id = $2)
on conflict (tenant_id, channel_id) do update
set provider = excluded.provider,
    credential = case when c.provider = excluded.provider then c.credential end,
    credential_since = case when c.provider = excluded.provider then c.credential_since end,
    retention = excluded.retention, ephemeral_ttl_seconds = excluded.ephemeral_ttl_seconds,
    link_mode = excluded.link_mode, limits = excluded.limits, revision = c.revision + 1,
    updated_at = now()
where c.revision = $8
returning ",
    channel_columns!()
);

/// Sets a credential only while the channel is of the provider that it was
/// sealed for.
const SET_CREDENTIAL: &str = concat!(
    "
update channels
set credential = $4, credential_since = now(), revision = revision + 1, updated_at = now()
where tenant_id = $1 and channel_id = $2 and provider = $3
returning ",
    channel_columns!()
);

const CLEAR_CREDENTIAL: &str = concat!(
    "
update channels
set credential = null, credential_since = null,
    revision = revision + (credential is not null)::int, updated_at = now()
where tenant_id = $1 and channel_id = $2
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
    revision: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl Db {
    /// Creates a channel, or replaces what its owner decided of it, where it is
    /// at `revision`; `None` when somebody else changed it since. 0 is the
    /// revision of a channel that nobody has put.
    pub async fn put_channel(
        &self,
        tenant: &TenantId,
        id: &ChannelId,
        policy: &ChannelPolicy,
        revision: u64,
    ) -> Result<Option<ChannelRecord>, DbError> {
        let (retention, ttl) = match policy.retention {
            Retention::Durable => ("durable", None),
            Retention::Ephemeral { ttl } => ("ephemeral", Some(to_bigint(ttl.as_secs()))),
        };
        let row: Option<ChannelRow> = sqlx::query_as(PUT)
            .bind(tenant.as_str())
            .bind(id.as_str())
            .bind(policy.provider.as_str())
            .bind(retention)
            .bind(ttl)
            .bind(policy.link_mode.map(link_mode_column))
            .bind(Json(LimitsJson::from(&policy.limits)))
            .bind(to_bigint(revision))
            .fetch_optional(&self.pool)
            .await?;
        row.map(ChannelRecord::try_from).transpose()
    }

    /// Sets the sealed credential of a channel of this provider; `None` where
    /// there is none.
    pub async fn set_credential(
        &self,
        tenant: &TenantId,
        id: &ChannelId,
        provider: Provider,
        sealed: &[u8],
    ) -> Result<Option<ChannelRecord>, DbError> {
        let row: Option<ChannelRow> = sqlx::query_as(SET_CREDENTIAL)
            .bind(tenant.as_str())
            .bind(id.as_str())
            .bind(provider.as_str())
            .bind(sealed)
            .fetch_optional(&self.pool)
            .await?;
        row.map(ChannelRecord::try_from).transpose()
    }

    /// Removes the credential of a channel; `None` where there is no channel.
    pub async fn clear_credential(
        &self,
        tenant: &TenantId,
        id: &ChannelId,
    ) -> Result<Option<ChannelRecord>, DbError> {
        let row: Option<ChannelRow> = sqlx::query_as(CLEAR_CREDENTIAL)
            .bind(tenant.as_str())
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.map(ChannelRecord::try_from).transpose()
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
        let inconsistent = |what: String| DbError::inconsistent("channels", &row.channel_id, what);
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
            revision: row.revision.unsigned_abs(),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

const fn link_mode_column(mode: LinkMode) -> &'static str {
    match mode {
        LinkMode::Presigned => "presigned",
        LinkMode::Proxy => "proxy",
    }
}
