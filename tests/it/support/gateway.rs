//! The webhook gateway in front of a test's service.

use super::{ANY_PORT, LINE, PATIENCE, SLACK, TENANT, TestApp};
use attachments::auth::Scope;
use attachments::clock::{Clock as _, SystemClock};
use attachments::dev::gateway::{Gateway, Settings};
use attachments::dev::simulator::webhook::{
    LineEvent, SignedWebhook, SlackEvent, line_webhook, slack_webhook,
};
use reqwest::StatusCode;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const LINE_SECRET: &str = "channel-secret-of-the-tests";
const SLACK_SECRET: &str = "signing-secret-of-the-tests";

pub struct TestGateway(Gateway);

impl TestGateway {
    /// In front of the app's own service.
    pub async fn start(app: &TestApp) -> Self {
        Self::start_before(app, app.app.grpc_addr).await
    }

    /// In front of a service at another address.
    pub async fn start_before(app: &TestApp, service: SocketAddr) -> Self {
        let settings = Settings {
            listen: ANY_PORT,
            database_url: app.database_url.as_str().into(),
            service: format!("http://{service}").parse().unwrap(),
            token: app.token(TENANT, &[Scope::Register, Scope::Delete]),
            tenant: TENANT.parse().unwrap(),
            line_channel_secret: LINE_SECRET.into(),
            slack_signing_secret: SLACK_SECRET.into(),
            budget: Settings::DEFAULT_BUDGET,
        };
        Self(
            Gateway::start(settings, Arc::new(SystemClock))
                .await
                .unwrap(),
        )
    }

    /// Posts one event as LINE does; gives the answer's status.
    pub async fn post_line(&self, event: LineEvent) -> StatusCode {
        self.post_line_events(&[event]).await
    }

    /// Posts several events in one webhook.
    pub async fn post_line_events(&self, events: &[LineEvent]) -> StatusCode {
        let webhook = line_webhook(LINE_SECRET, "U0123456789abcdef0123456789abcdef", events);
        self.post(&format!("line/{LINE}"), webhook).await
    }

    /// Posts one event as Slack does.
    pub async fn post_slack(&self, event: &SlackEvent) -> StatusCode {
        self.post_slack_signed(SLACK_SECRET, event).await
    }

    /// The same, signed with another secret.
    pub async fn post_slack_signed(&self, secret: &str, event: &SlackEvent) -> StatusCode {
        let now = SystemClock.now().unix_timestamp();
        let webhook = slack_webhook(secret, "T0001", now, event);
        self.post(&format!("slack/{SLACK}"), webhook).await
    }

    async fn post(&self, path: &str, webhook: SignedWebhook) -> StatusCode {
        let url = format!("http://{}/webhooks/{path}", self.0.local_addr());
        let mut request = reqwest::Client::new().post(url);
        for (name, value) in webhook.headers {
            request = request.header(name, value);
        }
        request.body(webhook.body).send().await.unwrap().status()
    }

    /// The message as the gateway has it; null when it has none.
    pub async fn message(&self, id: &str) -> Value {
        let url = format!("http://{}/messages/{id}", self.0.local_addr());
        let response = reqwest::get(url).await.unwrap();
        match response.status() {
            StatusCode::NOT_FOUND => Value::Null,
            _ => response.json().await.unwrap(),
        }
    }

    /// Waits until the message's one file is registered; gives its id.
    pub async fn attachment_of(&self, message_id: &str) -> String {
        let [id] = self.attachments_of(message_id).await.try_into().unwrap();
        id
    }

    /// Waits until nothing is to be done about the message; gives the ids of
    /// its files.
    pub async fn attachments_of(&self, message_id: &str) -> Vec<String> {
        let message = message_id.parse().unwrap();
        let ids = self.0.wait_registered(&message, PATIENCE).await.unwrap();
        ids.iter().map(ToString::to_string).collect()
    }

    /// Waits until nothing is to be done at all.
    pub async fn settled(&self) {
        let deadline = Instant::now() + PATIENCE;
        while self.pending_calls().await > 0 {
            assert!(Instant::now() < deadline, "calls are still pending");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends it; what is pending stays in the database.
    pub async fn stop(self) {
        self.0.shutdown().await;
    }

    pub async fn pending_calls(&self) -> u64 {
        self.0.pending_calls().await.unwrap()
    }
}
