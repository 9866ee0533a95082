//! Pages of attachments, newest first.

use super::row::{AttachmentRow, attachment_columns, visible_status};
use super::{Db, DbError};
use crate::attachment::Attachment;
use crate::attachment::listing::ListFilter;
use crate::ids::{AttachmentId, ConversationId, CorrelationId, MessageId, TenantId};
use sqlx::{Postgres, QueryBuilder};

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
                .push(visible_status!())
                .push(" = any(")
                .push_bind(status_names(filter))
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

/// The statuses that a filter lets through, as SQL spells them; empty means all.
pub(super) fn status_names(filter: &ListFilter) -> Vec<&'static str> {
    filter
        .statuses
        .iter()
        .map(|status| status.as_str())
        .collect()
}
