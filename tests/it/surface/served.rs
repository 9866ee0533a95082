//! What the store is told to say with the bytes of a link.

use super::links::{issue, to};
use super::stage::stored_named;
use crate::support::TestApp;
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::{IssueAccessLinkRequest, issue_access_link_request::Disposition};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, SET_COOKIE};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_serves_the_file_under_its_name_and_type() {
    use Disposition::{Attachment, Inline, Unspecified};
    let app = TestApp::start().await;
    let mut next = 0;
    for (kind, name, disposition, expected) in [
        (
            Fixture::Png,
            "cat.png",
            Unspecified,
            "inline; filename=\"cat.png\"",
        ),
        (
            Fixture::Png,
            "cat.png",
            Inline,
            "inline; filename=\"cat.png\"",
        ),
        (
            Fixture::Png,
            "cat.png",
            Attachment,
            "attachment; filename=\"cat.png\"",
        ),
        (
            Fixture::Pdf,
            "รายงาน.pdf",
            Unspecified,
            "inline; filename=\"______.pdf\"; filename*=UTF-8''\
             %E0%B8%A3%E0%B8%B2%E0%B8%A2%E0%B8%87%E0%B8%B2%E0%B8%99.pdf",
        ),
        (
            Fixture::Png,
            "say \"cheese\".png",
            Attachment,
            "attachment; filename=\"say _cheese_.png\"; filename*=UTF-8''say%20%22cheese%22.png",
        ),
        (
            Fixture::Png,
            "a\r\nSet-Cookie: b=c.png",
            Unspecified,
            "inline; filename=\"aSet-Cookie: b=c.png\"",
        ),
        // A name that lies about the type is not what the file is saved under.
        (
            Fixture::Pdf,
            "setup.exe",
            Unspecified,
            "inline; filename=\"setup.exe.pdf\"",
        ),
        // Text is never shown: a browser might take it for something to run.
        (
            Fixture::Csv,
            "table.csv",
            Inline,
            "attachment; filename=\"table.csv\"",
        ),
        (
            Fixture::Csv,
            "table.csv",
            Unspecified,
            "attachment; filename=\"table.csv\"",
        ),
    ] {
        next += 1;
        let id = stored_named(&app, &next.to_string(), Media::fixture(kind), name).await;
        let request = IssueAccessLinkRequest {
            disposition: disposition.into(),
            ..to(&id.attachment_id)
        };
        let link = issue(&app, request).await.unwrap();
        let answer = reqwest::get(&link.url).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{name:?}");
        let headers = answer.headers();
        assert_eq!(headers[CONTENT_DISPOSITION], expected, "{name:?}");
        assert_eq!(headers[CONTENT_TYPE], kind.content_type(), "{name:?}");
        assert_eq!(headers[CONTENT_TYPE], link.content_type, "{name:?}");
        assert!(!headers.contains_key(SET_COOKIE), "{name:?}");
    }
}
