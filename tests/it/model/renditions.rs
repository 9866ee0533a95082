//! An attachment has many objects, and whatever happens to it happens to all of
//! them. The rendition is one that the test puts: nothing makes any yet.

use crate::support::{TENANT, TestApp, line};
use crate::surface::status::reason;
use attachments::proto::attachment::Status;
use attachments::proto::rendition::Type;
use attachments::proto::{GetUsageRequest, IssueAccessLinkRequest};
use sha2::{Digest as _, Sha256};
use tonic::Code;

/// Puts a thumbnail beside a stored attachment, as a settlement would.
pub(super) async fn put_thumbnail(app: &TestApp, id: &str, bytes: &'static [u8]) -> String {
    let original: String = sqlx::query_scalar(
        "select storage_key from objects where attachment_id = $1::uuid and rendition = 'original'",
    )
    .bind(id)
    .fetch_one(&app.pool)
    .await
    .unwrap();
    let (folder, _) = original.rsplit_once('/').unwrap();
    let key = format!("{folder}/1-thumbnail.webp");
    app.put_object(&key, bytes).await;
    sqlx::query(
        "insert into objects (tenant_id, attachment_id, rendition, storage_key, content_type,
            size_bytes, checksum_sha256, width, height)
         values ($1, $2::uuid, 'thumbnail', $3, 'image/webp', $4, $5, 64, 48)",
    )
    .bind(TENANT)
    .bind(id)
    .bind(&key)
    .bind(i64::try_from(bytes.len()).unwrap())
    .bind(Sha256::digest(bytes).to_vec())
    .execute(&app.pool)
    .await
    .unwrap();
    key
}

async fn stored(app: &TestApp, message_id: &str) -> String {
    app.line_plays(message_id, &[]);
    let stored = app.ingest(line(message_id)).await;
    assert_eq!(stored.status(), Status::Stored);
    stored.attachment_id
}

fn thumbnail_of(id: &str) -> IssueAccessLinkRequest {
    IssueAccessLinkRequest {
        attachment_id: id.to_owned(),
        rendition: Type::Thumbnail.into(),
        ..IssueAccessLinkRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rendition_is_shown_linked_and_counted() {
    let app = TestApp::start().await;
    let id = stored(&app, "1001").await;
    let missing = app
        .client(TENANT)
        .issue_access_link(thumbnail_of(&id))
        .await;
    let missing = missing.unwrap_err();
    assert_eq!(missing.code(), Code::FailedPrecondition);
    assert_eq!(reason(&missing), "RENDITION_MISSING");

    put_thumbnail(&app, &id, b"a small picture").await;
    let read = app.wait(TENANT, &id, |_| true).await;
    assert_eq!(read.renditions.len(), 1);
    let rendition = &read.renditions[0];
    assert_eq!(
        (rendition.r#type(), rendition.size_bytes),
        (Type::Thumbnail, 15)
    );
    assert_eq!((rendition.width, rendition.height), (64, 48));

    let link = app
        .client(TENANT)
        .issue_access_link(thumbnail_of(&id))
        .await;
    let link = link.unwrap().into_inner().link.unwrap();
    assert_eq!(
        (link.content_type.as_str(), link.size_bytes),
        ("image/webp", 15)
    );
    let bytes = reqwest::get(link.url).await.unwrap().bytes().await.unwrap();
    assert_eq!(bytes.as_ref(), b"a small picture");

    let usage = app
        .admin(TENANT)
        .get_usage(GetUsageRequest {})
        .await
        .unwrap();
    let usage = usage.into_inner().by_status;
    assert_eq!(usage[0].size_bytes, read.size_bytes + 15);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_takes_every_object() {
    let app = TestApp::start().await;
    let id = stored(&app, "1001").await;
    let key = put_thumbnail(&app, &id, b"a small picture").await;
    app.delete(&id).await;
    app.eventually_nothing_to_remove().await;
    assert!(!app.objects().await.contains(&key));
    assert!(app.objects().await.is_empty());
    let rows: i64 = sqlx::query_scalar("select count(*) from objects")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expiry_takes_every_object() {
    let app = TestApp::start().await;
    let id = stored(&app, "1001").await;
    put_thumbnail(&app, &id, b"a small picture").await;
    sqlx::query(
        "update attachments set retention = 'ephemeral', expires_at = now() where id = $1::uuid",
    )
    .bind(&id)
    .execute(&app.pool)
    .await
    .unwrap();
    app.eventually("the row to be swept", || async {
        let status: String = sqlx::query_scalar("select status from attachments")
            .fetch_one(&app.pool)
            .await
            .unwrap();
        status == "deleted"
    })
    .await;
    app.eventually_nothing_to_remove().await;
    assert!(app.objects().await.is_empty());
}
