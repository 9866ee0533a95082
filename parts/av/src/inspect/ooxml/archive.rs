//! A zip archive (PKWARE APPNOTE 6.3), as its central directory describes it.
//!
//! Promises: what is opened has no two entries over the same bytes, no name
//! that leads out of it and nothing before its first entry; what is read has
//! the length and the CRC that the directory gives; and nothing grows beyond
//! the caps, whatever the directory claims.

use crate::inspect::found::Flaw;
use crate::inspect::little_endian::{slice_at, u16_at, u32_at, u64_at};
use flate2::{Decompress, FlushDecompress, Status};
use std::borrow::Cow;
use std::collections::HashSet;

/// More entries than any document has.
const MAX_ENTRIES: u64 = 2_000;

/// The most that one entry may hold.
const MAX_ENTRY_BYTES: u64 = 100 << 20;

/// The most that all of them may.
const MAX_BYTES: u64 = 200 << 20;

/// Beyond this size, what was packed tighter than the ratio is a bomb. A real
/// presentation with a PDF in it reaches 200:1.
const RATIO_COUNTS_FROM_BYTES: u64 = 10 << 20;
const MAX_RATIO: u64 = 1_000;

const END_BYTES: usize = 22;
const CENTRAL_BYTES: usize = 46;
const LOCAL_BYTES: usize = 30;
const ENCRYPTED: u16 = 1;

/// An archive whose directory has been read.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    entries: Vec<Entry<'a>>,
}

/// What the directory says of an entry.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// Its name as it is stored, in whatever encoding.
    raw_name: &'a [u8],
    /// Its name with `/` between folders, and none before.
    pub(super) name: String,
    /// Where its own header begins.
    pub(super) at: u64,
    is_encrypted: bool,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    /// Its packed bytes.
    data: &'a [u8],
}

impl<'a> Archive<'a> {
    /// Reads the directory, and each entry's own header.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let directory = Directory::find(bytes)?;
        if directory.count > MAX_ENTRIES {
            let what = format!("{} entries, more than {MAX_ENTRIES}", directory.count);
            return Err(Flaw::corrupt(directory.at as u64, &what));
        }
        let entries = directory.entries(bytes)?;
        let archive = Self { bytes, entries };
        archive.check_layout(&directory)?;
        archive.check_names()?;
        Ok(archive)
    }

    /// What is in it, in the directory's order.
    pub(super) fn entries(&self) -> &[Entry<'a>] {
        &self.entries
    }

    /// Unpacks everything, so that every CRC is checked.
    pub(super) fn prove(&self) -> Result<(), Flaw> {
        let mut all: u64 = 0;
        for entry in &self.entries {
            let left = MAX_BYTES - all;
            all += entry.unpack(left, |_| {})?;
        }
        Ok(())
    }

    /// The names as they are stored, for an archive that is no document: there
    /// `a.txt` and `A.txt` are two.
    pub(super) fn check_stored_names(&self) -> Result<(), Flaw> {
        self.check_once(|entry| Cow::Borrowed(entry.raw_name))
    }

    /// The names as a document's are compared: without case.
    pub(super) fn check_part_names(&self) -> Result<(), Flaw> {
        self.check_once(|entry| Cow::Owned(entry.name.to_lowercase().into_bytes()))
    }

    fn check_once<'e>(&'e self, name: impl Fn(&'e Entry<'a>) -> Cow<'e, [u8]>) -> Result<(), Flaw> {
        let mut met = HashSet::new();
        match self.entries.iter().find(|entry| !met.insert(name(entry))) {
            Some(twice) => Err(Flaw::corrupt(
                twice.at,
                "a name that stands for two entries",
            )),
            None => Ok(()),
        }
    }

    /// Entries lie one behind the other, the first at the very beginning, and
    /// the directory behind them.
    fn check_layout(&self, directory: &Directory) -> Result<(), Flaw> {
        let mut places: Vec<(u64, u64)> = self.entries.iter().map(Entry::place).collect();
        places.sort_unstable();
        let first = places
            .first()
            .map_or(directory.ends_before as u64, |(at, _)| *at);
        // Tools that write in pieces begin with a marker of four bytes.
        let marked = self.bytes.starts_with(b"PK00") || self.bytes.starts_with(b"PK\x07\x08");
        if first != 0 && !(marked && first == 4) {
            return Err(Flaw::corrupt(0, "bytes before the archive's first entry"));
        }
        let ends = places.iter().map(|(_, end)| *end);
        let next = places.iter().skip(1).map(|(at, _)| *at);
        let next = next.chain([directory.at as u64]);
        match ends.zip(next).find(|(end, next)| end > next) {
            Some((_, at)) => Err(Flaw::corrupt(at, "two entries over the same bytes")),
            None => Ok(()),
        }
    }

    fn check_names(&self) -> Result<(), Flaw> {
        let leads_out = |entry: &&Entry<'_>| entry.name.split('/').any(|part| part == "..");
        match self.entries.iter().find(leads_out) {
            Some(entry) => Err(Flaw::corrupt(
                entry.at,
                "a name that leads out of the archive",
            )),
            None => Ok(()),
        }
    }
}

impl<'a> Entry<'a> {
    /// Its content, checked.
    pub(super) fn read(&self) -> Result<Vec<u8>, Flaw> {
        // What it claims is believed no further than deflate could reach.
        let most = self.size.min(self.packed.saturating_mul(1_032));
        let mut content =
            Vec::with_capacity(usize::try_from(most.min(MAX_ENTRY_BYTES)).unwrap_or(0));
        self.unpack(MAX_BYTES, |piece| content.extend_from_slice(piece))?;
        Ok(content)
    }

    /// Unpacks it piece by piece, with so many bytes left for it; answers how
    /// many it had.
    fn unpack(&self, left: u64, mut take: impl FnMut(&[u8])) -> Result<u64, Flaw> {
        if self.is_encrypted {
            return Err(Flaw::NotListed("an archive with a password".to_owned()));
        }
        let mut size: u64 = 0;
        let mut crc = crc32fast::Hasher::new();
        let mut piece = |bytes: &[u8]| {
            size += bytes.len() as u64;
            self.check_size(size, left)?;
            crc.update(bytes);
            take(bytes);
            Ok(())
        };
        match self.method {
            0 => piece(self.data)?,
            8 => inflate(self.data, self.at, piece)?,
            _ => {
                return Err(Flaw::NotListed(
                    "an archive packed in an unusual way".to_owned(),
                ));
            }
        }
        if size != self.size {
            return Err(self.broken("an entry of another length than the directory gives"));
        }
        if crc.finalize() != self.crc {
            return Err(self.broken("an entry whose CRC is wrong"));
        }
        Ok(size)
    }

    fn check_size(&self, size: u64, left: u64) -> Result<(), Flaw> {
        let too_tight = size > RATIO_COUNTS_FROM_BYTES && size / self.packed.max(1) > MAX_RATIO;
        if size > MAX_ENTRY_BYTES || size > left || too_tight {
            return Err(self.broken("an entry that unpacks to more than is taken"));
        }
        Ok(())
    }

    fn broken(&self, what: &str) -> Flaw {
        Flaw::corrupt(self.at, &format!("{what}: {}", self.name))
    }

    /// From its own header to the end of its packed bytes.
    fn place(&self) -> (u64, u64) {
        let header = (LOCAL_BYTES + self.raw_name.len()) as u64;
        (self.at, self.at + header + self.data.len() as u64)
    }
}

fn inflate(
    packed: &[u8],
    at: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), Flaw>,
) -> Result<(), Flaw> {
    let ends_early = || Flaw::corrupt(at, "packed data that ends early");
    let mut inflater = Decompress::new(false);
    let mut piece = vec![0; 64 << 10];
    loop {
        let (consumed, produced) = (inflater.total_in(), inflater.total_out());
        let from = usize::try_from(consumed).map_err(|_| ends_early())?;
        let rest = packed.get(from..).ok_or_else(ends_early)?;
        let status = inflater
            .decompress(rest, &mut piece, FlushDecompress::None)
            .map_err(|_| Flaw::corrupt(at, "packed data that cannot be unpacked"))?;
        let length = usize::try_from(inflater.total_out() - produced).unwrap_or(usize::MAX);
        take(piece.get(..length).unwrap_or_default())?;
        match status {
            Status::StreamEnd => return Ok(()),
            _ if inflater.total_in() == consumed && length == 0 => return Err(ends_early()),
            Status::Ok | Status::BufError => {}
        }
    }
}

/// Where the central directory lies.
#[derive(Debug)]
struct Directory {
    at: usize,
    end: usize,
    count: u64,
    /// Where the record that ends the archive lies.
    ends_before: usize,
}

impl Directory {
    /// The directory that the last end record of the file names. Anything may
    /// be behind that record; but where it names no directory, what stands
    /// before is not asked: other readers would see another archive there.
    fn find(bytes: &[u8]) -> Result<Self, Flaw> {
        let places = (0..bytes.len()).rev();
        let mut ends = places.filter_map(|at| End::at(bytes, at));
        let end = ends.next();
        let end =
            end.ok_or_else(|| Flaw::corrupt(bytes.len() as u64, "an archive without an end"))?;
        let broken = || Flaw::corrupt(end.at as u64, "an archive's end that leads to no directory");
        end.directory(bytes).ok_or_else(broken)
    }

    fn entries<'a>(&self, bytes: &'a [u8]) -> Result<Vec<Entry<'a>>, Flaw> {
        let mut entries = Vec::new();
        let mut at = self.at;
        for _ in 0..self.count {
            let broken = || Flaw::corrupt(at as u64, "the archive's directory is broken");
            let record = bytes.get(at..self.end).ok_or_else(broken)?;
            let (entry, length) = entry(bytes, record).ok_or_else(broken)?;
            entries.push(entry?);
            at += length;
        }
        match bytes.get(at..self.end) {
            Some(rest) if !rest.starts_with(b"PK\x01\x02") => Ok(entries),
            _ => Err(Flaw::corrupt(
                at as u64,
                "more entries than the archive's end counts",
            )),
        }
    }
}

/// The record that ends an archive (section 4.3.16).
#[derive(Debug)]
struct End<'a> {
    at: usize,
    record: &'a [u8],
}

impl<'a> End<'a> {
    fn at(bytes: &'a [u8], at: usize) -> Option<Self> {
        let record = bytes.get(at..)?;
        if !record.starts_with(b"PK\x05\x06") {
            return None;
        }
        let comment = usize::from(u16_at(record, 20)?);
        slice_at(record, END_BYTES, comment)?;
        Some(Self { at, record })
    }

    fn directory(&self, bytes: &[u8]) -> Option<Directory> {
        let mut count = u64::from(u16_at(self.record, 10)?);
        let mut size = u64::from(u32_at(self.record, 12)?);
        let mut start = u64::from(u32_at(self.record, 16)?);
        if count == 0xffff || size == 0xffff_ffff || start == 0xffff_ffff {
            (count, size, start) = large(bytes, self.at).unwrap_or((count, size, start));
        }
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        let begins = bytes.get(start..end)?.starts_with(b"PK\x01\x02");
        let empty = count == 0 && size == 0;
        (end <= self.at && (begins || empty)).then_some(Directory {
            at: start,
            end,
            count,
            ends_before: self.at,
        })
    }
}

/// Count, size and start of the directory of a large archive (section 4.3.14).
fn large(bytes: &[u8], end_at: usize) -> Option<(u64, u64, u64)> {
    let locator = bytes.get(end_at.checked_sub(20)?..end_at)?;
    if !locator.starts_with(b"PK\x06\x07") {
        return None;
    }
    let record = bytes.get(usize::try_from(u64_at(locator, 8)?).ok()?..end_at)?;
    if !record.starts_with(b"PK\x06\x06") {
        return None;
    }
    Some((
        u64_at(record, 32)?,
        u64_at(record, 40)?,
        u64_at(record, 48)?,
    ))
}

/// An entry of the directory (section 4.3.12) and how long its record is.
fn entry<'a>(bytes: &'a [u8], record: &'a [u8]) -> Option<(Result<Entry<'a>, Flaw>, usize)> {
    if !record.starts_with(b"PK\x01\x02") {
        return None;
    }
    let name_bytes = usize::from(u16_at(record, 28)?);
    let extra_bytes = usize::from(u16_at(record, 30)?);
    let comment_bytes = usize::from(u16_at(record, 32)?);
    let raw_name = slice_at(record, CENTRAL_BYTES, name_bytes)?;
    let extra = slice_at(record, CENTRAL_BYTES + name_bytes, extra_bytes)?;
    let length = CENTRAL_BYTES + name_bytes + extra_bytes + comment_bytes;
    record.get(..length)?;
    let mut sizes = [
        u64::from(u32_at(record, 24)?),
        u64::from(u32_at(record, 20)?),
        u64::from(u32_at(record, 42)?),
    ];
    widen(&mut sizes, extra)?;
    let [size, packed, at] = sizes;
    let data = data(bytes, at, packed, raw_name);
    let entry = data.map(|data| Entry {
        raw_name,
        name: name(raw_name),
        at,
        is_encrypted: u16_at(record, 8).is_none_or(|flags| flags & ENCRYPTED != 0),
        method: u16_at(record, 10).unwrap_or(u16::MAX),
        crc: u32_at(record, 16).unwrap_or_default(),
        packed,
        size,
        data,
    });
    let flawed = || Flaw::corrupt(at, "an entry's header does not agree with the directory");
    Some((entry.ok_or_else(flawed), length))
}

fn name(raw: &[u8]) -> String {
    let name = String::from_utf8_lossy(raw).replace('\\', "/");
    name.trim_start_matches('/').to_owned()
}

/// Takes what does not fit into four bytes from the extra field (section 4.5.3).
fn widen(sizes: &mut [u64; 3], extra: &[u8]) -> Option<()> {
    if sizes.iter().all(|size| *size != 0xffff_ffff) {
        return Some(());
    }
    let mut rest = extra;
    let mut wide = loop {
        let length = usize::from(u16_at(rest, 2)?);
        let field = slice_at(rest, 4, length)?;
        if u16_at(rest, 0)? == 1 {
            break field;
        }
        rest = rest.get(4 + length..)?;
    };
    for size in sizes.iter_mut().filter(|size| **size == 0xffff_ffff) {
        *size = u64_at(wide, 0)?;
        wide = wide.get(8..)?;
    }
    Some(())
}

/// The packed bytes behind an entry's own header (section 4.3.7), where it has
/// the name that the directory gives.
fn data<'a>(bytes: &'a [u8], at: u64, packed: u64, raw_name: &[u8]) -> Option<&'a [u8]> {
    let header = bytes.get(usize::try_from(at).ok()?..)?;
    if !header.starts_with(b"PK\x03\x04") {
        return None;
    }
    let name_bytes = usize::from(u16_at(header, 26)?);
    let extra_bytes = usize::from(u16_at(header, 28)?);
    let name = slice_at(header, LOCAL_BYTES, name_bytes)?;
    let begin = LOCAL_BYTES + name_bytes + extra_bytes;
    let data = slice_at(header, begin, usize::try_from(packed).ok()?)?;
    (name == raw_name).then_some(data)
}
