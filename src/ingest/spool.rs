//! Where a file waits between its download and its put: small ones in
//! memory, larger ones in a file without a name, which nothing can leave behind.

use super::disk_budget::{DiskBudget, Taken};
use crate::blob::Payload;
use crate::ids::TenantId;
use bytes::BytesMut;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes are written to disk in pieces of this size.
const PIECE_BYTES: usize = 128 * 1024;

/// Where files wait, and what they may take together.
#[derive(Debug)]
pub(super) struct Spools {
    memory_bytes: usize,
    dir: PathBuf,
    disk_bytes: u64,
    disk: DiskBudget,
}

impl Spools {
    /// Files of more than `memory_bytes` go to disk, below `dir`, where all of
    /// them have `disk_bytes`.
    pub(super) fn new(memory_bytes: usize, dir: PathBuf, disk_bytes: u64) -> Self {
        Self {
            memory_bytes,
            dir,
            disk_bytes,
            disk: DiskBudget::new(disk_bytes),
        }
    }

    /// A larger file never finds a place.
    pub(super) fn largest_file_bytes(&self) -> u64 {
        self.disk_bytes
    }

    /// A place for a tenant's file that is announced with this length, if with any.
    pub(super) fn open(&self, tenant: &TenantId, announced: Option<u64>) -> Spool<'_> {
        let taken = self.disk.begin(tenant);
        Spool::new(self.memory_bytes, &self.dir, taken, announced)
    }
}

/// Where one file waits.
pub(super) struct Spool<'a> {
    dir: &'a Path,
    taken: Taken,
    /// What is not on disk yet.
    buffer: BytesMut,
    /// Bytes that may wait in the buffer.
    capacity: usize,
    file: Option<Arc<File>>,
    written: u64,
}

/// A file that waits to be put, with its share of the disk budget.
pub(super) struct Spooled {
    pub(super) payload: Payload,
    /// To be kept for as long as the payload is.
    pub(super) taken: Taken,
}

/// The spool could not take it.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpoolError {
    /// Other files have the disk.
    #[error("the disk budget of the spool is taken")]
    Full,
    /// The disk failed.
    #[error("the spool's disk failed")]
    Disk(#[from] io::Error),
}

impl<'a> Spool<'a> {
    /// For a file that is announced with this length, if with any. One that
    /// is not to stay in memory takes no more of it than a piece needs.
    fn new(memory_bytes: usize, dir: &'a Path, taken: Taken, announced: Option<u64>) -> Self {
        let announced = announced.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX));
        let capacity = if announced > memory_bytes {
            PIECE_BYTES
        } else {
            memory_bytes
        };
        Self {
            dir,
            taken,
            buffer: BytesMut::with_capacity(announced.min(capacity)),
            capacity,
            file: None,
            written: 0,
        }
    }

    /// Takes the next bytes.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        if self.buffer.len() + bytes.len() > self.capacity {
            self.write_out().await?;
            self.capacity = PIECE_BYTES;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// All bytes, ready to be put.
    pub(super) async fn finish(mut self) -> Result<Spooled, SpoolError> {
        if self.file.is_some() {
            self.write_out().await?;
        }
        let payload = match self.file {
            None => Payload::Memory(self.buffer.freeze()),
            Some(file) => Payload::File {
                file,
                len: self.written,
            },
        };
        Ok(Spooled {
            payload,
            taken: self.taken,
        })
    }

    async fn write_out(&mut self) -> Result<(), SpoolError> {
        if !self.taken.grow(self.buffer.len() as u64) {
            return Err(SpoolError::Full);
        }
        let mut piece = std::mem::take(&mut self.buffer);
        let open = self.file.clone();
        let dir = self.dir.to_owned();
        self.written += piece.len() as u64;
        let (file, emptied) = tokio::task::spawn_blocking(move || {
            let file = match open {
                Some(file) => file,
                None => Arc::new(tempfile::tempfile_in(dir)?),
            };
            (&*file).write_all(&piece)?;
            piece.clear();
            Ok::<_, io::Error>((file, piece))
        })
        .await
        .map_err(io::Error::other)??;
        self.file = Some(file);
        self.buffer = emptied;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt as _;

    #[tokio::test]
    async fn small_files_stay_in_memory_and_large_ones_leave_no_name() {
        let dir = tempfile::tempdir().unwrap();
        let disk = DiskBudget::new(1_000_000);
        let tenant: TenantId = "acme".parse().unwrap();
        let mut spool = Spool::new(10, dir.path(), disk.begin(&tenant), Some(10));
        spool.push(b"0123456789").await.unwrap();
        let Payload::Memory(bytes) = spool.finish().await.unwrap().payload else {
            panic!("not in memory");
        };
        assert_eq!(bytes, &b"0123456789"[..]);

        let sent: Vec<u8> = (0..600_000_u32).map(|n| (n % 253) as u8).collect();
        for announced in [None, Some(600_000)] {
            let mut spool = Spool::new(10, dir.path(), disk.begin(&tenant), announced);
            for piece in sent.chunks(7_000) {
                spool.push(piece).await.unwrap();
            }
            let spooled = spool.finish().await.unwrap();
            assert!(!disk.begin(&tenant).grow(600_000), "it keeps its share");
            let Payload::File { file, len } = spooled.payload else {
                panic!("not on disk");
            };
            let mut found = vec![0; sent.len()];
            file.read_exact_at(&mut found, 0).unwrap();
            assert!(found == sent && len == 600_000);
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        }
    }
}
