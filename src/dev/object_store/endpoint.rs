//! The HTTP layer around the S3 protocol: notes each request, makes it meet
//! its fault, and reads what a refused upload is still sending.

use super::body;
use super::faults::{Fault, Faults};
use super::operation::Operation;
use super::service::DenyFirstKey;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};
use s3s::service::S3Service;
use s3s::stream::ByteStream as _;
use s3s::{Body, HttpError, S3Error, S3ErrorCode};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

/// One server, shared by its connections.
#[derive(Clone)]
pub(super) struct Endpoint {
    s3: S3Service,
    faults: Arc<Faults>,
}

impl Endpoint {
    pub(super) fn new(s3: S3Service, faults: Arc<Faults>) -> Self {
        Self { s3, faults }
    }

    async fn answer(self, mut request: Request<Body>) -> Result<Response<Body>, HttpError> {
        let operation = Operation::of(request.method(), request.uri());
        match self.faults.meet(operation, request.uri().path()) {
            None => self.forward(request).await,
            Some(Fault::Delay(wait)) => {
                tokio::time::sleep(wait).await;
                self.forward(request).await
            }
            Some(Fault::Status(status)) => refuse(request, failure(status)).await,
            Some(Fault::Dialect(dialect)) => match dialect.refusal(&mut request).await {
                Some(error) => refuse(request, error).await,
                None => self.forward(request).await,
            },
            Some(Fault::DenyFirstKey) => {
                request.extensions_mut().insert(DenyFirstKey);
                self.forward(request).await
            }
            Some(Fault::Throttle { bytes_per_second }) if operation.uploads_bytes() => {
                let request = request.map(|body| body::throttle(body, bytes_per_second));
                self.forward(request).await
            }
            Some(Fault::Throttle { bytes_per_second }) => {
                let response = self.forward(request).await?;
                Ok(response.map(|body| body::throttle(body, bytes_per_second)))
            }
            Some(Fault::Cut { after_bytes }) if operation.uploads_bytes() => {
                let request = request.map(|body| body::cut(body, after_bytes));
                // Carried out or not, nobody hears of it.
                let _ = self.s3.call(request).await;
                Err(connection_cut())
            }
            Some(Fault::Cut { after_bytes }) => {
                let bodiless = request.method() == Method::HEAD;
                let response = self.forward(request).await?;
                if bodiless || response.body().remaining_length().exact() == Some(0) {
                    return Err(connection_cut());
                }
                Ok(response.map(|body| body::cut(body, after_bytes)))
            }
        }
    }

    async fn forward(&self, request: Request<Body>) -> Result<Response<Body>, HttpError> {
        let (parts, body) = request.into_parts();
        let (body, rest) = body::drainable(body);
        let response = self.s3.call(Request::from_parts(parts, body)).await;
        rest.drain().await;
        response
    }
}

/// An error that makes hyper close the connection without an answer.
fn connection_cut() -> HttpError {
    HttpError::new(io::Error::from(io::ErrorKind::ConnectionAborted).into())
}

/// Answers with an S3 error, once the client has sent all it had.
async fn refuse(request: Request<Body>, error: S3Error) -> Result<Response<Body>, HttpError> {
    let (body, rest) = body::drainable(request.into_body());
    drop(body);
    rest.drain().await;
    error
        .to_http_response()
        .map_err(|error| HttpError::new(error.into()))
}

/// The S3 error that comes with this status.
fn failure(status: StatusCode) -> S3Error {
    let mut error = S3Error::new(match status {
        StatusCode::SERVICE_UNAVAILABLE => S3ErrorCode::SlowDown,
        StatusCode::FORBIDDEN => S3ErrorCode::AccessDenied,
        StatusCode::BAD_REQUEST => S3ErrorCode::BadDigest,
        StatusCode::NOT_IMPLEMENTED => S3ErrorCode::NotImplemented,
        _ => S3ErrorCode::InternalError,
    });
    error.set_status_code(status);
    error
}

/// For whatever body the connection brings; hyper's own is not named here.
impl<B> tower::Service<Request<B>> for Endpoint
where
    Body: From<B>,
{
    type Response = Response<Body>;
    type Error = HttpError;
    type Future = BoxFuture<'static, Result<Response<Body>, HttpError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HttpError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(self.clone().answer(request.map(Body::from)))
    }
}
