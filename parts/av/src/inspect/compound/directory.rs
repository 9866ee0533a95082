//! A compound file (\[MS-CFB\]): streams in one file, as a file system keeps
//! them in sectors.
//!
//! Promises: every stream lies whole in the file, no two over the same
//! sectors; a chain that loops ends; and nothing is taken that is not there.

use crate::inspect::found::Flaw;
use crate::inspect::little_endian::{index_at, slice_at, u16_at, u32_at, u64_at};

const SIGNATURE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// Where the list of the table's own sectors stands, and how much of it.
const LIST_AT: usize = 76;
const LISTED_IN_HEADER: usize = 109;

/// Sectors have smaller numbers than this.
const NO_SECTOR: u32 = 0xffff_fffa;

const ENTRY_BYTES: usize = 128;
const MINI_SECTOR_BYTES: usize = 64;

/// A compound file whose directory has been read.
#[derive(Debug)]
pub(super) struct Compound<'a> {
    bytes: &'a [u8],
    sector_bytes: usize,
    /// Streams shorter than this lie in sectors of their own size.
    mini_below: u64,
    next: Vec<u32>,
    next_mini: Vec<u32>,
    entries: Vec<Entry>,
    /// Where the sectors of the stream that holds the small ones are.
    mini_sectors: Vec<u32>,
}

/// An entry of the directory.
#[derive(Debug)]
struct Entry {
    name: String,
    kind: u8,
    left: u32,
    right: u32,
    child: u32,
    start: u32,
    size: u64,
}

const STREAM: u8 = 2;
const ROOT: u8 = 5;

impl<'a> Compound<'a> {
    /// Reads the directory and follows every stream to its end.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let broken = || Flaw::corrupt(0, "a compound file whose header is broken");
        if !bytes.starts_with(SIGNATURE) {
            return Err(broken());
        }
        let sector_bytes = match u16_at(bytes, 30).ok_or_else(broken)? {
            9 => 512,
            12 => 4_096,
            _ => return Err(broken()),
        };
        let mut compound = Self {
            bytes,
            sector_bytes,
            mini_below: u64::from(u32_at(bytes, 56).ok_or_else(broken)?),
            next: Vec::new(),
            next_mini: Vec::new(),
            entries: Vec::new(),
            mini_sectors: Vec::new(),
        };
        compound.next = compound
            .table()
            .ok_or_else(|| compound.cut("sector table"))?;
        let directory = compound
            .listed_at(48)
            .ok_or_else(|| compound.cut("directory"))?;
        let directory = directory.chunks_exact(ENTRY_BYTES);
        compound.entries = directory
            .filter_map(|entry| Entry::read(entry, sector_bytes))
            .collect();
        let root = compound.entries.first().filter(|root| root.kind == ROOT);
        let root = root.ok_or_else(|| compound.cut("root of the directory"))?;
        let mini_sectors = compound.sectors(root.start, root.size);
        compound.mini_sectors =
            mini_sectors.ok_or_else(|| compound.cut("store of small streams"))?;
        let mini_table = compound
            .listed_at(60)
            .ok_or_else(|| compound.cut("table of small sectors"))?;
        compound.next_mini = numbers(&mini_table);
        compound.check_streams()?;
        Ok(compound)
    }

    /// The first of these streams that stands in the root, and its name.
    pub(super) fn stream(&self, names: &[&str]) -> Option<Vec<u8>> {
        let entry = self.in_root().into_iter().find(|entry| {
            let is_named = |name: &&str| entry.name.eq_ignore_ascii_case(name);
            entry.kind == STREAM && names.iter().any(is_named)
        })?;
        self.read(entry)
    }

    /// Whether a stream or a storage of this name stands in the root.
    pub(super) fn has(&self, name: &str) -> bool {
        let mut in_root = self.in_root().into_iter();
        in_root.any(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// What stands in the root; what is in the storages of embedded objects is
    /// theirs.
    fn in_root(&self) -> Vec<&Entry> {
        let mut found = Vec::new();
        let mut met = vec![false; self.entries.len()];
        let mut next: Vec<u32> = self
            .entries
            .first()
            .map(|root| root.child)
            .into_iter()
            .collect();
        while let Some(number) = next.pop() {
            let place = usize::try_from(number).unwrap_or(usize::MAX);
            let (Some(entry), Some(met)) = (self.entries.get(place), met.get_mut(place)) else {
                continue;
            };
            if !std::mem::replace(met, true) {
                found.push(entry);
                next.extend([entry.left, entry.right]);
            }
        }
        found
    }

    fn read(&self, entry: &Entry) -> Option<Vec<u8>> {
        let size = usize::try_from(entry.size).ok()?;
        let mut content = Vec::new();
        if entry.size < self.mini_below {
            for mini in self.mini_chain(entry)? {
                content.extend_from_slice(self.mini_sector(mini)?);
            }
        } else {
            for sector in self.sectors(entry.start, entry.size)? {
                content.extend_from_slice(self.sector(sector)?);
            }
        }
        content.truncate(size);
        (content.len() == size).then_some(content)
    }

    fn check_streams(&self) -> Result<(), Flaw> {
        // Streams that share no sector have together no more than there are.
        let mut sectors_left = self.next.len();
        let mut minis_left = self.next_mini.len();
        for entry in self
            .entries
            .iter()
            .filter(|entry| entry.kind == STREAM && entry.size > 0)
        {
            let (chain, left) = if entry.size < self.mini_below {
                (self.mini_chain(entry), &mut minis_left)
            } else {
                (self.sectors(entry.start, entry.size), &mut sectors_left)
            };
            let chain = chain.ok_or_else(|| self.cut(&entry.name))?;
            *left = left
                .checked_sub(chain.len())
                .ok_or_else(|| self.cut(&entry.name))?;
        }
        Ok(())
    }

    fn cut(&self, what: &str) -> Flaw {
        let what = format!("a compound file that is not whole: {what}");
        Flaw::corrupt(self.bytes.len() as u64, &what)
    }

    /// What follows each sector, as the table's sectors list it.
    fn table(&self) -> Option<Vec<u32>> {
        let most = self.bytes.len() / self.sector_bytes + 1;
        let header = numbers(slice_at(self.bytes, LIST_AT, 4 * LISTED_IN_HEADER)?);
        let mut listed: Vec<u32> = header
            .into_iter()
            .filter(|sector| *sector < NO_SECTOR)
            .collect();
        let mut more = u32_at(self.bytes, 68)?;
        // Some writers leave a zero there where nothing follows.
        let mut left = index_at(self.bytes, 72)?.min(most);
        while more < NO_SECTOR && left > 0 {
            left -= 1;
            let mut list = numbers(self.whole_sector(more)?);
            more = list.pop()?;
            listed.extend(list.into_iter().filter(|sector| *sector < NO_SECTOR));
        }
        listed.truncate(index_at(self.bytes, 44)?);
        if listed.len() > most {
            return None;
        }
        let mut table = Vec::new();
        for sector in listed {
            table.extend(numbers(self.whole_sector(sector)?));
        }
        table.truncate(most);
        Some(table)
    }

    /// The content of the chain whose start stands here in the header.
    fn listed_at(&self, at: usize) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        let mut sector = u32_at(self.bytes, at)?;
        let mut left = self.next.len();
        while sector < NO_SECTOR {
            left = left.checked_sub(1)?;
            content.extend_from_slice(self.whole_sector(sector)?);
            sector = *self.next.get(usize::try_from(sector).ok()?)?;
        }
        Some(content)
    }

    /// As many sectors as a stream of this size takes, each within the file.
    fn sectors(&self, start: u32, size: u64) -> Option<Vec<u32>> {
        let most = self.bytes.len() as u64;
        if size > most {
            return None;
        }
        let size = usize::try_from(size).ok()?;
        let chain = chain(&self.next, start, size.div_ceil(self.sector_bytes))?;
        for (place, sector) in chain.iter().enumerate() {
            // The last one may end with the stream.
            let wanted = (size - place * self.sector_bytes).min(self.sector_bytes);
            if self.sector(*sector)?.len() < wanted {
                return None;
            }
        }
        Some(chain)
    }

    fn mini_chain(&self, entry: &Entry) -> Option<Vec<u32>> {
        let size = usize::try_from(entry.size).ok()?;
        let chain = chain(
            &self.next_mini,
            entry.start,
            size.div_ceil(MINI_SECTOR_BYTES),
        )?;
        let is_there = |mini: &u32| self.mini_sector(*mini).is_some();
        chain.iter().all(is_there).then_some(chain)
    }

    /// A sector, or as much of the last one as there is.
    fn sector(&self, number: u32) -> Option<&'a [u8]> {
        let at = usize::try_from(number)
            .ok()?
            .checked_add(1)?
            .checked_mul(self.sector_bytes)?;
        let end = self.bytes.len().min(at.checked_add(self.sector_bytes)?);
        self.bytes.get(at..end).filter(|sector| !sector.is_empty())
    }

    fn whole_sector(&self, number: u32) -> Option<&'a [u8]> {
        let sector = self.sector(number)?;
        (sector.len() == self.sector_bytes).then_some(sector)
    }

    fn mini_sector(&self, number: u32) -> Option<&'a [u8]> {
        let at = usize::try_from(number)
            .ok()?
            .checked_mul(MINI_SECTOR_BYTES)?;
        let sector = self.sector(*self.mini_sectors.get(at / self.sector_bytes)?)?;
        let at = at % self.sector_bytes;
        sector.get(at..sector.len().min(at + MINI_SECTOR_BYTES))
    }
}

impl Entry {
    fn read(bytes: &[u8], sector_bytes: usize) -> Option<Self> {
        let name_bytes = usize::from(u16_at(bytes, 64)?).saturating_sub(2).min(62);
        let letters = bytes.get(..name_bytes)?.chunks_exact(2);
        let letters = letters.filter_map(|letter| u16_at(letter, 0));
        let size = match sector_bytes {
            // The upper half is undefined in files of small sectors.
            512 => u64::from(u32_at(bytes, 120)?),
            _ => u64_at(bytes, 120)?,
        };
        Some(Self {
            name: char::decode_utf16(letters)
                .map(|letter| letter.unwrap_or('\u{fffd}'))
                .collect(),
            kind: *bytes.get(66)?,
            left: u32_at(bytes, 68)?,
            right: u32_at(bytes, 72)?,
            child: u32_at(bytes, 76)?,
            start: u32_at(bytes, 116)?,
            size,
        })
    }
}

/// So many sectors from a first one on; `None` where the chain is shorter.
fn chain(next: &[u32], start: u32, length: usize) -> Option<Vec<u32>> {
    if length > next.len() {
        return None;
    }
    let mut chain = Vec::with_capacity(length);
    let mut sector = start;
    while chain.len() < length {
        chain.push(sector);
        sector = *next.get(usize::try_from(sector).ok()?)?;
    }
    Some(chain)
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    let numbers = bytes.chunks_exact(4);
    numbers.filter_map(|number| u32_at(number, 0)).collect()
}
