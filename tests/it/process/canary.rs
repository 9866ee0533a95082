//! No secret in what `serve` writes, however much it is told to write.

use super::running_dev::wait_stored;
use super::running_service::{Ground, Secrets};
use super::sandbox::{eventually, http};
use crate::support::{LINE, URL, database, line, put_channel, url};
use attachments::dev::simulator::{Fixture, Grant, Media, Provider as Simulated};
use attachments::proto::{
    IssueAccessLinkRequest, LinkMode, ListAttachmentsRequest, Provider, RegisterAttachmentRequest,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// Crates that may print a request at finer levels, in this version or the next.
const CAPPED: &[&str] = &["aws_", "h2", "hyper", "reqwest", "rustls", "sqlx"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::too_many_lines, reason = "one secret after the other")]
async fn no_secret_is_written_at_any_level() {
    let secrets = Secrets {
        s3: "canary/s3+secret".to_owned(),
        database_password: "canary-database-password".to_owned(),
        signing_key: "canary of the signing key, long enough".to_owned(),
        sealing_key: *b"canary of the sealing key, 32 B.",
    };
    let credential = "canary-channel-credential";
    let mut ground = Ground::with(&database::create().await, &secrets).await;
    // The second half tries to get around the caps on what prints headers.
    let filter = "trace,h2=trace,h2::hpack=trace,hyper::proto=trace,hyper_util::client=trace,\
        aws_smithy_runtime=trace,aws_sigv4::http_request=trace,sqlx::query=trace,\
        reqwest::connect=trace,[ingest]=trace";
    ground
        .sandbox
        .set("ATTACHMENTS_TELEMETRY_LOG_FILTER", filter)
        .set("ATTACHMENTS_SERVER_REFLECTION", "true");
    ground.simulator.put_token(
        credential,
        Grant {
            provider: Simulated::Line,
            scopes: vec![],
            revoked: false,
        },
    );
    let service = ground.serve(&[]).await;
    let token = ground.token();
    let (mut client, mut admin) = service.clients(&token);
    for request in [
        put_channel(LINE, Provider::Line, credential),
        put_channel(URL, Provider::Url, ""),
    ] {
        admin.put_channel(request).await.unwrap();
    }

    // What goes well, what the provider refuses, and what breaks on the way.
    let mut ids = Vec::new();
    for (id, script) in [
        ("1", "ok"),
        ("2", "401"),
        ("3", "500"),
        ("4", "reset"),
        ("5", "signin"),
    ] {
        let media = Media::fixture(Fixture::Png).script([script]).unwrap();
        ground.simulator.put_line_message(id, media);
        let registered = client
            .register_attachment(line(id))
            .await
            .unwrap()
            .into_inner();
        ids.push(registered.attachment.unwrap().attachment_id);
    }
    let secret_url = "http://127.0.0.1:9/file?token=canary-of-a-secret-url";
    client.register_attachment(url(secret_url)).await.unwrap();
    client
        .register_attachment(RegisterAttachmentRequest::default())
        .await
        .unwrap_err();
    let (mut stranger, _) = service.clients("canary.of-a-bad.token");
    stranger
        .list_attachments(ListAttachmentsRequest::default())
        .await
        .unwrap_err();
    wait_stored(&mut client, &ids[0]).await;
    let mut links = Vec::new();
    for mode in [LinkMode::Presigned, LinkMode::Proxy] {
        let request = IssueAccessLinkRequest {
            attachment_id: ids[0].clone(),
            mode: mode.into(),
            ..IssueAccessLinkRequest::default()
        };
        if let Ok(link) = client.issue_access_link(request).await {
            let url = Url::parse(&link.into_inner().url).unwrap();
            http().get(url.clone()).send().await.unwrap();
            links.push(url);
        }
    }
    eventually("all was tried", async || {
        ground.simulator.journal().len() >= 5
    })
    .await;
    service.process.signal(Signal::SIGTERM);
    let finished = service.process.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");

    let mut levels = BTreeMap::<String, usize>::new();
    for line in finished.stderr.lines() {
        let Ok(Value::Object(entry)) = serde_json::from_str(line) else {
            panic!("no JSON object: {line}");
        };
        let level = entry["level"].as_str().unwrap_or_default();
        *levels.entry(level.to_owned()).or_default() += 1;
        if matches!(level, "DEBUG" | "TRACE") {
            let target = entry["target"].as_str().unwrap_or_default();
            let capped = CAPPED.iter().any(|cap| target.starts_with(cap));
            assert!(!capped, "it prints headers and URLs: {line}");
        }
    }
    assert!(
        levels.contains_key("TRACE") || levels.contains_key("DEBUG"),
        "{levels:?}"
    );

    let signature = links[0]
        .query_pairs()
        .find(|(name, _)| name == "X-Amz-Signature");
    let mut canaries = vec![
        ("S3 secret", secrets.s3.clone()),
        ("database password", secrets.database_password.clone()),
        ("signing key", secrets.signing_key.clone()),
        ("channel credential", credential.to_owned()),
        ("secret URL", "canary-of-a-secret-url".to_owned()),
        ("bad token", "canary.of-a-bad.token".to_owned()),
        ("token", token.clone()),
        (
            "signature of the token",
            token.rsplit('.').next().unwrap().to_owned(),
        ),
        ("signature of the link", signature.unwrap().1.into_owned()),
        (
            "sealing key",
            String::from_utf8(secrets.sealing_key.to_vec()).unwrap(),
        ),
    ];
    if let Some(proxy) = links.get(1) {
        canaries.push((
            "proxy link",
            proxy
                .path_segments()
                .unwrap()
                .next_back()
                .unwrap()
                .to_owned(),
        ));
    }
    let written = format!("{}{}", finished.stdout, finished.stderr);
    for (name, canary) in canaries {
        for form in forms(&canary) {
            assert!(
                !written.contains(&form),
                "{name} as {form}: {}",
                around(&written, &form)
            );
        }
    }
}

/// The ways in which a secret may get into a text.
fn forms(secret: &str) -> Vec<String> {
    let escaped: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    vec![
        secret.to_owned(),
        escaped.replace('+', "%20"),
        escaped,
        STANDARD.encode(secret),
        STANDARD_NO_PAD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        hex::encode(secret),
        hex::encode_upper(secret),
    ]
}

fn around<'a>(text: &'a str, found: &str) -> &'a str {
    let line = text.lines().find(|line| line.contains(found));
    line.unwrap_or_default()
}
