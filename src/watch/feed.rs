//! What the reader hands to the streams: the changes that it read last, once
//! for all of them, and for each stream the first of these that it asks for.
//!
//! A stream takes from here at its own pace and holds nothing itself. So a
//! client that does not read costs no memory and holds up nobody: what it
//! should have been told makes way for what is newer, and it is told that it
//! has to catch up.

use super::listener::{Listener, Standing};
use super::{Change, Scope, WatchError};
use crate::attachment::change::{Cursor, StatusChange};
use crate::attachment::listing::ListFilter;
use crate::db::DbError;
use crate::ids::TenantId;
use metrics::{Gauge, gauge};
use std::collections::{HashMap, VecDeque};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Changes that are kept for streams to take.
const KEPT: usize = 4_096;

/// Between the reader and the streams.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    max_streams: usize,
    max_streams_per_tenant: usize,
    state: Mutex<State>,
    /// Somebody waits for the next read.
    arrival: Notify,
}

/// Changes have numbers, in the order in which they were read.
#[derive(Debug, Default)]
pub(super) struct State {
    seats: HashMap<TenantId, HashMap<u64, Seat>>,
    streams: usize,
    /// The next seat's.
    id: u64,
    /// Those that the next read is for, too.
    newcomers: Vec<(TenantId, u64)>,
    kept: VecDeque<Arc<Change>>,
    /// The number of the first that is kept.
    first: u64,
    /// How far the reader has come.
    pub(super) place: Option<Cursor>,
    /// Whether nothing is known of what came after that place.
    pub(super) is_blind: bool,
    is_closed: bool,
}

/// Where a stream sits.
#[derive(Debug)]
struct Seat {
    filter: Arc<ListFilter>,
    standing: Standing,
    bell: Arc<Notify>,
}

impl Feed {
    pub(super) fn new(max_streams: usize, max_streams_per_tenant: usize) -> Self {
        open_streams().increment(0);
        Self {
            shared: Arc::new(Shared {
                max_streams,
                max_streams_per_tenant,
                state: Mutex::default(),
                arrival: Notify::new(),
            }),
        }
    }

    /// Takes a place for a stream, which is free again when the listener is
    /// dropped.
    pub(super) fn enrol(
        &self,
        tenant: TenantId,
        filter: ListFilter,
    ) -> Result<Listener, WatchError> {
        let mut state = self.state();
        let of_tenant = state.seats.get(&tenant).map_or(0, HashMap::len);
        for (taken, limit, scope) in [
            (of_tenant, self.shared.max_streams_per_tenant, Scope::Tenant),
            (state.streams, self.shared.max_streams, Scope::Replica),
        ] {
            if taken >= limit {
                return Err(WatchError::TooMany { limit, scope });
            }
        }
        let id = state.id;
        let filter = Arc::new(filter);
        let bell = Arc::new(Notify::new());
        let seat = Seat {
            filter: filter.clone(),
            standing: Standing::New,
            bell: bell.clone(),
        };
        state.id += 1;
        state.streams += 1;
        state
            .seats
            .entry(tenant.clone())
            .or_default()
            .insert(id, seat);
        state.newcomers.push((tenant.clone(), id));
        drop(state);
        open_streams().increment(1);
        self.shared.arrival.notify_one();
        Ok(Listener::new(self.clone(), tenant, id, filter, bell))
    }

    /// Frees a stream's place.
    pub(super) fn leave(&self, tenant: &TenantId, id: u64) {
        let mut state = self.state();
        if let Some(seats) = state.seats.get_mut(tenant) {
            seats.remove(&id);
            if seats.is_empty() {
                state.seats.remove(tenant);
            }
        }
        state.streams -= 1;
        open_streams().decrement(1);
    }

    /// Has the next read be for this stream as for one that has just come.
    pub(super) fn enrol_again(&self, state: &mut State, tenant: &TenantId, id: u64) {
        state.newcomers.push((tenant.clone(), id));
        self.shared.arrival.notify_one();
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the reader does.
impl Feed {
    /// Waits for a stream that waits for the next read.
    pub(super) async fn arrival(&self) {
        self.shared.arrival.notified().await;
    }

    /// Whether anybody watches; if not, everything is forgotten.
    pub(super) fn is_watched(&self) -> bool {
        let mut state = self.state();
        if state.streams > 0 {
            return true;
        }
        state.first += state.kept.len() as u64;
        state.kept = VecDeque::new();
        state.newcomers = Vec::new();
        state.place = None;
        state.is_blind = false;
        false
    }

    /// Those that the read which now begins is for, too.
    pub(super) fn newcomers(&self) -> Newcomers {
        Newcomers(mem::take(&mut self.state().newcomers))
    }

    /// Lets those who came before a read hear of all changes after `since`, at
    /// most what that read found; `head` is where the outbox ended then.
    pub(super) fn admit(&self, newcomers: Newcomers, since: Cursor, head: Cursor) {
        let mut state = self.state();
        for (tenant, id) in newcomers.0 {
            state.settle(&tenant, id, || Standing::In {
                since,
                head,
                next: None,
            });
        }
    }

    /// Whether anybody is to be told of a change.
    pub(super) fn is_asked_for(&self, change: &StatusChange) -> bool {
        let state = self.state();
        let seats = state.seats.get(&change.tenant);
        seats.is_some_and(|seats| seats.values().any(|seat| seat.filter.asks_for(change)))
    }

    /// Hands out a change.
    pub(super) fn offer(&self, change: Change) {
        let mut state = self.state();
        state.kept.push_back(Arc::new(change));
        if state.kept.len() > KEPT {
            state.kept.pop_front();
            state.first += 1;
        }
        state.ring_for_last();
    }

    /// Everything up to here was handed out.
    pub(super) fn reached(&self, place: Cursor) {
        let mut state = self.state();
        state.place = Some(place);
        state.is_blind = false;
    }

    /// Tells those who wait for a read that it failed. The others wait for the
    /// next one.
    pub(super) fn failed(&self, newcomers: Newcomers, error: &Arc<DbError>) {
        let mut state = self.state();
        state.is_blind = true;
        for (tenant, id) in newcomers.0 {
            state.settle(&tenant, id, || Standing::Failed(error.clone()));
        }
    }

    /// Ends every stream: the places of all of them mean nothing any more.
    pub(super) fn expire(&self) {
        let mut state = self.state();
        state.place = None;
        for seat in state.seats.values_mut().flat_map(HashMap::values_mut) {
            seat.standing = Standing::Expired;
            seat.bell.notify_one();
        }
    }

    /// Ends every stream, those that come later too: nobody reads any more.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        for seat in state.seats.values().flat_map(HashMap::values) {
            seat.bell.notify_one();
        }
    }
}

/// Streams that came before a read.
#[must_use]
#[derive(Debug, Default)]
pub(super) struct Newcomers(Vec<(TenantId, u64)>);

impl State {
    fn seat(&mut self, tenant: &TenantId, id: u64) -> Option<&mut Seat> {
        self.seats.get_mut(tenant)?.get_mut(&id)
    }

    /// How a stream stands, while anybody reads.
    pub(super) fn standing(&mut self, tenant: &TenantId, id: u64) -> Result<Standing, WatchError> {
        if self.is_closed {
            return Err(WatchError::Stopping);
        }
        let seat = self.seat(tenant, id).ok_or(WatchError::Stopping)?;
        Ok(seat.standing.clone())
    }

    /// Has a stream stand so from now on.
    pub(super) fn stand(&mut self, tenant: &TenantId, id: u64, standing: Standing) {
        if let Some(seat) = self.seat(tenant, id) {
            seat.standing = standing;
        }
    }

    /// Says to one who waits for a read how it stands; it may have left.
    fn settle(&mut self, tenant: &TenantId, id: u64, standing: impl FnOnce() -> Standing) {
        if let Some(seat) = self.seat(tenant, id) {
            seat.standing = standing();
            seat.bell.notify_one();
        }
    }

    /// Tells those who ask for the change that was kept last.
    fn ring_for_last(&mut self) {
        let number = self.first + self.kept.len() as u64 - 1;
        let (Some(change), Some(place)) = (self.kept.back(), self.place) else {
            return;
        };
        let Some(seats) = self.seats.get_mut(&change.what.tenant) else {
            return;
        };
        for seat in seats.values_mut() {
            if let Standing::In {
                next: next @ None, ..
            } = &mut seat.standing
                && seat.filter.asks_for(&change.what)
            {
                *next = Some(Next {
                    number,
                    after: place,
                });
                seat.bell.notify_one();
            }
        }
    }

    /// The first change from a number on that is of this tenant, matches and
    /// lies beyond a place, with its number; an error when what may be the one
    /// has made way already.
    pub(super) fn find(
        &self,
        number: u64,
        tenant: &TenantId,
        filter: &ListFilter,
        place: Cursor,
    ) -> Result<Option<(u64, Arc<Change>)>, MadeWay> {
        let skipped = number.checked_sub(self.first).ok_or(MadeWay)?;
        let kept = (number..).zip(
            self.kept
                .iter()
                .skip(usize::try_from(skipped).unwrap_or(KEPT)),
        );
        let mut asked = kept.filter(|(_, change)| {
            let what = &change.what;
            what.tenant == *tenant && what.cursor.is_beyond(place) && filter.asks_for(what)
        });
        Ok(asked
            .next()
            .map(|(number, change)| (number, change.clone())))
    }
}

/// From where on a stream has to look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next {
    /// The first change that may be for it.
    pub(super) number: u64,
    /// Nothing up to here is for it that it was not told.
    pub(super) after: Cursor,
}

/// A change is not kept any more.
#[derive(Debug)]
pub(super) struct MadeWay;

fn open_streams() -> Gauge {
    gauge!("attachments_watch_streams")
}
