//! The cross-reference of a PDF: where each of its objects lies
//! (ISO 32000-2, 7.5.4 and 7.5.8), as tables, as streams, and as both in one file.
//!
//! It is followed from the newest revision to the oldest; what a newer one says
//! of an object holds. Strict: what is bent here is mended by a scan, not by guesses.

use super::corrupt;
use super::filter::{self, stream_bytes};
use super::object::{Dict, Object, Reader};
use crate::inspect::found::Flaw;
use std::collections::{HashMap, HashSet};

/// Revisions that are followed. A file that is saved in pieces for years has some hundred.
const MAX_SECTIONS: usize = 1_024;

/// Objects in one file: 50 MB of memory.
pub(super) const MAX_OBJECTS: usize = 1_000_000;

/// What a cross-reference stream may unpack to: so many rows of 24 bytes.
const MAX_ROWS: usize = 24 * MAX_OBJECTS;

/// Where an object lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere: its number is free.
    Free,
    /// At this offset, as the file counts.
    At(usize),
    /// Within the object stream of this number.
    Within(u32),
}

/// The whole cross-reference.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Where each object lies.
    pub(super) places: HashMap<u32, Place>,
    /// The number of the catalog, from the newest trailer that names one.
    pub(super) root: Option<u32>,
    /// Whether a trailer names an encryption.
    pub(super) encrypted: bool,
}

impl Table {
    /// Takes from a trailer what no newer one has said.
    pub(super) fn take_trailer(&mut self, trailer: &Dict) {
        if let (None, Some(Object::Ref(root))) = (self.root, trailer.get(b"Root")) {
            self.root = Some(*root);
        }
        self.encrypted |= trailer
            .get(b"Encrypt")
            .is_some_and(|it| *it != Object::Other);
    }

    /// Notes where an object lies, unless a newer revision has said it.
    fn note(&mut self, number: u32, place: Place, at: usize) -> Result<(), Flaw> {
        if self.places.len() >= MAX_OBJECTS {
            return Err(corrupt(
                at,
                "the cross-reference names more than a million objects",
            ));
        }
        self.places.entry(number).or_insert(place);
        Ok(())
    }
}

/// Reads the cross-reference that begins at this offset, with all that it follows upon.
/// Offsets count from `base`.
pub(super) fn read(bytes: &[u8], base: usize, start: usize) -> Result<Table, Flaw> {
    let mut table = Table::default();
    let mut seen = HashSet::new();
    let mut next = Some(start);
    while let Some(offset) = next {
        let at = base.saturating_add(offset);
        if !seen.insert(offset) || seen.len() > MAX_SECTIONS {
            return Err(corrupt(at, "the cross-references go round in a circle"));
        }
        let trailer = section(bytes, base, at, &mut table)?;
        table.take_trailer(&trailer);
        next = match trailer.get(b"Prev") {
            // Some writers say that there is none by a zero.
            None | Some(Object::Int(0)) => None,
            Some(_) => {
                let previous = trailer.size(b"Prev");
                Some(previous.ok_or_else(|| corrupt(at, "/Prev is no offset"))?)
            }
        };
    }
    Ok(table)
}

/// One section, a table or a stream; answers with its trailer.
fn section(bytes: &[u8], base: usize, at: usize, table: &mut Table) -> Result<Dict, Flaw> {
    if at >= bytes.len() {
        return Err(corrupt(
            at,
            "a cross-reference lies beyond the end of the file",
        ));
    }
    let mut reader = Reader::new(bytes, at);
    reader.space();
    if !reader.take(b"xref") {
        return stream(bytes, at, table);
    }
    let mut free = Vec::new();
    let trailer = entries(&mut reader, table, &mut free)?;
    // What the table calls free may lie in the stream that goes with it.
    if let Some(beside) = trailer.size(b"XRefStm") {
        stream(bytes, base.saturating_add(beside), table)?;
    }
    for number in free {
        table.note(number, Place::Free, at)?;
    }
    Ok(trailer)
}

/// The lines of a table, up to and with its trailer.
fn entries(reader: &mut Reader<'_>, table: &mut Table, free: &mut Vec<u32>) -> Result<Dict, Flaw> {
    loop {
        reader.space();
        let at = reader.at();
        let bent = || corrupt(at, "the cross-reference table is bent");
        if reader.take(b"trailer") {
            let Some(Object::Dict(trailer)) = reader.object() else {
                return Err(corrupt(at, "the trailer is not whole"));
            };
            return Ok(trailer);
        }
        let mut first = reader.number().ok_or_else(bent)?;
        reader.space();
        let count = reader.number().ok_or_else(bent)?;
        for index in 0..count {
            let (offset, generation, in_use) = entry(reader).ok_or_else(bent)?;
            // The head of the free list is number 0, whatever the line above says.
            if index == 0 && first == 1 && (offset, generation, in_use) == (0, 65_535, false) {
                first = 0;
            }
            let number = first
                .checked_add(index)
                .and_then(|it| u32::try_from(it).ok());
            let number = number.ok_or_else(bent)?;
            match usize::try_from(offset) {
                // Nothing lies at the header: some writers say "free" like that.
                Ok(offset) if in_use && offset > 0 => {
                    table.note(number, Place::At(offset), at)?;
                }
                _ if free.len() < MAX_OBJECTS => free.push(number),
                _ => return Err(bent()),
            }
        }
    }
}

/// `0000000017 00000 n`: offset, generation, and whether it is in use.
fn entry(reader: &mut Reader<'_>) -> Option<(u64, u64, bool)> {
    reader.space();
    let offset = reader.number()?;
    reader.space();
    let generation = reader.number()?;
    reader.space();
    let in_use = reader.take(b"n");
    (in_use || reader.take(b"f")).then_some((offset, generation, in_use))
}

/// A cross-reference stream; its dictionary is its trailer.
fn stream(bytes: &[u8], at: usize, table: &mut Table) -> Result<Dict, Flaw> {
    let mut reader = Reader::new(bytes, at);
    let no_section = || corrupt(at, "no cross-reference where one should be");
    reader.header().ok_or_else(no_section)?;
    let Some(Object::Dict(dict)) = reader.object() else {
        return Err(no_section());
    };
    reader.space();
    if !dict.is(b"Type", b"XRef") || !reader.take(b"stream") {
        return Err(no_section());
    }
    let bent = || corrupt(at, "the cross-reference stream is bent");
    let data = stream_bytes(&mut reader, dict.size(b"Length")).ok_or_else(bent)?;
    let rows = filter::decode(&dict, data, MAX_ROWS).map_err(|_| bent())?;
    let widths = sizes(dict.get(b"W"));
    let [kind_width, first_width, second_width] = widths.as_deref().ok_or_else(bent)? else {
        return Err(bent());
    };
    let width = kind_width
        .saturating_add(*first_width)
        .saturating_add(*second_width);
    if width == 0 || width > 24 {
        return Err(bent());
    }
    let mut rows = rows.chunks_exact(width);
    let whole = [0, dict.size(b"Size").unwrap_or_default()];
    let index = dict
        .get(b"Index")
        .map_or(Some(whole.to_vec()), |it| sizes(Some(it)));
    for range in index.ok_or_else(bent)?.chunks(2) {
        let &[first, count] = range else {
            return Err(bent());
        };
        for number in first..first.saturating_add(count) {
            let row = rows.next().ok_or_else(bent)?;
            let (kind, rest) = row.split_at_checked(*kind_width).ok_or_else(bent)?;
            let (field, _) = rest.split_at_checked(*first_width).ok_or_else(bent)?;
            let number = u32::try_from(number).map_err(|_| bent())?;
            let field = big_endian(field).ok_or_else(bent)?;
            let place = match if kind.is_empty() {
                Some(1)
            } else {
                big_endian(kind)
            } {
                Some(1) => Place::At(field),
                Some(2) => Place::Within(u32::try_from(field).map_err(|_| bent())?),
                // Kinds to come are null (7.5.8.3).
                _ => Place::Free,
            };
            table.note(number, place, at)?;
        }
    }
    Ok(dict)
}

/// An array of whole numbers, none below zero.
fn sizes(array: Option<&Object>) -> Option<Vec<usize>> {
    let Object::Array(items) = array? else {
        return None;
    };
    let sizes = items.iter().map(|item| match item {
        Object::Int(number) => usize::try_from(*number).ok(),
        _ => None,
    });
    sizes.collect()
}

fn big_endian(field: &[u8]) -> Option<usize> {
    field.iter().try_fold(0_usize, |value, byte| {
        value.checked_mul(256)?.checked_add((*byte).into())
    })
}
