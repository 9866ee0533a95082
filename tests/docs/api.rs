//! Renders the compiled descriptor set, comments included, as Markdown.

use attachments::auth::methods::required_scopes;
use attachments::proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::source_code_info::Location;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, ServiceDescriptorProto,
};
use std::fmt::Write as _;

const PACKAGE: &str = "attachments.v1";

/// Field numbers of `descriptor.proto`: a path of them names an element.
mod at {
    pub(super) const SYNTAX: i32 = 12;
    pub(super) const SERVICE: i32 = 6;
    pub(super) const METHOD: i32 = 2;
    pub(super) const MESSAGE: i32 = 4;
    pub(super) const FIELD: i32 = 2;
    pub(super) const NESTED: i32 = 3;
    pub(super) const ONEOF: i32 = 8;
    pub(super) const NESTED_ENUM: i32 = 4;
    pub(super) const VALUE: i32 = 2;
}

/// The whole of `docs/api.md`.
pub(super) fn render() -> String {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut files: Vec<_> = set
        .file
        .iter()
        .filter(|file| file.package() == PACKAGE)
        .collect();
    // What is called comes before what it is called with.
    files.sort_by_key(|file| (file.service.is_empty(), file.name()));
    files.sort_by_key(|file| !file.name().ends_with("attachment_service.proto"));
    let mut text = String::from(
        "<!-- Generated from the proto: UPDATE_DOCS=1 cargo test --test docs -->\n\n# API\n\n",
    );
    let _ = writeln!(
        text,
        "gRPC package `{PACKAGE}`. What may change in it: [compatibility](compatibility.md).\n"
    );
    for file in &files {
        let mut page = Page::of(file);
        if !file.service.is_empty() {
            page.comment(&[at::SYNTAX]);
        }
        for (n, service) in (0..).zip(&file.service) {
            page.service(&[at::SERVICE, n], service);
        }
        text.push_str(&page.text);
    }
    text.push_str("## Messages\n\n");
    for file in &files {
        let mut page = Page::of(file);
        let path = file.name().rsplit('/').next().unwrap();
        let _ = writeln!(page.text, "From `{path}`:");
        let _ = if file.service.is_empty() {
            writeln!(page.text, " {}\n", page.cell(&[at::SYNTAX]))
        } else {
            writeln!(page.text)
        };
        for (n, message) in (0..).zip(&file.message_type) {
            page.message(&[at::MESSAGE, n], message.name(), message);
        }
        assert!(file.enum_type.is_empty(), "enums are nested");
        text.push_str(&page.text);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// What is written about one file.
struct Page<'a> {
    file: &'a FileDescriptorProto,
    text: String,
}

impl<'a> Page<'a> {
    fn of(file: &'a FileDescriptorProto) -> Self {
        Self {
            file,
            text: String::new(),
        }
    }
}

impl Page<'_> {
    fn service(&mut self, path: &[i32], service: &ServiceDescriptorProto) {
        let full_name = format!("{}.{}", self.file.package(), service.name());
        let _ = writeln!(self.text, "## {}\n", service.name());
        self.comment(path);
        self.text
            .push_str("| RPC | Scope | Does |\n| --- | --- | --- |\n");
        for (n, method) in (0..).zip(&service.method) {
            let name = method.name();
            let first = self.sentence(&[path, &[at::METHOD, n]].concat());
            let scope = scope_of(&full_name, name);
            let _ = writeln!(
                self.text,
                "| [`{name}`](#{}) | {scope} | {first} |",
                anchor(name)
            );
        }
        self.text.push('\n');
        for (n, method) in (0..).zip(&service.method) {
            let stream = |is: bool| if is { "stream of " } else { "" };
            let _ = writeln!(
                self.text,
                "### {}\n\n{}{} → {}{}\n",
                method.name(),
                stream(method.client_streaming()),
                type_link(method.input_type()),
                stream(method.server_streaming()),
                type_link(method.output_type()),
            );
            self.comment(&[path, &[at::METHOD, n]].concat());
        }
    }

    fn message(&mut self, path: &[i32], name: &str, message: &DescriptorProto) {
        let _ = writeln!(self.text, "### {name}\n");
        self.comment(path);
        if message.field.is_empty() {
            self.text.push_str("It has no fields.\n\n");
        } else {
            self.text
                .push_str("| Field | Type | No. | Meaning |\n| --- | --- | --- | --- |\n");
            let mut oneof = None;
            for (n, field) in (0..).zip(&message.field) {
                let next = field.oneof_index.filter(|_| !field.proto3_optional());
                if next != oneof {
                    oneof = next;
                    if let Some(index) = oneof {
                        self.oneof(path, message, index);
                    }
                }
                self.field(&[path, &[at::FIELD, n]].concat(), field);
            }
            self.text.push('\n');
        }
        for (n, nested) in (0..).zip(&message.enum_type) {
            let nested_name = format!("{name}.{}", nested.name());
            let path = [path, &[at::NESTED_ENUM, n]].concat();
            self.enumeration(&path, &nested_name, nested);
        }
        for (n, nested) in (0..).zip(&message.nested_type) {
            let nested_name = format!("{name}.{}", nested.name());
            self.message(&[path, &[at::NESTED, n]].concat(), &nested_name, nested);
        }
    }

    /// The row that goes before the fields of a oneof.
    fn oneof(&mut self, path: &[i32], message: &DescriptorProto, index: i32) {
        let name = message.oneof_decl[usize::try_from(index).unwrap()].name();
        let meaning = self.cell(&[path, &[at::ONEOF, index]].concat());
        let _ = writeln!(self.text, "| `{name}` | one of | | {meaning} |");
    }

    fn field(&mut self, path: &[i32], field: &FieldDescriptorProto) {
        let (branch, label) = match (field.label(), field.oneof_index) {
            (Label::Repeated, _) => ("", "repeated "),
            (_, Some(_)) if field.proto3_optional() => ("", "optional "),
            (_, Some(_)) => ("↳ ", ""),
            (_, None) => ("", ""),
        };
        let meaning = self.cell(path);
        let _ = writeln!(
            self.text,
            "| {branch}`{}` | {label}{} | {} | {meaning} |",
            field.name(),
            type_of(field),
            field.number(),
        );
    }

    fn enumeration(&mut self, path: &[i32], name: &str, definition: &EnumDescriptorProto) {
        let _ = writeln!(self.text, "### {name}\n");
        self.comment(path);
        self.text
            .push_str("| Value | No. | Meaning |\n| --- | --- | --- |\n");
        for (n, value) in (0..).zip(&definition.value) {
            let meaning = self.cell(&[path, &[at::VALUE, n]].concat());
            let _ = writeln!(
                self.text,
                "| `{}` | {} | {meaning} |",
                value.name(),
                value.number()
            );
        }
        self.text.push('\n');
    }

    fn comment(&mut self, path: &[i32]) {
        for paragraph in self.paragraphs(path) {
            let _ = writeln!(self.text, "{paragraph}\n");
        }
    }

    fn cell(&self, path: &[i32]) -> String {
        self.paragraphs(path).join(" ").replace('|', "\\|")
    }

    /// What an RPC does, in a sentence, and whether it does it yet.
    fn sentence(&self, path: &[i32]) -> String {
        let cell = self.cell(path);
        let (first, rest) = cell.split_once(". ").unwrap_or((&cell, ""));
        let first = first.trim_end_matches('.');
        if rest.contains("Not built yet: UNIMPLEMENTED.") {
            format!("{first}. Not built yet.")
        } else {
            format!("{first}.")
        }
    }

    /// The comment of an element; an element without one is a fault.
    fn paragraphs(&self, path: &[i32]) -> Vec<String> {
        let locations = &self.file.source_code_info.as_ref().unwrap().location;
        let is_it = |location: &&Location| location.path == path;
        let comment = locations.iter().find(is_it).map(Location::leading_comments);
        let paragraphs: Vec<String> = comment
            .unwrap_or_default()
            .split("\n\n")
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
            .filter(|text| !text.is_empty())
            .collect();
        let file = self.file.name();
        assert!(!paragraphs.is_empty(), "no comment at {path:?} of {file}");
        paragraphs
    }
}

fn scope_of(service: &str, method: &str) -> String {
    let scopes = required_scopes(&format!("/{service}/{method}"));
    let scopes = scopes.unwrap_or_else(|| panic!("{method} has no scope"));
    let scopes: Vec<_> = scopes.iter().map(|scope| format!("`{scope}`")).collect();
    scopes.join(" and ")
}

/// The anchor that a heading gets.
fn anchor(heading: &str) -> String {
    heading.replace('.', "").to_lowercase()
}

fn type_of(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => type_link(field.type_name()),
        scalar => format!("`{}`", scalar.as_str_name()[5..].to_lowercase()),
    }
}

/// A link to a type of this page, or the name of another one.
fn type_link(full_name: &str) -> String {
    let name = full_name.trim_start_matches('.');
    match name
        .strip_prefix(PACKAGE)
        .and_then(|own| own.strip_prefix('.'))
    {
        Some(own) => format!("[`{own}`](#{})", anchor(own)),
        None => format!("`{name}`"),
    }
}
