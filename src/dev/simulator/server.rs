//! The listeners. hyper reads the requests and writes every answer that HTTP
//! allows; for the others it gives the socket back.

use super::state::Shared;
use super::wire::{Fault, RawAnswer};
use axum::Router;
use axum::body::Body;
use bytes::{Buf as _, Bytes};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Collected};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::error::Error as _;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// What the forbidden listener says, so that a client that got so far stores it and is found out.
const FORBIDDEN_ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 9\r\nconnection: close\r\n\r\nforbidden";

/// Serves the providers and the control API until it is dropped.
pub(super) async fn serve(listener: TcpListener, router: Router, shared: Arc<Shared>) {
    accept_all(listener, |stream| {
        converse(stream, router.clone(), Arc::clone(&shared))
    })
    .await;
}

/// Counts every connection to the address that nobody may call.
pub(super) async fn serve_forbidden(listener: TcpListener, shared: Arc<Shared>) {
    accept_all(listener, |stream| {
        shared.count_forbidden_hit();
        bait(stream)
    })
    .await;
}

/// Gives each connection a task; open ones end when this does.
async fn accept_all<F>(listener: TcpListener, converse: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            stream = accept(&listener) => {
                connections.spawn(converse(stream));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // A drip shall leave byte by byte. Without it the answer is only slower.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            // Out of descriptors, most likely: they come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// The count is what matters; whether the caller hears the answer does not.
async fn bait(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]).await;
    let _ = stream.write_all(FORBIDDEN_ANSWER).await;
}

/// One connection. When the service fails it with a [`RawAnswer`], hyper has
/// written nothing of the answer, and the socket is taken back to play it.
async fn converse(stream: TcpStream, router: Router, shared: Arc<Shared>) {
    let service =
        service_fn(|request| Box::pin(answer(router.clone(), Arc::clone(&shared), request)));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let outcome = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let stream = connection.into_parts().io.into_inner();
    if let Err(error) = outcome
        && let Some(raw) = error
            .source()
            .and_then(|source| source.downcast_ref::<RawAnswer>())
    {
        // A client that leaves early has seen what it wanted to see.
        let _ = raw.play(stream).await;
    }
}

async fn answer(
    router: Router,
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Body>, RawAnswer> {
    let record = shared.begin(&request);
    let Ok(response) = router.oneshot(request.map(Body::new)).await;
    let fault = response.extensions().get::<Fault>().copied();
    if let Some(record) = &record
        && fault != Some(Fault::Reset(None))
    {
        record.answered(response.status(), response.headers());
    }
    if let Some(fault) = fault {
        let (parts, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .map_or_else(|_| Bytes::new(), Collected::to_bytes);
        return Err(RawAnswer::new(&parts, &body, fault, record));
    }
    Ok(match record {
        Some(record) => response.map(|body| {
            Body::new(body.map_frame(move |frame| {
                record.sent(frame.data_ref().map_or(0, Bytes::remaining));
                frame
            }))
        }),
        None => response,
    })
}
