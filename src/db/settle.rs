//! What a worker writes under its fence: that it still works, and how it ended.

use super::{Db, DbError, to_bigint, to_seconds};
use crate::attachment::journal::AttemptLog;
use crate::attachment::status::{Outcome, Settlement};
use crate::attachment::status_name::StatusName;
use crate::ids::AttachmentId;
use std::time::Duration;

const RENEW: &str = "
update work set due_at = now() + make_interval(secs => $3)
where attachment_id = $1 and fence = $2 and leased_by is not null";

/// What each settlement writes to the journal, from `mine`.
macro_rules! journal_entry {
    ($reason:literal) => {
        concat!(
            "entry as (
                insert into attempts (attachment_id, fence, tenant_id, started_at, failure_reason,
                    worker, detail, provider_request_id, provider_status, received_bytes,
                    fetch_ms, store_ms, credential_seen)
                select attachment_id, fence, tenant_id, started_at, ",
            $reason,
            ", leased_by, $4, $5, $6, $7, $8, $9, $10
                from mine
                on conflict do nothing
            )"
        )
    };
}

/// The announcement goes only with a record that holds the object.
const SETTLE_STORED: &str = concat!(
    "with mine as (
        delete from work
        where attachment_id = $2 and tenant_id = $1 and fence = $3 and leased_by is not null
        returning *
    ), ",
    journal_entry!("null"),
    ", stored as (
        update attachments a
        set status = 'stored', failure_reason = null, attempt_count = mine.attempt_count,
            storage_key = $11, content_type = $12, size_bytes = $13, checksum_sha256 = $14,
            stored_at = now(), updated_at = now()
        from mine
        where a.tenant_id = mine.tenant_id and a.id = mine.attachment_id and a.status = 'open'
        returning a.id
    ), kept as (
        delete from removals r using stored where r.storage_key = $11
    )
    select id from stored"
);

const SETTLE_ENDED: &str = concat!(
    "with mine as (
        delete from work
        where attachment_id = $2 and tenant_id = $1 and fence = $3 and leased_by is not null
        returning *
    ), ",
    journal_entry!("$11"),
    " update attachments a
    set status = $12, failure_reason = $11, attempt_count = mine.attempt_count, updated_at = now(),
        file_name = case when $12 = 'deleted' then '' else a.file_name end
    from mine
    where a.tenant_id = mine.tenant_id and a.id = mine.attachment_id and a.status = 'open'"
);

/// Whatever puts a file off unspent stops the clock of a provider that still
/// prepares it, and does not set it back: nothing may wait for ever.
const SETTLE_RETRY: &str = concat!(
    "with mine as (
        select * from work
        where attachment_id = $2 and tenant_id = $1 and fence = $3 and leased_by is not null
        for update
    ), ",
    journal_entry!("$11"),
    " update work w
    set leased_by = null, started_at = null, failure_reason = $11, updated_at = now(),
        due_at = now() + make_interval(secs => $12),
        attempt_count = w.attempt_count - (case when $13 then 0 else 1 end),
        waiting_since = case when $11 = 'SOURCE_NOT_READY' then coalesce(w.waiting_since, now())
            when not $13 then w.waiting_since + make_interval(secs => $12) end
    from mine where w.attachment_id = mine.attachment_id"
);

impl Db {
    /// Renews the lease; false when it is lost.
    pub async fn renew(
        &self,
        id: AttachmentId,
        fence: i64,
        length: Duration,
    ) -> Result<bool, DbError> {
        let result = sqlx::query(RENEW)
            .bind(id.as_uuid())
            .bind(fence)
            .bind(to_seconds(length))
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Writes how an attempt ended; false when its fence no longer holds, and
    /// then nothing is changed.
    pub async fn settle(
        &self,
        settlement: &Settlement,
        trace: &AttemptLog,
    ) -> Result<bool, DbError> {
        let statement = match &settlement.outcome {
            Outcome::Stored(_) => SETTLE_STORED,
            Outcome::Ended(_) => SETTLE_ENDED,
            Outcome::RetryAfter { .. } => SETTLE_RETRY,
        };
        let query = sqlx::query(statement)
            .bind(settlement.attachment.tenant.as_str())
            .bind(settlement.attachment.id.as_uuid())
            .bind(settlement.fence)
            .bind(&trace.detail)
            .bind(&trace.provider_request_id)
            .bind(trace.provider_status.map(super::to_smallint))
            .bind(to_bigint(trace.received_bytes))
            .bind(to_milliseconds(trace.fetch))
            .bind(to_milliseconds(trace.store))
            .bind(trace.credential_seen);
        let query = match &settlement.outcome {
            Outcome::Stored(object) => query
                .bind(object.key.as_str())
                .bind(object.media_type.mime())
                .bind(to_bigint(object.size_bytes))
                .bind(object.sha256.0),
            Outcome::Ended(reason) => query
                .bind(reason.as_str())
                .bind(StatusName::ended(*reason).as_str()),
            Outcome::RetryAfter {
                reason,
                wait,
                spent,
            } => query
                .bind(reason.as_str())
                .bind(to_seconds(*wait))
                .bind(*spent),
        };
        Ok(query.execute(&self.pool).await?.rows_affected() == 1)
    }
}

fn to_milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
