//! The contract itself: what is served, and what every error tells.

use crate::support::{TENANT, TestApp, get_request};
use crate::surface::status::reason;
use crate::surface::wire::{self, every_rpc, refusal};
use attachments::auth::Scope;
use attachments::proto::TestChannelRequest;
use prost::Message as _;
use prost_types::FileDescriptorProto;
use secrecy::ExposeSecret as _;
use std::collections::BTreeSet;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// These are in the contract and answer UNIMPLEMENTED, to a request that is as
/// it should be.
pub fn not_built() -> Vec<(String, Vec<u8>)> {
    let channel_id = crate::support::LINE.to_owned();
    vec![
        (
            wire::admin("TestChannel"),
            TestChannelRequest { channel_id }.encode_to_vec(),
        ),
        (wire::admin("ListAuditEvents"), Vec::new()),
    ]
}

fn channel(app: &TestApp) -> Channel {
    Endpoint::from_shared(format!("http://{}", app.app.grpc_addr))
        .unwrap()
        .connect_lazy()
}

fn bearer(app: &TestApp) -> String {
    let token = app.token(TENANT, &Scope::ALL);
    format!("Bearer {}", token.expose_secret())
}

/// The RPCs that this version of reflection tells of, asked as grpcurl asks.
macro_rules! reflected {
    ($app:expr, $version:ident) => {{
        use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
        let ask = async |message: MessageRequest| {
            let request = tonic_reflection::pb::$version::ServerReflectionRequest {
                host: String::new(),
                message_request: Some(message),
            };
            let mut client = ServerReflectionClient::new(channel($app));
            let asked = client.server_reflection_info(futures::stream::iter([request]));
            let mut answers = asked.await?.into_inner();
            let answer = answers.message().await?.unwrap();
            Ok::<_, tonic::Status>(answer.message_response.unwrap())
        };
        match ask(MessageRequest::ListServices(String::new())).await {
            Err(refused) => Err(refused),
            Ok(MessageResponse::ListServicesResponse(listed)) => {
                let mut rpcs = BTreeSet::new();
                for service in listed.service {
                    let symbol = MessageRequest::FileContainingSymbol(service.name.clone());
                    let Ok(MessageResponse::FileDescriptorResponse(files)) = ask(symbol).await
                    else {
                        panic!("{} is listed and not described", service.name);
                    };
                    rpcs.extend(rpcs_of(&service.name, &files.file_descriptor_proto));
                }
                Ok(rpcs)
            }
            Ok(other) => panic!("{other:?}"),
        }
    }};
}

fn rpcs_of(service: &str, files: &[Vec<u8>]) -> Vec<String> {
    let mut rpcs = Vec::new();
    for file in files {
        let file = FileDescriptorProto::decode(file.as_slice()).unwrap();
        for described in &file.service {
            if format!("{}.{}", file.package(), described.name()) == service {
                let methods = described.method.iter();
                rpcs.extend(methods.map(|method| format!("/{service}/{}", method.name())));
            }
        }
    }
    rpcs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_of_reflection_describe_every_rpc() {
    let app = TestApp::start().await;
    let v1: BTreeSet<String> = reflected!(&app, v1).unwrap();
    let v1alpha: BTreeSet<String> = reflected!(&app, v1alpha).unwrap();
    for described in [v1, v1alpha] {
        assert!(described.contains("/grpc.health.v1.Health/Check"));
        let ours = described
            .into_iter()
            .filter(|path| path.starts_with("/attachments."));
        assert_eq!(
            ours.collect::<BTreeSet<_>>(),
            every_rpc().into_iter().collect()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_reflection_the_server_does_not_describe_itself() {
    let app = TestApp::start_with(|config| config.server.reflection = false).await;
    let v1 = reflected!(&app, v1).unwrap_err();
    let v1alpha = reflected!(&app, v1alpha).unwrap_err();
    assert_eq!(v1.code(), Code::Unauthenticated);
    assert_eq!(v1alpha.code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_told_to_anybody() {
    let app = TestApp::start().await;
    for service in [
        "",
        "attachments.v1.AttachmentService",
        "attachments.v1.AdminService",
    ] {
        app.eventually("health", || async {
            let service = service.to_owned();
            let mut client = HealthClient::new(channel(&app));
            let answer = client.check(HealthCheckRequest { service }).await;
            answer.unwrap().get_ref().status() == ServingStatus::Serving
        })
        .await;
    }
    let mut client = HealthClient::new(channel(&app));
    let service = "attachments.v1.NoService".to_owned();
    let refused = client.check(HealthCheckRequest { service }).await;
    assert_eq!(refused.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_built_says_so_and_nothing_else_does() {
    let app = TestApp::start().await;
    let bearer = bearer(&app);
    let refused = async |path: &str, request: Vec<u8>| {
        // A watch begins and never ends, so the beginning has to do.
        let answer = wire::open(&app, Some(&bearer), path, request).await;
        answer.err().map(|status| (status.code(), reason(&status)))
    };
    let expected = Some((Code::Unimplemented, "NOT_BUILT_YET".to_owned()));
    let not_built = not_built();
    for (path, request) in &not_built {
        assert_eq!(refused(path, request.clone()).await, expected, "{path}");
    }
    for path in every_rpc() {
        if not_built.iter().all(|(listed, _)| *listed != path) {
            assert_ne!(refused(&path, Vec::new()).await, expected, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_beyond_every_bound_is_refused_with_a_reason() {
    let app = TestApp::start().await;
    let large = get_request("x".repeat(1024 * 1024));
    let path = wire::attachments("GetAttachment");
    let refused = refusal(&app, &path, large.encode_to_vec()).await;
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    assert_eq!(reason(&refused), "REQUEST_TOO_LARGE");
}
