//! A PDF whose objects can be asked for by their numbers.

use super::filter::{self, stream_bytes};
use super::object::{Dict, Object, Reader};
use super::scan::{Scan, scan};
use super::xref::{Place, Table};
use super::{MAX_UNPACKED, corrupt};
use crate::inspect::found::Flaw;
use std::cell::{Cell, OnceCell};
use std::collections::HashMap;

/// What stands under a number.
#[derive(Debug)]
pub(super) enum Resolved {
    /// Nothing, and nothing is said to: it counts as `null` (ISO 32000-2, 7.3.10).
    Absent,
    /// Nothing, though the cross-reference says that something does.
    Lost,
    /// Something that cannot be read without a password.
    Sealed,
    /// An object.
    Plain(Object),
    /// A stream, all of which is there.
    Stream(Dict),
}

/// The objects of an object stream (ISO 32000-2, 7.5.7).
#[derive(Debug)]
pub(super) struct Packed {
    bytes: Vec<u8>,
    /// Where each of its objects begins, by number.
    pub(super) offsets: HashMap<u32, usize>,
}

impl Packed {
    /// Its bytes, unpacked.
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }
}

/// A file with its cross-reference.
#[derive(Debug)]
pub(super) struct Document<'a> {
    bytes: &'a [u8],
    /// Where the header stands: offsets count from here, or from the beginning.
    header: usize,
    table: Table,
    scan: OnceCell<Scan>,
    packed: HashMap<u32, Option<Packed>>,
    unpacked: usize,
    work: Cell<usize>,
}

impl<'a> Document<'a> {
    /// A file whose cross-reference was read.
    pub(super) fn new(bytes: &'a [u8], header: usize, table: Table) -> Self {
        Self {
            bytes,
            header,
            table,
            scan: OnceCell::new(),
            packed: HashMap::new(),
            unpacked: 0,
            work: Cell::new(0),
        }
    }

    /// A file whose cross-reference is bent: its objects were found by a scan.
    pub(super) fn scanned(bytes: &'a [u8], mut scan: Scan) -> Self {
        let table = std::mem::take(&mut scan.table);
        let mut document = Self::new(bytes, 0, table);
        document.scan = OnceCell::from(scan);
        document
    }

    /// The number of the catalog.
    pub(super) fn root(&self) -> Option<u32> {
        self.table.root
    }

    /// Whether it is encrypted, be it with the empty password.
    pub(super) fn is_encrypted(&self) -> bool {
        self.table.encrypted
    }

    /// What a scan finds in it.
    pub(super) fn scan(&self) -> &Scan {
        self.scan.get_or_init(|| scan(self.bytes))
    }

    /// What stands under this number.
    pub(super) fn get(&mut self, number: u32) -> Result<Resolved, Flaw> {
        let place = match self.table.places.get(&number) {
            None | Some(Place::Free) => return Ok(Resolved::Absent),
            Some(place) => *place,
        };
        if let Some(found) = self.at(number, place)? {
            return Ok(found);
        }
        match self.scan().table.places.get(&number).copied() {
            Some(place) => Ok(self.at(number, place)?.unwrap_or(Resolved::Lost)),
            None => Ok(Resolved::Lost),
        }
    }

    /// The object of this number at that place, if it is there.
    fn at(&mut self, number: u32, place: Place) -> Result<Option<Resolved>, Flaw> {
        match place {
            Place::Free => Ok(None),
            Place::Within(_) if self.table.encrypted => Ok(Some(Resolved::Sealed)),
            Place::Within(stream) => self.within(number, stream),
            Place::At(offset) => {
                let from_header = offset.saturating_add(self.header);
                for begins in [from_header, offset] {
                    let mut reader = Reader::new(self.bytes, begins);
                    if reader.header() == Some(number) {
                        return self.bare(&mut reader);
                    }
                }
                Ok(None)
            }
        }
    }

    /// An object that lies bare in the file, its header read.
    fn bare(&self, reader: &mut Reader<'_>) -> Result<Option<Resolved>, Flaw> {
        let begins = reader.at();
        let object = reader.object();
        self.spend(reader.at().saturating_sub(begins), begins)?;
        let dict = match object {
            Some(Object::Dict(dict)) => dict,
            other => return Ok(other.map(Resolved::Plain)),
        };
        reader.space();
        if !reader.take(b"stream") {
            return Ok(Some(Resolved::Plain(Object::Dict(dict))));
        }
        let length = match dict.get(b"Length") {
            Some(Object::Ref(number)) => self.length(*number),
            _ => dict.size(b"Length"),
        };
        let most = reader.rest().len();
        let body = stream_bytes(reader, length).map(<[u8]>::len);
        if body.is_none() || body != length {
            // Its end was searched for.
            self.spend(body.unwrap_or(most), begins)?;
        }
        Ok(body.map(|_| Resolved::Stream(dict)))
    }

    /// The length that a stream keeps in an object of its own.
    fn length(&self, number: u32) -> Option<usize> {
        let Some(Place::At(offset)) = self.table.places.get(&number) else {
            return None;
        };
        let candidates = [offset.saturating_add(self.header), *offset];
        candidates.into_iter().find_map(|begins| {
            let mut reader = Reader::new(self.bytes, begins);
            match (reader.header() == Some(number)).then(|| reader.object())?? {
                Object::Int(length) => usize::try_from(length).ok(),
                _ => None,
            }
        })
    }

    /// An object in an object stream.
    fn within(&mut self, number: u32, stream: u32) -> Result<Option<Resolved>, Flaw> {
        if !self.packed.contains_key(&stream) {
            let packed = self.unpack(stream);
            self.unpacked = self
                .unpacked
                .saturating_add(packed.as_ref().map_or(0, Packed::length));
            self.packed.insert(stream, packed);
        }
        let Some(Some(packed)) = self.packed.get(&stream) else {
            return Ok(None);
        };
        let Some(&begins) = packed.offsets.get(&number) else {
            return Ok(None);
        };
        let mut reader = Reader::new(&packed.bytes, begins);
        let object = reader.object();
        self.spend(reader.at().saturating_sub(begins), 0)?;
        Ok(object.map(Resolved::Plain))
    }

    fn unpack(&self, stream: u32) -> Option<Packed> {
        let left = MAX_UNPACKED.saturating_sub(self.unpacked);
        let at = |place: Option<&Place>| match place {
            Some(Place::At(offset)) => Some(*offset),
            _ => None,
        };
        let offset = at(self.table.places.get(&stream))?;
        let places = [offset.saturating_add(self.header), offset];
        let is_there = |begins: &usize| Reader::new(self.bytes, *begins).header() == Some(stream);
        let mended = || at(self.scan().table.places.get(&stream));
        let begins = places.into_iter().find(is_there).or_else(mended)?;
        unpack(self.bytes, begins, left)
    }

    /// Counts the bytes that were read. Objects may overlap, so that a small file
    /// could be read for ever.
    fn spend(&self, bytes: usize, at: usize) -> Result<(), Flaw> {
        let spent = self.work.get().saturating_add(bytes);
        self.work.set(spent);
        let most = self
            .bytes
            .len()
            .saturating_mul(4)
            .saturating_add(MAX_UNPACKED);
        if spent > most {
            return Err(corrupt(at, "its objects lie over one another"));
        }
        Ok(())
    }
}

/// The objects of the object stream whose header stands there, at most `cap` bytes of them.
pub(super) fn unpack(bytes: &[u8], begins: usize, cap: usize) -> Option<Packed> {
    let mut reader = Reader::new(bytes, begins);
    reader.header()?;
    let Some(Object::Dict(dict)) = reader.object() else {
        return None;
    };
    reader.space();
    if !dict.is(b"Type", b"ObjStm") || !reader.take(b"stream") {
        return None;
    }
    let data = stream_bytes(&mut reader, dict.size(b"Length"))?;
    let bytes = filter::decode(&dict, data, cap).ok()?;
    let first = dict.size(b"First")?;
    let mut pairs = Reader::new(&bytes, 0);
    let mut offsets = HashMap::new();
    for _ in 0..dict.size(b"N")? {
        pairs.space();
        let number = u32::try_from(pairs.number()?).ok()?;
        pairs.space();
        let offset = usize::try_from(pairs.number()?).ok()?;
        offsets.insert(number, first.checked_add(offset)?);
    }
    Some(Packed { bytes, offsets })
}
