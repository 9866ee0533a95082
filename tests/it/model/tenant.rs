//! What a tenant decided for all its channels.

use crate::support::{LINE, OTHER_TENANT, TENANT, TestApp, line};
use crate::surface::status::reason;
use attachments::proto::attachment::{FailureReason, Status};
use attachments::proto::tenant::ScanMode;
use attachments::proto::{GetTenantRequest, Limits, PutTenantRequest, Tenant};
use tonic::{Code, Request};

async fn put(app: &TestApp, tenant: Tenant) -> Result<Tenant, tonic::Status> {
    let request = PutTenantRequest {
        tenant: Some(tenant),
        update_mask: None,
    };
    let answer = app.admin(TENANT).put_tenant(request).await?;
    Ok(answer.into_inner().tenant.unwrap())
}

async fn get(app: &TestApp, tenant: &str) -> Tenant {
    let answer = app.admin(tenant).get_tenant(GetTenantRequest {}).await;
    answer.unwrap().into_inner().tenant.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_decided_nothing_has_defaults() {
    let app = TestApp::start().await;
    let tenant = get(&app, TENANT).await;
    assert!(tenant.languages.is_empty() && tenant.limits.is_none());
    assert_eq!(tenant.create_time, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_decides_counts_for_its_channels_and_for_no_other_tenant() {
    let app = TestApp::start().await;
    let limits = Limits {
        image_max_bytes: Some(100),
        ..Limits::default()
    };
    put(
        &app,
        Tenant {
            limits: Some(limits),
            ..Tenant::default()
        },
    )
    .await
    .unwrap();
    app.line_plays("1001", &[]);
    let rejected = app.ingest(line("1001")).await;
    assert_eq!(rejected.failure_reason(), FailureReason::TooLarge);
    let mut other = app.client(OTHER_TENANT);
    let registered = other
        .register_attachment(line("1001"))
        .await
        .unwrap()
        .into_inner();
    let id = registered.attachment.unwrap().attachment_id;
    assert_eq!(
        app.wait_final(OTHER_TENANT, &id).await.status(),
        Status::Stored
    );
    assert_eq!(get(&app, OTHER_TENANT).await.limits, None);
    let _ = LINE;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_first_language_speaks_to_who_asks_for_none() {
    let app = TestApp::start().await;
    let failed = app.ingest(line("not-there")).await;
    assert_eq!(failed.failure_reason(), FailureReason::SourceNotFound);
    let english = failed.failure_message.clone();
    put(
        &app,
        Tenant {
            languages: vec!["th".to_owned()],
            ..Tenant::default()
        },
    )
    .await
    .unwrap();
    let read = |language: Option<&'static str>| {
        let mut client = app.client(TENANT);
        let mut request = Request::new(attachments::proto::GetAttachmentRequest {
            key: Some(
                attachments::proto::get_attachment_request::Key::AttachmentId(
                    failed.attachment_id.clone(),
                ),
            ),
        });
        if let Some(language) = language {
            request
                .metadata_mut()
                .insert("accept-language", language.parse().unwrap());
        }
        async move {
            let answer = client.get_attachment(request).await.unwrap().into_inner();
            answer.attachment.unwrap().failure_message
        }
    };
    app.eventually("the tenant's language", || async {
        read(None).await != english
    })
    .await;
    assert_eq!(read(Some("en")).await, english);
    let japanese = read(Some("fr;q=0.9, ja")).await;
    assert!(japanese != english && japanese != read(Some("th")).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_change_it_at_the_same_time_lose_nothing() {
    let app = TestApp::start().await;
    let first = put(
        &app,
        Tenant {
            languages: vec!["ja".to_owned()],
            ..Tenant::default()
        },
    )
    .await
    .unwrap();
    let changed = Tenant {
        languages: vec!["th".to_owned()],
        etag: first.etag.clone(),
        ..Tenant::default()
    };
    put(&app, changed.clone()).await.unwrap();
    let late = put(&app, changed).await.unwrap_err();
    assert_eq!(late.code(), Code::Aborted);
    assert_eq!(reason(&late), "ETAG_MISMATCH");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_built_is_not_promised() {
    let app = TestApp::start().await;
    let scanning = Tenant {
        scan_mode: ScanMode::Required.into(),
        ..Tenant::default()
    };
    let quota = Tenant {
        quota_bytes: Some(1),
        ..Tenant::default()
    };
    for tenant in [scanning, quota] {
        let refused = put(&app, tenant).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented);
    }
}
