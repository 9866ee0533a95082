//! Every `buf.validate` rule of every request is kept by the service: what
//! breaks just that rule is refused by the field's name, and what stands at its
//! bound is not.

mod requests;
mod values;

use super::status::violated;
use super::wire::open;
use crate::support::{TENANT, TestApp, channel};
use attachments::auth::Scope;
use attachments::proto::FILE_DESCRIPTOR_SET;
use attachments::proto::channel::Provider;
use prost::Message as _;
use prost_reflect::DescriptorPool;
use requests::{Trial, trials};
use secrecy::ExposeSecret as _;
use std::collections::BTreeSet;
use tonic::Code;
use values::{VALID_ID, Verdict};

/// What the rules allow and the service refuses all the same: no rule can say
/// why. By method and field; what breaks the rule is tried nevertheless.
const NARROWER: &[(&str, &str, &str)] = &[
    (
        "DeleteAttachment",
        "source.part",
        "a source goes with all its parts",
    ),
    (
        "DeleteAttachment",
        "source.message_id",
        "a source goes with all its occurrences",
    ),
    ("ListAttachments", "page_token", "tokens are sealed"),
    ("ListEnrichedAttachments", "page_token", "tokens are sealed"),
    ("GetProcessedContent", "page_token", "tokens are sealed"),
    ("ListChannels", "page_token", "tokens are sealed"),
    ("ListRedrives", "page_token", "tokens are sealed"),
    (
        "RegisterAttachment",
        "url.url",
        "an address begins with https",
    ),
    ("WatchAttachments", "cursor", "cursors are sealed"),
    (
        "PutChannel",
        "channel.limits.extra_content_types[0]",
        "no type has one letter",
    ),
    (
        "PutTenant",
        "tenant.limits.extra_content_types[0]",
        "no type has one letter",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rule_is_kept() {
    let app = TestApp::start().await;
    // What is put by mask has to be there for a field to be left out.
    app.put_channel(channel(VALID_ID, Provider::Line), "").await;
    let token = app.token(TENANT, &Scope::ALL);
    let bearer = format!("Bearer {}", token.expose_secret());

    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let (mut faults, mut used, mut tried) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    let services = pool
        .services()
        .filter(|service| service.package_name() == "attachments.v1");
    for method in services.flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        for trial in trials(&method.input()) {
            let Trial {
                field,
                rule,
                verdict,
                request,
            } = trial;
            tried.insert((method.name().to_owned(), field.clone(), rule.clone()));
            // A watch begins and never ends, so the beginning has to do.
            let answer = open(&app, Some(&bearer), &path, request.encode_to_vec()).await;
            let refused = answer
                .err()
                .filter(|status| status.code() == Code::InvalidArgument);
            let what = format!("{} {field}: {rule}", method.name());
            match (verdict, refused) {
                (Verdict::Allowed, None) => {}
                (Verdict::Allowed, Some(status)) => {
                    let listed =
                        |(of, at, _): &&(&str, &str, &str)| *of == method.name() && *at == field;
                    match NARROWER.iter().find(listed) {
                        Some(known) => drop(used.insert(known)),
                        None => faults.push(format!("{what} allows it: {}", status.message())),
                    }
                }
                (Verdict::Broken, None) => {
                    faults.push(format!("{what} is broken, and nobody says so"));
                }
                (Verdict::Broken, Some(status)) => {
                    let told = violated(&status);
                    if told != [field.clone()] {
                        faults.push(format!("{what} is broken, and it is said of {told:?}"));
                    }
                }
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert_eq!(
        used.len(),
        NARROWER.len(),
        "an exception that none needs; used: {used:?}"
    );
    assert!(tried.len() > 100, "the rules are gone: {tried:?}");
}
