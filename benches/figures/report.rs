//! What was measured: pairs of numbers, a ratio, and the goal it has.

use super::Outcome;
use serde_json::{Value, json};
use std::fmt;

/// One quantity of the service beside the same quantity of its reference.
#[derive(Debug)]
pub(crate) struct Figure {
    name: &'static str,
    what: &'static str,
    unit: &'static str,
    reference: &'static str,
    goal: Option<Goal>,
    /// The service's and the reference's, one pair a round.
    pairs: Vec<(f64, f64)>,
}

/// What the median ratio should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    pub(crate) fn new(name: &'static str, what: &'static str, unit: &'static str) -> Self {
        Self {
            name,
            what,
            unit,
            reference: "",
            goal: None,
            pairs: Vec::new(),
        }
    }

    pub(crate) fn against(self, reference: &'static str) -> Self {
        Self { reference, ..self }
    }

    pub(crate) fn goal(self, goal: Goal) -> Self {
        let goal = Some(goal);
        Self { goal, ..self }
    }

    /// The service's and the reference's value of each round.
    pub(crate) fn rounds(self, pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let pairs = pairs.into_iter().collect();
        Self { pairs, ..self }
    }

    fn ours(&self) -> Spread {
        Spread::of(self.pairs.iter().map(|(ours, _)| *ours))
    }

    fn theirs(&self) -> Spread {
        Spread::of(self.pairs.iter().map(|(_, theirs)| *theirs))
    }

    fn ratio(&self) -> Spread {
        Spread::of(self.pairs.iter().map(|(ours, theirs)| ours / theirs))
    }

    fn met(&self) -> Option<bool> {
        let ratio = self.ratio().median;
        self.goal.map(|goal| match goal {
            Goal::AtLeast(least) => ratio >= least,
            Goal::AtMost(most) => ratio <= most,
        })
    }

    fn to_json(&self) -> Value {
        json!({
            "figure": self.name,
            "what": self.what,
            "unit": self.unit,
            "ours": self.ours().to_json(),
            "reference": self.reference,
            "theirs": self.theirs().to_json(),
            "ratio": self.ratio().to_json(),
            "goal": self.goal.map(|goal| goal.to_string()),
            "met": self.met(),
            "rounds": self.pairs,
        })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least:.2}"),
            Self::AtMost(most) => write!(f, "≤ {most:.2}"),
        }
    }
}

/// Median, least and greatest.
#[derive(Debug, Clone, Copy)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1);
        Self {
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            min: at(0),
            max: at(last),
        }
    }

    fn to_json(self) -> Value {
        json!({ "median": self.median, "min": self.min, "max": self.max })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |value: f64| match value {
            100.0.. => format!("{value:.0}"),
            10.0.. => format!("{value:.1}"),
            _ => format!("{value:.2}"),
        };
        let (median, min, max) = (short(self.median), short(self.min), short(self.max));
        if min == max {
            return write!(f, "{median}");
        }
        write!(f, "{median} [{min}-{max}]")
    }
}

/// JSON for programs, a Markdown table for people.
pub(crate) fn print(figures: &[Figure]) -> Outcome<()> {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    for figure in figures {
        let mut line = figure.to_json();
        line["load_average"] = json!(load.trim());
        println!("{}", serde_json::to_string(&line)?);
    }
    eprintln!("\nload average {}", load.trim());
    eprintln!("| | what | ours | reference | its | ratio | goal |");
    eprintln!("|---|---|---|---|---|---|---|");
    for figure in figures {
        let goal = match (figure.goal, figure.met()) {
            (Some(goal), Some(true)) => format!("{goal}, met"),
            (Some(goal), _) => format!("{goal}, missed"),
            (None, _) => String::new(),
        };
        eprintln!(
            "| {} | {}, {} | {} | {} | {} | {} | {goal} |",
            figure.name,
            figure.what,
            figure.unit,
            figure.ours(),
            figure.reference,
            figure.theirs(),
            figure.ratio(),
        );
    }
    Ok(())
}
