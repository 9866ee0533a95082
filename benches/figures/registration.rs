//! W1 and W2: registrations a second, of new files and of known ones.
//!
//! The service runs as `--role api`: nothing but registration goes on. Its
//! reference, pgbench, speaks no gRPC, checks no token and has a session for
//! each client, but it commits each file by itself.

use super::clients::{Seen, closed_loop};
use super::pgbench::Script;
use super::report::{Figure, Goal};
use super::service::Service;
use super::stage::Stage;
use super::{Outcome, Plan};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Files that each client of W2 registers over and over.
const KNOWN: usize = 50;
/// WAL that a call which writes nothing may cause, vacuum and checkpoints included.
const QUIET_BYTES: f64 = 50.0;

/// What one round saw.
struct Round {
    ours: Seen,
    burst: Seen,
    lone: Seen,
    theirs: Seen,
    lone_theirs: Seen,
    sync_ms: f64,
    again: Seen,
    again_theirs: Seen,
    again_bytes: f64,
}

pub(crate) async fn measure(stage: &Stage, plan: Plan) -> Outcome<Vec<Figure>> {
    let service = stage.serve("api", 1).await?;
    let mut rounds = Vec::new();
    for number in 0..=plan.rounds {
        let round = Round::run(stage, &service, plan.time()).await?;
        eprintln!(
            "W1 round {number}: {:.0}/s, 256 clients {:.0}/s, pgbench {:.0}/s; known {:.0}/s, pgbench {:.0}/s",
            round.ours.per_second,
            round.burst.per_second,
            round.theirs.per_second,
            round.again.per_second,
            round.again_theirs.per_second,
        );
        rounds.push(round);
    }
    service.stop().await?;
    // The first one warms up.
    Ok(figures(&rounds[1..]))
}

impl Round {
    async fn run(stage: &Stage, service: &Service, time: Duration) -> Outcome<Self> {
        let crowd = |clients, connections, name| {
            closed_loop(stage, service, (clients, connections), time, name)
        };
        let new_file = Script::new_file(stage)?;
        stage.clear().await?;
        let ours = crowd(32, 4, new_name).await?;
        stage.clear().await?;
        let theirs = new_file.run(stage, 32, time).await?;
        stage.clear().await?;
        let burst = crowd(256, 4, new_name).await?;
        stage.clear().await?;
        let lone = crowd(1, 1, new_name).await?;
        stage.clear().await?;
        let lone_theirs = new_file.run(stage, 1, time).await?;
        let sync_ms = sync_ms(stage.folder())?;

        // Long enough for each client to have registered each of its files.
        closed_loop(stage, service, (32, 4), Duration::from_secs(1), known_name).await?;
        stage.checkpoint().await?;
        let before = wal_bytes(stage).await?;
        let again = crowd(32, 4, known_name).await?;
        let written = wal_bytes(stage).await? - before;
        let known_file = Script::known_file(stage, KNOWN)?;
        let again_theirs = known_file.run(stage, 32, time).await?;
        #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
        let again_bytes = written / again.calls as f64;
        Ok(Self {
            ours,
            burst,
            lone,
            theirs,
            lone_theirs,
            sync_ms,
            again,
            again_theirs,
            again_bytes,
        })
    }
}

fn figures(rounds: &[Round]) -> Vec<Figure> {
    let of =
        |figure: Figure, pair: fn(&Round) -> (f64, f64)| figure.rounds(rounds.iter().map(pair));
    let rate = |name, what| Figure::new(name, what, "calls/s");
    let wait = |name, what| Figure::new(name, what, "ms");
    let pgbench_32 = "pgbench, 32 sessions";
    let pgbench_1 = "pgbench, 1 session";
    vec![
        of(
            rate("W1a", "new files, 32 callers")
                .against(pgbench_32)
                .goal(Goal::AtLeast(0.95)),
            |r| (r.ours.per_second, r.theirs.per_second),
        ),
        of(wait("W1a", "p50").against(pgbench_32), |r| {
            (r.ours.p50_ms, r.theirs.p50_ms)
        }),
        of(
            wait("W1a", "p99")
                .against(pgbench_32)
                .goal(Goal::AtMost(1.0)),
            |r| (r.ours.p99_ms, r.theirs.p99_ms),
        ),
        of(
            rate("W1b", "new files, 256 callers")
                .against(pgbench_32)
                .goal(Goal::AtLeast(2.0)),
            |r| (r.burst.per_second, r.theirs.per_second),
        ),
        of(wait("W1b", "p99").against(pgbench_32), |r| {
            (r.burst.p99_ms, r.theirs.p99_ms)
        }),
        of(
            wait("W1c", "new files, 1 caller, p50")
                .against("8 KiB write and fdatasync")
                .goal(Goal::AtMost(2.0)),
            |r| (r.lone.p50_ms, r.sync_ms),
        ),
        of(wait("W1c", "p50").against(pgbench_1), |r| {
            (r.lone.p50_ms, r.lone_theirs.p50_ms)
        }),
        of(
            rate("W2", "known files, 32 callers")
                .against(pgbench_32)
                .goal(Goal::AtLeast(0.7)),
            |r| (r.again.per_second, r.again_theirs.per_second),
        ),
        of(wait("W2", "p99").against(pgbench_32), |r| {
            (r.again.p99_ms, r.again_theirs.p99_ms)
        }),
        of(
            Figure::new("W2", "WAL a call", "bytes")
                .against("a call that writes nothing")
                .goal(Goal::AtMost(1.0)),
            |r| (r.again_bytes, QUIET_BYTES),
        ),
    ]
}

fn new_name(client: usize, call: usize) -> String {
    format!("m-{client}-{call}")
}

fn known_name(client: usize, call: usize) -> String {
    format!("m-{client}-{}", call % KNOWN)
}

/// Bytes that were ever written to the WAL.
async fn wal_bytes(stage: &Stage) -> Outcome<f64> {
    let position = "select (pg_current_wal_insert_lsn() - '0/0')::float8";
    Ok(sqlx::query_scalar(position).fetch_one(&stage.pool).await?)
}

/// The median of what a commit cannot do without, in milliseconds.
fn sync_ms(folder: &Path) -> Outcome<f64> {
    let file = tempfile::tempfile_in(folder)?;
    let page = [0; 8192];
    let sync = |file: &File| {
        let began = Instant::now();
        file.write_all_at(&page, 0)?;
        file.sync_data()?;
        Ok(began.elapsed())
    };
    let times: Vec<_> = (0..200).map(|_| sync(&file)).collect::<Outcome<_>>()?;
    Ok(Seen::of(times, f64::NAN).p50_ms)
}
