//! Registrations on their way into the database, by group commit.

use super::RegisterError;
use crate::attachment::{Registered, Registration};
use crate::db::{Answer, Db, DbError, Gathering, GroupCommit, GroupError, Write};
use crate::failpoint::{self, Step};
use crate::telemetry::Chain;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// How registrations are written.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How they are gathered into statements.
    pub gathering: Gathering,
    /// A failed batch is written again within this time.
    pub patience: Duration,
}

#[derive(Debug, Clone)]
pub(super) struct Recorder(GroupCommit<Registration, Registered>);

impl Recorder {
    pub(super) fn new(db: &Db, settings: &Settings) -> Self {
        let (db, patience) = (db.clone(), settings.patience);
        let record: Write<_, _> = Arc::new(move |registrations| {
            let db = db.clone();
            Box::pin(async move {
                let recorded = write(&db, registrations, patience).await?;
                failpoint::reach(Step::Registered).await;
                Ok(recorded)
            })
        });
        Self(GroupCommit::new(
            "a registration",
            &settings.gathering,
            &record,
        ))
    }

    /// Queues a registration. Files of one message go one way, so that the cap on
    /// their number is counted by one statement after the other.
    pub(super) fn record(
        &self,
        registration: Registration,
    ) -> Result<Answer<Registered>, RegisterError> {
        let tenant = registration.tenant.clone();
        let message = registration.new.message_id.clone();
        let key = (tenant.as_str(), message.as_str());
        Ok(self.0.queue(key, registration)?)
    }
}

/// A repeat is safe, whatever became of it.
impl From<GroupError> for RegisterError {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::Full | GroupError::GivenUp => Self::Overloaded,
            GroupError::Database(error) => Self::Database(error),
        }
    }
}

/// Writes a batch, again where the database may take it a moment later: a
/// connection that died in the pool, a deadlock, a fail-over. Repeating is
/// safe, and a database that is slow to say no is not asked again.
async fn write(
    db: &Db,
    registrations: &[Registration],
    patience: Duration,
) -> Result<Vec<Registered>, DbError> {
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match db.register(registrations).await {
            Err(error) if error.is_unavailable() && began.elapsed() + pause < patience => {
                tracing::warn!(error = %Chain(&error), "a batch of registrations is written again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            written => return written,
        }
    }
}
