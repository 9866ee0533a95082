//! What a worker writes under its fence: that it still works, and how it ended.

use super::facts_json::FactsJson;
use super::rendition_json::RenditionJson;
use super::{Db, DbError, to_bigint, to_seconds, to_smallint};
use crate::attachment::extracted::EXTRACTOR_VERSION;
use crate::attachment::file_name::FileName;
use crate::attachment::journal::Ended;
use crate::attachment::media::MediaType;
use crate::attachment::processing::ProcessingError;
use crate::attachment::status::Outcome;
use crate::attachment::status_name::StatusName;
use crate::attachment::storage_key::StorageKey;
use crate::attachment::work::WorkKind;
use crate::ids::{AttachmentId, TenantId};
use sqlx::types::Json;
use std::sync::Arc;
use std::time::Duration;

const RENEW: &str = "
update work set due_at = now() + make_interval(secs => $5), ready = false
where tenant_id = $1 and attachment_id = $2 and kind = $3 and fence = $4
  and leased_by is not null";

/// In files of their own, to be read whole. Apart from each other: each changes
/// `work` once.
const SETTLE_OVER: &str = concat!(include_str!("settle.sql"), include_str!("settle_over.sql"));
const SETTLE_RETRY: &str = concat!(include_str!("settle.sql"), include_str!("settle_retry.sql"));

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

    /// Writes the ends of attempts that were the last ones, all of them or none;
    /// for each, false when its fence no longer holds, and then nothing is changed
    /// of it.
    pub async fn settle_over(&self, ended: &[Arc<Ended>]) -> Result<Vec<bool>, DbError> {
        self.settle(SETTLE_OVER, ended).await
    }

    /// The same for attempts that are made again.
    pub async fn settle_retries(&self, ended: &[Arc<Ended>]) -> Result<Vec<bool>, DbError> {
        self.settle(SETTLE_RETRY, ended).await
    }

    async fn settle(
        &self,
        statement: &'static str,
        ended: &[Arc<Ended>],
    ) -> Result<Vec<bool>, DbError> {
        macro_rules! column {
            (|$ended:ident| $of:expr) => {
                ended.iter().map(|$ended| $of).collect::<Vec<_>>()
            };
        }
        macro_rules! outcome {
            ($($pattern:pat => $value:expr),+ $(,)?) => {
                ended
                    .iter()
                    .map(|ended| match &ended.settlement.outcome {
                        $($pattern => Some($value),)+
                        _ => None,
                    })
                    .collect::<Vec<_>>()
            };
        }
        let places: Vec<i64> = sqlx::query_scalar(statement)
            .bind(column!(|e| e.settlement.attachment.tenant.as_str()))
            .bind(column!(|e| e.settlement.attachment.id.as_uuid()))
            .bind(column!(|e| e.settlement.work.as_str()))
            .bind(column!(|e| e.settlement.fence))
            .bind(column!(|e| match &e.settlement.outcome {
                Outcome::Stored(_) => "stored",
                Outcome::Ended(_) => "ended",
                Outcome::Processed { .. } => "processed",
                Outcome::RetryAfter { .. } => "retry",
            }))
            .bind(column!(|e| e.log.detail.as_str()))
            .bind(column!(|e| e.log.provider_request_id.as_deref()))
            .bind(column!(|e| e.log.provider_status.map(to_smallint)))
            .bind(column!(|e| to_bigint(e.log.received_bytes)))
            .bind(column!(|e| to_milliseconds(e.log.fetch)))
            .bind(column!(|e| to_milliseconds(e.log.store)))
            .bind(column!(|e| e.log.credential_seen))
            .bind(column!(|e| e.log.measured.bytes.map(to_bigint)))
            .bind(column!(|e| e.log.measured.limit_bytes.map(to_bigint)))
            .bind(column!(|e| e.log.measured.declared_type.as_deref()))
            .bind(column!(|e| e
                .log
                .measured
                .detected_type
                .map(MediaType::mime)))
            .bind(column!(|e| e
                .settlement
                .unused_key
                .as_ref()
                .map(StorageKey::as_str)))
            .bind(outcome!(Outcome::Stored(stored) => stored.object.key.as_str()))
            .bind(outcome!(Outcome::Stored(stored) => stored.object.media_type.mime()))
            .bind(outcome!(Outcome::Stored(stored) => to_bigint(stored.object.size_bytes)))
            .bind(outcome!(Outcome::Stored(stored) => stored.object.sha256.0.as_slice()))
            .bind(outcome!(Outcome::Stored(stored) => stored.object.media_type.kind().as_str()))
            .bind(column!(|e| match &e.settlement.outcome {
                Outcome::Stored(stored) => FactsJson::of(&stored.facts).map(Json),
                _ => None,
            }))
            .bind(outcome! {
                Outcome::Stored(stored) => stored.makes_content,
            })
            .bind(outcome! {
                Outcome::Ended(reason) | Outcome::RetryAfter { reason, .. } => reason.as_str(),
            })
            .bind(outcome! {
                Outcome::Stored(_) => StatusName::Stored.as_str(),
                Outcome::Ended(reason) => StatusName::ended(*reason).as_str(),
            })
            .bind(outcome!(Outcome::Processed { processed, .. } => processed.as_str()))
            .bind(column!(|e| match &e.settlement.outcome {
                Outcome::Processed { processed, .. } =>
                    processed.error().map(ProcessingError::as_str),
                _ => None,
            }))
            .bind(outcome! {
                Outcome::Processed { made, .. } => Json(made.iter().map(RenditionJson::from)
                    .collect::<Vec<_>>()),
            })
            .bind(outcome! {
                Outcome::Processed { .. } => to_smallint(EXTRACTOR_VERSION),
            })
            .bind(outcome!(Outcome::RetryAfter { wait, .. } => to_seconds(*wait)))
            .bind(column!(|e| match &e.settlement.outcome {
                Outcome::RetryAfter { counted, .. } => *counted,
                Outcome::Stored(_) | Outcome::Ended(_) | Outcome::Processed { .. } => true,
            }))
            .bind(column!(|e| match &e.settlement.outcome {
                Outcome::Stored(stored) => stored.file_name.as_ref().map(FileName::as_str),
                _ => None,
            }))
            .fetch_all(&self.pool)
            .await?;
        let mut held = vec![false; ended.len()];
        for place in places {
            let place = usize::try_from(place - 1).unwrap_or(usize::MAX);
            if let Some(held) = held.get_mut(place) {
                *held = true;
            }
        }
        Ok(held)
    }
}

fn to_milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
