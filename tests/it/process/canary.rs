//! No secret in what `serve` writes, however much it is told to write.

use super::reading::wait_stored;
use super::running_service::{Ground, RunningService, Secrets};
use super::sandbox::{eventually, http};
use crate::support::{LINE, URL, channel, database, line, put_channel, url};
use attachments::dev::simulator::{Fixture, Grant, Media, Provider as Simulated};
use attachments::proto::{
    IssueAccessLinkRequest, ListAttachmentsRequest, RegisterAttachmentRequest, access_link::Mode,
    channel::Provider,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use nix::sys::signal::Signal;
use serde_json::Value;
use url::Url;

/// Everything, and then once more what a cap by crate might have missed.
const FILTER: &str = "trace,h2=trace,h2::hpack=trace,hyper::proto=trace,hyper_util::client=trace,\
    aws_smithy_runtime=trace,aws_sigv4::http_request=trace,sqlx::query=trace,\
    reqwest::connect=trace,[ingest]=trace";

/// Crates that may print a request at finer levels, in this version or the next.
const CAPPED: &[&str] = &["aws_", "h2", "hyper", "reqwest", "rustls", "sqlx"];

const CREDENTIAL: &str = "canary-channel-credential";
const BAD_TOKEN: &str = "canary.of-a-bad.token";
const URL_SECRET: &str = "canary-of-a-secret-url";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_written_at_any_level() {
    let secrets = Secrets {
        s3: "canary/s3+secret".to_owned(),
        database_password: "canary-database-password".to_owned(),
        signing_key: "canary of the signing key, long enough".to_owned(),
        sealing_key: *b"canary of the sealing key, 32 B.",
    };
    let mut ground = Ground::with(&database::create().await, &secrets).await;
    ground
        .sandbox
        .set("ATTACHMENTS_TELEMETRY_LOG_FILTER", FILTER)
        .set("ATTACHMENTS_SERVER_REFLECTION", "true");
    let service = ground.serve(&[]).await;
    let token = ground.token();

    let id = play(&ground, &service, &token).await;
    let presigned = visit_link(&service, &token, &id, Mode::Presigned).await;
    let proxy = visit_link(&service, &token, &id, Mode::Proxy).await;
    service.process.signal(Signal::SIGTERM);
    let finished = service.process.finish().await;
    assert_eq!(finished.code, Some(0), "{finished:?}");

    assert_levels(&finished.stderr);
    let signature = |url: &Url| {
        let mut pairs = url.query_pairs();
        let pair = pairs.find(|(name, _)| name == "X-Amz-Signature");
        pair.map(|(_, value)| value.into_owned())
    };
    let canaries = [
        ("S3 secret", secrets.s3),
        ("database password", secrets.database_password),
        ("signing key", secrets.signing_key),
        (
            "sealing key",
            String::from_utf8_lossy(&secrets.sealing_key).into_owned(),
        ),
        ("channel credential", CREDENTIAL.to_owned()),
        ("secret URL", URL_SECRET.to_owned()),
        ("bad token", BAD_TOKEN.to_owned()),
        (
            "signature of the token",
            token.rsplit('.').next().unwrap().to_owned(),
        ),
        ("token", token),
        (
            "signature of the link",
            signature(&presigned.unwrap()).unwrap(),
        ),
    ];
    let links = proxy.iter().map(|url| {
        (
            "proxy link",
            url.path().rsplit('/').next().unwrap().to_owned(),
        )
    });
    let written = format!("{}{}", finished.stdout, finished.stderr);
    for (name, canary) in canaries.into_iter().chain(links) {
        for form in forms(&canary) {
            let line = written.lines().find(|line| line.contains(&form));
            assert_eq!(line, None, "{name} as {form}");
        }
    }
}

/// What goes well, what is refused, and what breaks on the way. Gives the id
/// of what went well.
async fn play(ground: &Ground, service: &RunningService, token: &str) -> String {
    ground.simulator.put_token(
        CREDENTIAL,
        Grant {
            provider: Simulated::Line,
            scopes: vec![],
            revoked: false,
        },
    );
    let (mut client, mut admin) = service.clients(token);
    for (channel, credential) in [
        (channel(LINE, Provider::Line), CREDENTIAL),
        (channel(URL, Provider::Url), ""),
    ] {
        put_channel(&mut admin, channel, credential).await;
    }
    let mut ids = Vec::new();
    for (id, step) in [
        ("1", "ok"),
        ("2", "401"),
        ("3", "500"),
        ("4", "reset"),
        ("5", "signin"),
    ] {
        let media = Media::fixture(Fixture::Png).script([step]).unwrap();
        ground.simulator.put_line_message(id, media);
        let registered = client
            .register_attachment(line(id))
            .await
            .unwrap()
            .into_inner();
        ids.push(registered.attachment.unwrap().attachment_id);
    }
    let secret_url = url(&format!("https://127.0.0.1:9/file?token={URL_SECRET}"));
    client.register_attachment(secret_url).await.unwrap();
    let malformed = RegisterAttachmentRequest::default();
    client.register_attachment(malformed).await.unwrap_err();
    let (mut stranger, _) = service.clients(BAD_TOKEN);
    let list = ListAttachmentsRequest::default();
    stranger.list_attachments(list).await.unwrap_err();
    eventually("all was tried", async || {
        ground.simulator.journal().len() >= ids.len()
    })
    .await;
    wait_stored(&mut client, &ids[0]).await;
    ids.swap_remove(0)
}

/// The link, after a look at what it leads to; none where this mode is refused.
async fn visit_link(service: &RunningService, token: &str, id: &str, mode: Mode) -> Option<Url> {
    let request = IssueAccessLinkRequest {
        attachment_id: id.to_owned(),
        mode: mode.into(),
        ..IssueAccessLinkRequest::default()
    };
    let (mut client, _) = service.clients(token);
    let answer = client.issue_access_link(request).await.ok()?;
    let link = answer.into_inner().link.unwrap();
    http().get(&link.url).send().await.unwrap();
    Some(link.url.parse().unwrap())
}

/// One JSON object a line, finer levels among them, but none of capped crates.
fn assert_levels(log: &str) {
    let mut fine = 0;
    for line in log.lines() {
        let Ok(Value::Object(entry)) = serde_json::from_str(line) else {
            panic!("no JSON object: {line}");
        };
        if matches!(entry["level"].as_str(), Some("DEBUG" | "TRACE")) {
            fine += 1;
            let target = entry["target"].as_str().unwrap_or_default();
            let is_capped = CAPPED.iter().any(|capped| target.starts_with(capped));
            assert!(!is_capped, "it prints headers and URLs: {line}");
        }
    }
    assert_ne!(fine, 0, "the filter was not heard:\n{log}");
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
