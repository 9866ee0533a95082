//! Credentials of channels: in, sealed, used, and never out.

use crate::admin::{get, put};
use crate::support::{LINE, OTHER_TENANT, TENANT, TestApp, channel, credential_request, line};
use attachments::dev::simulator::LINE_DEV_TOKEN;
use attachments::proto::{
    ListChannelsRequest, attachment::FailureReason, attachment::Status as AttachmentStatus,
    channel::Provider,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Everything that the database holds, as text and as the bytes of `bytea`.
async fn dump(app: &TestApp) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables where table_schema = 'public'",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    assert!(tables.iter().any(|table| table == "channels"));
    let mut rows = Vec::new();
    for table in tables {
        let statement = format!("select t::text from {table} t");
        let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .fetch_all(&app.pool)
            .await
            .unwrap();
        rows.extend(found);
    }
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_goes_in_and_never_comes_out() {
    const CREDENTIAL: &str = "xoxb-very-secret-1234567890";
    let app = TestApp::start().await;
    let created = put(&app, channel("c", Provider::Slack)).await.unwrap();
    assert!(!created.has_credential);
    let request = credential_request("c", CREDENTIAL);
    let answer = app.admin(TENANT).set_channel_credential(request).await;
    let set = answer.unwrap().into_inner();
    assert!(!format!("{set:?}").contains(CREDENTIAL));
    let shown = [set.channel.unwrap(), get(&app, "c").await.unwrap()];
    assert!(shown.iter().all(|channel| channel.has_credential));
    assert!(!format!("{shown:?}").contains(CREDENTIAL));
    let request = ListChannelsRequest::default();
    let listed = app.admin(TENANT).list_channels(request).await.unwrap();
    assert!(!format!("{listed:?}").contains(CREDENTIAL));

    // A `bytea` reads as hex, so clear text in one would show as this.
    let spelled = [
        CREDENTIAL.to_owned(),
        hex::encode(CREDENTIAL),
        STANDARD_NO_PAD.encode(CREDENTIAL),
        URL_SAFE_NO_PAD.encode(CREDENTIAL),
        hex::encode(STANDARD.encode(CREDENTIAL)),
    ];
    let rows = dump(&app).await;
    assert!(
        rows.iter().any(|row| row.contains("\\x")),
        "no sealed bytes"
    );
    for row in &rows {
        for credential in &spelled {
            assert!(!row.contains(credential), "{row}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sealed_credential_is_bound_to_its_channel_and_tenant() {
    let app = TestApp::start().await;
    let sealed = async |tenant: &str, id: &str| -> Vec<u8> {
        let query = "select credential from channels where tenant_id = $1 and channel_id = $2";
        sqlx::query_scalar(query)
            .bind(tenant)
            .bind(id)
            .fetch_one(&app.pool)
            .await
            .unwrap()
    };
    // Sealed alike, the same token would show which tenants share it.
    let mine = sealed(TENANT, LINE).await;
    assert_ne!(mine, sealed(OTHER_TENANT, LINE).await);
    app.put_channel(channel(LINE, Provider::Line), LINE_DEV_TOKEN)
        .await;
    assert_ne!(mine, sealed(TENANT, LINE).await);
    // Carried over to another row, it opens nothing.
    sqlx::query("update channels set credential = $1 where tenant_id = $2 and channel_id = $3")
        .bind(&mine)
        .bind(OTHER_TENANT)
        .bind(LINE)
        .execute(&app.pool)
        .await
        .unwrap();
    app.line_plays("1", &["ok"]);
    let answer = app
        .client(OTHER_TENANT)
        .register_attachment(line("1"))
        .await;
    let registered = answer.unwrap().into_inner().attachment.unwrap();
    let ended = app
        .wait_final(OTHER_TENANT, &registered.attachment_id)
        .await;
    assert_eq!(ended.status(), AttachmentStatus::Failed, "{ended:#?}");
    assert_eq!(app.simulator.requests_for("/1/content"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_keeps_the_stored_credential() {
    let app = TestApp::start().await;
    let kept = put(&app, channel(LINE, Provider::Line)).await.unwrap();
    assert!(kept.has_credential);
    app.line_plays("1", &["ok"]);
    let stored = app.ingest(line("1")).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored, "{stored:#?}");

    app.put_channel(channel(LINE, Provider::Line), "another")
        .await;
    app.line_plays("2", &["ok"]);
    let failed = app.ingest(line("2")).await;
    assert_eq!(failed.failure_reason(), FailureReason::SourceAuthFailed);
}
