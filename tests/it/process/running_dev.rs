//! A `dev` that is up.

use super::sandbox::{Process, Sandbox, http};
use attachments::dev::client::{self, Admin, Attachments};
use serde_json::Value;

/// A running `dev`, and what its ready file says.
pub struct RunningDev {
    pub process: Process,
    pub ready: Value,
}

/// Arguments of a `dev` that keeps its data under `data` of the sandbox.
pub const DEV: &[&str] = &[
    "dev",
    "--listen=127.0.0.1:0",
    "--admin-listen=127.0.0.1:0",
    "--s3-listen=127.0.0.1:0",
    "--simulator-listen=127.0.0.1:0",
    "--data-dir=data",
    "--ready-file=ready.json",
];

impl RunningDev {
    /// Starts it and waits until its ready file is there.
    pub async fn start(sandbox: &Sandbox) -> Self {
        Self::start_with(sandbox, DEV).await
    }

    /// Starts it with other arguments, which name the same ready file.
    pub async fn start_with(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut process = sandbox.start(arguments);
        let path = sandbox.path("ready.json");
        let before = std::fs::read(&path).ok();
        let ready = |_: &Process| {
            let now = std::fs::read(&path).ok()?;
            // A file of the run before may be there for a moment yet.
            if Some(&now) == before.as_ref() {
                return None;
            }
            Some(serde_json::from_slice(&now).unwrap())
        };
        let ready = process.wait_for("the ready file", ready).await;
        Self { process, ready }
    }

    pub fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap()
    }

    /// Clients with this role's token.
    pub fn clients(&self, role: &str) -> (Attachments, Admin) {
        let token = self.ready["tokens"][role].as_str().unwrap();
        self.clients_with(token)
    }

    /// Clients with this token.
    pub fn clients_with(&self, token: &str) -> (Attachments, Admin) {
        let address = self.text("grpc").parse().unwrap();
        client::connect(address, &token.into()).unwrap()
    }

    /// Puts a file into the simulated LINE by its control, and gives its SHA-256.
    pub async fn put_line_message(&self, id: &str, body: &str) -> String {
        let url = format!("{}/control/line/messages/{id}", self.text("simulator"));
        let answer = http().put(url).body(body.to_owned()).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["checksum_sha256"].as_str().unwrap().to_owned()
    }
}
