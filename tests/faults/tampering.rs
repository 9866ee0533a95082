//! Objects that somebody else changed.

use crate::fleet::{Fleet, ids, text};
use crate::ground::byte_stream;
use crate::ground::running_service::said;
use aws_sdk_s3::primitives::ByteStream;
use tonic::Code;

/// F29: removed, shorter, longer, and as long but other bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_was_tampered_with_is_data_loss_and_never_a_short_success() {
    let fleet = Fleet::new().await;
    let service = fleet.serve("all").await;
    let files = ids("tampered-", 4);
    for id in &files {
        fleet.put_file(id, &text(id, 600_000), &[]);
    }
    fleet.register_all(&files).await;
    fleet.assert_all_stored(4).await;
    let s3 = fleet.ground.s3();
    let read = async |id: &str| {
        let id = fleet.promises()[id].ids[0].clone();
        byte_stream::whole(&mut fleet.client(), &id).await
    };
    for (id, change) in files.iter().zip([-1, 0, 1, isize::MIN]) {
        let key = key_of(&fleet, id).await;
        let whole = text(id, 600_000);
        assert_eq!(read(id).await.unwrap().len(), whole.len());
        if change == isize::MIN {
            s3.delete_object()
                .bucket("bucket")
                .key(key)
                .send()
                .await
                .unwrap();
        } else {
            let mut other = whole.into_bytes();
            other[300_000] ^= 1;
            other.resize(other.len().checked_add_signed(change).unwrap(), b'x');
            let body = ByteStream::from(other);
            s3.put_object()
                .bucket("bucket")
                .key(key)
                .body(body)
                .send()
                .await
                .unwrap();
        }
        let refusal = read(id).await.unwrap_err();
        assert_eq!(refusal.code(), Code::DataLoss, "{change}: {refusal}");
    }
    let damaged = service.metric("attachments_damaged_reads_total").await;
    assert_eq!(damaged, Some(4.0), "the alarm");
    assert!(said(&service.process, "a stored object is damaged").is_some());
    let audit = fleet.ground.sandbox.run(&["audit", "--grace", "0s"]).await;
    assert_eq!(audit.code, Some(1), "{}", audit.stdout);
}

async fn key_of(fleet: &Fleet, media_id: &str) -> String {
    sqlx::query_scalar(
        "select storage_key from objects o join attachments a on a.id = o.attachment_id
         where media_id = $1",
    )
    .bind(media_id)
    .fetch_one(&fleet.pool)
    .await
    .unwrap()
}
