//! A call as bytes over HTTP/2, for what no client library would send or let
//! through: a library ends a call at its deadline by itself.

use crate::support::{TENANT, TestApp};
use attachments::auth::Scope;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use tonic::Status;

/// One message, uncompressed.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[0], &length.to_be_bytes()[..], message].concat()
}

/// A call to be made.
pub struct Call<'a> {
    app: &'a TestApp,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl<'a> Call<'a> {
    /// Without a token; `body` is all that is sent.
    pub fn new(app: &'a TestApp, path: &str, body: Vec<u8>) -> Self {
        let mut headers = HeaderMap::new();
        let content_type = HeaderValue::from_static("application/grpc");
        headers.insert("content-type", content_type);
        headers.insert("te", HeaderValue::from_static("trailers"));
        Self {
            app,
            path: path.to_owned(),
            headers,
            body,
        }
    }

    /// With a token of these scopes.
    pub fn may(self, scopes: &[Scope]) -> Self {
        let token = self.app.token(TENANT, scopes);
        let bearer = format!("Bearer {}", token.expose_secret());
        self.with("authorization", &bearer)
    }

    /// With this header too.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// The error that stands in the head of the answer.
    pub async fn refusal(self) -> Status {
        let client = reqwest::Client::builder().http2_prior_knowledge();
        let url = format!("http://{}{}", self.app.app.grpc_addr, self.path);
        let request = client.build().unwrap().post(url);
        let sent = request.headers(self.headers).body(self.body).send().await;
        let answer = sent.unwrap_or_else(|error| panic!("{}: {error:?}", self.path));
        assert_eq!(answer.status(), 200, "{}", self.path);
        let content_type = &answer.headers()["content-type"];
        assert_eq!(content_type, "application/grpc", "{}", self.path);
        Status::from_header_map(answer.headers())
            .unwrap_or_else(|| panic!("{} was not refused", self.path))
    }
}
