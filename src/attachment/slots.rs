//! Who may have how many of a worker's slots.
//!
//! A tenant that is alone may have as many as its cap allows. Where there are
//! others, each may hold three times as many as it would leave free: the more
//! are greedy, the less each has, and whoever comes next finds some left. The
//! same holds for the channels of a tenant that has a cap, of the slots that it
//! may have. A channel that only fails has a few, until it does something else.
//!
//! Pure: it counts what it is told.

use super::failure::FailureReason;
use super::status::Outcome;
use crate::ids::{ChannelId, TenantId};
use std::collections::BTreeMap;

/// Held at most for each slot that is left free.
const HELD_PER_FREE: u32 = 3;
/// Failures in a row after which a channel counts as failing.
const FAILURES: u32 = 3;
/// Slots of a channel that fails.
const SLOTS_OF_FAILING: u32 = 2;
/// Channels whose failures are counted. Where more fail, it is not one channel
/// that takes what others need.
const FAILING: usize = 256;

/// The slots of one worker and who holds them.
#[derive(Debug)]
pub struct Slots {
    total: u32,
    tenant_cap: u32,
    held: BTreeMap<TenantId, Channels>,
    running: u32,
    /// Failures in a row, of channels that had any.
    failures: BTreeMap<(TenantId, ChannelId), u32>,
}

type Channels = BTreeMap<ChannelId, u32>;

/// How many more slots each may have, as one round of claims is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Tenants that hold some.
    pub tenants: Vec<TenantRoom>,
    /// A tenant that holds none.
    pub of_another_tenant: u32,
    /// Channels that hold some, or fail.
    pub channels: Vec<ChannelRoom>,
    /// A channel that holds none.
    pub of_another_channel: u32,
}

/// A tenant that holds slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRoom {
    /// Which.
    pub tenant: TenantId,
    /// So many more it may have.
    pub more: u32,
}

/// A channel that holds slots, or fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRoom {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub channel: ChannelId,
    /// So many it holds.
    pub running: u32,
    /// So many more it may have.
    pub more: u32,
}

/// What an attempt says of its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It works: something came of it.
    Works,
    /// It hangs, fails or refuses.
    Fails,
    /// Nothing.
    Nothing,
}

impl Said {
    /// What an outcome says of the channel that the file came by.
    #[must_use]
    pub fn by(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Stored(_) => Self::Works,
            Outcome::Processed { .. } => Self::Nothing,
            Outcome::RetryAfter { reason, .. } | Outcome::Ended(reason) => Self::of(*reason),
        }
    }

    fn of(reason: FailureReason) -> Self {
        use FailureReason as R;
        match reason {
            R::SourceUnavailable
            | R::SourceTimeout
            | R::SourceRateLimited
            | R::DownloadIncomplete
            | R::SourceAuthFailed
            | R::SourceScopeMissing
            | R::SourceForbidden => Self::Fails,
            // It answered, or sent the file.
            R::SourceNotReady
            | R::SourceNotFound
            | R::SourcePlanLimit
            | R::SourcePreparationFailed
            | R::SourceUnexpectedEncoding
            | R::EmptyContent
            | R::TooLarge
            | R::Corrupted
            | R::ContentTypeMismatch
            | R::ContentTypeNotAllowed
            | R::Infected => Self::Works,
            // It was not asked, or it is not its doing.
            R::StorageUnavailable
            | R::Interrupted
            | R::InspectionFailed
            | R::ScanUnavailable
            | R::WorkerResources
            | R::SourceRefusedAddress
            | R::CredentialMissing
            | R::TooManyFiles
            | R::QuotaExceeded
            | R::ExternalFile
            | R::SourceDeleted
            | R::DeleteRequested
            | R::RetentionExpired => Self::Nothing,
        }
    }
}

impl Slots {
    /// So many slots, none held; a tenant never holds more than `tenant_cap`.
    #[must_use]
    pub fn new(total: u32, tenant_cap: u32) -> Self {
        Self {
            total,
            tenant_cap,
            held: BTreeMap::new(),
            running: 0,
            failures: BTreeMap::new(),
        }
    }

    /// How many more each may have, while `under_way` others are being given, to
    /// nobody knows whom: each is counted as though it got them.
    #[must_use]
    pub fn room(&self, under_way: u32) -> Room {
        let of_another_tenant = self.more_of_tenant(0, under_way);
        let tenants = self.held.iter().map(|(tenant, channels)| TenantRoom {
            tenant: tenant.clone(),
            more: self.more_of_tenant(channels.values().sum(), under_way),
        });
        let tenants: Vec<_> = tenants.collect();
        let holding = self.held.iter().zip(&tenants);
        let mut channels: Vec<_> = holding
            .flat_map(|((tenant, channels), room)| {
                channels.iter().map(|(channel, running)| ChannelRoom {
                    tenant: tenant.clone(),
                    channel: channel.clone(),
                    running: *running,
                    more: self.more_of_channel(tenant, channel, *running, room.more),
                })
            })
            .collect();
        // Those that fail and hold none have less than another would.
        let failing = self.failures.keys().filter(|(tenant, channel)| {
            self.is_failing(tenant, channel) && self.running_in(tenant, channel) == 0
        });
        channels.extend(failing.map(|(tenant, channel)| ChannelRoom {
            tenant: tenant.clone(),
            channel: channel.clone(),
            running: 0,
            more: SLOTS_OF_FAILING,
        }));
        Room {
            tenants,
            of_another_tenant,
            channels,
            of_another_channel: self.share_of_channel(0, of_another_tenant),
        }
    }

    /// An attempt of this channel begins.
    pub fn take(&mut self, tenant: &TenantId, channel: &ChannelId) {
        let channels = self.held.entry(tenant.clone()).or_default();
        *channels.entry(channel.clone()).or_default() += 1;
        self.running += 1;
    }

    /// An attempt of this channel is over.
    pub fn free(&mut self, tenant: &TenantId, channel: &ChannelId) {
        let Some(channels) = self.held.get_mut(tenant) else {
            return;
        };
        let Some(running) = channels.get_mut(channel) else {
            return;
        };
        *running -= 1;
        self.running -= 1;
        if *running == 0 {
            channels.remove(channel);
        }
        if channels.is_empty() {
            self.held.remove(tenant);
        }
    }

    /// An attempt ended and said something of its channel.
    pub fn learn(&mut self, tenant: &TenantId, channel: &ChannelId, said: Said) {
        let key = (tenant.clone(), channel.clone());
        match said {
            Said::Fails => {
                if self.failures.len() >= FAILING && !self.failures.contains_key(&key) {
                    return;
                }
                let failures = self.failures.entry(key).or_default();
                *failures = failures.saturating_add(1);
            }
            Said::Works => {
                self.failures.remove(&key);
            }
            Said::Nothing => {}
        }
    }

    fn more_of_tenant(&self, running: u32, under_way: u32) -> u32 {
        let free = self.total.saturating_sub(self.running + under_way);
        let counted = running + under_way;
        let is_alone = self.running == running;
        let more = if is_alone {
            free
        } else {
            // Rounded down, or the last slots would go to one that holds none yet.
            share(counted, free) / (HELD_PER_FREE + 1)
        };
        let more = if running == 0 { more.max(1) } else { more };
        more.min(free).min(self.tenant_cap.saturating_sub(counted))
    }

    fn more_of_channel(
        &self,
        tenant: &TenantId,
        channel: &ChannelId,
        running: u32,
        of_tenant: u32,
    ) -> u32 {
        let more = self.share_of_channel(running, of_tenant);
        if self.is_failing(tenant, channel) {
            return more.min(SLOTS_OF_FAILING.saturating_sub(running));
        }
        more
    }

    /// Of the few that a tenant may have, rounded up: one that has one channel
    /// uses them all.
    fn share_of_channel(&self, running: u32, of_tenant: u32) -> u32 {
        if self.tenant_cap >= self.total {
            return of_tenant;
        }
        let more = share(running, of_tenant).div_ceil(HELD_PER_FREE + 1);
        more.min(of_tenant)
    }

    fn is_failing(&self, tenant: &TenantId, channel: &ChannelId) -> bool {
        let key = (tenant.clone(), channel.clone());
        self.failures
            .get(&key)
            .is_some_and(|count| *count >= FAILURES)
    }

    fn running_in(&self, tenant: &TenantId, channel: &ChannelId) -> u32 {
        let channels = self.held.get(tenant);
        channels
            .and_then(|channels| channels.get(channel))
            .copied()
            .unwrap_or_default()
    }
}

/// Four times what one that holds `running` may take of `free` slots, to hold
/// three times what is free then.
fn share(running: u32, free: u32) -> u32 {
    free.saturating_mul(HELD_PER_FREE).saturating_sub(running)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOTAL: u32 = 32;
    const CAP: u32 = 24;

    fn tenant(n: u8) -> TenantId {
        format!("t{n}").parse().unwrap()
    }

    fn channel(n: u8) -> ChannelId {
        format!("c{n}").parse().unwrap()
    }

    fn more_of(slots: &Slots, at: (u8, u8)) -> u32 {
        let (tenant, channel) = (tenant(at.0), channel(at.1));
        let room = slots.room(0);
        let of_tenant = room
            .tenants
            .iter()
            .find(|held| held.tenant == tenant)
            .map_or(room.of_another_tenant, |held| held.more);
        let of_channel = room
            .channels
            .iter()
            .find(|held| held.tenant == tenant && held.channel == channel)
            .map_or(room.of_another_channel, |held| held.more);
        of_tenant.min(of_channel)
    }

    /// Takes slots for it until there is no more for it; gives how many it got.
    fn take_all(slots: &mut Slots, at: (u8, u8)) -> u32 {
        let mut taken = 0;
        while more_of(slots, at) > 0 {
            slots.take(&tenant(at.0), &channel(at.1));
            taken += 1;
        }
        taken
    }

    #[test]
    fn whoever_comes_next_finds_some_left() {
        let mut slots = Slots::new(TOTAL, CAP);
        let taken: Vec<_> = (0..5).map(|n| take_all(&mut slots, (n, 0))).collect();
        assert!(taken.iter().all(|taken| *taken > 0), "{taken:?}");
        assert!(
            taken[0] > TOTAL / 2,
            "one that is alone has most: {taken:?}"
        );
    }

    #[test]
    fn another_channel_of_a_greedy_tenant_finds_some_left() {
        let mut slots = Slots::new(TOTAL, CAP);
        assert!(take_all(&mut slots, (0, 0)) > TOTAL / 2);
        assert!(take_all(&mut slots, (0, 1)) > 0);
        assert!(take_all(&mut slots, (1, 0)) > 0);
    }

    #[test]
    fn a_channel_that_fails_has_a_few_until_it_works() {
        let mut slots = Slots::new(TOTAL, CAP);
        for _ in 0..FAILURES {
            slots.learn(&tenant(0), &channel(0), Said::Fails);
        }
        slots.learn(&tenant(0), &channel(0), Said::Nothing);
        assert_eq!(take_all(&mut slots, (0, 0)), SLOTS_OF_FAILING);
        assert!(take_all(&mut slots, (0, 1)) > SLOTS_OF_FAILING);
        slots.learn(&tenant(0), &channel(0), Said::Works);
        assert!(more_of(&slots, (0, 0)) > 0);
    }

    #[test]
    fn a_tenant_never_has_more_than_its_cap() {
        let mut slots = Slots::new(TOTAL, 3);
        for n in 0..9 {
            take_all(&mut slots, (0, n));
        }
        assert_eq!(slots.running, 3);
    }

    #[test]
    fn where_tenants_have_no_cap_one_may_have_all() {
        let mut slots = Slots::new(TOTAL, TOTAL);
        assert_eq!(take_all(&mut slots, (0, 0)), TOTAL);
    }

    #[test]
    fn a_worker_of_one_slot_gives_it() {
        let mut slots = Slots::new(1, 1);
        assert_eq!(take_all(&mut slots, (0, 0)), 1);
        assert_eq!(more_of(&slots, (1, 0)), 0);
    }

    proptest! {
        /// Whatever is taken and given back, no more is held than there is, and
        /// what is given back is free again.
        #[test]
        fn the_counts_hold(
            total in 1_u32..64,
            cap in 1_u32..64,
            steps in prop::collection::vec((0_u8..6, 0_u8..4, any::<bool>()), 0..200),
        ) {
            let mut slots = Slots::new(total, cap);
            let mut held = Vec::new();
            for (of, at, takes) in steps {
                if takes && more_of(&slots, (of, at)) > 0 {
                    slots.take(&tenant(of), &channel(at));
                    held.push((of, at));
                } else if !takes && let Some((of, at)) = held.pop() {
                    slots.free(&tenant(of), &channel(at));
                }
                prop_assert_eq!(slots.running as usize, held.len());
                prop_assert!(slots.running <= total);
            }
            for (of, at) in held {
                slots.free(&tenant(of), &channel(at));
            }
            prop_assert!(slots.held.is_empty() && slots.running == 0);
        }

        /// Nobody who holds none waits while more than a few are free.
        #[test]
        fn a_newcomer_gets_one(taken in prop::collection::vec((0_u8..8, 0_u8..4), 0..64)) {
            let mut slots = Slots::new(TOTAL, TOTAL);
            for (of, at) in taken {
                if more_of(&slots, (of, at)) > 0 {
                    slots.take(&tenant(of), &channel(at));
                }
            }
            if slots.running < TOTAL {
                prop_assert!(more_of(&slots, (9, 9)) > 0);
            }
        }
    }
}
