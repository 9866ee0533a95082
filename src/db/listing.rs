//! Pages of attachments, newest first.

use super::row::{AttachmentRow, attachment_columns};
use super::{Db, DbError};
use crate::attachment::Attachment;
use crate::ids::{AttachmentId, ConversationId, CorrelationId, MessageId, TenantId};
use sqlx::{Postgres, QueryBuilder};

/// Which attachments to list; what is set must all match.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListFilter {
    /// Only those of this message.
    pub message_id: Option<MessageId>,
    /// Only those of this conversation.
    pub conversation_id: Option<ConversationId>,
    /// Only those of this correlation id.
    pub correlation_id: Option<CorrelationId>,
    /// Only those in one of these; empty means all.
    pub statuses: Vec<StatusFilter>,
}

/// A status to list by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// Work is still to be done on it.
    Open(OpenState),
    /// It is stored.
    Stored,
    /// It failed, for now or for good.
    Failed,
    /// It broke a rule.
    Rejected,
    /// Not a kind of file we take.
    Unsupported,
    /// It is gone.
    Deleted,
}

/// How far the work on an open attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenState {
    /// Not begun.
    Pending,
    /// An attempt is running.
    Downloading,
}

/// The status as a reader sees it, as an expression over `a` and `w`.
const VISIBLE_STATUS: &str = "(case when a.status <> 'open' then a.status \
    when w.leased_by is not null then 'downloading' \
    when w.failure_reason is not null then 'failed' else 'pending' end)";

impl Db {
    /// At most `limit` attachments that match, newest first, of those older
    /// than `before`.
    pub async fn list(
        &self,
        tenant: &TenantId,
        filter: &ListFilter,
        before: Option<AttachmentId>,
        limit: u16,
    ) -> Result<Vec<Attachment>, DbError> {
        let mut query: QueryBuilder<Postgres> = QueryBuilder::new(concat!(
            "select ",
            attachment_columns!(),
            " from attachments a left join work w on w.attachment_id = a.id \
              and w.tenant_id = a.tenant_id where a.tenant_id = "
        ));
        query.push_bind(tenant.as_str());
        for (column, value) in [
            (
                "message_id",
                filter.message_id.as_ref().map(MessageId::as_str),
            ),
            (
                "conversation_id",
                filter.conversation_id.as_ref().map(ConversationId::as_str),
            ),
            (
                "correlation_id",
                filter.correlation_id.as_ref().map(CorrelationId::as_str),
            ),
        ] {
            if let Some(value) = value {
                query
                    .push(" and a.")
                    .push(column)
                    .push(" = ")
                    .push_bind(value);
            }
        }
        if !filter.statuses.is_empty() {
            query
                .push(" and ")
                .push(VISIBLE_STATUS)
                .push(" = any(")
                .push_bind(filter.status_names())
                .push(")");
        }
        if let Some(before) = before {
            query.push(" and a.id < ").push_bind(before.as_uuid());
        }
        query
            .push(" order by a.id desc limit ")
            .push_bind(i64::from(limit));
        let rows: Vec<AttachmentRow> = query.build_query_as().fetch_all(&self.pool).await?;
        rows.into_iter().map(Attachment::try_from).collect()
    }
}

impl ListFilter {
    /// The statuses as SQL spells them; empty means all.
    pub(super) fn status_names(&self) -> Vec<&'static str> {
        self.statuses.iter().map(|status| status.name()).collect()
    }
}

impl StatusFilter {
    const fn name(self) -> &'static str {
        match self {
            Self::Open(OpenState::Pending) => "pending",
            Self::Open(OpenState::Downloading) => "downloading",
            Self::Stored => "stored",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Unsupported => "unsupported",
            Self::Deleted => "deleted",
        }
    }
}
