//! The webhook gateway in front of a test's service.

use super::{ANY_PORT, LINE, PATIENCE, TENANT, TestApp};
use attachments::auth::Scope;
use attachments::clock::SystemClock;
use attachments::dev::gateway::{Gateway, Settings};
use attachments::dev::simulator::webhook::{LineEvent, line_webhook};
use reqwest::StatusCode;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;

const LINE_SECRET: &str = "channel-secret-of-the-tests";

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
            slack_signing_secret: "signing-secret-of-the-tests".into(),
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
        let webhook = line_webhook(LINE_SECRET, "U0123456789abcdef0123456789abcdef", &[event]);
        let url = format!("http://{}/webhooks/line/{LINE}", self.0.local_addr());
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
        let message = message_id.parse().unwrap();
        let ids = self.0.wait_registered(&message, PATIENCE).await.unwrap();
        assert_eq!(ids.len(), 1, "{ids:?}");
        ids[0].to_string()
    }

    pub async fn pending_calls(&self) -> u64 {
        self.0.pending_calls().await.unwrap()
    }
}
