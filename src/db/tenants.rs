//! What a tenant decided for all its channels.

use super::limits_json::LimitsJson;
use super::{Db, DbError};
use crate::attachment::channel_policy::LimitOverrides;
use crate::attachment::language::Language;
use crate::attachment::tenant::{ScanMode, TenantPolicy};
use crate::ids::{ChannelId, TenantId};
use sqlx::types::Json;
use time::OffsetDateTime;

/// A tenant's record as it is kept.
#[derive(Debug, Clone)]
pub struct TenantRecord {
    /// What the tenant decided.
    pub policy: TenantPolicy,
    /// Grows with every change.
    pub revision: u64,
    /// When it first decided something.
    pub created_at: OffsetDateTime,
    /// When it last did.
    pub updated_at: OffsetDateTime,
}

const BY_ID: &str = "
select languages, scan_mode, limits, revision, created_at, updated_at from tenants
where tenant_id = $1";

/// Where the record is at revision `$5`; 0 is before there was any.
const PUT: &str = "
insert into tenants as t (tenant_id, languages, scan_mode, limits)
select $1, $2, $3, $4 where $5 = 0 or exists (select 1 from tenants where tenant_id = $1)
on conflict (tenant_id) do update
set languages = excluded.languages, scan_mode = excluded.scan_mode, limits = excluded.limits,
    revision = t.revision + 1, updated_at = now()
where t.revision = $5
returning languages, scan_mode, limits, revision, created_at, updated_at";

const LIMITS: &str = "
select (select limits from tenants where tenant_id = $1),
    (select limits from channels where tenant_id = $1 and channel_id = $2)";

#[derive(Debug, sqlx::FromRow)]
struct TenantRow {
    languages: Vec<String>,
    scan_mode: String,
    limits: Json<LimitsJson>,
    revision: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl Db {
    /// What the tenant decided; `None` where it decided nothing.
    pub async fn tenant(&self, tenant: &TenantId) -> Result<Option<TenantRecord>, DbError> {
        let row: Option<TenantRow> = sqlx::query_as(BY_ID)
            .bind(tenant.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| row.into_record(tenant)).transpose()
    }

    /// The limits of a channel, else of its tenant, that differ from the
    /// service's.
    pub async fn limits(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
    ) -> Result<LimitOverrides, DbError> {
        let (of_tenant, of_channel): (Option<Json<LimitsJson>>, Option<Json<LimitsJson>>) =
            sqlx::query_as(LIMITS)
                .bind(tenant.as_str())
                .bind(channel.as_str())
                .fetch_one(&self.pool)
                .await?;
        let overrides = |json: Option<Json<LimitsJson>>| {
            json.map(|json| LimitOverrides::from(json.0))
                .unwrap_or_default()
        };
        Ok(overrides(of_channel).or(overrides(of_tenant)))
    }

    /// Writes what a tenant decided, where it is at `revision`; `None` when
    /// somebody else changed it since. 0 is the revision of no decision.
    pub async fn put_tenant(
        &self,
        tenant: &TenantId,
        policy: &TenantPolicy,
        revision: u64,
    ) -> Result<Option<TenantRecord>, DbError> {
        let languages: Vec<&str> = policy.languages.iter().map(|l| l.tag()).collect();
        let row: Option<TenantRow> = sqlx::query_as(PUT)
            .bind(tenant.as_str())
            .bind(languages)
            .bind(policy.scan_mode.as_str())
            .bind(Json(LimitsJson::from(&policy.limits)))
            .bind(super::to_bigint(revision))
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| row.into_record(tenant)).transpose()
    }
}

impl TenantRow {
    fn into_record(self, tenant: &TenantId) -> Result<TenantRecord, DbError> {
        let wrong = |what: &str| DbError::inconsistent("tenants", tenant, what.to_owned());
        let languages: Result<Vec<Language>, _> =
            self.languages.iter().map(|name| name.parse()).collect();
        let scan_mode = [ScanMode::Off, ScanMode::Required]
            .into_iter()
            .find(|mode| mode.as_str() == self.scan_mode);
        Ok(TenantRecord {
            policy: TenantPolicy {
                languages: languages.map_err(|_| wrong("language"))?,
                scan_mode: scan_mode.ok_or_else(|| wrong("scan mode"))?,
                limits: self.limits.0.into(),
            },
            revision: self.revision.unsigned_abs(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}
