//! One tenant's flood is that tenant's own.

use crate::support::{LINE, OTHER_TENANT, TENANT, TestApp, channel, line, put_channel, slack};
use attachments::dev::simulator::{Fixture, LINE_DEV_TOKEN, Media};
use attachments::proto::{
    BatchRegisterAttachmentsRequest, RegisterAttachmentRequest,
    attachment::Status as AttachmentStatus, channel::Provider,
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

/// Files of this channel that hang, so many of them, for a tenant.
async fn flood(app: &TestApp, tenant: &str, channel: &str, files: usize) {
    let named = |n| format!("{tenant}-{channel}-{n}");
    let requests: Vec<_> = (0..files)
        .map(|n| {
            let hangs = Media::fixture(Fixture::Png).script(["hang"]).unwrap();
            app.simulator.put_line_message(&named(n), hangs);
            RegisterAttachmentRequest {
                channel_id: channel.to_owned(),
                ..line(&named(n))
            }
        })
        .collect();
    let mut client = app.client(tenant);
    for requests in requests.chunks(50) {
        let requests = requests.to_vec();
        let flood = BatchRegisterAttachmentsRequest { requests };
        client.batch_register_attachments(flood).await.unwrap();
    }
    let running = format!("{tenant}-{channel}-");
    app.eventually("the flood is being worked on", || async {
        app.simulator.requests_for(&running) >= 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_hangs_leaves_its_tenant_s_other_channels_a_slot() {
    let app = TestApp::start_with(|config| {
        config.limits.ingest_concurrency = 8;
        config.limits.tenant_concurrency = 6;
    })
    .await;
    flood(&app, TENANT, LINE, 40).await;
    // Whatever the channel may have, it has by now.
    let download = app.slack_plays("F1", &["ok"]);
    let stored = app.ingest(slack("F1", &download)).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);
    assert!(untouched(&app, TENANT).await > 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_greedy_tenants_leave_a_third_a_slot() {
    let app = TestApp::start_with(|config| {
        config.limits.ingest_concurrency = 8;
        config.limits.tenant_concurrency = 6;
    })
    .await;
    flood(&app, TENANT, LINE, 40).await;
    flood(&app, OTHER_TENANT, LINE, 40).await;
    let line_channel = channel(LINE, Provider::Line);
    put_channel(&mut app.admin("third"), line_channel, LINE_DEV_TOKEN).await;
    let mut client = app.client("third");
    app.simulator
        .put_line_message("quick", Media::fixture(Fixture::Png));
    let registered = client.register_attachment(line("quick")).await.unwrap();
    let id = registered.into_inner().attachment.unwrap().attachment_id;
    let stored = app.wait_final("third", &id).await;
    assert_eq!(stored.status(), AttachmentStatus::Stored);
    for greedy in [TENANT, OTHER_TENANT] {
        assert!(untouched(&app, greedy).await > 30, "{greedy}");
    }
}
