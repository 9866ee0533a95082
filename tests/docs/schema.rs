//! Tables and columns, as the migrations make them and as the diagram shows them.

use crate::in_repository;
use std::collections::BTreeMap;

/// Tables with their columns, each `type name`, in their order.
pub(super) type Schema = BTreeMap<String, Vec<String>>;

/// What `create table` and `alter table` of all migrations say. Reads the
/// plain style that migrations here are written in: a line a column.
pub(super) fn of_migrations() -> Schema {
    let mut files: Vec<_> = std::fs::read_dir(in_repository("migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut schema = Schema::new();
    for file in files {
        read_statements(&std::fs::read_to_string(file).unwrap(), &mut schema);
    }
    schema
}

fn read_statements(sql: &str, schema: &mut Schema) {
    let mut open = None;
    for line in sql.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let rest = match words.as_slice() {
            ["create" | "alter", "table", table, rest @ ..] => {
                open = Some((*table).to_owned());
                rest
            }
            rest => rest,
        };
        if let Some(table) = &open {
            match rest {
                ["drop" | "rename", ..] => panic!("teach this test: {line}"),
                ["add", "column", name, kind, ..] => add(schema, table, name, kind),
                [name, kind, ..] if is_column(line, name) => add(schema, table, name, kind),
                _ => {}
            }
        }
        if line.ends_with(';') {
            open = None;
        }
    }
}

/// What the `erDiagram` in `markdown` shows.
pub(super) fn of_diagram(markdown: &str) -> Schema {
    let (_, diagram) = markdown.split_once("erDiagram\n").unwrap();
    let (diagram, _) = diagram.split_once("```").unwrap();
    let mut schema = Schema::new();
    let mut open = None;
    for line in diagram.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (&open, words.as_slice()) {
            (_, [table, "{"]) => open = Some((*table).to_owned()),
            (_, ["}"]) => open = None,
            (Some(table), [kind, name, ..]) => add(&mut schema, table, name, kind),
            _ => {}
        }
    }
    schema
}

fn add(schema: &mut Schema, table: &str, name: &str, kind: &str) {
    let kind = kind.trim_end_matches([',', ';']);
    let columns = schema.entry(table.to_owned()).or_default();
    columns.push(format!("{kind} {name}"));
}

/// Columns are indented once; constraints and their continuations are not columns.
fn is_column(line: &str, first: &str) -> bool {
    let indent = line.len() - line.trim_start().len();
    indent == 4
        && ![
            "add",
            "set",
            "constraint",
            "primary",
            "unique",
            "check",
            "--",
        ]
        .contains(&first)
}
