//! The providers' own hosts are guarded as every other address is.

use super::{end_of, failed};
use crate::support::{TestApp, Web, line, slack, url};
use attachments::config::Config;
use attachments::dev::simulator::Fixture;
use attachments::proto::RegisterAttachmentRequest;
use attachments::proto::attachment::FailureReason as R;

/// LINE and Slack by names that lead to this very machine.
fn lead_inside(config: &mut Config) {
    config.retry.max_attempts = 1;
    "https://localhost".clone_into(&mut config.line.content_url);
    "https://localhost/api".clone_into(&mut config.slack.api_url);
}

/// By LINE's content API, by Slack's Web API, and by Slack's file host.
fn files() -> [RegisterAttachmentRequest; 3] {
    let address = "https://localhost/files-pri/picture.png";
    [line("1"), slack("F1", ""), slack("F2", address)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_whose_name_leads_inside_is_never_called() {
    let app = TestApp::start_with(lead_inside).await;
    for file in files() {
        let ended = app.ingest(file).await;
        assert_eq!(end_of(&ended), failed(R::SourceRefusedAddress));
        let [attempt] = app.explain(&ended.attachment_id).await.try_into().unwrap();
        assert!(attempt.detail.contains("not public"), "{attempt:#?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_provider_is_called_where_its_origin_is_trusted() {
    let app = TestApp::start_with(|config| {
        lead_inside(config);
        // Of the same name, and another scheme or port.
        for beside in ["https://localhost:444", "http://localhost"] {
            config.egress.trusted_origins.push(beside.to_owned());
        }
    })
    .await;
    let ended = app.ingest(line("1")).await;
    assert_eq!(end_of(&ended), failed(R::SourceRefusedAddress));

    let app = TestApp::start_with(|config| {
        lead_inside(config);
        let trusted = "https://localhost:443".to_owned();
        config.egress.trusted_origins.push(trusted);
    })
    .await;
    for file in files() {
        // Called by now; who answers at this port speaks no TLS that we take.
        let ended = app.ingest(file).await;
        assert_eq!(end_of(&ended), failed(R::SourceUnavailable));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_is_trusted_in_clear_is_not_trusted_over_tls() {
    let web = Web::start(Fixture::Pdf.bytes(), "application/pdf").await;
    let trusted = web.url("");
    let app = TestApp::start_with(|config| config.egress.trusted_origins.push(trusted)).await;
    let ended = app
        .ingest(url(&format!("https://{}/report.pdf", web.address)))
        .await;
    assert_eq!(end_of(&ended), failed(R::SourceRefusedAddress));
}
