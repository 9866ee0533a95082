//! Who is called, as the machine's own resolver and one of the tests' have it.

use super::*;
use reqwest::dns::{Addrs, Name, Resolving};
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::net::TcpListener;

fn settings() -> Settings {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Settings {
        connect_timeout: Duration::from_secs(3),
        first_byte_timeout: Duration::from_secs(3),
        idle_timeout: Duration::from_secs(3),
        trusted_origins: vec![],
    }
}

async fn failure_of(egress: &Egress, url: &str, chosen_by: ChosenBy) -> FetchError {
    let url = Url::parse(url).unwrap();
    let token = SecretString::from("token");
    let answer = egress.get(url, chosen_by, Some(&token)).await;
    answer.err().unwrap()
}

#[tokio::test]
async fn a_name_that_leads_nowhere_may_do_so_later() {
    let egress = Egress::new(&settings()).unwrap();
    let url = "https://nothing.invalid/";
    let failure = failure_of(&egress, url, ChosenBy::Outsider).await;
    assert_eq!(failure.reason, FailureReason::SourceUnavailable);
    assert!(failure.detail.contains("looked up"), "{failure}");
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_for_good_whoever_chose_it() {
    let egress = Egress::new(&settings()).unwrap();
    for chosen_by in [ChosenBy::Operator, ChosenBy::Outsider] {
        let failure = failure_of(&egress, "https://localhost/", chosen_by).await;
        assert_eq!(failure.reason, FailureReason::SourceRefusedAddress);
        assert!(failure.detail.contains("trusted_origins"), "{failure}");
    }
}

/// Leads every name to one address.
struct LeadsTo(SocketAddr);

impl Resolve for LeadsTo {
    fn resolve(&self, _: Name) -> Resolving {
        let found = self.0;
        Box::pin(async move { Ok(Box::new([found].into_iter()) as Addrs) })
    }
}

#[tokio::test]
async fn a_provider_whose_name_leads_inside_gets_no_connection() {
    const LINE: &str = "https://api-data.line.me/v2/bot/message/1/content";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let inside = listener.local_addr().unwrap();
    let resolver = || LeadsTo(inside);

    let egress = Egress::resolving(&settings(), resolver).unwrap();
    for chosen_by in [ChosenBy::Operator, ChosenBy::Outsider] {
        let failure = failure_of(&egress, LINE, chosen_by).await;
        assert_eq!(failure.reason, FailureReason::SourceRefusedAddress);
        let connected = listener.accept().map(|_| ());
        assert_eq!(connected.unwrap_err().kind(), ErrorKind::WouldBlock);
    }

    // The same is called where the operator trusts it, and nowhere beside it.
    let mut settings = settings();
    let trusted = Url::parse(LINE).unwrap().origin();
    settings.trusted_origins = vec![trusted];
    let egress = Egress::resolving(&settings, resolver).unwrap();
    let beside = "https://api.line.me/";
    let failure = failure_of(&egress, beside, ChosenBy::Operator).await;
    assert_eq!(failure.reason, FailureReason::SourceRefusedAddress);
    let listener = TcpListener::from_std(listener).unwrap();
    let hang_up = async { drop(listener.accept().await.unwrap()) };
    let (failure, ()) = tokio::join!(failure_of(&egress, LINE, ChosenBy::Operator), hang_up);
    assert_eq!(failure.reason, FailureReason::SourceUnavailable);
}

struct Silent;

impl Resolve for Silent {
    fn resolve(&self, _: Name) -> Resolving {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_look_up_counts_into_the_time_to_connect() {
    let mut settings = settings();
    settings.connect_timeout = Duration::from_millis(50);
    let client = builder(&settings).dns_resolver(Arc::new(Silent)).build();
    let sent = client.unwrap().get("https://example.com/").send().await;
    let failure = failure(&sent.unwrap_err());
    assert_eq!(failure.reason, FailureReason::SourceTimeout);
    assert!(failure.detail.contains("connect_timeout"), "{failure}");
}
