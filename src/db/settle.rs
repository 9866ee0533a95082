//! What a worker writes under its fence: that it still works, and how it ended.

use super::{Db, DbError, to_bigint, to_seconds};
use crate::attachment::journal::AttemptLog;
use crate::attachment::media::MediaType;
use crate::attachment::processing::ProcessingError;
use crate::attachment::status::{Outcome, Settlement};
use crate::attachment::status_name::StatusName;
use crate::attachment::work::WorkKind;
use crate::ids::{AttachmentId, TenantId};
use std::time::Duration;

const RENEW: &str = "
update work set due_at = now() + make_interval(secs => $5)
where tenant_id = $1 and attachment_id = $2 and kind = $3 and fence = $4
  and leased_by is not null";

/// What each settlement writes to the journal, from `mine`.
macro_rules! journal_entry {
    ($counted:literal, $reason:literal) => {
        concat!(
            "entry as (
                insert into attempts (tenant_id, attachment_id, kind, fence, started_at, counted,
                    failure_reason, worker, detail, provider_request_id, provider_status,
                    received_bytes, fetch_ms, store_ms, credential_seen, measured_bytes,
                    limit_bytes, declared_content_type, detected_content_type)
                select tenant_id, attachment_id, kind, fence, started_at, ",
            $counted,
            ", ",
            $reason,
            ", leased_by, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
                from mine
                on conflict do nothing
            )"
        )
    };
}

/// The work that ends, under its fence.
macro_rules! mine {
    () => {
        "with mine as (
            delete from work
            where tenant_id = $1 and attachment_id = $2 and kind = $3 and fence = $4
              and leased_by is not null
            returning *
        ), "
    };
}

/// The announcement goes only with a record that holds the object.
const SETTLE_STORED: &str = concat!(
    mine!(),
    journal_entry!("true", "null"),
    ", stored as (
        update attachments a
        set status = 'stored', failure_reason = null, attempt_count = mine.attempt_count,
            kind = $20, stored_at = now(), updated_at = now()
        from mine
        where a.tenant_id = mine.tenant_id and a.id = mine.attachment_id and a.status = 'open'
        returning a.tenant_id, a.id
    ), object as (
        insert into objects (tenant_id, attachment_id, rendition, storage_key, content_type,
            size_bytes, checksum_sha256)
        select tenant_id, id, 'original', $16, $17, $18, $19 from stored
    ), kept as (
        delete from removals r using stored
        where r.tenant_id = stored.tenant_id and r.storage_key = $16
    )
    select id from stored"
);

const SETTLE_ENDED: &str = concat!(
    mine!(),
    journal_entry!("true", "$16"),
    " update attachments a
    set status = $17, failure_reason = $16, attempt_count = mine.attempt_count, updated_at = now(),
        file_name = case when $17 = 'deleted' then '' else a.file_name end,
        source = case when $17 = 'deleted' then null else a.source end,
        sender_id = case when $17 = 'deleted' then null else a.sender_id end
    from mine
    where a.tenant_id = mine.tenant_id and a.id = mine.attachment_id and a.status = 'open'"
);

const SETTLE_PROCESSED: &str = concat!(
    mine!(),
    journal_entry!("true", "null"),
    " update attachments a
    set processing_status = $16, processing_error = $17, updated_at = now()
    from mine
    where a.tenant_id = mine.tenant_id and a.id = mine.attachment_id
      and a.processing_status = 'open'"
);

/// An attempt that is put off without being counted stops the clock of a provider
/// that still prepares the file, and does not set it back: no file may wait for
/// ever.
const SETTLE_RETRY: &str = concat!(
    "with mine as (
        select * from work
        where tenant_id = $1 and attachment_id = $2 and kind = $3 and fence = $4
          and leased_by is not null
        for update
    ), ",
    journal_entry!("$18", "$16"),
    " update work w
    set leased_by = null, started_at = null, failure_reason = $16, updated_at = now(),
        due_at = now() + make_interval(secs => $17),
        attempt_count = w.attempt_count - (case when $18 then 0 else 1 end),
        waiting_since = case when $16 = 'SOURCE_NOT_READY' then coalesce(w.waiting_since, now())
            when not $18 then w.waiting_since + make_interval(secs => $17) end
    from mine where w.tenant_id = mine.tenant_id and w.attachment_id = mine.attachment_id
      and w.kind = mine.kind"
);

impl Db {
    /// Renews the lease; false when it is lost.
    pub async fn renew(
        &self,
        tenant: &TenantId,
        id: AttachmentId,
        work: WorkKind,
        fence: i64,
        length: Duration,
    ) -> Result<bool, DbError> {
        let result = sqlx::query(RENEW)
            .bind(tenant.as_str())
            .bind(id.as_uuid())
            .bind(work.as_str())
            .bind(fence)
            .bind(to_seconds(length))
            .execute(&self.pool)
            .await?;
        Ok(result.rows_affected() == 1)
    }

    /// Writes how an attempt ended; false when its fence no longer holds, and
    /// then nothing is changed.
    pub async fn settle(&self, settlement: &Settlement, log: &AttemptLog) -> Result<bool, DbError> {
        let statement = match &settlement.outcome {
            Outcome::Stored(_) => SETTLE_STORED,
            Outcome::Ended(_) => SETTLE_ENDED,
            Outcome::Processed(_) => SETTLE_PROCESSED,
            Outcome::RetryAfter { .. } => SETTLE_RETRY,
        };
        let query = sqlx::query(statement)
            .bind(settlement.attachment.tenant.as_str())
            .bind(settlement.attachment.id.as_uuid())
            .bind(settlement.work.as_str())
            .bind(settlement.fence)
            .bind(&log.detail)
            .bind(&log.provider_request_id)
            .bind(log.provider_status.map(super::to_smallint))
            .bind(to_bigint(log.received_bytes))
            .bind(to_milliseconds(log.fetch))
            .bind(to_milliseconds(log.store))
            .bind(log.credential_seen)
            .bind(log.measured.bytes.map(to_bigint))
            .bind(log.measured.limit_bytes.map(to_bigint))
            .bind(&log.measured.declared_type)
            .bind(log.measured.detected_type.map(MediaType::mime));
        let query = match &settlement.outcome {
            Outcome::Stored(object) => query
                .bind(object.key.as_str())
                .bind(object.media_type.mime())
                .bind(to_bigint(object.size_bytes))
                .bind(object.sha256.0)
                .bind(object.media_type.kind().as_str()),
            Outcome::Ended(reason) => query
                .bind(reason.as_str())
                .bind(StatusName::ended(*reason).as_str()),
            Outcome::Processed(processed) => query
                .bind(processed.as_str())
                .bind(processed.error().map(ProcessingError::as_str)),
            Outcome::RetryAfter {
                reason,
                wait,
                counted,
            } => query
                .bind(reason.as_str())
                .bind(to_seconds(*wait))
                .bind(*counted),
        };
        Ok(query.execute(&self.pool).await?.rows_affected() == 1)
    }
}

fn to_milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
