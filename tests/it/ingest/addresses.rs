//! Which addresses are called, and which never.

use super::{STORED, end_of, failed};
use crate::support::{TestApp, Visit, Web, line, url};
use attachments::dev::simulator::Fixture;
use attachments::proto::{FailureReason as R, RegisterAttachmentRequest};
use sha2::{Digest as _, Sha256};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_inside_is_never_called() {
    let app = TestApp::start().await;
    let inside = app.simulator.forbidden_addr();
    let port = inside.port();
    let addresses = [
        format!("http://{inside}/picture.png"),
        format!("https://{inside}/picture.png"),
        format!("https://localhost:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://2130706433:{port}/"),
        "http://example.com/picture.png".to_owned(),
        "http://example.com:443/picture.png".to_owned(),
        "ftp://example.com/picture.png".to_owned(),
        "file:///etc/passwd".to_owned(),
        "https://user:secret@example.com/".to_owned(),
        "https://example.com:8443/".to_owned(),
        "https://127.0.0.1/".to_owned(),
        "https://0x7f000001/".to_owned(),
        "https://[::1]/".to_owned(),
        "https://[::ffff:127.0.0.1]/".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        // A name that leads inside is found out when it is looked up.
        "https://localhost/".to_owned(),
        "no address at all".to_owned(),
    ];
    for (n, address) in addresses.iter().enumerate() {
        let request = RegisterAttachmentRequest {
            message_id: n.to_string(),
            ..url(address)
        };
        let ended = app.ingest(request).await;
        assert_eq!(end_of(&ended), failed(R::SourceRefusedAddress), "{address}");
        assert_eq!(ended.attempts, 1, "{address}");
    }
    assert_eq!(app.simulator.forbidden_hits(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_of_a_trusted_origin_is_called_without_a_credential() {
    let file = Fixture::Pdf.bytes();
    let sent = hex::encode(Sha256::digest(&file));
    let web = Web::start(file, "application/pdf").await;
    let origin = web.url("");
    let app = TestApp::start_with(|config| config.egress.trusted_origins.push(origin)).await;

    let stored = app.ingest(url(&web.url("/report.pdf?a=b"))).await;
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
    let ended = app.ingest(url(&web.url("/report.pdf"))).await;
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
