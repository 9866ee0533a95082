//! Answers that break HTTP: bytes that go straight to the socket.
//!
//! A handler marks its response with a [`Fault`]; `server` then fails the
//! connection with the [`RawAnswer`] made here and plays it on the bare socket.

use super::journal::Record;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH};
use http::response::Parts;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{self, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long a client may take to read a broken answer's end.
const LINGER: Duration = Duration::from_secs(5);

/// A way in which an answer goes wrong on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is reset: before a byte is sent, or after this much of the body.
    Reset(Option<usize>),
    /// `Content-Length` is right, the connection closes after this much (half by default).
    Cut(Option<usize>),
    /// No length and no chunks: the end of the connection is the end of the
    /// body. With a number it ends there, and the client cannot tell.
    Close(Option<usize>),
    /// `Content-Length` is off by this; the whole body is sent, then the connection closes.
    Lying(i64),
}

/// The bytes of a broken answer, carried out of hyper as the service's error.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the script breaks the connection")]
pub(super) struct RawAnswer {
    head: Bytes,
    body: Bytes,
    reset: bool,
    record: Option<Arc<Record>>,
}

impl RawAnswer {
    /// Spells the response out as the fault demands.
    pub(super) fn new(
        parts: &Parts,
        body: &Bytes,
        fault: Fault,
        record: Option<Arc<Record>>,
    ) -> Self {
        let length = body.len();
        let (declared, sent) = match fault {
            Fault::Reset(None) => {
                let nothing = Bytes::new();
                return Self {
                    head: nothing.clone(),
                    body: nothing,
                    reset: true,
                    record,
                };
            }
            Fault::Reset(Some(bytes)) => (Some(length), below(bytes, length)),
            Fault::Cut(bytes) => (Some(length), below(bytes.unwrap_or(length / 2), length)),
            Fault::Close(bytes) => (None, bytes.map_or(length, |bytes| below(bytes, length))),
            Fault::Lying(by) => {
                let by_size = isize::try_from(by).unwrap_or(isize::MAX);
                (Some(length.saturating_add_signed(by_size)), length)
            }
        };
        Self {
            head: head(parts, declared),
            body: body.slice(..sent),
            reset: matches!(fault, Fault::Reset(_)),
            record,
        }
    }

    /// Sends it and ends the connection.
    pub(super) async fn play(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.write_all(&self.head).await?;
        stream.write_all(&self.body).await?;
        if let Some(record) = &self.record {
            record.sent(self.body.len());
        }
        if self.reset {
            return stream.set_zero_linger();
        }
        stream.shutdown().await?;
        // Closing over unread input would reset the connection and could cost
        // the client the last bytes, so what it still says is read first.
        let mut unread = stream.take(1 << 20);
        let mut nowhere = io::sink();
        let _ = tokio::time::timeout(LINGER, io::copy(&mut unread, &mut nowhere)).await;
        Ok(())
    }
}

/// `bytes`, but never the whole body.
pub(super) fn below(bytes: usize, length: usize) -> usize {
    bytes.min(length.saturating_sub(1))
}

fn head(parts: &Parts, content_length: Option<usize>) -> Bytes {
    let mut head = BytesMut::new();
    head.put_slice(format!("HTTP/1.1 {}\r\n", parts.status).as_bytes());
    for (name, value) in &parts.headers {
        if name != CONTENT_LENGTH && name != CONNECTION {
            put_header(&mut head, name.as_str(), value.as_bytes());
        }
    }
    if let Some(length) = content_length {
        put_header(
            &mut head,
            CONTENT_LENGTH.as_str(),
            length.to_string().as_bytes(),
        );
    }
    put_header(&mut head, CONNECTION.as_str(), b"close");
    head.put_slice(b"\r\n");
    head.freeze()
}

fn put_header(head: &mut BytesMut, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        head.put_slice(part);
    }
}
