//! `attachments token`.

use super::running_dev::RunningDev;
use super::sandbox::Sandbox;
use crate::support::{database, get_request};
use attachments::proto::{ListAttachmentsRequest, ListChannelsRequest};
use tonic::Code;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_says_what_it_was_told_to_and_dev_believes_it() {
    let mut sandbox = Sandbox::new();
    sandbox.set("DATABASE_URL", database::create_empty().await);
    let dev = RunningDev::start(&sandbox).await;
    let token = async |flags: &[&str]| {
        let minted = sandbox
            .run(&[&["token", "--data-dir=data"], flags].concat())
            .await;
        assert_eq!((minted.code, minted.stderr.as_str()), (Some(0), ""));
        assert_eq!(minted.stdout.lines().count(), 1, "{minted:?}");
        minted.stdout.trim().to_owned()
    };
    let list = ListAttachmentsRequest::default;

    let (mut all, mut admin) = dev.clients_with(&token(&[]).await);
    all.list_attachments(list()).await.unwrap();
    let channels = admin
        .list_channels(ListChannelsRequest::default())
        .await
        .unwrap();
    assert_eq!(channels.into_inner().channels.len(), 2);

    let scopes = "--scope=attachments:read,attachments:link";
    let (mut reader, mut admin) = dev.clients_with(&token(&[scopes, "--ttl=24h"]).await);
    reader.list_attachments(list()).await.unwrap();
    let refused = admin
        .list_channels(ListChannelsRequest::default())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);

    let (mut other, mut admin) = dev.clients_with(&token(&["--tenant=globex"]).await);
    let channels = admin
        .list_channels(ListChannelsRequest::default())
        .await
        .unwrap();
    assert_eq!(channels.into_inner().channels, []);
    let request = get_request("01890000-0000-7000-8000-000000000000".to_owned());
    assert_eq!(
        other.get_attachment(request).await.unwrap_err().code(),
        Code::NotFound
    );
}

#[tokio::test]
async fn a_token_that_nobody_would_take_is_not_minted() {
    let sandbox = Sandbox::new();
    let absent = sandbox.run(&["token", "--data-dir=data"]).await;
    assert_eq!(absent.code, Some(1), "{absent:?}");
    assert_eq!(
        absent.stderr,
        "no token: no `attachments dev` has run in data\n"
    );
    assert!(!sandbox.path("data").exists());

    attachments::dev::token::DevKey::load_or_generate(&sandbox.path("data")).unwrap();
    for ttl in ["24h 1s", "30d", "0s"] {
        let finished = sandbox
            .run(&["token", "--data-dir=data", "--ttl", ttl])
            .await;
        assert_eq!(finished.code, Some(1), "{ttl}: {finished:?}");
        assert_eq!(finished.stdout, "");
        assert!(finished.stderr.contains("24 hours"), "{finished:?}");
    }
    for flags in [
        ["--scope", "attachments:everything"],
        ["--tenant", "a/b"],
        ["--ttl", "soon"],
    ] {
        let finished = sandbox
            .run(&[&["token", "--data-dir=data"][..], &flags].concat())
            .await;
        // Wrong use, as clap has it.
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains(flags[1]), "{finished:?}");
    }
}
