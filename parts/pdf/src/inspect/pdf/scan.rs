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
    let mut scanning = Scanning {
        bytes,
        scan: Scan::default(),
        trailers: Vec::new(),
        object_streams: Vec::new(),
        wasted: 0,
    };
    let mut keywords = Keywords::new(bytes);
    let mut at = 0_usize;
    while let Some(keyword) = keywords.next(at) {
        let full = scanning.scan.table.places.len() >= MAX_OBJECTS;
        if full || scanning.wasted > bytes.len().saturating_mul(4) {
            break;
        }
        at = match keyword {
            Keyword::Object { header, body } => scanning.object(header, body),
            Keyword::Trailer { body } => scanning.trailer(body),
        };
    }
    scanning.finish()
}

/// A scan in the making.
struct Scanning<'a> {
    bytes: &'a [u8],
    scan: Scan,
    trailers: Vec<Dict>,
    /// The object streams: their numbers, and where their headers begin.
    object_streams: Vec<(u32, usize)>,
    /// Bytes that were read for nothing.
    wasted: usize,
}

impl Scanning<'_> {
    /// Notes an object; where to go on.
    fn object(&mut self, header: usize, body: usize) -> usize {
        let number = Reader::new(self.bytes, header).header();
        let mut reader = Reader::new(self.bytes, body);
        let (Some(number), Some(object)) = (number, reader.object()) else {
            self.waste(reader.at().saturating_sub(body));
            return body;
        };
        self.scan.table.places.insert(number, Place::At(header));
        self.scan.last_object = Some(header);
        if let Object::Dict(dict) = object {
            self.scan.has_pages |= dict.is(b"Type", b"Page") || dict.is(b"Type", b"Pages");
            if dict.is(b"Type", b"ObjStm") {
                self.object_streams.push((number, header));
            }
            if !skip_stream(&mut reader, &dict) {
                self.waste(reader.rest().len());
            } else if dict.is(b"Type", b"XRef") {
                self.scan.trailer_end = Some(reader.at());
                self.trailers.push(dict);
            }
        }
        reader.at()
    }

    /// Notes a trailer; where to go on.
    fn trailer(&mut self, body: usize) -> usize {
        let mut reader = Reader::new(self.bytes, body);
        let Some(Object::Dict(trailer)) = reader.object() else {
            self.waste(reader.at().saturating_sub(body));
            return body;
        };
        self.scan.trailer_end = Some(reader.at());
        self.trailers.push(trailer);
        reader.at()
    }

    fn waste(&mut self, bytes: usize) {
        self.wasted = self.wasted.saturating_add(bytes);
    }

    /// The newest trailer is the last; and object streams hold objects too.
    fn finish(mut self) -> Scan {
        for trailer in self.trailers.iter().rev() {
            self.scan.table.take_trailer(trailer);
        }
        self.scan.note_packed(self.bytes, &self.object_streams);
        self.scan
    }
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
    /// An object: where its header begins, and what follows `obj`.
    Object { header: usize, body: usize },
    /// A trailer: where its dictionary begins.
    Trailer { body: usize },
}

/// Finds keywords, each byte looked at once.
struct Keywords<'a> {
    bytes: &'a [u8],
    object: Option<usize>,
    trailer: Option<usize>,
}

impl<'a> Keywords<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            object: find(bytes, b"obj"),
            trailer: find(bytes, b"trailer"),
        }
    }

    /// The next object or trailer, from that place on.
    fn next(&mut self, from: usize) -> Option<Keyword> {
        loop {
            if self.trailer.is_some_and(|at| at < from) {
                self.trailer = self.find(from, b"trailer");
            }
            if self.object.is_some_and(|at| at < from) {
                self.object = self.find(from, b"obj");
            }
            match (self.object, self.trailer) {
                (object, Some(trailer)) if object.is_none_or(|object| trailer < object) => {
                    let body = trailer.saturating_add(7);
                    return Some(Keyword::Trailer { body });
                }
                (Some(object), _) => {
                    let body = object.saturating_add(3);
                    if let Some(header) = header_before(self.bytes, from, object) {
                        return Some(Keyword::Object { header, body });
                    }
                    self.object = self.find(body, b"obj");
                }
                (None, _) => return None,
            }
        }
    }

    fn find(&self, from: usize, word: &[u8]) -> Option<usize> {
        find(self.bytes.get(from..)?, word)?.checked_add(from)
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
