//! The test seam: what makes the real server misbehave over the wire, and
//! the journal of what it was asked.

use super::dialect::Dialect;
use super::operation::Operation;
use http::StatusCode;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The journal keeps this many requests; the counts know all of them.
const JOURNAL_LENGTH: usize = 1024;

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answers with this status and does nothing. 503 is S3's `SlowDown`, 400
    /// its `BadDigest`, 501 its `NotImplemented`.
    Status(StatusCode),
    /// Waits, then serves the request.
    Delay(Duration),
    /// Closes the connection after so many bytes of the body: the request's
    /// for an upload, as framed on the wire, and the answer's for all else.
    /// An upload shorter than this is carried out and its answer is lost, and
    /// so is every request whose answer has no body; other answers that are
    /// shorter pass whole.
    Cut {
        /// Body bytes that still pass.
        after_bytes: u64,
    },
    /// Lets the body through this slowly: the request's for an upload, and the
    /// answer's for all else.
    Throttle {
        /// Body bytes that pass in a second.
        bytes_per_second: u64,
    },
    /// `DeleteObjects` deletes all but the first key, and answers that it was
    /// denied. Other requests are served.
    DenyFirstKey,
    /// The store is one that refuses some of what S3 takes.
    Dialect(Dialect),
}

/// One request, as it arrived. Its query is left out: it may hold a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalEntry {
    /// What was asked.
    pub operation: Operation,
    /// The path: bucket and key, percent-encoded.
    pub path: String,
}

/// The faults that wait for their requests, and the requests that came.
#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pending: VecDeque<Pending>,
    counts: BTreeMap<Operation, usize>,
    journal: VecDeque<JournalEntry>,
}

#[derive(Debug)]
struct Pending {
    /// `None` is every operation.
    operation: Option<Operation>,
    remaining: usize,
    fault: Fault,
}

impl Faults {
    /// Lets the next `times` requests of `operation` (of any, if `None`) meet
    /// `fault`. Faults for one operation take their turns in order.
    pub fn inject(&self, operation: impl Into<Option<Operation>>, times: usize, fault: Fault) {
        let pending = Pending {
            operation: operation.into(),
            remaining: times,
            fault,
        };
        self.state().pending.push_back(pending);
    }

    /// Takes back the faults that have not been met.
    pub fn clear(&self) {
        self.state().pending.clear();
    }

    /// How many requests of `operation` (of any, if `None`) have come,
    /// refused ones and retries included.
    pub fn count(&self, operation: impl Into<Option<Operation>>) -> usize {
        let state = self.state();
        match operation.into() {
            Some(operation) => state.counts.get(&operation).copied().unwrap_or_default(),
            None => state.counts.values().sum(),
        }
    }

    /// The last 1,024 requests, oldest first.
    #[must_use]
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.state().journal.iter().cloned().collect()
    }

    /// Forgets counts and journal.
    pub fn forget(&self) {
        let mut state = self.state();
        state.counts.clear();
        state.journal.clear();
    }

    /// Notes a request and says which fault it meets.
    pub(super) fn meet(&self, operation: Operation, path: &str) -> Option<Fault> {
        let mut state = self.state();
        *state.counts.entry(operation).or_default() += 1;
        if state.journal.len() == JOURNAL_LENGTH {
            state.journal.pop_front();
        }
        state.journal.push_back(JournalEntry {
            operation,
            path: path.to_owned(),
        });

        let met = state.pending.iter_mut().find(|pending| {
            pending.remaining > 0 && pending.operation.is_none_or(|only| only == operation)
        })?;
        met.remaining -= 1;
        let fault = met.fault;
        state.pending.retain(|pending| pending.remaining > 0);
        Some(fault)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_waits_for_its_operation_and_is_spent() {
        let faults = Faults::default();
        let unavailable = Fault::Status(StatusCode::SERVICE_UNAVAILABLE);
        faults.inject(Operation::Put, 2, unavailable);
        faults.inject(None, 1, Fault::Delay(Duration::ZERO));

        assert_eq!(
            faults.meet(Operation::Get, "/b/k"),
            Some(Fault::Delay(Duration::ZERO))
        );
        assert_eq!(faults.meet(Operation::Get, "/b/k"), None);
        assert_eq!(faults.meet(Operation::Put, "/b/k"), Some(unavailable));
        assert_eq!(faults.meet(Operation::Put, "/b/k"), Some(unavailable));
        assert_eq!(faults.meet(Operation::Put, "/b/k"), None);
        assert_eq!(faults.count(Operation::Put), 3);
        assert_eq!(faults.count(None), 5);
    }
}
