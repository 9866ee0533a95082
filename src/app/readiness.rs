//! What this process needs, tried now and then: told to probes and over gRPC,
//! and in the log with its cause when it changes.

use crate::http::{Answer, Condition, Verdict};
use crate::telemetry::Chain;
use futures::future::{BoxFuture, join_all};
use std::error::Error;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(2);
/// What does not answer in this time does not work.
const PATIENCE: Duration = Duration::from_secs(5);
/// A report that is older says nothing any more: whoever makes them has died.
const STALE: Duration = Duration::from_mins(1);

/// Who else has what does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// This process alone; another replica may do better.
    Own,
    /// All replicas alike.
    Shared,
}

/// What was found.
pub(super) enum Finding {
    Works,
    Fails(Box<dyn Error + Send + Sync>),
    /// It could not be tried.
    Unknown,
}

/// One thing that the service needs.
pub(super) struct Dependency {
    pub(super) name: &'static str,
    pub(super) whose: Whose,
    /// Where it is, for the log.
    pub(super) address: String,
    pub(super) check: Box<dyn Fn() -> BoxFuture<'static, Finding> + Send + Sync>,
}

/// What the last look found.
#[derive(Debug, Clone)]
pub(super) struct Report {
    checks: Vec<(&'static str, Whose, Condition)>,
    /// Whether everything has worked at the same time, ever.
    has_worked: bool,
    looked: Instant,
    stop: CancellationToken,
}

/// Looks at the dependencies until the process stops.
pub(super) struct Readiness {
    dependencies: Vec<Dependency>,
    /// What is wrong with each, as it was last told.
    told: Vec<Option<String>>,
    report: watch::Sender<Report>,
}

impl Readiness {
    /// Nothing is known before the first look.
    pub(super) fn new(dependencies: Vec<Dependency>, stop: &CancellationToken) -> Self {
        let unknown = |it: &Dependency| (it.name, it.whose, Condition::Unknown);
        let (report, _) = watch::channel(Report {
            checks: dependencies.iter().map(unknown).collect(),
            has_worked: false,
            looked: Instant::now(),
            stop: stop.clone(),
        });
        Self {
            told: dependencies.iter().map(|_| None).collect(),
            dependencies,
            report,
        }
    }

    /// What is found from now on.
    pub(super) fn reports(&self) -> watch::Receiver<Report> {
        self.report.subscribe()
    }

    /// Looks now and then, until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            if stop.run_until_cancelled(self.look()).await.is_none() {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    async fn look(&mut self) {
        let findings = join_all(self.dependencies.iter().map(|dependency| async {
            let checked = tokio::time::timeout(PATIENCE, (dependency.check)()).await;
            checked.unwrap_or_else(|_| {
                let late = format!("it did not answer within {} s", PATIENCE.as_secs());
                Finding::Fails(late.into())
            })
        }))
        .await;
        let mut checks = Vec::with_capacity(findings.len());
        for ((dependency, told), finding) in
            self.dependencies.iter().zip(&mut self.told).zip(&findings)
        {
            dependency.tell(told, finding);
            checks.push((dependency.name, dependency.whose, finding.condition()));
        }
        self.report.send_modify(|report| {
            report.has_worked |= checks.iter().all(|(.., found)| *found == Condition::Ok);
            report.checks = checks;
            report.looked = Instant::now();
        });
    }
}

impl Dependency {
    /// Says what has changed; what goes on is not said again.
    fn tell(&self, told: &mut Option<String>, finding: &Finding) {
        let (name, address) = (self.name, &self.address);
        match finding {
            Finding::Works => {
                if told.take().is_some() {
                    tracing::info!(
                        dependency.name = name,
                        dependency.address = address,
                        "a dependency works again"
                    );
                }
            }
            Finding::Fails(error) => {
                let error = Chain(&**error).to_string();
                if told.as_ref() != Some(&error) {
                    tracing::error!(
                        dependency.name = name,
                        dependency.address = address,
                        error,
                        "a dependency does not work"
                    );
                    *told = Some(error);
                }
            }
            Finding::Unknown => {}
        }
    }
}

impl Finding {
    const fn condition(&self) -> Condition {
        match self {
            Self::Works => Condition::Ok,
            Self::Fails(_) => Condition::Unavailable,
            Self::Unknown => Condition::Unknown,
        }
    }
}

impl Report {
    /// Not ready before all has worked once, for a fault of its own, and while
    /// the process stops. What no other replica has either is no reason: with
    /// all of them taken out, callers are told nothing.
    pub(super) fn verdict(&self) -> Verdict {
        let own_fault = |(_, whose, found): &(_, Whose, Condition)| {
            *whose == Whose::Own && *found == Condition::Unavailable
        };
        let is_stale = self.looked.elapsed() > STALE;
        if self.stop.is_cancelled()
            || is_stale
            || !self.has_worked
            || self.checks.iter().any(own_fault)
        {
            Verdict::Unavailable
        } else if self
            .checks
            .iter()
            .all(|(.., found)| *found == Condition::Ok)
        {
            Verdict::Ok
        } else {
            Verdict::Degraded
        }
    }

    /// The same, with each dependency by name.
    pub(super) fn answer(&self) -> Answer {
        let accepting = if self.stop.is_cancelled() {
            Condition::Unavailable
        } else {
            Condition::Ok
        };
        let checks = self.checks.iter().map(|(name, _, found)| (*name, *found));
        Answer {
            verdict: self.verdict(),
            checks: std::iter::once(("accepting", accepting))
                .chain(checks)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Condition::{Ok, Unavailable, Unknown};
    use Whose::{Own, Shared};

    #[tokio::test]
    async fn what_all_replicas_share_takes_none_out_once_it_has_worked() {
        for (has_worked, whose, found, verdict) in [
            (true, Shared, Ok, Verdict::Ok),
            (true, Shared, Unavailable, Verdict::Degraded),
            (true, Own, Unknown, Verdict::Degraded),
            (true, Own, Unavailable, Verdict::Unavailable),
            (false, Shared, Unavailable, Verdict::Unavailable),
            (false, Shared, Ok, Verdict::Unavailable),
        ] {
            let stop = CancellationToken::new();
            let report = Report {
                checks: vec![("it", whose, found)],
                has_worked,
                looked: Instant::now(),
                stop: stop.clone(),
            };
            assert_eq!(report.verdict(), verdict, "{report:?}");
            stop.cancel();
            assert_eq!(report.verdict(), Verdict::Unavailable);
        }
    }
}
