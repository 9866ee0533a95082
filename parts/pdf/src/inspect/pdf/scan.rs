//! Finds the objects of a PDF without its cross-reference, as every viewer does
//! where that is bent: by reading the file from its beginning to its end.

use super::filter::{find, stream_bytes};
use super::object::{Dict, Object, Reader, is_space};
use super::xref::{MAX_OBJECTS, Place, Table};
use std::collections::HashMap;

/// What a file holds, read from its beginning to its end.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Where the last object of each number begins, and what trailers say.
    pub(super) table: Table,
    /// Whether any object is a page or a node of the page tree.
    pub(super) has_pages: bool,
    /// Where the last trailer ends; cross-reference streams are trailers too.
    pub(super) trailer_end: Option<usize>,
    /// Where the last object begins.
    pub(super) last_object: Option<usize>,
}

/// Reads all of it. The work is in proportion to its length: where objects that are
/// not whole make it more, what was found by then is all that is found.
pub(super) fn scan(bytes: &[u8]) -> Scan {
    let mut scan = Scan::default();
    let mut trailers = Vec::new();
    let mut object_streams = Vec::new();
    let mut wasted = 0_usize;
    let mut at = 0_usize;
    while let Some(found) = next_keyword(bytes, at) {
        let mut reader = match found {
            Keyword::Object(_, begins) | Keyword::Trailer(begins) => Reader::new(bytes, begins),
        };
        let begins = reader.at();
        at = match found {
            Keyword::Object(header, _) => {
                let number = Reader::new(bytes, header).header();
                let object = reader.object();
                if let (Some(number), Some(object)) = (number, object) {
                    if scan.table.places.len() >= MAX_OBJECTS {
                        break;
                    }
                    scan.table.places.insert(number, Place::At(header));
                    scan.last_object = Some(header);
                    if let Object::Dict(dict) = object {
                        scan.has_pages |= dict.is(b"Type", b"Page") || dict.is(b"Type", b"Pages");
                        if dict.is(b"Type", b"ObjStm") {
                            object_streams.push((number, header));
                        }
                        let whole = skip_stream(&mut reader, &dict);
                        if !whole {
                            wasted = wasted.saturating_add(reader.rest().len());
                        }
                        if whole && dict.is(b"Type", b"XRef") {
                            scan.trailer_end = Some(reader.at());
                            trailers.push(dict);
                        }
                    }
                    reader.at()
                } else {
                    wasted = wasted.saturating_add(reader.at().saturating_sub(begins));
                    begins
                }
            }
            Keyword::Trailer(_) => {
                if let Some(Object::Dict(trailer)) = reader.object() {
                    scan.trailer_end = Some(reader.at());
                    trailers.push(trailer);
                    reader.at()
                } else {
                    wasted = wasted.saturating_add(reader.at().saturating_sub(begins));
                    begins
                }
            }
        };
        if wasted > bytes.len().saturating_mul(4) {
            break;
        }
    }
    for trailer in trailers.iter().rev() {
        scan.table.take_trailer(trailer);
    }
    scan.note_packed(bytes, &object_streams);
    scan
}

impl Scan {
    /// Adds what object streams hold and does not lie bare in the file.
    fn note_packed(&mut self, bytes: &[u8], object_streams: &[(u32, usize)]) {
        if self.table.encrypted {
            return;
        }
        let mut packed: HashMap<u32, u32> = HashMap::new();
        let mut left = super::MAX_UNPACKED;
        for (number, header) in object_streams {
            let Some(objects) = super::document::unpack(bytes, *header, left) else {
                continue;
            };
            left = left.saturating_sub(objects.length());
            if packed.len().saturating_add(objects.offsets.len()) > MAX_OBJECTS {
                break;
            }
            packed.extend(objects.offsets.keys().map(|it| (*it, *number)));
        }
        for (number, stream) in packed {
            let places = &mut self.table.places;
            places.entry(number).or_insert(Place::Within(stream));
        }
    }
}

/// Passes over a stream, if there is one; whether all of it is there.
fn skip_stream(reader: &mut Reader<'_>, dict: &Dict) -> bool {
    reader.space();
    !reader.take(b"stream") || stream_bytes(reader, dict.size(b"Length")).is_some()
}

/// What a scan stops at.
enum Keyword {
    /// An object: where its header begins, and where the object.
    Object(usize, usize),
    /// A trailer: where its dictionary begins.
    Trailer(usize),
}

/// The next object or trailer, from that place on.
fn next_keyword(bytes: &[u8], from: usize) -> Option<Keyword> {
    let mut at = from;
    loop {
        let rest = bytes.get(at..)?;
        let object = find(rest, b"obj");
        let trailer = find(rest.get(..object.unwrap_or(rest.len()))?, b"trailer");
        if let Some(trailer) = trailer {
            return Some(Keyword::Trailer(
                at.saturating_add(trailer).saturating_add(7),
            ));
        }
        let keyword = at.saturating_add(object?);
        if let Some(header) = header_before(bytes, from, keyword) {
            return Some(Keyword::Object(header, keyword.saturating_add(3)));
        }
        at = keyword.saturating_add(3);
    }
}

/// Where `12 0 ` begins, if it stands before the keyword.
pub(super) fn header_before(bytes: &[u8], from: usize, keyword: usize) -> Option<usize> {
    let mut text = bytes.get(from..keyword)?;
    trim(&mut text, is_space);
    (trim(&mut text, |byte| byte.is_ascii_digit()) > 0).then_some(())?;
    (trim(&mut text, is_space) > 0).then_some(())?;
    (trim(&mut text, |byte| byte.is_ascii_digit()) > 0).then_some(())?;
    Some(from.saturating_add(text.len()))
}

/// Takes such bytes off the end; how many.
fn trim(text: &mut &[u8], out: impl Fn(u8) -> bool) -> usize {
    let kept = text.iter().rposition(|byte| !out(*byte));
    let kept = kept.map_or(0, |last| last.saturating_add(1));
    let taken = text.len().saturating_sub(kept);
    *text = text.get(..kept).unwrap_or_default();
    taken
}
