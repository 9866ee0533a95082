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

/// Whoever reads says so more often than this, if slowly.
const SILENCE: Duration = Duration::from_secs(5);
/// Nothing of what comes now is looked at.
const SCRATCH_BYTES: usize = 4 * 1024;

/// A TCP connection whose shutdown ends when the peer has closed it as well.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// Until when a silent peer is waited for; set by the shutdown.
    lingering: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// Over this stream.
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            lingering: None,
        }
    }

    /// Reads on until the peer closes, fails or falls silent.
    fn poll_closed_by_peer(
        stream: &mut TcpStream,
        silence: &mut Pin<Box<Sleep>>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut scratch = [0; SCRATCH_BYTES];
        loop {
            let mut unwanted = ReadBuf::new(&mut scratch);
            match Pin::new(&mut *stream).poll_read(cx, &mut unwanted) {
                Poll::Ready(Ok(())) if !unwanted.filled().is_empty() => {
                    silence.as_mut().reset(Instant::now() + SILENCE);
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return silence.as_mut().poll(cx),
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
        let silence = lingering.get_or_insert_with(|| Box::pin(sleep(SILENCE)));
        Self::poll_closed_by_peer(stream, silence, cx).map(Ok)
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}
