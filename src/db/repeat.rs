//! Statements that Postgres gave up for the sake of another transaction: each
//! was rolled back whole and is sent again, as the manual asks of clients.

use sqlx::postgres::{PgArguments, PgStatement};
use sqlx::{Error, Execute, Postgres, SqlStr};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

/// Statements that run into each other are through after a few repeats; one
/// that is not has another trouble.
const REPEATS: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Whether a statement failed for no fault of its own: a serialization failure
/// or a deadlock, which took nothing but its turn from it.
pub(super) fn wants_repeating(error: &Error) -> bool {
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| ["40001", "40P01"].contains(&code.as_ref()))
}

/// A statement and what is bound to it, to be sent as often as need be.
pub(super) struct Repeatable {
    sql: SqlStr,
    arguments: Option<PgArguments>,
    persistent: bool,
}

impl Repeatable {
    pub(super) fn of<'q>(mut query: impl Execute<'q, Postgres>) -> Result<Self, Error> {
        let arguments = query.take_arguments().map_err(Error::Encode)?;
        let persistent = query.persistent();
        Ok(Self {
            sql: query.sql(),
            arguments,
            persistent,
        })
    }
}

impl<'q> Execute<'q, Postgres> for &'q Repeatable {
    fn sql(self) -> SqlStr {
        self.sql.clone()
    }

    /// Connections know their own by the text.
    fn statement(&self) -> Option<&PgStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, sqlx::error::BoxDynError> {
        Ok(self.arguments.clone())
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}

/// The pauses before each repetition: longer each time, and each of a length
/// by chance, so that two that met do not meet again.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    taken: u32,
}

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.taken == REPEATS {
            return None;
        }
        let longest = (FIRST_PAUSE * 2_u32.pow(self.taken)).min(LONGEST_PAUSE);
        self.taken += 1;
        // A hasher of its own has keys of its own; its low 16 bits are a number
        // in [0, 65,536).
        let chance = u16::try_from(RandomState::new().hash_one(self.taken) & 0xffff);
        Some(longest.mul_f64(f64::from(chance.unwrap_or_default()) / 65_536.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_end() {
        let pauses: Vec<_> = Pauses::default().collect();
        assert_eq!(pauses.len(), REPEATS as usize);
        assert!(pauses[0] <= FIRST_PAUSE, "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
        let others: Vec<_> = Pauses::default().collect();
        assert_ne!(pauses, others);
    }
}
