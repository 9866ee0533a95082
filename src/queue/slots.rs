//! The slots of this process: handed out by the claimer, free again when their
//! attempt is over.

use crate::attachment::slots::{Room, Said, Slots};
use crate::attachment::status::{Attempt, Settlement};
use crate::ids::{ChannelId, TenantId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// All slots, shared by the claimer and the attempts.
#[derive(Debug, Clone)]
pub(super) struct SlotKeeper {
    free: Arc<Semaphore>,
    total: u32,
    slots: Arc<Mutex<Slots>>,
    freed: Arc<Notify>,
}

/// A slot that somebody holds; free again when this is dropped.
#[derive(Debug)]
pub struct Slot {
    keeper: SlotKeeper,
    tenant: TenantId,
    channel: ChannelId,
    _permit: OwnedSemaphorePermit,
}

impl SlotKeeper {
    pub(super) fn new(total: u32, tenant_cap: u32) -> Self {
        Self {
            free: Arc::new(Semaphore::new(total as usize)),
            total,
            slots: Arc::new(Mutex::new(Slots::new(total, tenant_cap))),
            freed: Arc::default(),
        }
    }

    /// Waits for a free slot and takes what others are free with it, up to
    /// `most`; none once the process ends.
    pub(super) async fn acquire(&self, most: usize) -> Vec<OwnedSemaphorePermit> {
        let mut taken = Vec::new();
        taken.extend(self.free.clone().acquire_owned().await.ok());
        while taken.len() < most
            && let Ok(permit) = self.free.clone().try_acquire_owned()
        {
            taken.push(permit);
        }
        taken
    }

    /// Waits until one has come free since the last wait.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Waits until none is held.
    pub(super) async fn all_free(&self) {
        let _ = self.free.acquire_many(self.total).await;
    }

    /// How many more each may have, while rounds are under way for so many.
    pub(super) fn room(&self, under_way: u32) -> Room {
        self.lock().room(under_way)
    }

    /// The slot of an attempt that begins.
    pub(super) fn hold(&self, attempt: &Attempt, permit: OwnedSemaphorePermit) -> Slot {
        let (tenant, channel) = (&attempt.attachment.tenant, &attempt.attachment.channel);
        self.lock().take(tenant, channel);
        Slot {
            keeper: self.clone(),
            tenant: tenant.clone(),
            channel: channel.clone(),
            _permit: permit,
        }
    }

    /// Learns of an attempt's end what it says of its channel.
    pub(super) fn learn(&self, settlement: &Settlement) {
        let owner = &settlement.attachment;
        let said = Said::by(&settlement.outcome);
        self.lock().learn(&owner.tenant, &owner.channel, said);
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.keeper.lock().free(&self.tenant, &self.channel);
        self.keeper.freed.notify_one();
    }
}
