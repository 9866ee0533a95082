//! The table of faults: every one has its row, every test it names exists.

use crate::{read, sources};
use std::collections::BTreeSet;

/// The faults that have a row, in the order of their rows.
pub(super) fn numbered() -> Vec<usize> {
    read("docs/faults.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| F")?.split(' ').next()?.parse().ok())
        .collect()
}

/// What the table names as a test.
pub(super) fn named() -> BTreeSet<String> {
    let text = read("docs/faults.md");
    let rows = text.lines().filter(|line| line.starts_with("| F"));
    let names = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    names.map(str::to_owned).collect()
}

/// The tests there are.
pub(super) fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for text in sources(&["tests/faults", "tests/it"]) {
        let marked = text.split("#[tokio::test").skip(1);
        let names = marked.filter_map(|rest| rest.split_once("fn ")?.1.split('(').next());
        tests.extend(names.map(str::to_owned));
    }
    tests
}
