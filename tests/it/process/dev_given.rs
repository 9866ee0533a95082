//! `dev` uses what is given, and spawns nothing in its place.

use super::leftovers::{descendants, postmasters};
use super::reading::wait_stored;
use super::running_dev::RunningDev;
use super::sandbox::Sandbox;
use crate::ground::byte_stream;
use crate::support::{ANY_PORT, channel, database, line, put_channel};
use attachments::dev::object_store::{self, ObjectStore, Operation};
use attachments::dev::simulator::{
    self, Fixture, Grant, LINE_DEV_TOKEN, Media, Provider, Simulator,
};
use attachments::proto::{RegisterAttachmentRequest, channel::Provider as ProviderOf};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_embedded_that_was_given() {
    let database_url = database::create_empty().await;
    let simulator = Simulator::start(simulator::Settings { listen: ANY_PORT })
        .await
        .unwrap();
    let stores = tempfile::tempdir().unwrap();
    let store = ObjectStore::start(object_store::Settings {
        root: stores.path().to_owned(),
        listen: ANY_PORT,
        access_key: "given".to_owned(),
        secret_key: "the secret of the store that is given".into(),
        buckets: vec![],
    })
    .await
    .unwrap();
    let endpoint = format!("http://{}", store.local_addr());
    let mut sandbox = Sandbox::new();
    sandbox
        .set("DATABASE_URL", &database_url)
        .set("ATTACHMENTS_S3_ENDPOINT", &endpoint)
        .set("ATTACHMENTS_S3_ACCESS_KEY_ID", "given")
        .set(
            "ATTACHMENTS_S3_SECRET_ACCESS_KEY",
            "the secret of the store that is given",
        )
        .set("ATTACHMENTS_LINE_CONTENT_URL", simulator.line_content_url())
        .set("ATTACHMENTS_SLACK_API_URL", simulator.slack_api_url());
    let dev = RunningDev::start(&sandbox).await;

    assert_eq!(dev.text("database_url"), database_url);
    assert_eq!(dev.text("s3"), endpoint);
    assert!(dev.ready["simulator"].is_null(), "{:#}", dev.ready);
    let family = descendants(dev.process.pid());
    assert_eq!(postmasters(&family), Vec::<&str>::new());
    for embedded in ["data/postgres", "data/s3"] {
        assert!(!sandbox.path(embedded).exists(), "{embedded}");
    }

    let image = Media::fixture(Fixture::Png);
    let sent = image.checksum_sha256();
    simulator.put_line_message("2001", image);
    let (mut client, _) = dev.clients("admin");
    let found = wait_stored(&mut client, &register(&dev, "2001").await).await;
    assert_eq!(store.faults().count(Operation::Put), 1);
    let bytes = byte_stream::whole(&mut client, &found.attachment_id)
        .await
        .unwrap();
    assert_eq!(hex::encode(Sha256::digest(bytes)), sent);
    let pool = PgPool::connect(&database_url).await.unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from attachments")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(rows, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_credential_of_a_given_provider_outlives_a_restart() {
    let simulator = Simulator::start(simulator::Settings { listen: ANY_PORT })
        .await
        .unwrap();
    let grant = |revoked| Grant {
        provider: Provider::Line,
        scopes: vec![],
        revoked,
    };
    simulator.put_token("the-operators-own-token", grant(false));
    simulator.put_token(LINE_DEV_TOKEN, grant(true));
    simulator.put_line_message("2002", Media::fixture(Fixture::Png));
    let mut sandbox = Sandbox::new();
    sandbox
        .set("DATABASE_URL", database::create_empty().await)
        .set("ATTACHMENTS_LINE_CONTENT_URL", simulator.line_content_url());
    let dev = RunningDev::start(&sandbox).await;
    let (_, mut admin) = dev.clients("admin");
    let line = channel("line-dev", ProviderOf::Line);
    put_channel(&mut admin, line, "the-operators-own-token").await;

    dev.process.kill().await;
    let dev = RunningDev::start(&sandbox).await;

    let id = register(&dev, "2002").await;
    wait_stored(&mut dev.clients("bff").0, &id).await;
}

async fn register(dev: &RunningDev, message_id: &str) -> String {
    let request = RegisterAttachmentRequest {
        channel_id: "line-dev".to_owned(),
        ..line(message_id)
    };
    let (mut gateway, _) = dev.clients("gateway");
    let registered = gateway.register_attachment(request).await.unwrap();
    registered.into_inner().attachment.unwrap().attachment_id
}
