//! Links: how long they live, for which host, and to what.

use super::stage::{UNKNOWN, hold_still, one_in_each_status, picture, retried_later, stored};
use super::status::{of_item, reason, violated};
use crate::support::{OTHER_TENANT, TENANT, TestApp, line};
use attachments::clock::Clock as _;
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::batch_issue_access_links_response::result::Result as Item;
use attachments::proto::{
    AccessLink, BatchIssueAccessLinksRequest, GetAttachmentBytesRequest, IssueAccessLinkRequest,
    access_link::Mode, attachment::Status as AttachmentStatus, rendition::Type as RenditionType,
};
use prost_types::Duration;
use reqwest::StatusCode;
use time::Duration as Shift;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use url::Url;

/// A link to it, as it is asked for.
pub fn to(id: &str) -> IssueAccessLinkRequest {
    IssueAccessLinkRequest {
        attachment_id: id.to_owned(),
        ..IssueAccessLinkRequest::default()
    }
}

/// Issues a link for [`TENANT`].
pub async fn issue(app: &TestApp, request: IssueAccessLinkRequest) -> Result<AccessLink, Status> {
    let answer = app.client(TENANT).issue_access_link(request).await;
    answer.map(|answer| answer.into_inner().link.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_tells_its_true_end() {
    let app = TestApp::start().await;
    let id = stored(&app, "1", picture()).await.attachment_id;
    let cap = 60 * 60;
    for (asked, expected) in [
        (None, 15 * 60),
        (Some(1), 1),
        (Some(60), 60),
        (Some(cap), cap),
        (Some(cap + 1), cap),
        (Some(i64::MAX), cap),
    ] {
        let request = IssueAccessLinkRequest {
            ttl: asked.map(|seconds| Duration { seconds, nanos: 0 }),
            ..to(&id)
        };
        let before = app.clock.now().unix_timestamp();
        let link = issue(&app, request).await.unwrap();
        let after = app.clock.now().unix_timestamp();
        let end = link.expire_time.unwrap();
        let signed_at = end.seconds - expected;
        assert!((before..=after).contains(&signed_at), "{asked:?}");
        assert_eq!(end.nanos, 0, "signatures count whole seconds");
        let refresh = link.refresh_time.unwrap();
        assert!(refresh.seconds >= signed_at && refresh.seconds < end.seconds);
        // The link itself says the same.
        let url = Url::parse(&link.url).unwrap();
        let mut parameters = url.query_pairs();
        let expires = parameters.find(|(name, _)| name == "X-Amz-Expires");
        assert_eq!(expires.unwrap().1, expected.to_string(), "{asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_works_until_its_end_and_not_beyond() {
    let app = TestApp::start().await;
    let image = picture();
    let size = image.size_bytes();
    let id = stored(&app, "1", image).await.attachment_id;
    // Signed a while ago, as the store sees it: its clock is not ours to shift.
    app.clock.shift(-Shift::minutes(14));
    let young = issue(&app, to(&id)).await.unwrap();
    assert_eq!(young.mode(), Mode::Presigned);
    assert_eq!(young.content_type, "image/png");
    assert_eq!(usize::try_from(young.size_bytes).unwrap(), size);
    let answer = reqwest::get(&young.url).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.bytes().await.unwrap().len(), size);

    app.clock.shift(-Shift::minutes(2));
    let old = issue(&app, to(&id)).await.unwrap();
    let answer = reqwest::get(&old.url).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let tampered = young.url.replace("X-Amz-Expires=900", "X-Amz-Expires=3600");
    assert_ne!(tampered, young.url);
    let answer = reqwest::get(&tampered).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_signed_for_the_host_that_browsers_use() {
    const HOST: &str = "files.example.test";
    let app = TestApp::start_with(|config| {
        let store = Url::parse(config.s3.endpoint.as_ref().unwrap()).unwrap();
        let port = store.port().unwrap();
        config.s3.public_endpoint = Some(format!("http://{HOST}:{port}"));
    })
    .await;
    let id = stored(&app, "1", picture()).await.attachment_id;
    let link = issue(&app, to(&id)).await.unwrap();
    let url = Url::parse(&link.url).unwrap();
    assert_eq!(url.host_str(), Some(HOST));
    // The browser's name server leads there.
    let browser = reqwest::Client::builder()
        .resolve(HOST, app.store.local_addr())
        .no_proxy()
        .build()
        .unwrap();
    let answer = browser.get(url.clone()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    // And the signature holds for no other host.
    let mut elsewhere = url;
    elsewhere.set_host(Some("127.0.0.1")).unwrap();
    let answer = reqwest::get(elsewhere).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_bytes_the_reason_picks_the_placeholder() {
    use AttachmentStatus as Is;
    let app = TestApp::start_with(hold_still).await;
    let later = retried_later(&app).await;
    let ids = one_in_each_status(&app).await;
    for (id, expected, failure, retryable) in [
        (&ids[&Is::Pending], "ATTACHMENT_PENDING", None, None),
        (&ids[&Is::Downloading], "ATTACHMENT_PENDING", None, None),
        (
            &later,
            "ATTACHMENT_FAILED",
            Some("SOURCE_UNAVAILABLE"),
            Some("true"),
        ),
        (
            &ids[&Is::Failed],
            "ATTACHMENT_FAILED",
            Some("SOURCE_NOT_FOUND"),
            Some("false"),
        ),
        (
            &ids[&Is::Rejected],
            "ATTACHMENT_REJECTED",
            Some("CONTENT_TYPE_MISMATCH"),
            Some("false"),
        ),
        (
            &ids[&Is::Unsupported],
            "ATTACHMENT_UNSUPPORTED",
            Some("CONTENT_TYPE_NOT_ALLOWED"),
            Some("false"),
        ),
        (
            &ids[&Is::Deleted],
            "ATTACHMENT_DELETED",
            Some("DELETE_REQUESTED"),
            Some("false"),
        ),
    ] {
        let refused = issue(&app, to(id)).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{expected}");
        assert_eq!(reason(&refused), expected);
        let told = refused.get_details_error_info().unwrap().metadata;
        let told = |name: &str| told.get(name).map(String::as_str);
        assert_eq!(told("failure_reason"), failure, "{expected}");
        assert_eq!(told("retryable"), retryable, "{expected}");
    }
    issue(&app, to(&ids[&Is::Stored])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proxy_links_are_not_built() {
    let app = TestApp::start().await;
    let id = stored(&app, "1", picture()).await.attachment_id;
    let proxy = IssueAccessLinkRequest {
        mode: Mode::Proxy.into(),
        ..to(&id)
    };
    let refused = issue(&app, proxy).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    assert_eq!(reason(&refused), "NOT_BUILT_YET");
    let spelled_out = IssueAccessLinkRequest {
        mode: Mode::Presigned.into(),
        rendition: RenditionType::Original.into(),
        ..to(&id)
    };
    issue(&app, spelled_out).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_not_stored_is_told_from_a_file_that_is_not() {
    let app = TestApp::start().await;
    let stored_id = stored(&app, "1", picture()).await.attachment_id;
    let failed_id = app.ingest(line("404")).await.attachment_id;
    for (id, expected) in [
        (&stored_id, "RENDITION_MISSING"),
        (&failed_id, "ATTACHMENT_FAILED"),
    ] {
        for form in [
            RenditionType::Thumbnail,
            RenditionType::Model,
            RenditionType::Text,
        ] {
            let link = IssueAccessLinkRequest {
                rendition: form.into(),
                ..to(id)
            };
            let bytes = GetAttachmentBytesRequest {
                attachment_id: id.clone(),
                rendition: form.into(),
                ..GetAttachmentBytesRequest::default()
            };
            let batch = BatchIssueAccessLinksRequest {
                requests: vec![link.clone()],
            };
            let read = app.client(TENANT).get_attachment_bytes(bytes).await;
            let page = app.client(TENANT).batch_issue_access_links(batch).await;
            let Some(Item::Error(item)) = page.unwrap().into_inner().results.remove(0).result
            else {
                panic!("a link to {form:?}");
            };
            for refused in [
                issue(&app, link).await.unwrap_err(),
                read.err().unwrap(),
                of_item(item),
            ] {
                assert_eq!(refused.code(), Code::FailedPrecondition);
                assert_eq!(reason(&refused), expected, "{form:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_links_answers_item_by_item() {
    let app = TestApp::start().await;
    let first = stored(&app, "1", picture()).await;
    let second = stored(&app, "2", Media::fixture(Fixture::Pdf)).await;
    let gone = stored(&app, "3", picture()).await.attachment_id;
    app.delete(&gone).await;
    let foreign = app
        .client(OTHER_TENANT)
        .register_attachment(crate::support::line("4"))
        .await;
    let foreign = foreign.unwrap().into_inner().attachment.unwrap();
    let request = BatchIssueAccessLinksRequest {
        requests: vec![
            to(&second.attachment_id),
            to("no id"),
            to(&foreign.attachment_id),
            to(&first.attachment_id),
            to(UNKNOWN),
            to(&gone),
            to(&second.attachment_id),
        ],
    };
    let answer = app.client(TENANT).batch_issue_access_links(request).await;
    let results = answer.unwrap().into_inner().results;
    let mut links = Vec::new();
    let mut refusals = Vec::new();
    for (at, result) in results.into_iter().enumerate() {
        match result.result.unwrap() {
            Item::Link(link) => links.push((at, link)),
            Item::Error(error) => refusals.push((at, error)),
        }
    }
    let told: Vec<_> = links
        .iter()
        .map(|(at, link)| (*at, link.content_type.as_str()))
        .collect();
    let (png, pdf) = ("image/png", "application/pdf");
    assert_eq!(told, [(0, pdf), (3, png), (6, pdf)]);
    for (attachment, (_, link)) in [&second, &first, &second].into_iter().zip(&links) {
        assert!(link.url.contains(&attachment.attachment_id));
        let answer = reqwest::get(&link.url).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let places: Vec<_> = refusals.iter().map(|(at, _)| *at).collect();
    assert_eq!(places, [1, 2, 4, 5]);
    assert_eq!(refusals[1].1, refusals[2].1, "foreign and unknown");
    let mut refusals = refusals.into_iter().map(|(_, error)| of_item(error));
    let malformed = refusals.next().unwrap();
    assert_eq!(violated(&malformed), ["requests[1].attachment_id"]);
    let reasons: Vec<_> = refusals.map(|refused| reason(&refused)).collect();
    assert_eq!(
        reasons,
        [
            "ATTACHMENT_NOT_FOUND",
            "ATTACHMENT_NOT_FOUND",
            "ATTACHMENT_DELETED"
        ]
    );
}
