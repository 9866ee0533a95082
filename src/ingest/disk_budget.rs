//! The budget on the disk of the spool, shared by all attempts of the process.
//!
//! Room is taken as bytes come, whatever a provider announced: who announces
//! much and sends little holds little. While another tenant waits, none has
//! more than half of what the others leave; a file that would need more is put
//! off, so nobody waits for a file that waits itself.

use crate::ids::TenantId;
use metrics::gauge;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A tenant whose file found no room counts as waiting for so long; by then the
/// file has been tried again.
const WAITING: Duration = Duration::from_secs(10);

/// Bytes on the disk that all attempts share.
#[derive(Debug, Clone)]
pub(super) struct DiskBudget {
    shares: Arc<Mutex<Shares>>,
}

/// What one file has taken; free again when this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    budget: DiskBudget,
    tenant: TenantId,
    bytes: u64,
}

impl DiskBudget {
    /// For so many bytes in all.
    pub(super) fn new(bytes: u64) -> Self {
        Self {
            shares: Arc::new(Mutex::new(Shares::new(bytes))),
        }
    }

    /// Nothing yet, for a file of this tenant.
    pub(super) fn begin(&self, tenant: &TenantId) -> Taken {
        Taken {
            budget: self.clone(),
            tenant: tenant.clone(),
            bytes: 0,
        }
    }

    fn shares(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Takes so many bytes more; false when there is no room for them.
    pub(super) fn grow(&mut self, bytes: u64) -> bool {
        let mut shares = self.budget.shares();
        let taken = shares.take(&self.tenant, bytes, Instant::now());
        report(shares.taken);
        drop(shares);
        if taken {
            self.bytes += bytes;
        }
        taken
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut shares = self.budget.shares();
        shares.give_back(&self.tenant, self.bytes);
        report(shares.taken);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn report(taken: u64) {
    gauge!("attachments_spool_taken_bytes").set(taken as f64);
}

/// Who has how much.
#[derive(Debug)]
struct Shares {
    all: u64,
    taken: u64,
    of: HashMap<TenantId, u64>,
    /// Since when a tenant's files find no room.
    waiting: HashMap<TenantId, Instant>,
}

impl Shares {
    fn new(all: u64) -> Self {
        Self {
            all,
            taken: 0,
            of: HashMap::new(),
            waiting: HashMap::new(),
        }
    }

    fn take(&mut self, tenant: &TenantId, bytes: u64, now: Instant) -> bool {
        self.waiting
            .retain(|_, since| now.duration_since(*since) < WAITING);
        let own = self.of.get(tenant).copied().unwrap_or(0);
        let others = self.taken - own;
        let left = self.all.saturating_sub(others);
        let somebody_else_waits = self.waiting.keys().any(|waiting| waiting != tenant);
        let most = if somebody_else_waits { left / 2 } else { left };
        if own.saturating_add(bytes) > most {
            self.waiting.insert(tenant.clone(), now);
            return false;
        }
        *self.of.entry(tenant.clone()).or_default() += bytes;
        self.taken += bytes;
        true
    }

    fn give_back(&mut self, tenant: &TenantId, bytes: u64) {
        self.taken -= bytes;
        if let Some(own) = self.of.get_mut(tenant) {
            *own -= bytes;
            if *own == 0 {
                self.of.remove(tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    fn tenant(n: u8) -> TenantId {
        format!("tenant-{n}").parse().unwrap()
    }

    #[test]
    fn a_lone_tenant_may_have_everything_and_half_once_another_waits() {
        let budget = DiskBudget::new(1_000);
        let mut first = budget.begin(&tenant(1));
        assert!(first.grow(400) && first.grow(400));
        let mut second = budget.begin(&tenant(2));
        assert!(!second.grow(300), "there is no room");
        // It has more than half of what the others leave, and gets no more.
        assert!(!first.grow(1));
        drop(first);
        assert!(second.grow(300));
        assert!(budget.begin(&tenant(3)).grow(100));
    }

    proptest! {
        #[test]
        fn what_is_taken_fits_and_comes_back(
            steps in prop::collection::vec((0_u8..4, 1_u64..400, any::<bool>()), 1..80)
        ) {
            let budget = DiskBudget::new(1_000);
            let mut held: Vec<Taken> = Vec::new();
            for (who, bytes, gives_back) in steps {
                if gives_back {
                    held.pop();
                } else {
                    let mut taken = budget.begin(&tenant(who));
                    taken.grow(bytes);
                    held.push(taken);
                }
                let shares = budget.shares();
                prop_assert!(shares.taken <= shares.all);
                prop_assert_eq!(shares.taken, held.iter().map(|taken| taken.bytes).sum::<u64>());
                prop_assert_eq!(shares.taken, shares.of.values().sum::<u64>());
            }
            held.clear();
            prop_assert_eq!(budget.shares().taken, 0);
            prop_assert!(budget.shares().of.is_empty());
        }

        /// Whatever a tenant takes in whatever pieces, another's file finds room
        /// as soon as one of the first's has gone.
        #[test]
        fn nobody_grows_past_half_while_another_waits(
            pieces in prop::collection::vec(1_u64..200, 1..60)
        ) {
            let budget = DiskBudget::new(1_000);
            let mut greedy = budget.begin(&tenant(1));
            while greedy.grow(100) {}
            let mut other = budget.begin(&tenant(2));
            prop_assert!(!other.grow(1));
            drop(greedy);
            let mut greedy = budget.begin(&tenant(1));
            for bytes in pieces {
                greedy.grow(bytes);
                prop_assert!(greedy.bytes <= 500);
            }
            prop_assert!(other.grow(250));
        }
    }
}
