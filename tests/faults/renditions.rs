//! Attachments of many objects and two kinds of work: what is made of a file
//! survives what the file survives. Nothing makes renditions yet; the test
//! puts them as a worker does: announced, put, recorded.

use crate::figures::{figure, times};
use crate::fleet::{Fleet, ids, wait_killed};
use crate::ground::TENANT;
use crate::ground::sandbox::{Finished, eventually};
use sha2::{Digest as _, Sha256};

const BYTES: &[u8] = b"a small picture";

/// The object that is about to be put, to be removed unless it is recorded.
const ANNOUNCE: &str = "
insert into removals (tenant_id, storage_key, due_at)
select o.tenant_id, regexp_replace(o.storage_key, '[^/]+$', '1-thumbnail.webp'),
    now() + interval '10 s'
from objects o where o.rendition = 'original' and not exists (
    select 1 from objects t where t.tenant_id = o.tenant_id
      and t.attachment_id = o.attachment_id and t.rendition = 'thumbnail')
order by random() limit 1
on conflict do nothing
returning storage_key";

/// Only what no sweeper has taken.
const RECORD: &str = "
with kept as (
    delete from removals where tenant_id = split_part($1, '/', 3) and storage_key = $1
      and attempt_count = 0
    returning tenant_id, storage_key
)
insert into objects (tenant_id, attachment_id, rendition, storage_key, content_type, size_bytes,
    checksum_sha256, width, height)
select a.tenant_id, a.id, 'thumbnail', k.storage_key, 'image/webp', $2, $3, 64, 48
from kept k join attachments a on a.tenant_id = k.tenant_id
    and a.id = split_part(k.storage_key, '/', 5)::uuid
where a.status = 'stored'";

impl Fleet {
    /// Puts a thumbnail beside some stored attachment that has none. Where the
    /// database goes away half-way, the announcement is left.
    pub async fn put_thumbnail(&self) -> Result<(), sqlx::Error> {
        let announced: Option<String> = sqlx::query_scalar(ANNOUNCE)
            .fetch_optional(&self.pool)
            .await?;
        let Some(key) = announced else {
            return Ok(());
        };
        let put = self.ground.s3().put_object().bucket("bucket").key(&key);
        put.body(BYTES.to_vec().into()).send().await.unwrap();
        sqlx::query(RECORD)
            .bind(&key)
            .bind(i64::try_from(BYTES.len()).unwrap())
            .bind(Sha256::digest(BYTES).to_vec())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Has the content of all stored attachments made anew.
    pub async fn redrive_content(&self) -> Finished {
        let command = ["redrive", "--tenant", TENANT, "--content", "--execute"];
        self.ground.sandbox.run(&command).await
    }
}

/// F1, F6: of work at the content, which leaves the status alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_at_the_content_leaves_no_work() {
    let mut fleet = Fleet::new().await;
    let api = fleet.serve("api").await;
    let files = ids("seen-", 8);
    fleet.put_files(&files);
    fleet.register_all(&files).await;
    let worker = fleet.serve("worker").await;
    fleet.assert_all_stored(8).await;
    worker.process.kill().await;
    for _ in 0..4 {
        fleet.put_thumbnail().await.unwrap();
    }
    let rounds = times(1, 20);
    for round in 0..rounds {
        for step in ["leased", "claimed", "settled"] {
            let nth = if step == "leased" { 1 } else { 1 + round % 7 };
            let fail_at = format!("{step}:{nth}:kill");
            let doomed = fleet.serve_to_fail("worker", &fail_at).await;
            let redriven = fleet.redrive_content().await;
            assert!(redriven.stdout.contains("8 of 8 put back"), "{redriven:?}");
            wait_killed(doomed).await;
            let heir = fleet.serve("worker").await;
            fleet.assert_all_stored(8).await;
            let ended = "select count(*) from attachments
                where processing_status = 'skipped' and attempt_count = 1";
            eventually("all of it is looked at", async || {
                fleet.count(ended).await == 8
            })
            .await;
            heir.process.kill().await;
        }
    }
    api.process.kill().await;
    let hit = "select count(*) from attempts
        where kind = 'content' and failure_reason = 'INTERRUPTED'";
    let hit = fleet.count(hit).await;
    assert!(hit > 0, "no kill hit an attempt");
    let thumbnails = "select count(*) from objects where rendition = 'thumbnail'";
    assert_eq!(fleet.count(thumbnails).await, 4);
    figure(
        "kill -9 at the content",
        format_args!("{} kills, {hit} attempts hit", rounds * 3),
        "0 stuck, 0 lost",
    );
}
