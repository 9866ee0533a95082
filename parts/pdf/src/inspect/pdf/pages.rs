//! The pages of a PDF: that the catalog leads to them, and that what they are made of is there
//! (ISO 32000-2, 7.7.2 and 7.7.3).

use super::corrupt;
use super::document::{Document, Resolved};
use super::object::{Dict, Object};
use crate::inspect::found::Flaw;
use std::collections::HashSet;

/// Objects that are looked at. A book of 5,000 pages has 200,000.
const MAX_LOOKED_AT: usize = 500_000;

/// Walks from the catalog to every page, and from each page to what it is made of.
///
/// A catalog that names no pages is one only where the file has none. What the
/// cross-reference says is there has to be there; what it does not name counts as
/// `null`, as everywhere in a PDF.
pub(super) fn check(document: &mut Document<'_>) -> Result<(), Flaw> {
    let root = document
        .root()
        .ok_or_else(|| corrupt(0, "the trailer names no catalog"))?;
    let catalog = match document.get(root)? {
        Resolved::Plain(Object::Dict(catalog)) => catalog,
        Resolved::Sealed => return Ok(()),
        _ => return Err(corrupt(0, "the catalog is lost")),
    };
    let Some(tree) = catalog.get(b"Pages") else {
        return if document.scan().has_pages || !catalog.is(b"Type", b"Catalog") {
            Err(corrupt(0, "the catalog does not name the pages"))
        } else {
            Ok(())
        };
    };
    let pages = walk(document, tree)?;
    parts(document, pages)
}

/// Every page dictionary below this node.
fn walk(document: &mut Document<'_>, tree: &Object) -> Result<Vec<Dict>, Flaw> {
    let mut waiting = vec![tree.clone()];
    let mut seen = HashSet::new();
    let mut pages = Vec::new();
    let mut sealed = false;
    let mut promised = true;
    while let Some(node) = waiting.pop() {
        let dict = match node {
            Object::Dict(dict) => dict,
            Object::Ref(number) if seen.insert(number) => match document.get(number)? {
                Resolved::Plain(Object::Dict(dict)) => dict,
                Resolved::Lost => return Err(lost(number)),
                Resolved::Sealed => {
                    sealed = true;
                    continue;
                }
                _ => continue,
            },
            _ => continue,
        };
        let nodes = waiting.len().saturating_add(pages.len());
        if seen.len().saturating_add(nodes) > MAX_LOOKED_AT {
            return Err(corrupt(0, "the page tree has more than 500000 nodes"));
        }
        let kids = match dict.get(b"Kids") {
            Some(Object::Array(kids)) => kids.clone(),
            Some(Object::Ref(number)) => match document.get(*number)? {
                Resolved::Plain(Object::Array(kids)) => kids,
                Resolved::Lost => return Err(lost(*number)),
                _ => Vec::new(),
            },
            _ if dict.is(b"Type", b"Pages") => Vec::new(),
            _ => {
                pages.push(dict);
                continue;
            }
        };
        // A tree may say that it has no page at all.
        if seen.len() <= 1 && kids.is_empty() && dict.get(b"Kids").is_some() {
            promised = dict.size(b"Count").unwrap_or(0) > 0;
        }
        waiting.extend(kids.into_iter().rev());
    }
    if pages.is_empty() && promised && !sealed {
        return Err(corrupt(0, "the page tree leads to no page"));
    }
    Ok(pages)
}

/// Everything that the pages refer to, as far as [`MAX_LOOKED_AT`] goes.
fn parts(document: &mut Document<'_>, pages: Vec<Dict>) -> Result<(), Flaw> {
    let mut seen = HashSet::new();
    let mut waiting: Vec<u32> = Vec::new();
    for page in pages {
        refs_of(&page, &mut waiting);
        while let Some(number) = waiting.pop() {
            if seen.len() > MAX_LOOKED_AT {
                return Ok(());
            }
            if !seen.insert(number) {
                continue;
            }
            match document.get(number)? {
                Resolved::Lost => return Err(lost(number)),
                Resolved::Plain(Object::Dict(dict)) | Resolved::Stream(dict) => {
                    refs_of(&dict, &mut waiting);
                }
                Resolved::Plain(object) => refs(&object, &mut waiting),
                Resolved::Absent | Resolved::Sealed => {}
            }
        }
    }
    Ok(())
}

/// The references in a dictionary, but for those that lead back up or to other pages.
fn refs_of(dict: &Dict, found: &mut Vec<u32>) {
    for (key, value) in dict.values() {
        if !matches!(key, b"Parent" | b"P" | b"Dest" | b"A" | b"B" | b"Popup") {
            refs(value, found);
        }
    }
}

fn refs(object: &Object, found: &mut Vec<u32>) {
    match object {
        Object::Ref(number) => found.push(*number),
        Object::Array(items) => items.iter().for_each(|item| refs(item, found)),
        Object::Dict(dict) => refs_of(dict, found),
        Object::Other | Object::Int(_) | Object::Name(_) => {}
    }
}

fn lost(number: u32) -> Flaw {
    corrupt(0, &format!("object {number} is lost, and a page needs it"))
}
