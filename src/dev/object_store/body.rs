//! Bodies that do more than flow: one that hands its rest back, one that
//! breaks off, one that is slow.

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use s3s::stream::{ByteStream, RemainingLength};
use s3s::{Body, StdError};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;

/// More than this is not read for politeness.
const MAX_DRAINED_BYTES: usize = 256 * 1024 * 1024;

/// Splits a request body into the one to serve and the rest that serving leaves.
pub(super) fn drainable(body: Body) -> (Body, Rest) {
    let (give_back, rest) = oneshot::channel();
    let served = Drainable {
        body: Some(body),
        give_back: Some(give_back),
    };
    (stream_body(served), Rest(rest))
}

/// What serving left of a request body.
pub(super) struct Rest(oneshot::Receiver<Body>);

impl Rest {
    /// Reads the rest, so that a client that is still sending gets to read
    /// its answer: hyper resets the connection otherwise.
    pub(super) async fn drain(self) {
        let Ok(mut body) = self.0.await else {
            return;
        };
        let mut drained = 0;
        while let Some(Ok(chunk)) = body.next().await {
            drained += chunk.len();
            if drained > MAX_DRAINED_BYTES {
                return;
            }
        }
    }
}

/// Gives its body back when it is dropped before the end.
struct Drainable {
    body: Option<Body>,
    give_back: Option<oneshot::Sender<Body>>,
}

impl Stream for Drainable {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let polled = body.poll_next_unpin(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        polled
    }
}

impl ByteStream for Drainable {
    fn remaining_length(&self) -> RemainingLength {
        self.body.as_ref().map_or_else(
            || RemainingLength::new_exact(0),
            ByteStream::remaining_length,
        )
    }
}

impl Drop for Drainable {
    fn drop(&mut self) {
        if let (Some(body), Some(give_back)) = (self.body.take(), self.give_back.take()) {
            // Nobody waits for it when the connection is being closed.
            let _ = give_back.send(body);
        }
    }
}

/// A body that breaks off after `limit` bytes. A shorter one ends as it would.
pub(super) fn cut(body: Body, limit: u64) -> Body {
    stream_body(Faulty(Box::pin(stream::unfold(
        Some((body, limit)),
        |state| async move {
            let (mut body, left) = state?;
            if left == 0 {
                // First what was let through is written out.
                tokio::task::yield_now().await;
                return Some((Err(aborted()), None));
            }
            match body.next().await? {
                Ok(mut chunk) => {
                    chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                    let left = left - chunk.len() as u64;
                    Some((Ok(chunk), Some((body, left))))
                }
                Err(error) => Some((Err(error), None)),
            }
        },
    ))))
}

/// A body of which so many bytes a second pass.
pub(super) fn throttle(body: Body, bytes_per_second: u64) -> Body {
    stream_body(Faulty(Box::pin(body.then(move |piece| async move {
        if let Ok(piece) = &piece {
            let millis = piece.len() as u64 * 1000 / bytes_per_second.max(1);
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        piece
    }))))
}

/// What a fault made of a body. Its length is not known.
struct Faulty(Pin<Box<dyn Stream<Item = Result<Bytes, StdError>> + Send + Sync>>);

impl Stream for Faulty {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(cx)
    }
}

impl ByteStream for Faulty {}

fn stream_body(
    stream: impl ByteStream<Item = Result<Bytes, StdError>> + Send + Sync + 'static,
) -> Body {
    Body::from(s3s::dto::StreamingBlob::new(stream))
}

fn aborted() -> StdError {
    io::Error::from(io::ErrorKind::ConnectionAborted).into()
}
