//! Presigned links: what they override, and what makes them void.

use super::{BUCKET, Rig};
use aws_sdk_s3::presigning::PresigningConfig;
use http::StatusCode;
use std::time::{Duration, SystemTime};

fn browser() -> reqwest::Client {
    // The first test to come installs it; the rest find it there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().build().unwrap()
}

async fn presign(rig: &Rig, config: PresigningConfig) -> String {
    let get = rig.s3.get_object().bucket(BUCKET).key("a/b c.pdf");
    let get = get
        .response_content_type("application/pdf")
        .response_content_disposition("attachment; filename=\"b.pdf\"");
    get.presigned(config).await.unwrap().uri().to_owned()
}

fn minutes(minutes: u64) -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_mins(minutes)).unwrap()
}

#[tokio::test]
async fn a_link_says_how_its_object_is_served() {
    let rig = Rig::start().await;
    rig.put("a/b c.pdf", "%PDF-").await;
    let url = presign(&rig, minutes(5)).await;

    let answer = browser().get(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/pdf");
    let disposition = &answer.headers()["content-disposition"];
    assert_eq!(disposition, "attachment; filename=\"b.pdf\"");
    assert_eq!(answer.bytes().await.unwrap().as_ref(), b"%PDF-");

    let part = browser().get(&url).header("range", "bytes=1-3");
    let part = part.send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.unwrap().as_ref(), b"PDF");
}

#[tokio::test]
async fn a_tampered_link_is_void() {
    let rig = Rig::start().await;
    rig.put("a/b c.pdf", "%PDF-").await;
    rig.put("a/c", "another object").await;
    let url = presign(&rig, minutes(5)).await;
    for (from, to) in [
        ("a/b%20c.pdf", "a/c"),
        ("application%2Fpdf", "text%2Fhtml"),
        ("X-Amz-Expires=300", "X-Amz-Expires=30000"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
        ("X-Amz-Signature=", "X-Other="),
    ] {
        let tampered = url.replacen(from, to, 1);
        assert_ne!(tampered, url, "{from} is not in {url}");
        let answer = browser().get(&tampered).send().await.unwrap();
        assert!(answer.status().is_client_error(), "{from} -> {to}");
    }
    let head = browser().head(&url).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the protocol crate reads the machine's clock"
)]
async fn an_expired_link_is_void() {
    let rig = Rig::start().await;
    rig.put("a/b c.pdf", "%PDF-").await;
    let signed = |ago| {
        PresigningConfig::builder()
            .start_time(SystemTime::now() - Duration::from_secs(ago))
            .expires_in(Duration::from_mins(1))
            .build()
            .unwrap()
    };
    let fresh = presign(&rig, signed(10)).await;
    let stale = presign(&rig, signed(120)).await;
    let status = |url| async move { browser().get(url).send().await.unwrap().status() };
    assert_eq!(status(fresh).await, StatusCode::OK);
    assert_eq!(status(stale).await, StatusCode::FORBIDDEN);
}
