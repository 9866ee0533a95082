//! What the tables alone show to be wrong, counted with a few samples.

use super::super::{DbError, to_seconds};
use super::Survey;
use std::time::Duration;

/// Something that the tables alone show to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFault {
    /// Objects, work, a journal or events tell of an attachment that has no row.
    LostRow,
    /// An open attachment has no work: nobody would ever finish it.
    LostWork,
    /// Work is there for an attachment that has ended.
    StrayWork,
    /// Work has been due for longer than anybody should take.
    OverdueWork,
    /// A final status was left by what may not leave it.
    LeftFinal,
    /// A stored attachment has no original among its objects.
    LostObject,
    /// Objects are there for an attachment that is not stored.
    StrayObject,
    /// Several attachments are of one occurrence.
    Duplicates,
    /// More attempts were begun than are allowed.
    TooManyAttempts,
    /// The counters of a tenant say something else than a count.
    Miscounted,
}

/// Those that have one fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faulty {
    /// How many.
    pub count: u64,
    /// A few of them, by id.
    pub samples: Vec<String>,
}

/// Gives samples beside the count of all of them. `$1` is the grace in seconds.
macro_rules! samples_of {
    ($($faulty:literal),+) => {
        concat!("select id::text, count(*) over () from (", $($faulty),+, ") as faulty (id) limit 10")
    };
}

/// What was deleted loses its row in time, and may leave its events behind. Else
/// a row and its first event are of one statement, so there is no time at
/// which one may be without the other: the grace says nothing here.
const LOST_ROW: &str = samples_of!(
    "select t.attachment_id from (
        select tenant_id, attachment_id from work
        union all select tenant_id, attachment_id from objects
        union all select tenant_id, attachment_id from attempts
        union all select tenant_id, attachment_id from events
        group by tenant_id, attachment_id having not bool_or(status = 'deleted')
     ) as t
     where $1::float8 is not null and not exists (select 1 from attachments a
        where a.tenant_id = t.tenant_id and a.id = t.attachment_id)
     group by t.attachment_id"
);

const LOST_WORK: &str = samples_of!(
    "select a.id from attachments a
     where a.status = 'open' and a.created_at < now() - make_interval(secs => $1)
       and not exists (select 1 from work w where w.tenant_id = a.tenant_id
            and w.attachment_id = a.id and w.kind = 'ingest')
     union all
     select a.id from attachments a
     where a.processing_status = 'open' and a.created_at < now() - make_interval(secs => $1)
       and not exists (select 1 from work w where w.tenant_id = a.tenant_id
            and w.attachment_id = a.id and w.kind = 'content')"
);

const STRAY_WORK: &str = samples_of!(
    "select w.attachment_id from work w
     join attachments a on a.tenant_id = w.tenant_id and a.id = w.attachment_id
     where w.updated_at < now() - make_interval(secs => $1)
       and case w.kind when 'ingest' then a.status <> 'open'
           else a.processing_status is distinct from 'open' end"
);

const OVERDUE_WORK: &str =
    samples_of!("select attachment_id from work where due_at < now() - make_interval(secs => $1)");

/// Changes of one attachment are made under its row's lock, so their numbers
/// stand in the order of the changes. (Transactions are numbered when they
/// first ask for a lock, which is why watchers go by both.) What may follow a
/// final status: a deletion, what is judged anew, and what an audit reopened.
/// Most attachments end with their first final status: only the others are sorted.
const LEFT_FINAL: &str = samples_of!(
    "select t.attachment_id from (
        select tenant_id, attachment_id, xid, status, lag(status) over earlier as was,
            lag(next_attempt_at) over earlier as was_due
        from events where attachment_id in (
            select attachment_id from events group by attachment_id
            having max(seq) > min(seq) filter (where
                status in ('stored', 'rejected', 'unsupported', 'deleted')
                or (status = 'failed' and next_attempt_at is null)))
        window earlier as (partition by attachment_id order by seq)
     ) as t
     where $1::float8 is not null
       and (was in ('stored', 'rejected', 'unsupported', 'deleted')
            or (was = 'failed' and was_due is null))
       and not (status = 'deleted' and was <> 'deleted')
       and not (status = 'pending' and was in ('failed', 'rejected', 'unsupported'))
       and not (status = 'pending' and was = 'stored' and exists (select 1 from reopenings r
            where r.tenant_id = t.tenant_id and r.attachment_id = t.attachment_id
              and r.xid = t.xid))
     group by t.attachment_id"
);

/// A settlement writes both rows in one statement, and whatever ends the one
/// ends the other: the grace says nothing here either.
const LOST_OBJECT: &str = samples_of!(
    "select a.id from attachments a
     where a.status = 'stored' and $1::float8 is not null
       and not exists (select 1 from objects o where o.tenant_id = a.tenant_id
            and o.attachment_id = a.id and o.rendition = 'original')"
);

const STRAY_OBJECT: &str = samples_of!(
    "select o.storage_key from objects o
     join attachments a on a.tenant_id = o.tenant_id and a.id = o.attachment_id
     where a.status <> 'stored' and $1::float8 is not null"
);

const DUPLICATES: &str = samples_of!(
    "select max(id::text) from attachments where $1::float8 is not null
     group by tenant_id, channel_id, media_id, part, occurrence having count(*) > 1"
);

const TOO_MANY_ATTEMPTS: &str = samples_of!(
    "select attachment_id from work where attempt_count > max_attempts
     union all select id from attachments where attempt_count > max_attempts
        and $1::float8 is not null"
);

const MISCOUNTED: &str = samples_of!(
    "select tenant_id || ' ' || status from usage_missing where $1::float8 is not null"
);

/// By its columns: whatever its name is, it keeps the promise.
const IS_UNIQUE: &str = "
select exists (
    select 1 from pg_constraint c join pg_index i on i.indexrelid = c.conindid
    where c.conrelid = 'attachments'::regclass and c.contype = 'u' and c.convalidated
      and i.indisvalid and i.indisready and i.indislive
      and array['channel_id', 'media_id', 'occurrence', 'part', 'tenant_id'] = (
        select array_agg(a.attname::text order by a.attname) from pg_attribute a
        where a.attrelid = c.conrelid and a.attnum = any(c.conkey)))";

impl TableFault {
    const fn query(self) -> &'static str {
        match self {
            Self::LostRow => LOST_ROW,
            Self::LostWork => LOST_WORK,
            Self::StrayWork => STRAY_WORK,
            Self::OverdueWork => OVERDUE_WORK,
            Self::LeftFinal => LEFT_FINAL,
            Self::LostObject => LOST_OBJECT,
            Self::StrayObject => STRAY_OBJECT,
            Self::Duplicates => DUPLICATES,
            Self::TooManyAttempts => TOO_MANY_ATTEMPTS,
            Self::Miscounted => MISCOUNTED,
        }
    }
}

impl Survey {
    /// Those that are at fault, and have been for longer than `grace` where a
    /// moment of it is harmless.
    pub async fn faulty(&mut self, fault: TableFault, grace: Duration) -> Result<Faulty, DbError> {
        let rows: Vec<(String, i64)> = sqlx::query_as(fault.query())
            .bind(to_seconds(grace))
            .fetch_all(&mut self.connection)
            .await?;
        Ok(Faulty {
            count: rows.first().map_or(0, |(_, count)| count.unsigned_abs()),
            samples: rows.into_iter().map(|(id, _)| id).collect(),
        })
    }

    /// Whether the constraint stands that keeps occurrences unique.
    pub async fn keeps_occurrences_unique(&mut self) -> Result<bool, DbError> {
        Ok(sqlx::query_scalar(IS_UNIQUE)
            .fetch_one(&mut self.connection)
            .await?)
    }
}
