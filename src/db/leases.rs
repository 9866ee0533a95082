//! Leases: what one replica at a time does for all of them. A row, not an
//! advisory lock, for it holds whichever connection a pooler gives.

use super::{Db, DbError, to_seconds};
use std::time::Duration;

/// Whoever finds another's lease writes nothing, and locks nothing.
const TAKE: &str = "
with taken as (
    insert into leases as l (name, holder, ends_at)
    select $1, $2, now() + make_interval(secs => $3)
    where not exists (select 1 from leases
        where name = $1 and holder <> $2 and ends_at > now())
    on conflict (name) do update set holder = excluded.holder, ends_at = excluded.ends_at
    where l.holder = excluded.holder or l.ends_at <= now()
    returning name
)
select exists (select 1 from taken)";

const GIVE_BACK: &str = "delete from leases where name = $1 and holder = $2";

impl Db {
    /// Takes a lease that is free or over, or holds on to its own; false where
    /// another has it.
    pub async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        length: Duration,
    ) -> Result<bool, DbError> {
        Ok(sqlx::query_scalar(TAKE)
            .bind(name)
            .bind(holder)
            .bind(to_seconds(length))
            .fetch_one(&self.pool)
            .await?)
    }

    /// Gives a lease back before it ends.
    pub async fn give_lease_back(&self, name: &str, holder: &str) -> Result<(), DbError> {
        sqlx::query(GIVE_BACK)
            .bind(name)
            .bind(holder)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
