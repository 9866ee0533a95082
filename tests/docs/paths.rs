//! Links and paths in the documents: each must lead to a file.

use crate::{in_repository, read};
use std::path::{Path, PathBuf};

/// Paths in backticks that begin so are paths of this repository.
const ROOTS: [&str; 10] = [
    "src/",
    "docs/",
    "tests/",
    "benches/",
    "examples/",
    "migrations/",
    "proto/",
    ".ci/",
    "Cargo.",
    "config.",
];

/// Every link and every path in backticks that leads nowhere, with its document.
pub(super) fn missing() -> Vec<String> {
    let mut missing = Vec::new();
    for document in documents() {
        let text = prose(&read(&document));
        let folder = document.parent().unwrap_or(Path::new(""));
        for link in between(&text, "](", ")") {
            let target = link.split('#').next().unwrap_or_default();
            let is_local = !target.is_empty() && !target.contains("://");
            if is_local && !in_repository(folder.join(target)).exists() {
                missing.push(format!("{}: ({link})", document.display()));
            }
        }
        for path in between(&text, "`", "`") {
            let is_path = ROOTS.iter().any(|root| path.starts_with(root));
            let is_plain = !path.contains([' ', '*', '{', '<']);
            if is_path && is_plain && !in_repository(path).exists() {
                missing.push(format!("{}: `{path}`", document.display()));
            }
        }
    }
    missing
}

/// The rows of the map's last table that lead to no file: each task has a place
/// to look in.
pub(super) fn tasks_without_a_place() -> Vec<String> {
    let map = read(Path::new("docs/ARCHITECTURE.md"));
    let table = map.split("## If you want to ...").nth(1).unwrap();
    let rows = table.lines().skip_while(|line| !line.starts_with("| ---"));
    rows.skip(1)
        .take_while(|line| line.starts_with('|'))
        .filter(|row| {
            let named = between(row, "`", "`")
                .filter(|path| ROOTS.iter().any(|root| path.starts_with(root)));
            let linked = between(row, "](", ")");
            named.chain(linked).next().is_none()
        })
        .map(str::to_owned)
        .collect()
}

fn documents() -> Vec<PathBuf> {
    let mut documents = vec![PathBuf::from("README.md"), PathBuf::from("CHANGELOG.md")];
    for folder in ["docs", "docs/adr"] {
        for entry in std::fs::read_dir(in_repository(folder)).unwrap() {
            let path = Path::new(folder).join(entry.unwrap().file_name());
            if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents
}

/// The text without its code blocks, where backticks mean something else.
fn prose(markdown: &str) -> String {
    markdown
        .split("\n```")
        .step_by(2)
        .collect::<Vec<_>>()
        .join("\n")
}

fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(open)?;
        let (inside, left) = after.split_once(close)?;
        rest = left;
        Some(inside)
    })
}
