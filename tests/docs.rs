//! Keeps `docs/` and the README true: what can be generated is, what can be
//! compared with the code is compared.

#![expect(
    clippy::unwrap_used,
    reason = "a test binary: a panic is a failed test"
)]

#[path = "docs/api.rs"]
mod api;
#[path = "docs/clients.rs"]
mod clients;
#[path = "docs/faults.rs"]
mod faults;
#[path = "docs/limits.rs"]
mod limits;
#[path = "docs/metrics.rs"]
mod metrics;
#[path = "docs/paths.rs"]
mod paths;
#[path = "docs/schema.rs"]
mod schema;
#[path = "docs/service_config.rs"]
mod service_config;

use std::path::{Path, PathBuf};

/// A file of the repository, by its path from the root.
fn in_repository(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: impl AsRef<Path>) -> String {
    let path = in_repository(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Rust sources below these folders.
fn sources(folders: &[&str]) -> Vec<String> {
    let mut folders: Vec<PathBuf> = folders.iter().map(in_repository).collect();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    sources
}

/// `UPDATE_DOCS=1 cargo test --test docs` mends it.
#[test]
fn the_api_reference_is_true() {
    let rendered = api::render();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(in_repository("docs/api.md"), &rendered).unwrap();
    }
    let written = read("docs/api.md");
    let stale = rendered
        .lines()
        .zip(written.lines())
        .find(|(is, was)| is != was);
    assert!(
        written == rendered,
        "docs/api.md is stale; UPDATE_DOCS=1 cargo test --test docs mends it. First difference: {stale:#?}"
    );
}

#[test]
fn clients_are_configured_for_every_rpc_as_it_is() {
    let faults = service_config::faults();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn what_clients_are_shown_is_run_by_an_example() {
    let foreign = clients::code_of_no_example();
    assert!(foreign.is_empty(), "{foreign:#?}");
}

#[test]
fn clients_are_told_what_to_do_for_every_reason() {
    let (unknown, missing) = clients::reasons_amiss();
    assert!(unknown.is_empty(), "sent by nobody: {unknown:#?}");
    assert!(missing.is_empty(), "not explained: {missing:#?}");
}

#[test]
fn clients_are_told_the_scopes_that_are_asked_for() {
    let (shown, asked) = clients::scopes();
    assert_eq!(shown, asked);
}

#[test]
fn the_data_model_shows_every_table_and_column() {
    let migrated = schema::of_migrations();
    assert!(migrated.values().flatten().count() > 30, "{migrated:#?}");
    assert_eq!(schema::of_diagram(&read("docs/data-model.md")), migrated);
}

#[test]
fn every_fault_has_a_row_and_every_test_it_names_exists() {
    assert_eq!(faults::numbered(), (1..=50).collect::<Vec<_>>());
    let (named, tests) = (faults::named(), faults::tests());
    assert!(tests.len() > 100, "the tests were not found");
    let missing: Vec<_> = named.difference(&tests).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_metric_is_described_and_explained() {
    let shown = metrics::shown();
    assert!(shown.len() > 10, "{shown:#?}");
    assert_eq!(metrics::described(), shown);
    assert_eq!(metrics::explained(), shown);
}

#[test]
fn the_limits_are_the_defaults() {
    let (stated, defaults) = (limits::stated(), limits::defaults());
    assert!(stated.len() > 20, "{stated:#?}");
    let wrong = stated
        .iter()
        .filter(|(setting, limit)| defaults.get(*setting) != Some(*limit));
    assert_eq!(wrong.collect::<Vec<_>>(), []);
    let unstated = defaults
        .keys()
        .filter(|key| key.starts_with("limits.") && !stated.contains_key(*key));
    assert_eq!(unstated.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// A block of commands is copied as a whole, and one that fails says so.
#[test]
fn what_the_readme_shows_to_be_typed_can_be_pasted() {
    let readme = read("README.md");
    assert!(!readme.contains("```console"), "with prompts in it");
    let blocks = readme.split("```sh\n").skip(1);
    let commands: Vec<_> = blocks
        .flat_map(|block| block.split("```").next().unwrap_or_default().lines())
        .collect();
    assert!(commands.len() > 30, "{commands:#?}");
    let amiss = commands.iter().filter(|line| {
        line.starts_with("$ ")
            || line.contains("curl ") && !line.contains("grpcurl ") && !line.contains("curl -sSf ")
            || line.contains("jq -r ")
    });
    assert_eq!(amiss.collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn every_path_that_is_named_exists() {
    let missing = paths::missing();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_task_of_the_map_leads_to_a_file() {
    let lost = paths::tasks_without_a_place();
    assert!(lost.is_empty(), "{lost:#?}");
}
