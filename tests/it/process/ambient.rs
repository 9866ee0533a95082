//! The ambient credential chain, by way of a container's credentials endpoint:
//! what is still good is used while no new one is to be had.

use super::reading::wait_stored;
use super::running_service::Ground;
use super::sandbox::eventually;
use crate::support::{line, serve, within};
use attachments::dev::client::Attachments;
use attachments::dev::simulator::{Fixture, Media};
use attachments::proto::IssueAccessLinkRequest;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use futures::future::join_all;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_util::task::AbortOnDropHandle;

/// Shorter than the service is content with, so that it asks for the next.
const SHORT: Duration = Duration::from_secs(150);
const LONG: Duration = Duration::from_hours(1);

/// What the endpoint does.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// It gives a credential that lives for so long.
    Gives(Duration),
    Fails,
    SaysNothing,
}

/// A container's credentials endpoint.
struct Endpoint {
    address: SocketAddr,
    state: Arc<Mutex<(Turn, usize)>>,
    _server: AbortOnDropHandle<()>,
}

impl Endpoint {
    async fn start(secret: &str) -> Self {
        let state = Arc::new(Mutex::new((Turn::Gives(SHORT), 0)));
        let shared = (state.clone(), secret.to_owned());
        let router = Router::new().fallback(answer).with_state(shared);
        let (address, server) = serve(router).await;
        Self {
            address,
            state,
            _server: server,
        }
    }

    fn turns(&self, turn: Turn) {
        *self.state.lock().unwrap() = (turn, 0);
    }

    /// How often it was asked since it turned.
    fn asked(&self) -> usize {
        self.state.lock().unwrap().1
    }
}

type Shared = (Arc<Mutex<(Turn, usize)>>, String);

async fn answer(State((state, secret)): State<Shared>) -> Response {
    let turn = {
        let mut state = state.lock().unwrap();
        state.1 += 1;
        state.0
    };
    match turn {
        Turn::Gives(life) => Json(json!({
            "AccessKeyId": "test",
            "SecretAccessKey": secret,
            "Token": "session",
            "Expiration": (OffsetDateTime::now_utc() + life).format(&Rfc3339).unwrap(),
        }))
        .into_response(),
        Turn::Fails => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Turn::SaysNothing => std::future::pending().await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_that_is_still_good_outlives_a_refresh_that_fails() {
    let mut ground = Ground::new().await;
    let endpoint = Endpoint::start("the secret of the store").await;
    let uri = format!("http://{}/credentials", endpoint.address);
    ground
        .sandbox
        .unset("ATTACHMENTS_S3_ACCESS_KEY_ID")
        .unset("ATTACHMENTS_S3_SECRET_ACCESS_KEY")
        .set("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri)
        .set("AWS_EC2_METADATA_DISABLED", "true");
    let service = ground.serve(&[]).await;
    let mut client = service.client_with_line(&ground.token()).await;
    let id = store(&ground, &mut client, "1").await;

    for turn in [Turn::Fails, Turn::SaysNothing] {
        endpoint.turns(turn);
        eventually("it to be asked", || {
            let mut client = client.clone();
            let (id, endpoint) = (id.clone(), &endpoint);
            async move {
                link(&mut client, &id).await;
                endpoint.asked() > 0
            }
        })
        .await;
        let links = join_all((0..20).map(|_| {
            let mut client = client.clone();
            let id = id.clone();
            async move { link(&mut client, &id).await }
        }));
        for link in within("links", links).await {
            let answer = reqwest::get(&link).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{turn:?}");
        }
        // Nor does the way in wait for it.
        within("a file", store(&ground, &mut client, &format!("{turn:?}"))).await;
        within("a link", link(&mut client, &id)).await;
    }

    // Once there is another, it is taken, and lives longer.
    endpoint.turns(Turn::Gives(LONG));
    eventually("a link for longer", || {
        let mut client = client.clone();
        let id = id.clone();
        async move { life(&link(&mut client, &id).await) > SHORT.as_secs() }
    })
    .await;
    let asked = endpoint.asked();
    link(&mut client, &id).await;
    assert_eq!(endpoint.asked(), asked);
}

async fn store(ground: &Ground, client: &mut Attachments, message: &str) -> String {
    let media = Media::fixture(Fixture::Png);
    ground.simulator.put_line_message(message, media);
    let registered = client.register_attachment(line(message)).await.unwrap();
    let id = registered.into_inner().attachment.unwrap().attachment_id;
    wait_stored(client, &id).await.attachment_id
}

async fn link(client: &mut Attachments, id: &str) -> String {
    let request = IssueAccessLinkRequest {
        attachment_id: id.to_owned(),
        ..IssueAccessLinkRequest::default()
    };
    let answer = client.issue_access_link(request).await.unwrap();
    answer.into_inner().link.unwrap().url
}

/// The seconds that a link is signed for.
fn life(link: &str) -> u64 {
    let (_, rest) = link.split_once("X-Amz-Expires=").unwrap();
    rest.split('&').next().unwrap().parse().unwrap()
}
