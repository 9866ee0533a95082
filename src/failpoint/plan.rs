//! What was asked to fail, and failing.

use super::Step;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

static PLAN: OnceLock<Vec<Fault>> = OnceLock::new();

/// One thing that was asked for.
#[derive(Debug)]
struct Fault {
    step: Step,
    /// How often the step is passed before.
    passes: u64,
    manner: Manner,
    reached: AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// `kill -9`, by itself.
    Kill,
    /// Goes no further, for ever.
    Hang,
    /// Panics.
    Panic,
}

/// The text asks for nothing that can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not <step>:<n>:<kill|hang|panic>; steps are {}", Step::ALL.map(Step::as_str).join(", "))]
pub struct Malformed {
    text: String,
}

/// Arms the faults of `text`, for the life of the process; only the first call counts.
pub fn arm(text: &str) -> Result<(), Malformed> {
    let faults = text.split(',').map(|fault| fault.trim().parse());
    let _ = PLAN.set(faults.collect::<Result<_, _>>()?);
    Ok(())
}

/// Fails if this was asked for.
///
/// # Panics
/// If that was asked for.
pub async fn reach(step: Step) {
    let Some(manner) = PLAN.get().and_then(|faults| due(faults, step)) else {
        return;
    };
    match manner {
        Manner::Panic => panic!("asked to panic at {}", step.as_str()),
        // None comes back: the signal ends every thread, and cannot be refused.
        Manner::Kill => drop(kill(Pid::this(), Signal::SIGKILL)),
        Manner::Hang => tracing::warn!(step = step.as_str(), "asked to hang"),
    }
    std::future::pending::<()>().await;
}

/// How to fail at this very time.
fn due(faults: &[Fault], step: Step) -> Option<Manner> {
    let mut due = None;
    for fault in faults.iter().filter(|fault| fault.step == step) {
        if fault.reached.fetch_add(1, Ordering::Relaxed) == fault.passes {
            due = Some(fault.manner);
        }
    }
    due
}

impl FromStr for Fault {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let read = || {
            let [step, count, manner] = text.split(':').collect::<Vec<_>>().try_into().ok()?;
            Some(Self {
                step: Step::ALL.into_iter().find(|known| known.as_str() == step)?,
                passes: count.parse::<u64>().ok()?.checked_sub(1)?,
                manner: match manner {
                    "kill" => Manner::Kill,
                    "hang" => Manner::Hang,
                    "panic" => Manner::Panic,
                    _ => return None,
                },
                reached: AtomicU64::new(0),
            })
        };
        read().ok_or_else(|| Malformed {
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_due_once_at_its_time() {
        let faults: Vec<Fault> = ["put:2:kill", "put:3:panic", "swept:1:hang"]
            .map(|text| text.parse().unwrap())
            .into();
        let manners = [(); 4].map(|()| due(&faults, Step::Put));
        assert_eq!(
            manners,
            [None, Some(Manner::Kill), Some(Manner::Panic), None]
        );
        assert_eq!(due(&faults, Step::Swept), Some(Manner::Hang));
        assert_eq!(due(&faults, Step::Claimed), None);
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_what_can() {
        for text in [
            "",
            "put",
            "put:1",
            "put:0:kill",
            "put:1:die",
            "putt:1:kill",
            "put:1:kill:x",
        ] {
            let refused = text.parse::<Fault>().unwrap_err().to_string();
            assert!(refused.contains("registered, claimed"), "{refused}");
        }
        assert!(arm("put:1:kill,claimed:x:kill").is_err());
    }
}
