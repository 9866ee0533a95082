//! The parts of an office document, their types and how they refer to each
//! other (ECMA-376, part 2: Open Packaging Conventions).

use super::archive::{Archive, Entry};
use super::markup::{self, Step};
use crate::inspect::found::Flaw;
use std::cell::Cell;
use std::collections::HashMap;

/// All parts together are unpacked to so much text. A document needs each of
/// its parts once or twice; one that shows a slide a million times would need
/// it a million times.
const MAX_MARKUP_BYTES: u64 = 400 << 20;

/// What it costs to unpack a part, however short it is.
const PART_COSTS_BYTES: u64 = 4 << 10;

/// Longer lists than any document has.
pub(super) const MAX_LISTED: usize = 65_536;

/// Where the types of the parts are listed.
const TYPES_PART: &str = "[content_types].xml";

/// An archive that lists the types of its parts.
#[derive(Debug)]
pub(super) struct Package<'a> {
    archive: Archive<'a>,
    /// Where each part is; names are compared without case.
    places: HashMap<String, usize>,
    types: Types,
    /// How much may still be unpacked.
    markup_left: Cell<u64>,
}

/// The types of parts, by name or else by extension.
#[derive(Debug, Default)]
struct Types {
    of_parts: HashMap<String, String>,
    of_extensions: HashMap<String, String>,
}

/// That one part refers to another.
#[derive(Debug)]
pub(super) struct Relationship {
    /// What the part calls it.
    pub(super) id: String,
    /// The last word of its type: `slide`, `header`.
    pub(super) kind: String,
    /// The name of the part that it leads to.
    pub(super) target: String,
}

impl<'a> Package<'a> {
    /// The package that an archive is; gives the archive back where it is none.
    pub(super) fn of(archive: Archive<'a>) -> Result<Result<Self, Archive<'a>>, Flaw> {
        let places: HashMap<String, usize> = archive
            .entries()
            .iter()
            .enumerate()
            .map(|(place, entry)| (entry.name.to_lowercase(), place))
            .collect();
        let listed = places
            .get(TYPES_PART)
            .and_then(|place| archive.entries().get(*place));
        let Some(listed) = listed else {
            return Ok(Err(archive));
        };
        archive.check_part_names()?;
        let types =
            Types::read(&text(listed)?).map_err(|fault| fault.of(listed.at, &listed.name))?;
        Ok(Ok(Self {
            archive,
            places,
            types,
            markup_left: Cell::new(MAX_MARKUP_BYTES),
        }))
    }

    /// Its parts and their types; a part without a type has an empty one.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&Entry<'a>, &str)> {
        let entries = self.archive.entries().iter();
        entries.map(|entry| (entry, self.type_of(&entry.name)))
    }

    /// The archive that it is.
    pub(super) fn into_archive(self) -> Archive<'a> {
        self.archive
    }

    /// The type of a part, in lower case; empty where none is listed.
    pub(super) fn type_of(&self, part: &str) -> &str {
        let part = part.to_lowercase();
        let extension = part.rsplit_once('.').map_or("", |(_, extension)| extension);
        let listed = self.types.of_parts.get(&part);
        let listed = listed.or_else(|| self.types.of_extensions.get(extension));
        listed.map_or("", String::as_str)
    }

    /// The part that the package is all about, as its own relationships say.
    pub(super) fn main_part(&self) -> Option<String> {
        let found = self.relationships("").ok()?.into_iter();
        let mut mains = found.filter(|found| found.kind == "officeDocument");
        mains.next().map(|main| main.target)
    }

    /// Whether there is a part of this name.
    pub(super) fn has(&self, part: &str) -> bool {
        self.places.contains_key(&part.to_lowercase())
    }

    /// The markup of a part; `None` where there is no such part.
    pub(super) fn markup(&self, part: &str) -> Result<Option<String>, Flaw> {
        let place = self.places.get(&part.to_lowercase());
        let Some(entry) = place.and_then(|place| self.archive.entries().get(*place)) else {
            return Ok(None);
        };
        let cost = entry.size.saturating_add(PART_COSTS_BYTES);
        let left = self.markup_left.get().checked_sub(cost);
        let left = left.ok_or_else(|| Flaw::corrupt(entry.at, "parts that are shown too often"))?;
        self.markup_left.set(left);
        text(entry).map(Some)
    }

    /// What a part refers to, in the order in which it is listed. Those of the
    /// package itself are those of "".
    pub(super) fn relationships(&self, part: &str) -> Result<Vec<Relationship>, Flaw> {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let listed = match folder {
            "" => format!("_rels/{file}.rels"),
            folder => format!("{folder}/_rels/{file}.rels"),
        };
        let Some(markup) = self.markup(&listed)? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        let walked = markup::walk(&markup, |step| {
            if let Step::Open(tag) = step
                && tag.name() == "Relationship"
                && tag.attribute("TargetMode").as_deref() != Some("External")
                && let Some(id) = tag.attribute("Id")
                && let Some(kind) = tag.attribute("Type")
                && let Some(target) = tag.attribute("Target")
            {
                let id = id.into_owned();
                let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
                let target = resolve(folder, &target);
                found.push(Relationship { id, kind, target });
            }
            markup::go_on(found.len() < MAX_LISTED)
        });
        walked.map_err(|fault| fault.of(0, &listed))?;
        Ok(found)
    }
}

/// The markup of an entry.
pub(super) fn text(entry: &Entry<'_>) -> Result<String, Flaw> {
    markup::decode(entry.read()?).map_err(|fault| fault.of(entry.at, &entry.name))
}

impl Types {
    fn read(markup: &str) -> Result<Self, markup::Malformed> {
        let mut types = Self::default();
        markup::walk(markup, |step| {
            if let Step::Open(tag) = step
                && let Some(content_type) = tag.attribute("ContentType")
            {
                let content_type = content_type.to_lowercase();
                if let Some(part) = tag.attribute("PartName") {
                    let part = part.trim_start_matches('/').to_lowercase();
                    types.of_parts.insert(part, content_type);
                } else if let Some(extension) = tag.attribute("Extension") {
                    types
                        .of_extensions
                        .insert(extension.to_lowercase(), content_type);
                }
            }
            markup::go_on(types.of_parts.len() + types.of_extensions.len() < MAX_LISTED)
        })?;
        if types.of_parts.len() + types.of_extensions.len() >= MAX_LISTED {
            return Err(markup::Malformed::Long);
        }
        Ok(types)
    }
}

/// The name of the part that a reference from this folder leads to.
fn resolve(folder: &str, reference: &str) -> String {
    let reference = reference.replace('\\', "/");
    let mut path: Vec<&str> = if reference.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').filter(|step| !step.is_empty()).collect()
    };
    for step in reference.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            step => path.push(step),
        }
    }
    path.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_lead_from_where_they_stand() {
        assert_eq!(resolve("ppt/slides", "../media/a.png"), "ppt/media/a.png");
        assert_eq!(resolve("ppt", "/word/document.xml"), "word/document.xml");
        assert_eq!(resolve("", "./xl//workbook.xml"), "xl/workbook.xml");
        assert_eq!(resolve("a", "../../../b"), "b");
    }
}
