//! Lifecycle rules.

use super::{BUCKET, Rig, code};
use crate::clock::{Clock as _, SystemClock};
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus,
    LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
};
use time::Duration;

fn ephemeral_for_a_day() -> BucketLifecycleConfiguration {
    let prefix = LifecycleRuleFilter::builder().prefix("attachments/ephemeral/");
    let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(1);
    let rule = LifecycleRule::builder()
        .id("ephemeral")
        .status(ExpirationStatus::Enabled)
        .filter(prefix.build())
        .expiration(LifecycleExpiration::builder().days(1).build())
        .abort_incomplete_multipart_upload(abort.build());
    let rules = BucketLifecycleConfiguration::builder().rules(rule.build().unwrap());
    rules.build().unwrap()
}

#[tokio::test]
async fn rules_are_kept_through_a_restart() {
    let rig = Rig::start().await;
    let get = rig.s3.get_bucket_lifecycle_configuration().bucket(BUCKET);
    let none = get.send().await.unwrap_err();
    assert_eq!(code(&none), "NoSuchLifecycleConfiguration");

    let put = rig.s3.put_bucket_lifecycle_configuration().bucket(BUCKET);
    let put = put.lifecycle_configuration(ephemeral_for_a_day());
    put.send().await.unwrap();
    let rig = rig.restart().await;
    let get = rig.s3.get_bucket_lifecycle_configuration().bucket(BUCKET);
    let got = get.send().await.unwrap();
    assert_eq!(got.rules(), ephemeral_for_a_day().rules());
}

#[tokio::test]
async fn a_sweep_removes_what_is_due_and_nothing_else() {
    let rig = Rig::start().await;
    rig.put("attachments/ephemeral/a", "1").await;
    rig.put("attachments/durable/a", "2").await;
    let upload = rig.s3.create_multipart_upload().bucket(BUCKET);
    let upload = upload.key("attachments/ephemeral/b").send().await.unwrap();
    let in_hours = |hours| SystemClock.now() + Duration::hours(hours);
    assert_eq!(rig.store.sweep(in_hours(1000)).await.unwrap(), 0);

    let put = rig.s3.put_bucket_lifecycle_configuration().bucket(BUCKET);
    let put = put.lifecycle_configuration(ephemeral_for_a_day());
    put.send().await.unwrap();
    assert_eq!(rig.store.sweep(in_hours(23)).await.unwrap(), 0);
    assert_eq!(rig.store.sweep(in_hours(25)).await.unwrap(), 2);
    assert_eq!(rig.keys().await, ["attachments/durable/a"]);
    let abort = rig.s3.abort_multipart_upload().bucket(BUCKET);
    let abort = abort.key("attachments/ephemeral/b");
    let abort = abort.upload_id(upload.upload_id().unwrap()).send().await;
    assert_eq!(code(&abort.unwrap_err()), "NoSuchUpload");
}
