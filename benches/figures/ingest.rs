//! W3: files a second from the provider into the store.
//!
//! The files are registered at the service's front door; what counts is the
//! time from its first claim to its last settled row. The reference puts the
//! same bytes into the same store, as many at a time, and does nothing else.

use super::clients::request;
use super::report::{Figure, Goal};
use super::service::Service;
use super::stage::Stage;
use super::{Outcome, Plan};
use attachments::dev::simulator::{Fixture, Media, fixture_of_size};
use attachments::proto::BatchRegisterAttachmentsRequest;
use bytes::Bytes;
use http::HeaderValue;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// No round takes this long.
const PATIENCE: Duration = Duration::from_mins(5);
/// Items that one call may register.
const BATCH: usize = 50;

/// Files of one size, some at a time.
struct Load {
    name: &'static str,
    what: &'static str,
    bytes: Bytes,
    /// Files of a round, for each of its seconds.
    a_second: usize,
    concurrency: u16,
    goal: Goal,
}

/// What one round took, in seconds.
struct Round {
    ours: f64,
    cpu: f64,
    theirs: f64,
}

pub(crate) async fn measure(stage: &Stage, plan: Plan) -> Outcome<Vec<Figure>> {
    let small = Load {
        name: "W3a",
        what: "200 KB, 16 at a time",
        bytes: image(200_000)?,
        a_second: 500,
        concurrency: 16,
        goal: Goal::AtLeast(0.85),
    };
    let large = Load {
        name: "W3b",
        what: "10 MB, 4 at a time",
        bytes: image(10_000_000)?,
        a_second: 20,
        concurrency: 4,
        goal: Goal::AtLeast(0.80),
    };
    let mut figures = small.measure(stage, plan).await?;
    figures.extend(large.measure(stage, plan).await?);
    Ok(figures)
}

/// A picture of this many bytes.
pub(crate) fn image(size: usize) -> Outcome<Bytes> {
    Ok(fixture_of_size(Fixture::Jpeg, size)?)
}

impl Load {
    async fn measure(&self, stage: &Stage, plan: Plan) -> Outcome<Vec<Figure>> {
        let service = stage.serve("all", self.concurrency.into()).await?;
        let count = self.a_second * usize::from(plan.seconds);
        let mut rounds = Vec::new();
        for number in 0..=plan.rounds {
            let round = self.round(stage, &service, count).await?;
            eprintln!(
                "{} round {number}: {count} files in {:.2} s, put alone {:.2} s",
                self.name, round.ours, round.theirs
            );
            rounds.push(round);
        }
        service.stop().await?;
        Ok(self.figures(count, &rounds[1..]))
    }

    async fn round(&self, stage: &Stage, service: &Service, count: usize) -> Outcome<Round> {
        let cpu_before = service.cpu()?;
        let ours = ingest(stage, service, &self.bytes, count).await?;
        let cpu = service.cpu()?.saturating_sub(cpu_before);
        stage.bucket.empty().await?;
        let concurrency = self.concurrency.into();
        let theirs = stage
            .bucket
            .put_only(&self.bytes, count, concurrency)
            .await?;
        stage.bucket.empty().await?;
        Ok(Round {
            ours: ours.as_secs_f64(),
            cpu: cpu.as_secs_f64(),
            theirs: theirs.as_secs_f64(),
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of files and bytes")]
    fn figures(&self, count: usize, rounds: &[Round]) -> Vec<Figure> {
        let files = count as f64;
        let gigabytes = files * self.bytes.len() as f64 / 1e9;
        vec![
            Figure::new(self.name, self.what, "files/s")
                .against("the puts alone")
                .goal(self.goal)
                .rounds(rounds.iter().map(|r| (files / r.ours, files / r.theirs))),
            Figure::new(self.name, "processor of the service", "s/GB")
                .against("a budget")
                .rounds(rounds.iter().map(|r| (r.cpu / gigabytes, 1.8))),
        ]
    }
}

/// Brings `count` files of these bytes in; gives the time from the first
/// claim to the last settled row.
pub(crate) async fn ingest(
    stage: &Stage,
    service: &Service,
    bytes: &Bytes,
    count: usize,
) -> Outcome<Duration> {
    stage.clear().await?;
    let names: Vec<String> = (0..count).map(|n| format!("m-{n}")).collect();
    for name in &names {
        let media = Media::new(bytes.clone(), HeaderValue::from_static("image/jpeg"));
        stage.simulator.put_line_message(name, media);
    }
    let mut client = stage.client(service)?;
    for batch in names.chunks(BATCH) {
        let requests = batch.iter().cloned().map(request).collect();
        client
            .batch_register_attachments(BatchRegisterAttachmentsRequest { requests })
            .await?;
    }
    let deadline = Instant::now() + PATIENCE;
    while open(stage).await? > 0 {
        if Instant::now() > deadline {
            return Err("the files are not brought in".into());
        }
        sleep(Duration::from_millis(20)).await;
    }
    let (stored, seconds): (i64, Option<f64>) = sqlx::query_as(
        "select count(*), extract(epoch from max(ended_at) - min(started_at))::float8
         from attempts where failure_reason is null",
    )
    .fetch_one(&stage.pool)
    .await?;
    if usize::try_from(stored)? != count {
        return Err(format!("{stored} of {count} files were stored").into());
    }
    Ok(Duration::from_secs_f64(seconds.unwrap_or_default()))
}

async fn open(stage: &Stage) -> Outcome<i64> {
    let waiting = sqlx::query_scalar("select count(*) from attachments where status = 'open'");
    Ok(waiting.fetch_one(&stage.pool).await?)
}
