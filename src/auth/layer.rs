//! Stands in front of the gRPC server and lets nothing through unproven.
//!
//! By method path: a public one passes, any other needs a token with the
//! scopes of [`required_scopes`]. Handlers find an `Arc<Caller>` in the
//! request's extensions. A refusal is a trailers-only gRPC response.

use super::methods::required_scopes;
use super::verifier::Verifier;
use super::{Caller, bearer, refusal};
use futures::future::{Either, Ready, ready};
use http::header::AUTHORIZATION;
use http::{Request, Response};
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::Status;
use tower::{Layer, Service};

/// Puts [`Authenticated`] around a service.
#[derive(Debug, Clone)]
pub struct AuthLayer {
    verifier: Arc<Verifier>,
    public_prefixes: &'static [&'static str],
}

impl AuthLayer {
    /// Health checks, open to anybody.
    pub const HEALTH: &'static str = "/grpc.health.v1.Health/";
    /// Server reflection, all versions.
    pub const REFLECTION: &'static str = "/grpc.reflection.";

    /// Asks `verifier` about every request whose path begins with none of
    /// `public_prefixes`.
    #[must_use]
    pub fn new(verifier: Arc<Verifier>, public_prefixes: &'static [&'static str]) -> Self {
        Self {
            verifier,
            public_prefixes,
        }
    }

    fn is_public(&self, path: &str) -> bool {
        let mut prefixes = self.public_prefixes.iter();
        prefixes.any(|prefix| path.starts_with(prefix))
    }

    fn authorize<B>(&self, request: &Request<B>) -> Result<Arc<Caller>, Status> {
        let path = request.uri().path();
        let caller = bearer::token(request.headers())
            .and_then(|token| self.verifier.verify(token))
            .map_err(|cause| {
                tracing::info!(rpc.method = path, auth.cause = %cause, "token refused");
                refusal::unauthenticated()
            })?;
        let tenant = caller.tenant();
        let Some(required) = required_scopes(path) else {
            tracing::info!(rpc.method = path, tenant.id = %tenant, "no such method");
            return Err(refusal::unknown_method(path));
        };
        let Some(missing) = caller.scopes().lacks(required) else {
            return Ok(caller);
        };
        tracing::info!(
            rpc.method = path,
            auth.cause = "scope missing",
            auth.scope = missing.as_str(),
            tenant.id = %tenant,
            "request refused"
        );
        Err(refusal::permission_denied(missing))
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = Authenticated<S>;

    fn layer(&self, inner: S) -> Authenticated<S> {
        Authenticated {
            auth: self.clone(),
            inner,
        }
    }
}

/// A service that only sees requests whose caller is known.
#[derive(Debug, Clone)]
pub struct Authenticated<S> {
    auth: AuthLayer,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Authenticated<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<R>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if !self.auth.is_public(request.uri().path()) {
            match self.auth.authorize(&request) {
                Ok(caller) => {
                    request.extensions_mut().insert(caller);
                    // The token goes no further, so nobody below can leak it.
                    request.headers_mut().remove(AUTHORIZATION);
                }
                Err(status) => return Either::Right(ready(Ok(status.into_http()))),
            }
        }
        Either::Left(self.inner.call(request))
    }
}

#[cfg(test)]
mod tests {
    use super::super::forge::{self, Forge};
    use super::super::methods::listed_paths;
    use super::super::{Scope, ScopeSet};
    use super::*;
    use http::uri::PathAndQuery;
    use serde_json::json;
    use std::convert::Infallible;
    use tonic::Code;
    use tonic::body::Body;
    use tonic::client::Grpc;
    use tonic::transport::{Endpoint, Server, server::TcpIncoming};
    use tonic_prost::ProstCodec;
    use tonic_types::StatusExt as _;
    use tower::{ServiceExt as _, service_fn};

    const PATH: &str = "/attachments.v1.AttachmentService/GetAttachment";

    fn layer(forge: &Forge) -> AuthLayer {
        let public = &[AuthLayer::HEALTH, AuthLayer::REFLECTION];
        AuthLayer::new(Arc::new(forge.verifier()), public)
    }

    fn bearer(forge: &Forge, scopes: impl IntoIterator<Item = Scope>) -> String {
        let mut claims = forge::claims();
        claims["scope"] = json!(scopes.into_iter().collect::<ScopeSet>().to_string());
        format!("Bearer {}", forge.token(&claims))
    }

    /// The caller that a service behind the layer sees, or the refusal.
    async fn call(
        layer: &AuthLayer,
        path: &str,
        authorization: &[&str],
    ) -> Result<Option<Arc<Caller>>, Status> {
        let service = layer.layer(service_fn(async |request: Request<Body>| {
            let known = request.extensions().get::<Arc<Caller>>().is_some();
            assert!(!(known && request.headers().contains_key(AUTHORIZATION)));
            let mut response = Response::new(Body::default());
            *response.extensions_mut() = request.extensions().clone();
            Ok::<_, Infallible>(response)
        }));
        let mut request = Request::post(path);
        for value in authorization {
            request = request.header(AUTHORIZATION, *value);
        }
        let response = service
            .oneshot(request.body(Body::default()).unwrap())
            .await
            .unwrap();
        match Status::from_header_map(response.headers()) {
            Some(status) => Err(status),
            None => Ok(response.extensions().get().cloned()),
        }
    }

    #[tokio::test]
    async fn every_refusal_of_a_token_looks_the_same() {
        let forge = Forge::new();
        let good = bearer(&forge, [Scope::Read]);
        let caller = call(&layer(&forge), PATH, &[&good]).await.unwrap().unwrap();
        assert_eq!(caller.tenant().as_str(), "acme");

        let forged = bearer(&Forge::new(), [Scope::Read]);
        let expired = bearer(&forge, [Scope::Link]);
        let joined = format!("{good}, {good}");
        let layer = layer(&forge);
        forge.clock.set(forge::NOW + 3600);
        let mut answers = Vec::new();
        for values in [
            &[][..],
            &[&*good, &*good],
            &[&*joined],
            &["Basic YTpi"],
            &["Bearer x"],
            &[&*forged],
            &[&*expired],
        ] {
            let status = call(&layer, PATH, values).await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated);
            let info = status.get_details_error_info().unwrap();
            assert_eq!(
                (&*info.reason, &*info.domain),
                ("TOKEN_INVALID", "attachments")
            );
            answers.push((status.message().to_owned(), status.details().to_vec()));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
    }

    #[tokio::test]
    async fn each_method_opens_to_its_scopes_alone() {
        let forge = Forge::new();
        let layer = layer(&forge);
        for subset in 0..1_u8 << Scope::ALL.len() {
            let chosen = (0..)
                .zip(Scope::ALL)
                .filter(|(bit, _)| subset >> bit & 1 == 1);
            let scopes: ScopeSet = chosen.map(|(_, scope)| scope).collect();
            let bearer = bearer(&forge, scopes.iter());
            for path in listed_paths() {
                let missing = scopes.lacks(required_scopes(&path).unwrap());
                let answer = call(&layer, &path, &[&bearer]).await;
                let Some(scope) = missing else {
                    assert!(answer.unwrap().is_some(), "{path} {scopes}");
                    continue;
                };
                let status = answer.unwrap_err();
                assert_eq!(status.code(), Code::PermissionDenied, "{path} {scopes}");
                assert!(status.message().ends_with(scope.as_str()));
                let info = status.get_details_error_info().unwrap();
                assert_eq!(
                    (&*info.reason, &*info.domain),
                    ("SCOPE_MISSING", "attachments")
                );
                assert_eq!(info.metadata["scope"], scope.as_str());
            }
        }
    }

    #[tokio::test]
    async fn an_unlisted_method_is_open_to_no_token() {
        let forge = Forge::new();
        let layer = layer(&forge);
        let bearer = bearer(&forge, Scope::ALL);
        for path in [
            "/attachments.v1.AttachmentService/Dummy",
            "/attachments.v2.AttachmentService/GetAttachment",
            "/x/grpc.health.v1.Health/Check",
        ] {
            let status = call(&layer, path, &[&bearer]).await.unwrap_err();
            assert_eq!(status.code(), Code::Unimplemented, "{path}");
            let info = status.get_details_error_info().unwrap();
            assert_eq!(info.reason, "METHOD_UNKNOWN");
            assert_eq!(info.metadata["method"], path);
            let status = call(&layer, path, &[]).await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated, "{path}");
        }
    }

    #[tokio::test]
    async fn public_paths_pass_without_a_caller() {
        let forge = Forge::new();
        let closed = AuthLayer::new(Arc::new(forge.verifier()), &[]);
        for path in ["/grpc.health.v1.Health/Check", "/grpc.reflection.v1.X/Y"] {
            assert!(call(&layer(&forge), path, &[]).await.unwrap().is_none());
            assert!(call(&closed, path, &[]).await.is_err());
        }
    }

    #[tokio::test]
    async fn holds_on_the_wire() {
        let forge = Forge::new();
        let (_, health) = tonic_health::server::health_reporter();
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = format!("http://{}", incoming.local_addr().unwrap());
        let server = Server::builder().layer(layer(&forge)).add_service(health);
        tokio::spawn(server.serve_with_incoming(incoming));
        let channel = Endpoint::from_shared(address).unwrap().connect_lazy();
        let send = async |path, authorization: &str| {
            let mut client = Grpc::new(channel.clone());
            client.ready().await.unwrap();
            let mut request = tonic::Request::new(());
            request
                .metadata_mut()
                .insert("authorization", authorization.parse().unwrap());
            let path = PathAndQuery::from_static(path);
            client
                .unary(request, path, ProstCodec::<(), ()>::default())
                .await
        };

        assert!(send("/grpc.health.v1.Health/Check", "").await.is_ok());
        let refused = send(PATH, "").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert_eq!(
            refused.get_details_error_info().unwrap().reason,
            "TOKEN_INVALID"
        );
        // Past the layer, where this server knows no such service.
        let passed = send(PATH, &bearer(&forge, [Scope::Read]))
            .await
            .unwrap_err();
        assert_eq!(passed.code(), Code::Unimplemented);
    }
}
