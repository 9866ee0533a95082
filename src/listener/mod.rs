//! Connections on their way in. An accept that fails is tried again a moment
//! later: tonic tries at once, and a process that is out of file descriptors
//! would spin until it has some again.

mod connection;

pub use connection::{Connection, SILENCE};

use crate::telemetry::Chain;
use futures::stream::{self, Stream};
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// Until the next try. What ran out comes back when a connection ends.
const PAUSE: Duration = Duration::from_millis(200);

/// Accepts for as long as it is asked; never an error.
pub fn incoming(listener: TcpListener) -> impl Stream<Item = io::Result<Connection>> {
    stream::unfold(listener, |listener| async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    // One that is gone already fails when it is read.
                    let _ = stream.set_nodelay(true);
                    return Some((Ok(Connection::new(stream)), listener));
                }
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "a connection could not be accepted");
                    sleep(PAUSE).await;
                }
            }
        }
    })
}
