//! Who may call what: its scopes open each RPC, and nothing else does.

use super::wire::{every_rpc, open};
use crate::support::{TENANT, TestApp};
use attachments::auth::Scope;
use secrecy::ExposeSecret as _;
use std::collections::BTreeMap;
use tonic::Code;
use tonic_types::StatusExt as _;

/// As the contract lists them.
const SCOPES: &[(Scope, &str, &[&str])] = &[
    (
        Scope::Register,
        "AttachmentService",
        &[
            "RegisterAttachment",
            "BatchRegisterAttachments",
            "RetryAttachment",
        ],
    ),
    (
        Scope::Read,
        "AttachmentService",
        &[
            "GetAttachment",
            "BatchGetAttachments",
            "ListAttachments",
            "WatchAttachments",
            "ExplainAttachment",
            "GetAttachmentBytes",
            "ListEnrichedAttachments",
            "GetProcessedContent",
        ],
    ),
    (
        Scope::Link,
        "AttachmentService",
        &[
            "IssueAccessLink",
            "BatchIssueAccessLinks",
            "ListEnrichedAttachments",
        ],
    ),
    (
        Scope::Delete,
        "AttachmentService",
        &["DeleteAttachment", "PurgeAttachments"],
    ),
    (
        Scope::Admin,
        "AdminService",
        &[
            "PutChannel",
            "SetChannelCredential",
            "ClearChannelCredential",
            "TestChannel",
            "GetChannel",
            "ListChannels",
            "DeleteChannel",
            "RedriveAttachments",
            "ListRedrives",
            "GetTenant",
            "PutTenant",
            "GetUsage",
            "ListAuditEvents",
        ],
    ),
];

fn needed() -> BTreeMap<String, Vec<Scope>> {
    let mut needed: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (scope, service, methods) in SCOPES {
        for method in *methods {
            let path = format!("/attachments.v1.{service}/{method}");
            needed.entry(path).or_default().push(*scope);
        }
    }
    needed
}

/// What the door says to an empty request with this `authorization`.
async fn door(app: &TestApp, path: &str, authorization: Option<&str>) -> Option<(Code, String)> {
    let refusal = open(app, authorization, path, Vec::new()).await.err()?;
    if !matches!(
        refusal.code(),
        Code::Unauthenticated | Code::PermissionDenied
    ) {
        return None;
    }
    let info = refusal.get_details_error_info().unwrap();
    assert_eq!(info.domain, "attachments", "{path}");
    Some((refusal.code(), info.reason))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_rpc_opens_to_its_scopes_alone() {
    let app = TestApp::start().await;
    let bearer = |scopes: &[Scope]| {
        let token = app.token(TENANT, scopes);
        format!("Bearer {}", token.expose_secret())
    };
    let all_but = |left_out: Scope| {
        let mut others = Scope::ALL.to_vec();
        others.retain(|scope| *scope != left_out);
        bearer(&others)
    };
    let missing = Some((Code::PermissionDenied, "SCOPE_MISSING".to_owned()));
    let needed = needed();
    for path in every_rpc() {
        let needed = needed
            .get(&path)
            .unwrap_or_else(|| panic!("{path} is in no list of scopes"));
        let answer = door(&app, &path, Some(&bearer(needed))).await;
        assert_eq!(answer, None, "{path} with {needed:?}");
        for scope in Scope::ALL {
            let answer = door(&app, &path, Some(&bearer(&[scope]))).await;
            let expected = missing.clone().filter(|_| [scope] != **needed);
            assert_eq!(answer, expected, "{path} with {scope}");
        }
        for scope in needed {
            let answer = door(&app, &path, Some(&all_but(*scope))).await;
            assert_eq!(answer, missing, "{path} without {scope}");
        }
        let answer = door(&app, &path, Some(&bearer(&[]))).await;
        assert_eq!(answer, missing, "{path} without any scope");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_good_token_every_rpc_is_closed() {
    let app = TestApp::start().await;
    let token = app.token(TENANT, &Scope::ALL);
    let good = token.expose_secret();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let forged = signature.chars().rev().collect::<String>();
    let refused = Some((Code::Unauthenticated, "TOKEN_INVALID".to_owned()));
    for path in every_rpc() {
        for authorization in [
            None,
            Some(String::new()),
            Some("Bearer x".to_owned()),
            Some(format!("Basic {good}")),
            Some(format!("Bearer {signed}.")),
            Some(format!("Bearer {signed}.{forged}")),
        ] {
            let answer = door(&app, &path, authorization.as_deref()).await;
            assert_eq!(answer, refused, "{path} with {authorization:?}");
        }
    }
}
