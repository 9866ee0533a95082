//! Where a file waits between its download and its put: small ones in
//! memory, larger ones in a file without a name, which nothing can leave behind.

use crate::blob::Payload;
use bytes::{Bytes, BytesMut};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

/// Bytes are written to disk in pieces of this size.
const PIECE_BYTES: usize = 256 * 1024;

pub(super) struct Spool<'a> {
    memory_bytes: usize,
    dir: &'a Path,
    /// What is not on disk yet.
    buffer: BytesMut,
    file: Option<Arc<File>>,
    written: u64,
}

impl<'a> Spool<'a> {
    pub(super) fn new(memory_bytes: usize, dir: &'a Path) -> Self {
        Self {
            memory_bytes,
            dir,
            buffer: BytesMut::new(),
            file: None,
            written: 0,
        }
    }

    /// Takes the next bytes.
    pub(super) async fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        let full = match self.file {
            None => self.buffer.len() > self.memory_bytes,
            Some(_) => self.buffer.len() >= PIECE_BYTES,
        };
        if full { self.write_out().await } else { Ok(()) }
    }

    /// All bytes, ready to be put.
    pub(super) async fn finish(mut self) -> io::Result<Payload> {
        if self.file.is_some() {
            self.write_out().await?;
        }
        Ok(match self.file {
            None => Payload::Memory(self.buffer.freeze()),
            Some(file) => Payload::File {
                file,
                len: self.written,
            },
        })
    }

    async fn write_out(&mut self) -> io::Result<()> {
        let piece: Bytes = self.buffer.split().freeze();
        let len = piece.len() as u64;
        let open = self.file.clone();
        let dir = self.dir.to_owned();
        let file = tokio::task::spawn_blocking(move || {
            let file = match open {
                Some(file) => file,
                None => Arc::new(tempfile::tempfile_in(dir)?),
            };
            (&*file).write_all(&piece)?;
            Ok::<_, io::Error>(file)
        })
        .await
        .map_err(io::Error::other)??;
        self.file = Some(file);
        self.written += len;
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
        let mut spool = Spool::new(10, dir.path());
        spool.push(b"0123456789").await.unwrap();
        let Payload::Memory(bytes) = spool.finish().await.unwrap() else {
            panic!("not in memory");
        };
        assert_eq!(bytes, &b"0123456789"[..]);

        let mut spool = Spool::new(10, dir.path());
        let expected: Vec<u8> = (0..600_000_u32).map(|n| (n % 253) as u8).collect();
        for piece in expected.chunks(7_000) {
            spool.push(piece).await.unwrap();
        }
        let Payload::File { file, len } = spool.finish().await.unwrap() else {
            panic!("not on disk");
        };
        let mut found = vec![0; expected.len()];
        file.read_exact_at(&mut found, 0).unwrap();
        assert_eq!((found, len), (expected, 600_000));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
