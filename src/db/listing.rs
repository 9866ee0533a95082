//! Pages of attachments, newest first.

use super::attachments::readable;
use super::row::{attachment_columns, visible_status};
use super::{Db, DbError};
use crate::attachment::listing::{ListFilter, Page};
use crate::attachment::status_name::StatusName;
use crate::ids::{AttachmentId, ConversationId, CorrelationId, MessageId, TenantId};
use sqlx::{Postgres, QueryBuilder, Row as _};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The recorded status of what is still worked on.
const OPEN: &str = "open";

impl Db {
    /// At most `size` attachments that match, newest first, of those older
    /// than `before`. One that cannot be read is left out, so that it hides
    /// none of the others; the log says what is wrong with it.
    pub async fn list(
        &self,
        tenant: &TenantId,
        filter: &ListFilter,
        before: Option<AttachmentId>,
        size: u16,
    ) -> Result<Page, DbError> {
        let asked = Asked {
            tenant,
            filter,
            before,
            // One more tells whether there is another page.
            rows: i64::from(size) + 1,
        };
        let mut query = QueryBuilder::new("select * from (");
        for (nth, recorded) in parts(filter).into_iter().enumerate() {
            query.push(if nth == 0 { "(" } else { ") union all (" });
            asked.push_part(&mut query, recorded);
        }
        query
            .push(")) page order by id desc limit ")
            .push_bind(asked.rows);
        let mut rows = query.build().fetch_all(&self.pool).await?;
        let is_last = rows.len() <= usize::from(size);
        rows.truncate(size.into());
        let last = match rows.last() {
            Some(row) if !is_last => Some(row.try_get::<Uuid, _>("id")?.into()),
            _ => None,
        };
        Ok(Page {
            attachments: rows.iter().flat_map(readable).collect(),
            last,
        })
    }
}

/// The recorded statuses to be read one by one, each along its own index, so
/// that the few which failed are found in a long history; `None` reads all of
/// them at once. A message or a conversation is short enough to be looked
/// through.
fn parts(filter: &ListFilter) -> Vec<Option<&'static str>> {
    let is_narrow = filter.message_id.is_some()
        || filter.conversation_id.is_some()
        || filter.correlation_id.is_some();
    if is_narrow || filter.statuses.is_empty() {
        return vec![None];
    }
    let recorded: BTreeSet<&str> = filter
        .statuses
        .iter()
        .flat_map(|status| recorded(*status))
        .collect();
    recorded.into_iter().map(Some).collect()
}

/// How `attachments.status` has it.
fn recorded(status: StatusName) -> Vec<&'static str> {
    match status {
        StatusName::Pending | StatusName::Downloading => vec![OPEN],
        // While it is retried it is open.
        StatusName::Failed => vec![OPEN, status.as_str()],
        StatusName::Stored
        | StatusName::Rejected
        | StatusName::Unsupported
        | StatusName::Deleted => vec![status.as_str()],
    }
}

/// What is asked for.
struct Asked<'a> {
    tenant: &'a TenantId,
    filter: &'a ListFilter,
    before: Option<AttachmentId>,
    rows: i64,
}

impl Asked<'_> {
    /// The newest of one part, as many as are wanted of all.
    fn push_part(&self, query: &mut QueryBuilder<Postgres>, recorded: Option<&'static str>) {
        let Self {
            tenant,
            filter,
            before,
            rows,
        } = self;
        query
            .push(concat!(
                "select ",
                attachment_columns!(),
                " from attachments a left join work w on w.attachment_id = a.id \
                  and w.tenant_id = a.tenant_id where a.tenant_id = "
            ))
            .push_bind(tenant.as_str());
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
        if let Some(recorded) = recorded {
            // Spelt out: a bound one would not prove that the partial index does.
            query.push(" and a.status = '").push(recorded).push("'");
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
        query.push(" order by a.id desc limit ").push_bind(*rows);
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
