//! The budget on the disk of the spool, shared by all attempts of the process.
//!
//! A file takes all it may need when it first goes to disk, or none:
//! taken bit by bit, files that each have half would wait for one another.

use metrics::gauge;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The budget is counted in blocks of this many bytes.
const BLOCK_BYTES: u64 = 64 * 1024;

/// Bytes on the disk that all attempts share.
#[derive(Debug, Clone)]
pub(super) struct DiskBudget {
    free: Arc<Semaphore>,
    blocks: u32,
}

/// The share of one file; free again when this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    budget: DiskBudget,
    blocks: Option<OwnedSemaphorePermit>,
}

impl DiskBudget {
    /// For so many bytes in all, rounded up to a block.
    pub(super) fn new(bytes: u64) -> Self {
        let blocks = blocks(bytes);
        Self {
            free: Arc::new(Semaphore::new(blocks as usize)),
            blocks,
        }
    }

    /// Takes a share for a file of up to `bytes`; `None` when others have it.
    pub(super) fn take(&self, bytes: u64) -> Option<Taken> {
        let wanted = blocks(bytes).min(self.blocks);
        let taken = self.free.clone().try_acquire_many_owned(wanted).ok()?;
        self.report();
        Some(Taken {
            budget: self.clone(),
            blocks: Some(taken),
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    fn report(&self) {
        let taken = u64::from(self.blocks).saturating_sub(self.free.available_permits() as u64);
        gauge!("attachments_spool_taken_bytes").set((taken * BLOCK_BYTES) as f64);
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        drop(self.blocks.take());
        self.budget.report();
    }
}

fn blocks(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(BLOCK_BYTES)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_all_its_room_or_none() {
        let budget = DiskBudget::new(10 * BLOCK_BYTES);
        let first = budget.take(6 * BLOCK_BYTES).unwrap();
        assert!(budget.take(5 * BLOCK_BYTES).is_none());
        let second = budget.take(3 * BLOCK_BYTES + 1).unwrap();
        assert!(budget.take(1).is_none());
        drop((first, second));
        // One that is larger than everything may have everything.
        assert!(budget.take(u64::MAX).is_some());
    }
}
