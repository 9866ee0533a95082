//! Any RPC by its path, as bytes: for what must hold of all of them.

use crate::support::{TENANT, TestApp};
use attachments::auth::Scope;
use attachments::proto::FILE_DESCRIPTOR_SET;
use bytes::{Buf as _, BufMut as _};
use http::uri::PathAndQuery;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use secrecy::ExposeSecret as _;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Endpoint;
use tonic::{Code, Request, Status, Streaming};

/// The paths of all RPCs, as the contract has them.
pub fn every_rpc() -> Vec<String> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let services = files.iter().flat_map(|file| {
        let package = file.package();
        file.service.iter().map(move |service| (package, service))
    });
    services
        .flat_map(|(package, service)| {
            let name = service.name();
            let methods = service.method.iter();
            methods.map(move |method| format!("/{package}.{name}/{}", method.name()))
        })
        .collect()
}

/// The path of an RPC of `AttachmentService`.
pub fn attachments(method: &str) -> String {
    format!("/attachments.v1.AttachmentService/{method}")
}

/// The path of an RPC of `AdminService`.
pub fn admin(method: &str) -> String {
    format!("/attachments.v1.AdminService/{method}")
}

/// Calls as somebody who may do everything for this tenant, to the end.
pub async fn call(
    app: &TestApp,
    tenant: &str,
    path: &str,
    request: Vec<u8>,
) -> Result<Vec<Vec<u8>>, Status> {
    let token = app.token(tenant, &Scope::ALL);
    let bearer = format!("Bearer {}", token.expose_secret());
    let mut stream = open(app, Some(&bearer), path, request).await?;
    let mut messages = Vec::new();
    while let Some(message) = stream.message().await? {
        messages.push(message);
    }
    Ok(messages)
}

/// As [`call`], for [`TENANT`], and what went wrong.
pub async fn refusal(app: &TestApp, path: &str, request: Vec<u8>) -> Status {
    match call(app, TENANT, path, request).await {
        Ok(messages) => panic!("{path} was not refused: {messages:?}"),
        Err(status) => status,
    }
}

/// Calls with this `authorization` and waits for the answer to begin.
pub async fn open(
    app: &TestApp,
    authorization: Option<&str>,
    path: &str,
    request: Vec<u8>,
) -> Result<Streaming<Vec<u8>>, Status> {
    let endpoint = Endpoint::from_shared(format!("http://{}", app.app.grpc_addr)).unwrap();
    let mut client = Grpc::new(endpoint.connect_lazy());
    client.ready().await.unwrap();
    let mut request = Request::new(request);
    if let Some(value) = authorization {
        let value = value.parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    let path: PathAndQuery = path.parse().unwrap();
    // An answer of one message is a stream of one.
    let response = client.server_streaming(request, path, AsItIs).await?;
    Ok(response.into_inner())
}

/// All that a caller sees of an answer.
#[derive(Debug, PartialEq)]
pub enum Seen {
    Messages(Vec<Vec<u8>>),
    Refusal(Code, String, Vec<u8>, Vec<String>),
}

impl From<Result<Vec<Vec<u8>>, Status>> for Seen {
    fn from(answer: Result<Vec<Vec<u8>>, Status>) -> Self {
        let status = match answer {
            Ok(messages) => return Self::Messages(messages),
            Err(status) => status,
        };
        let metadata = status.metadata().clone().into_headers();
        let metadata = metadata.iter().filter(|(name, _)| *name != "date");
        Self::Refusal(
            status.code(),
            status.message().to_owned(),
            status.details().to_vec(),
            metadata.map(|pair| format!("{pair:?}")).collect(),
        )
    }
}

/// Messages that are bytes already.
#[derive(Clone, Copy)]
struct AsItIs;

impl Codec for AsItIs {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for AsItIs {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&message);
        Ok(())
    }
}

impl Decoder for AsItIs {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let length = from.remaining();
        Ok(Some(from.copy_to_bytes(length).to_vec()))
    }
}
