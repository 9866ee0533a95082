//! Counting what a tenant has.

use super::row::visible_status;
use super::{Db, DbError};
use crate::attachment::status_name::{StatusName, UnknownStatus};
use crate::attachment::usage::StatusUsage;
use crate::ids::TenantId;

const USAGE: &str = concat!(
    "select ",
    visible_status!(),
    " as status, count(*), coalesce(sum(b.bytes), 0)::bigint
    from attachments a
    left join work w on w.tenant_id = a.tenant_id and w.attachment_id = a.id
        and w.kind = 'ingest'
    left join lateral (select sum(size_bytes) as bytes from objects o
        where o.tenant_id = a.tenant_id and o.attachment_id = a.id) b on a.status = 'stored'
    where a.tenant_id = $1 group by 1 order by 1"
);

impl Db {
    /// Counts and bytes by status, those of all renditions.
    pub async fn usage(&self, tenant: &TenantId) -> Result<Vec<StatusUsage>, DbError> {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(USAGE)
            .bind(tenant.as_str())
            .fetch_all(&self.pool)
            .await?;
        let usage = rows.into_iter().map(|(status, count, bytes)| {
            Ok(StatusUsage {
                status: status.parse::<StatusName>()?,
                count: count.unsigned_abs(),
                size_bytes: bytes.unsigned_abs(),
            })
        });
        usage
            .collect::<Result<_, UnknownStatus>>()
            .map_err(|unknown| DbError::inconsistent("attachments", tenant, unknown.to_string()))
    }
}
