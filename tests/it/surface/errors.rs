//! Every error says why, whoever made it: RPC by RPC, over the descriptor.

use super::outage;
use super::raw::{Call, frame};
use super::stage::UNKNOWN;
use super::status::reason;
use super::wire::{admin, attachments, every_rpc, refusal};
use crate::contract::not_built;
use crate::support::{TENANT, TestApp, credential_request, get_request, line};
use attachments::auth::Scope;
use attachments::proto::{
    DeleteAttachmentRequest, ExplainAttachmentRequest, GetChannelRequest, ListAttachmentsRequest,
    ListChannelsRequest, ListRedrivesRequest, RedriveAttachmentsRequest, WatchAttachmentsRequest,
    delete_attachment_request,
};
use prost::Message as _;
use sqlx::AssertSqlSafe;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// What must hold of any error, and its reason.
fn complete(what: &str, status: &Status) -> String {
    assert_ne!(status.code(), Code::Ok, "{what}");
    assert!(!status.message().is_empty(), "{what}: {status:?}");
    let comes_again = matches!(status.code(), Code::Unavailable | Code::ResourceExhausted);
    let told = status.get_details_retry_info().is_some();
    assert_eq!(told, comes_again, "{what}: {status:?}");
    reason(status)
}

/// What any RPC answers to calls that do not get as far as its own rules.
fn unheard<'a>(app: &'a TestApp, path: &str) -> Vec<(&'static str, Call<'a>, Code, &'static str)> {
    use Code::{InvalidArgument, Unimplemented};
    let call = |body: Vec<u8>| Call::new(app, path, body).may(&Scope::ALL);
    let empty = || frame(&[]);
    let mut oversize = vec![0];
    oversize.extend(1_000_000_u32.to_be_bytes());
    // A field that says it is longer than what is left.
    let garbage = || frame(&[0x0a, 0x7f, b'x']);
    let (late, refused) = ("DEADLINE_EXCEEDED", "INVALID_REQUEST");
    vec![
        (
            "no token",
            Call::new(app, path, empty()),
            Code::Unauthenticated,
            "TOKEN_INVALID",
        ),
        (
            "another's scope",
            Call::new(app, path, empty()).may(&[]),
            Code::PermissionDenied,
            "SCOPE_MISSING",
        ),
        (
            "no time",
            call(empty()).with("grpc-timeout", "1n"),
            Code::DeadlineExceeded,
            late,
        ),
        (
            "time that is over",
            call(empty()).with("grpc-timeout", "0S"),
            Code::DeadlineExceeded,
            late,
        ),
        (
            "time in no unit",
            call(empty()).with("grpc-timeout", "10"),
            InvalidArgument,
            refused,
        ),
        ("garbage", call(garbage()), InvalidArgument, refused),
        ("nothing", call(Vec::new()), InvalidArgument, refused),
        (
            "half a frame",
            call(vec![0, 0, 0, 0, 9, 1]),
            InvalidArgument,
            refused,
        ),
        (
            "a compressed frame without a compression",
            call(vec![1, 0, 0, 0, 0]),
            InvalidArgument,
            refused,
        ),
        (
            "too much",
            call(oversize),
            InvalidArgument,
            "REQUEST_TOO_LARGE",
        ),
        (
            "a compression",
            call(empty()).with("grpc-encoding", "gzip"),
            Unimplemented,
            "COMPRESSION_UNSUPPORTED",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rpc_says_why_a_call_was_not_heard() {
    let app = TestApp::start().await;
    for path in every_rpc() {
        for (what, call, code, expected) in unheard(&app, &path) {
            let what = format!("{path}, {what}");
            let status = call.refusal().await;
            assert_eq!(status.code(), code, "{what}: {status:?}");
            assert_eq!(complete(&what, &status), expected, "{what}");
        }
    }
}

/// A request that the RPC itself refuses, and how; none where it refuses none.
fn refused(path: &str) -> Option<(Vec<u8>, Code, &'static str)> {
    use Code::{InvalidArgument, NotFound, Unimplemented};
    let forged = || "forged".to_owned();
    let attachment_id = UNKNOWN.to_owned();
    let record = get_request(attachment_id.clone());
    let nobody = (record.encode_to_vec(), NotFound, "ATTACHMENT_NOT_FOUND");
    let channel_id = "nowhere".to_owned();
    let no_channel = GetChannelRequest { channel_id }.encode_to_vec();
    let no_channel = (no_channel, NotFound, "CHANNEL_NOT_FOUND");
    let invalid = |request: Vec<u8>| (request, InvalidArgument, "INVALID_REQUEST");
    let (service, method) = path.rsplit_once('/').unwrap();
    Some(match (service.rsplit('.').next().unwrap(), method) {
        (
            "AttachmentService",
            "RegisterAttachment"
            | "BatchRegisterAttachments"
            | "BatchGetAttachments"
            | "BatchIssueAccessLinks"
            | "PurgeAttachments"
            | "ListEnrichedAttachments",
        )
        | ("AdminService", "PutChannel" | "PutTenant") => invalid(Vec::new()),
        // Each has the id in the same place.
        (
            "AttachmentService",
            "GetAttachment"
            | "ExplainAttachment"
            | "IssueAccessLink"
            | "GetAttachmentBytes"
            | "RetryAttachment"
            | "GetProcessedContent",
        ) => nobody,
        ("AttachmentService", "DeleteAttachment") => {
            let target = Some(delete_attachment_request::Target::AttachmentId(
                attachment_id,
            ));
            let request = DeleteAttachmentRequest {
                target,
                ..DeleteAttachmentRequest::default()
            };
            (request.encode_to_vec(), nobody.1, nobody.2)
        }
        ("AttachmentService", "ListAttachments") => {
            let page_token = forged();
            let request = ListAttachmentsRequest {
                page_token,
                ..ListAttachmentsRequest::default()
            };
            invalid(request.encode_to_vec())
        }
        ("AttachmentService", "WatchAttachments") => {
            let cursor = forged();
            let request = WatchAttachmentsRequest {
                cursor,
                ..WatchAttachmentsRequest::default()
            };
            invalid(request.encode_to_vec())
        }
        (_, "TestChannel" | "ListAuditEvents") => {
            let (_, request) = not_built()
                .into_iter()
                .find(|(other, _)| other == path)
                .unwrap();
            (request, Unimplemented, "NOT_BUILT_YET")
        }
        ("AdminService", "GetChannel" | "DeleteChannel" | "ClearChannelCredential") => no_channel,
        ("AdminService", "SetChannelCredential") => {
            let request = credential_request("nowhere", "token");
            (request.encode_to_vec(), no_channel.1, no_channel.2)
        }
        ("AdminService", "ListRedrives") => {
            let request = ListRedrivesRequest {
                page_token: forged(),
                ..ListRedrivesRequest::default()
            };
            invalid(request.encode_to_vec())
        }
        ("AdminService", "ListChannels") => {
            let page_token = forged();
            let request = ListChannelsRequest {
                page_token,
                ..ListChannelsRequest::default()
            };
            invalid(request.encode_to_vec())
        }
        ("AdminService", "RedriveAttachments") => {
            let channel_id = "a b".to_owned();
            let request = RedriveAttachmentsRequest {
                channel_id,
                ..RedriveAttachmentsRequest::default()
            };
            invalid(request.encode_to_vec())
        }
        // It asks for nothing.
        ("AdminService", "GetUsage" | "GetTenant") => return None,
        _ => panic!("{path} has no request here that it refuses"),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rpc_says_why_it_refuses() {
    let app = TestApp::start().await;
    for path in every_rpc() {
        let Some((request, code, expected)) = refused(&path) else {
            continue;
        };
        let status = refusal(&app, &path, request).await;
        assert_eq!(status.code(), code, "{path}: {status:?}");
        assert_eq!(complete(&path, &status), expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_ends_with_its_callers_time() {
    let app = TestApp::start().await;
    let mut lock = app.pool.begin().await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I', tablename) from pg_tables where schemaname = 'public'",
    )
    .fetch_all(&mut *lock)
    .await
    .unwrap();
    let statement = format!("lock table {} in access exclusive mode", tables.join(", "));
    let statement = sqlx::raw_sql(AssertSqlSafe(statement));
    statement.execute(&mut *lock).await.unwrap();
    // A watch begins without asking a table.
    let watch = attachments("WatchAttachments");
    let waits = outage::requests().into_iter();
    for (path, request) in waits.filter(|(path, _)| *path != watch) {
        let call = Call::new(&app, &path, frame(&request)).may(&Scope::ALL);
        let status = call.with("grpc-timeout", "100m").refusal().await;
        assert_eq!(status.code(), Code::DeadlineExceeded, "{path}: {status:?}");
        assert_eq!(complete(&path, &status), "DEADLINE_EXCEEDED");
        let metadata = status.get_details_error_info().unwrap().metadata;
        assert_eq!(metadata["set_by"], "caller", "{path}");
        assert_eq!(metadata["allowed"], "100ms", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_says_so() {
    let app = TestApp::start().await;
    let nothing = admin("Nothing");
    for path in [
        "/grpc.health.v1.Health/Nothing",
        "/grpc.reflection.v1.ServerReflection/Nothing",
        "/grpc.reflection.v1.Nothing/Nothing",
        "/attachments.v1.AttachmentService/",
        "/attachments.v1.AttachmentService",
        "/attachments.v1.Nothing/GetAttachment",
        "/",
        &attachments("getAttachment"),
        &nothing,
    ] {
        let call = Call::new(&app, path, frame(&[])).may(&Scope::ALL);
        let status = call.refusal().await;
        assert_eq!(status.code(), Code::Unimplemented, "{path}: {status:?}");
        assert_eq!(complete(path, &status), "METHOD_UNKNOWN", "{path}");
        let metadata = status.get_details_error_info().unwrap().metadata;
        assert_eq!(metadata["method"], path);
    }
    let status = Call::new(&app, &nothing, frame(&[])).refusal().await;
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(complete(&nothing, &status), "TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_says_why_too() {
    let app = TestApp::start().await;
    let check = "/grpc.health.v1.Health/Check";
    // `service`, the first field, is "x".
    let status = Call::new(&app, check, frame(&[0x0a, 1, b'x']))
        .refusal()
        .await;
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(complete(check, &status), "NOT_FOUND");
    let status = Call::new(&app, check, frame(&[0x0a])).refusal().await;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(complete(check, &status), "INVALID_REQUEST");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compression_that_is_not_spoken_is_told_with_those_that_are() {
    let app = TestApp::start().await;
    let path = attachments("GetAttachment");
    let call = Call::new(&app, &path, frame(&[])).may(&Scope::ALL);
    let status = call.with("grpc-encoding", "snappy").refusal().await;
    assert!(status.message().contains("snappy"), "{status:?}");
    assert_eq!(
        status.metadata().get("grpc-accept-encoding").unwrap(),
        "identity"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_too_large_is_told_as_such() {
    let app = TestApp::start().await;
    let id = app.register(line("1")).await.attachment_id;
    sqlx::query(
        "insert into attempts (attachment_id, kind, fence, tenant_id, started_at, counted, worker, detail)
         select $1::uuid, 'ingest', 1000 + n, $2, now(), true, 'w', repeat('x', 100000)
         from generate_series(1, 40) n",
    )
    .bind(&id)
    .bind(TENANT)
    .execute(&app.pool)
    .await
    .unwrap();
    let request = ExplainAttachmentRequest { attachment_id: id };
    let path = attachments("ExplainAttachment");
    let status = refusal(&app, &path, request.encode_to_vec()).await;
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    assert_eq!(complete(&path, &status), "ANSWER_TOO_LARGE");
}
