//! The table of faults: every one has its row, every test it names exists.

use crate::{in_repository, read};
use std::collections::BTreeSet;
use std::path::PathBuf;

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
    let mut folders: Vec<PathBuf> = vec![in_repository("tests/faults"), in_repository("tests/it")];
    let mut tests = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let marked = text.split("#[tokio::test").skip(1);
            let names = marked.filter_map(|rest| rest.split_once("fn ")?.1.split('(').next());
            tests.extend(names.map(str::to_owned));
        }
    }
    tests
}
