//! Callers of `RegisterAttachment`, each with its next call when the last is answered.

use super::Outcome;
use super::service::Service;
use super::stage::{CHANNEL, Stage};
use attachments::proto::register_attachment_request::Source;
use attachments::proto::{LineSource, RegisterAttachmentRequest};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What a crowd of callers saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) calls: usize,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Seen {
    /// From the latency of each call.
    pub(crate) fn of(mut latencies: Vec<Duration>, per_second: f64) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| {
            let index = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
            latencies
                .get(index)
                .map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
        };
        Self {
            calls: latencies.len(),
            per_second,
            p50_ms: at(50),
            p99_ms: at(99),
        }
    }
}

/// The request of a gateway for a LINE image.
pub(crate) fn request(message_id: String) -> RegisterAttachmentRequest {
    RegisterAttachmentRequest {
        channel_id: CHANNEL.to_owned(),
        message_id: message_id.clone(),
        conversation_id: "conversation".to_owned(),
        source: Some(Source::Line(LineSource {
            message_id,
            ..LineSource::default()
        })),
        ..RegisterAttachmentRequest::default()
    }
}

/// Lets `clients` on `connections` call for `time`; `name` makes the message
/// of the n-th call of a client.
pub(crate) async fn closed_loop(
    stage: &Stage,
    service: &Service,
    (clients, connections): (usize, usize),
    time: Duration,
    name: fn(usize, usize) -> String,
) -> Outcome<Seen> {
    let mut channels = Vec::new();
    for n in 0..connections {
        let mut channel = stage.client(service)?;
        // Connects, and proves the token once.
        channel
            .register_attachment(request(format!("hello-{n}")))
            .await?;
        channels.push(channel);
    }
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for client in 0..clients {
        let mut channel = channels[client % connections].clone();
        callers.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < time {
                let request = request(name(client, latencies.len()));
                let asked = Instant::now();
                channel.register_attachment(request).await?;
                latencies.push(asked.elapsed());
            }
            Outcome::Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(caller) = callers.join_next().await {
        latencies.extend(caller??);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
    let per_second = latencies.len() as f64 / began.elapsed().as_secs_f64();
    Ok(Seen::of(latencies, per_second))
}
