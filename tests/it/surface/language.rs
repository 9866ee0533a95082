//! A person is told why a file is not there in their own language.

use crate::support::{TENANT, TestApp, get_request, line};
use attachments::attachment::failure::FailureReason;
use attachments::attachment::language::Language;
use tonic::Request;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reason_is_told_in_the_callers_language() {
    let app = TestApp::start().await;
    let failed = app.ingest(line("404")).await;
    let reason = FailureReason::SourceNotFound;
    assert_eq!(failed.failure_message, reason.message(Language::English));
    for (wish, language) in [
        ("th", Language::Thai),
        ("ja-JP, en;q=0.5", Language::Japanese),
        ("fr, *;q=0.1", Language::English),
        ("de", Language::English),
        ("no such header \u{7e}", Language::English),
    ] {
        let mut request = Request::new(get_request(failed.attachment_id.clone()));
        let wish = wish.parse().unwrap();
        request.metadata_mut().insert("accept-language", wish);
        let answer = app.client(TENANT).get_attachment(request).await;
        let told = answer.unwrap().into_inner().attachment.unwrap();
        assert_eq!(told.failure_message, reason.message(language));
    }
    // Said in several headers, it counts as one list.
    let mut request = Request::new(get_request(failed.attachment_id.clone()));
    for wish in ["en;q=0.1", "ja;q=0.9"] {
        let wish = wish.parse().unwrap();
        request.metadata_mut().append("accept-language", wish);
    }
    let answer = app.client(TENANT).get_attachment(request).await;
    let told = answer.unwrap().into_inner().attachment.unwrap();
    assert_eq!(told.failure_message, reason.message(Language::Japanese));
}
