//! A connection that lets its peer read to the end.
//!
//! A socket that is closed while its peer still sends answers with a reset,
//! and a reset throws away what was written and has not gone out yet. Behind a
//! slow network that is the end of a stream, and the HTTP/2 peer of a stream
//! does send: it grants more room as it reads. So a connection that is shut
//! down says that nothing more comes, and goes on listening until its peer
//! has closed too, or has been silent for a while (RFC 9112 section 9.6).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tonic::transport::server::{Connected, TcpConnectInfo};

/// A peer that reads grants more once it has read half of its window: with one
/// of 2 MB, at 70 KB/s, within this. A peer that is silent for longer is cut.
pub const SILENCE: Duration = Duration::from_secs(15);
/// A peer that goes on sending is cut after this.
const LONGEST: Duration = Duration::from_mins(1);
/// The buffer for what a peer still sends; it is thrown away unread.
const SCRATCH_BYTES: usize = 4 * 1024;

/// A TCP connection whose shutdown ends when the peer has closed it as well.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// Set by the shutdown.
    lingering: Option<Lingering>,
}

/// A peer that is waited for.
#[derive(Debug)]
struct Lingering {
    /// The end of its silence.
    silence: Pin<Box<Sleep>>,
    /// The end of all patience.
    until: Instant,
}

impl Connection {
    /// Over this stream.
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            lingering: None,
        }
    }
}

impl Lingering {
    fn begin() -> Self {
        Self {
            silence: Box::pin(sleep(SILENCE)),
            until: Instant::now() + LONGEST,
        }
    }

    /// Reads on until the peer closes, fails, falls silent or goes too far.
    fn poll_over(&mut self, stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; SCRATCH_BYTES];
        loop {
            let mut unwanted = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *stream).poll_read(cx, &mut unwanted) {
                Poll::Ready(Ok(())) if !unwanted.filled().is_empty() => {
                    let silent_at = (Instant::now() + SILENCE).min(self.until);
                    self.silence.as_mut().reset(silent_at);
                    if Instant::now() >= self.until {
                        return Poll::Ready(());
                    }
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.silence.as_mut().poll(cx),
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, lingering } = self.get_mut();
        if lingering.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        }
        let lingering = lingering.get_or_insert_with(Lingering::begin);
        lingering.poll_over(stream, cx).map(Ok)
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}
