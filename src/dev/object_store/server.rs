//! Accepts connections and serves them until told to stop.

use super::endpoint::Endpoint;
use crate::telemetry::Chain;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The wait after a failed `accept`: mostly it means "no descriptors left".
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, then finishes the requests in flight. Dropping the
/// future drops every connection.
pub(super) async fn serve(listener: TcpListener, endpoint: Endpoint, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, endpoint.clone(), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "the object store cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve_connection(stream: TcpStream, endpoint: Endpoint, stop: CancellationToken) {
    // Without it a small answer waits for the client's delayed acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(error = %Chain(&error), "no TCP_NODELAY");
    }
    let builder = Builder::new(TokioExecutor::new());
    let service = TowerToHyperService::new(endpoint);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error, "a connection to the object store broke off");
    }
}
