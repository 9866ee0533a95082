//! The metrics: those that are shown, those that are described, and those
//! that the operator's handbook explains.

use crate::{read, sources};
use std::collections::BTreeSet;

/// Where the code shows one.
pub(super) fn shown() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for text in sources(&["src"]) {
        for shows in ["counter!(\"", "gauge!(\"", "histogram!(\""] {
            let places = text.split(shows).skip(1);
            names.extend(places.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }
    names
}

/// What Prometheus is told of them.
pub(super) fn described() -> BTreeSet<String> {
    let text = read("src/telemetry/metrics.rs");
    let tables = text.split("fn install").next().unwrap_or_default();
    let literals = tables.split('"').skip(1).step_by(2);
    let names = literals.filter(|literal| literal.starts_with("attachments_"));
    names.map(str::to_owned).collect()
}

/// The rows of the handbook's table.
pub(super) fn explained() -> BTreeSet<String> {
    let text = read("docs/operations.md");
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `attachments_"));
    let names = rows.filter_map(|row| row.split(['`', '{']).next());
    names.map(|name| format!("attachments_{name}")).collect()
}
