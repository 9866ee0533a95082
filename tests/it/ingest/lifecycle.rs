//! The bucket's own rules: ours beside those of others, where it lets us.

use super::{STORED, end_of};
use crate::support::{TestApp, line};
use attachments::blob::Bucket;
use attachments::config::Role;
use attachments::dev::object_store::{Fault, Operation};
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionExpiration, Tag, Transition,
    TransitionStorageClass,
};
use reqwest::StatusCode;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_of_others_survive_and_ours_are_written_once() {
    let mut app = TestApp::start_with(|config| config.s3.manage_lifecycle = false).await;
    let writes = || app.store.faults().count(Operation::PutLifecycle);
    assert_eq!(app.store.faults().count(Operation::GetLifecycle), 0);
    let foreign = foreign_rules();
    put_rules(&app, foreign.clone()).await;
    assert_eq!(writes(), 1);

    app.config.s3.manage_lifecycle = true;
    let worker = app.another(Role::Worker).await;
    let writes = || app.store.faults().count(Operation::PutLifecycle);
    app.eventually("ours to be written", || async { writes() == 2 })
        .await;
    app.eventually("ours beside theirs", || async {
        let rules = rules(&app).await;
        rules.len() == foreign.len() + 2 && rules[..foreign.len()] == foreign
    })
    .await;
    worker.shutdown().await;

    // Once more finds nothing to do; a rule that was bent is put right.
    let bucket = Bucket::new(&app.config.bucket_settings().unwrap()).await;
    bucket.settle_lifecycle().await;
    assert_eq!(writes(), 2);
    let written = rules(&app).await;
    let mut bent = written.clone();
    bent[foreign.len()].status = ExpirationStatus::Disabled;
    put_rules(&app, bent).await;
    bucket.settle_lifecycle().await;
    assert_eq!(rules(&app).await, written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_take_what_nobody_comes_back_for() {
    let app = TestApp::start().await;
    app.eventually("the rules", || async {
        app.store.faults().count(Operation::PutLifecycle) == 1
    })
    .await;
    let (durable, ephemeral) = ("attachments/durable/a", "attachments/ephemeral/b");
    for key in [durable, ephemeral, "elsewhere/c"] {
        let put = app.s3().put_object().bucket(&app.config.s3.bucket);
        put.key(key).send().await.unwrap();
        app.abandon_upload(key).await;
    }
    let now = time::OffsetDateTime::from(std::time::SystemTime::now());
    let hours = time::Duration::hours;
    assert_eq!(app.store.sweep(now + hours(23)).await.unwrap(), 0);
    app.store.sweep(now + hours(25)).await.unwrap();
    assert_eq!(app.objects().await, [durable, "elsewhere/c"]);
    assert_eq!(app.open_uploads().await, ["elsewhere/c"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_keeps_its_rules_to_itself_does_not_stop_the_start() {
    for (status, operation) in [
        (StatusCode::NOT_IMPLEMENTED, Operation::GetLifecycle),
        (StatusCode::FORBIDDEN, Operation::GetLifecycle),
        (StatusCode::FORBIDDEN, Operation::PutLifecycle),
        (StatusCode::SERVICE_UNAVAILABLE, Operation::GetLifecycle),
    ] {
        let mut app = TestApp::start_with(|config| config.s3.manage_lifecycle = false).await;
        app.config.s3.manage_lifecycle = true;
        let refused = Fault::Status(status);
        app.store.faults().inject(operation, usize::MAX, refused);
        let second = app.another(Role::All).await;
        std::mem::replace(&mut app.app, second).shutdown().await;

        let asked = || app.store.faults().count(operation);
        app.eventually("the store to refuse", || async { asked() > 0 })
            .await;
        app.line_plays("1", &["ok"]);
        assert_eq!(end_of(&app.ingest(line("1")).await), STORED, "{status}");
        if status == StatusCode::SERVICE_UNAVAILABLE {
            // The client repeats a refused request once by itself.
            app.eventually("the store to be asked again", || async { asked() > 2 })
                .await;
            app.store.faults().clear();
            app.eventually("the rules, once it is back", || async {
                app.store.faults().count(Operation::PutLifecycle) == 1
            })
            .await;
        }
    }
}

async fn rules(app: &TestApp) -> Vec<LifecycleRule> {
    let get = app.s3().get_bucket_lifecycle_configuration();
    let found = get.bucket(&app.config.s3.bucket).send().await.unwrap();
    found.rules.unwrap()
}

async fn put_rules(app: &TestApp, rules: Vec<LifecycleRule>) {
    let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(rules));
    app.s3()
        .put_bucket_lifecycle_configuration()
        .bucket(&app.config.s3.bucket)
        .lifecycle_configuration(configuration.build().unwrap())
        .send()
        .await
        .unwrap();
}

/// As others write them.
fn foreign_rules() -> Vec<LifecycleRule> {
    let tag = Tag::builder().key("keep").value("no").build().unwrap();
    let small_and_tagged = LifecycleRuleAndOperator::builder()
        .prefix("logs/")
        .tags(tag)
        .object_size_less_than(1_000)
        .build();
    let rules = [
        LifecycleRule::builder()
            .id("logs")
            .filter(LifecycleRuleFilter::builder().and(small_and_tagged).build())
            .expiration(LifecycleExpiration::builder().days(30).build()),
        LifecycleRule::builder()
            .filter(
                LifecycleRuleFilter::builder()
                    .prefix("attachments/")
                    .build(),
            )
            .transitions(
                Transition::builder()
                    .days(90)
                    .storage_class(TransitionStorageClass::Glacier)
                    .build(),
            )
            .noncurrent_version_expiration(
                NoncurrentVersionExpiration::builder()
                    .noncurrent_days(7)
                    .build(),
            ),
    ];
    rules
        .into_iter()
        .map(|rule| rule.status(ExpirationStatus::Enabled).build().unwrap())
        .collect()
}
