//! The simulator over real sockets.

mod control;
mod line;
mod slack;
mod wire;

use super::{Settings, Simulator};
use reqwest::Client;
use reqwest::redirect::Policy;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Long enough never to end a passing test.
const DEADLINE: Duration = Duration::from_secs(20);

async fn start() -> Simulator {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Simulator::start(Settings { listen }).await.unwrap()
}

/// A client that shows each answer as it is.
fn client() -> Client {
    // The first test installs it; to the others it is already there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .timeout(DEADLINE)
        .build()
        .unwrap()
}

fn content_url(simulator: &Simulator, id: &str) -> String {
    format!(
        "{}/v2/bot/message/{id}/content",
        simulator.line_content_url()
    )
}
