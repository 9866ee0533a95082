//! Pages of attachments, in the order of their registration.

use super::attachments::readable;
use super::row::{attachment_columns, attachment_tables, visible_reason, visible_status};
use super::{Db, DbError};
use crate::attachment::failure::FailureReason;
use crate::attachment::listing::{ListFilter, Order, Page, PageRequest};
use crate::attachment::status_name::StatusName;
use crate::ids::{ChannelId, ConversationId, CorrelationId, SenderId, TenantId};
use sqlx::{Postgres, QueryBuilder, Row as _};
use std::collections::BTreeSet;
use uuid::Uuid;

impl Db {
    /// The attachments that match, of one page. One that cannot be read is
    /// left out, so that it hides none of the others; the log says what is
    /// wrong with it.
    pub async fn list(
        &self,
        tenant: &TenantId,
        filter: &ListFilter,
        page: PageRequest,
    ) -> Result<Page, DbError> {
        // Before the page: whatever changes after it was read comes after this.
        let watch_from = self.event_head().await?;
        let asked = Asked {
            tenant,
            filter,
            page,
            // One more tells whether there is another page.
            rows: i64::from(page.size) + 1,
        };
        let mut query = QueryBuilder::new("select * from (");
        for (nth, part) in parts(filter).into_iter().enumerate() {
            query.push(if nth == 0 { "(" } else { ") union all (" });
            asked.push_part(&mut query, part);
        }
        query
            .push(")) page order by id ")
            .push(direction(page.order))
            .push(" limit ")
            .push_bind(asked.rows);
        let mut rows = query.build().fetch_all(&self.pool).await?;
        let is_last = rows.len() <= usize::from(page.size);
        rows.truncate(page.size.into());
        let last = match rows.last() {
            Some(row) if !is_last => Some(row.try_get::<Uuid, _>("id")?.into()),
            _ => None,
        };
        Ok(Page {
            attachments: rows.iter().flat_map(readable).collect(),
            last,
            watch_from,
        })
    }
}

/// A part of the tenant's attachments that is read along an index of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// All of them.
    All,
    /// Those that are recorded in this status.
    Recorded(&'static str),
    /// Those that are deleted by their age, and not yet by the sweeper.
    Expired,
}

/// The parts to be read one by one, each along its own index, so that the few
/// which failed are found in a long history. A message or a conversation is
/// short enough to be looked through.
fn parts(filter: &ListFilter) -> Vec<Part> {
    let is_narrow = !filter.message_ids.is_empty()
        || filter.conversation_id.is_some()
        || filter.correlation_id.is_some()
        || filter.sender_id.is_some();
    if is_narrow || filter.statuses.is_empty() {
        return vec![Part::All];
    }
    let parts: BTreeSet<Part> = filter
        .statuses
        .iter()
        .flat_map(|status| recorded(*status))
        .collect();
    parts.into_iter().collect()
}

/// How the tables have it.
fn recorded(status: StatusName) -> Vec<Part> {
    const OPEN: Part = Part::Recorded("open");
    match status {
        StatusName::Pending | StatusName::Downloading => vec![OPEN],
        // While it is retried it is open.
        StatusName::Failed => vec![OPEN, Part::Recorded(status.as_str())],
        StatusName::Deleted => vec![Part::Recorded(status.as_str()), Part::Expired],
        StatusName::Stored | StatusName::Rejected | StatusName::Unsupported => {
            vec![Part::Recorded(status.as_str())]
        }
    }
}

/// What is asked for.
struct Asked<'a> {
    tenant: &'a TenantId,
    filter: &'a ListFilter,
    page: PageRequest,
    rows: i64,
}

impl Asked<'_> {
    /// The first of one part, as many as are wanted of all.
    fn push_part(&self, query: &mut QueryBuilder<Postgres>, part: Part) {
        let Self {
            tenant,
            filter,
            page,
            rows,
        } = self;
        query
            .push(concat!(
                "select ",
                attachment_columns!(),
                " from ",
                attachment_tables!(),
                "where a.tenant_id = "
            ))
            .push_bind(tenant.as_str());
        push_names(query, filter);
        match part {
            Part::All => {}
            // Spelt out: a bound one would not prove that the partial index does.
            Part::Recorded(status) => {
                query.push(" and a.status = '").push(status).push("'");
                // What is deleted by its age is of the part `Expired` alone.
                if status != StatusName::Deleted.as_str() {
                    query.push(" and a.expires_at <= now() is not true");
                }
            }
            Part::Expired => {
                query.push(" and a.status <> 'deleted' and a.expires_at <= now()");
            }
        }
        if !filter.statuses.is_empty() {
            let statuses = status_names(filter);
            push_any(query, concat!(" and ", visible_status!()), statuses);
        }
        if !filter.reasons.is_empty() {
            let reasons = reason_names(&filter.reasons);
            push_any(query, concat!(" and ", visible_reason!()), reasons);
        }
        let (compared, order) = match page.order {
            Order::NewestFirst => (" and a.id < ", "desc"),
            Order::OldestFirst => (" and a.id > ", "asc"),
        };
        if let Some(after) = page.after {
            query.push(compared).push_bind(after.as_uuid());
        }
        query
            .push(" order by a.id ")
            .push(order)
            .push(" limit ")
            .push_bind(*rows);
    }
}

/// What the record itself must say.
fn push_names(query: &mut QueryBuilder<Postgres>, filter: &ListFilter) {
    for (column, value) in [
        (
            "conversation_id",
            filter.conversation_id.as_ref().map(ConversationId::as_str),
        ),
        (
            "correlation_id",
            filter.correlation_id.as_ref().map(CorrelationId::as_str),
        ),
        ("sender_id", filter.sender_id.as_ref().map(SenderId::as_str)),
        ("channel_id", filter.channel.as_ref().map(ChannelId::as_str)),
    ] {
        if let Some(value) = value {
            query
                .push(" and a.")
                .push(column)
                .push(" = ")
                .push_bind(value.to_owned());
        }
    }
    if filter.sender_id.is_some() {
        // A reader is told of no sender once the file is deleted by its age.
        query.push(" and a.expires_at <= now() is not true");
    }
    if !filter.message_ids.is_empty() {
        push_any(query, " and a.message_id", message_names(filter));
    }
    if !filter.kinds.is_empty() {
        push_any(query, " and a.kind", kind_names(filter));
    }
    for (compared, time) in [
        (" and a.created_at >= ", filter.created_after),
        (" and a.created_at < ", filter.created_before),
    ] {
        if let Some(time) = time {
            query.push(compared).push_bind(time);
        }
    }
}

fn push_any<T>(query: &mut QueryBuilder<Postgres>, column: &str, values: Vec<T>)
where
    Vec<T>: for<'q> sqlx::Encode<'q, Postgres> + sqlx::Type<Postgres> + Send + 'static,
{
    query
        .push(column)
        .push(" = any(")
        .push_bind(values)
        .push(")");
}

const fn direction(order: Order) -> &'static str {
    match order {
        Order::NewestFirst => "desc",
        Order::OldestFirst => "asc",
    }
}

/// The messages that a filter lets through; none means all.
pub(super) fn message_names(filter: &ListFilter) -> Vec<String> {
    filter.message_ids.iter().map(ToString::to_string).collect()
}

/// The statuses that a filter lets through, as SQL spells them; none means all.
pub(super) fn status_names(filter: &ListFilter) -> Vec<&'static str> {
    filter
        .statuses
        .iter()
        .map(|status| status.as_str())
        .collect()
}

/// The kinds that a filter lets through, as SQL spells them; none means all.
pub(super) fn kind_names(filter: &ListFilter) -> Vec<&'static str> {
    filter.kinds.iter().map(|kind| kind.as_str()).collect()
}

/// Reasons as SQL spells them.
pub(super) fn reason_names(reasons: &[FailureReason]) -> Vec<&'static str> {
    reasons.iter().map(|reason| reason.as_str()).collect()
}
