//! The bytes of an object before it is put: in memory, or in a file without a
//! name. Either can be read again should the store ask twice.

use crate::failpoint::{self, Step};
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use bytes::Bytes;
use futures::Stream;
use futures::stream;
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Bytes are read from a file in pieces of this size.
const PIECE_BYTES: u64 = 128 * 1024;

/// The bytes of an object, with their number known.
#[derive(Debug, Clone)]
pub enum Payload {
    /// In memory.
    Memory(Bytes),
    /// In a file, from its start.
    File {
        /// The file; it needs no name any more.
        file: Arc<File>,
        /// How many bytes of it.
        len: u64,
    },
}

impl Payload {
    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `len` bytes from `offset` on as a request body that the SDK may send again.
    pub(super) fn stream(&self, offset: u64, len: u64) -> ByteStream {
        match self {
            Self::Memory(bytes) => ByteStream::from(slice(bytes, offset, len)),
            Self::File { file, .. } => {
                let file = file.clone();
                ByteStream::new(SdkBody::retryable(move || {
                    SdkBody::from_body_1_x(FileBody::new(file.clone(), offset, len))
                }))
            }
        }
    }

    /// The SHA-256 of `len` bytes from `offset` on. `running` goes on over
    /// the same bytes, so that who hashes part by part has the whole too.
    pub(super) async fn hash(
        &self,
        offset: u64,
        len: u64,
        mut running: Sha256,
    ) -> io::Result<([u8; 32], Sha256)> {
        let payload = self.clone();
        let mut piece = empty_piece(PIECE_BYTES.min(len))?;
        let hashed = tokio::task::spawn_blocking(move || {
            let mut hasher = Sha256::new();
            let mut update = |bytes: &[u8]| {
                hasher.update(bytes);
                running.update(bytes);
            };
            match payload {
                Self::Memory(bytes) => update(&slice(&bytes, offset, len)),
                Self::File { file, .. } => {
                    let (mut at, end) = (offset, offset + len);
                    while at < end {
                        let want = usize::try_from(end - at).unwrap_or(usize::MAX);
                        let want = want.min(piece.len());
                        file.read_exact_at(&mut piece[..want], at)?;
                        update(&piece[..want]);
                        at += want as u64;
                    }
                }
            }
            Ok((hasher.finalize().into(), running))
        });
        hashed.await.map_err(io::Error::other)?
    }
}

/// No more of it than there is.
fn slice(bytes: &Bytes, offset: u64, len: u64) -> Bytes {
    let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(at(offset)..at(offset.saturating_add(len)))
}

type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send + Sync>>;

/// A stretch of a file as an HTTP body of known length.
struct FileBody {
    pieces: Pieces,
    left: u64,
}

impl FileBody {
    fn new(file: Arc<File>, offset: u64, len: u64) -> Self {
        let end = offset + len;
        let pieces = stream::unfold(offset, move |offset| {
            let file = file.clone();
            async move {
                let want = PIECE_BYTES.min(end - offset);
                if want == 0 {
                    return None;
                }
                if offset > 0 {
                    failpoint::reach(Step::Putting).await;
                }
                let piece = read_piece(file, offset, want).await;
                Some((piece, offset + want))
            }
        });
        Self {
            pieces: Box::pin(pieces),
            left: len,
        }
    }
}

async fn read_piece(file: Arc<File>, offset: u64, want: u64) -> io::Result<Bytes> {
    let mut piece = empty_piece(want)?;
    let read = tokio::task::spawn_blocking(move || {
        file.read_exact_at(&mut piece, offset)?;
        Ok(piece.into())
    });
    read.await.map_err(io::Error::other)?
}

/// Made by who asks and not by the disk's threads: they are many, and the
/// allocator keeps a heap of its own for each that ever asked it for memory.
fn empty_piece(len: u64) -> io::Result<Vec<u8>> {
    Ok(vec![0; usize::try_from(len).map_err(io::Error::other)?])
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.pieces.as_mut().poll_next(context).map(|next| {
            next.map(|piece| {
                let piece = piece?;
                self.left -= piece.len() as u64;
                Ok(Frame::data(piece))
            })
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
