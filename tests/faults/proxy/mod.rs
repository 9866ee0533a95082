//! A TCP proxy that does to connections what a bad network does.
//!
//! It stands before Postgres, the store or a provider; the services are told
//! its address. What it does can be changed while connections are open, and so
//! can its target: that is a fail-over.

mod tests;

use crate::ground::ANY_PORT;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// What becomes of connections, old and new.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Weather {
    /// They pass.
    Fair,
    /// Each piece is this late, either way.
    Latency(Duration),
    /// This many bytes a second, either way.
    Throttle(u64),
    /// Reset once this many bytes went through one, both ways together.
    CutAfter(u64),
    /// Taken, and nothing goes through: no answer, no reset. What is under way
    /// comes through when the weather changes.
    BlackHole,
    /// No new ones: nobody listens. Those that are open pass.
    Refuse,
}

/// Who is behind it.
#[derive(Debug, Clone)]
pub enum Target {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A running proxy. Dropping it resets everything.
pub struct Proxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: AbortOnDropHandle<()>,
}

struct Shared {
    weather: watch::Sender<Weather>,
    target: watch::Sender<Target>,
    /// Counts the resets; a connection ends at the next one.
    resets: watch::Sender<u64>,
    opened: AtomicU64,
}

impl Proxy {
    pub async fn start(target: Target) -> Self {
        let listener = TcpListener::bind(ANY_PORT).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            weather: watch::Sender::new(Weather::Fair),
            target: watch::Sender::new(target),
            resets: watch::Sender::new(0),
            opened: AtomicU64::new(0),
        });
        let accepting = tokio::spawn(accept(address, listener, shared.clone()));
        Self {
            address,
            shared,
            _accepting: AbortOnDropHandle::new(accepting),
        }
    }

    /// From now on this happens.
    pub fn set(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Resets every open connection.
    pub fn reset_all(&self) {
        self.shared.resets.send_modify(|count| *count += 1);
    }

    /// New connections go there; the open ones are reset.
    pub fn switch(&self, target: Target) {
        self.shared.target.send_replace(target);
        self.reset_all();
    }

    /// Connections that were taken so far.
    pub fn opened(&self) -> u64 {
        self.shared.opened.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.reset_all();
    }
}

async fn accept(address: SocketAddr, listener: TcpListener, shared: Arc<Shared>) {
    let mut weather = shared.weather.subscribe();
    let mut listener = Some(listener);
    loop {
        if *weather.borrow_and_update() == Weather::Refuse {
            listener = None;
        }
        let Some(open) = &listener else {
            weather.changed().await.unwrap();
            if *weather.borrow() != Weather::Refuse {
                listener = Some(listen(address).await);
            }
            continue;
        };
        tokio::select! {
            changed = weather.changed() => changed.unwrap(),
            taken = open.accept() => {
                let Ok((client, _)) = taken else { continue };
                shared.opened.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(client, shared.clone()));
            }
        }
    }
}

/// Listens again on a port that was just given up.
async fn listen(address: SocketAddr) -> TcpListener {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        if socket.bind(address).is_ok() {
            return socket.listen(128).unwrap();
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn serve(mut client: TcpStream, shared: Arc<Shared>) {
    let mut resets = shared.resets.subscribe();
    let _ = client.set_nodelay(true);
    let ended = tokio::select! {
        _ = resets.changed() => Err(io::ErrorKind::ConnectionReset.into()),
        ended = forward(&mut client, &shared) => ended,
    };
    if ended.is_err() {
        // Closing it now sends a reset.
        let _ = client.set_zero_linger();
    }
}

async fn forward(client: &mut TcpStream, shared: &Shared) -> io::Result<()> {
    pass(shared).await;
    let target = shared.target.borrow().clone();
    let (from_client, to_client) = client.split();
    match target {
        Target::Tcp(address) => {
            let mut server = TcpStream::connect(address).await?;
            server.set_nodelay(true)?;
            let (from_server, to_server) = server.split();
            both(from_client, to_server, from_server, to_client, shared).await
        }
        Target::Unix(path) => {
            let mut server = UnixStream::connect(path).await?;
            let (from_server, to_server) = server.split();
            both(from_client, to_server, from_server, to_client, shared).await
        }
    }
}

async fn both(
    from_client: impl AsyncRead + Unpin,
    to_server: impl AsyncWrite + Unpin,
    from_server: impl AsyncRead + Unpin,
    to_client: impl AsyncWrite + Unpin,
    shared: &Shared,
) -> io::Result<()> {
    let carried = AtomicU64::new(0);
    tokio::try_join!(
        carry(from_client, to_server, &carried, shared),
        carry(from_server, to_client, &carried, shared),
    )?;
    Ok(())
}

/// Carries one direction to its end, which is passed on too.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    carried: &AtomicU64,
    shared: &Shared,
) -> io::Result<()> {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let most = match *shared.weather.borrow() {
            // Pieces of a tenth of a second.
            Weather::Throttle(rate) => (rate / 10).clamp(1, 16 * 1024) as usize,
            _ => piece.len(),
        };
        let read = from.read(&mut piece[..most]).await?;
        pass(shared).await;
        let weather = *shared.weather.borrow();
        match weather {
            Weather::Latency(late) => sleep(late).await,
            Weather::Throttle(rate) => {
                sleep(Duration::from_micros(read as u64 * 1_000_000 / rate)).await;
            }
            _ => {}
        }
        if read == 0 {
            return to.shutdown().await;
        }
        let before = carried.fetch_add(read as u64, Ordering::Relaxed);
        if let Weather::CutAfter(limit) = weather
            && before + read as u64 >= limit
        {
            let left = usize::try_from(limit.saturating_sub(before)).unwrap();
            to.write_all(&piece[..left.min(read)]).await?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        to.write_all(&piece[..read]).await?;
    }
}

/// Waits until the black hole is gone.
async fn pass(shared: &Shared) {
    let mut weather = shared.weather.subscribe();
    // The sender is in `shared`.
    let _ = weather
        .wait_for(|weather| *weather != Weather::BlackHole)
        .await;
}
