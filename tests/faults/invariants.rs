//! What must hold after every fault, whatever it was; checked from outside.

use crate::fleet::Fleet;
use crate::ground::{PATIENCE, bucket};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How attachments ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub stored: usize,
    /// Ended in another way.
    pub otherwise: usize,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    media_id: String,
    status: String,
    attempt_count: i16,
    max_attempts: i16,
    storage_key: Option<String>,
    checksum_sha256: Option<Vec<u8>>,
}

/// What, and more about it.
const LEFT_TO_DO: &str = "
select 'open: ' || media_id, to_jsonb(a)::text from attachments a where status = 'open'
union all select 'content: ' || media_id, to_jsonb(a)::text from attachments a
    where processing_status = 'open'
union all select 'work: ' || attachment_id, to_jsonb(w)::text from work w
union all select 'to be removed: ' || storage_key, to_jsonb(r)::text from removals r
union all select 'expired: ' || media_id, expires_at::text from attachments
    where expires_at <= now() and status <> 'deleted'";

impl Fleet {
    /// Waits until nothing is left to do, and checks what was promised:
    ///
    /// - I1, I6: each answered registration has exactly one row, under the id
    ///   that every answer gave;
    /// - I2: every row is final, and so is what becomes of its content;
    /// - I4: each stored object has the bytes that the provider sent, and what
    ///   was made of it those that were recorded;
    /// - I5: there is no other object;
    /// - I7: no row has more attempts than it may have;
    /// - and `attachments audit` finds nothing either.
    ///
    /// Needs a worker that runs.
    pub async fn assert_sound(&self) -> Tally {
        self.wait_for_rest().await;
        let audit = self.ground.sandbox.run(&["audit", "--grace", "0s"]).await;
        assert_eq!(audit.code, Some(0), "{}{}", audit.stdout, audit.stderr);

        let rows = self.rows().await;
        let mut by_media: BTreeMap<&str, &Row> = BTreeMap::new();
        for row in &rows {
            let twin = by_media.insert(&row.media_id, row);
            assert!(twin.is_none(), "two rows of {}", row.media_id);
            assert!(row.attempt_count <= row.max_attempts, "{}", row.media_id);
        }
        let promises = self.promises();
        for (media_id, promise) in &promises {
            let row = by_media.get(media_id.as_str());
            let kept = |id: &String| row.is_some_and(|row| row.id.to_string() == *id);
            assert!(promise.ids.iter().all(kept), "lost {media_id}: {promise:?}");
        }
        let mut tally = Tally::default();
        let mut referenced = BTreeSet::new();
        for row in &rows {
            let Some(key) = &row.storage_key else {
                tally.otherwise += 1;
                continue;
            };
            assert_eq!(row.status, "stored", "{}", row.media_id);
            let sent = &promises[&row.media_id].checksum;
            let recorded = row.checksum_sha256.as_deref().unwrap();
            assert_eq!(hex::encode(recorded), *sent, "{}", row.media_id);
            assert_eq!(self.checksum_of(key).await, *sent, "{}", row.media_id);
            referenced.insert(key.clone());
            tally.stored += 1;
        }
        for (status, key, recorded) in self.made().await {
            assert_eq!(status, "stored", "{key}");
            assert_eq!(self.checksum_of(&key).await, hex::encode(recorded), "{key}");
            referenced.insert(key);
        }
        let objects = bucket::keys(&self.ground.s3(), "bucket").await;
        assert_eq!(BTreeSet::from_iter(objects), referenced);
        assert!(self.ground.sandbox.temporary_files().is_empty());
        tally
    }

    /// [`Self::assert_sound`], and that so many are stored and none is not.
    pub async fn assert_all_stored(&self, stored: usize) {
        let tally = self.assert_sound().await;
        let expected = Tally {
            stored,
            otherwise: 0,
        };
        let failures = self.failures().await;
        assert_eq!(tally, expected, "{failures:#?}");
    }

    /// No open row, no work, no object that must go, nothing that is over.
    /// However much there is to do, it gets less all the time.
    pub async fn wait_for_rest(&self) {
        let mut deadline = Instant::now() + PATIENCE;
        let mut least = usize::MAX;
        loop {
            let left: Vec<(String, String)> = sqlx::query_as(LEFT_TO_DO)
                .fetch_all(&self.pool)
                .await
                .unwrap();
            if left.is_empty() {
                return;
            }
            if left.len() < least {
                least = left.len();
                deadline = Instant::now() + PATIENCE;
            }
            assert!(Instant::now() < deadline, "nothing is done of {left:#?}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn rows(&self) -> Vec<Row> {
        sqlx::query_as(
            "select a.id, a.media_id, a.status, a.attempt_count, a.max_attempts, o.storage_key,
                o.checksum_sha256
             from attachments a left join objects o on o.tenant_id = a.tenant_id
                and o.attachment_id = a.id and o.rendition = 'original'
             order by a.id",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// What was made of files: the status of each, the key, the checksum.
    async fn made(&self) -> Vec<(String, String, Vec<u8>)> {
        sqlx::query_as(
            "select a.status, o.storage_key, o.checksum_sha256
             from objects o join attachments a on a.tenant_id = o.tenant_id
                and a.id = o.attachment_id
             where o.rendition <> 'original'",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    async fn checksum_of(&self, key: &str) -> String {
        let object = self.ground.s3().get_object().bucket("bucket").key(key);
        let body = object.send().await.unwrap().body.collect().await.unwrap();
        hex::encode(Sha256::digest(body.into_bytes()))
    }

    /// What was tried on those that are not stored.
    async fn failures(&self) -> Vec<(String, String, i64, Option<String>, String)> {
        sqlx::query_as(
            "select a.media_id, a.status, t.fence, t.failure_reason, t.detail
             from attachments a left join attempts t on t.attachment_id = a.id
             where a.status <> 'stored' order by a.media_id, t.fence",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }
}
