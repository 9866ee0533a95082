//! One tenant's flood is that tenant's own.

use crate::support::{OTHER_TENANT, TENANT, TestApp, line};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::{
    BatchRegisterAttachmentsRequest, RegisterAttachmentRequest,
    attachment::Status as AttachmentStatus,
};

/// Attachments of a tenant that nobody has begun yet.
async fn untouched(app: &TestApp, tenant: &str) -> i64 {
    sqlx::query_scalar("select count(*) from work where tenant_id = $1 and fence = 0")
        .bind(tenant)
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_slow_files_does_not_hold_up_another_tenant() {
    let app = TestApp::start_with(|config| {
        config.limits.ingest_concurrency = 4;
        config.limits.tenant_concurrency = 3;
    })
    .await;
    let requests: Vec<_> = (0..40).map(|n| line(&format!("slow-{n}"))).collect();
    for n in 0..40 {
        let hangs = Media::fixture(Fixture::Png).script(["hang"]).unwrap();
        app.simulator.put_line_message(&format!("slow-{n}"), hangs);
    }
    let flood = BatchRegisterAttachmentsRequest { requests };
    app.client(TENANT)
        .batch_register_attachments(flood)
        .await
        .unwrap();
    app.eventually("the flood is being worked on", || async {
        app.simulator.requests_for("slow-") >= 3
    })
    .await;

    app.simulator
        .put_line_message("quick", Media::fixture(Fixture::Png));
    let mut client = app.client(OTHER_TENANT);
    let registered = client
        .register_attachment(line("quick"))
        .await
        .unwrap()
        .into_inner();
    let id = registered.attachment.unwrap().attachment_id;
    let stored = app.wait_final(OTHER_TENANT, &id).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);
    // In the order of registration all forty would have come before it.
    assert!(untouched(&app, TENANT).await > 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_and_videos_take_turns_though_the_videos_came_first() {
    let app = TestApp::start_with(|config| {
        config.limits.ingest_concurrency = 1;
        config.limits.tenant_concurrency = 1;
    })
    .await;
    // The one slot is taken until everything is registered, videos first.
    let blocker = Media::fixture(Fixture::Png).script(["hang", "ok"]).unwrap();
    app.simulator.put_line_message("blocker", blocker);
    let mut client = app.client(TENANT);
    client.register_attachment(line("blocker")).await.unwrap();
    app.eventually("the slot is taken", || async {
        app.simulator.requests_for("blocker") == 1
    })
    .await;
    for (kind, fixture) in [("video/mp4", Fixture::Mp4), ("image/png", Fixture::Png)] {
        for n in 0..6 {
            let message = format!("{}-{n}", &kind[..5]);
            app.simulator
                .put_line_message(&message, Media::fixture(fixture));
            let request = RegisterAttachmentRequest {
                declared_content_type: kind.to_owned(),
                ..line(&message)
            };
            client.register_attachment(request).await.unwrap();
        }
    }
    app.eventually("all are fetched", || async {
        app.simulator.requests_for("-") == 12
    })
    .await;
    let journal = app.simulator.journal();
    let kinds: Vec<&str> = journal
        .iter()
        .filter_map(|entry| {
            ["image", "video"]
                .into_iter()
                .find(|kind| entry.path.contains(*kind))
        })
        .collect();
    // Every other turn is the oldest one's, whatever its kind.
    let images = kinds[..6].iter().filter(|kind| **kind == "image").count();
    assert_eq!(images, 3, "{kinds:?}");
    assert!(
        kinds[..2].contains(&"image") && kinds[..2].contains(&"video"),
        "{kinds:?}"
    );
}
