//! Channels: kept, listed, checked and obeyed.

use crate::support::{
    LINE, SLACK, TENANT, TestApp, URL, channel, credential_request, line, put_request,
};
use crate::surface::stage::{picture, picture_of};
use crate::surface::status::{reason, violated};
use attachments::dev::simulator::LINE_DEV_TOKEN;
use attachments::proto::{
    Channel, DeleteChannelRequest, GetChannelRequest, Limits, ListChannelsRequest,
    PutChannelRequest, RegisterAttachmentRequest, access_link::Mode, attachment::FailureReason,
    attachment::Status as AttachmentStatus, channel::Provider, channel::Retention,
};
use prost_types::Duration;
use tonic::{Code, Status};

/// Puts a channel of [`TENANT`].
pub async fn put(app: &TestApp, channel: Channel) -> Result<Channel, Status> {
    let answer = app.admin(TENANT).put_channel(put_request(channel)).await;
    answer.map(|answer| answer.into_inner().channel.unwrap())
}

/// Gets a channel of [`TENANT`].
pub async fn get(app: &TestApp, id: &str) -> Result<Channel, Status> {
    let channel_id = id.to_owned();
    let request = GetChannelRequest { channel_id };
    let answer = app.admin(TENANT).get_channel(request).await;
    answer.map(|answer| answer.into_inner().channel.unwrap())
}

fn url_channel(id: &str) -> Channel {
    channel(id, Provider::Url)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_is_created_replaced_listed_and_deleted() {
    let app = TestApp::start().await;
    let wanted = Channel {
        retention: Retention::Ephemeral.into(),
        ephemeral_ttl: Some(Duration {
            seconds: 3600,
            nanos: 0,
        }),
        link_mode: Mode::Presigned.into(),
        limits: Some(Limits {
            image_max_bytes: Some(1),
            document_max_bytes: Some(2),
            audio_max_bytes: Some(3),
            video_max_bytes: Some(4),
            max_files_per_message: Some(6),
            extra_content_types: vec!["text/html".to_owned(), "text/markdown".to_owned()],
        }),
        ..channel("new", Provider::Slack)
    };
    let created = put(&app, wanted.clone()).await.unwrap();
    assert!(created.create_time.is_some() && created.create_time == created.update_time);
    let expected = Channel {
        etag: created.etag.clone(),
        create_time: created.create_time,
        update_time: created.update_time,
        ..wanted
    };
    assert_eq!(created, expected);
    assert_eq!(get(&app, "new").await.unwrap(), created);

    let credential = credential_request("new", "xoxb-1");
    let answer = app.admin(TENANT).set_channel_credential(credential).await;
    assert!(answer.unwrap().into_inner().channel.unwrap().has_credential);

    let replaced = put(&app, channel("new", Provider::Slack)).await.unwrap();
    assert_eq!(replaced.retention(), Retention::Durable);
    assert_eq!(replaced.link_mode(), Mode::Unspecified);
    assert_eq!(replaced.limits, None);
    assert_eq!(replaced.ephemeral_ttl, None);
    assert!(replaced.has_credential);
    assert_eq!(replaced.create_time, created.create_time);

    let listed = app
        .admin(TENANT)
        .list_channels(ListChannelsRequest::default())
        .await;
    let listed = listed.unwrap().into_inner().channels;
    let ids: Vec<_> = listed.iter().map(|it| it.channel_id.as_str()).collect();
    assert_eq!(ids, [LINE, "new", SLACK, URL]);
    assert!(listed.contains(&replaced));

    let request = DeleteChannelRequest {
        channel_id: "new".to_owned(),
    };
    let mut admin = app.admin(TENANT);
    admin.delete_channel(request.clone()).await.unwrap();
    let again = admin.delete_channel(request).await.unwrap_err();
    for refused in [again, get(&app, "new").await.unwrap_err()] {
        assert_eq!(refused.code(), Code::NotFound);
        assert_eq!(reason(&refused), "CHANNEL_NOT_FOUND");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_are_paged_by_id() {
    let app = TestApp::start().await;
    for n in 0..7 {
        put(&app, url_channel(&format!("c-{n}"))).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListChannelsRequest {
            page_size: 3,
            page_token,
        };
        let answer = app.admin(TENANT).list_channels(request).await;
        let page = answer.unwrap().into_inner();
        assert!(page.channels.len() <= 3);
        seen.extend(page.channels.into_iter().map(|channel| channel.channel_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let expected: Vec<_> = (0..7).map(|n| format!("c-{n}")).collect();
    assert_eq!(seen[..7], expected);
    assert_eq!(seen[7..], [LINE, SLACK, URL]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[rustfmt::skip] // A table: a line a case.
async fn a_malformed_channel_is_told_by_field() {
    let app = TestApp::start().await;
    let seconds = |seconds| Some(Duration { seconds, nanos: 0 });
    let ephemeral = |ttl| Channel { retention: Retention::Ephemeral.into(), ephemeral_ttl: ttl, ..url_channel("c") };
    let limited = |limits| Channel { limits: Some(limits), ..url_channel("c") };
    let limits = Limits::default;
    for (field, channel) in [
        ("channel.channel_id", url_channel("")),
        ("channel.channel_id", url_channel("a b")),
        ("channel.channel_id", url_channel(&"x".repeat(257))),
        ("channel.provider", Channel { provider: 0, ..url_channel("c") }),
        ("channel.provider", Channel { provider: 99, ..url_channel("c") }),
        ("channel.retention", Channel { retention: 99, ..url_channel("c") }),
        ("channel.ephemeral_ttl", Channel { ephemeral_ttl: seconds(60), ..url_channel("c") }),
        ("channel.ephemeral_ttl", ephemeral(seconds(0))),
        ("channel.ephemeral_ttl", ephemeral(seconds(-1))),
        ("channel.ephemeral_ttl", ephemeral(seconds(24 * 60 * 60 + 1))),
        ("channel.link_mode", Channel { link_mode: 99, ..url_channel("c") }),
        ("channel.limits.image_max_bytes", limited(Limits { image_max_bytes: Some(-1), ..limits() })),
        ("channel.limits.document_max_bytes", limited(Limits { document_max_bytes: Some(-1), ..limits() })),
        ("channel.limits.audio_max_bytes", limited(Limits { audio_max_bytes: Some(-1), ..limits() })),
        ("channel.limits.video_max_bytes", limited(Limits { video_max_bytes: Some(-1), ..limits() })),
        ("channel.limits.max_files_per_message", limited(Limits { max_files_per_message: Some(-1), ..limits() })),
        ("channel.limits.extra_content_types[0]", limited(Limits { extra_content_types: vec!["image/tiff".to_owned()], ..limits() })),
    ] {
        let refused = put(&app, channel).await.expect_err(field);
        assert_eq!(violated(&refused), [field], "{}", refused.message());
    }
    let refused = app.admin(TENANT).put_channel(PutChannelRequest::default()).await;
    assert_eq!(violated(&refused.unwrap_err()), ["channel"]);
    assert_eq!(get(&app, "c").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_channel_cannot_have_yet_is_unimplemented() {
    let app = TestApp::start().await;
    let proxied = Channel {
        link_mode: Mode::Proxy.into(),
        ..url_channel("c")
    };
    let unkept = Channel {
        retention: Retention::ProxyOnly.into(),
        ..url_channel("c")
    };
    for channel in [proxied, unkept] {
        let refused = put(&app, channel).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unimplemented);
        assert_eq!(reason(&refused), "NOT_BUILT_YET");
    }
    assert_eq!(get(&app, "c").await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_decide_what_is_let_in() {
    let app = TestApp::start().await;
    let limited = Channel {
        limits: Some(Limits {
            image_max_bytes: Some(20_000),
            extra_content_types: vec!["text/html".to_owned()],
            ..Limits::default()
        }),
        ..channel("strict", Provider::Line)
    };
    app.put_channel(limited, LINE_DEV_TOKEN).await;
    let strict = |id: &str| RegisterAttachmentRequest {
        channel_id: "strict".to_owned(),
        ..line(id)
    };
    for (id, size, expected) in [
        ("exactly", 20_000, AttachmentStatus::Stored),
        ("beyond", 20_001, AttachmentStatus::Rejected),
    ] {
        app.simulator.put_line_message(id, picture_of(size));
        let ended = app.ingest(strict(id)).await;
        assert_eq!(ended.status(), expected, "{ended:#?}");
        // The other channel goes by the defaults.
        let ended = app.ingest(line(id)).await;
        assert_eq!(ended.status(), AttachmentStatus::Stored, "{ended:#?}");
    }
    let declared = |content_type: &str, size| RegisterAttachmentRequest {
        declared_content_type: content_type.to_owned(),
        declared_size_bytes: Some(size),
        ..strict(&format!("declared-{size}-{}", content_type.len()))
    };
    for (request, expected) in [
        (declared("image/png", 20_000), AttachmentStatus::Pending),
        (declared("image/png", 20_001), AttachmentStatus::Rejected),
        (declared("text/html", 1), AttachmentStatus::Pending),
        (declared("text/markdown", 1), AttachmentStatus::Unsupported),
    ] {
        let registered = app.register(request).await;
        assert_eq!(registered.status(), expected, "{registered:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_policy_soon_counts_for_what_is_registered() {
    let app = TestApp::start().await;
    app.simulator.put_line_message("warm", picture());
    app.ingest(line("warm")).await;
    let strict = Channel {
        limits: Some(Limits {
            image_max_bytes: Some(10),
            ..Limits::default()
        }),
        ..channel(LINE, Provider::Line)
    };
    put(&app, strict).await.unwrap();
    let next = std::sync::atomic::AtomicU32::new(0);
    app.eventually("the new limit to count", || async {
        let next = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let request = RegisterAttachmentRequest {
            declared_content_type: "image/png".to_owned(),
            declared_size_bytes: Some(11),
            ..line(&format!("after-{next}"))
        };
        app.register(request).await.status() == AttachmentStatus::Rejected
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_by_a_deleted_channel_stays() {
    let app = TestApp::start().await;
    app.line_plays("1", &["ok"]);
    let stored = app.ingest(line("1")).await;
    let request = DeleteChannelRequest {
        channel_id: LINE.to_owned(),
    };
    app.admin(TENANT).delete_channel(request).await.unwrap();
    assert_eq!(app.wait_final(TENANT, &stored.attachment_id).await, stored);
    let failed = app.ingest(line("2")).await;
    assert_eq!(failed.failure_reason(), FailureReason::CredentialMissing);
    assert!(!failed.retryable);
    // The credential is gone with the channel, and a new one brings the file.
    app.line_plays("2", &["ok"]);
    app.put_channel(channel(LINE, Provider::Line), LINE_DEV_TOKEN)
        .await;
    app.wait(TENANT, &failed.attachment_id, |now| {
        now.status() == AttachmentStatus::Stored
    })
    .await;
}
