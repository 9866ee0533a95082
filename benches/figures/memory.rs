//! W3c: the most memory the service holds while 64 files of 10 MB come in at
//! the same time, again and again.

use super::Outcome;
use super::ingest::{image, ingest};
use super::report::{Figure, Goal};
use super::stage::Stage;

const CONCURRENCY: u32 = 64;
const BUDGET_MB: f64 = 96.0;

pub(crate) async fn measure(stage: &Stage) -> Outcome<Figure> {
    let service = stage.serve("all", CONCURRENCY).await?;
    let took = ingest(stage, &service, &image(10_000_000)?, 256).await?;
    let peak = service.peak_memory_mb()?;
    eprintln!(
        "W3c: {peak:.0} MB at its peak, in {:.1} s",
        took.as_secs_f64()
    );
    service.stop().await?;
    stage.bucket.empty().await?;
    Ok(Figure::new("W3c", "peak memory, 10 MB, 64 at a time", "MB")
        .against("a budget")
        .goal(Goal::AtMost(1.0))
        .rounds([(peak, BUDGET_MB)]))
}
