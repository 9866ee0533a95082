//! A web server that serves one file to whoever asks, and notes who did.

use axum::Router;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

pub struct Web {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _server: AbortOnDropHandle<()>,
}

struct Shared {
    file: Bytes,
    content_type: &'static str,
    visits: Mutex<Vec<Visit>>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    pub path: String,
    pub has_authorization: bool,
}

/// Serves until the handle is dropped.
pub async fn serve(router: Router) -> (SocketAddr, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind(super::ANY_PORT).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (address, AbortOnDropHandle::new(server))
}

impl Web {
    pub async fn start(file: Bytes, content_type: &'static str) -> Self {
        let shared = Arc::new(Shared {
            file,
            content_type,
            visits: Mutex::default(),
        });
        let router = Router::new().fallback(visit).with_state(shared.clone());
        let (address, server) = serve(router).await;
        Self {
            address,
            shared,
            _server: server,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The address that a registration may bear; see
    /// [`super::TestApp::let_urls_be_plain`].
    pub fn tls_url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    pub fn visits(&self) -> Vec<Visit> {
        self.shared.visits.lock().unwrap().clone()
    }
}

async fn visit(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
) -> impl IntoResponse {
    shared.visits.lock().unwrap().push(Visit {
        path: uri.path().to_owned(),
        has_authorization: headers.contains_key(AUTHORIZATION),
    });
    ([(CONTENT_TYPE, shared.content_type)], shared.file.clone())
}
