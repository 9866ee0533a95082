//! The README's tables of limits against the defaults of the settings they name.

use crate::read;
use std::collections::BTreeMap;

/// Each row that names a setting: the setting and the limit.
pub(super) fn stated() -> BTreeMap<String, String> {
    let readme = read("README.md");
    let (_, after) = readme.split_once("\n## Limits\n").unwrap();
    let tables = after.split("\n## ").next().unwrap_or_default();
    let rows = tables.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|row| {
        let cells: Vec<_> = row.split(" | ").collect();
        let setting = cells.get(2)?.trim().strip_prefix('`')?.strip_suffix('`')?;
        Some((setting.to_owned(), cells[1].to_owned()))
    })
    .collect()
}

/// Each setting with its default, as the README would write it.
pub(super) fn defaults() -> BTreeMap<String, String> {
    let example: toml::Table = read("config.example.toml").parse().unwrap();
    let mut defaults = BTreeMap::new();
    for (section, keys) in &example {
        for (key, value) in keys.as_table().unwrap() {
            let is_of_bytes = key.contains("bytes");
            let per_second = if key.ends_with("_per_second") {
                "/s"
            } else {
                ""
            };
            let text = match value {
                toml::Value::Integer(bytes) if is_of_bytes => size(*bytes) + per_second,
                toml::Value::String(text) => text.clone(),
                // Only what is opted in is taken.
                toml::Value::Array(none) if none.is_empty() => "not taken".to_owned(),
                other => other.to_string(),
            };
            defaults.insert(format!("{section}.{key}"), text);
        }
    }
    defaults
}

fn size(bytes: i64) -> String {
    let units = [
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1_000_000, "MB"),
        (1 << 10, "KiB"),
    ];
    let unit = units.into_iter().find(|(unit, _)| bytes % unit == 0);
    unit.map_or_else(
        || bytes.to_string(),
        |(unit, name)| format!("{} {name}", bytes / unit),
    )
}
