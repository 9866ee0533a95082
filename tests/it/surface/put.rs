//! Puts: what is not named stays, and nobody overwrites what they have not seen.

use super::status::{reason, violated};
use crate::admin::get;
use crate::support::{TENANT, TestApp, channel, credential_request};
use attachments::proto::channel::{Provider, Retention};
use attachments::proto::{Channel, Limits, PutChannelRequest, PutChannelResponse};
use prost_types::FieldMask;
use tonic::{Code, Status};

async fn put(app: &TestApp, channel: Channel, mask: &[&str]) -> Result<PutChannelResponse, Status> {
    let request = PutChannelRequest {
        channel: Some(channel),
        update_mask: Some(FieldMask {
            paths: mask.iter().copied().map(String::from).collect(),
        }),
    };
    let answer = app.admin(TENANT).put_channel(request).await;
    answer.map(tonic::Response::into_inner)
}

fn limited(image: i64, video: i64) -> Channel {
    Channel {
        limits: Some(Limits {
            image_max_bytes: Some(image),
            video_max_bytes: Some(video),
            ..Limits::default()
        }),
        ..channel("c", Provider::Line)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_writes_what_it_populates_or_what_its_mask_names() {
    let app = TestApp::start().await;
    let first = put(&app, limited(1, 2), &[]).await.unwrap();
    assert!(first.created);
    let credential = credential_request("c", "token");
    let mut admin = app.admin(TENANT);
    admin.set_channel_credential(credential).await.unwrap();

    let ephemeral = Channel {
        channel_id: "c".to_owned(),
        retention: Retention::Ephemeral.into(),
        ..Channel::default()
    };
    let second = put(&app, ephemeral, &[]).await.unwrap();
    assert!(!second.created);
    let second = second.channel.unwrap();
    assert_eq!(second.retention(), Retention::Ephemeral);
    assert_eq!(second.provider(), Provider::Line);
    assert_eq!(second.limits, limited(1, 2).limits);
    assert!(second.has_credential);

    let mask = ["limits.image_max_bytes", "retention"];
    let third = put(&app, channel("c", Provider::Slack), &mask).await;
    let third = third.unwrap().channel.unwrap();
    assert_eq!(third.retention(), Retention::Durable);
    assert_eq!(third.ephemeral_ttl, None);
    assert_eq!(third.provider(), Provider::Line, "it is not named");
    let limits = third.limits.clone().unwrap();
    assert_eq!(
        (limits.image_max_bytes, limits.video_max_bytes),
        (None, Some(2))
    );
    assert_eq!(get(&app, "c").await.unwrap(), third);

    let refused = put(&app, limited(9, 9), &["limits.pages"])
        .await
        .unwrap_err();
    assert_eq!(violated(&refused), ["update_mask"]);
    assert!(
        refused.message().contains("limits.pages"),
        "{}",
        refused.message()
    );
    assert_eq!(get(&app, "c").await.unwrap(), third);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_meanwhile_is_not_overwritten() {
    let app = TestApp::start().await;
    let seen = put(&app, limited(1, 1), &[])
        .await
        .unwrap()
        .channel
        .unwrap();
    let with_etag = |image, etag: &str| Channel {
        etag: etag.to_owned(),
        ..limited(image, 1)
    };
    let mine = put(&app, with_etag(2, &seen.etag), &[]).await.unwrap();
    assert_ne!(mine.channel.unwrap().etag, seen.etag);
    let elsewhere = Channel {
        channel_id: "not-there".to_owned(),
        ..with_etag(3, &seen.etag)
    };
    for late in [with_etag(3, &seen.etag), with_etag(3, "made up"), elsewhere] {
        let refused = put(&app, late, &[]).await.unwrap_err();
        assert_eq!(refused.code(), Code::Aborted);
        assert_eq!(reason(&refused), "ETAG_MISMATCH");
    }
    let now = get(&app, "c").await.unwrap();
    assert_eq!(now.limits, limited(2, 1).limits);
}
