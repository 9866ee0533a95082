//! One span a call: whatever is logged while it is answered, its stream
//! included, says which method, whose call and which request it was.

use crate::auth::Caller;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};
use tracing::instrument::{Instrument as _, Instrumented};
use tracing::{Span, field};
use uuid::Uuid;

/// Callers name their requests by it; without it they get a name.
const REQUEST_ID: &str = "x-request-id";
/// A longer one is a mistake, or made to fill the log.
const LONGEST_REQUEST_ID: usize = 128;

/// Opens the span. Stands before all else, so that a refusal is in it as well.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpanLayer;

/// Adds the tenant, as soon as it is proven.
#[derive(Debug, Clone, Copy)]
pub(super) struct TenantLayer;

/// A service in the span of each of its calls.
#[derive(Debug, Clone)]
pub(super) struct Spanned<S>(S);

/// A service that tells the span whose call it is.
#[derive(Debug, Clone)]
pub(super) struct Named<S>(S);

impl<S> Layer<S> for SpanLayer {
    type Service = Spanned<S>;

    fn layer(&self, inner: S) -> Spanned<S> {
        Spanned(inner)
    }
}

impl<S> Layer<S> for TenantLayer {
    type Service = Named<S>;

    fn layer(&self, inner: S) -> Named<S> {
        Named(inner)
    }
}

impl<S, B> Service<Request<B>> for Spanned<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = SpannedAnswer<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        // Of the highest level, so that no filter leaves an error without it.
        let span = tracing::error_span!(
            "rpc",
            rpc.method = path.strip_prefix('/').unwrap_or(path),
            request.id = request_id(request.headers()),
            tenant.id = field::Empty,
        );
        let answer = span.in_scope(|| self.0.call(request));
        SpannedAnswer(Box::pin(answer.instrument(span)))
    }
}

impl<S, B> Service<Request<B>> for Named<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if let Some(caller) = request.extensions().get::<Arc<Caller>>() {
            Span::current().record("tenant.id", caller.tenant().as_str());
        }
        self.0.call(request)
    }
}

/// The caller's own name for its request, as far as it can stand in a line.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    given
        .filter(|id| (1..=LONGEST_REQUEST_ID).contains(&id.len()))
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// An answer whose body goes on in the span.
pub(super) struct SpannedAnswer<F>(Pin<Box<Instrumented<F>>>);

impl<F, E> Future for SpannedAnswer<F>
where
    F: Future<Output = Result<Response<Body>, E>>,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let answered = self.0.as_mut().poll(cx);
        answered.map_ok(|response| {
            let span = self.0.span().clone();
            response.map(|body| Body::new(SpannedBody { body, span }))
        })
    }
}

/// What a stream meets on its way is logged in its call's span.
struct SpannedBody {
    body: Body,
    span: Span,
}

impl HttpBody for SpannedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Self { body, span } = &mut *self;
        span.in_scope(|| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
