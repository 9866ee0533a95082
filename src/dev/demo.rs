//! The story, played for real and told line by line: a LINE image and a Slack
//! PDF from signed webhook to hash-checked bytes.

use super::client::{self, Attachments, ClientError};
use super::gateway::{self, Gateway};
use super::simulator::webhook::{LineEvent, SignedWebhook, line_webhook, slack_event};
use super::simulator::{Fixture, ImpossibleSize, InvalidStep, Media, Simulator, SlackFile};
use super::stack::{LINE_CHANNEL, SLACK_CHANNEL, Stack};
use super::token::MintError;
use crate::auth::Scope;
use crate::clock::Clock;
use crate::ids::{AttachmentId, MessageId};
use crate::proto::attachment::Status;
use crate::proto::get_attachment_request::Key;
use crate::proto::{
    Attachment, ExplainAttachmentRequest, GetAttachmentRequest, IssueAccessLinkRequest,
};
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const LINE_SECRET: &str = "line-channel-secret-of-the-demo";
const SLACK_SECRET: &str = "slack-signing-secret-of-the-demo";
const LINE_MESSAGE: &str = "354718705033693859";
const SLACK_FILE: &str = "F024BERPE";
/// Long enough for a busy machine; the story takes a second.
const PATIENCE: Duration = Duration::from_mins(1);

/// The story did not come out as it should.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each is the error of the step that failed")]
pub enum DemoError {
    #[error("the gateway")]
    Gateway(#[from] gateway::StartError),
    #[error("the gateway")]
    Wait(#[from] gateway::WaitError),
    #[error("a token")]
    Mint(#[from] MintError),
    #[error("a client")]
    Client(#[from] ClientError),
    #[error("a call: {}", .0.message())]
    Call(#[from] tonic::Status),
    #[error("an HTTP request")]
    Http(#[from] reqwest::Error),
    #[error("the simulator's script")]
    Script(#[from] InvalidStep),
    #[error("the simulator's file")]
    Size(#[from] ImpossibleSize),
    #[error("{0}")]
    Story(String),
}

/// Plays the story on a running stack.
pub async fn play(stack: &Stack, clock: Arc<dyn Clock>) -> Result<(), DemoError> {
    let mut story = Story {
        began: Instant::now(),
    };
    story.tell(
        "stack",
        "Postgres, S3, LINE, Slack and the service are up, all on loopback",
    );
    let gateway = start_gateway(stack, clock.clone()).await?;
    let (reader, _) = client::connect(
        stack.app.grpc_addr,
        &stack.token("bff", &[Scope::Read, Scope::Link])?,
    )?;
    line_image(&mut story, stack, &gateway, reader.clone()).await?;
    slack_pdf(&mut story, stack, &gateway, reader.clone(), clock.as_ref()).await?;
    gateway.shutdown().await;
    story.tell("done", "both files went from webhook to hash-checked bytes");
    Ok(())
}

async fn start_gateway(stack: &Stack, clock: Arc<dyn Clock>) -> Result<Gateway, DemoError> {
    let settings = gateway::Settings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        database_url: stack.database_url.clone(),
        service: format!("http://{}", stack.app.grpc_addr)
            .parse()
            .map_err(|_| DemoError::Story("the service has no address".to_owned()))?,
        token: stack.token("gateway", &[Scope::Register, Scope::Delete])?,
        tenant: stack.tenant.clone(),
        line_channel_secret: LINE_SECRET.into(),
        slack_signing_secret: SLACK_SECRET.into(),
        budget: gateway::Settings::DEFAULT_BUDGET,
    };
    Ok(Gateway::start(settings, clock).await?)
}

async fn line_image(
    story: &mut Story,
    stack: &Stack,
    gateway: &Gateway,
    mut reader: Attachments,
) -> Result<(), DemoError> {
    // LINE is still preparing the image when it is asked first.
    let image = Media::fixture_of_size(Fixture::Jpeg, 200_000)?.script(["202", "ok"])?;
    let sent = image.checksum_sha256();
    simulator(stack)?.put_line_message(LINE_MESSAGE, image);

    let webhook = line_webhook(
        LINE_SECRET,
        "U0123456789abcdef0123456789abcdef",
        &[LineEvent::image(LINE_MESSAGE)],
    );
    let path = format!("/webhooks/line/{LINE_CHANNEL}");
    post(story, gateway, &path, webhook, "LINE").await?;
    let id = registered(story, gateway, LINE_MESSAGE).await?;
    let stored = wait_stored(story, &mut reader, id).await?;
    explain(story, &mut reader, id).await?;
    fetch_and_compare(story, &mut reader, &stored, &sent).await
}

async fn slack_pdf(
    story: &mut Story,
    stack: &Stack,
    gateway: &Gateway,
    mut reader: Attachments,
    clock: &dyn Clock,
) -> Result<(), DemoError> {
    let pdf = Media::fixture_of_size(Fixture::Pdf, 60_000)?;
    let sent = pdf.checksum_sha256();
    let provider = simulator(stack)?;
    provider.put_slack_file(SLACK_FILE, SlackFile::new("report.pdf", pdf));
    let file = provider
        .slack_file_object(SLACK_FILE)
        .ok_or_else(|| DemoError::Story("the simulator lost its file".to_owned()))?;
    let webhook = slack_event(SLACK_SECRET, "T0001", clock.now().unix_timestamp(), &file);
    let message = slack_message_id(&webhook)?;
    let path = format!("/webhooks/slack/{SLACK_CHANNEL}");
    post(story, gateway, &path, webhook, "Slack").await?;
    let id = registered(story, gateway, &message).await?;
    let stored = wait_stored(story, &mut reader, id).await?;
    fetch_and_compare(story, &mut reader, &stored, &sent).await
}

fn simulator(stack: &Stack) -> Result<&Simulator, DemoError> {
    stack.simulator.as_ref().ok_or_else(|| {
        DemoError::Story("it needs the simulated LINE and Slack, and others are given".to_owned())
    })
}

/// The message id that the gateway makes of a Slack event.
fn slack_message_id(webhook: &SignedWebhook) -> Result<String, DemoError> {
    let body: serde_json::Value = serde_json::from_slice(&webhook.body)
        .map_err(|error| DemoError::Story(error.to_string()))?;
    match (
        body["event"]["channel"].as_str(),
        body["event"]["ts"].as_str(),
    ) {
        (Some(channel), Some(ts)) => Ok(format!("{channel}:{ts}")),
        _ => Err(DemoError::Story(
            "the Slack event names no message".to_owned(),
        )),
    }
}

async fn post(
    story: &mut Story,
    gateway: &Gateway,
    path: &str,
    webhook: SignedWebhook,
    provider: &str,
) -> Result<(), DemoError> {
    let began = Instant::now();
    let mut request = http_client()?.post(format!("http://{}{path}", gateway.local_addr()));
    for (name, value) in webhook.headers {
        request = request.header(name, value);
    }
    let status = request.body(webhook.body).send().await?.status();
    if !status.is_success() {
        return Err(DemoError::Story(format!("the gateway answered {status}")));
    }
    story.tell(
        "webhook",
        &format!(
            "{provider} posts a signed event; the gateway answers {status} in {:?}",
            began.elapsed()
        ),
    );
    Ok(())
}

async fn registered(
    story: &mut Story,
    gateway: &Gateway,
    message: &str,
) -> Result<AttachmentId, DemoError> {
    let message: MessageId = message
        .parse()
        .map_err(|_| DemoError::Story(format!("{message} is no message id")))?;
    let ids = gateway.wait_registered(&message, PATIENCE).await?;
    let id = ids
        .first()
        .copied()
        .ok_or_else(|| DemoError::Story("the message has no attachment".to_owned()))?;
    story.tell(
        "register",
        &format!("message {message} is persisted; attachment {id} is registered"),
    );
    Ok(id)
}

async fn wait_stored(
    story: &mut Story,
    reader: &mut Attachments,
    id: AttachmentId,
) -> Result<Attachment, DemoError> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = None;
    loop {
        let request = GetAttachmentRequest {
            key: Some(Key::AttachmentId(id.to_string())),
        };
        let answer = reader.get_attachment(request).await?.into_inner();
        let attachment = answer.attachment.unwrap_or_default();
        let status = attachment.status();
        if last != Some(status) {
            let reason = match attachment.failure_message.as_str() {
                "" => String::new(),
                message => format!(": {message}"),
            };
            story.tell("status", &format!("{}{reason}", status.as_str_name()));
            last = Some(status);
        }
        match status {
            Status::Stored => {
                let Attachment {
                    size_bytes,
                    content_type,
                    storage_key,
                    ..
                } = &attachment;
                story.tell(
                    "stored",
                    &format!("{size_bytes} bytes of {content_type} at {storage_key}"),
                );
                return Ok(attachment);
            }
            _ if Instant::now() > deadline => {
                return Err(DemoError::Story(format!("{id} is not stored in time")));
            }
            _ => sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn explain(
    story: &mut Story,
    reader: &mut Attachments,
    id: AttachmentId,
) -> Result<(), DemoError> {
    let request = ExplainAttachmentRequest {
        attachment_id: id.to_string(),
    };
    for attempt in reader
        .explain_attachment(request)
        .await?
        .into_inner()
        .attempts
    {
        story.tell(
            "explain",
            &format!(
                "attempt {}: {} ({}, provider said {})",
                attempt.number,
                attempt.outcome().as_str_name(),
                attempt.detail,
                attempt.provider_status,
            ),
        );
    }
    Ok(())
}

async fn fetch_and_compare(
    story: &mut Story,
    reader: &mut Attachments,
    stored: &Attachment,
    sent: &str,
) -> Result<(), DemoError> {
    let request = IssueAccessLinkRequest {
        attachment_id: stored.attachment_id.clone(),
        ..IssueAccessLinkRequest::default()
    };
    let answer = reader.issue_access_link(request).await?.into_inner();
    let link = answer.link.unwrap_or_default();
    let place = link.url.split('?').next().unwrap_or_default();
    story.tell("link", &format!("good for 15 minutes: {place}?..."));
    let response = http_client()?
        .get(&link.url)
        .send()
        .await?
        .error_for_status()?;
    let bytes = response.bytes().await?;
    let received = hex::encode(Sha256::digest(&bytes));
    if received != sent || received != stored.checksum_sha256 {
        return Err(DemoError::Story(
            "the bytes are not those that were sent".to_owned(),
        ));
    }
    story.tell(
        "fetched",
        &format!("{} bytes, SHA-256 {received}: what was sent", bytes.len()),
    );
    Ok(())
}

fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().no_proxy().build()
}

struct Story {
    began: Instant,
}

impl Story {
    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "lines are told one after the other"
    )]
    fn tell(&mut self, what: &str, line: &str) {
        let elapsed = self.began.elapsed().as_secs_f64();
        // A reader that has gone away is no reason to fail.
        let _ = writeln!(std::io::stdout(), "{elapsed:7.3} s  {what:<9} {line}");
    }
}
