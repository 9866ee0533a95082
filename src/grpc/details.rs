//! The last thing an answer passes on its way out: no error leaves without
//! details, whoever made it.
//!
//! A handler's errors carry theirs. What is left is what the libraries around
//! it answer by themselves, before the handler (a message that cannot be
//! read, a method that is not there) or after it (an answer that is too
//! large), and a handler that panics.

use super::error::{
    answer_too_large, internal, invalid_message, named, request_too_large, unknown_compression,
};
use crate::auth::unknown_method;
use crate::telemetry::Chain;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderMap, Uri};
use http_body::{Frame, SizeHint};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tonic::{Code, Status};

const STATUS: &str = "grpc-status";
const DETAILS: &str = "grpc-status-details-bin";
/// Comes with the refusal of a compression alone.
const ACCEPTED_COMPRESSION: &str = "grpc-accept-encoding";

/// Sees to it that every error carries its details.
pub(super) async fn complete(request: Request, next: Next) -> Response {
    let method = request.uri().clone();
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let Ok(response) = answer else {
        return panicked(&method).into_http();
    };
    match bare(response.headers()) {
        Some(status) => before_the_handler(&status, &method).into_http(),
        None => response.map(|inner| Body::new(Completed { inner, method })),
    }
}

/// A body whose trailers carry details too.
struct Completed {
    inner: Body,
    method: Uri,
}

impl HttpBody for Completed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { inner, method } = self.get_mut();
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut *inner).poll_frame(cx)));
        let status = match polled {
            Ok(poll) => match ready!(poll).map(|frame| frame.map(Frame::into_trailers)) {
                Some(Ok(Ok(trailers))) => match bare(&trailers) {
                    Some(status) => after_the_handler(&status, method),
                    None => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                },
                Some(Ok(Err(data))) => return Poll::Ready(Some(Ok(data))),
                Some(Err(error)) => {
                    tracing::error!(rpc.method = method.path(), error = %Chain(&error), "an answer broke off");
                    internal()
                }
                None => return Poll::Ready(None),
            },
            Err(_) => panicked(method),
        };
        // The body ends here: one that panicked must not be polled again.
        *inner = Body::empty();
        let mut trailers = HeaderMap::new();
        let added = status.add_header(&mut trailers);
        Poll::Ready(Some(
            added
                .map(|()| Frame::trailers(trailers))
                .map_err(axum::Error::new),
        ))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The error that stands in these headers, if it has no details.
fn bare(headers: &HeaderMap) -> Option<Status> {
    let failed = headers.get(STATUS).is_some_and(|code| code != "0");
    if failed && !headers.contains_key(DETAILS) {
        Status::from_header_map(headers)
    } else {
        None
    }
}

/// What tonic answers where no handler was asked; a handler's errors have details.
fn before_the_handler(bare: &Status, method: &Uri) -> Status {
    match bare.code() {
        Code::Internal => invalid_message(),
        Code::OutOfRange => request_too_large(),
        Code::Unimplemented if bare.metadata().contains_key(ACCEPTED_COMPRESSION) => {
            unknown_compression(bare)
        }
        Code::Unimplemented => unknown_method(method.path()),
        _ => named(bare),
    }
}

/// What tonic answers where it cannot send what a handler gave it.
fn after_the_handler(bare: &Status, method: &Uri) -> Status {
    let rpc = method.path();
    match bare.code() {
        Code::OutOfRange => {
            tracing::error!(
                rpc.method = rpc,
                cause = bare.message(),
                "an answer is too large"
            );
            answer_too_large()
        }
        Code::Internal => {
            tracing::error!(
                rpc.method = rpc,
                cause = bare.message(),
                "an answer cannot be sent"
            );
            internal()
        }
        _ => named(bare),
    }
}

/// The panic itself is told by the process' hook, with its place.
fn panicked(method: &Uri) -> Status {
    tracing::error!(rpc.method = method.path(), "a call panicked");
    internal()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::middleware::from_fn;
    use futures::StreamExt as _;
    use futures::stream;
    use std::future::poll_fn;
    use tonic_types::StatusExt as _;
    use tower::ServiceExt as _;

    /// A body that gives `first` and panics when it is asked for more.
    fn panicking(first: &'static str) -> Body {
        let more = stream::once(async { panic!("asked for more") });
        let first = stream::iter([Ok::<_, axum::Error>(Bytes::from(first))]);
        Body::from_stream(first.chain(more))
    }

    async fn answer(router: Router) -> (HeaderMap, Vec<Frame<Bytes>>) {
        let router = router.layer(from_fn(complete));
        let request = Request::post("/s/m").body(Body::empty()).unwrap();
        let (head, mut body) = router.oneshot(request).await.unwrap().into_parts();
        let mut frames = Vec::new();
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            frames.push(frame.unwrap());
        }
        (head.headers, frames)
    }

    fn assert_internal(headers: &HeaderMap) {
        let status = Status::from_header_map(headers).unwrap();
        assert_eq!(status.code(), Code::Internal);
        let info = status.get_details_error_info().unwrap();
        assert_eq!((&*info.reason, &*info.domain), ("INTERNAL", "attachments"));
    }

    #[tokio::test]
    async fn a_call_that_panics_is_answered() {
        let router = Router::new().fallback(async || -> Response { panic!("in the call") });
        let (headers, frames) = answer(router).await;
        assert_internal(&headers);
        assert!(frames.is_empty());
    }

    #[tokio::test]
    async fn a_stream_that_panics_ends_in_an_error() {
        let router = Router::new().fallback(async || panicking("bytes"));
        let (headers, mut frames) = answer(router).await;
        assert!(!headers.contains_key(STATUS));
        let trailers = frames.pop().unwrap().into_trailers().unwrap();
        assert_internal(&trailers);
        assert_eq!(frames.pop().unwrap().into_data().unwrap(), "bytes");
    }

    #[tokio::test]
    async fn a_bare_error_gets_a_reason_and_one_with_details_stays() {
        for (code, reason) in [
            (Code::NotFound, "NOT_FOUND"),
            (Code::Unavailable, "UNAVAILABLE"),
            (Code::ResourceExhausted, "RESOURCE_EXHAUSTED"),
            (Code::DataLoss, "DATA_LOSS"),
        ] {
            let router =
                Router::new().fallback(async move || Status::new(code, "why").into_http::<Body>());
            let status = Status::from_header_map(&answer(router).await.0).unwrap();
            assert_eq!((status.code(), status.message()), (code, "why"));
            assert_eq!(status.get_details_error_info().unwrap().reason, reason);
            let again = matches!(code, Code::Unavailable | Code::ResourceExhausted);
            assert_eq!(status.get_details_retry_info().is_some(), again, "{code}");
        }
        let router = Router::new().fallback(async || internal().into_http::<Body>());
        assert_internal(&answer(router).await.0);
    }
}
