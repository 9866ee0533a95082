//! Documents: their text for a model, page by page, and why there is none.

use super::Announced;
use crate::support::{TENANT, TestApp, line};
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::GetProcessedContentRequest;
use attachments::proto::attachment::Status;
use attachments::proto::processed_content::{Kind, Status as Processing};
use tonic::Code;
use tonic_types::StatusExt as _;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_is_read_whole_and_says_how() {
    let app = TestApp::with_content().await;
    for (fixture, format, method) in [
        (Fixture::Txt, "txt", "text"),
        (Fixture::Csv, "csv", "text"),
        (Fixture::Docx, "docx", "ooxml"),
        (Fixture::Pdf, "pdf", "pdf"),
    ] {
        let name = format!("report.{format}");
        app.simulator
            .put_line_message(format, Media::fixture(fixture));
        let request = attachments::proto::RegisterAttachmentRequest {
            file_name: name.clone(),
            declared_content_type: fixture.content_type().to_owned(),
            ..line(format)
        };
        let stored = app.ingest(request).await;
        assert_eq!(stored.status(), Status::Stored, "{stored:?}");
        let content = app.content(&stored.attachment_id).await.content.unwrap();
        assert_eq!(
            content.processing_status(),
            Processing::Success,
            "{content:?}"
        );
        assert_eq!(content.content_kind(), Kind::Document);
        assert_eq!(content.document_format, format);
        assert_eq!(content.method, method);
        assert_eq!(content.file_name, name);
        assert_eq!(content.file_id, format);
        assert!(
            content
                .model_name
                .starts_with(&format!("document ({format}) ["))
        );
        assert!(!content.extracted_text.trim().is_empty(), "{content:?}");
        let coverage = content.coverage.unwrap();
        assert_eq!(coverage.units_total, coverage.units_with_text, "{format}");
        assert_eq!(content.extractor_version, "1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_text_comes_page_by_page_and_every_character_once() {
    let app = TestApp::with_content().await;
    let text = "สวัสดี R&D 請求書\n".repeat(500);
    let announced = Announced {
        declared: "text/plain",
        name: "long.txt",
        served: "text/plain",
    };
    let stored = app
        .ingest_bytes("1001", text.clone().into_bytes(), announced)
        .await;
    let mut client = app.client(TENANT);
    let mut request = GetProcessedContentRequest {
        attachment_id: stored.attachment_id.clone(),
        max_chars: 777,
        wait: super::A_MINUTE,
        ..GetProcessedContentRequest::default()
    };
    let mut read = String::new();
    loop {
        let page = client.get_processed_content(request.clone()).await.unwrap();
        let page = page.into_inner();
        let piece = page.content.unwrap().extracted_text;
        assert!(piece.chars().count() <= 777);
        read.push_str(&piece);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(read.trim_end(), text.trim_end());
    request.page_token = "made-up".to_owned();
    let refused = client.get_processed_content(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_stored_has_no_content_and_says_why() {
    let app = TestApp::with_content().await;
    app.line_plays("gone", &["404"]);
    let failed = app.ingest(line("gone")).await;
    assert_eq!(failed.status(), Status::Failed);
    let request = GetProcessedContentRequest {
        attachment_id: failed.attachment_id,
        wait: super::A_MINUTE,
        ..GetProcessedContentRequest::default()
    };
    // It will never be, so that is answered at once.
    let refused = app.client(TENANT).get_processed_content(request).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let info = refused.get_details_error_info().unwrap();
    assert_eq!(info.reason, "ATTACHMENT_FAILED");
}
