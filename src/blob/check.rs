//! The hash of what is read, held against that of what was stored.
//!
//! It is taken beside the stream, on a thread for what blocks, so that the next
//! bytes are read and sent meanwhile. No more than two batches of a stream are
//! kept for it.

use crate::attachment::status::Sha256;
use bytes::Bytes;
use sha2::Digest as _;
use std::mem;
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes that are hashed at once: enough that handing them over costs little.
const BATCH_BYTES: usize = 64 * 1024;

/// Follows a whole object as it is read.
pub(super) struct Check {
    stored: Sha256,
    /// Of all that was handed over; none while a thread has it.
    read: Option<sha2::Sha256>,
    running: Option<JoinHandle<sha2::Sha256>>,
    batch: Vec<Bytes>,
    batched: usize,
}

impl Check {
    pub(super) fn against(stored: Sha256) -> Self {
        Self {
            stored,
            read: Some(sha2::Sha256::new()),
            running: None,
            batch: Vec::new(),
            batched: 0,
        }
    }

    /// Takes the next bytes; waits where the batch before is not hashed yet.
    pub(super) async fn update(&mut self, piece: Bytes) {
        self.batched += piece.len();
        self.batch.push(piece);
        if self.batched < BATCH_BYTES {
            return;
        }
        let Some(mut read) = self.hashed().await else {
            return;
        };
        let batch = mem::take(&mut self.batch);
        self.batched = 0;
        self.running = Some(spawn_blocking(move || {
            for piece in batch {
                read.update(&piece);
            }
            read
        }));
    }

    /// Whether everything was read as it was stored.
    pub(super) async fn holds(mut self) -> bool {
        let Some(mut read) = self.hashed().await else {
            return false;
        };
        for piece in self.batch {
            read.update(&piece);
        }
        read.finalize()[..] == self.stored.0[..]
    }

    /// The hash of what was handed over; none where its thread is gone, as at
    /// the end of the process.
    async fn hashed(&mut self) -> Option<sha2::Sha256> {
        match self.running.take() {
            Some(running) => running.await.ok(),
            None => self.read.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_byte_counts_in_whatever_pieces_it_comes() {
        let object: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
        let stored = Sha256(sha2::Sha256::digest(&object).into());
        for size in [1_000, 65_536, 100_001, 400_000] {
            for damaged in [None, Some(0), Some(200_000), Some(399_999)] {
                let mut bytes = object.clone();
                if let Some(at) = damaged {
                    bytes[at] ^= 1;
                }
                let mut check = Check::against(stored);
                for piece in bytes.chunks(size) {
                    check.update(Bytes::copy_from_slice(piece)).await;
                }
                assert_eq!(check.holds().await, damaged.is_none(), "{size} {damaged:?}");
            }
        }
        let nothing = Sha256(sha2::Sha256::digest(b"").into());
        assert!(Check::against(nothing).holds().await);
    }
}
