//! What a tenant has, as the triggers have counted it.
//!
//! Whatever changes a status or an object notes by how much in `usage_deltas`;
//! the sweeper adds these to `usage`. A question reads the few rows of both.

use super::{Db, DbError};
use crate::attachment::status_name::{StatusName, UnknownStatus};
use crate::attachment::usage::StatusUsage;
use crate::ids::TenantId;
use std::collections::BTreeMap;

/// The name under which rows stand whose status is read from the queue.
const OPEN: &str = "open";

/// What was counted, and of what is open how many run and, of up to 10,000
/// that wait, how many do so for another attempt.
const USAGE: &str = "
select counted.status, counted.files, counted.size_bytes,
    (select count(*) from work where leased_by is not null and kind = 'ingest' and tenant_id = $1),
    (select count(*) filter (where failure_reason is not null) from (
        select failure_reason from work
        where tenant_id = $1 and kind = 'ingest' and leased_by is null limit 10000) as waiting)
from (
    select status, sum(files)::bigint as files, sum(size_bytes)::bigint as size_bytes from (
        select status, files, size_bytes from usage where tenant_id = $1
        union all
        select status, files, size_bytes from usage_deltas where tenant_id = $1) as noted
    group by status) as counted";

/// Which tenant's comes first is all one: a whole batch is followed by another.
const FOLD: &str = "
with noted as (
    delete from usage_deltas d using (
        select tenant_id, id from usage_deltas
        order by tenant_id, id limit $1 for update skip locked) as picked
    where d.tenant_id = picked.tenant_id and d.id = picked.id
    returning d.tenant_id, d.status, d.files, d.size_bytes
), added as (
    insert into usage as u (tenant_id, status, files, size_bytes)
    select tenant_id, status, sum(files), sum(size_bytes) from noted
    group by tenant_id, status order by tenant_id, status
    on conflict (tenant_id, status) do update
    set files = u.files + excluded.files, size_bytes = u.size_bytes + excluded.size_bytes
)
select count(*) from noted";

#[derive(Debug, sqlx::FromRow)]
struct CountedRow(String, i64, i64, i64, i64);

impl Db {
    /// Counts and bytes by status, those of all renditions.
    pub async fn usage(&self, tenant: &TenantId) -> Result<Vec<StatusUsage>, DbError> {
        let rows: Vec<CountedRow> = sqlx::query_as(USAGE)
            .bind(tenant.as_str())
            .fetch_all(&self.pool)
            .await?;
        by_status(rows)
            .map_err(|unknown| DbError::inconsistent("usage", tenant, unknown.to_string()))
    }

    /// Adds up to `count` noted changes to what they change; gives how many.
    pub async fn fold_usage(&self, count: u32) -> Result<u64, DbError> {
        let folded: i64 = sqlx::query_scalar(FOLD)
            .bind(i64::from(count))
            .fetch_one(&self.pool)
            .await?;
        Ok(folded.unsigned_abs())
    }
}

/// What is open neither runs nor waits for another attempt: it is pending.
fn by_status(rows: Vec<CountedRow>) -> Result<Vec<StatusUsage>, UnknownStatus> {
    let mut visible: BTreeMap<&'static str, StatusUsage> = BTreeMap::new();
    let mut add = |status: StatusName, count: i64, size_bytes: i64| {
        let usage = visible.entry(status.as_str()).or_insert(StatusUsage {
            status,
            count: 0,
            size_bytes: 0,
        });
        usage.count += count.max(0).unsigned_abs();
        usage.size_bytes += size_bytes.max(0).unsigned_abs();
    };
    for CountedRow(status, files, size_bytes, running, waiting) in rows {
        if status == OPEN {
            let running = running.min(files);
            let waiting = waiting.min(files - running);
            add(StatusName::Downloading, running, 0);
            add(StatusName::Failed, waiting, 0);
            add(StatusName::Pending, files - running - waiting, 0);
        } else {
            add(status.parse()?, files, size_bytes);
        }
    }
    Ok(visible
        .into_values()
        .filter(|usage| usage.count > 0 || usage.size_bytes > 0)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(status: &str, files: i64, bytes: i64) -> CountedRow {
        CountedRow(status.to_owned(), files, bytes, 2, 3)
    }

    fn told(rows: Vec<CountedRow>) -> Vec<(&'static str, u64, u64)> {
        by_status(rows)
            .unwrap()
            .into_iter()
            .map(|usage| (usage.status.as_str(), usage.count, usage.size_bytes))
            .collect()
    }

    #[test]
    fn what_is_open_is_told_as_a_reader_sees_it() {
        let rows = vec![counted("open", 9, 0), counted("failed", 1, 0)];
        let expected = [("downloading", 2, 0), ("failed", 4, 0), ("pending", 4, 0)];
        assert_eq!(told(rows), expected);
    }

    #[test]
    fn a_queue_that_knows_of_more_than_is_open_makes_nothing_up() {
        assert_eq!(told(vec![counted("open", 1, 0)]), [("downloading", 1, 0)]);
    }

    #[test]
    fn what_nothing_is_in_is_not_told() {
        let rows = vec![counted("stored", 0, 0), counted("deleted", 2, 0)];
        assert_eq!(told(rows), [("deleted", 2, 0)]);
    }

    #[test]
    fn a_status_that_nobody_knows_is_an_error() {
        assert!(by_status(vec![counted("elsewhere", 1, 0)]).is_err());
    }
}
