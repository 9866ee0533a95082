//! Which addresses are called, and which never.

use super::{STORED, end_of, failed};
use crate::support::{TENANT, TestApp, Visit, Web, line, url};
use attachments::dev::simulator::Fixture;
use attachments::proto::{RegisterAttachmentRequest, attachment::FailureReason as R};
use sha2::{Digest as _, Sha256};
use tonic::Code;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_inside_is_never_called() {
    let app = TestApp::start().await;
    let inside = app.simulator.forbidden_addr();
    let port = inside.port();
    let addresses = [
        format!("https://{inside}/picture.png"),
        format!("https://localhost:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://2130706433:{port}/"),
        "https://example.com:8443/".to_owned(),
        "https://127.0.0.1/".to_owned(),
        "https://0x7f000001/".to_owned(),
        "https://[::1]/".to_owned(),
        "https://[::ffff:127.0.0.1]/".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        // A name that leads inside is found out when it is looked up.
        "https://localhost/".to_owned(),
    ];
    for (n, address) in addresses.iter().enumerate() {
        let request = RegisterAttachmentRequest {
            message_id: n.to_string(),
            ..url(address)
        };
        let ended = app.ingest(request).await;
        assert_eq!(end_of(&ended), failed(R::SourceRefusedAddress), "{address}");
        assert_eq!(ended.attempt_count, 1, "{address}");
    }
    assert_eq!(app.simulator.forbidden_hits(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_https_address_is_not_recorded() {
    let app = TestApp::start().await;
    let inside = app.simulator.forbidden_addr();
    for address in [
        &format!("http://{inside}/picture.png"),
        "http://example.com/picture.png",
        "http://example.com:443/picture.png",
        "ftp://example.com/picture.png",
        "file:///etc/passwd",
        "https://user:secret@example.com/",
        "no address at all",
    ] {
        let mut client = app.client(TENANT);
        let refused = client.register_attachment(url(address)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{address}");
    }
    let recorded: i64 = sqlx::query_scalar("select count(*) from attachments")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!((recorded, app.simulator.forbidden_hits()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_of_a_trusted_origin_is_called_without_a_credential() {
    let file = Fixture::Pdf.bytes();
    let sent = hex::encode(Sha256::digest(&file));
    let web = Web::start(file, "application/pdf").await;
    let origin = web.url("");
    let app = TestApp::start_with(|config| config.egress.trusted_origins.push(origin)).await;

    app.let_urls_be_plain().await;

    let stored = app.ingest(url(&web.tls_url("/report.pdf?a=b"))).await;
    assert_eq!(end_of(&stored), STORED);
    assert_eq!(stored.checksum_sha256, sent);
    let visit = Visit {
        path: "/report.pdf".to_owned(),
        has_authorization: false,
    };
    assert_eq!(web.visits(), [visit]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_address_is_not_called_where_it_is_not_trusted() {
    let web = Web::start(Fixture::Pdf.bytes(), "application/pdf").await;
    let app = TestApp::start().await;
    app.let_urls_be_plain().await;
    let ended = app.ingest(url(&web.tls_url("/report.pdf"))).await;
    assert_eq!(end_of(&ended), failed(R::SourceRefusedAddress));
    assert_eq!(web.visits(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn line_leads_nowhere_else() {
    let web = Web::start(Fixture::Png.bytes(), "image/png").await;
    let origin = web.url("");
    let app = TestApp::start_with(|config| config.egress.trusted_origins.push(origin)).await;
    let inside = format!("http://{}/", app.simulator.forbidden_addr());
    for (id, target) in [("1", inside), ("2", web.url("/picture.png"))] {
        app.line_plays(id, &[&format!("redirect:{target}")]);
        let ended = app.ingest(line(id)).await;
        assert_eq!(end_of(&ended), failed(R::SourceRefusedAddress), "{target}");
    }
    assert_eq!(app.simulator.forbidden_hits(), 0);
    assert_eq!(web.visits(), []);
}
